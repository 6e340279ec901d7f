"""Losses against values worked by hand."""

import pytest
import torch

from hand_pose_ros.codecs.region_map import BACKGROUND, HEIGHT, SIDE, WIDTH
from hand_pose_ros.training.losses import (
    JOINT_LOSSES,
    euclidean_loss,
    max_out_loss,
    smooth_l1_loss,
    square_loss,
    weighted_loss,
)


def maps(value=0.0):
    return torch.full((2, 26, 4, 4), value)


def test_euclidean_loss_sums_squares_over_twice_the_batch():
    # Two heads of 2 x 26 x 16 values that are all 0.5 off: 2 * 832 * 0.25 / (2 * 2).
    assert float(euclidean_loss([maps(0.5)] * 2, [maps()] * 2)) == pytest.approx(104)


def test_a_missed_keypoint_peak_weighs_nine_times_an_empty_cell():
    target = maps()
    target[0, 3, 1, 1] = 1
    missed = float(weighted_loss([maps()], [target]))
    out = maps()
    out[0, 3, 1, 1] = 1
    assert missed / float(weighted_loss([out], [maps()])) == pytest.approx(9)


def test_the_background_map_weighs_a_fifth():
    out = maps()
    out[0, BACKGROUND, 0, 0] = 1
    other = maps()
    other[0, 0, 0, 0] = 1
    ratio = weighted_loss([out], [maps()]) / weighted_loss([other], [maps()])
    assert float(ratio) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ('channel', 'inside', 'outside'), [(WIDTH, 31, 0), (HEIGHT, 31, 0), (SIDE, 31, 1)]
)
def test_sizes_count_inside_the_square_alone_and_the_side_31_times_there(channel, inside, outside):
    target = maps()
    target[0, WIDTH:, 1, 1] = 0.5
    for cell, weight in (((1, 1), inside), ((3, 3), outside)):
        out = target.clone()
        out[(0, channel, *cell)] += 0.1
        found = float(weighted_loss([out], [target])) * target.numel() / 0.01
        assert found == pytest.approx(weight, rel=1e-4)


def two_hands():
    """Three joints of two hands, off by 0.5 and -2 in the first and by 1 in the second."""
    joints = torch.zeros(2, 3, 3)
    joints[0, 0, 1], joints[0, 2, 2], joints[1, 1, 0] = 0.5, -2.0, 1.0
    return joints.requires_grad_(), torch.zeros(2, 3, 3)


def test_smooth_l1_is_a_square_up_to_its_knee_and_a_line_beyond():
    joints, target = two_hands()
    # Per hand 0.125 + 1.5 and 0.5.
    assert smooth_l1_loss(joints, target, 1.0).item() == pytest.approx(2.125 / 2)
    # A knee of 0.5: 0.25, 2 - 0.25, 1 - 0.25.
    assert smooth_l1_loss(joints, target, 0.5).item() == pytest.approx(2.75 / 2)


def test_max_out_counts_the_worst_of_all_coordinates_for_each_of_them():
    joints, target = two_hands()
    loss = max_out_loss(joints, target, 1.0)
    assert loss.item() == pytest.approx(9 * (1.5 + 0.5) / 2)
    loss.backward()
    assert joints.grad.nonzero().tolist() == [[0, 2, 2], [1, 1, 0]]


def test_the_square_loss_weighs_all_coordinates_alike():
    joints, target = two_hands()
    assert square_loss(joints, target, 1.0).item() == pytest.approx((0.25 + 4 + 1) / 4)


@pytest.mark.parametrize('name', JOINT_LOSSES)
def test_no_error_costs_nothing(name):
    joints = torch.rand(2, 21, 3)
    assert float(JOINT_LOSSES[name](joints, joints, 0.1)) == 0
