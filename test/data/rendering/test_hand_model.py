"""The rig, its kinematics and its poses; needs the hand assets."""

import math

import pytest
import torch

from hand_pose_ros.data.rendering.contacts import overlaps
from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.grips import GRIP_RADII_M, grip_fingers
from hand_pose_ros.data.rendering.hand_assets import TARGETS
from hand_pose_ros.data.rendering.hand_kinematics import (
    multiply,
    palm_frame,
    pose_arms,
    pose_palm,
    rotation,
)
from hand_pose_ros.data.rendering.hand_poses import GESTURES, gesture, limits
from hand_pose_ros.data.rendering.hand_rig import ARM_JOINTS
from hand_pose_ros.data.rendering.looks import sample_shapes
from hand_pose_ros.skeleton import BONES


@pytest.fixture(scope='module')
def right(model):
    return model.joints[1]


def bone_lengths(keypoints):
    parent, child = torch.tensor(BONES).T
    return torch.linalg.vector_norm(keypoints[..., child, :] - keypoints[..., parent, :], dim=-1)


def test_finger_bones_have_the_proportions_of_labelled_photographs(model):
    """Phalanges over wrist-to-middle-knuckle; the uncorrected rig has .26, .33, .29 and .21."""
    shape, scale = sample_shapes(Draws(range(64)), 1)
    joints, _ = model.shape_joints(shape[:, 0], scale[:, 0])
    keypoints = pose_palm(joints[:, 1], torch.zeros(64, 5, 5)).keypoints
    lengths = bone_lengths(keypoints)
    ratio = (lengths / lengths[:, 8:9]).median(0).values
    proximal = ratio[[5, 9, 13, 17]]
    assert torch.allclose(proximal, torch.tensor((0.529, 0.607, 0.552, 0.377)), atol=0.1)
    thumb = ratio[:4]
    assert torch.allclose(thumb, torch.tensor((0.408, 0.480, 0.424, 0.336)), atol=0.08)


def test_most_hands_are_15_to_22_centimetres_long(model):
    shape, scale = sample_shapes(Draws(range(400)), 1)
    joints, _ = model.shape_joints(shape[:, 0], scale[:, 0])
    keypoints = pose_palm(joints[:, 1], torch.zeros(400, 5, 5)).keypoints
    length = torch.linalg.vector_norm(keypoints[:, 12] - keypoints[:, 0], dim=-1)
    assert 0.145 < length.quantile(0.1) < length.quantile(0.9) < 0.22
    assert 0.165 < length.median() < 0.19


def test_bones_keep_their_length_in_every_pose(right):
    low, high = limits()
    fingers = Draws([0]).uniform(200, 5, 5)[0] * (high - low) + low
    lengths = bone_lengths(pose_palm(right.expand(200, -1, -1), fingers).keypoints)
    # The palm hollows, and the thumb's base lies beside its bone.
    moving = [i for i, (parent, _) in enumerate(BONES) if parent > 1]
    assert lengths[:, moving].std(0).max() < 1e-6


def test_bending_a_finger_moves_its_tip_to_the_palms_side(right):
    straight = torch.zeros(1, 5, 5)
    bent = straight.clone()
    bent[:, 1:, 1] = 0.6
    joints = right[None]
    tips = [pose_palm(joints, angles).keypoints[0, 8::4, 2] for angles in (straight, bent)]
    assert (tips[1] - tips[0] > 0.03).all()


def test_positive_abduction_moves_fingers_to_the_little_finger(right):
    apart = torch.zeros(1, 5, 5)
    apart[:, 1:, 0] = 0.3
    still = pose_palm(right[None], torch.zeros(1, 5, 5)).keypoints[0, 8::4, 0]
    assert (pose_palm(right[None], apart).keypoints[0, 8::4, 0] < still - 0.01).all()


def test_the_wrist_reaches_the_place_asked_for(right):
    arms = torch.zeros(1, 7)
    arms[0, :3] = torch.tensor((0.2, 0.1, 0.7))
    posed = pose_arms(right[None], arms, torch.zeros(1, 5, 5))
    index = {name: i for i, name in enumerate(ARM_JOINTS)}
    shoulder, elbow, wrist = (right[index[n]] for n in ('upperarm01', 'lowerarm01', 'wrist'))
    length = (elbow - shoulder).norm() + (wrist - elbow).norm()
    place = shoulder + length * torch.tensor((-0.2, 0.1, 0.7))
    assert torch.allclose(posed.keypoints[0, 0], place, atol=1e-6)


def test_wrist_flexion_turns_the_palm_about_its_own_axis(right):
    arms = torch.zeros(2, 7)
    arms[:, 2] = 0.8
    arms[1, 5] = 0.5
    straight, bent = pose_arms(right.expand(2, -1, -1), arms, torch.zeros(2, 5, 5)).palm
    assert torch.allclose(bent, multiply(straight, rotation(0, torch.tensor(0.5))), atol=1e-5)


