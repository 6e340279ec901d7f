"""Measures against values worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.evaluation.metrics import match_hands, normalised_errors, pck
from hand_pose_ros.types import Hand


def grid_label(offset=(0.0, 0.0)):
    points = np.stack(np.meshgrid(np.arange(7.0), np.arange(3.0)), axis=2).reshape(21, 2)
    return (points * 10 + np.array(offset)).astype(np.float32)


def hand_at(points):
    return Hand(points, np.ones(21, np.float32), np.zeros(4, np.float32), 1.0)


def errors(points, label):
    return normalised_errors([hand_at(points)], [label])


def test_errors_are_divided_by_the_longer_side_of_the_label_box():
    label = grid_label()
    np.testing.assert_allclose(errors(label + np.array([6, 0]), label), 0.1, atol=1e-6)


def test_pck_counts_the_share_within_the_threshold():
    label = grid_label()
    points = label.copy()
    points[:7] += [30, 0]
    assert pck(errors(points, label), 0.2) == pytest.approx(14 / 21)


def test_a_keypoint_not_predicted_is_wrong():
    label = grid_label()
    points = label.copy()
    points[4] = np.nan
    assert pck(errors(points, label), 0.2) == pytest.approx(20 / 21)


def test_an_unlabelled_keypoint_does_not_count():
    label = grid_label()
    label[4] = np.nan
    assert pck(errors(grid_label((0, 1)), label), 0.2) == 1


def test_a_missed_hand_has_all_keypoints_wrong():
    label = grid_label()
    assert pck(normalised_errors([None], [label]), 0.2) == 0


def test_each_prediction_is_matched_once_to_the_nearest_label():
    near, far = grid_label(), grid_label((20, 0))
    hands = [hand_at(far + 1), replace(hand_at(near + 1), score=0.5)]
    assert match_hands(hands, [near, far]) == [hands[1], hands[0]]
    assert match_hands(hands[:1], [near, far]) == [None, hands[0]]


def test_a_prediction_elsewhere_matches_nothing():
    assert match_hands([hand_at(grid_label((500, 0)))], [grid_label()]) == [None]


def test_a_hand_with_one_labelled_keypoint_is_skipped():
    label = np.full((21, 2), np.nan, np.float32)
    label[5] = 40
    hand = hand_at(grid_label())
    assert match_hands([hand], [label]) == [None]
    assert np.isnan(normalised_errors([None], [label])).all()
