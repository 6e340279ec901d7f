"""Hand regions of SRHandNet: centre, width and height maps, and ours for the side.

The last maps of the network, in this order: 21 keypoints, background, centre, width, height, side.
Around a hand's centre a square of cells holds the width and the height of its region as a ratio of
a fixed size in pixels, and the side as -1 (left) or +1 (right). With the paper's one input size
the ratio is the paper's; a fixed one lets the same network run at several input sizes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Hand, Side

BACKGROUND, CENTRE, WIDTH, HEIGHT, SIDE = range(NUM_KEYPOINTS, NUM_KEYPOINTS + 5)
"""Indices of the maps that follow the keypoints."""

BOX_MARGIN = 1.3
"""Side of a hand's region over the side of its keypoints' box (section III-B)."""

SIDE_VALUES = {Side.LEFT: -1.0, Side.UNKNOWN: 0.0, Side.RIGHT: 1.0}


def signed_side(hand: Hand) -> float:
    """Returns the side score of a hand, negative for left; 0 where the side is unknown."""
    return SIDE_VALUES[hand.side] * hand.side_score


def side_of(value: float) -> tuple[Side, float]:
    """Turns -1 (left) .. +1 (right) into a side and its score: the inverse of `signed_side`."""
    if value == 0:
        return Side.UNKNOWN, 0.0
    return (Side.RIGHT if value > 0 else Side.LEFT), min(abs(value), 1.0)


@dataclass(frozen=True)
class Regions:
    """The regions found in one frame, best first.

    Attributes:
        boxes_px: (R, 4) float32, (x0, y0, x1, y1) network pixels, not clipped.
        scores: (R,) float32, value of the centre peak, 0..1.
        sides: (R,) float32 in -1 (left) .. +1 (right).
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    sides: NDArray[np.float32]


def keypoint_box(keypoints_px: NDArray[np.floating], margin: float = BOX_MARGIN) -> NDArray:
    """Returns the box around the labelled keypoints, enlarged about its centre.

    Args:
        keypoints_px: (K, 2), (x, y); NaN where unlabelled, at least one is not.
        margin: Factor on both sides.

    Returns:
        (4,) float32, (x0, y0, x1, y1).
    """
    low = np.nanmin(keypoints_px, axis=0)
    high = np.nanmax(keypoints_px, axis=0)
    half = 0.5 * margin * (high - low)
    centre = 0.5 * (low + high)
    return np.concatenate((centre - half, centre + half)).astype(np.float32)


def encode(
    boxes_px: NDArray[np.floating],
    sides: NDArray[np.floating],
    map_hw: tuple[int, int],
    stride: int,
    sigma_cells: float,
    reference_px: float,
) -> NDArray[np.float32]:
    """Draws the four region maps of a frame.

    Args:
        boxes_px: (M, 4) regions (x0, y0, x1, y1) in network pixels.
        sides: (M,) values of SIDE_VALUES.
        map_hw: Height and width of the maps in cells.
        stride: Network pixels per cell.
        sigma_cells: Standard deviation of the centre's Gaussian; the square of the other maps has
            three times that as its side.
        reference_px: Size that a width or height of 1 stands for, in network pixels.

    Returns:
        (4, height, width) float32: centre, width, height, side.
    """
    height, width = map_hw
    maps = np.zeros((4, height, width), np.float32)
    boxes = np.asarray(boxes_px, np.float32).reshape(-1, 4)
    centres = 0.5 * (boxes[:, :2] + boxes[:, 2:])
    maps[0] = heatmap.encode(centres[:, None], map_hw, stride, sigma_cells)[0]
    sizes = np.clip((boxes[:, 2:] - boxes[:, :2]) / reference_px, 0, 1)
    radius = int(1.5 * sigma_cells)
    # Largest first, so that a small hand in front of a large one keeps its square.
    for hand in np.argsort(-sizes.max(axis=1, initial=0), kind='stable'):
        column, row = np.rint(centres[hand] / stride).astype(int)
        window = (
            slice(max(row - radius, 0), max(row + radius + 1, 0)),
            slice(max(column - radius, 0), max(column + radius + 1, 0)),
        )
        maps[1][window], maps[2][window] = sizes[hand]
        maps[3][window] = sides[hand]
    return maps


def decode(
    maps: NDArray[np.float32],
    stride: int,
    threshold: float,
    reference_px: float,
    refine: bool = False,
) -> Regions:
    """Finds the hand regions of a frame.

    Args:
        maps: (4, H, W) float32: centre, width, height, side.
        stride: Network pixels per cell.
        threshold: Smallest centre peak.
        reference_px: As in `encode`.
        refine: Locate centres between cells.

    Returns:
        The regions, highest centre peak first.
    """
    cells = heatmap.peaks(maps[0], threshold)
    centre_maps = np.broadcast_to(maps[0], (len(cells), *maps[0].shape))
    centres = heatmap.decode(centre_maps, cells, stride, refine)
    # Section III-D: the mean over the same window in which the peak is the largest.
    window = (heatmap.NMS_WINDOW, heatmap.NMS_WINDOW)
    means = [cv2.blur(m, window, borderType=cv2.BORDER_REPLICATE) for m in maps[1:]]
    at_peaks = np.stack([mean[cells[:, 1], cells[:, 0]] for mean in means], axis=1)
    half = 0.5 * np.clip(at_peaks[:, :2], 0, 1) * reference_px
    return Regions(
        boxes_px=np.concatenate((centres - half, centres + half), axis=1).astype(np.float32),
        scores=np.clip(maps[0][cells[:, 1], cells[:, 0]], 0, 1),
        sides=np.clip(at_peaks[:, 2], -1, 1),
    )
