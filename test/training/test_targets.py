"""Targets are what the codecs say."""

from dataclasses import replace

import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.data.augment import Sample
from hand_pose_ros.networks.srhandnet import NUM_MAPS, STRIDES
from hand_pose_ros.training.targets import keypoint_targets, srhandnet_targets
from hand_pose_ros.types import Side

HAND = open_hand((64, 64), 80)
SIGMAS = (3.0, 3.0, 3.0, 3.0)


def targets(hands, sides=None):
    points = np.reshape(hands, (-1, 21, 2)).astype(np.float32)
    sides = np.array(sides or [Side.RIGHT] * len(hands), np.uint8)
    sample = Sample(np.zeros((128, 128, 3), np.uint8), points, points, sides)
    return srhandnet_targets([sample], STRIDES, SIGMAS, 256)


def test_one_target_per_head():
    shapes = [target.shape for target in targets([HAND])]
    assert shapes == [(1, NUM_MAPS, 128 // stride, 128 // stride) for stride in STRIDES]


@pytest.mark.parametrize(('head', 'stride'), [(2, 8), (3, 4)])
def test_decoding_a_target_gives_the_hand_back(head, stride):
    maps = targets([HAND])[head][0]
    cells = heatmap.best_cells(maps[:21])
    np.testing.assert_allclose(
        heatmap.decode(maps[:21], cells, stride, refine=True), HAND, atol=0.1
    )
    regions = region_map.decode(maps[region_map.CENTRE :], stride, 0.2, 256, refine=True)
    np.testing.assert_allclose(regions.boxes_px[0], region_map.keypoint_box(HAND), atol=0.1)


def test_left_is_minus_one_and_right_plus_one():
    for side, value in ((Side.LEFT, -1), (Side.RIGHT, 1)):
        maps = targets([HAND], [side])[3][0, region_map.SIDE]
        assert set(np.unique(maps)) == {0, value}


def test_a_picture_without_hands_has_background_only():
    maps = targets([])[3][0]
    assert (maps[region_map.BACKGROUND] == 1).all()
    assert np.delete(maps, region_map.BACKGROUND, axis=0).max() == 0


def test_a_region_shows_the_keypoints_of_its_own_hand_and_the_centres_of_all():
    hands = np.stack((HAND, HAND + np.float32(30)))
    image = np.zeros((128, 128, 3), np.uint8)
    scene = Sample(image, hands, hands, np.full(2, Side.LEFT, np.uint8))
    region = replace(scene, coverage=np.zeros((128, 128), np.float32))
    of_both, of_first = (
        srhandnet_targets([each], STRIDES, SIGMAS, 256)[3][0] for each in (scene, region)
    )
    peaks = [len(heatmap.peaks(maps[8], 0.5)) for maps in (of_both, of_first)]
    assert peaks == [2, 1]
    np.testing.assert_array_equal(of_first[region_map.CENTRE :], of_both[region_map.CENTRE :])


def test_keypoint_targets_are_of_the_first_hand_only():
    other = HAND + np.float32(20)
    image = np.zeros((128, 128, 3), np.uint8)
    samples = [
        Sample(image, points, points, np.zeros(len(points), np.uint8))
        for points in (np.stack((HAND, other)), np.zeros((0, 21, 2), np.float32))
    ]
    maps = keypoint_targets(samples, 4, 2.0)
    assert maps.shape == (2, 22, 32, 32)
    cells = heatmap.best_cells(maps[0, :21])
    decoded = heatmap.decode(maps[0, :21], cells, 4, refine=True)
    np.testing.assert_allclose(decoded, HAND, atol=0.1)
    assert maps[1, :21].max() == 0
    assert maps[1, 21].min() == 1
