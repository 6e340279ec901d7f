"""SRHandNet from image to hands: two passes of the network, and the reading of its maps.

Section III-D, "cycle detection": the first pass sees the whole frame and finds hand regions; the
second sees each region by itself, at the scale where the network is most accurate.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.estimators.base import Estimator, Reader
from hand_pose_ros.geometry.boxes import inside_image, pairwise_iou
from hand_pose_ros.geometry.crop import Letterbox, letterbox
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, ModelSpec, Runtime, spec_of
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Hand, Side

SMALL_RATIO = 0.3
"""Section III-D: a region is looked at again when neither side is more of the input than this."""

MAX_REGION_IOU = 0.5
"""Two regions that overlap more are the same hand; the one with the higher centre stays."""

MAX_TRACKED_IOU = 0.3
"""A tracked region that a found one overlaps by this much is the same hand."""

CLOSE_RATIO = 0.4
"""A hand that takes more of the frame's side may be too close for the first pass to know it."""

CORRECTED_IOU = 0.5
"""A region that the box of its own hand overlaps less was far off."""


FAR_RATIO = 0.25
"""A hand that takes less of the frame's side is better seen in a larger frame."""


@dataclass(frozen=True)
class _Found:
    """Regions of hands that a search has found.

    Attributes:
        boxes_px: (R, 4) image pixels.
        sides: (R,) -1 (left) .. +1 (right).
    """

    boxes_px: NDArray[np.float32]
    sides: NDArray[np.float32]


