import cv2
import numpy as np
import pytest

from hand_pose_ros.geometry.camera import project, turned_view, unproject
from hand_pose_ros.types import Camera

PINHOLE = Camera(height=480, width=640, fx=600, fy=610, cx=319.5, cy=239.5)
LENSES = {
    'colour camera': (600, (0.15, -0.45, 0.001, -0.0005, 0.4)),
    'webcam': (600, (0.1, -0.25, 0.001, 0.002)),
    'wide barrel': (350, (-0.28, 0.07, 0.0002, 0.00002, 0.0)),
    'security camera': (420, (-0.3025, 0.0715, 0.0, 0.0, -0.0063)),
    'rational': (305, (0.5, -2.6, 0.0006, -0.0002, 1.5, 0.4, -2.4, 1.4)),
}


def camera_with_lens(name: str) -> Camera:
    focal_px, distortion = LENSES[name]
    return Camera(480, 640, focal_px, focal_px, 319.5, 239.5, distortion)


def pixels_all_over(camera: Camera) -> np.ndarray:
    x, y = np.meshgrid(np.arange(0, camera.width, 13.0), np.arange(0, camera.height, 13.0))
    return np.column_stack((x.ravel(), y.ravel()))


def test_a_point_on_the_axis_is_seen_at_the_principal_point():
    pixel = project(np.array([[0.0, 0.0, 0.7]]), camera_with_lens('webcam'))
    np.testing.assert_allclose(pixel, [[319.5, 239.5]], atol=1e-9)


def test_pinhole_numbers_worked_by_hand():
    pixel = project(np.array([[0.1, -0.2, 0.5]]), PINHOLE)
    np.testing.assert_allclose(pixel, [[319.5 + 600 * 0.2, 239.5 - 610 * 0.4]])


def test_unproject_inverts_project_to_a_micrometre_without_a_lens():
    points_cam = np.random.default_rng(0).uniform((-1, -1, 0.2), (1, 1, 4), (500, 3))
    again = unproject(project(points_cam, PINHOLE), points_cam[:, 2], PINHOLE)
    assert np.abs(again - points_cam).max() < 1e-6


@pytest.mark.parametrize('lens', LENSES)
def test_unproject_inverts_project_to_a_tenth_of_a_millimetre_at_a_metre_with_a_lens(lens):
    camera = camera_with_lens(lens)
    pixels = pixels_all_over(camera)
    points_cam = unproject(pixels, np.ones(len(pixels)), camera)
    again_px = project(points_cam, camera)
    assert np.abs(again_px - pixels).max() < 1e-4 * camera.fx
    again_cam = unproject(again_px, points_cam[:, 2], camera)
    assert np.abs(again_cam - points_cam).max() < 1e-4


def test_pixels_that_a_calibration_shows_nothing_at_have_no_wrong_point():
    """r (1 - 0.5 r^2) falls again beyond 0.544: 163 pixels from the middle the lens folds back."""
    camera = Camera(480, 640, 300, 300, 319.5, 239.5, (-0.5, 0.0, 0.0, 0.0))
    pixels = pixels_all_over(camera)
    radius_px = np.hypot(*(pixels - (319.5, 239.5)).T)
    points_cam = unproject(pixels, np.ones(len(pixels)), camera)
    known = np.isfinite(points_cam).all(axis=1)
    assert known[radius_px < 150].all()
    assert known[radius_px > 166].mean() < 0.5
    assert np.abs(project(points_cam[known], camera) - pixels[known]).max() <= 1


@pytest.mark.parametrize('camera', [PINHOLE, *(camera_with_lens(lens) for lens in LENSES)])
@pytest.mark.parametrize('turn_rad', [(0.0, 0.0, 0.0), (0.3, -0.2, 2.0)])
def test_a_turned_view_sees_what_projection_says_to_a_thousandth_of_a_pixel(camera, turn_rad):
    R_view_cam, _ = cv2.Rodrigues(np.array(turn_rad))
    size, focal_px = 64, 150.0
    columns, rows = turned_view(camera, R_view_cam, focal_px, size)
    y, x = np.mgrid[:size, :size].reshape(2, -1)
    slopes = (np.stack((x, y), axis=1) - (size - 1) / 2) / focal_px
    rays_cam = np.column_stack((slopes, np.ones(len(slopes)))) @ R_view_cam
    expected = project(rays_cam, camera)
    assert np.abs(np.stack((columns.ravel(), rows.ravel()), axis=1) - expected).max() < 1e-3


def test_a_zero_distortion_is_no_distortion():
    flat = Camera(480, 640, 600, 610, 319.5, 239.5, (0.0,) * 5)
    pixels = pixels_all_over(flat)
    depth_m = np.full(len(pixels), 0.8)
    np.testing.assert_array_equal(
        unproject(pixels, depth_m, flat), unproject(pixels, depth_m, PINHOLE)
    )


@pytest.mark.parametrize('camera', [PINHOLE, camera_with_lens('webcam')])
def test_nan_passes_through_alone(camera):
    pixels = np.array([[np.nan, 10], [20, 30], [40, 50]])
    points_cam = unproject(pixels, np.array([1.0, np.nan, 1.0]), camera)
    np.testing.assert_array_equal(np.isnan(points_cam).all(axis=1), [True, True, False])
    assert np.isfinite(points_cam[2]).all()
    np.testing.assert_array_equal(
        np.isnan(project(points_cam, camera)).all(axis=1), [True, True, False]
    )


def test_a_point_behind_the_camera_has_no_pixel():
    assert np.isnan(project(np.array([[0.1, 0.1, -1.0], [0.0, 0.0, 0.0]]), PINHOLE)).all()


@pytest.mark.parametrize('camera', [PINHOLE, camera_with_lens('webcam')])
def test_no_points_give_no_points(camera):
    assert project(np.zeros((0, 3)), camera).shape == (0, 2)
    assert unproject(np.zeros((0, 2)), np.zeros(0), camera).shape == (0, 3)


def test_a_wrong_shape_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r'points_cam must have shape \(any, 3\), got \(4, 2\)'):
        project(np.zeros((4, 2)), PINHOLE)
    with pytest.raises(ValueError, match=r'depth_m must have shape \(4\), got \(3,\)'):
        unproject(np.zeros((4, 2)), np.zeros(3), PINHOLE)
