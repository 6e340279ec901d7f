"""Holds simulated depth against real depth: the same measures of both, and a picture."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.dataset_report import colour_depth
from hand_pose_ros.data.pictures import read_depth_picture

SR305_UNIT_M = 0.000125
PATCH = 11
PATCH_STRIDE = 7
FLAT_RANGE_M = 0.025
SHEET_COLUMNS = 5
SHEET_ROWS = 2
SHOWN_RANGE_M = (0.3, 1.2)


@dataclass(frozen=True)
class DepthStatistics:
    """What the errors of a depth sensor look like in its images.

    Attributes:
        noise_per_m: Median noise of smooth patches over squared distance, 1/m.
        grain: Correlation of that noise between neighbouring pixels.
        raggedness_px: Root mean square distance of silhouettes from their smoothed course.
        hole_share: Share of missing pixels among those a 9 x 9 closing would fill.
        jump_share: Share of neighbouring pixels that differ by more than 10 mm.
        shadow_px: Median width of the holes on the left and on the right of near objects.
    """

    noise_per_m: float
    grain: float
    raggedness_px: float
    hole_share: float
    jump_share: float
    shadow_px: tuple[float, float]


def measure_errors(images_m: list[NDArray[np.float32]]) -> DepthStatistics:
    """Measures the errors that need no ground truth.

    Args:
        images_m: (H, W) metres, NaN where missing; each shows things with a silhouette.

    Returns:
        The statistics over all images.
    """
    residuals, distances_m = map(
        np.concatenate, zip(*map(_patch_residuals, images_m), strict=True)
    )
    noise_m = residuals.std(axis=(1, 2))
    beside = (residuals[:, :, 1:] * residuals[:, :, :-1]).mean(axis=(1, 2))
    across = np.concatenate([np.abs(np.diff(image, axis=1)).ravel() for image in images_m])
    holes = [_hole_share(np.isfinite(image)) for image in images_m]
    return DepthStatistics(
        noise_per_m=float(np.median(noise_m / distances_m**2)),
        grain=float(np.median(beside / noise_m**2)),
        raggedness_px=float(np.mean([_raggedness_px(np.isfinite(image)) for image in images_m])),
        hole_share=float(np.mean(holes)),
        jump_share=float((across > 0.010).sum() / np.isfinite(across).sum()),
        shadow_px=_shadow_px(images_m),
    )


def read_sr305_frames(folder: Path) -> list[NDArray[np.float32]]:
    """Reads 16-bit PNGs in units of 0.125 mm, with all below the folder.

    Returns:
        (H, W) metres, NaN where missing.

    Raises:
        FileNotFoundError: There are none.
        ValueError: A file is not a 16-bit picture.
    """
    paths = sorted(folder.rglob('*.png'))
    if not paths:
        raise FileNotFoundError(f'no depth frames (*.png) below {folder}')
    images_m = []
    for path in paths:
        raw = read_depth_picture(path)
        images_m.append(np.where(raw > 0, raw * np.float32(SR305_UNIT_M), np.float32(np.nan)))
    return images_m


def draw_comparison(
    real_m: list[NDArray[np.float32]], simulated_m: list[NDArray[np.float32]]
) -> NDArray[np.uint8]:
    """Puts real frames above simulated ones, and the statistics of both below.

    Args:
        real_m: (H, W) metres, NaN where missing.
        simulated_m: The same from the renderer.

    Returns:
        (H', W', 3) uint8 R, G, B.
    """
    bands = []
    for name, images_m in (('real', real_m), ('simulated', simulated_m)):
        count = SHEET_COLUMNS * SHEET_ROWS
        chosen = [images_m[i * len(images_m) // count] for i in range(count)]
        tiles = [colour_depth(image, SHOWN_RANGE_M) for image in chosen]
        rows = [tiles[i : i + SHEET_COLUMNS] for i in range(0, count, SHEET_COLUMNS)]
        text = np.zeros((48, tiles[0].shape[1] * SHEET_COLUMNS, 3), np.uint8)
        caption = f'{name}: {describe(measure_errors(images_m))}'
        cv2.putText(text, caption, (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 1, (255,) * 3, 2)
        bands += [text, *(np.hstack(row) for row in rows)]
    return np.vstack(bands)


def describe(statistics: DepthStatistics) -> str:
    """Says the statistics in one line."""
    left, right = statistics.shadow_px
    return (
        f'noise {1000 * statistics.noise_per_m:.2f} mm at 1 m, grain {statistics.grain:.2f}, '
        f'raggedness {statistics.raggedness_px:.2f} px, holes {statistics.hole_share:.1%}, '
        f'jumps over 10 mm {statistics.jump_share:.3%}, '
        f'gaps left {left:.0f} px, right {right:.0f} px'
    )


def _patch_residuals(
    image_m: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is left of smooth patches after a quadratic fit: (P, 11, 11), and distances (P,)."""
    windows = np.lib.stride_tricks.sliding_window_view(image_m, (PATCH, PATCH))
    every = windows[::PATCH_STRIDE, ::PATCH_STRIDE].reshape(-1, PATCH, PATCH)
    whole = np.isfinite(every).all(axis=(1, 2))
    patches: NDArray[np.float64] = every[whole].astype(np.float64)
    patches = patches[np.ptp(patches, axis=(1, 2)) < FLAT_RANGE_M]
    y, x = (axis.ravel() - PATCH // 2 for axis in np.indices((PATCH, PATCH)).astype(float))
    basis = np.stack((np.ones_like(x), x, y, x * x, y * y, x * y), axis=1)
    away = np.eye(PATCH**2) - basis @ np.linalg.pinv(basis)
    residuals = (patches.reshape(-1, PATCH**2) @ away).reshape(-1, PATCH, PATCH)
    # The fit takes 6 of 121 degrees of freedom with it.
    return residuals * np.sqrt(121 / 115), patches.mean(axis=(1, 2))


def _hole_share(measured: NDArray[np.bool_]) -> float:
    closed = cv2.morphologyEx(
        measured.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)
    )
    return 1 - measured.sum() / max(int(closed.sum()), 1)


def _raggedness_px(measured: NDArray[np.bool_]) -> float:
    """Deviation of the largest silhouette from itself smoothed by 5 px, off the image border."""
    contours, _ = cv2.findContours(
        measured.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    course = max(contours, key=len)[:, 0].astype(np.float64)
    smooth = cv2.GaussianBlur(np.vstack([course] * 3), (1, 31), 5)[len(course) : 2 * len(course)]
    size = np.array(measured.shape[::-1])
    inside = ((course > 2) & (course < size - 3)).all(axis=1)
    return float(np.sqrt(((course - smooth)[inside] ** 2).sum(axis=1).mean()))


def _shadow_px(images_m: list[NDArray[np.float32]]) -> tuple[float, float]:
    """Median width of gaps whose far side is the left or the right, 6 to 30 cm behind."""
    widths: tuple[list[int], list[int]] = ([], [])
    for row in (row for image in images_m for row in image[::2]):
        columns = np.flatnonzero(np.isfinite(row))
        steps = np.diff(row[columns])
        gaps = np.diff(columns) - 1
        for far_on_right in (False, True):
            behind = steps if far_on_right else -steps
            chosen = (gaps > 0) & (gaps < 60) & (behind > 0.06) & (behind < 0.3)
            widths[far_on_right].extend(gaps[chosen])
    left, right = (float(np.median(found)) if found else 0.0 for found in widths)
    return left, right
