"""Hands found twice: once more, as a part of another, or read in two turns of the picture."""

from collections.abc import Sequence

import numpy as np

from hand_pose_ros.geometry.boxes import areas, shared_areas
from hand_pose_ros.types import Hand

PART_SIZE, PART_DISTANCE = 0.85, 0.1
"""Of two hands one of which is smaller than this share of the other, and lies on it, keypoints as
near to keypoints as this share of the other's size on average, only the better is one."""

DUPLICATE_DISTANCE = 0.2
"""Two hands nearer than this on average, in hand sizes, are one hand found twice."""

MISREAD_SHARE, TRACKED_SHARE = 0.3, 0.6
"""Two hands read in different turns of the picture whose boxes share more of the smaller one are
one hand, and the better reading is right; more of it where both are tracked: hands do meet."""

REREAD_GAIN = 0.2
"""A tracked hand is read in another turn only where that is better by as much: one misreading
would go on being believed."""


def distinct(tracked: Sequence[Hand], new: Sequence[Hand] = ()) -> list[Hand]:
    """Returns each hand once, by its best reading, best first.

    Args:
        tracked: Read where hands are tracked.
        new: Found besides.
    """
    better = [
        hand
        for hand in new
        if not any(_misread(hand, old) and hand.score < old.score + REREAD_GAIN for old in tracked)
    ]
    kept: list[Hand] = []
    for hand in sorted((*tracked, *better), key=lambda hand: -hand.score):
        if not any(_is_same(hand, other, tracked) for other in kept):
            kept.append(hand)
    return kept


def _is_same(hand: Hand, other: Hand, tracked: Sequence[Hand]) -> bool:
    if _coincide(hand, other) or _overlie(hand, other):
        return True
    both_tracked = all(any(each is old for old in tracked) for each in (hand, other))
    return _misread(hand, other, TRACKED_SHARE if both_tracked else MISREAD_SHARE)


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


def _misread(hand: Hand, other: Hand, share: float = MISREAD_SHARE) -> bool:
    """Tells whether two hands are one, read in two turns of the picture."""
    if hand.turns == other.turns:
        return False
    shared = float(shared_areas(hand.box_px, other.box_px)[0, 0])
    smaller = float(areas(np.stack((hand.box_px, other.box_px))).min())
    return shared > share * smaller


def _size_px(hand: Hand) -> float:
    return float((hand.box_px[2:] - hand.box_px[:2]).max())
