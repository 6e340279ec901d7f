"""Keypoints and mask of a region or a frame, and the pyramid, with an oracle as network."""

import numpy as np
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs import mask
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.estimators.mask_pose import (
    CROPS_AT_ONCE,
    MaskPoseEstimator,
    MaskPoseReader,
    pyramid_boxes,
)
from hand_pose_ros.runtimes.base import INPUT_NAME, MASK_NAME, OUTPUT_NAME, MaskPoseSpec

HAND = open_hand((300, 220), 200)
BOX = keypoint_box(HAND)


class MaskOracle(OracleRuntime):
    """Knows the keypoints, and says that what lies left of x = 300 is hand."""

    spec = MaskPoseSpec('mask_pose', 'slim', 320, 4)

    def run(self, inputs):
        maps = super().run(inputs)[OUTPUT_NAME][:, :22]
        red = inputs[INPUT_NAME][:, ::4, ::4, 0].astype(np.float32)
        blue = inputs[INPUT_NAME][:, ::4, ::4, 2]
        return {OUTPUT_NAME: maps, MASK_NAME: ((red * 2.56 < 300) & (blue == 0)).astype('f4')}


def read(boxes, hands=(HAND,), pyramid=False):
    runtime = MaskOracle(hands)
    reader = MaskPoseReader(runtime, pyramid)
    return reader.read(ramp(), np.array(boxes), np.zeros(len(boxes)), 0.2, True), runtime


@pytest.mark.parametrize('pyramid', [False, True])
def test_every_keypoint_is_read_to_a_pixel(pyramid):
    other = open_hand((520, 330), 150)
    hands, runtime = read([BOX, keypoint_box(other)], (HAND, other), pyramid)
    for hand, truth in zip(hands, (HAND, other), strict=True):
        np.testing.assert_allclose(hand.keypoints_px, truth, atol=1)
    crops = [shape[0] for shape in runtime.batches]
    assert max(crops) <= CROPS_AT_ONCE
    assert sum(crops) == (21 if pyramid else 2)


@pytest.mark.parametrize(('pyramid', 'crops'), [(False, 1), (True, 22)])
def test_without_a_detector_the_frame_is_the_region(pyramid, crops):
    runtime = MaskOracle([HAND])
    estimator = MaskPoseEstimator(MaskPoseReader(runtime, pyramid))
    (hand,) = estimator.detect(ramp(), 0.2, 'full', True)
    np.testing.assert_allclose(hand.keypoints_px, HAND, atol=1.5)
    assert sum(shape[0] for shape in runtime.batches) == crops


def test_a_tracked_hand_is_looked_for_unless_it_is_the_one_in_the_frame():
    estimator = MaskPoseEstimator(MaskPoseReader(MaskOracle([HAND])))
    tracked = np.array([BOX, (500, 300, 600, 400)])
    found, lost = estimator.detect(ramp(), 0.2, 'full', True, tracked)
    np.testing.assert_allclose(found.keypoints_px, HAND, atol=1.5)
    assert np.isnan(lost.keypoints_px).all()


def test_the_mask_lies_where_the_network_saw_it():
    ((hand,), _) = read([BOX])
    found = mask.to_image(hand.mask, (HEIGHT, WIDTH)) >= 0.5
    truth = np.zeros((HEIGHT, WIDTH), bool)
    x0, y0, _, y1 = np.rint(BOX).astype(int)
    truth[y0 : y1 + 1, x0:300] = True
    assert (found & truth).sum() / (found | truth).sum() > 0.95


def test_a_region_without_a_hand_gives_a_hand_without_keypoints():
    ((hand,), _) = read([BOX], hands=())
    assert np.isnan(hand.keypoints_px).all()
    assert hand.score == 0


def test_crops_of_the_pyramid_shrink_by_a_tenth_each_within_the_last_down_to_50_pixels():
    boxes = np.array(pyramid_boxes(np.random.default_rng(0), np.array([0.0, 0.0, 640.0, 480.0])))
    sides = boxes[:, 2:] - boxes[:, :2]
    np.testing.assert_allclose(sides[1:] / sides[:-1], 0.9)
    assert (boxes[1:, :2] >= boxes[:-1, :2]).all()
    assert (boxes[1:, 2:] <= boxes[:-1, 2:]).all()
    assert 50 <= sides[-1].min() < 50 / 0.9


def test_the_same_region_gives_the_same_pyramid():
    first, second = (read([BOX], pyramid=True)[0][0] for _ in range(2))
    np.testing.assert_array_equal(first.keypoints_px, second.keypoints_px)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match='must be one of mask_pose, got a srhandnet'):
        MaskPoseReader(OracleRuntime([]))
