"""Labels from views that agree: the vote on one hand, and the views of a picture."""

from dataclasses import replace

import numpy as np
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.training.pseudo_labels import (
    agreed,
    close_window,
    far_window,
    group_hands,
    label_picture,
    look_at,
    look_mirrored,
)
from hand_pose_ros.types import Frame, Hand, Side

SIZE = 200.0
LEFT, RIGHT = open_hand((160, 240), SIZE), open_hand((480, 240), 150)


def hand(points_px=LEFT, score=0.9, side=Side.LEFT):
    points_px = np.asarray(points_px, np.float32)
    return Hand(points_px, np.full(21, score), keypoint_box(points_px), score, side, 1.0)


def moved(*joints, by=0.3):
    """LEFT with some joints moved, by a share of the hand's size."""
    points = LEFT.copy()
    points[list(joints), 0] += by * SIZE
    return points


def pipeline(hands, sides, cycle='full'):
    estimator = SRHandNetEstimator(OracleRuntime(hands, sides))
    return HandPipeline(Networks(estimator), single_pictures(PipelineConfig(), cycle))


def test_five_equal_views_are_the_label():
    label = agreed([hand()] * 5)
    np.testing.assert_array_equal(label.keypoints_px, LEFT)
    np.testing.assert_array_equal(label.box_px, keypoint_box(LEFT))
    assert label.side is Side.LEFT


def test_views_that_differ_little_are_averaged_by_the_median():
    views = [hand(LEFT + shift) for shift in (-3, 2, 1, -1, 0)]
    np.testing.assert_allclose(agreed(views).keypoints_px, LEFT, atol=1e-4)


def test_one_view_of_five_may_be_elsewhere_or_of_the_other_side_but_not_two():
    elsewhere = hand(LEFT + 0.3 * SIZE, side=Side.RIGHT)
    label = agreed([hand(), elsewhere, hand(), hand(), hand()])
    np.testing.assert_array_equal(label.keypoints_px, LEFT)
    assert label.side is Side.LEFT
    assert 'agree on the hand' in agreed([hand()] * 3 + [elsewhere] * 2)
    assert 'agree on the hand' in agreed([hand()] * 3)


def test_a_keypoint_on_which_two_views_differ_is_unlabelled():
    label = agreed([hand()] * 3 + [hand(moved(8))] * 2)
    assert np.flatnonzero(np.isnan(label.keypoints_px).any(axis=1)).tolist() == [8]
    hidden = LEFT.copy()
    hidden[8] = np.nan
    label = agreed([hand()] * 3 + [hand(hidden)] * 2)
    assert np.flatnonzero(np.isnan(label.keypoints_px).any(axis=1)).tolist() == [8]


def test_a_keypoint_on_which_one_view_differs_is_that_of_the_others():
    label = agreed([hand()] * 4 + [hand(moved(8))])
    np.testing.assert_array_equal(label.keypoints_px, LEFT)


def test_a_keypoint_agrees_up_to_a_tenth_of_the_hand():
    # The tight box of the hand is a little lower than its nominal size.
    near, far = moved(8, by=0.09), moved(8, by=0.11)
    assert np.isfinite(agreed([hand()] * 3 + [hand(near)] * 2).keypoints_px).all()
    assert np.isnan(agreed([hand()] * 3 + [hand(far)] * 2).keypoints_px[8]).all()


def test_a_hand_with_two_doubtful_keypoints_is_no_label():
    assert 'some keypoints' in agreed([hand()] * 3 + [hand(moved(8, 12))] * 2)


def test_views_must_agree_on_the_side_and_be_sure_of_the_hand():
    assert 'side' in agreed([hand()] * 4 + [hand(side=Side.RIGHT)])
    assert 'score' in agreed([hand(score=0.6)] * 4 + [hand(score=0.9)])


def test_hands_without_any_size_are_no_label():
    point = np.full((21, 2), np.nan, np.float32)
    point[0] = (10, 10)
    assert 'agree on the hand' in agreed([hand(point)] * 5)


