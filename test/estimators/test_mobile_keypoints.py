"""Right hands, mirrored left ones, and keypoints that are not sure, with an oracle as network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from oracle import OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.mobile_keypoints import MobileKeypointsReader
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.pipeline.config import PipelineConfig, SmoothingConfig, TrackingConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, KeypointSpec
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.types import Frame, Side

RECIPE = Path(__file__).parents[2] / 'config' / 'models' / 'mobile_keypoints.yaml'
FIRST = open_hand((180, 240), 200)
SECOND = open_hand((480, 200), 60)
BOXES = np.array([keypoint_box(FIRST), keypoint_box(SECOND)])
RIGHT, LEFT, UNKNOWN = 1.0, -1.0, 0.0


class RightHandOracle(OracleRuntime):
    """Knows all hands of the ramp picture, and is less sure of those it sees mirrored."""

    spec = KeypointSpec('mobile_keypoints', 'full', 224, 4)

    def run(self, inputs):
        self.images = inputs[INPUT_NAME]
        maps = super().run(inputs)[OUTPUT_NAME][:, :22]
        return {OUTPUT_NAME: maps * np.where(self.mirrored(), 0.5, 1)[:, None, None, None]}

    def mirrored(self):
        """For each crop, whether the ramp falls from left to right."""
        red = self.images[:, 50, :, 0].astype(int)
        return np.sign(np.diff(red, axis=1)).sum(axis=1) < 0


def read(sides, hands=(FIRST, SECOND), change=None, threshold=0.2):
    runtime = RightHandOracle(hands)
    if change is not None:
        plain = runtime.run
        runtime.run = lambda inputs: {OUTPUT_NAME: change(plain(inputs)[OUTPUT_NAME])}
    reader = MobileKeypointsReader(runtime)
    found = reader.read(ramp(), BOXES[: len(sides)], np.array(sides), threshold, refine=True)
    return found, runtime


@pytest.mark.parametrize('sides', [(RIGHT, RIGHT), (LEFT, RIGHT), (UNKNOWN, LEFT)])
def test_every_hand_is_read_to_a_pixel_whatever_its_side(sides):
    hands, runtime = read(sides)
    for hand, truth in zip(hands, (FIRST, SECOND), strict=True):
        np.testing.assert_allclose(hand.keypoints_px, truth, atol=1)
        assert hand.side == Side.UNKNOWN
    assert len(runtime.batches) == 1


def test_hands_are_read_both_ways_and_the_surer_reading_counts():
    hands, runtime = read((LEFT, RIGHT))
    assert runtime.mirrored().tolist() == [False, False, True, True]
    assert min(hand.score for hand in hands) > 0.8


def test_with_every_keypoint_wanted_an_unsure_one_still_lies_near_the_others():
    def split(maps):
        maps[:, 8] *= 0.15
        maps[:, 8, 3, 3] = 0.18
        return maps

    ((hand,), _) = read((RIGHT,), change=split, threshold=0.0)
    np.testing.assert_allclose(hand.keypoints_px[8], FIRST[8], atol=1)


def test_a_keypoint_that_is_not_sure_goes_to_the_peak_near_the_others_and_keeps_its_low_score():
    def split(maps):
        maps[:, 8] *= 0.15
        maps[:, 8, 3, 3] = 0.18
        return maps

    ((hand,), _) = read((RIGHT,), change=split)
    np.testing.assert_allclose(hand.keypoints_px[8], FIRST[8], atol=1)
    assert hand.scores[8] == pytest.approx(0.15, abs=0.01)
    assert hand.score > 0.9


def test_a_region_without_a_hand_gives_a_hand_without_keypoints():
    ((hand,), _) = read((RIGHT,), hands=())
    assert np.isnan(hand.keypoints_px).all()
    assert hand.score == 0


def test_few_sure_keypoints_are_not_completed():
    def fade(maps):
        maps[:, 10:21] *= 0.1
        return maps

    ((hand,), _) = read((RIGHT,), change=fade)
    assert np.isfinite(hand.keypoints_px).all(axis=1).tolist() == [True] * 10 + [False] * 11


def test_a_hand_is_followed_by_its_own_keypoints():
    detector, runtime = OracleRuntime([FIRST]), RightHandOracle([FIRST])
    config = PipelineConfig(
        tracking=TrackingConfig(detect_interval=100), smoothing=SmoothingConfig(enabled=False)
    )
    estimator = SRHandNetEstimator(detector, MobileKeypointsReader(runtime))
    pipeline = HandPipeline(Networks(estimator), config)
    pipeline(Frame(ramp(), 0.0))
    detector.batches.clear()
    for index in range(1, 26):
        # In the end more than a hand's width from where it was detected.
        runtime.hands = [FIRST + np.float32((10 * index, -2 * index))]
        (hand,) = pipeline(Frame(ramp(), index / 30))
        np.testing.assert_allclose(hand.keypoints_px, runtime.hands[0], atol=1)
    assert detector.batches == []


@pytest.mark.parametrize(('plan', 'size'), [('full', 224), ('full_112', 112)])
def test_models_of_both_input_sizes_read_regions(plan, size, tmp_path):
    torch = pytest.importorskip('torch')
    from hand_pose_ros.networks.deployed import build
    from hand_pose_ros.training.export import export_onnx
    from hand_pose_ros.training.tasks import read_task

    torch.manual_seed(0)
    task = read_task(RECIPE)
    task = type(task)(replace(task.recipe, plan=plan))
    export_onnx(build(task.recipe.network, plan).state_dict(), task, tmp_path / 'model.onnx')
    runtime = OnnxRuntime(tmp_path / 'model.onnx', 1)
    seen = []
    runtime.run = lambda inputs: seen.append(inputs) or OnnxRuntime.run(runtime, inputs)
    hands = MobileKeypointsReader(runtime).read(ramp(), BOXES, np.zeros(2), -100, refine=False)
    assert [inputs[INPUT_NAME].shape for inputs in seen] == [(4, size, size, 3)]
    for hand, box in zip(hands, BOXES, strict=True):
        # Nothing is learnt, but every keypoint lies in a cell of the region's square.
        cell_px = 4 * (box[2:] - box[:2]).max() / size
        assert np.isfinite(hand.keypoints_px).all()
        inside = (hand.keypoints_px - box[:2]) / cell_px
        assert inside.min() > -0.5
        assert inside.max() < size // 4 + 0.5


def test_another_network_is_refused():
    with pytest.raises(ValueError, match='must be one of mobile_keypoints, got a srhandnet'):
        MobileKeypointsReader(OracleRuntime([]))
