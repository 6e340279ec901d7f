"""Keypoints as Gaussians on a grid, and back.

Cell (column, row) of a map with stride t lies at pixel (t * column, t * row): there is no
half-pixel shift, as in the authors' demo of SRHandNet, which multiplies cell indices by 4.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

NMS_WINDOW = 5
"""Side of the window in which a peak must be the largest (SRHandNet section III-D), cells."""

MIN_CONFIDENT = 11
"""Keypoints that must be sure of their place before the others are looked for near them."""

MAX_CANDIDATES = 5
"""Highest peaks of a map among which an unsure keypoint chooses."""

CANDIDATE_SHARE = 0.5
"""Value that such a peak must have, over that of the highest."""


def encode(
    keypoints_px: NDArray[np.floating], map_hw: tuple[int, int], stride: int, sigma_cells: float
) -> NDArray[np.float32]:
    """Draws each keypoint as a Gaussian of peak 1; several hands are combined by the maximum.

    Args:
        keypoints_px: (M, K, 2), K keypoints of M hands, (x, y) in network pixels; NaN where
            unlabelled, which draws nothing.
        map_hw: Height and width of the maps in cells.
        stride: Network pixels per cell.
        sigma_cells: Standard deviation of the Gaussian, in cells.

    Returns:
        (K, height, width) float32 in 0..1.
    """
    height, width = map_hw
    hands, count, _ = keypoints_px.shape
    cells = np.asarray(keypoints_px, np.float32) / stride
    scale = -0.5 / sigma_cells**2
    along_x = np.exp(scale * (np.arange(width, dtype=np.float32) - cells[..., :1]) ** 2)
    along_y = np.exp(scale * (np.arange(height, dtype=np.float32) - cells[..., 1:]) ** 2)
    maps = np.zeros((count, height, width), np.float32)
    for hand in range(hands):
        gaussians = along_y[hand, :, :, None] * along_x[hand, :, None, :]  # (K, height, width)
        np.fmax(maps, gaussians, out=maps)
    return maps


def background(heatmaps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns 1 minus the largest of (K, H, W) heatmaps, (H, W): where no keypoint is."""
    return 1.0 - heatmaps.max(axis=0)


def peaks(heatmap: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Finds the cells that are the largest of their 5x5 window and reach a threshold.

    Args:
        heatmap: (H, W) float32.
        threshold: Smallest value of a peak.

    Returns:
        (P, 2) integers (column, row), highest peak first.
    """
    window = np.ones((NMS_WINDOW, NMS_WINDOW), np.uint8)
    # OpenCV pads a dilation with -inf, so that peaks at the border count as well.
    is_peak = (heatmap >= cv2.dilate(heatmap, window)) & (heatmap >= threshold)
    rows, columns = np.nonzero(is_peak)
    order = np.argsort(-heatmap[rows, columns], kind='stable')
    found = np.stack((columns, rows), axis=1)[order]
    # A peak halfway between cells has equal neighbours: only the first of them counts.
    distances = np.abs(found[:, None] - found[None]).max(axis=2)
    tied = np.tril(distances <= NMS_WINDOW // 2, -1).any(axis=1)
    return found[~tied]


def best_cells(heatmaps: NDArray[np.float32]) -> NDArray[np.intp]:
    """Returns the (column, row) of the largest cell of each map: (..., H, W) -> (..., 2)."""
    width = heatmaps.shape[-1]
    flat = heatmaps.reshape(*heatmaps.shape[:-2], -1).argmax(axis=-1)
    return np.stack((flat % width, flat // width), axis=-1)


def consistent_cells(heatmaps: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Finds one cell per keypoint; where no peak is sure, one that fits those that are.

    Gouidis et al. 2019, section 3.3: "if the probability is lower than a predetermined threshold,
    we select among the peaks having the highest probabilities, the one located nearest to the
    keypoints that have been found with high confidence". The threshold is that of the map itself:
    after a softmax over a whole map of values in 0..1, all cells are nearly alike.

    Args:
        heatmaps: (K, H, W) float32.
        threshold: Smallest value of a sure peak.

    Returns:
        (K, 2) integers (column, row): the largest cell of each map; of an unsure one, if at least
        MIN_CONFIDENT are sure, the peak nearest to the mean of the sure ones.
    """
    cells = best_cells(heatmaps)
    values = values_at(heatmaps, cells)
    sure = values >= threshold
    if sure.sum() < MIN_CONFIDENT:
        return cells
    middle = cells[sure].mean(axis=0)
    for joint in np.flatnonzero(~sure & (values > 0)):
        candidates = peaks(heatmaps[joint], CANDIDATE_SHARE * values[joint])[:MAX_CANDIDATES]
        distances = np.linalg.norm(candidates - middle, axis=1)
        cells[joint] = candidates[distances.argmin()]
    return cells


def values_at(
    heatmaps: NDArray[np.float32], cells: NDArray[np.intp], shift: tuple[int, int] = (0, 0)
) -> NDArray[np.float32]:
    """Reads each map at its own cell, moved by `shift` and kept inside the map.

    Args:
        heatmaps: (P, H, W) float32.
        cells: (P, 2) integers (column, row).
        shift: Added to (column, row).

    Returns:
        (P,) float32.
    """
    count, height, width = heatmaps.shape
    columns = np.clip(cells[:, 0] + shift[0], 0, width - 1)
    rows = np.clip(cells[:, 1] + shift[1], 0, height - 1)
    return heatmaps[np.arange(count), rows, columns]


def decode(
    heatmaps: NDArray[np.float32], cells: NDArray[np.intp], stride: int, refine: bool = False
) -> NDArray[np.float32]:
    """Turns peak cells into pixels.

    Args:
        heatmaps: (P, H, W) float32, the map each cell was found in.
        cells: (P, 2) integers (column, row).
        stride: Network pixels per cell.
        refine: Locate the peak between cells by a parabola through the logarithms of the cell and
            its two neighbours along each axis, which is exact on a Gaussian. Off in the paper.

    Returns:
        (P, 2) float32, (x, y) network pixels.
    """
    positions = cells.astype(np.float32)
    if refine and len(cells):
        centre = _log_at(heatmaps, cells, (0, 0))
        for axis, step in enumerate(((1, 0), (0, 1))):
            after = _log_at(heatmaps, cells, step)
            before = _log_at(heatmaps, cells, (-step[0], -step[1]))
            curvature = 2 * centre - after - before
            shift = 0.5 * (after - before) / np.maximum(curvature, 1e-6)
            last = heatmaps.shape[2 - axis] - 1
            at_border = (cells[:, axis] == 0) | (cells[:, axis] == last)
            positions[:, axis] += np.where(at_border, 0, np.clip(shift, -0.5, 0.5))
    return positions * stride


def _log_at(
    heatmaps: NDArray[np.float32], cells: NDArray[np.intp], shift: tuple[int, int]
) -> NDArray[np.float32]:
    return np.log(np.maximum(values_at(heatmaps, cells, shift), 1e-4))
