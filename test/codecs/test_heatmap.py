"""Keypoints to heatmaps and back."""

import numpy as np
import pytest

from hand_pose_ros.codecs import heatmap


def random_hand(rng, size):
    return rng.uniform(12, size - 12, (1, 21, 2)).astype(np.float32)


@pytest.mark.parametrize('stride', [4, 8, 16])
def test_refined_decode_inverts_encode_to_a_tenth_of_a_pixel(stride):
    keypoints = random_hand(np.random.default_rng(0), 256)
    maps = heatmap.encode(keypoints, (256 // stride, 256 // stride), stride, 3.0)
    decoded = heatmap.decode(maps, heatmap.best_cells(maps), stride, refine=True)
    inside = (keypoints[0] < 256 - stride).all(axis=1)
    np.testing.assert_allclose(decoded[inside], keypoints[0][inside], atol=0.1)


def test_unrefined_decode_is_at_most_half_a_cell_off():
    keypoints = random_hand(np.random.default_rng(1), 352)
    maps = heatmap.encode(keypoints, (88, 88), 4, 3.0)
    decoded = heatmap.decode(maps, heatmap.best_cells(maps), 4)
    assert np.abs(decoded - keypoints[0]).max() <= 2.0


def test_refinement_is_off_by_default():
    keypoints = random_hand(np.random.default_rng(2), 128)
    maps = heatmap.encode(keypoints, (32, 32), 4, 3.0)
    decoded = heatmap.decode(maps, heatmap.best_cells(maps), 4)
    np.testing.assert_array_equal(decoded % 4, 0)


def test_a_keypoint_on_a_cell_has_value_one_there_and_exp_minus_half_one_sigma_away():
    maps = heatmap.encode(np.array([[[40.0, 24.0]]]), (32, 32), 4, 3.0)
    assert maps[0, 6, 10] == 1
    assert maps[0, 6, 13] == pytest.approx(np.exp(-0.5), abs=1e-6)


def test_an_unlabelled_keypoint_leaves_its_map_empty():
    keypoints = np.full((1, 21, 2), np.nan)
    keypoints[0, 3] = 50
    maps = heatmap.encode(keypoints, (32, 32), 4, 3.0)
    assert maps[3].max() > 0.9
    assert np.delete(maps, 3, axis=0).max() == 0


def test_two_hands_share_a_map_by_the_maximum():
    hands = np.array([[[20.0, 20.0]], [[28.0, 20.0]]])
    maps = heatmap.encode(hands, (16, 16), 4, 3.0)
    single = [heatmap.encode(hand[None], (16, 16), 4, 3.0) for hand in hands]
    np.testing.assert_array_equal(maps, np.maximum(*single))


def test_background_is_one_minus_the_largest_map():
    maps = heatmap.encode(random_hand(np.random.default_rng(3), 128), (32, 32), 4, 3.0)
    np.testing.assert_allclose(heatmap.background(maps) + maps.max(axis=0), 1, atol=1e-6)


def test_peaks_are_the_largest_of_their_5x5_window_highest_first():
    image = np.zeros((20, 20), np.float32)
    image[5, 5], image[5, 7], image[5, 10], image[15, 3] = 0.9, 0.5, 0.6, 0.19
    np.testing.assert_array_equal(heatmap.peaks(image, 0.2), [[5, 5], [10, 5]])


def test_a_peak_in_the_corner_counts():
    image = np.zeros((8, 8), np.float32)
    image[0, 0], image[7, 7] = 0.5, 0.8
    np.testing.assert_array_equal(heatmap.peaks(image, 0.2), [[7, 7], [0, 0]])


def test_a_peak_halfway_between_cells_counts_once():
    maps = heatmap.encode(np.array([[[42.0, 30.0]]]), (32, 32), 4, 3.0)
    assert len(heatmap.peaks(maps[0], 0.2)) == 1


def unsure_maps(value):
    """20 keypoints around cell (20, 16), the last with a far peak and a nearer, lower one."""
    maps = np.zeros((21, 32, 32), np.float32)
    maps[np.arange(20), 16, 15 + np.arange(20) // 2] = 0.9
    maps[20, 2, 2], maps[20, 18, 22] = value, 0.1
    return maps


def test_an_unsure_keypoint_takes_the_peak_nearest_to_the_sure_ones():
    assert heatmap.consistent_cells(unsure_maps(0.15), 0.2)[20].tolist() == [22, 18]
    assert heatmap.consistent_cells(unsure_maps(0.25), 0.2)[20].tolist() == [2, 2]


def test_with_few_sure_keypoints_every_one_takes_its_highest_peak():
    maps = unsure_maps(0.15)
    maps[10:20] = 0
    cells = heatmap.consistent_cells(maps, 0.2)
    assert (heatmap.values_at(maps, cells) < 0.2).sum() == 11
    assert cells[20].tolist() == [2, 2]
