"""Right hands, mirrored left ones, and keypoints that are not sure, with an oracle as network."""

import numpy as np
import pytest
from oracle import OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.mobile_keypoints import MobileKeypointsReader
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, KeypointSpec
from hand_pose_ros.types import Side

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


def test_another_network_is_refused():
    with pytest.raises(ValueError, match='must be one of mobile_keypoints, got a srhandnet'):
        MobileKeypointsReader(OracleRuntime([]))
