"""From depth and 2D hands to joints in metres; where there is no hand, none is invented."""

from dataclasses import replace

import numpy as np
import pytest
from depth_oracle import (
    CAMERA,
    SIZE,
    SPEC,
    DepthOracle,
    answer,
    as_hand,
    depth_image,
    open_hand,
)
from oracle import OracleRuntime

from hand_pose_ros.codecs.depth_crop import EMPTY
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.runtimes.base import JOINTS_NAME, SIDE_NAME

JOINTS_CAM = open_hand(0.6)


def measured(joints_cam):
    """A hand all of whose joints were measured."""
    return replace(as_hand(joints_cam), joints_cam=joints_cam.astype(np.float32))


def read(depth_m, hands, values=None, sides=None):
    runtime = DepthOracle([np.zeros((21, 3))] * len(hands) if values is None else values, sides)
    readings = LocalRegressionHourglassEstimator(runtime).read(depth_m, CAMERA, hands)
    return readings, runtime


def test_a_hand_that_turns_out_to_lie_is_read_once_more_upright():
    across, up = np.array([0, 0, 0.6]), np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    lying_cam = (JOINTS_CAM - across) @ up + across
    hand = replace(measured(lying_cam), keypoints_px=as_hand(JOINTS_CAM).keypoints_px)
    _, runtime = read(depth_image(lying_cam, 1.5), [hand], [answer(JOINTS_CAM, lying_cam)])
    extents = [
        [np.ptp(np.flatnonzero((np.abs(crop) < EMPTY).any(axis=axis))) for axis in (0, 1)]
        for (crop,) in runtime.batches
    ]
    (lying_x, lying_y), (upright_x, upright_y) = extents
    assert lying_x > lying_y + 5
    assert upright_y > upright_x + 5


def test_what_is_said_of_the_mirror_image_counts_as_much():
    class Unequal(DepthOracle):
        """Sees every joint 0.1 half cubes to the right, and a right hand for sure."""

        def run(self, inputs):
            outputs = super().run(inputs)
            return {
                JOINTS_NAME: outputs[JOINTS_NAME] + np.float32((0.1, 0, 0)),
                SIDE_NAME: outputs[SIDE_NAME] * 0 + 1,
            }

    estimator = LocalRegressionHourglassEstimator(Unequal([answer(JOINTS_CAM)]))
    (reading,) = estimator.read(depth_image(JOINTS_CAM, 1.5), CAMERA, [measured(JOINTS_CAM)])
    assert np.abs(reading.joints_cam - JOINTS_CAM).max() < 1e-4
    assert reading.side == 0


def test_a_smaller_cube_shows_a_small_hand_as_large_as_others():
    small, share = 0.25, 0.25 / SPEC.cube_m
    runtime = DepthOracle([answer(JOINTS_CAM)])
    estimator = LocalRegressionHourglassEstimator(runtime)
    (usual,) = estimator.read(depth_image(JOINTS_CAM, 1.5), CAMERA, [measured(JOINTS_CAM)])
    shrunk = depth_image(JOINTS_CAM, 1.5) * np.float32(share)
    (reading,) = estimator.read(shrunk, CAMERA, [measured(JOINTS_CAM * share)], small)
    first, _, second, _ = runtime.batches
    assert np.abs(first - second).max() < 1e-4
    assert np.allclose(reading.joints_cam, usual.joints_cam * share, atol=1e-6)


def wall(distance_m, slope=0.0, noise_m=0.0):
    """A wall that goes back to the right, `slope` metres per metre."""
    rays_x = (np.arange(CAMERA.width) - CAMERA.cx) / CAMERA.fx
    depth_m = np.tile(distance_m / (1 - slope * rays_x), (CAMERA.height, 1))
    noise = np.random.default_rng(0).normal(0, noise_m, depth_m.shape)
    return (depth_m + noise).astype(np.float32)


def test_joints_are_those_of_the_network_in_metres_around_the_measured_centre():
    (reading,), runtime = read(
        depth_image(JOINTS_CAM, 1.5), [measured(JOINTS_CAM)], [answer(JOINTS_CAM)], [-0.8]
    )
    assert reading.refusal == ''
    assert np.abs(reading.joints_cam - JOINTS_CAM).max() < 1e-4
    assert reading.joints_cam.dtype == np.float32
    assert reading.side == pytest.approx(-0.8)
    crops, mirrored = runtime.batches
    np.testing.assert_array_equal(mirrored, crops[:, :, ::-1])
    assert crops.dtype == np.float32
    assert crops.shape == (1, SIZE, SIZE)
    rows, columns = np.nonzero(crops[0] < EMPTY)
    assert abs((rows.min() + rows.max()) / 2 - SIZE / 2) < 4
    assert abs((columns.min() + columns.max()) / 2 - SIZE / 2) < 4


