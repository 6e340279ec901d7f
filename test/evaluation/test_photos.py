"""Scores on labelled pictures, with an oracle in place of the network."""

import cv2
import numpy as np
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.detection import average_precision
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.photos import (
    SMALL_FRAME_HW,
    count_false_hands,
    merge,
    paste_small,
    read_photo,
    score_photos,
    score_picture,
    single_pictures,
    small_hands,
)
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.types import Side

LEFT, RIGHT = open_hand((160, 240), 200), open_hand((480, 240), 150)


def score(tmp_path, found, found_sides, labelled):
    path = tmp_path / 'ramp.png'
    cv2.imwrite(str(path), cv2.cvtColor(ramp(), cv2.COLOR_RGB2BGR))
    hands = tuple(HandLabel(points, keypoint_box(points), side) for points, side in labelled)
    estimator = SRHandNetEstimator(OracleRuntime(found, found_sides))
    config = single_pictures(PipelineConfig(), 'full')
    label = ImageLabel('ramp.png', HEIGHT, WIDTH, hands)
    return score_photos(HandPipeline(Networks(estimator), config), [(path, label)] * 2)


def test_perfect_maps_score_one(tmp_path):
    labelled = [(LEFT, Side.LEFT), (RIGHT, Side.RIGHT)]
    scores = score(tmp_path, [LEFT, RIGHT], [Side.LEFT, Side.RIGHT], labelled)
    assert (scores.images, len(scores.errors), scores.false_hands) == (2, 4, 0)
    assert pck(scores.errors, 0.05) == 1
    assert average_precision(scores.boxes) == 1
    assert scores.found.all()
    assert scores.side_known.all()
    assert scores.side_right.all()


def test_a_missed_hand_and_a_false_one_are_counted(tmp_path):
    scores = score(tmp_path, [LEFT], [Side.LEFT], [(RIGHT, Side.RIGHT)])
    assert scores.false_hands == 2
    assert not scores.found.any()
    assert pck(scores.errors, 0.2) == 0
    assert average_precision(scores.boxes) == 0


def test_a_wrong_side_is_known_but_not_right(tmp_path):
    scores = score(tmp_path, [LEFT], [Side.RIGHT], [(LEFT, Side.LEFT)])
    assert scores.side_known.all()
    assert not scores.side_right.any()


def test_an_unknown_side_does_not_count(tmp_path):
    scores = score(tmp_path, [LEFT], [Side.RIGHT], [(LEFT, Side.UNKNOWN)])
    assert not scores.side_known.any()


def score_label(hand, complete=True, found=(LEFT,)):
    """Scores what a pipeline that finds `found` says of the ramp with one labelled hand."""
    estimator = SRHandNetEstimator(OracleRuntime(found))
    pipeline = HandPipeline(Networks(estimator), single_pictures(PipelineConfig(), 'full'))
    label = ImageLabel('ramp.png', HEIGHT, WIDTH, (hand,), complete=complete)
    return score_picture(pipeline, ramp(), label)


def moved_tips(points):
    """Labels whose five fingertips are half a hand away."""
    points = points.copy()
    points[4::4] += 100
    return points


def test_hidden_joints_count_and_are_told_apart_from_those_that_are_seen():
    visible = np.ones(21, bool)
    visible[4::4] = False
    points = moved_tips(LEFT)
    scores = score_label(HandLabel(points, keypoint_box(points), visible=visible))
    assert pck(scores.errors, 0.2) == pytest.approx(16 / 21)
    assert pck(scores.visible_errors, 0.2) == 1


def test_a_hand_that_is_hardly_visible_is_neither_missed_nor_false():
    visible = np.arange(21) < 5
    for found in ((LEFT,), ()):
        scores = score_label(HandLabel(LEFT, keypoint_box(LEFT), visible=visible), found=found)
        assert (scores.images, len(scores.errors), scores.false_hands) == (1, 0, 0)
        assert len(scores.boxes[0].boxes_px) == len(scores.boxes[0].labels_px) == 0


def test_keypoints_outside_of_the_picture_count_as_unlabelled():
    points = LEFT.copy()
    points[4::4, 1] = -100
    scores = score_label(HandLabel(points, keypoint_box(points)))
    assert np.isnan(scores.errors[0, 4::4]).all()
    assert np.isfinite(scores.errors).sum() == 16


def test_where_not_all_hands_are_labelled_no_hand_is_false_and_no_box_counts():
    scores = score_label(HandLabel(RIGHT, keypoint_box(RIGHT)), complete=False)
    assert not scores.found.any()
    assert (scores.false_hands, scores.boxes) == (0, ())


def test_scores_of_two_sets_are_those_of_all_their_pictures():
    found = score_label(HandLabel(LEFT, keypoint_box(LEFT)))
    missed = score_label(HandLabel(RIGHT, keypoint_box(RIGHT)))
    both = merge([found, missed])
    assert (both.images, both.false_hands) == (2, 1)
    assert both.found.tolist() == [True, False]
    assert average_precision(both.boxes) == 0.5
    with pytest.raises(ValueError, match='no picture'):
        merge([])


