"""Letterboxes."""

import numpy as np
import pytest

from hand_pose_ros.geometry.crop import FILL, letterbox


@pytest.mark.parametrize('box', [None, np.array([35.5, 20.2, 120.9, 99.9])])
def test_to_network_inverts_to_image(box):
    image = np.zeros((120, 160, 3), np.uint8)
    _, transform = letterbox(image, 96, box)
    points = np.random.default_rng(0).uniform(0, 96, (50, 2))
    np.testing.assert_allclose(transform.to_network(transform.to_image(points)), points, atol=1e-3)


def test_a_dot_is_found_where_the_transform_says():
    image = np.zeros((480, 640, 3), np.uint8)
    image[198:203, 298:303] = 255
    square, transform = letterbox(image, 256, np.array([200.0, 100.0, 420.0, 330.0]))
    rows, columns = np.nonzero(square[:, :, 0] > 200)
    expected = transform.to_network(np.array([300.0, 200.0]))
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=0.2)


def test_the_picture_keeps_its_aspect_and_the_rest_is_grey():
    square, transform = letterbox(np.zeros((480, 640, 3), np.uint8), 256)
    assert transform.scale == (0.4, 0.4)
    assert (square[:192] == 0).all()
    assert (square[192:] == FILL).all()


def test_a_box_over_the_border_is_clipped_to_the_image():
    image = np.zeros((100, 100, 3), np.uint8)
    _, transform = letterbox(image, 64, np.array([-50.0, 60.0, 40.0, 150.0]))
    assert transform.origin_px == (0, 60)


def test_a_box_outside_the_image_still_gives_a_square():
    image = np.zeros((100, 100, 3), np.uint8)
    square, _ = letterbox(image, 64, np.array([300.0, 300.0, 400.0, 400.0]))
    assert square.shape == (64, 64, 3)
