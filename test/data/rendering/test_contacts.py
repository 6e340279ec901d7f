"""Fingers come out of each other and into contact; needs the hand assets."""

import pytest
import torch

from hand_pose_ros.data.rendering.contacts import (
    Goals,
    build_finger_poses,
    misses,
    overlaps,
    settle,
)
from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.hand_assets import load_hand_assets
from hand_pose_ros.data.rendering.hand_kinematics import pose_palm
from hand_pose_ros.data.rendering.hand_poses import FingerSampler, limits

COUNT = 24


@pytest.fixture(scope='module')
def right(model):
    return model.joints[1]


@pytest.fixture(scope='module')
def sampler(assets_dir, right):
    return FingerSampler(load_hand_assets(assets_dir).recorded_rotations, right)


def test_settled_fingers_leave_each_other_and_stay_within_their_limits(right, sampler):
    fingers = sampler.invent(Draws([1]), COUNT)[0]
    nothing = torch.zeros(COUNT, dtype=torch.int64)
    settled = settle(right, fingers, Goals(nothing, nothing))
    joints = right.expand(COUNT, -1, -1)
    before, after = (overlaps(pose_palm(joints, each)).amax(1) for each in (fingers, settled))
    assert before.amax() > 0.006
    assert (after < 0.004).float().mean() > 0.8
    low, high = limits()
    assert (settled >= low - 1e-5).all()
    assert (settled <= high + 1e-5).all()


def test_thumb_and_finger_meet_within_six_millimetres(right, sampler):
    pinch = 1 + torch.arange(COUNT) % 2
    goals = Goals(pinch, torch.zeros_like(pinch))
    fingers = sampler.invent(Draws([2]), COUNT)[0]
    settled = settle(right, fingers, goals)
    joints = right.expand(COUNT, -1, -1)
    before, after = (misses(pose_palm(joints, each), goals) for each in (fingers, settled))
    assert before.median() > 0.03
    assert after.median() < 0.006


def test_the_poses_that_come_with_the_package_can_be_built_again(right, sampler):
    first = build_finger_poses(right, sampler, COUNT, 7)
    assert COUNT / 2 < len(first) <= COUNT
    assert torch.equal(first, build_finger_poses(right, sampler, COUNT, 7))
    assert overlaps(pose_palm(right.expand(len(first), -1, -1), first)).amax() < 0.004