def test_small_hands_are_a_tenth_to_a_quarter_of_the_frame_and_their_labels_follow(tmp_path):
    path = tmp_path / 'ramp.png'
    cv2.imwrite(str(path), cv2.cvtColor(ramp(), cv2.COLOR_RGB2BGR))
    # A keypoint beyond the border of the photo has no pixel in the new picture either.
    points = LEFT.copy()
    points[20] = (-5, 100)
    label = ImageLabel('ramp.png', HEIGHT, WIDTH, (HandLabel(points, keypoint_box(points)),))
    backgrounds = [np.full((90, 300, 3), 255, np.uint8), np.full((300, 90, 3), 255, np.uint8)]
    photos = [(path, label)] * 8
    shares = []
    for rgb, small in small_hands(photos, backgrounds, []):
        (hand,) = small.hands
        assert rgb.shape == (*SMALL_FRAME_HW, 3) == (small.height, small.width, 3)
        shares.append((hand.box_px[2:] - hand.box_px[:2]).max() / SMALL_FRAME_HW[1])
        assert np.isnan(hand.keypoints_px[20]).all()
        # The colour of the ramp says where a pixel was in the photo.
        x, y = np.rint(hand.keypoints_px[:20]).astype(int).T
        colours = rgb[y, x, :2] * 2.56
        assert np.abs(colours - points[:20]).max() < 6
    assert min(shares) > 0.099
    assert max(shares) < 0.251
    assert np.ptp(shares) > 0.05
    again = list(small_hands(photos, backgrounds, []))
    pairs = zip(again, small_hands(photos, backgrounds, []), strict=True)
    assert all((one == other).all() for (one, _), (other, _) in pairs)


def test_hands_outside_of_a_photo_are_not_pasted_with_it():
    outside = HandLabel(LEFT + 2000, keypoint_box(LEFT + 2000))
    label = ImageLabel('a', HEIGHT, WIDTH, (HandLabel(LEFT, keypoint_box(LEFT)), outside))
    background = np.zeros((90, 300, 3), np.uint8)
    rng = np.random.default_rng(0)
    _, small = paste_small(rng, ramp(), label, background)
    assert len(small.hands) == 1


def test_small_hands_stay_the_same_where_another_photo_is_missing(tmp_path):
    cv2.imwrite(str(tmp_path / 'ramp.png'), cv2.cvtColor(ramp(), cv2.COLOR_RGB2BGR))
    label = ImageLabel('ramp.png', HEIGHT, WIDTH, (HandLabel(LEFT, keypoint_box(LEFT)),))
    photos = [(tmp_path / name, label) for name in ('ramp.png', 'ramp.png', 'ramp.png')]
    backgrounds, problems = [np.zeros((90, 300, 3), np.uint8)], []
    complete = list(small_hands(photos, backgrounds, problems))
    photos[1] = (tmp_path / 'gone.png', label)
    partly = list(small_hands(photos, backgrounds, problems))
    assert problems == [f'{tmp_path / "gone.png"} is missing']
    for (rgb, _), (expected, _) in zip(partly, complete[::2], strict=True):
        np.testing.assert_array_equal(rgb, expected)


def test_a_photo_of_another_size_than_its_label_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((4, 5, 3), np.uint8))
    path = tmp_path / 'a.png'
    assert read_photo((path, ImageLabel('a.png', 4, 5, ()))).shape == (4, 5, 3)
    with pytest.raises(ValueError, match=r'a\.png must have shape \(5, 4, 3\), got \(4, 5, 3\)'):
        read_photo((path, ImageLabel('a.png', 5, 4, ())))


def test_a_photo_of_a_small_hand_is_not_enlarged():
    hand = open_hand((300, 240), 20)
    label = ImageLabel('', HEIGHT, WIDTH, (HandLabel(hand, keypoint_box(hand)),))
    rgb, _ = paste_small(np.random.default_rng(0), ramp(), label, np.zeros((9, 9, 3), np.uint8))
    assert (rgb == ramp()).all()


def test_every_hand_on_a_picture_without_hands_is_false():
    estimator = SRHandNetEstimator(OracleRuntime([LEFT, RIGHT]))
    pipeline = HandPipeline(Networks(estimator), single_pictures(PipelineConfig(), 'full'))
    assert count_false_hands(pipeline, [ramp(), ramp()]) == [2, 2]


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / 'a.png').write_text('no')
    label = ImageLabel('a.png', 1, 1, ())
    with pytest.raises(ValueError, match=r'a\.png is not a picture'):
        score_photos(lambda frame: (), [(tmp_path / 'a.png', label)])


def test_pictures_that_have_nothing_to_do_with_each_other_are_not_tracked():
    config = single_pictures(PipelineConfig(), 'small')
    assert config.detector.cycle == 'small'
    assert not config.tracking.enabled
