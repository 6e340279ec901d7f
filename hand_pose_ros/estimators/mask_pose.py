"""The mask-pose cascade as a second pass: the keypoints of a region, and the hand's mask."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap
from hand_pose_ros.estimators.srhandnet import make_hand
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
"""Each crop of the pyramid is smaller than the last by this share of its width."""

MIN_CROP_PX = 50
"""No crop of the pyramid has a shorter side, image pixels."""


class MaskPoseReader:
    """Reads regions with the network of Wang et al. 2019, see `Reader`.

    The paper's pyramid (its section 3.3) looks at ever smaller crops of the region, one within the
    other at random places, and each keypoint is where the highest of all peaks is. That takes some
    twenty passes of the network, more than the time which the paper states.
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
        """Finds one hand in each region, all in one batch; see `Reader.read`.

        Sides are neither needed nor told.
        """
        crops = [self._crops(box) for box in boxes_px]
        parts = [letterbox(rgb, self._spec.input_size, crop) for each in crops for crop in each]
        outputs = self._runtime.run({INPUT_NAME: np.stack([square for square, _ in parts])})
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
        x0, y0, x1, y1 = boxes[-1]
        cut = PYRAMID_STEP * (x1 - x0)
        if min(x1 - x0, y1 - y0) - cut < MIN_CROP_PX:
            return boxes
        left, top = rng.uniform(0, cut, 2)
        boxes.append(np.array([x0 + left, y0 + top, x1 - cut + left, y1 - cut + top]))
