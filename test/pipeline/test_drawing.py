import dataclasses

import numpy as np
import pytest

from hand_pose_ros.pipeline.drawing import draw_hands, keypoint_colours, label
from hand_pose_ros.skeleton import FINGERS
from hand_pose_ros.types import Hand, HandMask, Side

GREY = np.full((240, 320, 3), 128, np.uint8)


def make_hand(scale: float = 1.0) -> Hand:
    """A hand in the middle of GREY: five straight fingers on a wrist."""
    keypoints_px = np.zeros((21, 2), np.float32)
    keypoints_px[0] = 160, 180
    for index, finger in enumerate(FINGERS):
        for reach, joint in enumerate(finger):
            keypoints_px[joint] = 120 + 20 * index, 140 - 20 * reach
    return Hand(
        keypoints_px=keypoints_px * np.float32(scale),
        scores=np.ones(21, np.float32),
        box_px=np.array([100, 60, 220, 200], np.float32) * np.float32(scale),
        score=0.91,
        side=Side.LEFT,
        side_score=0.98,
        id='3',
    )


def test_the_image_itself_stays_as_it_was() -> None:
    rgb = GREY.copy()
    picture = draw_hands(rgb, [make_hand()])
    np.testing.assert_array_equal(rgb, GREY)
    assert picture.shape == rgb.shape
    assert picture.dtype == np.uint8


def test_every_keypoint_has_the_colour_of_its_finger() -> None:
    hand = make_hand()
    picture = draw_hands(GREY, [hand])
    x, y = hand.keypoints_px.astype(int).T
    np.testing.assert_array_equal(picture[y, x], keypoint_colours())
    assert len({tuple(colour) for colour in keypoint_colours().tolist()}) == 6


def test_a_keypoint_that_is_not_seen_is_left_out_with_its_bones() -> None:
    whole = make_hand()
    keypoints_px = whole.keypoints_px.copy()
    keypoints_px[4] = np.nan
    partial = dataclasses.replace(whole, keypoints_px=keypoints_px)
    x, y = whole.keypoints_px[4].astype(int)
    np.testing.assert_array_equal(draw_hands(GREY, [partial])[y, x], GREY[y, x])


def test_a_doubtful_keypoint_is_hollow() -> None:
    hand = make_hand()
    scores = hand.scores.copy()
    scores[8] = 0.3
    picture = draw_hands(GREY, [dataclasses.replace(hand, scores=scores)])
    x, y = hand.keypoints_px[8].astype(int)
    assert picture[y, x].max() < 64


@pytest.mark.parametrize('scale', [0.25, 1.0, 4.0])
def test_pens_grow_with_the_image(scale: float) -> None:
    size = (int(240 * scale), int(320 * scale), 3)
    rgb = np.full(size, 128, np.uint8)
    inked = (draw_hands(rgb, [make_hand(scale)]) != 128).any(axis=2).mean()
    assert 0.02 < inked < 0.4


@pytest.mark.parametrize('shift', [(-140, -100), (200, 150), (0, -100)])
def test_a_hand_over_the_border_is_drawn_as_far_as_it_is_there(shift: tuple[int, int]) -> None:
    hand = make_hand()
    moved = dataclasses.replace(
        hand,
        keypoints_px=hand.keypoints_px + np.float32(shift),
        box_px=np.clip(hand.box_px + np.float32(shift * 2), 0, [319, 239, 319, 239]),
    )
    assert (draw_hands(GREY, [moved]) != GREY).any()


def test_the_label_tells_what_is_known() -> None:
    hand = make_hand()
    assert label(hand) == 'left 0.98  hand 0.91  #3'
    assert label(dataclasses.replace(hand, side=Side.UNKNOWN, id='')) == 'hand 0.91'


def test_a_view_of_an_image_is_drawn_too() -> None:
    picture = draw_hands(GREY[:, ::-1], [make_hand()])
    np.testing.assert_array_equal(picture, draw_hands(GREY, [make_hand()]))


def test_a_mask_tints_its_pixels_and_no_others() -> None:
    hand = make_hand()
    cells = np.zeros((2, 2), np.float32)
    cells[0, 0] = 1
    masked = dataclasses.replace(hand, mask=HandMask(cells, np.array([20.0, 20, 60, 60])))
    plain, picture = draw_hands(GREY, [hand]), draw_hands(GREY, [masked])
    changed = (plain != picture).any(axis=2)
    # The cell's centre is hand; half-way to the next cells the mask ends.
    assert changed[30, 30]
    rows, columns = np.nonzero(changed)
    assert min(rows.min(), columns.min()) >= 18
    assert max(rows.max(), columns.max()) <= 42
