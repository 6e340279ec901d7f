"""Hands that do not point up, by a network that knows only those that do."""

import numpy as np
import pytest
from oracle import OracleRuntime, open_hand, ramp

from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.geometry.turns import turned_points
from hand_pose_ros.pipeline.config import DetectorConfig, PipelineConfig, TrackingConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.base import OUTPUT_NAME
from hand_pose_ros.skeleton import NUM_KEYPOINTS, WRIST
from hand_pose_ros.types import Frame

UP = open_hand((320, 240), 160)


class UprightOracle(OracleRuntime):
    """Sees hands that point less than 79 degrees away from up; `height` is that of its peaks."""

    height = 1.0

    def run(self, inputs):
        outputs = super().run(inputs)
        outputs[OUTPUT_NAME][:, :NUM_KEYPOINTS] *= np.float32(self.height)
        return outputs

    def _to_network(self, image, points):
        points = super()._to_network(image, points)
        x, y = points[9] - points[WRIST]
        return points if -y > 0.2 * abs(x) else np.full_like(points, -1000)


def turned(points_px, turns):
    """The hand as it would point if the picture were turned about its middle."""
    middle = np.array([319.5, 239.5], np.float32)
    return turned_points(points_px - middle, -turns, (1, 1)) + middle


def pipeline_of(runtime, tracked=True, **detector):
    tracking = TrackingConfig(enabled=tracked, detect_interval=3)
    config = PipelineConfig(tracking=tracking, detector=DetectorConfig(**detector))
    return HandPipeline(Networks(SRHandNetEstimator(runtime)), config)


def frame(index=0):
    return Frame(ramp(), 10 + index / 30)


@pytest.mark.parametrize('turns', range(4))
def test_a_picture_is_searched_for_hands_that_point_anywhere(turns):
    truth = turned(UP, turns)
    (hand,) = pipeline_of(UprightOracle([truth]), tracked=False)(frame())
    np.testing.assert_allclose(hand.keypoints_px, truth, atol=1)
    assert hand.turns == turns


def test_without_turned_hands_only_the_frame_as_it_is_is_searched():
    runtime = UprightOracle([turned(UP, 2)])
    assert pipeline_of(runtime, tracked=False, turned_hands=False)(frame()) == ()


@pytest.mark.parametrize('turns', range(4))
def test_a_stream_finds_such_a_hand_within_five_frames_and_keeps_it(turns):
    pipeline = pipeline_of(UprightOracle([turned(UP, turns)]))
    found = [pipeline(frame(index)) for index in range(30)]
    first = [bool(hands) for hands in found].index(True)
    assert first < 5
    assert {hand.id for hands in found[first:] for hand in hands} == {'1'}
    assert all(len(hands) == 1 for hands in found[first:])


def test_while_a_hand_is_tracked_the_turned_frame_is_not_searched():
    runtime = UprightOracle([UP])
    pipeline = pipeline_of(runtime)
    pipeline(frame(0))
    runtime.hands.append(turned(UP - (220, 0), 2))
    runtime.sides.append(runtime.sides[0])
    assert {len(pipeline(frame(index))) for index in range(1, 25)} == {1}


def test_a_second_hand_that_points_where_the_tracked_one_does_is_found():
    runtime = UprightOracle([turned(UP, 2)])
    pipeline = pipeline_of(runtime)
    pipeline(frame(0))
    runtime.hands.append(turned(UP - (220, 0), 2))
    runtime.sides.append(runtime.sides[0])
    assert 2 in {len(pipeline(frame(index))) for index in range(1, 8)}


def test_a_hand_that_is_suddenly_upright_is_not_lost_for_a_frame():
    runtime = UprightOracle([turned(UP, 2)])
    pipeline = pipeline_of(runtime)
    found = []
    for index in range(20):
        runtime.hands = [turned(UP, 2) if index < 13 else UP]
        found.append([hand.id for hand in pipeline(frame(index))])
    assert found == [['1']] * 20


def test_hands_that_point_at_each_other_stay_two():
    apart = np.array([0, 150])
    above, below = turned(UP, 2) - apart, UP + apart
    runtime = UprightOracle([above, below])
    pipeline = pipeline_of(runtime)
    names = []
    for index in range(40):
        gap = (0, min(3 * index, 90))
        runtime.hands = [above + gap, below - np.array(gap)]
        names.append(sorted(hand.id for hand in pipeline(frame(index))))
    assert names == [['1', '2']] * 40


def test_without_turned_hands_tracks_are_read_in_the_frame_as_it_is():
    runtime = OracleRuntime([UP])
    pipeline = pipeline_of(runtime, turned_hands=False)
    for index in range(6):
        runtime.hands = [turned(UP, index // 2 % 4)]
        assert {hand.turns for hand in pipeline(frame(index))} <= {0}


def test_a_tracked_hand_needs_no_more_where_the_frame_is_turned_than_where_it_is_not():
    for turns in (0, 2):
        runtime = UprightOracle([turned(UP, turns)])
        pipeline = pipeline_of(runtime)
        assert len(pipeline(frame(0))) == 1
        runtime.height = 0.6
        assert {len(pipeline(frame(index))) for index in range(1, 25)} == {1}


def test_a_hand_that_turns_round_stays_one_hand():
    runtime = UprightOracle([UP])
    pipeline = pipeline_of(runtime)
    middle = np.array([320.0, 240.0])
    for index in range(120):
        angle = np.radians(3 * index)
        across, along = np.cos(angle), np.sin(angle)
        rotation = np.array([[across, along], [-along, across]])
        runtime.hands = [((UP - middle) @ rotation + middle).astype(np.float32)]
        (hand,) = pipeline(frame(index))
        assert hand.id == '1'
        np.testing.assert_allclose(hand.keypoints_px, runtime.hands[0], atol=12)


@pytest.mark.parametrize(('height', 'found'), [(0.8, 1), (0.6, 0)])
def test_a_new_hand_of_the_turned_frame_must_look_more_like_one(height, found):
    runtime = UprightOracle([turned(UP, 2)])
    runtime.height = height
    assert len(pipeline_of(runtime, tracked=False)(frame())) == found
    runtime.hands = [UP]
    assert len(pipeline_of(runtime, tracked=False)(frame())) == 1
