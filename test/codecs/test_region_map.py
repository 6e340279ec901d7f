"""Hand regions to maps and back."""

import numpy as np
import pytest

from hand_pose_ros.codecs import region_map
from hand_pose_ros.types import Side

BOXES = np.array([[30.0, 40.0, 110.0, 140.0], [180.0, 60.0, 220.0, 110.0]])
SIDES = np.array([-1.0, 1.0])


def encode(boxes=BOXES, sides=SIDES, stride=4, sigma=3.0):
    return region_map.encode(boxes, sides, (256 // stride,) * 2, stride, sigma, 256)


def test_refined_decode_inverts_encode_to_a_tenth_of_a_pixel():
    regions = region_map.decode(encode(), 4, 0.2, 256, refine=True)
    order = np.argsort(regions.boxes_px[:, 0])
    np.testing.assert_allclose(regions.boxes_px[order], BOXES, atol=0.1)


def test_the_side_comes_back_with_the_box():
    regions = region_map.decode(encode(), 4, 0.2, 256)
    order = np.argsort(regions.boxes_px[:, 0])
    np.testing.assert_allclose(regions.sides[order], SIDES, atol=1e-6)
    assert region_map.SIDE_VALUES[Side.LEFT] == SIDES[0]


@pytest.mark.parametrize(('sigma', 'side'), [(3.0, 9), (2.0, 7)])
def test_sizes_fill_a_square_of_three_sigma(sigma, side):
    maps = encode(BOXES[:1], SIDES[:1], sigma=sigma)
    assert (maps[1] > 0).sum() == side**2
    assert maps[1].max() == pytest.approx(80 / 256)
    assert maps[2].max() == pytest.approx(100 / 256)


def test_a_box_larger_than_the_reference_is_clipped_to_one():
    maps = encode(np.array([[0.0, 0.0, 300.0, 200.0]]), SIDES[:1])
    assert maps[1].max() == 1


def test_the_square_of_a_small_hand_lies_over_that_of_a_large_one():
    boxes = np.array([[90.0, 90.0, 110.0, 110.0], [0.0, 0.0, 208.0, 208.0]])
    maps = encode(boxes)
    assert maps[1, 25, 25] == pytest.approx(20 / 256)


def test_a_centre_at_the_border_keeps_its_full_size():
    boxes = np.array([[-40.0, 50.0, 44.0, 150.0]])
    regions = region_map.decode(encode(boxes, SIDES[:1]), 4, 0.2, 256, refine=True)
    np.testing.assert_allclose(regions.boxes_px[0, [0, 2]], [-40, 44], atol=2)


def test_no_peak_above_the_threshold_is_no_region():
    assert len(region_map.decode(encode() * 0.1, 4, 0.2, 256).boxes_px) == 0


def test_no_hand_draws_empty_maps():
    assert encode(np.zeros((0, 4)), np.zeros(0)).max() == 0


def test_the_region_is_the_keypoints_box_times_1_3():
    keypoints = np.array([[10.0, 20.0], [30.0, 60.0], [np.nan, np.nan]])
    np.testing.assert_allclose(region_map.keypoint_box(keypoints), [7, 14, 33, 66])
