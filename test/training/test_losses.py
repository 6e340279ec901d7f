"""Losses against values worked by hand."""

import pytest
import torch

from hand_pose_ros.codecs.region_map import BACKGROUND, CENTRE, SIDE, WIDTH
from hand_pose_ros.training.losses import euclidean_loss, weighted_loss


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


@pytest.mark.parametrize('channel', [WIDTH, SIDE])
def test_region_maps_weigh_31_times_inside_the_square(channel):
    target = maps()
    target[0, CENTRE + 1 :, 1, 1] = 0.5
    inside, outside = target.clone(), target.clone()
    inside[0, channel, 1, 1] += 0.1
    outside[0, channel, 3, 3] += 0.1
    ratio = weighted_loss([inside], [target]) / weighted_loss([outside], [target])
    assert float(ratio) == pytest.approx(31, rel=1e-4)
