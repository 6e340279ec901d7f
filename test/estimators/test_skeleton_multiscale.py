"""A skeleton for the box, then keypoints from box and skeleton, with oracles as networks."""

import numpy as np
import pytest
from oracle import OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs import heatmap, skeleton_image
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.skeleton_multiscale import SkeletonMultiScaleEstimator
from hand_pose_ros.runtimes.base import (
    OUTPUT_NAME,
    SKELETON_NAME,
    SkeletonPoseSpec,
    SkeletonSpec,
)
from hand_pose_ros.types import Side

LARGE = open_hand((180, 240), 260)
SMALL = open_hand((480, 200), 100)
TINY = open_hand((480, 200), 15)


class SkeletonOracle(OracleRuntime):
    """Draws perfect skeletons of the hands it knows."""

    spec = SkeletonSpec('skeleton_unet', 'slim', 256, 128)
    output = SKELETON_NAME

    def _maps(self, image):
        size = image.shape[0]
        hands = np.array([self._to_network(image, hand) for hand in self.hands], np.float32)
        hands = hands.reshape(-1, 21, 2)
        hands[((hands < -0.5) | (hands > size - 0.5)).any(axis=2)] = np.nan
        return self._draw(hands, size)

    def _draw(self, hands, size):
        return skeleton_image.encode(hands, (size, size))

    def run(self, inputs):
        return {self.output: super().run(inputs)[OUTPUT_NAME]}


class PoseOracle(SkeletonOracle):
    """Draws perfect heatmaps, as far as the skeleton that it is given says."""

    spec = SkeletonPoseSpec('skeleton_multiscale', 'slim', 128)
    output = OUTPUT_NAME

    def _draw(self, hands, size):
        return heatmap.encode(hands, (size, size), 1, 2.5)

    def run(self, inputs):
        maps = super().run(inputs)[OUTPUT_NAME]
        return {OUTPUT_NAME: maps * inputs[SKELETON_NAME].max(axis=(1, 2))[:, None, None, None]}


def estimator(*hands):
    return SkeletonMultiScaleEstimator(SkeletonOracle(hands), PoseOracle(hands))


def test_the_hand_of_a_frame_is_found_to_half_a_pixel():
    (hand,) = estimator(SMALL).detect(ramp(), 0.2, 'full', refine=True)
    np.testing.assert_allclose(hand.keypoints_px, SMALL, atol=0.5)
    assert hand.scores.min() > 0.8
    assert hand.side == Side.UNKNOWN


def test_both_hands_of_a_frame_are_found():
    hands = estimator(SMALL, LARGE).detect(ramp(), 0.2, 'full', refine=True)
    found = sorted((hand.keypoints_px for hand in hands), key=lambda points: -points[0, 1])
    np.testing.assert_allclose(found, sorted((SMALL, LARGE), key=lambda p: -p[0, 1]), atol=2)


def test_a_tracked_hand_that_the_frame_does_not_show_well_is_looked_for():
    both = estimator(TINY, LARGE)
    hands = both.detect(ramp(), 0.2, 'full', True, tracked_px=keypoint_box(TINY)[None])
    centres = sorted(float(hand.box_px[[0, 2]].mean()) for hand in hands)
    np.testing.assert_allclose(centres, [LARGE[:, 0].mean(), TINY[:, 0].mean()], atol=30)


def test_a_hand_too_small_for_a_skeleton_is_no_hand():
    assert estimator(TINY).detect(ramp(), 0.2, 'full', refine=True) == []
    assert estimator().detect(ramp(), 0.2, 'full', refine=True) == []


def test_a_region_without_a_skeleton_gives_a_hand_without_keypoints():
    boxes = np.array([keypoint_box(SMALL), (20.0, 20.0, 120.0, 120.0)])
    found, empty = estimator(SMALL).look_again(ramp(), boxes, 0.2, refine=True)
    assert np.isfinite(found.keypoints_px).all()
    assert np.isnan(empty.keypoints_px).all()
    assert empty.score == 0
    _, doubtful = estimator(SMALL).look_again(ramp(), boxes, 0.0, refine=True)
    assert np.isfinite(doubtful.keypoints_px).all()


def test_a_peak_of_six_tenths_is_a_score_of_one():
    for peak, score in ((0.3, 0.5), (0.6, 1.0), (0.9, 1.0)):
        keypoints = PoseOracle([SMALL])
        whole = keypoints.run
        keypoints.run = lambda inputs, peak=peak, whole=whole: {
            OUTPUT_NAME: whole(inputs)[OUTPUT_NAME] * np.float32(peak)
        }
        estimator = SkeletonMultiScaleEstimator(SkeletonOracle([SMALL]), keypoints)
        (hand,) = estimator.look_again(ramp(), keypoint_box(SMALL)[None], 0.2, refine=True)
        assert hand.score == pytest.approx(score, rel=0.05)


def test_all_regions_go_through_both_networks_in_one_batch():
    skeletons, keypoints = SkeletonOracle([SMALL, LARGE]), PoseOracle([SMALL, LARGE])
    boxes = np.array([keypoint_box(SMALL), keypoint_box(LARGE)])
    SkeletonMultiScaleEstimator(skeletons, keypoints).look_again(ramp(), boxes, 0.2, True)
    assert skeletons.batches == keypoints.batches == [(2, 128, 128, 3)]


def test_a_model_of_another_network_is_refused():
    with pytest.raises(ValueError, match='one of skeleton_unet, got a srhandnet'):
        SkeletonMultiScaleEstimator(OracleRuntime([]), PoseOracle([]))


def test_networks_for_regions_of_different_sizes_are_refused():
    skeletons = SkeletonOracle([])
    skeletons.spec = SkeletonSpec('skeleton_unet', 'slim', 192, 96)
    with pytest.raises(ValueError, match=r'draws regions of 96 pixels.* reads 128'):
        SkeletonMultiScaleEstimator(skeletons, PoseOracle([]))
