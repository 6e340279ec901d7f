"""Depth crops: what the depth network sees of a hand, and how its answer becomes metres.

A cube around the hand is seen by a camera of its own, the crop camera. It sits where the real one
sits and looks straight at the centre of the cube, so that a hand looks the same wherever in the
picture it is, whatever the lens. Its picture is as wide as the cube at the centre's distance.
In units of half a cube, and so within -1..1 inside of it,

    x, y    say where in the crop something is seen, right and down from its middle,
    depth   says how much farther than the centre it is, along the crop camera's axis.

The crop camera is rolled around its axis until the fingers of the hand point up, as far as its
keypoints in the picture tell: there are fewer upright hands to know than turned ones. Papers
regress metric x and y instead (DeepPrior++, Oberweger and Lepetit 2017, section 3.1). Those cannot
be told from a crop without the distance, 5 mm at 0.5 m; where a joint is seen can.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.geometry.camera import turned_view, unproject
from hand_pose_ros.geometry.palm import size_fit
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Hand

EMPTY = 1.0
"""Value of what is behind the cube, and of pixels without depth."""

MIRRORED = np.array([-1, 1, 1], np.float32)
"""Turns x, y, depth of joints into those of the mirrored crop."""

ALONG_HAND = np.array([0.0, *(np.nan,) * 4, *(1.0, 1.3, 1.4, 1.4) * 4])
"""How far along a hand its keypoints lie, wrist to fingertips; the thumb points anywhere."""

GRID = 32
"""Samples along each side of a box when its hand's depth is looked for."""
MIN_SAMPLES = 12
NEAR_KEYPOINT = 0.05
"""Standard deviation, in sides of the box, by which a sample counts less beside a keypoint."""
NEAR_MIDDLE = 0.25
"""The same beside the middle of the box, where it holds no keypoint."""
GAP_M = 0.03
"""Surfaces farther apart than this in depth are two."""
MIN_SHARE = 0.15
"""Of the weights of the samples; a nearer surface with less is in the way."""
HAND_BOX_M = (0.08, 0.3)
"""Larger side of the box around a hand: nearly all of 750 rendered hands lie between."""
HAND_DEPTH_M = 0.15
"""What is farther than this behind the nearest part of a hand is not hand any more."""


@dataclass(frozen=True)
class CropView:
    """The crop camera of one hand.

    Attributes:
        R_crop_cam: (3, 3) float64, turns points of the camera into those of the crop camera.
        distance_m: Distance of the cube's centre.
        cube_m: Side of the cube.
        size: Side of the crop in pixels.
    """

    R_crop_cam: NDArray[np.float64]
    distance_m: float
    cube_m: float
    size: int


def look_at(
    centre_cam: NDArray[np.floating], cube_m: float, size: int, roll_rad: float = 0.0
) -> CropView:
    """Points a crop camera at a centre.

    Args:
        centre_cam: (3,) metres in the optical frame, in front of the camera.
        cube_m: Side of the cube.
        size: Side of the crop in pixels.
        roll_rad: Turns what the crop shows around its middle, clockwise; see `upright_roll`.

    Raises:
        ValueError: The centre is not a point in front of the camera.
    """
    check_shape('centre_cam', centre_cam, (3,))
    distance_m = float(np.linalg.norm(centre_cam))
    if not (np.isfinite(distance_m) and centre_cam[2] > 0):
        raise ValueError(f'the centre of a crop must be before the camera, got {centre_cam}')
    x, y, z = np.asarray(centre_cam, np.float64) / distance_m
    # The shortest turn that takes the centre's direction to the optical axis.
    straight = np.array(
        [
            [1 - x * x / (1 + z), -x * y / (1 + z), -x],
            [-x * y / (1 + z), 1 - y * y / (1 + z), -y],
            [x, y, z],
        ]
    )
    cos, sin = np.cos(roll_rad), np.sin(roll_rad)
    roll = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return CropView(roll @ straight, distance_m, cube_m, size)


