"""Depth of the surface under a pixel, from a patch of a depth image with holes and wrong edges."""

import math

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.geometry.arrays import check_shape

MIN_RADIUS_PX = 2
MAX_SAMPLES = 6
"""Samples from the centre of a patch to its rim; larger patches are sampled more coarsely."""

MIN_NEIGHBOURS = 4
"""Of a pixel's 8; at the straight edge of a surface it has 5, in a line of flying pixels 2."""

MIN_SURFACE_PIXELS = 4
MIN_SURFACE_SHARE = 0.25
"""Of the patch's measured pixels; a surface with fewer is something else at the patch's rim."""

TYPICAL_STRIDE = 8
"""Every so many pixels of an image, along both axes, count for its median."""

TYPICAL_DEPTH_M = (0.05, 50.0)
"""Median of any depth camera's image; one in the wrong unit is a thousand times off."""


def depth_tolerance_m(depth_m: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns the depth difference up to which neighbours are one surface, in metres.

    Three standard deviations of a depth camera's noise. Where depth comes from triangulation the
    noise grows with depth squared (Khoshelham and Oude Elberink 2012).

    Args:
        depth_m: Floats of any shape, metres along z.
    """
    return 0.005 + 0.01 * np.square(depth_m)


def typical_depth_m(depth_m: NDArray[np.float32]) -> float:
    """Returns the median of a depth image in metres, from a sample; NaN if that is all NaN.

    Args:
        depth_m: (H, W) float32, metres along z; NaN where not measured.
    """
    sample_m = depth_m[::TYPICAL_STRIDE, ::TYPICAL_STRIDE]
    sample_m = sample_m[np.isfinite(sample_m)]
    return float(np.median(sample_m)) if len(sample_m) else math.nan


def check_depth_unit(depth_m: NDArray[np.float32]) -> None:
    """Refuses a depth image that cannot be in metres; one without any depth may be.

    Args:
        depth_m: (H, W) float32, metres along z; NaN where not measured.

    Raises:
        ValueError: Its median is no distance that depth cameras measure.
    """
    typical_m = typical_depth_m(depth_m)
    low_m, high_m = TYPICAL_DEPTH_M
    if typical_m < low_m or typical_m > high_m:  # False for NaN
        raise ValueError(
            f'unit: expected a median distance of {low_m:g} to {high_m:g} m, '
            f'got {typical_m:.3g} m (16UC1 must be millimetres, 32FC1 metres)'
        )


def near_surface_depth(
    depth_m: NDArray[np.float32], points_px: NDArray[np.floating], radius_px: float
) -> NDArray[np.float32]:
    """Finds the depth of the nearest surface around each point.

    The nearest and not the middle one, because a finger has background beside it and hardly ever
    something in front. Holes do not count. Neither do flying pixels, which a sensor reports in
    the empty space between the two surfaces of an edge: too few neighbours are as deep as they.
    The remaining depths of a patch, sorted, fall apart into surfaces wherever the step to the
    next one exceeds the tolerance; a slanted surface is one as long as it is without a step.

    Args:
        depth_m: (H, W) float32, metres along z; NaN where not measured.
        points_px: (N, 2) floats, (x, y) pixels with centres at integers.
        radius_px: Radius of the patch around a point, at least 2 pixels being used.

    Returns:
        (N,) float32, the median depth of the surface in metres; NaN where too few pixels support
        one, and where the point is NaN or outside the image.

    Raises:
        ValueError: `depth_m` is not (H, W) or `points_px` not (N, 2).
    """
    check_shape('depth_m', depth_m, (None, None))
    check_shape('points_px', points_px, (None, 2))
    samples = max(MIN_RADIUS_PX, round(radius_px))
    spacing_px = math.ceil(samples / MAX_SAMPLES)
    samples = samples // spacing_px
    patches = _patches(depth_m, points_px, samples + 1, spacing_px)  # (N, P + 2, P + 2)
    offsets = np.square(np.arange(-samples, samples + 1))
    disc = offsets[:, None] + offsets <= (samples + 0.5) ** 2  # (P, P)
    inner = patches[:, 1:-1, 1:-1]
    measured = disc & np.isfinite(inner)  # (N, P, P)
    trusted = measured & (_equal_neighbours(patches) >= MIN_NEIGHBOURS)
    depths = np.where(trusted, inner, np.float32(np.nan)).reshape(-1, disc.size)
    needed = np.maximum(MIN_SURFACE_PIXELS, MIN_SURFACE_SHARE * measured.sum(axis=(1, 2)))
    return _first_surface(np.sort(depths, axis=1), needed)


def _patches(
    depth_m: NDArray[np.float32], points_px: NDArray[np.floating], samples: int, spacing_px: int
) -> NDArray[np.float32]:
    """Cuts a (2 * samples + 1) square around each point; NaN outside the image."""
    height, width = depth_m.shape
    nearest = np.round(points_px)
    # Also False for NaN.
    within = (nearest[:, 0] >= 0) & (nearest[:, 0] < width)
    within &= (nearest[:, 1] >= 0) & (nearest[:, 1] < height)
    centres = np.where(within[:, None], nearest, 0).astype(np.intp)
    offsets = np.arange(-samples, samples + 1) * spacing_px
    columns = centres[:, :1, None] + offsets  # (N, 1, P)
    rows = centres[:, 1:, None] + offsets[:, None]  # (N, P, 1)
    inside = within[:, None, None] & (rows >= 0) & (rows < height)
    inside = inside & (columns >= 0) & (columns < width)  # (N, P, P)
    patches = depth_m[rows.clip(0, height - 1), columns.clip(0, width - 1)]  # (N, P, P)
    return np.where(inside, patches, np.float32(np.nan))


def _equal_neighbours(patches: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Counts the 8-neighbours within the tolerance, (N, P + 2, P + 2) to (N, P, P)."""
    middle = patches[:, 1:-1, 1:-1]
    size = middle.shape[1]
    tolerance = depth_tolerance_m(middle)
    count = np.zeros(middle.shape, np.uint8)
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        neighbour = patches[:, row : row + size, column : column + size]
        count += np.abs(neighbour - middle) <= tolerance
    return count


def _first_surface(
    depths: NDArray[np.float32], needed: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Takes the median of the nearest surface that has as many pixels as needed.

    Args:
        depths: (N, S) float32, sorted along the last axis, NaN last.
        needed: (N,) float64.

    Returns:
        (N,) float32, NaN where no surface has as many.
    """
    count, size = depths.shape
    points = np.arange(count)
    steps = np.diff(depths, axis=1) > depth_tolerance_m(depths[:, :-1])
    surface = np.zeros((count, size), np.intp)  # number of the surface each sample is on
    np.cumsum(steps, axis=1, out=surface[:, 1:])
    surface += points[:, None] * size
    known = surface[np.isfinite(depths)]
    pixels = np.bincount(known, minlength=count * size).reshape(count, size)
    supported = pixels >= needed[:, None]
    first = supported.argmax(axis=1)
    length = pixels[points, first]
    start = pixels.cumsum(axis=1)[points, first] - length
    lower = depths[points, start + (length - 1) // 2]
    upper = depths[points, start + length // 2]
    return np.where(supported.any(axis=1), (lower + upper) / 2, np.float32(np.nan))
