"""Frame in, hands out: the one path that the node, the command line and the evaluation share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.estimators.base import Estimator
from hand_pose_ros.estimators.hand_presence import HandPresenceJudge
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.estimators.readers import open_estimator
from hand_pose_ros.estimators.views import settled
from hand_pose_ros.geometry.boxes import pairwise_iou
from hand_pose_ros.pipeline.config import DetectorConfig, ModelConfig, PipelineConfig
from hand_pose_ros.pipeline.lift import lift_hands
from hand_pose_ros.pipeline.smoothing import HandSmoother
from hand_pose_ros.pipeline.tracking import Tracker
from hand_pose_ros.runtimes.base import Runtime
from hand_pose_ros.runtimes.engine_options import EngineOptions
from hand_pose_ros.runtimes.engine_swap import SwappingRuntime
from hand_pose_ros.runtimes.last_resort import LastResortRuntime
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.types import Frame, Hand

KNOWN_IOU = 0.3
"""A hand that overlaps a tracked region more is the tracked one."""

PART_SIZE, PART_DISTANCE = 0.85, 0.1
"""Of two hands one of which is smaller than this share of the other, and lies on it, keypoints as
near to keypoints as this share of the other's size on average, only the better is one."""

DUPLICATE_DISTANCE = 0.2
"""Two hands nearer than this on average, in hand sizes, are one hand found twice."""


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


