"""Hands to skeleton images, and a skeleton image to boxes."""

import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.codecs import skeleton_image
from hand_pose_ros.skeleton import BONES

HAND = open_hand((100, 120), 120)


def encode(*hands, size=256):
    return skeleton_image.encode(np.reshape(hands, (-1, 21, 2)), (size, size))


def test_joints_and_the_middles_of_bones_are_foreground():
    skeleton = encode(HAND)
    middles = [(HAND[start] + HAND[end]) / 2 for start, end in BONES]
    for x, y in np.rint([*HAND, *middles]).astype(int):
        assert skeleton[y, x] > 0.9
    assert skeleton.min() == 0
    assert skeleton.max() <= 1


def test_a_joint_is_a_gaussian_of_peak_one_where_there_is_no_bone():
    alone = np.full((21, 2), np.nan)
    alone[8] = 50
    skeleton = encode(alone)
    assert skeleton[50, 50] == 1
    assert skeleton[50, 52] == pytest.approx(np.exp(-0.5), abs=1e-6)


def test_a_bone_is_four_pixels_thick():
    bone = np.full((21, 2), np.nan)
    bone[5], bone[6] = (50, 20), (50, 120)
    assert 4 <= (encode(bone)[70] >= skeleton_image.FOREGROUND).sum() <= 5


def test_an_unlabelled_joint_draws_neither_itself_nor_its_bones():
    without_tip = HAND.copy()
    without_tip[8] = np.nan
    skeleton = encode(without_tip)
    x, y = np.rint(HAND[8]).astype(int)
    assert skeleton[y, x] < 1e-6
    x, y = np.rint(HAND[7]).astype(int)
    assert skeleton[y, x] > 0.9


def test_the_box_is_that_of_the_keypoints_and_half_a_line_around_them():
    box = np.concatenate((HAND.min(axis=0), HAND.max(axis=0)))
    (found,) = skeleton_image.decode(encode(HAND))
    grown = np.abs(found - box)
    assert grown.min() >= 1
    assert grown.max() <= 3


def test_of_two_hands_the_larger_comes_first():
    small = open_hand((220, 60), 50)
    np.testing.assert_array_equal(
        skeleton_image.decode(encode(small, HAND)),
        [*skeleton_image.decode(encode(HAND)), *skeleton_image.decode(encode(small))],
    )


def test_a_hand_of_twenty_pixels_is_a_hand():
    assert len(skeleton_image.decode(encode(open_hand((60, 60), 20)))) == 1


def test_no_hand_and_too_few_pixels_are_no_hand():
    assert skeleton_image.decode(encode()).shape == (0, 4)
    speck = np.zeros((64, 64), np.float32)
    speck[10:20, 10:19] = 0.9
    assert skeleton_image.decode(speck).shape == (0, 4)
    np.testing.assert_array_equal(skeleton_image.decode(speck, 90), [[10, 10, 18, 19]])


def test_a_faint_skeleton_is_no_hand():
    assert skeleton_image.decode(0.45 * encode(HAND)).shape == (0, 4)
