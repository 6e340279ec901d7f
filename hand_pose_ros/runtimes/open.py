"""Chooses what executes a model, and says why."""

import importlib.util
import os
from pathlib import Path

from hand_pose_ros.runtimes.base import Runtime

WEIGHTS = Path(__file__).resolve().parent.parent / 'weights'
"""Folder of the models that come with the package."""

MAX_THREADS = 4
"""More do not make networks of this size faster."""


def find_model(model: str) -> Path:
    """Finds a model file.

    Args:
        model: Name of a model that comes with the package, or the path of an .onnx file.

    Raises:
        FileNotFoundError: There is no such model; the message names those there are.
    """
    path = Path(model) if model.endswith('.onnx') else WEIGHTS / f'{model}.onnx'
    if not path.is_file():
        shipped = ', '.join(sorted(file.stem for file in WEIGHTS.glob('*.onnx'))) or 'none'
        raise FileNotFoundError(
            f'no model {model!r}: expected an .onnx file or one of those that come with the '
            f'package ({shipped}), found nothing at {path}'
        )
    return path


def open_runtime(model: str, runtime: str, threads: int) -> tuple[Runtime, str]:
    """Loads a model.

    Args:
        model: As for `find_model`.
        runtime: `onnx`, `torch`, or `auto` for the first of them that is installed.
        threads: CPU threads; 0 for one per core, at most MAX_THREADS.

    Returns:
        The runtime, and one sentence that says why it is this one.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: The model is damaged, or the runtime is not installed.
    """
    path = find_model(model)
    threads = threads or min(len(os.sched_getaffinity(0)), MAX_THREADS)
    chosen, reason = (runtime, 'as asked for') if runtime != 'auto' else _choose()
    package = {'onnx': 'onnxruntime', 'torch': 'torch'}[chosen]
    if importlib.util.find_spec(package) is None:
        raise ValueError(f'runtime {chosen!r} needs the Python package {package}')
    opened: Runtime
    if chosen == 'onnx':
        from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime

        opened = OnnxRuntime(path, threads)
    else:
        from hand_pose_ros.runtimes.torch_runtime import open_torch

        opened = open_torch(path, threads)
    return opened, f'{path.stem}: {opened.description} ({reason})'


def _choose() -> tuple[str, str]:
    if importlib.util.find_spec('onnxruntime') is not None:
        return 'onnx', 'auto: ONNX Runtime is the fastest on a CPU'
    return 'torch', 'auto: onnxruntime is not installed'
