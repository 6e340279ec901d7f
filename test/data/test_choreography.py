from itertools import pairwise

import numpy as np
import pytest
import torch

from hand_pose_ros.data.choreography import ARMS, DURATION_S, STANDS, motion_at
from hand_pose_ros.data.rendering.hand_kinematics import REACH
from hand_pose_ros.data.rendering.hand_poses import limits

EVERY_FRAME_S = torch.arange(0, DURATION_S, 1 / 60)


@pytest.fixture(scope='module')
def motion():
    return motion_at(EVERY_FRAME_S)


def test_keys_are_in_order_and_within_the_clip():
    tracks = [*STANDS, *(arm for person in ARMS for arm in person)]
    for keys in tracks:
        assert all(a.time_s < b.time_s for a, b in pairwise(keys))
        assert keys[0].time_s >= 0
        assert keys[-1].time_s <= DURATION_S


def test_at_a_key_everybody_is_where_the_key_says():
    key = STANDS[1][2]
    motion = motion_at(torch.tensor([key.time_s]))
    np.testing.assert_allclose(motion.shoulders[0, 1], key.shoulders, atol=1e-6)
    gesture = ARMS[0][1][3]
    motion = motion_at(torch.tensor([gesture.time_s]))
    np.testing.assert_allclose(motion.arms[0, 0, 1, :3], gesture.wrist, atol=1e-6)
    np.testing.assert_allclose(motion.arms[0, 0, 1, 3:], np.radians(gesture.turns), atol=1e-6)


def test_bodies_stay_upright_and_are_never_mirrored(motion):
    np.testing.assert_allclose(torch.linalg.det(motion.rotation), 1, atol=1e-5)
    up = motion.rotation[..., 1]
    np.testing.assert_allclose(up, torch.tensor([0.0, -1, 0]).expand_as(up), atol=1e-6)


def test_nobody_moves_faster_than_people_do(motion):
    step_s = 1 / 60
    walking = motion.shoulders.diff(dim=0).norm(dim=-1) / step_s
    assert walking.max() < 2.0
    # An arm is about half a metre long.
    reaching = 0.5 * motion.arms[..., :3].diff(dim=0).norm(dim=-1) / step_s
    assert reaching.max() < 2.5
    bending = motion.fingers.diff(dim=0).abs().amax() / step_s
    assert bending < 12.0


def test_arms_and_fingers_stay_within_what_the_joints_allow(motion):
    reach = motion.arms[..., :3].norm(dim=-1)
    assert reach.min() > REACH[0]
    assert reach.max() < REACH[1]
    low, high = limits()
    assert (motion.fingers > low - 1e-3).all()
    assert (motion.fingers < high + 1e-3).all()


def test_people_come_stand_before_the_camera_and_leave(motion):
    outside_x_m = 1.05
    assert (motion.shoulders[0, :, 0].abs() > outside_x_m).all()
    assert (motion.shoulders[-1, :, 0].abs() > outside_x_m).all()
    middle = motion.shoulders[len(EVERY_FRAME_S) // 2, :, 0]
    assert -0.3 < middle[0] < 0 < middle[1] < 0.4
