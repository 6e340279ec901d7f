"""SRHandNet from image to hands: two passes of the network, and the reading of its maps.

Section III-D, "cycle detection": the first pass sees the whole frame and finds hand regions; the
second sees each region by itself, at the scale where the network is most accurate.
"""

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.geometry.crop import Letterbox, letterbox
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, Runtime
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Hand, Side

SMALL_RATIO = 0.3
"""Section III-D: a region is looked at again when neither side is more of the input than this."""

MAX_REGION_IOU = 0.5
"""Two regions that overlap more are the same hand; the one with the higher centre stays."""


class SRHandNetEstimator:
    """Finds hands in images with an SRHandNet of any size.

    Attributes:
        runtime: What executes the network.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def detect(
        self, rgb: NDArray[np.uint8], threshold: float, cycle: str, refine: bool
    ) -> list[Hand]:
        """Finds all hands of a frame.

        Args:
            rgb: (H, W, 3) uint8.
            threshold: Smallest peak that counts.
            cycle: Which hands get a second pass: `off`, `small` (the paper) or `full`.
            refine: Locate peaks between cells.

        Returns:
            The hands, best first.
        """
        spec = self.runtime.spec
        square, box = letterbox(rgb, spec.input_size)
        maps = self.runtime.run({INPUT_NAME: square[None]})[OUTPUT_NAME][0]
        regions = region_map.decode(
            maps[region_map.CENTRE :], spec.stride, threshold, spec.reference_px, refine
        )
        kept = _distinct(regions.boxes_px)
        boxes = regions.boxes_px[kept]
        sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        again = {
            'off': np.zeros(len(kept), bool),
            'small': sizes <= SMALL_RATIO * spec.input_size,
            'full': np.ones(len(kept), bool),
        }[cycle]
        first = self._first_pass_hands(maps, box, boxes, threshold, refine)
        boxes_px = np.stack((box.to_image(boxes[:, :2]), box.to_image(boxes[:, 2:])), axis=1)
        second = iter(self.look_again(rgb, boxes_px.reshape(-1, 4)[again], threshold, refine))
        hands = []
        for index, (keypoints, scores) in enumerate(first):
            centre = float(regions.scores[kept[index]])
            side = float(regions.sides[kept[index]])
            if again[index]:
                hand = next(second)
                keypoints, scores = hand.keypoints_px, hand.scores
                side = side_value(hand) or side
            hands.append(make_hand(keypoints, scores, centre, side, rgb.shape[:2]))
        return sorted(hands, key=lambda hand: -hand.score)

    def look_again(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Finds one hand in each of some regions, all in one batch.

        Args:
            rgb: (H, W, 3) uint8.
            boxes_px: (R, 4) regions (x0, y0, x1, y1) in image pixels; the part outside is cut off.
            threshold: Smallest peak that counts.
            refine: Locate peaks between cells.

        Returns:
            R hands; a region without a hand gives one without keypoints.
        """
        if len(boxes_px) == 0:
            return []
        spec = self.runtime.spec
        parts = [letterbox(rgb, spec.region_size, box) for box in boxes_px]
        squares = np.stack([square for square, _ in parts])
        batch = self.runtime.run({INPUT_NAME: squares})[OUTPUT_NAME]  # (R, C, h, w)
        hands = []
        for maps, (_, box) in zip(batch, parts, strict=True):
            cells = heatmap.best_cells(maps[:NUM_KEYPOINTS])
            keypoints, scores = _read(maps[:NUM_KEYPOINTS], cells, box, spec.stride, refine)
            lost = scores < threshold
            keypoints[lost], scores[lost] = np.nan, 0
            best = region_map.decode(maps[region_map.CENTRE :], spec.stride, 0, spec.reference_px)
            side = float(best.sides[0]) if len(best.sides) else 0.0
            centre = float(best.scores[0]) if len(best.scores) else 0.0
            hands.append(make_hand(keypoints, scores, centre, side, rgb.shape[:2]))
        return hands

    def _first_pass_hands(
        self,
        maps: NDArray[np.float32],
        box: Letterbox,
        regions: NDArray[np.float32],
        threshold: float,
        refine: bool,
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Gives each region the best peak of every keypoint inside it."""
        stride = self.runtime.spec.stride
        keypoints = np.full((len(regions), NUM_KEYPOINTS, 2), np.nan, np.float32)
        scores = np.zeros((len(regions), NUM_KEYPOINTS), np.float32)
        if len(regions) == 0:
            return []
        for joint in range(NUM_KEYPOINTS):
            cells = heatmap.peaks(maps[joint], threshold)
            inside = (cells[None] * stride >= regions[:, None, :2]).all(axis=2)
            inside &= (cells[None] * stride <= regions[:, None, 2:]).all(axis=2)  # (R, P)
            for region in np.flatnonzero(inside.any(axis=1)):
                best = cells[inside[region].argmax()][None]
                points, values = _read(maps[joint : joint + 1], best, box, stride, refine)
                keypoints[region, joint], scores[region, joint] = points[0], values[0]
        return list(zip(keypoints, scores, strict=True))


def make_hand(
    keypoints_px: NDArray[np.float32],
    scores: NDArray[np.float32],
    centre_score: float,
    side_value: float,
    image_hw: tuple[int, int],
) -> Hand:
    """Puts together what the maps say of one hand.

    Args:
        keypoints_px: (21, 2) image pixels; NaN where not seen.
        scores: (21,) peak values; 0 where not seen.
        centre_score: Value of the centre peak.
        side_value: -1 (left) .. +1 (right).
        image_hw: Size of the image, to which the box is clipped.

    Returns:
        The hand; its score is the geometric mean of the centre's and the mean keypoint's.
    """
    seen = np.isfinite(keypoints_px).all(axis=1)
    bounds = np.array([image_hw[1] - 1, image_hw[0] - 1] * 2, np.float32)
    box = np.zeros(4, np.float32)
    if seen.any():
        box = np.clip(region_map.keypoint_box(keypoints_px[seen]), 0, bounds)
    side = Side.UNKNOWN
    if side_value != 0:
        side = Side.RIGHT if side_value > 0 else Side.LEFT
    return Hand(
        keypoints_px=keypoints_px,
        scores=np.clip(scores, 0, 1),
        box_px=box,
        score=float(np.sqrt(np.clip(centre_score, 0, 1) * np.clip(scores, 0, 1).mean())),
        side=side,
        side_score=min(abs(side_value), 1.0),
    )


def side_value(hand: Hand) -> float:
    """Returns the side of a hand as -1 (left) .. +1 (right)."""
    return region_map.SIDE_VALUES[hand.side] * hand.side_score


def _read(
    heatmaps: NDArray[np.float32],
    cells: NDArray[np.intp],
    box: Letterbox,
    stride: int,
    refine: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    points = heatmap.decode(heatmaps, cells, stride, refine)
    return box.to_image(points), heatmap.values_at(heatmaps, cells)


def _distinct(boxes_px: NDArray[np.float32]) -> list[int]:
    """Returns the indices of boxes that no better (earlier) one overlaps too much."""
    kept: list[int] = []
    for index, box in enumerate(boxes_px):
        if all(iou(box, boxes_px[other]) <= MAX_REGION_IOU for other in kept):
            kept.append(index)
    return kept


def iou(box_a: NDArray[np.floating], box_b: NDArray[np.floating]) -> float:
    """Returns the intersection over union of two boxes (x0, y0, x1, y1)."""
    low = np.maximum(box_a[:2], box_b[:2])
    high = np.minimum(box_a[2:], box_b[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(np.maximum(box[2:] - box[:2], 0))) for box in (box_a, box_b)]
    return shared / max(sum(areas) - shared, 1e-9)
