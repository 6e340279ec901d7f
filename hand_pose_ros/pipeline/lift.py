"""From keypoints in pixels and a depth image to joints in metres."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.geometry.camera import unproject
from hand_pose_ros.geometry.depth import near_surface_depth
from hand_pose_ros.pipeline.config import LiftConfig
from hand_pose_ros.types import Camera, Hand, PositionSource

MAX_GAP_RATIO = 0.25
"""Longest gap inside a hand over its extent: 7.5 cm of 30 cm span two missing finger joints."""


def lift_hand(
    hand: Hand, depth_m: NDArray[np.float32], camera: Camera, config: LiftConfig
) -> Hand:
    """Measures the joints of a hand: each lies on the surface that is seen at its keypoint.

    That is the skin, about half a finger's thickness in front of the bone. A joint behind another
    finger or an object gets the position of what hides it, if that is near enough to belong to
    the hand; telling those apart takes a network that knows hands. The joints of such a network,
    `PositionSource.MODEL`, belong where the ones measured here are NaN or contradict it.

    Args:
        hand: A hand with keypoints and box.
        depth_m: (H, W) float32, metres along z, aligned with the image; NaN where not measured.
        camera: Intrinsics of the image.
        config: Which depths are believed.

    Returns:
        The hand with `joints_cam` and `position_sources`: measured, or NaN and NONE where the
        depth does not say or would tear the hand apart. Everything else is unchanged.
    """
    radius_px = config.patch_ratio * float(np.max(hand.box_px[2:] - hand.box_px[:2]))
    joints_m = near_surface_depth(depth_m, hand.keypoints_px, radius_px)
    believed = (joints_m >= config.min_depth_m) & (joints_m <= config.max_depth_m)
    joints_m = np.where(believed, joints_m, np.float32(np.nan))
    joints_cam = unproject(hand.keypoints_px, joints_m, camera)
    measured = _hanging_together(joints_cam, config.max_hand_extent_m * MAX_GAP_RATIO)
    if measured.any():
        # A hand too close for the sensor leaves only background, at which it would be a giant.
        flat_m = np.full(len(joints_m), np.median(joints_m[measured]))
        flat_cam = unproject(hand.keypoints_px, flat_m, camera)
        measured &= _typical_reach(flat_cam) <= config.max_hand_extent_m / 2
    sources = np.where(measured, PositionSource.MEASURED, PositionSource.NONE)
    return replace(
        hand,
        joints_cam=np.where(measured[:, None], joints_cam, np.nan).astype(np.float32),
        position_sources=sources.astype(np.uint8),
    )


def _hanging_together(joints_cam: NDArray[np.float64], max_gap_m: float) -> NDArray[np.bool_]:
    """Marks the joints that are connected with more than half of all in short steps.

    Background seen beside a finger is farther from every joint of the hand than a finger is long.

    Args:
        joints_cam: (K, 3) float64 metres; NaN where not measured.
        max_gap_m: Longest step from one joint to the next.

    Returns:
        (K,) bool; none where the measured joints fall apart without a majority.
    """
    apart_m = np.linalg.norm(joints_cam[:, None] - joints_cam, axis=2)  # (K, K)
    reachable = apart_m <= max_gap_m
    for _ in range(math.ceil(math.log2(len(joints_cam)))):  # each squaring doubles the steps
        reachable = reachable @ reachable
    measured = np.diagonal(apart_m) == 0
    return 2 * reachable.sum(axis=1) > measured.sum()


def _typical_reach(points_cam: NDArray[np.float64]) -> float:
    """Returns the median distance from the middle of the points that are not NaN, in metres."""
    points_cam = points_cam[np.isfinite(points_cam).all(axis=1)]
    reach_m = np.linalg.norm(points_cam - np.median(points_cam, axis=0), axis=1)
    return float(np.median(reach_m))
