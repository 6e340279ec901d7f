"""The mask-pose cascade: the keypoints of a region, or of a whole frame, and the hand's mask."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap
from hand_pose_ros.estimators.base import Estimator, Reader
from hand_pose_ros.estimators.srhandnet import make_hand, missed_regions
from hand_pose_ros.geometry.crop import Letterbox, letterbox
from hand_pose_ros.runtimes.base import (
    INPUT_NAME,
    MASK_NAME,
    OUTPUT_NAME,
    MaskPoseSpec,
    Runtime,
    spec_of,
)
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Hand, HandMask

PYRAMID_STEP = 0.1
"""Each crop of the pyramid is smaller than the last by this share of its sides."""

MIN_CROP_PX = 50
"""No crop of the pyramid has a shorter side, image pixels."""

CROPS_AT_ONCE = 4
"""More go in several turns: at the paper's size each takes a tenth of a gigabyte, and on a CPU
four are as quick as twenty. A TensorRT engine takes as many where nobody says otherwise."""


class MaskPoseEstimator(Estimator):
    """Finds the hand of a frame without a detector, as the paper does: the frame is the region.

    The paper's pictures show one hand each. A small one is found where the pyramid comes upon it.

    Attributes:
        reader: Reads the frame, and the regions of tracked hands.
    """

    def __init__(self, reader: Reader) -> None:
        """Takes a MaskPoseReader."""
        self.reader = reader

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
        """Finds one hand, and those tracked elsewhere; see `Estimator.detect`.

        There is one pass, so `cycle` changes nothing; nor does `reach`.
        """
        frame_px = np.array([[0, 0, rgb.shape[1] - 1, rgb.shape[0] - 1]], np.float32)
        (hand,) = self.look_again(rgb, frame_px, threshold, refine)
        missed_px, sides = missed_regions(tracked_px, tracked_sides, hand.box_px[None])
        tracked = self.look_again(rgb, missed_px, threshold, refine, sides)
        return sorted((hand, *tracked), key=lambda each: -each.score)


class MaskPoseReader:
    """Reads regions with the network of Wang et al. 2019, see `Reader`.

    The paper's pyramid (its section 3.3) looks at ever smaller crops of the region, one within the
    other at random places, and each keypoint is where the highest of all peaks is. For a frame of
    640 x 480 that is 22 passes of the network, more than the time which the paper states. Where
    the paper enlarges the maps to find a peak between cells, codecs/heatmap.py does it by formula.
    """

    def __init__(self, runtime: Runtime, pyramid: bool = False) -> None:
        """Takes a runtime.

        Args:
            runtime: Executes a mask-pose network.
            pyramid: Look at the pyramid; otherwise at the region itself.

        Raises:
            ValueError: The runtime executes another network.
        """
        self._runtime = runtime
        self._spec = spec_of(runtime, MaskPoseSpec)
        self._pyramid = pyramid

    def read(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        sides: NDArray[np.floating],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Finds one hand in each region, CROPS_AT_ONCE in a batch; see `Reader.read`.

        Sides are neither needed nor told.
        """
        crops = [self._crops(box) for box in boxes_px]
        parts = [letterbox(rgb, self._spec.input_size, crop) for each in crops for crop in each]
        outputs = self._run([square for square, _ in parts])
        batch = outputs[OUTPUT_NAME][:, :NUM_KEYPOINTS]  # (all crops, 21, h, w)
        cells = heatmap.best_cells(batch)  # (all crops, 21, 2)
        values = batch.max(axis=(2, 3))  # (all crops, 21)
        hands = []
        first = 0
        for count in map(len, crops):
            # The maximum over the crops of all heatmaps is in the crop with the highest peak.
            best = first + values[first : first + count].argmax(axis=0)  # (21,)
            scores = values[best, np.arange(NUM_KEYPOINTS)]
            keypoints_px = np.full((NUM_KEYPOINTS, 2), np.nan, np.float32)
            for joint in np.flatnonzero(scores >= threshold):
                crop = best[joint]
                maps, cell = batch[crop, joint][None], cells[crop, joint][None]
                point = heatmap.decode(maps, cell, self._spec.stride, refine)
                keypoints_px[joint] = parts[crop][1].to_image(point)[0]
            scores[scores < threshold] = 0
            hand = make_hand(keypoints_px, scores, 0.0, rgb.shape[:2])
            mask = self._mask(outputs[MASK_NAME][first], parts[first][1])
            hands.append(replace(hand, mask=mask))
            first += count
        return hands

    def _crops(self, box_px: NDArray[np.floating]) -> list[NDArray[np.floating]]:
        if not self._pyramid:
            return [box_px]
        # The same crops for the same box: what is measured once can be measured again.
        return pyramid_boxes(np.random.default_rng(0), box_px)

    def _run(self, squares: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray]:
        turns = [
            self._runtime.run({INPUT_NAME: np.stack(squares[first : first + CROPS_AT_ONCE])})
            for first in range(0, len(squares), CROPS_AT_ONCE)
        ]
        return {name: np.concatenate([each[name] for each in turns]) for name in turns[0]}

    def _mask(self, cells: NDArray[np.float32], box: Letterbox) -> HandMask:
        corners = np.array([[-0.5, -0.5], [self._spec.input_size - 0.5] * 2])
        return HandMask(cells, box.to_image(corners).reshape(4))


def pyramid_boxes(rng: Generator, box_px: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Returns a region and ever smaller crops of it, each within the last.

    Args:
        rng: Places the crops.
        box_px: (4,) region (x0, y0, x1, y1), pixels.

    Returns:
        (4,) boxes, largest first.
    """
    boxes: list[NDArray[np.floating]] = [np.asarray(box_px, np.float64)]
    while True:
        low_px, high_px = boxes[-1][:2], boxes[-1][2:]
        # Of both sides alike: by pixels, a frame's last crop would be four times as wide as high.
        cut_px = PYRAMID_STEP * (high_px - low_px)
        if (high_px - low_px - cut_px).min() < MIN_CROP_PX:
            return boxes
        shift_px = rng.uniform(0, cut_px)
        boxes.append(np.concatenate((low_px + shift_px, high_px - cut_px + shift_px)))
