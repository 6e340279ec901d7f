"""Homographies put hands, and what is beside them, where they say."""

import numpy as np
import pytest

from hand_pose_ros.data.hand_placement import (
    beside_hands,
    cover_frame,
    extent_of,
    middle_of,
    shape_matrix,
    similarity,
    transformed,
)
from hand_pose_ros.data.pictures import make_picture
from hand_pose_ros.types import Side

SEEDS = range(40)


def hand_at(middle, size):
    """21 keypoints in a square, one of them unknown."""
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (21, 2)) * size
    points[:2] = [[-size / 2, -size / 2], [size / 2, size / 2]]
    points[20] = np.nan
    return (points + middle).astype(np.float32)


def picture_of(hand, width=400, height=300):
    return make_picture(np.full((height, width, 4), 255, np.uint8), hand[None], [Side.LEFT])


def test_a_hand_is_turned_about_its_middle_at_unit_size():
    hand = hand_at((150, 90), 80)
    for seed in SEEDS:
        matrix = shape_matrix(np.random.default_rng(seed), hand, 40.0, 0.0)
        assert abs(np.linalg.det(matrix[:2, :2])) == pytest.approx(80**-2)
        np.testing.assert_allclose(matrix @ [150, 90, 1], [0, 0, 1], atol=1e-9)


def test_half_of_the_hands_are_mirrored():
    hand = hand_at((150, 90), 80)
    matrices = [shape_matrix(np.random.default_rng(seed), hand, 40.0, 0.0) for seed in range(200)]
    assert 80 < sum(np.linalg.det(matrix) < 0 for matrix in matrices) < 120


def test_a_homography_moves_the_corners_of_twice_the_hand_by_its_share_at_most():
    hand = hand_at((150, 90), 80)
    corners = 150 + 80 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) - [0, 60]
    shifts = []
    for seed in SEEDS:
        # The same draws: only the homography differs.
        bent, rigid = (
            transformed(shape_matrix(np.random.default_rng(seed), hand, 0.0, reach), corners)
            for reach in (0.1, 0.0)
        )
        shifts.append(np.abs(bent - rigid).max())
    # A turned square's corners are not those that are moved; they move by little more.
    assert max(shifts) < 0.1 * 2
    assert np.sum(np.array(shifts) > 0.02) == pytest.approx(len(SEEDS) / 2, abs=8)


def test_a_photograph_covers_the_whole_frame():
    picture = picture_of(hand_at((150, 90), 80))
    frame = np.array([[0, 0], [639, 0], [639, 479], [0, 479]], np.float64)
    for seed in SEEDS:
        matrix = cover_frame(np.random.default_rng(seed), picture, 640, 480)
        source = transformed(np.linalg.inv(matrix), frame)
        assert source.min() >= -1e-3
        assert (source <= np.array([400, 300]) + 1e-3).all()


def test_no_keypoint_is_in_a_part_beside_the_hands():
    hand = hand_at((60, 60), 60)
    picture, found = picture_of(hand), 0
    for seed in SEEDS:
        matrix = beside_hands(np.random.default_rng(seed), picture, (128, 96))
        if matrix is not None:
            moved = transformed(matrix, hand[:20])
            assert not ((moved >= 0) & (moved < [128, 96])).all(axis=1).any()
            found += 1
    assert found > len(SEEDS) / 2


def test_there_is_nothing_beside_a_hand_that_fills_its_picture():
    # Parts are as large as the hand or half of it: each has keypoints of these in it.
    grid = np.stack(np.meshgrid(np.linspace(0, 299, 5), np.linspace(0, 299, 5)), 2)
    picture = picture_of(grid.reshape(-1, 2)[:21].astype(np.float32), 300, 260)
    assert all(
        beside_hands(np.random.default_rng(seed), picture, (128, 128)) is None for seed in range(5)
    )


def test_unknown_keypoints_do_not_count():
    hand = hand_at((150, 90), 80)
    assert extent_of(hand) == pytest.approx(80)
    np.testing.assert_allclose(middle_of(hand), [150, 90], atol=1e-4)


def test_a_similarity_moves_one_point_to_another():
    matrix = similarity(2.0, np.array([3, 4]), np.array([10, 20]))
    np.testing.assert_allclose(
        transformed(matrix, np.array([[3, 4], [4, 4]])), [[10, 20], [12, 20]]
    )
