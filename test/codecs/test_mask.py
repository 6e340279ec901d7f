"""Masks to a network's grid and back, and masks of hands that have none."""

import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.codecs import mask
from hand_pose_ros.types import HandMask

HAND = open_hand((128, 128), 200)


def test_every_bone_and_the_palm_are_hand_and_the_gaps_between_fingers_are_not():
    drawn = mask.from_keypoints(HAND, (256, 256)) >= 0.5
    columns, rows = np.rint(HAND).astype(int).T
    assert drawn[rows, columns].all()
    middle_of_palm = np.rint(HAND[[0, 5, 17]].mean(axis=0)).astype(int)
    assert drawn[middle_of_palm[1], middle_of_palm[0]]
    beside_the_thumb = np.rint((HAND[4] + HAND[6]) / 2).astype(int)
    assert not drawn[beside_the_thumb[1], beside_the_thumb[0]]
    assert 0.1 < drawn.mean() < 0.4


def test_fingers_are_a_fifth_of_the_palm_thick():
    tip, knuckle = HAND[12], HAND[11]
    row = round(float((tip[1] + knuckle[1]) / 2))
    alone = HAND.copy()
    alone[13:] = np.nan
    alone[5:9] = np.nan
    drawn = mask.from_keypoints(alone, (256, 256))
    gaps = np.linalg.norm(HAND[[0, 1, 9]][:, None] - HAND[[0, 1, 9]], axis=2)
    # OpenCV's smooth lines are up to a pixel thicker on either side.
    assert drawn[row].sum() == pytest.approx(mask.FINGER_WIDTH * gaps.max(), abs=2.5)


def test_what_hangs_on_an_unlabelled_keypoint_is_left_out():
    hand = HAND.copy()
    hand[8] = np.nan
    columns, rows = np.rint(HAND).astype(int).T
    drawn = mask.from_keypoints(hand, (256, 256))
    assert drawn[rows[8], columns[8]] == 0
    assert drawn[rows[7], columns[7]] == 1
    assert mask.from_keypoints(np.full((21, 2), np.nan), (256, 256)).max() == 0


def test_a_cell_is_hand_if_half_of_its_pixels_are():
    pixels = np.zeros((8, 8))
    pixels[:4, :2] = 1  # Half of the first cell.
    pixels[4:, 4:7] = 1  # Three quarters of the last.
    pixels[:4, 4] = 1  # A quarter of the second.
    np.testing.assert_array_equal(mask.encode(pixels, 4), [[1, 0], [0, 1]])


def test_decoding_gives_the_mask_back_but_for_its_edge():
    drawn = mask.from_keypoints(HAND, (256, 256)) >= 0.5
    cells = mask.encode(drawn, 8)
    back = mask.to_image(HandMask(cells, np.array([-0.5, -0.5, 255.5, 255.5])), (256, 256))
    found = back >= mask.MASK_THRESHOLD
    assert (found & drawn).sum() / (found | drawn).sum() > 0.85
    # One cell lies on exactly its own pixels.
    one = mask.to_image(
        HandMask(np.ones((1, 1), 'f4'), np.array([7.5, 3.5, 15.5, 11.5])), (20, 20)
    )
    rows, columns = np.nonzero(one >= 0.5)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 11, 8, 15)


def test_a_mask_over_the_border_of_the_image_is_cut_off():
    cells = np.ones((10, 10), np.float32)
    image = mask.to_image(HandMask(cells, np.array([-20.0, -20.0, 20.0, 20.0])), (30, 40))
    assert image[:15, :15].min() == 1
    assert image[25:, 25:].max() == 0
