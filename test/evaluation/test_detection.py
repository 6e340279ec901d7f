"""Detection measures against values worked by hand."""

import numpy as np
import pytest

from hand_pose_ros.evaluation.detection import (
    ACCURACY,
    F1,
    PRECISION,
    RECALL,
    ROC_AUC,
    FoundBoxes,
    average_precision,
    mask_average_precision,
    mask_iou,
    mean_iou,
    presence_measures,
    roc_curve,
)

BOX, SHIFTED, FAR = [0, 0, 10, 10], [0, 0, 10, 15], [50, 50, 60, 60]


def picture(found, labels):
    boxes = np.array([box for box, _ in found], float).reshape(-1, 4)
    return FoundBoxes(boxes, np.array([s for _, s in found]), np.reshape(labels, (-1, 4)))


def test_found_boxes_that_fit_are_perfect():
    assert average_precision([picture([(SHIFTED, 0.5)], [BOX])]) == 1
    assert average_precision([picture([(SHIFTED, 0.5)], [BOX])], 0.7) == 0


def test_a_false_box_costs_what_comes_after_it():
    pictures = [picture([(BOX, 0.9), (FAR, 0.8)], [BOX]), picture([(BOX, 0.7)], [BOX])]
    assert average_precision(pictures) == pytest.approx((1 + 2 / 3) / 2)


def test_a_false_box_after_all_true_ones_costs_nothing():
    pictures = [picture([(BOX, 0.9), (FAR, 0.1)], [BOX]), picture([(BOX, 0.7)], [BOX])]
    assert average_precision(pictures) == 1


def test_a_labelled_box_is_claimed_once():
    pictures = [picture([(BOX, 0.9), (SHIFTED, 0.8), (FAR, 0.7)], [BOX, FAR])]
    assert average_precision(pictures) == pytest.approx((1 + 2 / 3) / 2)


def test_a_missed_hand_limits_the_recall():
    assert average_precision([picture([(BOX, 0.9)], [BOX, FAR])]) == 0.5
    assert average_precision([picture([], [BOX])]) == 0


def test_a_box_where_no_hand_is_labelled_is_false():
    pictures = [picture([(BOX, 0.9)], []), picture([(BOX, 0.8)], [BOX])]
    assert average_precision(pictures) == 0.5


def test_without_labels_there_is_no_precision():
    assert np.isnan([average_precision([picture([(BOX, 1)], [])]), mean_iou([])]).all()


def test_the_mean_iou_is_of_the_best_box_of_each_hand():
    pictures = [picture([(SHIFTED, 0.1), (FAR, 0.9)], [BOX]), picture([], [FAR])]
    assert mean_iou(pictures) == pytest.approx((2 / 3 + 0) / 2)


def test_mask_iou_and_its_precision():
    label, found = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert mask_iou(found, label) == 0
    label[:2], found[1:3] = True, True
    assert mask_iou(found, label) == pytest.approx(4 / 12)
    assert mask_average_precision(np.array([0.5, 0.49, 0.9, 0.0]), 0.5) == 0.5


def test_scores_that_tell_all_pictures_are_right_by_every_measure():
    values = presence_measures(np.array([0.8, 0.9]), np.array([0.0, 0.3, 0.7]), 0.75)
    assert values == dict.fromkeys((ROC_AUC, ACCURACY, PRECISION, RECALL, F1), 1)


def test_presence_at_a_threshold():
    values = presence_measures(np.array([0.9, 0.6, 0.0]), np.array([0.7, 0.0]), 0.5)
    assert values == pytest.approx(
        {ROC_AUC: (2 + 1 + 0.5) / 6, ACCURACY: 3 / 5, PRECISION: 2 / 3, RECALL: 2 / 3, F1: 2 / 3}
    )


def test_finding_nothing_has_no_precision():
    values = presence_measures(np.zeros(3), np.zeros(2), 0.5)
    assert np.isnan(values.pop(PRECISION))
    assert values == {ROC_AUC: 0.5, ACCURACY: 2 / 5, RECALL: 0, F1: 0}


def test_the_roc_curve_runs_from_none_to_all():
    false_rate, true_rate = roc_curve(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    np.testing.assert_allclose(false_rate, [0, 0, 0.5, 1])
    np.testing.assert_allclose(true_rate, [0, 0.5, 1, 1])