def test_what_the_views_show_of_a_hand_is_put_together_in_any_order():
    one, two, third = hand(LEFT), hand(RIGHT), hand(LEFT + 250)
    groups = group_hands([(one, two), (two, one), (), (third, one)])
    assert groups == [[one, one, one], [two, two], [third]]
    assert group_hands([(), ()]) == []


def test_each_view_shows_a_hand_once():
    twice = replace(hand(), keypoints_px=LEFT + 1)
    assert [len(group) for group in group_hands([(hand(),), (hand(), twice)])] == [2, 1]


def test_the_far_window_shows_the_picture_at_seven_tenths():
    x0, y0, x1, y1 = far_window((480, 640))
    assert 640 / (x1 - x0) == pytest.approx(0.7, abs=0.001)
    assert 480 / (y1 - y0) == pytest.approx(0.7, abs=0.001)
    assert (x0 + x1, y0 + y1) == (640, 480)


def test_the_close_window_lies_around_the_hand_and_inside_the_picture():
    middle = np.array([300, 200, 340, 280])
    x0, y0, x1, y1 = close_window(middle, (480, 640))
    assert 640 / (x1 - x0) == pytest.approx(1.4, abs=0.003)
    assert 480 / (y1 - y0) == pytest.approx(1.4, abs=0.003)
    assert abs(x0 + x1 - 640) <= 2
    assert abs(y0 + y1 - 480) <= 2
    corner = close_window(np.array([600, -5, 660, 40]), (480, 640))
    np.testing.assert_array_equal(corner, (640 - (x1 - x0), 0, 640, y1 - y0))
    large = close_window(np.array([10, 0, 630, 700]), (480, 640))
    np.testing.assert_array_equal(large, (10, 0, 630, 480))


@pytest.mark.parametrize('view', ['mirrored', 'far', 'close'])
def test_every_view_finds_the_hands_where_and_of_the_side_they_are_in_the_picture(view):
    find = pipeline([LEFT, RIGHT], [Side.LEFT, Side.RIGHT])
    plain = find(Frame(ramp(), 0.0))
    if view == 'mirrored':
        found = look_mirrored(find, ramp())
    else:
        windows = {'far': far_window((HEIGHT, WIDTH)), 'close': np.array([20, 10, 600, 450])}
        found = look_at(find, ramp(), windows[view])
    by_side = {hand.side: hand for hand in found}
    assert by_side.keys() == {Side.LEFT, Side.RIGHT}
    for expected in plain:
        # The ramp's colours are rounded: the oracle itself is right to a pixel or so.
        same = by_side[expected.side]
        np.testing.assert_allclose(same.keypoints_px, expected.keypoints_px, atol=3)
        np.testing.assert_allclose(same.box_px, expected.box_px, atol=4)


def test_a_picture_on_whose_hands_all_views_agree_is_labelled_in_full():
    known = [LEFT, RIGHT], [Side.LEFT, Side.RIGHT]
    labels = label_picture(pipeline(*known), pipeline(*known, 'off'), ramp())
    assert labels.refusals == ()
    assert {label.side for label in labels.hands} == {Side.LEFT, Side.RIGHT}
    for label in labels.hands:
        expected = LEFT if label.side is Side.LEFT else RIGHT
        np.testing.assert_allclose(label.keypoints_px, expected, atol=2)


def test_a_hand_that_only_the_first_pass_finds_is_refused_and_the_other_kept():
    full = pipeline([LEFT], [Side.LEFT])
    first = pipeline([LEFT, RIGHT], [Side.LEFT, Side.RIGHT], 'off')
    labels = label_picture(full, first, ramp())
    assert len(labels.hands) == len(labels.refusals) == 1
    assert labels.hands[0].side is Side.LEFT


def test_a_picture_without_hands_has_neither_labels_nor_refusals():
    labels = label_picture(pipeline([], []), pipeline([], [], 'off'), ramp())
    assert (labels.hands, labels.refusals) == ((), ())
