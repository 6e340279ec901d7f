"""Pictures turned by quarters, and where their points lie then."""

import cv2
import numpy as np
from numpy.typing import NDArray

ROTATIONS = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)


def turned_picture(picture: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    """Turns an (H, W, 3) picture counter-clockwise by `turns` quarters."""
    if turns % 4 == 0:
        return picture
    turned: NDArray[np.uint8] = cv2.rotate(picture, ROTATIONS[turns % 4 - 1])
    return turned


def turned_points(
    points_px: NDArray[np.floating], turns: int, image_hw: tuple[int, ...]
) -> NDArray[np.float32]:
    """Returns where points of a picture lie in the turned picture.

    Args:
        points_px: (..., 2) pixels.
        turns: Quarters, counter-clockwise; negative ones are clockwise.
        image_hw: Height and width of the picture before it is turned.

    Returns:
        (..., 2) pixels of the turned picture.
    """
    height, width = image_hw[:2]
    x, y = points_px[..., 0], points_px[..., 1]
    for _ in range(turns % 4):
        x, y, height, width = y, width - 1 - x, width, height
    return np.stack((x, y), axis=-1).astype(np.float32)


def turned_boxes(
    boxes_px: NDArray[np.floating], turns: int, image_hw: tuple[int, ...]
) -> NDArray[np.float32]:
    """Returns where (..., 4) boxes (x0, y0, x1, y1) lie; see `turned_points`."""
    corners = boxes_px.reshape(*boxes_px.shape[:-1], 2, 2)
    points = turned_points(corners, turns, image_hw)
    return np.concatenate((points.min(axis=-2), points.max(axis=-2)), axis=-1)
