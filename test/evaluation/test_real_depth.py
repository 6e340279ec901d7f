"""Joints on real depth: within the hand that is measured, and of one person's bones."""

import numpy as np
import pytest
from depth_oracle import CAMERA, DepthOracle, depth_image, open_hand

from hand_pose_ros.codecs.depth_crop import encode_joints, look_at
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.evaluation.real_depth import bone_spread, read_in_box, within_hand
from hand_pose_ros.geometry.camera import project

JOINTS_CAM = open_hand(0.6)
BOX_PX = keypoint_box(project(JOINTS_CAM, CAMERA))


def moved(right_m, deeper_m):
    return JOINTS_CAM + np.array([right_m, 0, deeper_m])


def test_joints_behind_the_skin_are_within_the_hand_and_others_are_not():
    depth_m = depth_image(JOINTS_CAM, 1.5)
    assert within_hand(moved(0, 0.01), depth_m, CAMERA).all()
    # Two centimetres before the skin, four behind it, beside the hand, and outside of the image.
    assert not within_hand(moved(0, -0.02), depth_m, CAMERA).any()
    assert not within_hand(moved(0, 0.04), depth_m, CAMERA).any()
    assert not within_hand(moved(0.25, 0.01), depth_m, CAMERA).any()
    assert not within_hand(moved(2, 0.01), depth_m, CAMERA).any()


def test_joints_where_nothing_is_measured_are_not_within_the_hand():
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    assert not within_hand(JOINTS_CAM, nothing, CAMERA).any()


def test_bones_differ_as_much_as_the_hands_are_scaled():
    assert bone_spread([JOINTS_CAM, JOINTS_CAM + 0.1]) == pytest.approx(0, abs=1e-9)
    # Two lengths 1.1 and 0.9 of their mean.
    assert bone_spread([JOINTS_CAM * 1.1, JOINTS_CAM * 0.9]) == pytest.approx(0.1)


def test_a_hand_is_read_again_where_it_was_found():
    values = encode_joints(JOINTS_CAM, look_at(JOINTS_CAM.mean(axis=0), 0.3, 128))
    runtime = DepthOracle([values])
    estimator = LocalRegressionHourglassEstimator(runtime)
    hand = read_in_box(estimator, depth_image(JOINTS_CAM, 1.5), CAMERA, BOX_PX)
    assert len(runtime.batches) >= 2
    assert np.allclose(project(hand.joints_cam, CAMERA), hand.keypoints_px, atol=1e-3)


def test_a_box_without_depth_is_refused():
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    estimator = LocalRegressionHourglassEstimator(DepthOracle([np.zeros((21, 3))]))
    assert read_in_box(estimator, nothing, CAMERA, BOX_PX) is None
