"""Skeleton-aware multi-scale heatmaps from image to hands.

Kourbane and Genc 2021: the first network draws the hands' skeletons and so finds their boxes, the
second reads the keypoints of the box with the skeleton's help. Here the first network looks at
the box again, too: in the whole frame of a robot's camera a hand is often too small for a skeleton
with fingers. The box is cut out like any region here, its aspect kept.
"""

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap, skeleton_image
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.base import Estimator
from hand_pose_ros.estimators.srhandnet import make_hand, missed_regions
from hand_pose_ros.geometry.crop import letterbox
from hand_pose_ros.runtimes.base import (
    INPUT_NAME,
    OUTPUT_NAME,
    SKELETON_NAME,
    Runtime,
    SkeletonPoseSpec,
    SkeletonSpec,
    spec_of,
)
from hand_pose_ros.types import Hand

SKELETON_MARGIN = 1.2
"""Side of a hand's region over the side of its skeleton's box, which holds half a line more than
the keypoints' box does."""


SURE_PEAK = 0.6
"""Height of a sure peak, which is a score of 1: the average holds coarse and early outputs, whose
peaks are low. On held-out photos it makes the usual `detector.min_score` mean what it means for
SRHandNet: most hands stay, and little else does."""


class SkeletonMultiScaleEstimator(Estimator):
    """Finds the hands of a frame.

    Attributes:
        reader: Makes the second pass.
    """

    def __init__(self, skeleton_runtime: Runtime, keypoint_runtime: Runtime) -> None:
        """Takes a runtime for each network.

        Raises:
            ValueError: A runtime executes another network.
        """
        self._skeletons = skeleton_runtime
        self._spec = spec_of(skeleton_runtime, SkeletonSpec)
        self.reader = SkeletonReader(skeleton_runtime, keypoint_runtime)

    def detect(
        self,
        rgb: NDArray[np.uint8],
        threshold: float,
        cycle: str,
        refine: bool,
        tracked_px: NDArray[np.floating] | None = None,
        tracked_sides: NDArray[np.floating] | None = None,
        reach: str = 'all',
    ) -> list[Hand]:
        """Finds the hands of a frame; see `Estimator.detect`.

        There are no keypoints without the second pass, so `cycle` changes nothing; nor does
        `reach`.
        """
        square, box = letterbox(rgb, self._spec.input_size)
        skeleton = self._skeletons.run({INPUT_NAME: square[None]})[SKELETON_NAME][0]
        found = skeleton_image.decode(skeleton).reshape(-1, 2, 2)
        regions = np.array([keypoint_box(corners, SKELETON_MARGIN) for corners in found])
        boxes_px = box.to_image(regions.reshape(-1, 2, 2)).reshape(-1, 4)
        missed_px, _ = missed_regions(tracked_px, tracked_sides, boxes_px)
        hands = self.look_again(rgb, np.concatenate((boxes_px, missed_px)), threshold, refine)
        return sorted(hands, key=lambda hand: -hand.score)


class SkeletonReader:
    """Reads regions: their skeletons first, then keypoints from picture and skeleton."""

    def __init__(self, skeleton_runtime: Runtime, keypoint_runtime: Runtime) -> None:
        """Takes a runtime for each network.

        Raises:
            ValueError: A runtime executes another network, or they read regions of other sizes.
        """
        self._skeletons, self._keypoints = skeleton_runtime, keypoint_runtime
        self._spec = spec_of(keypoint_runtime, SkeletonPoseSpec)
        drawn = spec_of(skeleton_runtime, SkeletonSpec).region_size
        if drawn != self._spec.input_size:
            raise ValueError(
                f'the skeleton_unet draws regions of {drawn} pixels, the skeleton_multiscale '
                f'reads {self._spec.input_size}: train both for the same size'
            )

    def read(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        sides: NDArray[np.floating],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Finds one hand in each region; see `Reader.read`.

        A region whose skeleton is too small for a hand has none. Sides are not told.
        """
        parts = [letterbox(rgb, self._spec.input_size, box) for box in boxes_px]
        squares = np.stack([square for square, _ in parts])
        skeletons = self._skeletons.run({INPUT_NAME: squares})[SKELETON_NAME]  # (R, S, S)
        inputs = {INPUT_NAME: squares, SKELETON_NAME: skeletons}
        batch = self._keypoints.run(inputs)[OUTPUT_NAME]  # (R, 21, S, S)
        hands = []
        for maps, skeleton, (_, box) in zip(batch, skeletons, parts, strict=True):
            cells = heatmap.best_cells(maps)
            keypoints = box.to_image(heatmap.decode(maps, cells, 1, refine))
            scores = np.minimum(heatmap.values_at(maps, cells) / np.float32(SURE_PEAK), 1)
            # Whoever asks for every keypoint, however doubtful, gets them without a skeleton, too.
            is_lost = threshold > 0 and len(skeleton_image.decode(skeleton)) == 0
            lost = (scores < threshold) | is_lost
            keypoints[lost], scores[lost] = np.nan, 0
            hands.append(make_hand(keypoints, scores, 0.0, rgb.shape[:2]))
        return hands
