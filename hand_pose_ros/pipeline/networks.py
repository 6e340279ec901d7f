"""Which networks work together: opened by their names, on whatever executes them best."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.estimators.base import Estimator
from hand_pose_ros.estimators.hand_presence import HandPresenceJudge
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.estimators.readers import open_estimator
from hand_pose_ros.pipeline.config import ModelConfig, PipelineConfig
from hand_pose_ros.runtimes.base import Runtime
from hand_pose_ros.runtimes.engine_options import EngineOptions
from hand_pose_ros.runtimes.engine_swap import SwappingRuntime
from hand_pose_ros.runtimes.last_resort import LastResortRuntime
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.types import Hand


@dataclass(frozen=True)
class Networks:
    """Open networks.

    Attributes:
        estimator: Finds the hands of a picture.
        description: Which model runs where and why, for logs.
        judge: Says which of what was found are hands; None for scores of the keypoints alone.
        depth: Finds joints in depth; None for depth look-up alone.
        engines: Those runtimes that may change while they run.
        close: Gives back what the networks hold.
    """

    estimator: Estimator
    description: str = ''
    judge: HandPresenceJudge | None = None
    depth: LocalRegressionHourglassEstimator | None = None
    engines: Sequence[SwappingRuntime | LastResortRuntime] = ()
    close: Callable[[], None] = lambda: None

    def judged(self, rgb: NDArray[np.uint8], hands: list[Hand]) -> list[Hand]:
        """Puts the scores of hands right, if there is a judge; see `HandPresenceJudge`."""
        return self.judge.judged(rgb, hands) if self.judge else hands


def open_networks(config: PipelineConfig, wait: bool = True) -> Networks:
    """Loads the models.

    Args:
        config: Names them.
        wait: Wait for TensorRT engines that must be built; otherwise work at once, on what else
            there is, and take them over when they are ready.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: A model is damaged, or its runtime is not installed.
    """
    model = config.model
    engines: list[SwappingRuntime | LastResortRuntime] = []
    # Where one model cannot be opened, the engines of the others must not go on being built.
    with ExitStack() as opened:

        def open_model(name: str) -> tuple[Runtime, str]:
            options = engine_options(model)
            runtime, reason = open_runtime(name, model.runtime, model.threads, options, wait)
            opened.callback(getattr(runtime, 'close', lambda: None))
            if isinstance(runtime, SwappingRuntime | LastResortRuntime):
                engines.append(runtime)
            return runtime, reason

        runtime, reason = open_model(model.detector)
        estimator, more = open_estimator(
            model.estimator, runtime, model.estimator_model, open_model
        )
        reasons = [reason, more]
        judge = None
        if model.presence:
            presence_runtime, more = open_model(model.presence)
            judge = HandPresenceJudge(presence_runtime)
            reasons.append(more)
        depth = None
        if model.depth:
            depth_runtime, more = open_model(model.depth)
            depth = LocalRegressionHourglassEstimator(depth_runtime)
            reasons.append(more)
        why = '; '.join(filter(None, reasons))
        close = opened.pop_all().close
    return Networks(estimator, why, judge, depth, engines, close)


def engine_options(model: ModelConfig) -> EngineOptions:
    """Returns how TensorRT engines are built."""
    return EngineOptions(
        precision=model.engine_precision,
        max_batch=model.engine_max_regions,
        workspace_mb=model.engine_workspace_mb,
        level=model.engine_level,
        cache_mb=model.engine_cache_mb,
    )
