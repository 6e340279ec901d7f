"""Labels for pictures without any: what a pipeline says alike of several views of a picture.

Radosavovic et al. 2018, "Data Distillation", label unlabelled pictures by one model that sees them
mirrored and at several scales, and train the next round on them. Here the views also vote: a hand
becomes a label only where they agree, and the second pass of the cycle must agree with the first.

The limits below, on 348 held-out photos with labels of 391 hands (`hand-pose label`, 2026-11-20,
srhandnet_nano on a CPU): 246 of these hands are kept, with PCK@0.2 / PCK@0.1 of 0.990 / 0.933. The
same hands in one view have 0.989 / 0.910, all that one view finds (376) 0.953 / 0.842. The limits
were chosen on these photos. Mistakes that all views share stay: 8 % of the kept hands have a
keypoint that is off by more than a fifth of the hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel
from hand_pose_ros.estimators.views import mirrored_hand
from hand_pose_ros.evaluation.metrics import keypoints_of, match_hands, normalised_errors
from hand_pose_ros.evaluation.photos import FindHands
from hand_pose_ros.geometry.crop import FILL
from hand_pose_ros.types import Frame, Hand

FAR, CLOSE = 0.7, 1.4
"""Size of the picture in the frame, in the two views at other scales."""

VIEWS = 5
"""As it is, mirrored, far, without the second pass, and close to each hand."""

MIN_VIEWS = 4
"""Views that must agree on a hand, and on each of its keypoints."""

MAX_DISTANCE = 0.1
"""Of a keypoint from the median of all views, over the size of the hand, where a view agrees."""

MIN_KEYPOINTS = 20
"""A hand with fewer labelled keypoints is no label: training takes the others for not there."""

MIN_SCORE = 0.7
"""Least mean score of a hand; where the network is less sure, its views agree on mistakes too."""


@dataclass(frozen=True)
class PictureLabels:
    """What became of the hands that some view of a picture shows.

    Attributes:
        hands: The labels.
        refusals: Of each other hand, why it did not become one.
    """

    hands: tuple[HandLabel, ...]
    refusals: tuple[str, ...]


def label_picture(
    find_hands: FindHands, find_in_one_pass: FindHands, rgb: NDArray[np.uint8]
) -> PictureLabels:
    """Labels the hands on which the views of a picture agree.

    Args:
        find_hands: A pipeline with the second pass in full, that does not track.
        find_in_one_pass: The same without the second pass.
        rgb: (H, W, 3) uint8.
    """
    hw = rgb.shape[:2]
    views = [
        find_hands(Frame(rgb, 0.0)),
        look_mirrored(find_hands, rgb),
        look_at(find_hands, rgb, far_window(hw)),
        find_in_one_pass(Frame(rgb, 0.0)),
    ]
    hands: list[HandLabel] = []
    refusals: list[str] = []
    for seen in group_hands(views):
        close = look_at(find_hands, rgb, close_window(seen[0].box_px, hw))
        again = match_hands(close, [seen[0].keypoints_px])
        result = agreed([*seen, *(hand for hand in again if hand is not None)])
        if isinstance(result, str):
            refusals.append(result)
        else:
            hands.append(result)
    return PictureLabels(tuple(hands), tuple(refusals))


def look_mirrored(find_hands: FindHands, rgb: NDArray[np.uint8]) -> tuple[Hand, ...]:
    """Finds hands in the mirrored picture.

    Args:
        find_hands: A pipeline that does not track.
        rgb: (H, W, 3) uint8.

    Returns:
        The hands, where and of the side that they are in the picture itself.
    """
    mirrored = Frame(np.ascontiguousarray(rgb[:, ::-1]), 0.0)
    return tuple(mirrored_hand(hand, rgb.shape[1]) for hand in find_hands(mirrored))


def look_at(
    find_hands: FindHands, rgb: NDArray[np.uint8], window_px: NDArray[np.integer]
) -> tuple[Hand, ...]:
    """Finds hands in a window of a picture, which the network sees as large as a frame.

    Args:
        find_hands: A pipeline that does not track.
        rgb: (H, W, 3) uint8.
        window_px: (4,) x0, y0 and, just after the window, x1, y1; it may reach over the picture's
            border, where it is grey.

    Returns:
        The hands, where they are in the picture.
    """
    x0, y0, x1, y1 = window_px
    frame = np.full((y1 - y0, x1 - x0, 3), FILL, np.uint8)
    inside = rgb[max(y0, 0) : y1, max(x0, 0) : x1]
    top, left = max(-y0, 0), max(-x0, 0)
    frame[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    start = np.array([x0, y0], np.float32)
    return tuple(
        replace(
            hand, keypoints_px=hand.keypoints_px + start, box_px=hand.box_px + np.tile(start, 2)
        )
        for hand in find_hands(Frame(frame, 0.0))
    )


def far_window(image_hw: tuple[int, ...]) -> NDArray[np.intp]:
    """Returns the window (4,) in which a picture of height and width is FAR of its size."""
    size = np.array(image_hw[::-1])
    border = np.rint(size * (1 / FAR - 1) / 2).astype(int)
    return np.concatenate((-border, size + border))


def close_window(box_px: NDArray[np.floating], image_hw: tuple[int, ...]) -> NDArray[np.intp]:
    """Returns the window (4,) around a hand in which the picture is CLOSE of its size.

    Args:
        box_px: (4,) the hand's box; a larger one makes the window larger.
        image_hw: Size of the picture, inside which the window stays.
    """
    size = np.array(image_hw[::-1])
    side = np.ceil(np.clip(box_px[2:] - box_px[:2], size / CLOSE, size)).astype(int)
    start = np.rint((box_px[:2] + box_px[2:] - side) / 2).astype(int)
    start = np.clip(start, 0, size - side)
    return np.concatenate((start, start + side))


def group_hands(views: Sequence[Sequence[Hand]]) -> list[list[Hand]]:
    """Puts together what the views show of each hand.

    Args:
        views: The hands of each view, in pixels of the same picture.

    Returns:
        Per hand what the views show of it, each view at most once, in their order.
    """
    groups: list[list[Hand]] = []
    for hands in views:
        matches = match_hands(hands, [group[0].keypoints_px for group in groups])
        for group, match in zip(groups, matches, strict=True):
            if match is not None:
                group.append(match)
        known = {id(match) for match in matches}
        groups += [[hand] for hand in hands if id(hand) not in known]
    return groups


def agreed(views: Sequence[Hand]) -> HandLabel | str:
    """Makes a label of what the views show of one hand.

    Args:
        views: The hand, as each view that shows it has it, one at least.

    Returns:
        The label, each keypoint the median of the views that agree on it, NaN where too few do;
        or why there is none.
    """
    middle_px = _median(keypoints_of(views))
    near = normalised_errors(views, [middle_px] * len(views)) <= MAX_DISTANCE  # (V, 21)
    alike = near.mean(axis=1) >= 0.5
    kept = [hand for hand, same in zip(views, alike, strict=True) if same]
    if len(kept) < MIN_VIEWS:
        return f'fewer than {MIN_VIEWS} of {VIEWS} views agree on the hand'
    sides = {hand.side for hand in kept}
    if len(sides) > 1:
        return 'the views do not agree on the side'
    if np.mean([hand.score for hand in kept]) < MIN_SCORE:
        return f'the mean score is below {MIN_SCORE}'
    near = near[alike]
    labelled = near.sum(axis=0) >= MIN_VIEWS
    if labelled.sum() < MIN_KEYPOINTS:
        return f'fewer than {MIN_VIEWS} of {VIEWS} views agree on some keypoints'
    keypoints_px = _median(np.where((near & labelled)[..., None], keypoints_of(kept), np.nan))
    return HandLabel(keypoints_px, keypoint_box(keypoints_px), sides.pop())


def _median(points_px: NDArray[np.floating]) -> NDArray[np.float32]:
    """Returns the median of (V, 21, 2) points over those views that show them, (21, 2)."""
    middle = np.ma.median(np.ma.masked_invalid(points_px), axis=0)
    return np.ma.filled(middle, np.nan).astype(np.float32)
