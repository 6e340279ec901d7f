"""The size of a palm in the picture tells its distance, however it is turned."""

import numpy as np
import pytest

from hand_pose_ros.geometry.camera import project
from hand_pose_ros.geometry.palm import KNUCKLES, PALM_M, palm_distance_m, size_fit
from hand_pose_ros.types import Camera

CAMERA = Camera(480, 640, 600.0, 590.0, 321.5, 238.0)
WIDE = Camera(480, 640, 380.0, 381.0, 318.0, 244.0, (-0.05, 0.03, 0.001, -0.002, -0.01))
SURE = np.ones(21)


def rotation(rng):
    """Any (3, 3) rotation."""
    matrix, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def palm_px(camera, distance_m, rng, size=1.0, mirror=1):
    """Keypoints of an average palm, turned anyhow, within 20 cm of the middle of the picture."""
    flat = np.column_stack((PALM_M * size, np.zeros(len(PALM_M)))) * (1, mirror, 1)
    middle_cam = np.array([*rng.uniform(-0.2, 0.2, 2), distance_m])
    keypoints_px = np.full((21, 2), np.nan, np.float32)
    keypoints_px[list(KNUCKLES)] = project(flat @ rotation(rng) + middle_cam, camera)
    return keypoints_px


@pytest.mark.parametrize('camera', [CAMERA, WIDE], ids=['pinhole', 'distorted'])
@pytest.mark.parametrize('mirror', [1, -1], ids=['right', 'left'])
@pytest.mark.parametrize('distance_m', [0.8, 2.0])
def test_the_distance_of_an_average_palm_is_right_to_eight_percent(camera, mirror, distance_m):
    rng = np.random.default_rng(0)
    for _ in range(100):
        found = palm_distance_m(palm_px(camera, distance_m, rng, mirror=mirror), camera)
        assert found == pytest.approx(distance_m, rel=0.08)


def test_a_palm_of_half_the_size_seems_twice_as_far():
    rng = np.random.default_rng(1)
    found = [palm_distance_m(palm_px(CAMERA, 0.7, rng, 0.5), CAMERA) for _ in range(50)]
    assert np.median(found) == pytest.approx(1.4, rel=0.02)


def test_two_keypoints_or_all_in_one_place_do_not_tell():
    keypoints_px = palm_px(CAMERA, 0.7, np.random.default_rng(2))
    same = np.full((21, 2), 100.0)
    keypoints_px[list(KNUCKLES[2:])] = np.nan
    assert np.isnan(palm_distance_m(keypoints_px, CAMERA))
    assert np.isnan(palm_distance_m(same, CAMERA))
    fits = size_fit(np.array([0.1, np.nan, 9.0]), keypoints_px, SURE, CAMERA)
    np.testing.assert_array_equal(fits, [1, 0, 1])


def test_knuckles_without_the_wrist_do_not_tell():
    """They lie nearly on a line, across which a pixel of noise would be the size of the hand."""
    rng = np.random.default_rng(4)
    without = palm_px(CAMERA, 0.7, rng)
    without[KNUCKLES[0]] = np.nan
    assert np.isnan(palm_distance_m(without, CAMERA))
    np.testing.assert_array_equal(size_fit(np.array([0.2, 0.7]), without, SURE, CAMERA), 1)


@pytest.mark.parametrize('missing', KNUCKLES[1:])
def test_with_the_wrist_a_pixel_of_noise_is_a_few_percent(missing):
    rng = np.random.default_rng(5)
    found = []
    for _ in range(100):
        noisy = palm_px(CAMERA, 0.7, rng) + rng.normal(0, 1, (21, 2))
        noisy[missing] = np.nan
        found.append(palm_distance_m(noisy, CAMERA))
    assert np.median(found) == pytest.approx(0.7, rel=0.03)
    assert np.percentile(found, 5) > 0.6


def test_depths_fit_less_the_farther_they_are_from_that_of_the_size():
    keypoints_px = palm_px(CAMERA, 0.7, np.random.default_rng(3))
    fits = size_fit(np.array([0.7, 0.5, 0.35, 1.4]), keypoints_px, SURE, CAMERA)
    assert fits[0] > 0.9
    assert fits[0] > fits[1] > fits[2]
    assert fits[2:].max() < 0.02


def test_unsure_keypoints_tell_less_of_the_size():
    keypoints_px = palm_px(CAMERA, 0.7, np.random.default_rng(3))
    fits = [
        size_fit(np.array([0.35]), keypoints_px, np.full(21, score), CAMERA)[0]
        for score in (1.0, 0.7, 0.5, 0.0)
    ]
    assert fits == sorted(fits)
    assert fits[0] < 0.02
    assert fits[2] > 0.5
    assert fits[3] == 1
