"""The hands of one frame: searched for in all of it, or looked at where they are tracked.

The network knows hands that point up best, so a hand is read in the frame turned by as many
quarters as make it do so. New hands are looked for in the turned frame, too.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.estimators.views import settled, turned_hand
from hand_pose_ros.geometry.boxes import pairwise_iou
from hand_pose_ros.geometry.turns import turned_boxes, turned_picture
from hand_pose_ros.pipeline.config import DetectorConfig
from hand_pose_ros.pipeline.duplicates import distinct
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.pipeline.tracking import TrackedRegion
from hand_pose_ros.types import Hand

KNOWN_IOU = 0.3
"""A hand that overlaps a tracked region more is the tracked one."""

TURNED_MARGIN = 0.2
"""A new hand of the turned frame must look more like one by this much."""


def look_at(
    networks: Networks,
    settings: DetectorConfig,
    rgb: NDArray[np.uint8],
    tracked: Sequence[TrackedRegion],
) -> list[Hand]:
    """Looks at tracked hands alone.

    Args:
        networks: Find and judge hands.
        settings: What counts as one.
        rgb: (H, W, 3) uint8.
        tracked: Where they should be; each is read in the frame turned so that it points up.

    Returns:
        Those that are there.
    """
    hands: list[Hand] = []
    for turns in sorted({each.turns for each in tracked}):
        mine = [each for each in tracked if each.turns == turns]
        turned = turned_picture(rgb, turns)
        boxes_px = turned_boxes(_boxes_px(mine), turns, rgb.shape)
        how = (settings.threshold, settings.subcell_refinement, _sides(mine))
        found = networks.estimator.look_again(turned, boxes_px, *how)
        hands += _turned_back(networks.judged(turned, found), turns, rgb.shape)
    return [hand for hand in hands if _is_hand(hand, settings)]


def search(
    networks: Networks,
    settings: DetectorConfig,
    rgb: NDArray[np.uint8],
    tracked: Sequence[TrackedRegion],
    searches: Sequence[tuple[int, str]],
) -> list[Hand]:
    """Looks for hands in the frame, and at all that are tracked.

    Args:
        networks: Find and judge hands.
        settings: What counts as one.
        rgb: (H, W, 3) uint8.
        tracked: Where hands were.
        searches: Quarters by which the frame is turned, counter-clockwise, and the reach (see
            `Estimator.detect`) of each search.

    Returns:
        Each hand once, best first.
    """
    searched = {turns for turns, _ in searches}
    others = [each for each in tracked if each.turns not in searched]
    known, new = look_at(networks, settings, rgb, others), []
    for turns, reach in searches:
        again, found = _found(networks, settings, rgb, tracked, turns, reach)
        known += again
        new += found
    return distinct(known, new)


def _is_hand(hand: Hand, settings: DetectorConfig) -> bool:
    """Tells whether what was found is to be reported."""
    seen = int(np.isfinite(hand.keypoints_px).all(axis=1).sum())
    return seen >= settings.min_keypoints and hand.score >= settings.min_score


def _found(
    networks: Networks,
    settings: DetectorConfig,
    rgb: NDArray[np.uint8],
    tracked: Sequence[TrackedRegion],
    turns: int,
    reach: str,
) -> tuple[list[Hand], list[Hand]]:
    """Returns what the turned frame shows: tracked hands that point up there, and new ones."""
    turned = turned_picture(rgb, turns)
    boxes_px = turned_boxes(_boxes_px(tracked), turns, rgb.shape)
    mine = np.array([each.turns == turns for each in tracked], bool)
    how = (settings.threshold, settings.cycle, settings.subcell_refinement)
    sides = _sides(tracked)[mine]
    hands = networks.estimator.detect(turned, *how, boxes_px[mine], sides, reach)
    hands = networks.judged(turned, hands)
    if settings.cycle == 'full':
        seen_before, unseen = _split(hands, boxes_px)
        hands = seen_before + _settled(networks, settings, turned, unseen)
    known, new = (
        _turned_back([hand for hand in each if _is_hand(hand, settings)], turns, rgb.shape)
        for each in _split(hands, boxes_px[mine])
    )
    if turns:
        least = settings.min_score + TURNED_MARGIN
        new = [hand for hand in new if hand.score >= least]
    return known, new


def _settled(
    networks: Networks, settings: DetectorConfig, rgb: NDArray[np.uint8], new: list[Hand]
) -> list[Hand]:
    """Looks once more at new hands; a tracked one was seen often enough."""
    how = (settings.threshold, settings.subcell_refinement)
    seen = settled(networks.estimator.reader, rgb, new, *how)
    # What was not worth another look comes back as it was, and was judged before.
    left = [hand for hand, before in zip(seen, new, strict=True) if hand is before]
    looked_at = [hand for hand, before in zip(seen, new, strict=True) if hand is not before]
    return left + networks.judged(rgb, looked_at)


def _split(
    hands: Sequence[Hand], tracked_px: NDArray[np.float32]
) -> tuple[list[Hand], list[Hand]]:
    """Returns the hands that are where one of (T, 4) tracked regions is, and the others."""
    boxes_px = np.reshape([hand.box_px for hand in hands], (-1, 4))
    is_known = pairwise_iou(boxes_px, tracked_px).max(axis=1, initial=0) > KNOWN_IOU
    known = [hand for hand, each in zip(hands, is_known, strict=True) if each]
    return known, [hand for hand, each in zip(hands, is_known, strict=True) if not each]


def _boxes_px(tracked: Sequence[TrackedRegion]) -> NDArray[np.float32]:
    """Returns (T, 4) boxes."""
    return np.reshape([each.box_px for each in tracked], (-1, 4)).astype(np.float32)


def _sides(tracked: Sequence[TrackedRegion]) -> NDArray[np.float32]:
    """Returns (T,) sides."""
    return np.array([each.side for each in tracked], np.float32)


def _turned_back(hands: Sequence[Hand], turns: int, image_hw: tuple[int, ...]) -> list[Hand]:
    """Returns hands of the picture turned by some quarters as they are in the picture itself."""
    height, width = image_hw[:2]
    turned_hw = (width, height) if turns % 2 else (height, width)
    return [turned_hand(hand, -turns, turned_hw) for hand in hands]
