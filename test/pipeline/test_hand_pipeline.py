"""From frames to tracked hands in metres, with an oracle in place of the network."""

from contextlib import closing
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from depth_oracle import DepthOracle, write_depth_model
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.estimators.hand_presence import HandPresenceJudge
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.pipeline.config import DetectorConfig, PipelineConfig, TrackingConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, PRESENCE_NAME, PresenceSpec
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Frame, PositionSource

CAMERA = Camera(HEIGHT, WIDTH, 600.0, 600.0, 319.5, 239.5)
HAND = open_hand((300, 240), 200)
AS_IT_IS = DetectorConfig(turned_hands=False)


def pipeline_of(hands, **settings):
    runtime = OracleRuntime(hands)
    return HandPipeline(Networks(SRHandNetEstimator(runtime)), PipelineConfig(**settings)), runtime


def frame(index=0, depth_m=None):
    return Frame(ramp(), 10 + index / 30, depth_m, CAMERA)


def test_a_hand_keeps_its_id_over_frames():
    pipeline, runtime = pipeline_of([HAND])
    ids = set()
    for index in range(10):
        runtime.hands = [HAND + np.float32(4 * index)]
        ids |= {hand.id for hand in pipeline(frame(index))}
    assert len(ids) == 1
    assert ids != {''}


def test_the_full_frame_pass_runs_every_nth_frame_while_a_hand_is_tracked():
    pipeline, runtime = pipeline_of(
        [HAND], detector=AS_IT_IS, tracking=TrackingConfig(detect_interval=3)
    )
    for index in range(7):
        pipeline(frame(index))
    # For near hands (a frame at two sizes), for far ones, for near ones again.
    assert [shape[1] for shape in runtime.batches if shape[0] == 1 and shape[1] > 128] == [
        256,
        384,
        256,
    ]


NEAR, FAR = [256, 128], [384]
"""Sizes at which a search looks at the frame."""


@pytest.mark.parametrize(
    ('tracked', 'far_hands', 'turned_hands', 'sizes'),
    [
        (True, True, True, [*NEAR, *NEAR, *FAR] * 4 + NEAR * 2),
        (True, False, True, NEAR * 18),
        (True, True, False, [*NEAR, *FAR] * 4 + NEAR),
        (True, False, False, NEAR * 9),
        (False, True, True, [*NEAR, *FAR, *NEAR * 3] * 9),
        (False, True, False, [*NEAR, *FAR] * 9),
        (False, False, False, NEAR * 9),
    ],
)
def test_a_stream_is_searched_for_near_far_and_turned_hands_in_turn_a_picture_for_all(
    tracked, far_hands, turned_hands, sizes
):
    pipeline, runtime = pipeline_of(
        [],
        tracking=TrackingConfig(enabled=tracked),
        detector=DetectorConfig(far_hands=far_hands, turned_hands=turned_hands),
    )
    for index in range(9):
        pipeline(frame(index))
    assert [shape[1] for shape in runtime.batches] == sizes


def test_a_lost_hand_brings_the_full_frame_pass_at_once():
    pipeline, runtime = pipeline_of([HAND], tracking=TrackingConfig(detect_interval=100))
    pipeline(frame(0))
    runtime.hands = [open_hand((100, 120), 120)]
    runtime.batches.clear()
    hands = pipeline(frame(1))
    # Where the hand was, the frame twice, where it is, and that from other views.
    assert [shape[1] for shape in runtime.batches] == [128, 256, 128, 128, 128, 128]
    assert len(hands) == 1


def test_depth_lifts_keypoints_to_metres():
    pipeline, _ = pipeline_of([HAND])
    (hand,) = pipeline(frame(0, np.full((HEIGHT, WIDTH), 0.6, np.float32)))
    assert (hand.position_sources == PositionSource.MEASURED).all()
    np.testing.assert_allclose(hand.joints_cam[:, 2], 0.6, atol=1e-3)
    expected_x = (hand.keypoints_px[:, 0] - CAMERA.cx) / CAMERA.fx * 0.6
    np.testing.assert_allclose(hand.joints_cam[:, 0], expected_x, atol=2e-3)


