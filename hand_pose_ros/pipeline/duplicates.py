"""Hands found twice: once more, as a part of another, or read in two turns of the picture."""

from collections.abc import Sequence

import numpy as np

from hand_pose_ros.types import Hand

PART_SIZE, PART_DISTANCE = 0.85, 0.1
"""Of two hands one of which is smaller than this share of the other, and lies on it, keypoints as
near to keypoints as this share of the other's size on average, only the better is one."""

DUPLICATE_DISTANCE = 0.2
"""Two hands nearer than this on average, in hand sizes, are one hand found twice."""

MISREAD_SHARE = 0.3
"""Two hands read in different turns of the picture whose boxes share more of the smaller one are
one hand, and the better reading is right."""


def distinct(hands: Sequence[Hand]) -> list[Hand]:
    """Returns each hand once, by its best reading, best first."""
    kept: list[Hand] = []
    for hand in sorted(hands, key=lambda hand: -hand.score):
        rules = (_coincide, _overlie, _misread)
        if not any(is_same(hand, other) for other in kept for is_same in rules):
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


def _misread(hand: Hand, other: Hand) -> bool:
    """Tells whether two hands are one, read in two turns of the picture."""
    if hand.turns == other.turns:
        return False
    low = np.maximum(hand.box_px[:2], other.box_px[:2])
    high = np.minimum(hand.box_px[2:], other.box_px[2:])
    areas = [(each.box_px[2:] - each.box_px[:2]).prod() for each in (hand, other)]
    return bool(np.maximum(high - low, 0).prod() > MISREAD_SHARE * min(areas))


def _size_px(hand: Hand) -> float:
    return float((hand.box_px[2:] - hand.box_px[:2]).max())