def upright_roll(keypoints_px: NDArray[np.floating]) -> float:
    """Finds the turn that makes the fingers of a hand point up.

    Args:
        keypoints_px: (21, 2) pixels; NaN where not seen.

    Returns:
        Radians, clockwise as seen in the picture; 0 where the keypoints do not tell.
    """
    check_shape('keypoints_px', keypoints_px, (NUM_KEYPOINTS, 2))
    seen = np.isfinite(keypoints_px).all(axis=1) & np.isfinite(ALONG_HAND)
    if not seen.any():
        return 0.0
    along = ALONG_HAND[seen] - ALONG_HAND[seen].mean()
    x, y = along @ np.asarray(keypoints_px, np.float64)[seen]
    return float(np.arctan2(-x, -y)) if x or y else 0.0


def encode_depth(
    depth_m: NDArray[np.floating], camera: Camera, view: CropView
) -> NDArray[np.float32]:
    """Cuts the cube out of a depth image.

    Args:
        depth_m: (H, W) floats, metres along z; what is not positive is not measured.
        camera: Intrinsics of the image.
        view: The crop camera.

    Returns:
        (S, S) float32 in -1..1; EMPTY behind the cube and where there is no depth, -1 before it.

    Raises:
        ValueError: `depth_m` is not (H, W).
    """
    check_shape('depth_m', depth_m, (None, None))
    height, width = depth_m.shape
    half_m = view.cube_m / 2
    focal_px = view.size / 2 * view.distance_m / half_m
    slopes = (np.arange(view.size) - (view.size - 1) / 2) / focal_px
    to_x, to_y, to_z = view.R_crop_cam[:, 2]
    rays_z = slopes * to_x + slopes[:, None] * to_y + to_z  # of rays with z 1 of the crop camera
    columns, rows = np.rint(turned_view(camera, view.R_crop_cam, focal_px, view.size))
    inside = (rays_z > 0) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    rows, columns = (np.where(inside, each, 0).astype(np.intp) for each in (rows, columns))
    along_z = depth_m[rows, columns]
    measured = inside & (along_z > 0) & np.isfinite(along_z)
    # A point on the ray at depth z of the camera is at z / ray_z of the crop camera.
    z_crop = np.where(measured, along_z, 1.0) / np.where(measured, rays_z, 1.0)
    values = np.where(measured, (z_crop - view.distance_m) / half_m, EMPTY)
    return values.clip(-1, 1).astype(np.float32)


def encode_joints(joints_cam: NDArray[np.floating], view: CropView) -> NDArray[np.float32]:
    """Turns joints in metres into what the network predicts; the inverse of `decode_joints`.

    Args:
        joints_cam: (J, 3) metres in the optical frame.
        view: The crop camera.

    Returns:
        (J, 3) float32 x, y, depth; NaN for joints that are not before the crop camera.
    """
    joints_crop = np.asarray(joints_cam, np.float64) @ view.R_crop_cam.T
    z = joints_crop[:, 2:].copy()
    z[~(z > 0)] = np.nan
    half_m = view.cube_m / 2
    seen_at = joints_crop[:, :2] / z * (view.distance_m / half_m)
    return np.hstack((seen_at, (z - view.distance_m) / half_m)).astype(np.float32)


def decode_joints(values: NDArray[np.floating], view: CropView) -> NDArray[np.float64]:
    """Turns what the network predicts into metres.

    Args:
        values: (J, 3) x, y, depth.
        view: The crop camera.

    Returns:
        (J, 3) float64 metres in the optical frame.
    """
    half_m = view.cube_m / 2
    z = view.distance_m + np.asarray(values[:, 2:], np.float64) * half_m
    joints_crop = np.hstack((values[:, :2] * (half_m / view.distance_m) * z, z))
    return joints_crop @ view.R_crop_cam


