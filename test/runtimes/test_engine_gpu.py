"""The GPU as its driver sees it, against a driver library made for the test."""

import ctypes

import pytest

from hand_pose_ros.runtimes import engine_gpu
from hand_pose_ros.runtimes.engine_gpu import Gpu, find_gpu
from hand_pose_ros.runtimes.engine_options import EngineError


class Driver:
    """Answers as libcuda does, which returns 0 for success and fills what is pointed to."""

    def __init__(self, devices=1, status=0):
        self.devices, self.status = devices, status

    def cuInit(self, flags):  # noqa: N802
        return self.status

    def __getattr__(self, name):
        values = {
            'cuDeviceGetCount': ctypes.c_int(self.devices),
            'cuDriverGetVersion': ctypes.c_int(12060),
            'cuDeviceGet': ctypes.c_int(0),
            'cuDeviceTotalMem_v2': ctypes.c_size_t(8 * 2**30),
        }
        attributes = {16: 8, 75: 8, 76: 7}

        def answer(target, *rest):
            if name == 'cuDeviceGetName':
                target.value = b'Orin'
                return 0
            value = values[name] if name in values else ctypes.c_int(attributes[rest[0]])
            target._obj.value = value.value
            return 0

        return answer


@pytest.fixture
def driver(monkeypatch):
    def use(*arguments):
        monkeypatch.setattr(engine_gpu.ctypes, 'CDLL', lambda name: Driver(*arguments))

    return use


def test_a_jetson_is_described(driver, tmp_path, monkeypatch):
    release = tmp_path / 'nv_tegra_release'
    release.write_text('# R36 (release), REVISION: 4.3\nmore\n')
    monkeypatch.setattr(engine_gpu, 'DRIVER_FILES', (tmp_path / 'nothing', release))
    driver()
    line = '# R36 (release), REVISION: 4.3'
    assert find_gpu() == Gpu('Orin', '8.7', 8, 8192, '12.6', line)


def test_no_driver_no_gpu_and_a_driver_that_does_not_start_are_told_apart(driver):
    with pytest.raises(EngineError, match='there is no NVIDIA driver'):
        find_gpu('libnosuchdriver.so.1')
    driver(0)
    with pytest.raises(EngineError, match='CUDA_VISIBLE_DEVICES'):
        find_gpu()
    driver(1, 100)
    with pytest.raises(EngineError, match=r'does not start \(CUDA error 100\)'):
        find_gpu()


def test_a_library_that_is_no_driver_is_told(tmp_path):
    path = tmp_path / 'libcuda.so.1'
    path.write_bytes(b'no library')
    with pytest.raises(EngineError, match='there is no NVIDIA driver'):
        find_gpu(str(path))
