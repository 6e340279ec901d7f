"""Measures against values worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.evaluation.metrics import (
    area_under_pck,
    auc_mmpose,
    divided,
    end_point_error,
    match_hands,
    normalised_errors,
    pck,
    pck_below,
    pixel_errors,
    predicted_share,
)
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


def test_pixel_errors_tell_unlabelled_from_unpredicted():
    label, points = grid_label()[None], grid_label((3, 4))[None]
    label[0, 2], points[0, 5] = np.nan, np.nan
    found = pixel_errors(points, label)
    assert np.isnan(found[0, 2])
    assert found[0, 5] == np.inf
    assert found[0, 0] == pytest.approx(5)


def test_a_hand_without_a_size_has_no_normalised_errors():
    errors_px = np.array([[5.0, np.inf, np.nan]] * 3)
    found = divided(errors_px, np.array([10.0, 0, np.nan]))
    np.testing.assert_array_equal(found[0], [0.5, np.inf, np.nan])
    assert np.isnan(found[1:]).all()


def test_mmpose_counts_an_error_of_the_threshold_as_wrong():
    errors = np.array([[0.2, 0.1]])
    assert pck(errors, 0.2) == 1
    assert pck_below(errors, 0.2) == 0.5


def test_pck_is_the_mean_over_keypoints_not_over_labels():
    errors = np.array([[0.0, 9.0], [0.0, np.nan], [0.0, np.nan]])
    assert pck(errors, 1) == 0.5


def test_nothing_labelled_has_no_pck():
    nothing = np.full((2, 21), np.nan)
    assert np.isnan([pck(nothing, 1), area_under_pck(nothing, 30), predicted_share(nothing)]).all()
    assert np.isnan(end_point_error(np.full((1, 2), np.inf)))


@pytest.mark.parametrize(('error_px', 'auc'), [(0, 0.95), (1.4, 0.95), (15, 0.45), (29, 0.0)])
def test_the_auc_of_mmpose_is_the_mean_of_twenty_thresholds(error_px, auc):
    assert auc_mmpose(np.full((2, 21), float(error_px))) == pytest.approx(auc)


@pytest.mark.parametrize(('error_px', 'area'), [(0, 1), (15, 0.5), (30, 0), (np.inf, 0)])
def test_the_area_under_the_pck_curve_is_exact(error_px, area):
    assert area_under_pck(np.full((2, 21), float(error_px)), 30) == pytest.approx(area)


def test_the_area_is_that_under_the_curve():
    errors = np.random.default_rng(0).uniform(0, 60, (50, 21))
    errors[::3, 4] = np.nan
    curve = [pck(errors, threshold) for threshold in np.arange(0.05, 30, 0.1)]
    assert area_under_pck(errors, 30) == pytest.approx(np.mean(curve), abs=1e-3)


def test_the_end_point_error_goes_beside_the_share_it_is_of():
    errors_px = np.array([[2.0, 4.0, np.inf, np.nan]])
    assert end_point_error(errors_px) == 3
    assert predicted_share(errors_px) == pytest.approx(2 / 3)