@pytest.mark.parametrize('depth_m', [None, np.full((HEIGHT, WIDTH), np.nan, np.float32)])
def test_without_depth_positions_are_unknown_and_keypoints_stay(depth_m):
    pipeline, _ = pipeline_of([HAND])
    (hand,) = pipeline(frame(0, depth_m))
    assert np.isnan(hand.joints_cam).all()
    np.testing.assert_allclose(hand.keypoints_px, HAND, atol=1)


def test_the_depth_network_completes_hands_and_depth_that_shows_none_is_told(tmp_path):
    values = np.zeros((21, 3), np.float32)
    write_depth_model(tmp_path / 'depth.onnx', values, -0.5)
    config = PipelineConfig()
    config = replace(config, model=replace(config.model, depth=str(tmp_path / 'depth.onnx')))
    with closing(open_pipeline(config)) as opened:
        assert '; depth: ONNX Runtime' in opened.runtime
    networks = Networks(
        SRHandNetEstimator(OracleRuntime([HAND])),
        depth=LocalRegressionHourglassEstimator(DepthOracle([values])),
    )
    pipeline = HandPipeline(networks, PipelineConfig())
    # The depth of a bowl is no hand, but no wall either.
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    bowl_m = (0.5 + 3e-6 * ((x - 300) ** 2 + (y - 240) ** 2)).astype(np.float32)
    bowl_m[:230] = np.nan
    (hand,) = pipeline(frame(0, bowl_m))
    assert np.isfinite(hand.joints_cam).all()
    assert set(hand.position_sources) == {PositionSource.MEASURED, PositionSource.MODEL}
    assert pipeline.depth_refusals == ''
    pipeline(frame(1, np.full((HEIGHT, WIDTH), np.nan, np.float32)))
    assert pipeline.depth_refusals == 'no depth in its box that fits its size'
    pipeline(frame(2))
    assert pipeline.depth_refusals == 'no depth image'
    pipeline(replace(frame(3, bowl_m), camera=None))
    assert pipeline.depth_refusals == 'no calibration of the camera'
    pipeline(frame(4, bowl_m))
    assert pipeline.depth_refusals == ''


class Flickering(SRHandNetEstimator):
    """Two hands whose scores take turns at being the better."""

    def _turn(self, hands):
        self.calls = getattr(self, 'calls', 0) + 1
        better = self.calls % 2
        return [
            replace(hand, score=0.9 if (hand.box_px[0] > 300) == better else 0.8) for hand in hands
        ]

    def detect(self, *args):
        return self._turn(super().detect(*args))

    def look_again(self, *args):
        return self._turn(super().look_again(*args))


class HalfSure(OracleRuntime):
    """An oracle whose keypoints have lower peaks, so that its hands are doubtful."""

    def run(self, inputs):
        outputs = super().run(inputs)
        outputs[OUTPUT_NAME][:, :NUM_KEYPOINTS] *= 0.65
        return outputs


def test_a_hand_is_seen_from_four_views_when_it_is_new_and_not_while_it_is_tracked():
    runtime = HalfSure([HAND])
    tracking = TrackingConfig(detect_interval=2)
    networks = Networks(SRHandNetEstimator(runtime))
    pipeline = HandPipeline(networks, PipelineConfig(detector=AS_IT_IS, tracking=tracking))
    batches = []
    for index in range(3):
        runtime.batches.clear()
        assert len(pipeline(frame(index))) == 1
        batches.append([(shape[0], shape[1]) for shape in runtime.batches])
    search, other = [(1, 256), (1, 128), (1, 128)], [(1, 384), (1, 128)]
    assert batches == [[*search, (3, 128), (1, 128)], [(1, 128)], other]


class Word:
    """A network of hand presence that says the same of every picture."""

    spec = PresenceSpec('hand_presence', 'lite0', 96)
    description = 'a word'

    def __init__(self, presence):
        self.presence, self.runs = presence, 0

    def run(self, inputs):
        self.runs += 1
        return {PRESENCE_NAME: np.full(len(inputs[INPUT_NAME]), self.presence, np.float32)}


def test_what_the_judge_takes_for_none_is_not_reported_new_or_tracked():
    word = Word(0.999)
    networks = Networks(SRHandNetEstimator(HalfSure([HAND])), judge=HandPresenceJudge(word))
    pipeline = HandPipeline(networks, PipelineConfig(tracking=TrackingConfig(detect_interval=9)))
    assert [len(pipeline(frame(index))) for index in range(2)] == [1, 1]
    word.presence = 0.001
    assert [len(pipeline(frame(index))) for index in range(2, 4)] == [0, 0]
    pipeline.reset()
    assert len(pipeline(frame(4))) == 0


