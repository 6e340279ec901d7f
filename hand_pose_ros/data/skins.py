"""The skins that bodies wear."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.data.texels import GAMMA, TexelStore

LEVELS = 4
TEXELS_PER_METRE = 2000.0
"""Of the hands in the whole picture."""
DETAIL_GAIN = 1.2
DETAIL_WINDOW = 9
_HAND_ROWS, _HAND_COLUMNS = slice(1700, 1950), slice(780, 1100)


class SkinAtlas:
    """Skin pictures with their mean colours."""

    def __init__(self, skins: NDArray[np.uint8], device: str = 'cpu') -> None:
        """Sharpens and packs skins, (S, 2048, 2048, 3) uint8 RGB."""
        pictures = [sharpen(skin) for skin in skins]
        hands = [picture[_HAND_ROWS, _HAND_COLUMNS].reshape(-1, 3) for picture in pictures]
        means = np.array([((hand / 255.0) ** GAMMA).mean(axis=0) for hand in hands])
        self.texels = TexelStore(pictures, LEVELS, device)
        self.means = torch.tensor(means, dtype=torch.float32, device=device)
        """(S, 3) mean colour of the hands, linear light."""


def sharpen(skin: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Raises local contrast: the pictures are so soft that hands look like plastic."""
    window = (DETAIL_WINDOW, DETAIL_WINDOW)
    soft = cv2.blur(cv2.blur(skin, window), window)
    return cv2.addWeighted(skin, 1 + DETAIL_GAIN, soft, -DETAIL_GAIN, 0).astype(np.uint8)
