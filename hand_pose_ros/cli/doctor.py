"""`hand-pose doctor`: what this machine has, and what to install for more speed."""

import argparse
import importlib
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

from hand_pose_ros.cli.outputs import write_json
from hand_pose_ros.cli.ros_modules import import_with_ros
from hand_pose_ros.evaluation.benchmark import surroundings
from hand_pose_ros.runtimes.engine_gpu import Gpu, find_gpu
from hand_pose_ros.runtimes.engine_options import EngineError, default_folder
from hand_pose_ros.runtimes.open import shipped_models
from hand_pose_ros.runtimes.tensorrt_module import find_tensorrt, flavour
from hand_pose_ros.runtimes.tensorrt_opening import CUDA_MODULE, cuda_advice

TOPICS_WAIT_S = 2.0
ONNX_RUNTIME = 'ONNX Runtime'
LAST_WORDS = 40
"""Of what a process that has failed said."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        what: What was looked for.
        text: What was found.
        advice: What to install or do; empty where nothing is missing.
    """

    what: str
    text: str
    advice: str = ''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('--out', type=Path, help='a .json file for the report as well')


def run(args: argparse.Namespace) -> int:
    """Looks, prints, and ends with what to install."""
    findings = []
    # One by one: what is broken may end the program, and was told of then.
    for finding in look_around():
        print(f'{finding.what:14} {finding.text}', flush=True)
        findings.append(finding)
    advice = [finding.advice for finding in findings if finding.advice]
    print('', *(advice or ['Nothing is missing.']), sep='\n')
    if args.out is not None:
        write_json(args.out, {'findings': [asdict(finding) for finding in findings]})
    return 0


def look_around() -> Iterator[Finding]:
    """Yields all findings."""
    yield _machine()
    gpu = None
    try:
        gpu = find_gpu()
    except EngineError as error:
        yield Finding('GPU', f'none: {error}')
    else:
        driver = f'driver for CUDA {gpu.cuda_version} ({gpu.driver or "version unknown"})'
        capability = f'compute capability {gpu.compute_capability}'
        yield Finding('GPU', f'{gpu.name}, {capability}, {gpu.memory_mb} MB, {driver}')
    for finding in (_tensorrt(), _cuda_python(gpu), _onnx_runtime(gpu), _onnx(), _engines()):
        # Who has no GPU needs nothing of what makes one faster.
        useless = gpu is None and finding.what != ONNX_RUNTIME
        yield replace(finding, advice='') if useless else finding
    yield Finding('PyTorch', _version('torch') or 'none (only training needs it)')
    yield _models()
    yield _ros()
    yield _topics()


def _machine() -> Finding:
    found = surroundings()
    system = ' '.join((platform.system(), platform.release(), platform.machine()))
    python = f'Python {found["python"]}'
    return Finding('machine', f'{found["cpu"]}, {found["cores"]} cores, {system}, {python}')


def _tensorrt() -> Finding:
    try:
        trt = find_tensorrt()
    except EngineError as error:
        advice = (
            'TensorRT makes the networks faster: on a Jetson, sudo apt install '
            "python3-libnvinfer; elsewhere, from NVIDIA's package index."
        )
        return Finding('TensorRT', str(error), advice)
    return Finding('TensorRT', f'{flavour(trt)} {trt.__version__}')


def _cuda_python(gpu: Gpu | None) -> Finding:
    try:
        importlib.import_module(CUDA_MODULE)
    except (ImportError, OSError) as error:
        advice = f'TensorRT needs cuda-python: {cuda_advice(gpu)}' if gpu else ''
        return Finding('cuda-python', f'none: {error}', advice)
    version = _version('cuda-bindings')
    advice = ''
    major = version.partition('.')[0]
    if gpu is not None and major and int(major) > int(gpu.cuda_version.partition('.')[0]):
        advice = f'cuda-bindings {version} is newer than the driver: {cuda_advice(gpu)}'
    return Finding('cuda-python', f'cuda-bindings {version}', advice)


def _onnx_runtime(gpu: Gpu | None) -> Finding:
    if importlib.util.find_spec('onnxruntime') is None:
        return Finding(ONNX_RUNTIME, 'none', 'Every robot needs it: pip install onnxruntime')
    try:
        onnxruntime = importlib.import_module('onnxruntime')
    except (ImportError, OSError) as error:
        return Finding(ONNX_RUNTIME, f'broken: {error}', 'Install onnxruntime again.')
    providers = onnxruntime.get_available_providers()
    advice = ''
    if gpu is not None and 'CUDAExecutionProvider' not in providers:
        advice = 'Without TensorRT, pip install onnxruntime-gpu also uses the GPU.'
    return Finding(ONNX_RUNTIME, f'{onnxruntime.__version__}, {", ".join(providers)}', advice)


def _onnx() -> Finding:
    version = _version('onnx')
    advice = '' if version else 'fp16 and int8 engines need onnx: pip install onnx'
    return Finding('onnx', version or 'none', advice)


def _models() -> Finding:
    names = ', '.join(shipped_models())
    return Finding('models', names or 'none', '' if names else 'Install the package again.')


def _engines() -> Finding:
    engines = sorted(default_folder().glob('*.engine'))
    names = ', '.join(path.stem for path in engines)
    advice = '' if engines else 'hand-pose build-engine builds engines ahead of time.'
    return Finding('engines', f'{names or "none"} in {default_folder()}', advice)


def _ros() -> Finding:
    distribution = os.environ.get('ROS_DISTRO', 'not sourced')
    try:
        import_with_ros('camera_topics')
    except ValueError as error:
        return Finding('ROS 2', f'{distribution}: {error}', 'The node needs ROS 2; see README.md.')
    return Finding(
        'ROS 2', f'{distribution}, {os.environ.get("RMW_IMPLEMENTATION", "default RMW")}'
    )


def _topics() -> Finding:
    try:
        import_with_ros('camera_topics')
    except ValueError:
        return Finding('camera topics', 'cannot be seen without ROS 2')
    # A process of its own: ROS ends the one in which it finds, say, no middleware.
    command = [sys.executable, '-m', 'hand_pose_ros.cli.camera_topics', str(TOPICS_WAIT_S)]
    child = subprocess.run(command, capture_output=True, text=True, check=False, cwd='/')
    if child.returncode:
        words = ' '.join(child.stderr.split()[-LAST_WORDS:])
        return Finding('camera topics', f'ROS 2 does not start: {words}', 'Mend ROS 2, see above.')
    found = child.stdout.strip().splitlines()
    if not found:
        return Finding('camera topics', 'none', 'Start the camera: no node publishes pictures.')
    return Finding('camera topics', ', '.join(found))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ''
