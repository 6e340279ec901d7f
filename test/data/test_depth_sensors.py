from dataclasses import replace

import numpy as np
import pytest
import torch

from hand_pose_ros.data.depth_sensors import (
    KINECT_AZURE,
    KINECT_V1,
    REALSENSE_D435,
    SENSORS,
    SR305,
    at_scale,
    measure_depth,
    measure_depth_image,
    reflectance_from_rgb,
    skin_range_m,
)
from hand_pose_ros.data.rendering.draws import Draws

FOCAL_PX = 500.0


def plane(z_m, height=120, width=160):
    return np.full((height, width), z_m, np.float32)


def box_before_wall(near_m, far_m):
    """A box that fills columns 90 to 139 of 200, rows 30 to 89 of 120."""
    depth_m = plane(far_m, 120, 200)
    depth_m[30:90, 90:140] = near_m
    return depth_m


def measured(sensor, depth_m, seed=0, **options):
    return measure_depth_image(sensor, depth_m, FOCAL_PX, seed, **options)


def missing_left_and_right_of_box(sensor, near_m, far_m):
    """Median width of the holes beside the box, in pixels."""
    missing = np.isnan(measured(sensor, box_before_wall(near_m, far_m)))[40:80]
    return np.median(missing[:, :90].sum(axis=1)), np.median(missing[:, 140:].sum(axis=1))


@pytest.mark.parametrize('name', SENSORS)
@pytest.mark.parametrize('z_m', [0.6, 1.0])
def test_a_plane_is_measured_without_bias_and_with_the_stated_noise(name, z_m):
    sensor = SENSORS[name]
    error_m = measured(sensor, plane(z_m, 240, 320)) - z_m
    stated_m = sensor.noise_m + sensor.noise_per_m * (z_m - sensor.noise_origin_m) ** 2
    step_m = max(sensor.depth_step_m, sensor.inverse_depth_step * z_m**2)
    assert abs(np.nanmean(error_m)) < 0.15 * stated_m + 0.5 * step_m
    assert np.nanstd(error_m) == pytest.approx(np.hypot(stated_m, step_m / 12**0.5), rel=0.2)


@pytest.mark.parametrize('sensor', [SR305, REALSENSE_D435])
def test_noise_of_triangulation_grows_with_the_square_of_the_distance(sensor):
    fine = replace(sensor, depth_step_m=1e-6, inverse_depth_step=0.0)
    near = np.nanstd(measured(fine, plane(0.4, 240, 320)))
    far = np.nanstd(measured(fine, plane(0.8, 240, 320)))
    assert far / near == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ('sensor', 'z_m', 'step_m'),
    [
        (SR305, 0.6, 0.125e-3),
        (KINECT_V1, 2.0, 11.4e-3),
        (REALSENSE_D435, 2.0, 6e-3),
        (KINECT_AZURE, 2.0, 1e-3),
    ],
)
def test_depth_comes_in_the_steps_of_the_sensor(sensor, z_m, step_m):
    values_m = np.unique(measured(sensor, plane(z_m)))
    values_m = values_m[np.isfinite(values_m)].astype(np.float64)
    np.testing.assert_allclose(
        values_m, np.rint(values_m / sensor.depth_step_m) * sensor.depth_step_m, atol=1e-6
    )
    assert np.median(np.diff(values_m)) == pytest.approx(step_m, rel=0.1)


@pytest.mark.parametrize('sensor', SENSORS.values())
def test_nothing_is_measured_outside_the_range(sensor):
    for z_m in (sensor.near_m * 0.9, sensor.far_m * 1.5, np.nan):
        assert np.isnan(measured(sensor, plane(z_m))).all()


def test_the_stereo_shadow_lies_left_of_objects_and_is_as_wide_as_the_disparity():
    for sensor in (REALSENSE_D435, KINECT_V1):
        left, right = missing_left_and_right_of_box(sensor, 0.6, 1.0)
        disparity_px = FOCAL_PX * sensor.baseline_m * (1 / 0.6 - 1 / 1.0)
        assert left == pytest.approx(disparity_px, abs=4)
        assert right <= sensor.edge_hole_px + sensor.fattening_px + 1


def test_the_sr305_throws_its_shadow_to_the_right_like_the_real_frames():
    left, right = missing_left_and_right_of_box(SR305, 0.5, 0.8)
    assert right == pytest.approx(FOCAL_PX * 0.05 * (1 / 0.5 - 1 / 0.8), abs=4)
    assert left <= SR305.edge_hole_px + 1


@pytest.mark.parametrize(
    ('sensor', 'columns', 'shadow'),
    [
        (KINECT_V1, (35, 60), 'left'),
        (KINECT_V1, (60, 130), 'left'),
        (REALSENSE_D435, (40, 110), 'left'),
        (SR305, (150, 220), 'right'),
    ],
)
def test_near_the_border_the_shadow_is_as_wide_as_elsewhere(sensor, columns, shadow):
    """Though the other camera sees the object beside the picture, or at its very edge."""
    start, end = columns
    depth_m = plane(1.0, 120, 256)
    depth_m[:, start:end] = 0.55
    missing = np.isnan(measured(sensor, depth_m))[20:100]
    beside = missing[:, :start] if shadow == 'left' else missing[:, end:]
    disparity_px = FOCAL_PX * abs(sensor.baseline_m) * (1 / 0.55 - 1 / 1.0)
    expected_px = min(disparity_px, beside.shape[1])
    assert np.median(beside.sum(axis=1)) == pytest.approx(expected_px, abs=5)


def test_time_of_flight_has_no_shadow():
    left, right = missing_left_and_right_of_box(KINECT_AZURE, 0.6, 1.2)
    assert max(left, right) <= 2


