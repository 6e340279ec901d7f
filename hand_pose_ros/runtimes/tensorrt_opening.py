"""All that TensorRT needs, from the driver to an engine that runs; each lack told in words."""

import importlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hand_pose_ros.runtimes.base import Spec
from hand_pose_ros.runtimes.engine_gpu import Gpu, find_gpu
from hand_pose_ros.runtimes.engine_options import (
    EngineError,
    EngineOptions,
    RefusedEngine,
    profiles_of,
)
from hand_pose_ros.runtimes.engine_process import BuildDied, EngineBuild, Job
from hand_pose_ros.runtimes.tensorrt_module import find_tensorrt
from hand_pose_ros.runtimes.tensorrt_runtime import TensorrtRuntime, open_stream

MAX_TRIES = 2
"""A build that has died may have lacked memory for a while; one more try is worth it."""

CUDA_MODULE = 'cuda.bindings.runtime'


@dataclass(frozen=True)
class Tools:
    """What is installed and plugged in."""

    gpu: Gpu
    trt: ModuleType
    cudart: ModuleType


@dataclass(frozen=True)
class Progress:
    """How far the way to an engine is.

    Attributes:
        stage: In words, `building`.
        share: How much of the stage is done, 0 to 1.
        tries: Builds begun.
        started_s: When the work began, on the monotonic clock.
    """

    stage: str
    share: float
    tries: int
    started_s: float

    def __str__(self) -> str:
        share = f' {self.share:.0%},' if self.share else ','
        return f'{self.stage}{share} {time.monotonic() - self.started_s:.0f} s, try {self.tries}'


def find_tools() -> Tools:
    """Looks for a GPU, TensorRT and cuda-python, in this order, and whether CUDA starts.

    Raises:
        EngineError: One of them is missing, and how to get it, or does not work.
    """
    gpu = find_gpu()
    trt = find_tensorrt()
    try:
        cudart = importlib.import_module(CUDA_MODULE)
    except (ImportError, OSError) as error:
        advice = cuda_advice(gpu)
        raise EngineError(f'CUDA cannot be called from Python ({error}): {advice}') from error
    # Before minutes of building that could not be used.
    with ExitStack() as stack:
        open_stream(cudart, stack)
    return Tools(gpu, trt, cudart)


def cuda_advice(gpu: Gpu) -> str:
    """Returns how to install the CUDA calls that fit a driver."""
    return f"pip install 'cuda-bindings=={gpu.cuda_version.split('.')[0]}.*'"


class EngineOpening:
    """Opens the engine of one model, out of the cache or by building it."""

    def __init__(
        self,
        tools: Tools,
        model: Path,
        spec: Spec,
        options: EngineOptions,
        graphs: bool = True,
    ) -> None:
        """Takes what is needed; nothing is built yet.

        Args:
            tools: What is installed.
            model: The model file.
            spec: What it says of itself.
            options: How to build.
            graphs: Launch CUDA graphs where they can be captured.
        """
        self._graphs = graphs
        self._tools = tools
        self._options = options
        self._job = Job(model, spec, options, tools.trt.__name__, tools.gpu)
        self._build = EngineBuild(self._job)

    def open(self, on_progress: Callable[[Progress], None]) -> TensorrtRuntime:
        """Returns the running engine; this takes a second, or minutes when it is built.

        Args:
            on_progress: Hears of progress, in this thread.

        Raises:
            EngineError: There will be no engine, and why.
            OSError: The cache cannot be written.
        """
        started_s, problem = time.monotonic(), EngineError('nothing was tried')
        for tries in range(1, MAX_TRIES + 1):

            def report(stage: str, share: float, tries: int = tries) -> None:
                on_progress(Progress(stage, share, tries, started_s))

            try:
                return self._load(report)
            except BuildDied as error:
                problem = error
            except RefusedEngine as error:
                # Found or freshly built: it goes, so that the next try builds it anew.
                self._job.cache().drop(self._job.facts(self._tools.trt))
                problem = error
        raise EngineError(f'{problem} (tried {MAX_TRIES} times)') from problem

    def stop(self) -> None:
        """Ends a build that is under way, from any thread; `open` then raises EngineError."""
        self._build.stop()

    def _load(self, report: Callable[[str, float], None]) -> TensorrtRuntime:
        trt, spec = self._tools.trt, self._job.spec
        facts, cache = self._job.facts(trt), self._job.cache()
        plan, reason = cache.load(facts)
        if plan is None:
            report(reason, 0.0)
            self._build.run(report)
            plan, reason = cache.load(facts)
        if plan is None:
            raise EngineError(f'the engine that was built is gone: {reason}')
        report('loading', 0.0)
        profiles = profiles_of(spec, self._options.max_batch)
        cudart, precision = self._tools.cudart, self._options.precision
        return TensorrtRuntime(trt, cudart, plan, spec, profiles, precision, self._graphs)
