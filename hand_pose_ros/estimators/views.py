"""New hands, seen once more: what several views of a hand say alike is more likely true.

Not in SRHandNet's paper, whose network is six times as large. A network that knows a hand finds it
again in a mirrored picture, and in regions that are a little larger or smaller; what it takes for
a hand in a face or in a fold of cloth changes with the view.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import signed_side
from hand_pose_ros.estimators.base import Reader
from hand_pose_ros.estimators.srhandnet import make_hand, with_side
from hand_pose_ros.geometry.turns import turned_boxes, turned_points
from hand_pose_ros.types import MIRRORED, Hand, HandMask

WORTH_SCORE = 0.35
"""Least score of a hand that is worth another look."""

ZOOMS = (1.0, 1.25, 0.87)
"""Of the regions looked at, over the hand's own box; the first is looked at mirrored, too."""


def settled(
    reader: Reader, rgb: NDArray[np.uint8], hands: Sequence[Hand], threshold: float, refine: bool
) -> list[Hand]:
    """Looks at hands in their own boxes from some views, all in two batches.

    Args:
        reader: Reads the regions.
        rgb: (H, W, 3) uint8.
        hands: Those found so far.
        threshold: Smallest peak that counts.
        refine: Locate peaks between cells.

    Returns:
        The hands in the same order; those worth it with the median of the views' keypoints and the
        mean of their scores. If no view tells the side, it stays.
    """
    worth = [i for i, hand in enumerate(hands) if hand.score >= WORTH_SCORE]
    if not worth:
        return list(hands)
    boxes_px = np.array([hands[i].box_px for i in worth], np.float32)
    sides = np.array([signed_side(hands[i]) for i in worth])
    how = (threshold, refine)
    zoomed_px = np.concatenate([_zoomed(boxes_px, zoom) for zoom in ZOOMS])
    views = reader.read(rgb, zoomed_px, np.tile(sides, len(ZOOMS)), *how)
    width = rgb.shape[1]
    mirrored_px = _mirrored_boxes(boxes_px, width)
    mirrored = reader.read(np.ascontiguousarray(rgb[:, ::-1]), mirrored_px, -sides, *how)
    views += [mirrored_hand(hand, width) for hand in mirrored]
    result = list(hands)
    for row, index in enumerate(worth):
        agreed = _agreed(views[row :: len(worth)], rgb.shape[:2])
        result[index] = with_side(agreed, float(sides[row]))
    return result


def mirrored_hand(hand: Hand, width: int) -> Hand:
    """Returns a hand of a mirrored picture as it is in the picture itself, or the other way.

    Args:
        hand: Without joints in metres and without a mask.
        width: Of the picture, pixels.
    """
    keypoints_px = hand.keypoints_px.copy()
    keypoints_px[:, 0] = np.float32(width - 1) - keypoints_px[:, 0]
    return replace(
        hand,
        keypoints_px=keypoints_px,
        box_px=_mirrored_boxes(hand.box_px, width),
        side=MIRRORED[hand.side],
    )


def turned_hand(hand: Hand, turns: int, image_hw: tuple[int, ...]) -> Hand:
    """Returns a hand of a picture as it is in the turned picture.

    Args:
        hand: Without joints in metres.
        turns: Quarters, counter-clockwise; negative ones are clockwise.
        image_hw: Height and width of the picture before it is turned.

    Returns:
        The hand; its `turns` say how the turned picture must be turned to show it as here.
    """
    if turns % 4 == 0:
        return hand
    mask = hand.mask
    if mask is not None:
        cells = np.ascontiguousarray(np.rot90(mask.cells, turns))
        mask = HandMask(cells, turned_boxes(mask.box_px, turns, image_hw))
    return replace(
        hand,
        keypoints_px=turned_points(hand.keypoints_px, turns, image_hw),
        box_px=turned_boxes(hand.box_px, turns, image_hw),
        mask=mask,
        turns=(hand.turns - turns) % 4,
    )


def _agreed(views: Sequence[Hand], image_hw: tuple[int, ...]) -> Hand:
    """Puts together what views say of one hand; the first one gives the mask, if any."""
    points_px = np.ma.masked_invalid([view.keypoints_px for view in views])
    keypoints_px = np.ma.filled(np.ma.median(points_px, axis=0), np.nan).astype(np.float32)
    scores = np.mean([view.scores for view in views], axis=0)
    side = float(np.mean([signed_side(view) for view in views]))
    return replace(make_hand(keypoints_px, scores, side, image_hw), mask=views[0].mask)


def _zoomed(boxes_px: NDArray[np.float32], zoom: float) -> NDArray[np.float32]:
    middle = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    half = (boxes_px[:, 2:] - boxes_px[:, :2]) / 2 * np.float32(zoom)
    return np.concatenate((middle - half, middle + half), axis=1)


def _mirrored_boxes(boxes_px: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Mirrors (..., 4) boxes (x0, y0, x1, y1) of a picture."""
    mirrored = boxes_px[..., [2, 1, 0, 3]]
    mirrored[..., ::2] = np.float32(width - 1) - mirrored[..., ::2]
    return mirrored