class SRHandNetEstimator(Estimator):
    """Finds hands with an SRHandNet of any size; another network may make the second pass.

    Attributes:
        runtime: What executes the SRHandNet.
        reader: Makes the second pass.
    """

    def __init__(self, runtime: Runtime, reader: Reader | None = None) -> None:
        """Takes a runtime.

        Args:
            runtime: Executes an SRHandNet.
            reader: Makes the second pass; None for the same SRHandNet.

        Raises:
            ValueError: The runtime executes another network.
        """
        self.runtime = runtime
        self._spec = spec_of(runtime, ModelSpec)
        self.reader: Reader = reader or SRHandNetReader(runtime)

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
        """Finds all hands of a frame; see `Estimator.detect`."""
        if cycle == 'full':
            first: list[Hand] = []
            found = self._full_search(rgb, threshold, refine, reach)
        else:
            first, found = self._first_pass(rgb, threshold, cycle, refine)
        missed_px, missed_sides = missed_regions(tracked_px, tracked_sides, found.boxes_px)
        boxes_px = np.concatenate((found.boxes_px, missed_px))
        sides = np.concatenate((found.sides, missed_sides))
        hands = self.look_again(rgb, boxes_px, threshold, refine, sides)
        if cycle == 'full':
            hands = self._corrected(rgb, hands, boxes_px, sides, threshold, refine)
        # What a track says of a side came from hands: said once more it would confirm itself.
        seen_sides = np.concatenate((found.sides, 0 * missed_sides))
        hands = [
            with_side(hand, float(side)) for hand, side in zip(hands, seen_sides, strict=True)
        ]
        return sorted((*first, *hands), key=lambda hand: -hand.score)

    def _first_pass(
        self, rgb: NDArray[np.uint8], threshold: float, cycle: str, refine: bool
    ) -> tuple[list[Hand], _Found]:
        """Finds the hands of a frame, and the regions to look at again, as in the paper."""
        spec = self._spec
        maps, box, regions = self._search(rgb, spec.input_size, threshold, refine)
        limit = SMALL_RATIO * spec.input_size if cycle == 'small' else -1.0
        again = _sizes(regions) <= limit
        rest = self._first_pass_hands(maps, box, _select(regions, ~again), threshold, refine)
        hands = [make_hand(points, scores, side, rgb.shape[:2]) for points, scores, side in rest]
        return hands, _found(box, _select(regions, again))

    def _full_search(
        self, rgb: NDArray[np.uint8], threshold: float, refine: bool, reach: str
    ) -> _Found:
        """Finds regions to look at again in the frame at up to three sizes.

        Not in the paper, which trains a larger network on all sizes of hands. A hand that fills
        the frame is larger than any that this one has seen at the size of the first pass; at that
        of the second it is one like any other. A hand far away is too small for the first pass,
        and larger in a larger frame, where there is also more that could be taken for a hand.
        """
        spec = self._spec
        found = _Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        if reach != 'far':
            _, box, regions = self._search(rgb, spec.input_size, threshold, refine)
            found = _found(box, regions)
        if reach != 'far' and spec.region_size < spec.input_size:
            _, box, regions = self._search(rgb, spec.region_size, threshold, refine)
            is_close = _sizes(regions) > CLOSE_RATIO * spec.region_size
            found = _added(found, _found(box, _select(regions, is_close)))
        if reach != 'near' and spec.far_size > spec.input_size:
            _, box, regions = self._search(rgb, spec.far_size, threshold, refine)
            is_far = _sizes(regions) < FAR_RATIO * spec.far_size
            found = _added(found, _found(box, _select(regions, is_far)))
        return found

    def _search(
        self, rgb: NDArray[np.uint8], size: int, threshold: float, refine: bool
    ) -> tuple[NDArray[np.float32], Letterbox, region_map.Regions]:
        """Looks at the frame, letterboxed to `size`: its maps, where it lies, its regions."""
        spec = self._spec
        square, box = letterbox(rgb, size)
        maps = self.runtime.run({INPUT_NAME: square[None]})[OUTPUT_NAME][0]
        regions = region_map.decode(
            maps[region_map.CENTRE :], spec.stride, threshold, spec.reference_px, refine
        )
        return maps, box, _distinct(regions)

    def _corrected(
        self,
        rgb: NDArray[np.uint8],
        hands: list[Hand],
        boxes_px: NDArray[np.float32],
        sides: NDArray[np.float32],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Looks once more at hands whose region was far off, in the box that they showed then.

        Not in the paper, whose first pass sees larger pictures and finds better regions.
        """
        own_px = np.array([hand.box_px for hand in hands], np.float32).reshape(-1, 4)
        overlaps = np.diagonal(pairwise_iou(own_px, boxes_px))
        off = np.flatnonzero((overlaps < CORRECTED_IOU) & (own_px[:, 2] > own_px[:, 0]))
        corrected = self.look_again(rgb, own_px[off], threshold, refine, sides[off])
        better = list(hands)
        for index, hand in zip(off, corrected, strict=True):
            # The sum, not the mean: few sure keypoints are no better than many.
            better[index] = max(hand, hands[index], key=lambda one: float(one.scores.sum()))
        return better

    def _first_pass_hands(
        self,
        maps: NDArray[np.float32],
        box: Letterbox,
        regions: region_map.Regions,
        threshold: float,
        refine: bool,
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32], float]]:
        """Gives each region the best peak of every keypoint inside it."""
        stride = self._spec.stride
        low, high = regions.boxes_px[:, None, :2], regions.boxes_px[:, None, 2:]
        keypoints = np.full((len(low), NUM_KEYPOINTS, 2), np.nan, np.float32)
        scores = np.zeros((len(low), NUM_KEYPOINTS), np.float32)
        for joint in range(NUM_KEYPOINTS if len(low) else 0):
            cells = heatmap.peaks(maps[joint], threshold)
            points = cells[None] * stride
            inside = np.all((points >= low) & (points <= high), axis=2)  # (R, P)
            for region in np.flatnonzero(inside.any(axis=1)):
                best = cells[inside[region].argmax()][None]
                found, values = _read(maps[joint : joint + 1], best, box, stride, refine)
                keypoints[region, joint], scores[region, joint] = found[0], values[0]
        rows = zip(keypoints, scores, regions.sides, strict=True)
        return [(points, values, float(side)) for points, values, side in rows]


class SRHandNetReader:
    """Reads regions with an SRHandNet, at the scale where it is most accurate."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._spec = spec_of(runtime, ModelSpec)

    def read(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        sides: NDArray[np.floating],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Finds one hand in each region, and its side by itself; see `Reader.read`."""
        spec = self._spec
        parts = [letterbox(rgb, spec.region_size, box) for box in boxes_px]
        squares = np.stack([square for square, _ in parts])
        batch = self._runtime.run({INPUT_NAME: squares})[OUTPUT_NAME]  # (R, C, h, w)
        hands = []
        for maps, (_, box) in zip(batch, parts, strict=True):
            cells = heatmap.best_cells(maps[:NUM_KEYPOINTS])
            keypoints, scores = _read(maps[:NUM_KEYPOINTS], cells, box, spec.stride, refine)
            lost = scores < threshold
            keypoints[lost], scores[lost] = np.nan, 0
            best = region_map.decode(maps[region_map.CENTRE :], spec.stride, 0, spec.reference_px)
            side = float(best.sides[0]) if len(best.sides) else 0.0
            hands.append(make_hand(keypoints, scores, side, rgb.shape[:2]))
        return hands


def make_hand(
    keypoints_px: NDArray[np.float32],
    scores: NDArray[np.float32],
    side_value: float,
    image_hw: tuple[int, ...],
) -> Hand:
    """Puts together what the maps say of one hand.

    Args:
        keypoints_px: (21, 2) image pixels; NaN where not seen. Those outside the image become so.
        scores: (21,) peak values; 0 where not seen.
        side_value: -1 (left) .. +1 (right).
        image_hw: Size of the image, to which the box is clipped.

    Returns:
        The hand; its score is the mean of those keypoints that are seen. On photographs that tells
        hands from faces and clothes better than the value of the centre's peak does.
    """
    last_px = np.array([image_hw[1] - 1, image_hw[0] - 1], np.float32)
    # A peak in the grey beside a region at the border is a guess at what no pixel shows.
    seen = inside_image(keypoints_px, image_hw[:2])
    keypoints_px = np.where(seen[:, None], keypoints_px, np.float32(np.nan))
    scores = np.where(seen, np.clip(scores, 0, 1), 0).astype(np.float32)
    box = np.zeros(4, np.float32)
    if seen.any():
        box = np.clip(region_map.keypoint_box(keypoints_px), 0, np.tile(last_px, 2))
    side, side_score = region_map.side_of(side_value)
    return Hand(
        keypoints_px=keypoints_px,
        scores=scores,
        box_px=box,
        score=keypoint_score(keypoints_px, scores),
        side=side,
        side_score=side_score,
    )


def keypoint_score(keypoints_px: NDArray[np.float32], scores: NDArray[np.float32]) -> float:
    """Returns the mean score of the keypoints that are seen, 0 where none is."""
    seen = np.isfinite(keypoints_px).all(axis=1)
    return float(scores[seen].mean()) if seen.any() else 0.0


def with_side(hand: Hand, side_value: float) -> Hand:
    """Gives a hand that has no side the one that was seen before, -1 (left) .. +1 (right)."""
    if hand.side != Side.UNKNOWN:
        return hand
    side, side_score = region_map.side_of(side_value)
    return replace(hand, side=side, side_score=side_score)


def _read(
    heatmaps: NDArray[np.float32],
    cells: NDArray[np.intp],
    box: Letterbox,
    stride: int,
    refine: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    points = heatmap.decode(heatmaps, cells, stride, refine)
    return box.to_image(points), heatmap.values_at(heatmaps, cells)


def _sizes(regions: region_map.Regions) -> NDArray[np.float32]:
    """Returns the longer side of each region, network pixels."""
    return (regions.boxes_px[:, 2:] - regions.boxes_px[:, :2]).max(axis=1, initial=0)


def _found(box: Letterbox, regions: region_map.Regions) -> _Found:
    boxes_px = box.to_image(regions.boxes_px.reshape(-1, 2, 2)).reshape(-1, 4)
    return _Found(boxes_px, regions.sides)


def _added(known: _Found, more: _Found) -> _Found:
    """Adds regions that are not known yet."""
    new = pairwise_iou(more.boxes_px, known.boxes_px).max(axis=1, initial=0) <= MAX_REGION_IOU
    return _Found(
        np.concatenate((known.boxes_px, more.boxes_px[new])),
        np.concatenate((known.sides, more.sides[new])),
    )


def _select(regions: region_map.Regions, kept: NDArray[np.bool_]) -> region_map.Regions:
    return region_map.Regions(regions.boxes_px[kept], regions.scores[kept], regions.sides[kept])


def _distinct(regions: region_map.Regions) -> region_map.Regions:
    """Drops regions that a better (earlier) one overlaps too much."""
    overlaps = pairwise_iou(regions.boxes_px, regions.boxes_px) > MAX_REGION_IOU
    kept = np.zeros(len(overlaps), bool)
    for index, overlap in enumerate(overlaps):
        kept[index] = not np.any(overlap & kept)
    return _select(regions, kept)


def missed_regions(
    tracked_px: NDArray[np.floating] | None,
    tracked_sides: NDArray[np.floating] | None,
    boxes_px: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the tracked regions that no region of the first pass covers, and their sides."""
    if tracked_px is None:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    if tracked_sides is None:
        tracked_sides = np.zeros(len(tracked_px), np.float32)
    missed = pairwise_iou(tracked_px, boxes_px).max(axis=1, initial=0) < MAX_TRACKED_IOU
    return tracked_px[missed].astype(np.float32), tracked_sides[missed].astype(np.float32)
