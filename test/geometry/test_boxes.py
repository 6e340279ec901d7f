"""Overlap of boxes."""

import numpy as np
import pytest

from hand_pose_ros.geometry.boxes import areas, inside_image, pairwise_iou, shared_areas


def test_half_overlapping_squares_have_an_iou_of_a_third():
    assert pairwise_iou([[0, 0, 2, 2]], [[1, 0, 3, 2]])[0, 0] == pytest.approx(1 / 3)


def test_every_box_is_compared_with_every_other():
    boxes = np.array([[0, 0, 1, 1], [5, 5, 7, 7]])
    np.testing.assert_array_equal(pairwise_iou(boxes, boxes), np.eye(2))


def test_boxes_share_what_lies_in_both():
    boxes = np.array([[0, 0, 4, 2], [3, 1, 9, 3], [5, 5, 4, 6]])
    np.testing.assert_array_equal(shared_areas(boxes[:2], boxes[:2]), [[8, 1], [1, 12]])
    assert areas(boxes).tolist() == [8, 12, 0]


def test_boxes_without_area_overlap_nothing():
    assert pairwise_iou([[1, 1, 1, 1]], [[1, 1, 1, 1]])[0, 0] == 0


def test_a_point_is_in_the_image_up_to_the_outer_edges_of_its_pixels():
    points = [[-0.5, 0], [639.5, 479.5], [639.6, 0], [0, -0.6], [np.nan, 3]]
    assert inside_image(np.array(points), (480, 640)).tolist() == [True, True, False, False, False]
    assert inside_image(np.zeros((3, 21, 2)), (4, 4)).shape == (3, 21)