@pytest.mark.parametrize('background_m', [np.nan, 0.75, 3.0])
def test_without_measured_joints_the_depth_in_the_box_says_where_the_hand_is(background_m):
    hand = as_hand(JOINTS_CAM)
    (reading,), _ = read(depth_image(JOINTS_CAM, background_m), [hand])
    assert reading.refusal == ''
    # Joints in the middle of the crop are where the hand is.
    np.testing.assert_allclose(np.median(reading.joints_cam[:, 2]), 0.6, atol=0.02)


def test_all_hands_of_a_frame_are_read_in_one_batch_and_keep_their_order():
    left, right = open_hand(0.6, -0.15), open_hand(0.7, 0.15)
    depth_m = np.fmin(depth_image(left, np.nan), depth_image(right, np.nan))
    nowhere = replace(as_hand(left), box_px=np.array([0, 400, 60, 470], np.float32))
    hands = [measured(right), nowhere, measured(left)]
    readings, runtime = read(depth_m, hands, [answer(right), answer(left)], [0.5, -0.5])
    assert [len(crops) for crops in runtime.batches] == [2, 2]
    assert [reading.refusal for reading in readings] == [
        '',
        'no depth in its box that fits its size',
        '',
    ]
    assert np.abs(readings[0].joints_cam - right).max() < 1e-4
    assert np.abs(readings[2].joints_cam - left).max() < 1e-4
    assert [reading.side for reading in readings] == [0.5, 0, -0.5]


@pytest.mark.parametrize('value', [np.nan, 0.0, -0.6, np.inf])
def test_without_depth_no_joint_is_invented_and_the_network_not_asked(value):
    depth_m = np.full((CAMERA.height, CAMERA.width), value, np.float32)
    (reading,), runtime = read(depth_m, [as_hand(JOINTS_CAM)])
    assert np.isnan(reading.joints_cam).all()
    assert reading.refusal == 'no depth in its box that fits its size'
    assert runtime.batches == []


def test_a_few_pixels_of_depth_are_no_hand():
    depth_m = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    x, y = project(JOINTS_CAM, CAMERA).mean(axis=0).astype(int)
    depth_m[y - 15 : y + 15, x - 15 : x + 15] = 0.6  # 3 cm x 3 cm
    (reading,), runtime = read(depth_m, [measured(JOINTS_CAM)])
    assert reading.refusal == 'too little depth around it'
    assert not reading.is_no_hand
    assert runtime.batches == []


@pytest.mark.parametrize('slope', [0.0, 0.5, -1.2])
@pytest.mark.parametrize(('distance_m', 'noise_m'), [(0.4, 0.0), (0.6, 0.002), (2.0, 0.015)])
def test_a_flat_wall_is_no_hand(distance_m, noise_m, slope):
    depth_m = wall(distance_m, slope, noise_m)
    (reading,), runtime = read(depth_m, [as_hand(open_hand(distance_m))])
    assert reading.refusal == 'a flat surface'
    assert reading.is_no_hand
    assert np.isnan(reading.joints_cam).all()
    assert runtime.batches == []


@pytest.mark.parametrize('slope', [0.0, 0.5])
def test_a_hand_25_mm_before_a_wall_is_one(slope):
    depth_m = np.fmin(wall(0.625, slope), depth_image(JOINTS_CAM, np.nan))
    (reading,), _ = read(depth_m, [measured(JOINTS_CAM)])
    assert reading.refusal == ''


def test_a_hand_cut_by_the_picture_is_read():
    joints_cam = open_hand(0.6, 0.30)
    hand = as_hand(joints_cam)
    assert 5 < np.isfinite(hand.keypoints_px[:, 0]).sum() < 16
    (reading,), runtime = read(depth_image(joints_cam, 1.5), [hand])
    assert reading.refusal == ''
    shown = runtime.batches[0][0] < EMPTY
    assert shown[:, : SIZE // 2].any()
    # The picture ends 25 px or 2.5 cm right of what is seen.
    assert not shown[:, SIZE // 2 + 40 :].any()


def test_a_network_that_answers_nan_is_not_believed():
    values = answer(JOINTS_CAM)
    values[3] = np.nan
    (reading,), _ = read(depth_image(JOINTS_CAM, 1.5), [measured(JOINTS_CAM)], [values])
    assert np.isnan(reading.joints_cam).all()
    assert 'NaN' in reading.refusal


def test_no_hands_need_no_network():
    readings, runtime = read(wall(0.6), [])
    assert readings == []
    assert runtime.batches == []


def test_another_network_and_other_joints_are_refused():
    with pytest.raises(ValueError, match=r'must be one of local_regression_hourglass'):
        LocalRegressionHourglassEstimator(OracleRuntime([]))
    runtime = DepthOracle([])
    runtime.spec = replace(SPEC, joints=14)
    with pytest.raises(ValueError, match='21 joints, got 14'):
        LocalRegressionHourglassEstimator(runtime)
