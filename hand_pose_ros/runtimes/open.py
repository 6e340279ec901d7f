"""Chooses what executes a model, and says why."""

import importlib.util
import os
from pathlib import Path

from hand_pose_ros.runtimes.base import Runtime
from hand_pose_ros.runtimes.engine_gpu import find_gpu
from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions
from hand_pose_ros.runtimes.last_resort import LastResortRuntime

WEIGHTS = Path(__file__).resolve().parent.parent / 'weights'
"""Folder of the models that come with the package."""

MAX_THREADS = 4
"""More do not make networks of this size faster."""

RUNTIMES = ('auto', 'tensorrt', 'onnx_cuda', 'onnx', 'torch')
"""What a user can ask for: `onnx` is the CPU, `torch` the GPU where there is one."""

ON_GPU = ('tensorrt', 'onnx_cuda', 'torch_cuda', 'onnx', 'torch_cpu')
ON_CPU = ('onnx', 'torch_cpu')
"""What auto tries, in this order."""

MEANWHILE = ('onnx_cuda', 'onnx', 'torch_cpu')
"""What runs while an engine is built."""

MAY_USE_GPU = ('onnx_cuda', 'torch_cuda', 'torch')


def shipped_models() -> list[str]:
    """Returns the names of the models that come with the package, in the order of the alphabet."""
    return sorted(path.stem for path in WEIGHTS.glob('*.onnx'))


def find_model(model: str) -> Path:
    """Finds a model file.

    Args:
        model: Name of a model that comes with the package, or the path of an .onnx file.

    Raises:
        FileNotFoundError: There is no such model; the message names those there are.
    """
    path = Path(model) if model.endswith('.onnx') else WEIGHTS / f'{model}.onnx'
    if not path.is_file():
        shipped = ', '.join(shipped_models()) or 'none'
        raise FileNotFoundError(
            f'no model {model!r}: expected an .onnx file or one of those that come with the '
            f'package ({shipped}), found nothing at {path}'
        )
    return path


def open_runtime(
    model: str,
    runtime: str,
    threads: int,
    options: EngineOptions | None = None,
    wait: bool = True,
) -> tuple[Runtime, str]:
    """Loads a model.

    Args:
        model: As for `find_model`.
        runtime: One of RUNTIMES; `auto` for the fastest that works here.
        threads: CPU threads; 0 for one per core, at most MAX_THREADS.
        options: How TensorRT engines are built; None for the defaults.
        wait: Wait for an engine, which may take minutes to build; otherwise the network runs on
            what else there is, and the engine takes over when it is ready. Who does not wait, a
            robot, gets the CPU as well where a GPU fails later.

    Returns:
        The runtime, and one sentence that says why it is this one.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: The model is damaged, or the runtime is not installed.
    """
    path = find_model(model)
    threads = threads or min(len(os.sched_getaffinity(0)), MAX_THREADS)
    opener = _Opener(path, threads, options or EngineOptions(), wait)
    opened, reason = opener.best() if runtime == 'auto' else (opener.open(runtime), 'as asked for')
    return opened, f'{path.stem}: {opened.description} ({reason})'


class _Opener:
    """Opens one model in one runtime or another."""

    def __init__(self, path: Path, threads: int, options: EngineOptions, wait: bool) -> None:
        self._path = path
        self._threads = threads
        self._options = options
        self._wait = wait

    def best(self) -> tuple[Runtime, str]:
        """Returns the first runtime that works, and why none before it does."""
        lacks = []
        kinds: tuple[str, ...] = ON_GPU
        try:
            find_gpu()
        except EngineError as error:
            lacks.append(f'no GPU, {error}')
            kinds = ON_CPU
        return self._first(kinds, lacks)

    def open(self, kind: str) -> Runtime:
        """Opens one kind of runtime.

        Raises:
            ValueError: It is not installed or does not work, or the model is damaged.
        """
        if kind == 'tensorrt':
            return self._open_tensorrt()
        package = 'torch' if kind.startswith('torch') else 'onnxruntime'
        if importlib.util.find_spec(package) is None:
            raise ValueError(f'runtime {kind!r} needs the Python package {package}')
        try:
            opened = self._open_installed(kind)
        except (ImportError, OSError) as error:
            # A package of its own may be missing, or a library of the GPU's.
            raise ValueError(f'runtime {kind!r} does not start: {error}') from error
        if kind in MAY_USE_GPU and not self._wait:
            return LastResortRuntime(opened, lambda: self._first(ON_CPU, [])[0])
        return opened

    def _open_installed(self, kind: str) -> Runtime:
        if kind.startswith('torch'):
            from hand_pose_ros.runtimes.torch_runtime import has_gpu, open_torch

            if kind == 'torch_cuda' and not has_gpu():
                raise ValueError('torch sees no GPU')
            device = 'cpu' if kind == 'torch_cpu' else None
            return open_torch(self._path, self._threads, device)
        from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime

        return OnnxRuntime(self._path, self._threads, cuda=kind == 'onnx_cuda')

    def _first(self, kinds: tuple[str, ...], lacks: list[str]) -> tuple[Runtime, str]:
        for kind in kinds:
            try:
                return self.open(kind), 'auto: ' + ('; '.join(lacks) or 'the fastest here')
            except ValueError as error:
                lacks.append(f'no {kind}, {error}')
        raise ValueError(f'{self._path} cannot be run: {"; ".join(lacks)}')

    def _open_tensorrt(self) -> Runtime:
        try:
            from hand_pose_ros.runtimes.engine_swap import SwappingRuntime
            from hand_pose_ros.runtimes.tensorrt_opening import EngineOpening, find_tools

            tools = find_tools()
            fallback, _ = self._first(ON_CPU if self._wait else MEANWHILE, [])
            opening = EngineOpening(tools, self._path, fallback.spec, self._options)
            if self._wait:
                return opening.open(lambda progress: None)
            return SwappingRuntime(fallback, opening)
        except (EngineError, ImportError, OSError) as error:
            raise ValueError(f'TensorRT cannot run {self._path.stem}: {error}') from error
