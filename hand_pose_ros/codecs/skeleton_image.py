"""Hands as skeleton images, and a skeleton image as the boxes of hands.

I. Kourbane, Y. Genc, "Skeleton-aware multi-scale heatmap regression for 2D hand pose estimation",
section II: the joints of each finger are connected, the palm is attached to the end of each
finger, and each joint is a Gaussian blob; "we identify the foreground pixels, and then we apply a
region growing algorithm". The paper gives neither the thickness of the lines ("the thickest" was
best) nor the size of the blobs. Here both are fixed in network pixels, so that a hand of a given
size looks the same whatever part of a picture the network sees; fingers beside each other still
have a gap between them in a hand of 70 pixels. The paper keeps the largest region, since its
pictures show one hand.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap
from hand_pose_ros.skeleton import BONES

THICKNESS_PX = 4
"""Of the lines, network pixels."""

SIGMA_PX = 2.0
"""Standard deviation of a joint's blob, network pixels."""

FOREGROUND = 0.5
"""Smallest value of a foreground pixel."""

MIN_AREA_PX = 100
"""Fewer foreground pixels together are no hand: a hand of 20 pixels has twice as many. The paper's
best threshold lies in 200 to 400, for hands that are near."""

_FRACTION_BITS = 4


def encode(keypoints_px: NDArray[np.floating], image_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Draws hands as bones and joints.

    Args:
        keypoints_px: (M, 21, 2), (x, y) in network pixels; NaN where unlabelled, which draws
            neither the joint nor its bones.
        image_hw: Height and width of the image in pixels.

    Returns:
        (height, width) float32 in 0..1.
    """
    lines = np.zeros(image_hw, np.uint8)
    for hand in np.asarray(keypoints_px) * 2**_FRACTION_BITS:
        for start, end in BONES:
            if np.isfinite(hand[[start, end]]).all():
                first, last = np.rint(hand[[start, end]]).astype(int).tolist()
                cv2.line(lines, first, last, 255, THICKNESS_PX, cv2.LINE_AA, _FRACTION_BITS)
    blobs = heatmap.encode(keypoints_px, image_hw, 1, SIGMA_PX).max(axis=0)
    return np.maximum(lines.astype(np.float32) / 255, blobs)


def decode(skeleton: NDArray[np.float32], min_area_px: int = MIN_AREA_PX) -> NDArray[np.float32]:
    """Finds the hands of a skeleton image: its connected foregrounds.

    Args:
        skeleton: (H, W) float32 in 0..1.
        min_area_px: Fewer pixels are no hand.

    Returns:
        (M, 4) float32, the tight boxes (x0, y0, x1, y1) of the foregrounds, network pixels, that
        with the largest area first.
    """
    foreground = (skeleton >= FOREGROUND).astype(np.uint8)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    regions = statistics[1:]  # the first is the background
    areas = regions[:, cv2.CC_STAT_AREA]
    regions = regions[np.argsort(-areas, kind='stable')[: np.count_nonzero(areas >= min_area_px)]]
    low, size = regions[:, :2], regions[:, 2:4]
    return np.concatenate((low, low + size - 1), axis=1).astype(np.float32)
