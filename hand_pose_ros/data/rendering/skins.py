"""The skins that bodies wear."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.data.rendering.texels import GAMMA, TexelStore

LEVELS = 4
TEXELS_PER_METRE = 2000.0
"""Of the hands in the whole picture."""
DETAIL_GAIN = 1.2
DETAIL_WINDOW = 9
_HAND_ROWS, _HAND_COLUMNS = slice(1700, 1950), slice(780, 1100)


class SkinAtlas:
    """Skin pictures with their mean colours."""

    def __init__(
        self,
        skins: NDArray[np.uint8],
        uv: NDArray[np.float32],
        triangles: NDArray[np.int64],
        device: str = 'cpu',
    ) -> None:
        """Sharpens and packs skins.

        Args:
            skins: (S, size, size, 3) uint8 RGB.
            uv: (T, 2) in 0..1, y down.
            triangles: (F, 3) indices into `uv`.
            device: Torch device.
        """
        used = used_texels(uv, triangles, skins.shape[1])
        hands = skins[:, _HAND_ROWS, _HAND_COLUMNS].reshape(len(skins), -1, 3)
        means = ((hands / 255.0) ** GAMMA).mean(axis=1)
        self.texels = TexelStore((sharpen(skin, used) for skin in skins), LEVELS, device)
        self.means = torch.tensor(means, dtype=torch.float32, device=device)
        """(S, 3) mean colour of the hands, linear light."""


def used_texels(
    uv: NDArray[np.float32], triangles: NDArray[np.int64], size: int
) -> NDArray[np.uint8]:
    """(size, size), 1 where a triangle of the body lies on the picture."""
    used = np.zeros((size, size), np.uint8)
    corners = (uv[triangles] * size - 0.5).round().astype(np.int32)
    cv2.fillPoly(used, list(corners), 1)
    return used


def sharpen(skin: NDArray[np.uint8], used: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Raises local contrast: the pictures are so soft that hands look like plastic.

    Colours are continued beyond the used texels, so that no seam shows between parts.
    """
    window = (DETAIL_WINDOW, DETAIL_WINDOW)
    masked = skin * used[..., None]
    share = cv2.blur(cv2.blur(used.astype(np.float32), window), window)
    soft = cv2.blur(cv2.blur(masked.astype(np.float32), window), window)
    soft /= np.maximum(share, 1e-3)[..., None]
    sharp = np.where(used[..., None] > 0, skin + DETAIL_GAIN * (skin - soft), soft)
    beyond = (share < 1e-3)[..., None]
    return np.where(beyond, skin, sharp.clip(0, 255)).astype(np.uint8)
