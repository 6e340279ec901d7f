"""Boxes (x0, y0, x1, y1) and points (x, y) in pixels."""

import numpy as np
from numpy.typing import NDArray


def inside_image(points_px: NDArray[np.floating], image_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tells which points lie on a pixel of an image, each half a pixel wide to every side.

    Args:
        points_px: (..., 2) pixels with centres at integers; NaN lies nowhere.
        image_hw: Height and width of the image, pixels.
    """
    last_px = np.array(image_hw[1::-1]) - 0.5
    return np.asarray(((points_px >= -0.5) & (points_px <= last_px)).all(axis=-1))


def pairwise_iou(
    boxes_px: NDArray[np.floating], others_px: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Returns the intersection over union of every box with every other.

    Args:
        boxes_px: (A, 4).
        others_px: (B, 4).

    Returns:
        (A, B) in 0..1; 0 for boxes without area.
    """
    shared = shared_areas(boxes_px, others_px)
    union = areas(boxes_px)[:, None] + areas(others_px) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def shared_areas(
    boxes_px: NDArray[np.floating], others_px: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Returns the area, square pixels, that every box shares with every other.

    Args:
        boxes_px: (A, 4).
        others_px: (B, 4).

    Returns:
        (A, B).
    """
    first = np.asarray(boxes_px, np.float64).reshape(-1, 1, 4)
    second = np.asarray(others_px, np.float64).reshape(1, -1, 4)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=2))


def areas(boxes_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns the areas of (N, 4) boxes, square pixels; 0 for those turned inside out."""
    boxes = np.asarray(boxes_px, np.float64).reshape(-1, 4)
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))
