import numpy as np
import pytest

from hand_pose_ros.geometry.depth import (
    check_depth_unit,
    near_surface_depth,
    typical_depth_m,
)

HEIGHT, WIDTH = 120, 160
EDGE_X = 80
NEAR_M, FAR_M = 0.6, 1.5


def step_edge(noise_m: float = 0.0) -> np.ndarray:
    """Background on the left, a hand from column EDGE_X on."""
    depth_m = np.full((HEIGHT, WIDTH), FAR_M, np.float32)
    depth_m[:, EDGE_X:] = NEAR_M
    return depth_m + np.random.default_rng(0).normal(0, noise_m, depth_m.shape).astype(np.float32)


def at(x: float, y: float = 60) -> np.ndarray:
    return np.array([[x, y]])


def test_a_noisy_plane_is_measured_better_than_by_a_pixel():
    rng = np.random.default_rng(0)
    depth_m = (0.8 + rng.normal(0, 0.003, (HEIGHT, WIDTH))).astype(np.float32)
    points_px = rng.uniform((20, 20), (140, 100), (200, 2))
    error_m = near_surface_depth(depth_m, points_px, 5) - 0.8
    assert error_m.std() < 0.003 / 5


@pytest.mark.parametrize('radius_px', [2, 4, 8, 20])
def test_the_nearer_side_of_an_edge_is_taken_on_and_just_beside_it(radius_px):
    depths_m = [
        near_surface_depth(step_edge(), at(x), radius_px)[0] for x in range(EDGE_X, EDGE_X + 9)
    ]
    np.testing.assert_allclose(depths_m, NEAR_M, atol=1e-6)
    beside_m = near_surface_depth(step_edge(), at(EDGE_X - radius_px / 4), radius_px)[0]
    assert abs(beside_m - NEAR_M) < 1e-6


def test_the_background_is_taken_where_the_near_side_only_touches_the_patch():
    assert abs(near_surface_depth(step_edge(), at(EDGE_X - 6), 6)[0] - FAR_M) < 1e-6


@pytest.mark.parametrize('radius_px', [2, 3, 5, 8, 16])
def test_flying_pixels_between_two_surfaces_never_show(radius_px):
    depth_m = step_edge(noise_m=0.002)
    rng = np.random.default_rng(0)
    depth_m[:, EDGE_X - 1] = rng.uniform(NEAR_M, FAR_M, HEIGHT)  # scattered over the gap
    depth_m[:, EDGE_X - 2] = (NEAR_M + FAR_M) / 2  # a whole line at one depth
    x, y = np.meshgrid(np.arange(EDGE_X - 15, EDGE_X + 15), np.arange(20, 100))
    depths_m = near_surface_depth(depth_m, np.column_stack((x.ravel(), y.ravel())), radius_px)
    to_surface_m = np.minimum(np.abs(depths_m - NEAR_M), np.abs(depths_m - FAR_M))
    assert to_surface_m.max() < 0.004


def test_a_finger_three_pixels_wide_is_measured():
    depth_m = np.full((HEIGHT, WIDTH), FAR_M, np.float32)
    depth_m[:, 70:73] = NEAR_M
    assert abs(near_surface_depth(depth_m, at(71), 3)[0] - NEAR_M) < 1e-6