class HandPipeline:
    """Finds, tracks, lifts and smooths the hands of a stream of frames.

    Not thread-safe: one frame at a time.
    """

    def __init__(
        self, networks: Networks, config: PipelineConfig, ids: Iterator[int] | None = None
    ) -> None:
        """Takes open networks.

        Args:
            networks: What finds hands.
            config: Settings.
            ids: Where ids of new tracks come from; None to count from 1.
        """
        self._networks = networks
        self._depth_refusals: list[str] = []
        self._shown_ids: set[str] = set()
        self._config = config
        self._tracker = Tracker(config.tracking, ids)
        self._smoother = HandSmoother(config.smoothing)
        self._frames_since_detection = 0
        self._reach = 'far'

    def __call__(self, frame: Frame) -> tuple[Hand, ...]:
        """Finds the hands of the next frame.

        Args:
            frame: The frame; without depth or camera the hands have no positions in metres.

        Returns:
            The hands, best first.

        Raises:
            ValueError: The picture is not (H, W, 3) uint8, or the depth has another size.
        """
        _check(frame)
        hands = self._find(frame)
        if frame.depth_m is None or frame.camera is None:
            lacks = 'no depth image' if frame.depth_m is None else 'no calibration of the camera'
            self._depth_refusals = [lacks] if hands else []
        else:
            hands, self._depth_refusals = lift_hands(
                hands, frame.depth_m, frame.camera, self._config.lift, self._networks.depth
            )
        if self._config.tracking.enabled:
            # After lifting: a side that depth tells is averaged like any other.
            hands = self._tracker.update(hands, frame.stamp_s)
        hands = self._most_wanted(hands)
        if self._config.tracking.enabled and self._config.smoothing.enabled:
            hands = self._smoother.update(hands, frame.stamp_s)
        return hands

    @property
    def runtime(self) -> str:
        """Which model runs where and why, for logs; changes when an engine is ready or fails."""
        outcomes = [engine.outcome for engine in self._networks.engines if engine.outcome]
        return '; '.join([self._networks.description, *outcomes])

    @property
    def engine_progress(self) -> str:
        """How far TensorRT engines are; empty where none is being built or used."""
        swapping = (each for each in self._networks.engines if isinstance(each, SwappingRuntime))
        return '; '.join(engine.progress for engine in swapping)

    @property
    def depth_refusals(self) -> str:
        """Why depth says nothing of hands of the last frame; empty where it does."""
        return '; '.join(dict.fromkeys(self._depth_refusals))

    def close(self) -> None:
        """Ends builds that are under way, and releases engines; the pipeline is over."""
        self._networks.close()

    def read_regions(
        self, rgb: NDArray[np.uint8], boxes_px: NDArray[np.floating], sides: NDArray[np.floating]
    ) -> list[Hand]:
        """Finds one hand in each of some known regions, with every keypoint, however doubtful.

        For evaluations in labelled boxes, whose rules want an answer for all keypoints.

        Args:
            rgb: (H, W, 3) uint8.
            boxes_px: (R, 4) regions (x0, y0, x1, y1) in image pixels.
            sides: (R,) what is known of their sides, -1 (left) to +1 (right), 0 for unknown.

        Returns:
            R hands.
        """
        refine = self._config.detector.subcell_refinement
        return self._networks.estimator.look_again(rgb, boxes_px, 0.0, refine, sides)

    def configure(self, config: PipelineConfig) -> None:
        """Takes over new settings; those of `config.model` need a new pipeline.

        Ids and tracks stay, filters start afresh.
        """
        self._config = config
        self._tracker.config = config.tracking
        self._smoother = HandSmoother(config.smoothing)

    def reset(self) -> None:
        """Forgets all tracks, as after a jump in time; ids are still never used again."""
        self._tracker.reset()
        self._smoother.reset()
        self._frames_since_detection, self._reach = 0, 'far'

    def _find(self, frame: Frame) -> tuple[Hand, ...]:
        settings, tracking = self._config.detector, self._config.tracking
        tracked = np.zeros((0, 4), np.float32)
        sides: NDArray[np.float32] = np.zeros(0, np.float32)
        if tracking.enabled and settings.cycle != 'off':
            regions = self._tracker.regions(frame.stamp_s)
            tracked = np.reshape([box for _, box, _ in regions], (-1, 4)).astype(np.float32)
            sides = np.array([side for _, _, side in regions], np.float32)
        hands = []
        self._frames_since_detection += 1
        only_tracked = len(tracked) > 0 and self._frames_since_detection < tracking.detect_interval
        is_lost = False
        if only_tracked:
            hands = self._look_at(frame.rgb, tracked, sides)
            is_lost = len(hands) < len(tracked)
        if is_lost or not only_tracked:
            self._frames_since_detection = 0
            self._reach = self._next_reach(is_lost)
            how = (settings.threshold, settings.cycle, settings.subcell_refinement)
            hands = self._networks.estimator.detect(frame.rgb, *how, tracked, sides, self._reach)
            hands = self._settled(frame.rgb, self._judged(frame.rgb, hands), tracked)
        complete = [hand for hand in hands if _is_hand(hand, settings)]
        complete = _distinct(sorted(complete, key=lambda hand: -hand.score))
        return tuple(complete)

    def _next_reach(self, is_lost: bool) -> str:
        """Says which hands the next search is for; in a stream one kind follows the other.

        Args:
            is_lost: A tracked hand is not where it was: most likely it is near, and fast.
        """
        if not self._config.detector.far_hands:
            return 'near'
        if not self._config.tracking.enabled:
            return 'all'
        return 'near' if is_lost or self._reach == 'far' else 'far'

    def _most_wanted(self, hands: tuple[Hand, ...]) -> tuple[Hand, ...]:
        """Returns at most as many hands as are wanted, best first."""
        most = self._config.detector.max_hands
        if most and len(hands) > most:
            # Of two hands that are equally good, not now the one and now the other.
            hands = tuple(
                sorted(hands, key=lambda hand: (hand.id not in self._shown_ids, -hand.score))
            )
        kept = hands[: most or None]
        self._shown_ids = {hand.id for hand in kept}
        return tuple(sorted(kept, key=lambda hand: -hand.score))

    def _look_at(
        self, rgb: NDArray[np.uint8], boxes_px: NDArray[np.float32], sides: NDArray[np.float32]
    ) -> list[Hand]:
        settings = self._config.detector
        hands = self._networks.estimator.look_again(
            rgb, boxes_px, settings.threshold, settings.subcell_refinement, sides
        )
        hands = self._judged(rgb, hands)
        return [hand for hand in hands if _is_hand(hand, settings)]

    def _judged(self, rgb: NDArray[np.uint8], hands: list[Hand]) -> list[Hand]:
        judge = self._networks.judge
        return judge.judged(rgb, hands) if judge else hands

    def _settled(
        self, rgb: NDArray[np.uint8], hands: list[Hand], tracked_px: NDArray[np.float32]
    ) -> list[Hand]:
        """Looks once more at new hands; a tracked one was seen often enough."""
        settings = self._config.detector
        if settings.cycle != 'full' or not hands:
            return hands
        boxes_px = np.array([hand.box_px for hand in hands])
        is_known = pairwise_iou(boxes_px, tracked_px).max(axis=1, initial=0) > KNOWN_IOU
        known = [hand for hand, each in zip(hands, is_known, strict=True) if each]
        new = [hand for hand, each in zip(hands, is_known, strict=True) if not each]
        how = (settings.threshold, settings.subcell_refinement)
        seen = settled(self._networks.estimator.reader, rgb, new, *how)
        # What was not worth another look comes back as it was, and was judged before.
        left = [hand for hand, before in zip(seen, new, strict=True) if hand is before]
        looked_at = [hand for hand, before in zip(seen, new, strict=True) if hand is not before]
        return known + left + self._judged(rgb, looked_at)