def test_palm_frames_are_right_handed_and_left_ones_mirrored(model):
    right = palm_frame(model.joints[1:])
    assert torch.linalg.det(right)[0] == pytest.approx(1.0, abs=1e-5)
    joints, necks = model.shape_joints(torch.zeros(1, len(TARGETS)), torch.ones(1))
    arms, fingers = torch.zeros(1, 2, 7), torch.zeros(1, 2, 5, 5)
    arms[..., 2] = 0.8
    posed = model.pose(joints, necks, arms, fingers, torch.eye(3)[None])
    flip = torch.tensor((-1.0, 1.0, 1.0))
    assert torch.allclose(posed.keypoints[0, 0] * flip, posed.keypoints[0, 1], atol=1e-6)
    assert torch.allclose(posed.palms[0, 0] * flip[:, None], posed.palms[0, 1], atol=1e-5)


def test_the_skin_follows_the_bones_and_weights_sum_to_one(model):
    mesh = model.body
    assert torch.allclose(mesh.weights.sum(0), torch.ones(mesh.weights.shape[1]), atol=1e-5)
    assert (mesh.weights >= -1e-6).all()
    shape, scale = torch.zeros(1, len(TARGETS)), torch.ones(1)
    joints, necks = model.shape_joints(shape, scale)
    arms, fingers = torch.zeros(1, 2, 7), torch.zeros(1, 2, 5, 5)
    arms[..., 2] = 0.8
    posed = model.pose(joints, necks, arms, fingers, torch.eye(3)[None])
    swell = torch.zeros(1, mesh.template.shape[1])
    vertices, normals = model.skin(mesh, shape, scale, posed.transforms, swell)
    assert torch.allclose(normals.norm(dim=-1), torch.ones(1, vertices.shape[1]), atol=1e-4)
    # Joints are inside the flesh: less than 30 mm under the skin, tips less than 12 mm.
    distance = torch.cdist(posed.keypoints.flatten(0, 2), vertices[0]).amin(1).view(2, 21)
    assert distance.max() < 0.03
    assert distance[:, 4::4].max() < 0.012


def test_arms_alone_are_the_arms_of_the_body(model):
    assert len(model.arms.triangles) == int((model.body.triangle_arm > 0).sum())
    assert model.arms.template.shape[1] < model.body.template.shape[1] / 2
    assert model.arms.triangle_arm.unique().tolist() == [1, 2]


def test_gestures_are_within_the_limits_of_joints():
    low, high = limits()
    for name in GESTURES:
        angles = gesture(name)
        assert (angles >= low - 0.11).all(), name
        assert (angles <= high + 0.11).all(), name


def test_sampled_fingers_keep_the_limits_and_fill_them(renderer):
    fingers = renderer.sampler._fingers.sample(Draws(range(50)), 20).flatten(0, 1)
    low, high = limits()
    assert (fingers >= low - 1e-6).all()
    assert (fingers <= high + 1e-6).all()
    bend = fingers[:, 1:, 3] / math.pi * 180
    assert bend.quantile(0.05) < 15
    assert bend.quantile(0.95) > 85


def test_settled_poses_keep_fingers_out_of_each_other(renderer, model):
    sampler = renderer.sampler._fingers
    shape, scale = sample_shapes(Draws(range(200)), 1)
    joints = model.shape_joints(shape[:, 0], scale[:, 0])[0][:, 1].mean(0)

    def overlap(fingers):
        return overlaps(pose_palm(joints.expand(len(fingers), -1, -1), fingers)).amax(1)

    settled = overlap(sampler._settled[::7])
    invented = overlap(sampler.invent(Draws([1]), 300)[0])
    assert settled.max() < 0.0045
    assert settled.median() < 0.001
    assert invented.quantile(0.9) > 0.005


def test_recorded_poses_bend_as_real_fingers_do(renderer):
    degrees = renderer.sampler._fingers._recorded * (180 / math.pi)
    knuckles, middle = degrees[:, 1:, 1], degrees[:, 1:, 3]
    assert -10 < knuckles.quantile(0.02) < 30
    assert 80 < knuckles.quantile(0.98) <= 95
    assert 90 < middle.quantile(0.98) <= 112


def test_fingers_close_round_things_and_open_for_thicker_ones(right):
    for grips in grip_fingers(right):
        bend = grips[:, 1:5, 3].mean(1)
        assert (bend[1:] <= bend[:-1] + 1e-3).float().mean() > 0.8
        assert bend[0] > bend[-1] + 0.3
    assert len(GRIP_RADII_M) == grip_fingers(right).shape[1]
