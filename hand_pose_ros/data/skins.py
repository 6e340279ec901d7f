"""Skin pictures in memory, sampled at many points at once."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEVELS = 4
TEXELS_PER_METRE = 2000.0
"""Of the hands in the largest picture."""
DETAIL_GAIN = 1.2
DETAIL_WINDOW = 9
_HAND_ROWS, _HAND_COLUMNS = slice(1700, 1950), slice(780, 1100)


class SkinAtlas:
    """All skins at LEVELS sizes, each half the one before, in one flat tensor."""

    def __init__(self, skins: NDArray[np.uint8], device: str = 'cpu') -> None:
        """Sharpens and packs the skins, (S, size, size, 3) uint8."""
        self.size = skins.shape[1]
        packed, starts, start = [], [], 0
        means = []
        for skin in skins:
            picture = sharpen(skin)
            hand = picture[_HAND_ROWS, _HAND_COLUMNS].reshape(-1, 3) / 255.0
            means.append((hand**2.2).mean(axis=0))
            for _ in range(LEVELS):
                texels = np.dstack((picture, np.zeros_like(picture[..., :1])))
                packed.append(texels.view(np.int32).ravel())
                starts.append(start)
                start += packed[-1].size
                half = picture.shape[0] // 2
                picture = cv2.resize(picture, (half, half), interpolation=cv2.INTER_AREA)
        self._texels = torch.from_numpy(np.concatenate(packed)).to(device)
        self._starts = torch.tensor(starts, device=device)
        self.means = torch.tensor(np.array(means), dtype=torch.float32, device=device)
        """(S, 3) mean colour of the hands, linear light."""

    def __len__(self) -> int:
        return len(self.means)

    def sample(self, skin: Tensor, level: Tensor, uv: Tensor) -> Tensor:
        """Bilinear colours.

        Args:
            skin: (F,) int64.
            level: (F,) int64, 0 = full size.
            uv: (2, F) in 0..1, y down.

        Returns:
            (3, F) linear light.
        """
        start = self._starts.index_select(0, skin * LEVELS + level)
        size = self.size >> level
        place = (uv * size - 0.5).clamp(min=0)
        corner = place.floor()
        part = place - corner
        x, y = corner.long().minimum(size - 2)
        first = start + y * size + x
        top = torch.lerp(self._fetch(first), self._fetch(first + 1), part[0])
        below = first + size
        bottom = torch.lerp(self._fetch(below), self._fetch(below + 1), part[0])
        return (torch.lerp(top, bottom, part[1]) * (1 / 255.0)) ** 2.2

    def _fetch(self, index: Tensor) -> Tensor:
        """Texels as (3, F) float32 in 0..255."""
        texel = self._texels.index_select(0, index)
        return torch.stack((texel & 255, (texel >> 8) & 255, (texel >> 16) & 255)).float()


def sharpen(skin: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Raises local contrast: the pictures are so soft that hands look like plastic."""
    window = (DETAIL_WINDOW, DETAIL_WINDOW)
    soft = cv2.blur(cv2.blur(skin, window), window)
    return cv2.addWeighted(skin, 1 + DETAIL_GAIN, soft, -DETAIL_GAIN, 0)
