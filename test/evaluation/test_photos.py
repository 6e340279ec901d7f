"""Scores on labelled pictures, with an oracle in place of the network."""

import cv2
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.photos import count_false_hands, score_photos, single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.types import Side

LEFT, RIGHT = open_hand((160, 240), 200), open_hand((480, 240), 150)


def score(tmp_path, found, found_sides, labelled):
    path = tmp_path / 'ramp.png'
    cv2.imwrite(str(path), cv2.cvtColor(ramp(), cv2.COLOR_RGB2BGR))
    hands = tuple(HandLabel(points, keypoint_box(points), side) for points, side in labelled)
    estimator = SRHandNetEstimator(OracleRuntime(found, found_sides))
    config = single_pictures(PipelineConfig(), 'full')
    label = ImageLabel('ramp.png', HEIGHT, WIDTH, hands)
    return score_photos(HandPipeline(estimator, 'oracle', config), [(path, label)] * 2)


def test_perfect_maps_score_one(tmp_path):
    labelled = [(LEFT, Side.LEFT), (RIGHT, Side.RIGHT)]
    scores = score(tmp_path, [LEFT, RIGHT], [Side.LEFT, Side.RIGHT], labelled)
    assert (scores.images, len(scores.errors), scores.false_hands) == (2, 4, 0)
    assert pck(scores.errors, 0.05) == 1
    assert scores.found.all()
    assert scores.side_known.all()
    assert scores.side_right.all()


def test_a_missed_hand_and_a_false_one_are_counted(tmp_path):
    scores = score(tmp_path, [LEFT], [Side.LEFT], [(RIGHT, Side.RIGHT)])
    assert scores.false_hands == 2
    assert not scores.found.any()
    assert pck(scores.errors, 0.2) == 0


def test_a_wrong_side_is_known_but_not_right(tmp_path):
    scores = score(tmp_path, [LEFT], [Side.RIGHT], [(LEFT, Side.LEFT)])
    assert scores.side_known.all()
    assert not scores.side_right.any()


def test_an_unknown_side_does_not_count(tmp_path):
    scores = score(tmp_path, [LEFT], [Side.RIGHT], [(LEFT, Side.UNKNOWN)])
    assert not scores.side_known.any()


def test_every_hand_on_a_picture_without_hands_is_false():
    estimator = SRHandNetEstimator(OracleRuntime([LEFT, RIGHT]))
    pipeline = HandPipeline(estimator, '', single_pictures(PipelineConfig(), 'full'))
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
