"""From an ONNX model to a TensorRT engine, the same way for TensorRT 10.3 to 11.4 and -RTX."""

import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions, Profile
from hand_pose_ros.runtimes.tensorrt_module import flavour, make_log

Report = Callable[[str, float], None]
"""Hears of progress: the stage in words, and how much of it is done, 0 to 1."""


def build_engine(
    trt: ModuleType,
    model: bytes,
    profiles: Sequence[Profile],
    options: EngineOptions,
    timings: bytes,
    report: Report,
) -> tuple[bytes, bytes]:
    """Builds an engine; this takes from a second to many minutes.

    Args:
        trt: TensorRT or TensorRT-RTX.
        model: An ONNX model whose types are those to be executed.
        profiles: The shapes to build for.
        options: Limits of the build.
        timings: What an earlier build on this GPU has measured; empty for nothing.
        report: Hears of progress.

    Returns:
        The engine, and what this build has measured.

    Raises:
        EngineError: TensorRT cannot; the text has all that its parser and its log say.
    """
    log = make_log(trt)
    try:
        builder = trt.Builder(log)
    except TypeError as error:
        # What a missing or too old driver looks like from Python.
        raise EngineError(f'{flavour(trt)} does not start: {log.why()}') from error
    strong = getattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED', None)
    network = builder.create_network(0 if strong is None else 1 << int(strong))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(model):
        errors = [str(parser.get_error(index)) for index in range(parser.num_errors)]
        raise EngineError(f'{flavour(trt)} cannot read the model: {"; ".join(errors)}')
    config = _configure(trt, builder, options)
    for profile in profiles:
        _add_profile(builder, config, network, profile)
    cache = _timing_cache(config, timings)
    monitor = _make_monitor(trt, report)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f'{flavour(trt)} cannot build the engine: {log.why()}')
    report('building', 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        measured = bytes(cache.serialize()) if cache is not None else b''
    return bytes(plan), measured


def _configure(trt: ModuleType, builder: Any, options: EngineOptions) -> Any:
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb * 2**20)
    config.builder_optimization_level = options.level
    if options.precision == 'fp32':
        # TF32 keeps 10 bits of what is multiplied: no more than fp16 does.
        config.clear_flag(trt.BuilderFlag.TF32)
    return config


def _add_profile(builder: Any, config: Any, network: Any, profile: Profile) -> None:
    names = {network.get_input(index).name for index in range(network.num_inputs)}
    if names != set(profile.item_shapes):
        raise EngineError(
            f'the model must have the inputs {sorted(profile.item_shapes)}, got {sorted(names)}'
        )
    shapes = [profile.shapes(n) for n in (1, min(2, profile.max_batch), profile.max_batch)]
    ranges = builder.create_optimization_profile()
    for name in names:
        ranges.set_shape(name, *(each[name] for each in shapes))
    if config.add_optimization_profile(ranges) < 0:
        raise EngineError(f'TensorRT does not take the shapes {shapes}')


def _timing_cache(config: Any, timings: bytes) -> Any:
    """Begins with earlier measurements; those of another GPU or version count for nothing."""
    with warnings.catch_warnings():
        # TensorRT-RTX has these calls, says that they do nothing, and measures nothing.
        warnings.simplefilter('ignore', DeprecationWarning)
        for known in (timings, b''):
            cache = config.create_timing_cache(known)
            if cache is not None and config.set_timing_cache(cache, False):
                return cache
    return None


def _make_monitor(trt: ModuleType, report: Report) -> Any:
    """Returns an IProgressMonitor that turns nested phases into one growing share."""
    base: Any = trt.IProgressMonitor

    class Monitor(base):
        def __init__(self) -> None:
            base.__init__(self)
            self.phases: dict[str, tuple[int, int]] = {}
            self.done = 0.0

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self.phases[phase] = (0, max(steps, 1))

        def step_complete(self, phase: str, step: int) -> bool:
            # TensorRT calls from threads of its own, now and then for a phase that has ended.
            if phase in self.phases:
                self.phases[phase] = (step + 1, self.phases[phase][1])
            done, share = 0.0, 1.0
            for at, steps in list(self.phases.values()):
                done += share * min(at / steps, 1.0)
                share /= steps
            self.done = max(self.done, min(done, 1.0))
            report('building', self.done)
            return True

        def phase_finish(self, phase: str) -> None:
            self.phases.pop(phase, None)

    return Monitor()