def test_what_the_judge_takes_for_none_is_neither_looked_at_nor_judged_again():
    runtime, word = HalfSure([HAND]), Word(0.001)
    networks = Networks(SRHandNetEstimator(runtime), judge=HandPresenceJudge(word))
    assert HandPipeline(networks, PipelineConfig(detector=AS_IT_IS))(frame()) == ()
    # The frame at two sizes, and the one region.
    assert [shape[:2] for shape in runtime.batches] == [(1, 256), (1, 128), (1, 128)]
    assert word.runs == 1


@pytest.mark.parametrize('limit', [0, 1])
def test_max_hands_keeps_to_the_hand_that_it_has_shown(limit):
    runtime = OracleRuntime([HAND, open_hand((540, 240), 120)])
    config = PipelineConfig(detector=DetectorConfig(max_hands=limit))
    pipeline = HandPipeline(Networks(Flickering(runtime)), config)
    shown = [pipeline(frame(index)) for index in range(8)]
    assert {len(hands) for hands in shown} == {limit or 2}
    assert len({hand.id for hands in shown for hand in hands}) == (limit or 2)
    assert all(hands[0].score == max(hand.score for hand in hands) for hands in shown)


def test_a_hand_with_too_few_keypoints_is_not_reported():
    cut = open_hand((630, 240), 220)
    seen = int((cut[:, 0] < 639.5).sum())
    for least, hands in ((seen, 1), (seen + 1, 0)):
        pipeline, _ = pipeline_of([cut], detector=DetectorConfig(min_keypoints=least))
        assert len(pipeline(frame())) == hands


def test_known_regions_are_read_with_every_keypoint_however_doubtful():
    pipeline, _ = pipeline_of([HAND], detector=DetectorConfig(threshold=1.0))
    low, high = HAND.min(axis=0) - 20, HAND.max(axis=0) + 20
    boxes = np.array([[*low, *high], [0, 300, 150, 450]])
    found, doubtful = pipeline.read_regions(ramp(), boxes, np.zeros(2))
    np.testing.assert_allclose(found.keypoints_px, HAND, atol=1)
    assert np.isfinite(doubtful.keypoints_px).all()
    assert doubtful.scores.max() < 0.01


def test_pipelines_that_share_a_source_of_ids_never_give_one_twice():
    ids = count(1)
    names = []
    for _ in range(2):
        estimator = SRHandNetEstimator(OracleRuntime([HAND]))
        (hand,) = HandPipeline(Networks(estimator), PipelineConfig(), ids)(frame())
        names.append(hand.id)
    assert names == ['1', '2']


def test_reset_never_gives_an_id_again():
    pipeline, _ = pipeline_of([HAND])
    (first,) = pipeline(frame(5))
    pipeline.reset()
    (second,) = pipeline(frame(0))
    assert first.id != second.id


def test_new_settings_are_taken_over_while_running():
    pipeline, _ = pipeline_of([HAND])
    (first,) = pipeline(frame(0))
    config = PipelineConfig(detector=replace(DetectorConfig(), threshold=1.0))
    pipeline.configure(config)
    assert pipeline(frame(1)) == ()
    pipeline.configure(PipelineConfig())
    (again,) = pipeline(frame(2))
    assert again.id == first.id


def test_depth_of_another_size_is_refused():
    pipeline, _ = pipeline_of([HAND])
    with pytest.raises(ValueError, match=r'\(480, 640\), got \(240, 320\)'):
        pipeline(frame(0, np.ones((240, 320), np.float32)))


def test_a_picture_that_is_not_rgb_is_refused():
    pipeline, _ = pipeline_of([HAND])
    with pytest.raises(ValueError, match='must be'):
        pipeline(Frame(np.zeros((480, 640), np.uint8), 0.0))


def test_a_model_that_is_not_there_is_named_with_those_that_are():
    config = PipelineConfig()
    config = replace(config, model=replace(config.model, detector='no_such_model'))
    with pytest.raises(FileNotFoundError, match=r"no model 'no_such_model'.*srhandnet_nano"):
        open_pipeline(config)
