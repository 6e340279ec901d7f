"""What a robot's camera does to pictures: the same photos in worse light, motion and compression.

Every condition is a function of the picture alone, so that two models see the same pixels.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.photometric import compressed

BLUR_SHARE = 1 / 40
"""Length of the motion blur over the longer side of the picture: 16 pixels of 640."""

NOISE = 0.06
"""Standard deviation of the noise of a dark picture, 1 = full scale."""


def darkened(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shows an (H, W, 3) picture in an eighth of its light, with the noise of a high gain."""
    light = (rgb.astype(np.float32) / 255) ** 2.2 / 8
    noise = np.random.default_rng(0).standard_normal(rgb.shape, np.float32) * np.float32(NOISE)
    return _as_picture(light ** (1 / 2.2) + noise)


def moved(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blurs an (H, W, 3) picture along its rows, as a turning camera does."""
    length = max(round(BLUR_SHARE * max(rgb.shape[:2])), 2)
    kernel = np.full((1, length), 1 / length, np.float32)
    blurred: NDArray[np.uint8] = cv2.filter2D(rgb, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return blurred


def overexposed(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shows an (H, W, 3) picture in three times its light; what is bright becomes white."""
    light = (rgb.astype(np.float32) / 255) ** 2.2 * 3
    return _as_picture(light ** (1 / 2.2))


def colourless(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Takes the colours from an (H, W, 3) picture, as an infrared camera does."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.repeat(grey[..., None], 3, axis=2)


CONDITIONS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    'dark and noisy': darkened,
    'overexposed': overexposed,
    'motion blur': moved,
    'strong JPEG': partial(compressed, quality=15),
    'without colours': colourless,
}
"""By their names."""


def _as_picture(unit: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