def test_a_sphere_is_measured_within_a_millimetre_where_it_is_seen_squarely():
    focal_px, radius_m, centre_m = 600.0, 0.05, 0.6
    x, y = np.meshgrid(np.arange(WIDTH) - WIDTH / 2, np.arange(HEIGHT) - HEIGHT / 2)
    rays = np.stack((x / focal_px, y / focal_px, np.ones_like(x)), axis=-1)  # (H, W, 3)
    square = np.square(rays).sum(axis=-1)
    inside = centre_m**2 - square * (centre_m**2 - radius_m**2)
    sphere_m = (centre_m - np.sqrt(np.maximum(inside, 0))) / square
    depth_m = np.where(inside > 0, sphere_m, 1.2).astype(np.float32)
    angles = np.linspace(0, 2 * np.pi, 40)
    half_way_px = 0.5 * radius_m / centre_m * focal_px
    ring = np.column_stack((np.cos(angles), np.sin(angles))) * half_way_px
    points_px = (ring + np.array([WIDTH / 2, HEIGHT / 2])).round()
    true_m = depth_m[points_px[:, 1].astype(int), points_px[:, 0].astype(int)]
    error_m = near_surface_depth(depth_m, points_px, 5) - true_m
    assert np.abs(error_m).max() < 0.001


def test_a_surface_slanted_by_sixty_degrees_is_one_surface():
    x = np.arange(WIDTH) - WIDTH / 2
    row_m = 0.6 / (1 - x / 600 * np.tan(np.deg2rad(60)))
    depth_m = np.tile(row_m.astype(np.float32), (HEIGHT, 1))
    assert abs(near_surface_depth(depth_m, at(80), 8)[0] - 0.6) < 0.001


def test_holes_are_left_out():
    depth_m = step_edge()
    depth_m[np.random.default_rng(0).random(depth_m.shape) < 0.5] = np.nan
    assert abs(near_surface_depth(depth_m, at(100), 4)[0] - NEAR_M) < 1e-6


def test_a_hole_as_large_as_the_patch_gives_nan():
    depth_m = step_edge()
    depth_m[50:71, 90:111] = np.nan
    assert np.isnan(near_surface_depth(depth_m, at(100), 8)[0])


def test_lone_pixels_in_a_hole_give_nan():
    depth_m = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    depth_m[::4, ::4] = 0.7
    assert np.isnan(near_surface_depth(depth_m, at(100), 8)[0])


def test_points_outside_and_unknown_points_give_nan_alone():
    points_px = np.array(
        [[-1, 60], [WIDTH, 60], [100, -0.6], [100, HEIGHT], [np.nan, 60], [100, 60]]
    )
    depths_m = near_surface_depth(step_edge(), points_px, 4)
    np.testing.assert_array_equal(np.isnan(depths_m), [True] * 5 + [False])


def test_the_image_corner_is_measured():
    assert abs(near_surface_depth(step_edge(), at(WIDTH - 1, HEIGHT - 1), 4)[0] - NEAR_M) < 1e-6


def test_all_points_at_once_give_what_each_gives_alone():
    depth_m = step_edge(noise_m=0.01)
    points_px = np.random.default_rng(0).uniform(0, (WIDTH, HEIGHT), (50, 2))
    together = near_surface_depth(depth_m, points_px, 6)
    alone = [near_surface_depth(depth_m, point[None], 6)[0] for point in points_px]
    np.testing.assert_array_equal(together, alone)


def test_no_points_give_no_depths():
    assert near_surface_depth(step_edge(), np.zeros((0, 2)), 4).shape == (0,)


def test_an_image_of_another_rank_is_refused():
    with pytest.raises(ValueError, match='depth_m must have shape'):
        near_surface_depth(np.zeros((4, 4, 1), np.float32), at(1), 2)


def test_the_typical_depth_is_the_median_of_what_is_measured():
    depth_m = step_edge()
    depth_m[:, :100] = np.nan
    assert typical_depth_m(depth_m) == np.float32(NEAR_M)
    assert np.isnan(typical_depth_m(np.full_like(depth_m, np.nan)))


@pytest.mark.parametrize('factor', [0.001, 1000])
def test_depth_in_the_wrong_unit_is_refused(factor):
    depth_m = step_edge()
    check_depth_unit(depth_m)
    check_depth_unit(np.full_like(depth_m, np.nan))
    with pytest.raises(ValueError, match=r'expected a median distance of 0\.05 to 50 m, got'):
        check_depth_unit(depth_m * np.float32(factor))
