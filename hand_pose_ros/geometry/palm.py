"""How far away a hand can be, as far as its size in the picture tells."""

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.geometry.camera import unproject
from hand_pose_ros.skeleton import FINGERS, NUM_KEYPOINTS, WRIST
from hand_pose_ros.types import Camera

KNUCKLES = (WRIST, *(finger[0] for finger in FINGERS[1:]))
"""The keypoints of the palm that hardly move against each other."""

PALM_M = np.array(
    [[-0.062, 0.003], [0.018, 0.026], [0.018, 0.007], [0.016, -0.011], [0.010, -0.025]]
)
"""Where in the plane of the palm they lie: means of 734 rendered hands, 4 mm from being flat."""

MIN_SPREAD_M = 0.007
"""Least singular value of the keypoints that are seen, about their mean: 0.011 of any three with
the wrist, 0.003 of the knuckles alone, across whose line noise would tell the size."""

LOG_SIGMA = 0.2
"""Standard deviation of the logarithm of the distance for scores of 1: of hands of adults, 0.12
with the true keypoints. It grows as the scores fall: 0.13 for scores of 0.8, 0.28 for 0.65 and
0.49 for 0.5 with keypoints that were found on 123 rendered hands."""

MIN_FIT = 0.01
"""Where a hand fits less it is not: three standard deviations, 1.8 times too large or too small
for scores of 1."""


def palm_distance_m(keypoints_px: NDArray[np.floating], camera: Camera) -> float:
    """Tells the distance at which the palm of an average hand would be as large as this one.

    A flat palm is seen through an affine map, of which the larger singular value is the scale
    however the palm is turned: one direction in its plane is never foreshortened.

    Args:
        keypoints_px: (21, 2) pixels; NaN where not seen.
        camera: Intrinsics of the image.

    Returns:
        Metres along z; NaN where too few keypoints of the palm are seen, or only such as lie
        nearly on a line, as the knuckles do without the wrist.
    """
    check_shape('keypoints_px', keypoints_px, (NUM_KEYPOINTS, 2))
    points_px = keypoints_px[list(KNUCKLES)]
    seen_at = unproject(points_px, np.ones(len(KNUCKLES)), camera)[:, :2]
    seen = np.isfinite(seen_at).all(axis=1)
    if seen.sum() < 3:
        return float('nan')
    palm_m, seen_at = PALM_M[seen], seen_at[seen]
    palm_m = palm_m - palm_m.mean(axis=0)
    if np.linalg.norm(palm_m, ord=-2) < MIN_SPREAD_M:
        return float('nan')
    affine = np.linalg.pinv(palm_m) @ (seen_at - seen_at.mean(axis=0))
    scale = np.linalg.norm(affine, ord=2)
    return float(1 / scale) if scale > 0 else float('nan')


def size_fit(
    depth_m: NDArray[np.floating],
    keypoints_px: NDArray[np.floating],
    scores: NDArray[np.floating],
    camera: Camera,
) -> NDArray[np.float64]:
    """Tells at which depths a hand that is seen so large would be of ordinary size.

    Args:
        depth_m: Floats of any shape, metres along z; NaN where not measured.
        keypoints_px: (21, 2) pixels; NaN where not seen.
        scores: (21,) how sure they are, 0..1.
        camera: Intrinsics of the image.

    Returns:
        Of the shape of `depth_m`: 1 where it would, falling to 0 where it would be far too large
        or too small; 1 everywhere where the keypoints do not tell; 0 where depth is not measured.
    """
    distance_m = palm_distance_m(keypoints_px, camera)
    sureness = float(np.mean(scores[list(KNUCKLES)]))
    off = np.log(depth_m / distance_m) * sureness**2 / LOG_SIGMA
    fits = np.exp(-0.5 * np.square(off)) if np.isfinite(distance_m) else np.ones(depth_m.shape)
    return np.where(np.isfinite(depth_m) & (fits >= MIN_FIT), fits, 0.0)