def open_pipeline(
    config: PipelineConfig, wait: bool = True, ids: Iterator[int] | None = None
) -> HandPipeline:
    """Loads the models and builds the pipeline.

    Args:
        config: Its settings.
        wait: As for `open_networks`.
        ids: Where ids of new tracks come from; None to count from 1.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: A model is damaged, or its runtime is not installed.
    """
    return HandPipeline(open_networks(config, wait), config, ids)


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


def _check(frame: Frame) -> None:
    shape = frame.rgb.shape
    if frame.rgb.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f'rgb must be (H, W, 3) uint8, got {shape} {frame.rgb.dtype}')
    if frame.depth_m is not None and frame.depth_m.shape != shape[:2]:
        raise ValueError(
            f'depth must be as large as the picture, {shape[:2]}, got {frame.depth_m.shape}'
        )


def _is_hand(hand: Hand, settings: DetectorConfig) -> bool:
    seen = int(np.isfinite(hand.keypoints_px).all(axis=1).sum())
    return seen >= settings.min_keypoints and hand.score >= settings.min_score


def _distinct(hands: list[Hand]) -> list[Hand]:
    """Keeps the better (earlier) of two hands that coincide, or one of which lies on the other."""
    kept: list[Hand] = []
    for hand in hands:
        if not any(_coincide(hand, other) or _overlie(hand, other) for other in kept):
            kept.append(hand)
    return kept


def _coincide(hand: Hand, other: Hand) -> bool:
    gaps_px = np.linalg.norm(hand.keypoints_px - other.keypoints_px, axis=1)
    shared_px = gaps_px[np.isfinite(gaps_px)]
    return len(shared_px) > 0 and bool(shared_px.mean() <= DUPLICATE_DISTANCE * _size_px(hand))


def _overlie(hand: Hand, other: Hand) -> bool:
    """Tells whether one of two hands is smaller and lies on the other: fingers of a close one."""
    small, large = sorted((hand, other), key=_size_px)
    if _size_px(small) > PART_SIZE * _size_px(large):
        return False
    points_px, others_px = (
        each.keypoints_px[np.isfinite(each.keypoints_px).all(axis=1)] for each in (small, large)
    )
    gaps_px = np.linalg.norm(points_px[:, None] - others_px[None], axis=2).min(axis=1)
    return bool(gaps_px.mean() < PART_DISTANCE * _size_px(large))


def _size_px(hand: Hand) -> float:
    return float((hand.box_px[2:] - hand.box_px[:2]).max())
