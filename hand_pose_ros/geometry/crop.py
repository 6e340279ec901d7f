"""Letterboxes: a box of an image, scaled to fit a square network input, and the way back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FILL = 128
"""Grey of the empty part (SRHandNet section III-C); zero after normalisation."""


@dataclass(frozen=True)
class Letterbox:
    """Where a part of an image lies in the network's input.

    Attributes:
        origin_px: (x, y) of the part's top-left pixel in the image.
        scale: (x, y) network pixels per image pixel.
    """

    origin_px: tuple[int, int]
    scale: tuple[float, float]

    def to_image(self, points_px: NDArray[np.floating]) -> NDArray[np.float32]:
        """Maps (..., 2) network pixels to image pixels; pixel centres are at integers."""
        scale = np.asarray(self.scale, np.float32)
        points = (points_px + 0.5) / scale - 0.5 + np.asarray(self.origin_px)
        return points.astype(np.float32)

    def to_network(self, points_px: NDArray[np.floating]) -> NDArray[np.float32]:
        """Maps (..., 2) image pixels to network pixels; the inverse of `to_image`."""
        scale = np.asarray(self.scale, np.float32)
        points = (points_px - np.asarray(self.origin_px) + 0.5) * scale - 0.5
        return points.astype(np.float32)


def letterbox(
    image: NDArray[np.uint8], size: int, box_px: NDArray[np.floating] | None = None
) -> tuple[NDArray[np.uint8], Letterbox]:
    """Scales a box of an image, aspect kept, into the top-left of a grey square.

    Args:
        image: (H, W, 3) uint8.
        size: Side of the square in pixels.
        box_px: (x0, y0, x1, y1) image pixels, clipped to the image; the whole image if None.

    Returns:
        The (size, size, 3) uint8 square, and where the box lies in it.
    """
    x0, y0, x1, y1 = 0, 0, image.shape[1], image.shape[0]
    if box_px is not None:
        x0, y0 = (int(max(v, 0)) for v in np.floor(box_px[:2]))
        x1, y1 = (int(v) for v in np.minimum(np.ceil(box_px[2:]) + 1, (x1, y1)))
        x0, y0 = min(x0, image.shape[1] - 1), min(y0, image.shape[0] - 1)
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    part = image[y0:y1, x0:x1]
    ratio = min(size / (x1 - x0), size / (y1 - y0))
    width, height = (max(round(side * ratio), 1) for side in (x1 - x0, y1 - y0))
    # Averaging keeps thin fingers when the picture shrinks; interpolating looks better otherwise.
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    square = np.full((size, size, 3), FILL, np.uint8)
    square[:height, :width] = cv2.resize(part, (width, height), interpolation=method)
    return square, Letterbox((x0, y0), (width / (x1 - x0), height / (y1 - y0)))