def find_centre(
    depth_m: NDArray[np.floating], camera: Camera, hand: Hand
) -> NDArray[np.float64] | None:
    """Finds the middle of a hand: its box says where, the depth inside how far.

    Surfaces are asked that enough of the keypoints lie on or beside, or that fill enough of the
    box's middle, and at which the box is as large as a hand's, if there are some. The one is taken
    at which the palm is of ordinary size; where its keypoints do not tell, the nearest, since a
    hand is before its background, and few things are before a hand.

    Args:
        depth_m: (H, W) floats, metres along z; what is not positive is not measured.
        camera: Intrinsics of the image.
        hand: With a box, which may reach beyond the image; keypoints count that are in it.

    Returns:
        (3,) float64 metres in the optical frame; None where the box holds too little depth, or
        none at which the palm could be a hand's.
    """
    box_px, keypoints_px = hand.box_px.astype(np.float64), hand.keypoints_px
    samples_m, weights = _box_samples(depth_m, box_px, keypoints_px)
    if len(samples_m) < MIN_SAMPLES:
        return None
    order = np.argsort(samples_m)
    samples_m, weights = samples_m[order], weights[order]
    surface = np.cumsum(np.diff(samples_m, prepend=samples_m[0]) > GAP_M)
    shares = np.bincount(surface, weights) / weights.sum()
    enough = shares >= MIN_SHARE
    if not enough.any():
        return None
    surfaces_m = np.bincount(surface, samples_m) / np.bincount(surface)
    sides_m = np.max(box_px[2:] - box_px[:2]) / camera.fx * surfaces_m
    likely = enough & (sides_m > HAND_BOX_M[0]) & (sides_m < HAND_BOX_M[1])
    candidates = likely if likely.any() else enough
    fits = candidates * size_fit(surfaces_m, keypoints_px, hand.scores, camera)
    if not fits.any():
        return None
    on_hand = surface == np.argmax(fits)
    hand_m, hand_weights = samples_m[on_hand], weights[on_hand]
    near_m = np.percentile(hand_m, 5)
    kept = hand_m < near_m + HAND_DEPTH_M
    middle = np.searchsorted(np.cumsum(hand_weights[kept]), hand_weights[kept].sum() / 2)
    centre_px = np.array([[box_px[0] + box_px[2], box_px[1] + box_px[3]]]) / 2
    return unproject(centre_px, hand_m[kept][middle : middle + 1], camera)[0]


def _box_samples(
    depth_m: NDArray[np.floating],
    box_px: NDArray[np.float64],
    keypoints_px: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples the depth in a box, with weights."""
    height, width = depth_m.shape
    steps = (np.arange(GRID) + 0.5) / GRID
    x = np.rint(box_px[0] + steps * (box_px[2] - box_px[0])).astype(np.intp)
    y = np.rint(box_px[1] + steps * (box_px[3] - box_px[1])).astype(np.intp)
    within_x, within_y = (x >= 0) & (x < width), (y >= 0) & (y < height)
    values = depth_m[np.ix_(y[within_y], x[within_x])]
    weights = _weights(steps, box_px, keypoints_px)[np.ix_(within_y, within_x)]
    measured = (values > 0) & np.isfinite(values)
    return values[measured].astype(np.float64), weights[measured]


def _weights(
    steps: NDArray[np.float64], box_px: NDArray[np.float64], keypoints_px: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Returns (GRID, GRID) weights that fall off from the keypoints, or else from the middle."""
    places = (keypoints_px - box_px[:2]) / np.maximum(box_px[2:] - box_px[:2], 1.0)
    points, sigma = places[((places >= 0) & (places <= 1)).all(axis=1)], NEAR_KEYPOINT
    if len(points) == 0:
        points, sigma = np.full((1, 2), 0.5), NEAR_MIDDLE
    x, y = np.square(steps[:, None, None] - points).transpose(2, 0, 1)  # each (GRID, K)
    nearest: NDArray[np.float64] = (y[:, None] + x).min(axis=2)
    return np.exp(-0.5 * nearest / sigma**2)
