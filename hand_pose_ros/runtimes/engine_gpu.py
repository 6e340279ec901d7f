"""The GPU as its driver sees it, asked before any library that may crash without one."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

from hand_pose_ros.runtimes.engine_options import EngineError

DRIVER_FILES = (Path('/etc/nv_tegra_release'), Path('/proc/driver/nvidia/version'))
"""Their first lines name the driver: of a Jetson, and of other machines."""

SM_COUNT, MAJOR, MINOR = 16, 75, 76
"""Numbers of device attributes in cuda.h, which never change."""


@dataclass(frozen=True)
class Gpu:
    """The first GPU that CUDA_VISIBLE_DEVICES leaves.

    Attributes:
        name: What NVIDIA calls it.
        compute_capability: Such as `8.7`.
        sm_count: Streaming multiprocessors.
        memory_mb: Of the device; a Jetson's is that of the whole machine.
        cuda_version: Newest CUDA that the driver serves, such as `12.6`.
        driver: The driver's own version line; empty where it cannot be read.
    """

    name: str
    compute_capability: str
    sm_count: int
    memory_mb: int
    cuda_version: str
    driver: str


def find_gpu(library: str = 'libcuda.so.1') -> Gpu:
    """Asks the driver.

    Args:
        library: The driver's library.

    Raises:
        EngineError: There is no driver or no GPU.
    """
    try:
        cuda = ctypes.CDLL(library)
    except OSError as error:
        raise EngineError(f'there is no NVIDIA driver: {error}') from error
    _check(cuda.cuInit(0), 'the NVIDIA driver does not start')
    count, version, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    _check(cuda.cuDeviceGetCount(ctypes.byref(count)), 'the NVIDIA driver counts no GPUs')
    if count.value == 0:
        raise EngineError('there is no NVIDIA GPU, or CUDA_VISIBLE_DEVICES hides it')
    _check(cuda.cuDriverGetVersion(ctypes.byref(version)), 'the driver has no version')
    _check(cuda.cuDeviceGet(ctypes.byref(device), 0), 'the first GPU cannot be used')
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    _check(cuda.cuDeviceGetName(name, 256, device), 'the GPU has no name')
    _check(cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device), 'the GPU has no memory')
    return Gpu(
        name=name.value.decode(),
        compute_capability=f'{_attribute(cuda, MAJOR, device)}.{_attribute(cuda, MINOR, device)}',
        sm_count=_attribute(cuda, SM_COUNT, device),
        memory_mb=memory.value // 2**20,
        cuda_version=f'{version.value // 1000}.{version.value % 1000 // 10}',
        driver=next(
            (each.read_text().split('\n')[0] for each in DRIVER_FILES if each.exists()), ''
        ),
    )


def _attribute(cuda: ctypes.CDLL, number: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    _check(cuda.cuDeviceGetAttribute(ctypes.byref(value), number, device), 'the GPU tells nothing')
    return value.value


def _check(status: int, text: str) -> None:
    if status != 0:
        raise EngineError(f'{text} (CUDA error {status})')
