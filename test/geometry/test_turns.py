"""Pictures turned by quarters: where their pixels, points and boxes lie."""

import numpy as np
import pytest

from hand_pose_ros.geometry.turns import turned_boxes, turned_picture, turned_points

PICTURE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


@pytest.mark.parametrize('turns', range(-3, 5))
def test_a_point_lies_on_the_same_pixel_of_the_turned_picture(turns):
    turned = turned_picture(PICTURE, turns)
    for y, x in np.ndindex(5, 7):
        column, row = turned_points(np.array([x, y]), turns, PICTURE.shape).astype(int)
        assert turned[row, column].tolist() == PICTURE[y, x].tolist()


@pytest.mark.parametrize('turns', range(4))
def test_turning_back_gives_the_same_points_and_boxes(turns):
    boxes_px = np.array([[1.5, 2, 4, 3], [-2, -1, 9, 8]], np.float32)
    there = turned_boxes(boxes_px, turns, PICTURE.shape)
    assert (there[:, 2:] > there[:, :2]).all()
    back = turned_boxes(there, -turns, turned_picture(PICTURE, turns).shape)
    np.testing.assert_array_equal(back, boxes_px)


def test_a_hand_to_the_right_points_up_after_one_turn():
    wrist, tip = turned_points(np.array([[1, 2], [6, 2]]), 1, PICTURE.shape)
    assert wrist[0] == tip[0]
    assert wrist[1] > tip[1]
