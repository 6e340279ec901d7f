"""Frame in, hands out: the one path that the node, the command line and the evaluation share."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.duplicates import distinct
from hand_pose_ros.pipeline.lift import lift_hands
from hand_pose_ros.pipeline.networks import Networks, open_networks
from hand_pose_ros.pipeline.search import look_at, search
from hand_pose_ros.pipeline.smoothing import HandSmoother
from hand_pose_ros.pipeline.tracking import TrackedRegion, Tracker
from hand_pose_ros.runtimes.engine_swap import SwappingRuntime
from hand_pose_ros.types import Frame, Hand

TURNS = (2, 1, 3)
"""Quarters by which the frame is turned to search it for hands that do not point up."""


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
        self._searches = -1

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
        hands = tuple(self._find(frame))
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
        self._frames_since_detection, self._searches = 0, -1

    def _find(self, frame: Frame) -> list[Hand]:
        settings, tracking = self._config.detector, self._config.tracking
        tracked: list[TrackedRegion] = []
        if tracking.enabled and settings.cycle != 'off':
            tracked = self._tracker.regions(frame.stamp_s)
            if not settings.turned_hands:
                tracked = [replace(region, turns=0) for region in tracked]
        self._frames_since_detection += 1
        where = (self._networks, settings, frame.rgb, tracked)
        if tracked and self._frames_since_detection < tracking.detect_interval:
            hands = look_at(*where)
            if len(hands) == len(tracked):
                return distinct(hands)
            # A lost hand is most likely near, and fast.
            searches = [
                (turns, 'near') for turns in sorted({0, *(each.turns for each in tracked)})
            ]
        else:
            searches = self._next_searches(tracked)
        self._frames_since_detection = 0
        return search(*where, searches)

    def _next_searches(self, tracked: Sequence[TrackedRegion]) -> list[tuple[int, str]]:
        """Returns turns and reach of the next searches; in a stream one kind follows the other.

        Args:
            tracked: Tracked hands, if any. Then the frame is searched turned only so that one of
                them points up: more of what other turns show would be misread hands.
        """
        settings = self._config.detector
        turned: list[tuple[int, str]] = []
        if settings.turned_hands and settings.cycle == 'full':
            turned = [(turns, 'near') for turns in TURNS]
        if not self._config.tracking.enabled:
            return [(0, 'all' if settings.far_hands else 'near'), *turned]
        self._searches += 1
        number = self._searches
        if settings.far_hands:
            number, is_far = divmod(number, 2)
            if is_far:
                return [(0, 'far')]
        if tracked:
            used = {region.turns for region in tracked}
            turned = [(turns, reach) for turns, reach in turned if turns in used]
        if not turned:
            return [(0, 'near')]
        # A near search of the turned frame beside one of the frame costs no more than a far one.
        return [(0, 'near'), turned[number % len(turned)]]

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


def _check(frame: Frame) -> None:
    shape = frame.rgb.shape
    if frame.rgb.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f'rgb must be (H, W, 3) uint8, got {shape} {frame.rgb.dtype}')
    if frame.depth_m is not None and frame.depth_m.shape != shape[:2]:
        raise ValueError(
            f'depth must be as large as the picture, {shape[:2]}, got {frame.depth_m.shape}'
        )
