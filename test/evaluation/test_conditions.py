"""Worse pictures: what stays and what is lost."""

import numpy as np
import pytest

from hand_pose_ros.evaluation.conditions import CONDITIONS, darkened, moved, overexposed

RAMP = np.tile(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (480, 1, 3))


@pytest.mark.parametrize('name', CONDITIONS)
def test_a_condition_gives_a_picture_of_the_same_size_and_always_the_same_one(name):
    rgb = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    before = rgb.copy()
    worse = CONDITIONS[name](rgb)
    assert (worse.shape, worse.dtype) == (rgb.shape, rgb.dtype)
    assert (worse != rgb).any()
    np.testing.assert_array_equal(worse, CONDITIONS[name](rgb))
    np.testing.assert_array_equal(rgb, before)


def test_an_eighth_of_the_light_is_dark_and_three_times_the_light_is_white():
    # Encoded, an eighth of the light is 0.39 of a value.
    assert darkened(RAMP)[:, -1].mean() == pytest.approx(0.39 * 255, rel=0.02)
    assert (overexposed(RAMP)[:, 400:] == 255).all()


def test_a_line_is_smeared_over_a_fortieth_of_the_picture():
    line = np.zeros((480, 640, 3), np.uint8)
    line[:, 320] = 160
    smeared = moved(line)[0, :, 0]
    assert np.count_nonzero(smeared) == 16
    assert smeared.max() == 10
