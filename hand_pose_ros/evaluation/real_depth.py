"""What can be said of joints on real depth without any labels.

Joints of a hand that is seen lie within it: a little behind the surface that the camera measures
at their pixel. And a hand has the same bones in every image.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.skeleton import BONES, NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Hand

BEHIND_SURFACE_M = (-0.005, 0.025)
"""How far a joint may lie behind the skin before it: half a hand's thickness, and some noise."""


def read_in_box(
    estimator: LocalRegressionHourglassEstimator,
    depth_m: NDArray[np.float32],
    camera: Camera,
    box_px: NDArray[np.floating],
) -> Hand | None:
    """Reads a hand of which only its box is known, and once more where it was found then.

    Args:
        estimator: The depth network.
        depth_m: (H, W) float32 metres.
        camera: Its intrinsics.
        box_px: (4,) x0, y0, x1, y1.

    Returns:
        The hand: joints in metres, and as keypoints where they are seen; None where the network
        refuses.
    """
    unseen = np.full((NUM_KEYPOINTS, 2), np.nan, np.float32)
    hand = Hand(unseen, np.ones(NUM_KEYPOINTS, np.float32), np.asarray(box_px, np.float32), 1.0)
    for _ in range(2):
        (reading,) = estimator.read(depth_m, camera, [hand])
        if reading.refusal:
            return None
        keypoints_px = project(reading.joints_cam, camera).astype(np.float32)
        hand = Hand(
            keypoints_px,
            hand.scores,
            keypoint_box(keypoints_px).astype(np.float32),
            1.0,
            joints_cam=reading.joints_cam,
        )
    return hand


def within_hand(
    joints_cam: NDArray[np.floating], depth_m: NDArray[np.float32], camera: Camera
) -> NDArray[np.bool_]:
    """Marks the joints that lie within BEHIND_SURFACE_M of what is measured at their pixel.

    Args:
        joints_cam: (J, 3) metres in the optical frame.
        depth_m: (H, W) float32 metres, NaN where not measured.
        camera: Intrinsics of the image.

    Returns:
        (J,) bool; false as well outside of the image and where nothing is measured.
    """
    columns, rows = np.rint(project(joints_cam, camera)).astype(int).T
    height, width = depth_m.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    surface_m = depth_m[np.where(inside, rows, 0), np.where(inside, columns, 0)]
    behind_m = joints_cam[:, 2] - surface_m
    low_m, high_m = BEHIND_SURFACE_M
    result: NDArray[np.bool_] = inside & (behind_m >= low_m) & (behind_m <= high_m)
    return result


def bone_spread(hands_cam: Sequence[NDArray[np.floating]]) -> float:
    """Returns how much the bones of one person's hand differ between images, 0 for not at all.

    Args:
        hands_cam: (21, 3) joints of each image, in metres.

    Returns:
        The standard deviation of each bone's length over its mean; their mean over the 20 bones.
    """
    parents, children = np.transpose(BONES)
    joints = np.asarray(hands_cam, np.float64)  # (F, 21, 3)
    lengths = np.linalg.norm(joints[:, children] - joints[:, parents], axis=2)
    return float((lengths.std(axis=0) / lengths.mean(axis=0)).mean())
