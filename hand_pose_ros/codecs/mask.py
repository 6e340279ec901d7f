"""Hand masks on the grid of a network, and back.

Where no mask was drawn by hand, `from_keypoints` draws one: fingers as thick as fingers are, the
palm filled. It is too thick at the tips, too thin at the ball of the thumb, and knows nothing of
what lies in front of the hand; where a picture's own outline is known, `encode` cuts it by that.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.skeleton import FINGERS, PALM
from hand_pose_ros.types import HandMask

MASK_THRESHOLD = 0.5
"""Smallest value of a pixel, and of a cell, that is hand."""

FINGER_WIDTH = 0.19
"""Of a finger, over the length from the wrist to the farthest knuckle: 18 of 95 millimetres."""

_FRACTION_BITS = 4


def from_keypoints(
    keypoints_px: NDArray[np.floating], image_hw: tuple[int, int]
) -> NDArray[np.float32]:
    """Draws the mask that a hand with these keypoints would have.

    Args:
        keypoints_px: (21, 2), (x, y) in pixels; what hangs on a NaN is left out.
        image_hw: Height and width of the mask in pixels.

    Returns:
        (H, W) float32 in 0..1, soft at the edge.
    """
    canvas = np.zeros(image_hw, np.uint8)
    seen = np.isfinite(keypoints_px).all(axis=1)
    palm_px = keypoints_px[[joint for joint in PALM if seen[joint]]]
    if len(palm_px) == 0:
        return canvas.astype(np.float32)
    # From any palm joint: a hand that points at the camera is short in one direction only.
    gaps_px = np.linalg.norm(palm_px[:, None] - palm_px[None], axis=2)
    width_px = max(round(FINGER_WIDTH * float(gaps_px.max())), 1)
    points = np.nan_to_num(np.rint(keypoints_px * 2**_FRACTION_BITS)).astype(np.int32)
    outline = [joint for joint in PALM if seen[joint]]
    cv2.fillPoly(canvas, [points[outline]], 255, cv2.LINE_AA, _FRACTION_BITS)
    _draw_lines(canvas, points, (*outline, outline[0]), seen, width_px)
    for finger in FINGERS:
        _draw_lines(canvas, points, finger, seen, width_px)
    return np.divide(canvas, 255, dtype=np.float32)


def _draw_lines(
    canvas: NDArray[np.uint8],
    points: NDArray[np.int32],
    joints: tuple[int, ...],
    seen: NDArray[np.bool_],
    width_px: int,
) -> None:
    """Connects joints, those not seen left out, with lines that have round ends."""
    for start, end in pairwise(joints):
        if seen[start] and seen[end]:
            first, last = points[start].tolist(), points[end].tolist()
            cv2.line(canvas, first, last, 255, width_px, cv2.LINE_AA, _FRACTION_BITS)


def encode(mask: NDArray[np.floating], stride: int) -> NDArray[np.float32]:
    """Shrinks a mask to a network's grid by area, then decides for each cell.

    Args:
        mask: (H, W) in 0..1; H and W are multiples of `stride`.
        stride: Pixels per cell.

    Returns:
        (H/stride, W/stride) float32, 1 for hand and 0 for background.
    """
    height, width = mask.shape
    blocks = mask.reshape(height // stride, stride, width // stride, stride)
    return (blocks.mean(axis=(1, 3)) >= MASK_THRESHOLD).astype(np.float32)


def to_image(mask: HandMask, image_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Enlarges a hand's mask to its image.

    Args:
        mask: As a network sees it.
        image_hw: Height and width of the image in pixels.

    Returns:
        (H, W) float32 in 0..1, how likely each pixel is hand; 0 outside the mask's box.
    """
    height, width = mask.cells.shape
    x0, y0, x1, y1 = (float(value) for value in mask.box_px)
    scale_x, scale_y = (x1 - x0) / width, (y1 - y0) / height
    # Cell (0, 0) is the square whose corner is the box's; its centre lies half a cell inside.
    matrix = np.array([[scale_x, 0, x0 + scale_x / 2], [0, scale_y, y0 + scale_y / 2]])
    return cv2.warpAffine(
        mask.cells, matrix, (image_hw[1], image_hw[0]), flags=cv2.INTER_LINEAR, borderValue=0
    )
