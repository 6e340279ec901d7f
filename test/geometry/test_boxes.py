"""Overlap of boxes."""

import numpy as np
import pytest

from hand_pose_ros.geometry.boxes import pairwise_iou


def test_half_overlapping_squares_have_an_iou_of_a_third():
    assert pairwise_iou([[0, 0, 2, 2]], [[1, 0, 3, 2]])[0, 0] == pytest.approx(1 / 3)


def test_every_box_is_compared_with_every_other():
    boxes = np.array([[0, 0, 1, 1], [5, 5, 7, 7]])
    np.testing.assert_array_equal(pairwise_iou(boxes, boxes), np.eye(2))


def test_boxes_without_area_overlap_nothing():
    assert pairwise_iou([[1, 1, 1, 1]], [[1, 1, 1, 1]])[0, 0] == 0
