"""Many 8-bit pictures of any size in one flat tensor, sampled at many points at once."""

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.rendering.steady import power

GAMMA = 2.2


class TexelStore:
    """Pictures, each at `levels` sizes: whole, half, quarter, ..."""

    def __init__(
        self, pictures: Iterable[NDArray[np.uint8]], levels: int, device: str = 'cpu'
    ) -> None:
        """Packs (h, w, 3) uint8 RGB pictures."""
        packed: list[NDArray[np.int32]] = []
        table, start = [], 0
        for picture in pictures:
            scaled = picture
            for _ in range(levels):
                opaque = np.zeros_like(scaled[..., :1])
                packed.append(np.dstack((scaled, opaque)).view(np.int32).ravel())
                table.append((start, scaled.shape[1], scaled.shape[0]))
                start += packed[-1].size
                half = (max(2, scaled.shape[1] // 2), max(2, scaled.shape[0] // 2))
                scaled = cv2.resize(scaled, half, interpolation=cv2.INTER_AREA)
        self.levels = levels
        self._texels = torch.empty(start, dtype=torch.int32, device=device)
        # Last first, each freed at once: skins are large.
        while packed:
            part = packed.pop()
            start -= part.size
            self._texels[start : start + part.size] = torch.from_numpy(part)
        self._table = torch.tensor(table, device=device).T.contiguous()

    def __len__(self) -> int:
        return self._table.shape[1] // self.levels

    def sizes(self, picture: Tensor) -> Tensor:
        """Width and height of whole pictures: (...) int64 -> (2, ...) int64."""
        return self._table[1:, picture * self.levels]

    def sample(self, picture: Tensor, level: Tensor, place: Tensor) -> Tensor:
        """Bilinear colours.

        Args:
            picture: (F,) int64.
            level: (F,) int64, 0 = whole size.
            place: (2, F) in 0..1 across the picture, x and y.

        Returns:
            (3, F) linear light.
        """
        start, width, height = self._table.index_select(1, picture * self.levels + level)
        last = torch.stack((width, height)) - 1
        texel = (place * (last + 1) - 0.5).clamp(min=0).minimum(last)
        x, y = texel.long().minimum(last - 1)
        part_x, part_y = texel[0] - x, texel[1] - y
        first = start + y * width + x
        top = torch.lerp(self._fetch(first), self._fetch(first + 1), part_x)
        below = first + width
        bottom = torch.lerp(self._fetch(below), self._fetch(below + 1), part_x)
        return power(torch.lerp(top, bottom, part_y) * (1 / 255.0), GAMMA)

    def _fetch(self, index: Tensor) -> Tensor:
        """Texels as (3, F) float32 in 0..255."""
        texel = self._texels.index_select(0, index)
        return torch.stack((texel & 255, (texel >> 8) & 255, (texel >> 16) & 255)).float()