def test_a_slanted_surface_does_not_shade_itself():
    slope = np.linspace(0.6, 0.9, 160, dtype=np.float32)
    for depth_m in (np.tile(slope, (120, 1)), np.tile(slope[::-1], (120, 1))):
        assert np.isnan(measured(REALSENSE_D435, depth_m)).mean() < 0.02


def test_flying_pixels_lie_between_both_surfaces_at_the_edge_only():
    depth_m = measured(KINECT_AZURE, box_before_wall(0.6, 1.2))
    flying = (depth_m > 0.65) & (depth_m < 1.15)
    assert flying.sum() > 30
    rows, columns = np.nonzero(flying)
    from_edge = np.minimum(
        np.minimum(abs(columns - 89.5), abs(columns - 139.5)),
        np.minimum(abs(rows - 29.5), abs(rows - 89.5)),
    )
    assert from_edge.max() < 4
    clean = measured(SR305, box_before_wall(0.6, 0.9))
    assert not ((clean > 0.62) & (clean < 0.88)).any()


def test_silhouettes_fray_by_the_lateral_noise():
    silhouette = plane(np.nan, 240, 160)
    silhouette[:, :80] = 0.6
    for sensor in (SR305, KINECT_V1, KINECT_AZURE):
        right_end = np.array([np.flatnonzero(row)[-1] for row in measured(sensor, silhouette) > 0])
        assert right_end.mean() == pytest.approx(79.5, abs=1.5)
        assert 0.4 * sensor.jitter_px < right_end.std() < 2 * sensor.jitter_px


def test_near_surfaces_grow_over_far_ones_in_block_matching():
    depth_m = measured(
        replace(REALSENSE_D435, edge_hole_px=0, baseline_m=0.0), box_before_wall(0.6, 1.0)
    )
    near = (depth_m < 0.7).sum()
    assert 1.02 < near / (60 * 50) < 1.2


def test_dark_surfaces_are_lost_nearer_than_bright_ones():
    grey = np.full((120, 160, 3), 120, np.uint8)
    black = np.full((120, 160, 3), 4, np.uint8)
    assert np.isfinite(measured(SR305, plane(1.0), rgb=grey)).mean() > 0.95
    assert np.isfinite(measured(SR305, plane(1.0), rgb=black)).mean() < 0.05
    assert np.isfinite(measured(SR305, plane(0.5), rgb=black)).mean() > 0.95


def test_grazing_surfaces_are_lost():
    # A plane that contains nearly the whole viewing ray: 84 degrees from facing the camera.
    inverse = 1 / 0.9 + np.arange(120)[:, None] / FOCAL_PX * 9.5 / 0.9
    assert np.isnan(measured(SR305, np.tile(1 / inverse, 160).astype(np.float32))[2:15]).all()


def test_the_share_of_blobs_is_the_stated_one():
    sensor = replace(REALSENSE_D435, hole_share=0.02)
    share = np.isnan(measured(sensor, plane(0.6, 480, 640))).mean()
    assert share == pytest.approx(0.02, rel=0.2)


def test_equal_seeds_give_equal_images_and_other_seeds_others():
    first, again, other = (measured(KINECT_V1, plane(1.0), seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(first).any()
    assert (first != other).mean() > 0.5


def test_a_batch_takes_a_focal_length_per_image():
    near_wall = torch.from_numpy(box_before_wall(0.6, 1.2))
    depth_m = measure_depth(
        REALSENSE_D435,
        torch.stack((near_wall, near_wall)),
        torch.tensor([300.0, 600.0]),
        Draws([0, 1]),
    )
    missing = depth_m[:, 40:80, :90].isnan().sum(dim=2).float().median(dim=1).values
    assert depth_m.shape == (2, 120, 200)
    assert missing[1] == pytest.approx(2 * missing[0], abs=4)


def test_an_image_does_not_depend_on_the_batch_it_is_in():
    depth_m = torch.from_numpy(np.stack([box_before_wall(0.6, 1.2), plane(0.9, 120, 200)]))
    together = measure_depth(KINECT_V1, depth_m, FOCAL_PX, Draws([5, 6]))
    alone = measure_depth(KINECT_V1, depth_m[1:], FOCAL_PX, Draws([6]))
    torch.testing.assert_close(together[1], alone[0], rtol=0, atol=0, equal_nan=True)


def test_reflectance_rises_with_brightness_and_never_reaches_zero():
    greys = torch.arange(0, 256, 15, dtype=torch.uint8)[:, None].expand(-1, 3)
    reflectance = reflectance_from_rgb(greys)
    assert (reflectance.diff() > 0).all()
    assert reflectance[0] == pytest.approx(0.2)
    assert reflectance[-1] == pytest.approx(0.8)


def test_a_shrunk_image_has_narrower_rims_and_the_same_noise():
    half = at_scale(SR305, 0.5)
    left, _ = missing_left_and_right_of_box(SR305, 0.5, 0.8)
    left_half, _ = missing_left_and_right_of_box(half, 0.5, 0.8)
    assert left_half < left
    whole_m, half_m = (np.nanstd(measured(s, plane(0.6, 240, 320))) for s in (SR305, half))
    assert half_m == pytest.approx(whole_m, rel=0.1)


def test_skin_is_measured_as_far_as_the_range_is_stated():
    near_m, far_m = skin_range_m(SR305)
    assert near_m == 0.2
    assert np.isfinite(measured(SR305, plane(0.85 * far_m))).mean() > 0.9
    assert np.isfinite(measured(SR305, plane(1.15 * far_m))).mean() < 0.1
