"""`hand-pose doctor`: what is there, and what to install."""

import json
import os
import subprocess
import sys

import pytest

from hand_pose_ros.cli import doctor
from hand_pose_ros.cli.main import main
from hand_pose_ros.runtimes.engine_gpu import Gpu
from hand_pose_ros.runtimes.engine_options import EngineError

ORIN = Gpu('Orin', '8.7', 8, 7620, '12.6', '# R36')


def no_gpu():
    raise EngineError('there is no NVIDIA driver')


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Sets the GPU, or none; nothing of what makes one useful is installed."""
    monkeypatch.setattr(doctor, 'TOPICS_WAIT_S', 0.0)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))

    def lacking():
        raise EngineError('TensorRT is not installed')

    def use(gpu):
        monkeypatch.setattr(doctor, 'find_gpu', no_gpu if gpu is None else lambda: gpu)
        monkeypatch.setattr(doctor, 'find_tensorrt', lacking)
        monkeypatch.setattr(doctor, 'CUDA_MODULE', 'no_such_cuda')

    return use


def test_without_a_gpu_nothing_for_gpus_is_advised(machine, capsys):
    machine(None)
    assert main(['doctor']) == 0
    report, advice = capsys.readouterr().out.split('\n\n')
    assert 'none: there is no NVIDIA driver' in report
    assert 'ONNX Runtime' in report
    assert 'srhandnet_nano' in report
    for word in ('TensorRT', 'cuda', 'onnxruntime', 'build-engine'):
        assert word not in advice


def test_with_a_gpu_the_end_says_what_to_install(machine, capsys, tmp_path):
    machine(ORIN)
    out = tmp_path / 'report.json'
    assert main(['doctor', '--out', str(out)]) == 0
    report, advice = capsys.readouterr().out.split('\n\n')
    assert 'Orin, compute capability 8.7, 7620 MB, driver for CUDA 12.6 (# R36)' in report
    for text in ('python3-libnvinfer', "'cuda-bindings==12.*'", 'onnxruntime-gpu', 'build-engine'):
        assert text in advice
    names = [finding['what'] for finding in json.loads(out.read_text())['findings']]
    assert names[:5] == ['machine', 'GPU', 'TensorRT', 'cuda-python', 'ONNX Runtime']


def test_bindings_newer_than_the_driver_are_told(machine, monkeypatch, capsys):
    machine(ORIN)
    monkeypatch.setattr(doctor, 'CUDA_MODULE', 'json')
    monkeypatch.setattr(doctor, '_version', lambda package: '13.0.1')
    assert main(['doctor']) == 0
    _, advice = capsys.readouterr().out.split('\n\n')
    assert (
        "cuda-bindings 13.0.1 is newer than the driver: pip install 'cuda-bindings==12.*'"
        in advice
    )
    monkeypatch.setattr(doctor, '_version', lambda package: '12.9.1')
    assert main(['doctor']) == 0
    assert 'newer than the driver' not in capsys.readouterr().out


def test_without_onnx_runtime_it_is_the_advice(machine, monkeypatch, tmp_path):
    lines = [
        'import sys',
        "sys.modules['onnxruntime'] = None",
        'from hand_pose_ros.cli.main import main',
        "sys.exit(main(['doctor']))",
    ]
    environment = {**os.environ, 'ROS_DOMAIN_ID': 'abc'}
    command = [sys.executable, '-c', '\n'.join(lines)]
    child = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert child.returncode == 0, child.stderr
    report, advice = child.stdout.split('\n\n')
    assert 'onnxruntime' in advice
    # ROS that does not start costs its own lines alone.
    assert 'camera topics' in report


def test_cameras_are_named_with_their_topics():
    rclpy = pytest.importorskip('rclpy')
    from rclpy.context import Context
    from sensor_msgs.msg import Image

    from hand_pose_ros.cli.camera_topics import find_camera_topics

    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node('a_camera', context=context)
    publisher = node.create_publisher(Image, '/head_camera/color/image_raw', 1)
    assert '/head_camera/color/image_raw (Image)' in find_camera_topics(20.0)
    node.destroy_publisher(publisher)
    node.destroy_node()
    rclpy.try_shutdown(context=context)
