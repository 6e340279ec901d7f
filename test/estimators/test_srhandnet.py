"""Two passes of the network, with an oracle in its place."""

from dataclasses import replace

import numpy as np
import pytest
from oracle import OracleRuntime, open_hand, ramp

from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator, make_hand
from hand_pose_ros.types import Side

LARGE = open_hand((180, 240), 260)
SMALL = open_hand((480, 200), 60)


def detect(hands, cycle='full', sides=None, **kwargs):
    estimator = SRHandNetEstimator(OracleRuntime(hands, sides))
    found = estimator.detect(ramp(), 0.2, cycle, refine=True, **kwargs)
    return sorted(found, key=lambda hand: hand.box_px[0]), estimator.runtime.batches


@pytest.mark.parametrize('cycle', ['off', 'small', 'full'])
def test_every_hand_is_found_to_two_pixels(cycle):
    hands, _ = detect([LARGE, SMALL], cycle)
    assert len(hands) == 2
    for hand, truth in zip(hands, (LARGE, SMALL), strict=True):
        np.testing.assert_allclose(hand.keypoints_px, truth, atol=2)


def test_the_second_pass_locates_a_small_hand_to_a_fifth_of_a_pixel():
    (hand,), _ = detect([SMALL], 'full')
    assert np.abs(hand.keypoints_px - SMALL).mean() < 0.2
    assert hand.scores.mean() > 0.8


@pytest.mark.parametrize(('cycle', 'regions'), [('off', 0), ('small', 1), ('full', 2)])
def test_all_regions_of_a_frame_go_in_one_batch(cycle, regions):
    _, batches = detect([LARGE, SMALL], cycle)
    searches = [(1, 256, 256, 3)]
    if cycle == 'full':
        searches.append((1, 128, 128, 3))  # for hands that fill the frame
        searches.append((1, 384, 384, 3))  # for hands far away
    assert batches == searches + ([(regions, 128, 128, 3)] if regions else [])


def test_any_number_of_hands():
    truth = [open_hand((80 + 120 * i, 110 + 240 * j), 100) for i in range(5) for j in range(2)]
    hands, batches = detect(truth)
    assert len(hands) == 10
    assert batches[3] == (10, 128, 128, 3)


def test_a_hand_over_the_border_has_a_box_inside_the_image_and_unseen_keypoints():
    truth = open_hand((600, 240), 220)
    (hand,), _ = detect([truth])
    outside = truth[:, 0] > 639
    assert np.isnan(hand.keypoints_px[outside]).all()
    assert (hand.scores[outside] == 0).all()
    assert (hand.box_px >= 0).all()
    assert hand.box_px[2] <= 639


def test_the_side_is_read_from_its_map():
    hands, _ = detect([LARGE, SMALL], sides=[Side.LEFT, Side.RIGHT])
    assert [hand.side for hand in hands] == [Side.LEFT, Side.RIGHT]
    assert min(hand.side_score for hand in hands) > 0.9


def test_no_hand_gives_no_hand_and_no_second_pass():
    for cycle, searches in (('small', 1), ('full', 3)):
        hands, batches = detect([], cycle)
        assert hands == []
        assert len(batches) == searches


def test_a_tracked_region_that_the_first_pass_found_is_looked_at_once():
    box = np.array([[30.0, 60.0, 330.0, 420.0]])
    hands, batches = detect([LARGE], tracked_px=box)
    assert len(hands) == 1
    assert batches[3] == (1, 128, 128, 3)


def test_a_tracked_region_that_the_first_pass_missed_is_looked_at_too():
    _, batches = detect([LARGE], tracked_px=np.array([[450.0, 100.0, 600.0, 250.0]]))
    assert batches[3] == (2, 128, 128, 3)


class OneSize(OracleRuntime):
    """An oracle that knows only what it sees in frames of one size, and in regions."""

    def __init__(self, size, hands, sides=None):
        super().__init__(hands, sides)
        self.size = size

    def _maps(self, image):
        maps = super()._maps(image)
        return maps if image.shape[0] in (self.size, 128) else np.zeros_like(maps)


@pytest.mark.parametrize(('reach', 'count'), [('near', 0), ('far', 1), ('all', 1)])
def test_a_small_hand_is_found_in_the_larger_frame(reach, count):
    estimator = SRHandNetEstimator(OneSize(384, [SMALL]))
    hands = estimator.detect(ramp(), 0.2, 'full', refine=True, reach=reach)
    assert len(hands) == count
    for hand in hands:
        np.testing.assert_allclose(hand.keypoints_px, SMALL, atol=0.6)


def test_a_large_hand_is_not_looked_for_in_the_larger_frame():
    estimator = SRHandNetEstimator(OneSize(384, [LARGE]))
    assert estimator.detect(ramp(), 0.2, 'full', refine=True, reach='far') == []


def test_a_hand_that_fills_the_frame_is_found_at_the_size_of_a_region():
    close = open_hand((320, 240), 430)
    for cycle, count in (('full', 1), ('small', 0)):
        hands = SRHandNetEstimator(OneSize(128, [close])).detect(ramp(), 0.2, cycle, refine=True)
        assert len(hands) == count
    (hand,) = SRHandNetEstimator(OneSize(128, [close])).detect(ramp(), 0.2, 'full', refine=True)
    np.testing.assert_allclose(hand.keypoints_px, close, atol=3)
    # One that is small there is left to the first pass.
    assert not SRHandNetEstimator(OneSize(128, [SMALL])).detect(ramp(), 0.2, 'full', refine=True)


def test_a_large_hand_has_the_side_of_its_region_where_the_reader_tells_none():
    close = open_hand((320, 240), 430)
    estimator = SRHandNetEstimator(OneSize(128, [close], [Side.LEFT]), FlatReader())
    (hand,) = estimator.detect(ramp(), 0.2, 'full', refine=True)
    assert hand.side == Side.LEFT


def test_a_frame_is_not_searched_twice_at_one_size():
    runtime = OracleRuntime([LARGE])
    runtime.spec = replace(runtime.spec, region_size=runtime.spec.input_size)
    SRHandNetEstimator(runtime).detect(ramp(), 0.2, 'full', refine=True)
    assert len(runtime.batches) == 2


class FlatReader:
    """Finds in each region the keypoints on its diagonal, and remembers what it was asked."""

    def read(self, rgb, boxes_px, sides, threshold, refine):
        self.boxes_px, self.sides = boxes_px, sides
        steps = np.linspace(0.1, 0.9, 21, dtype=np.float32)[:, None]
        lines = [box[:2] + steps * (box[2:] - box[:2]) for box in boxes_px]
        scores = np.full(21, 0.81, np.float32)
        return [make_hand(line, scores, 0.0, rgb.shape[:2]) for line in lines]


class ShyReader:
    """Finds the small hand wherever it looks, and is the surer the smaller the region."""

    def __init__(self):
        self.regions_px = []

    def read(self, rgb, boxes_px, sides, threshold, refine):
        self.regions_px += list(boxes_px)
        scores = [0.9 if box[2] - box[0] < 120 else 0.5 for box in boxes_px]
        return [make_hand(SMALL, np.full(21, s, np.float32), 0.0, rgb.shape[:2]) for s in scores]


def test_a_hand_whose_region_was_far_off_is_looked_at_again_in_its_own_box():
    for region, looks, score in (((350, 50, 610, 350), 2, 0.9), ((440, 155, 515, 250), 1, 0.9)):
        reader = ShyReader()
        estimator = SRHandNetEstimator(OracleRuntime([]), reader)
        (hand,) = estimator.detect(ramp(), 0.2, 'full', True, np.array([region], float))
        assert len(reader.regions_px) == looks
        assert hand.score == pytest.approx(score)
        np.testing.assert_allclose(reader.regions_px[-1], hand.box_px, atol=25)


def test_a_second_look_at_few_keypoints_does_not_replace_many():
    class FewReader(ShyReader):
        def read(self, rgb, boxes_px, sides, threshold, refine):
            (hand,) = super().read(rgb, boxes_px, sides, threshold, refine)
            if len(self.regions_px) == 2:
                scores = np.where(np.arange(21) < 8, hand.scores, 0)
                lost = np.where(scores[:, None] > 0, SMALL, np.float32(np.nan))
                hand = make_hand(lost, scores.astype(np.float32), 0.0, rgb.shape[:2])
            return [hand]

    reader = FewReader()
    region = np.array([[350.0, 50, 610, 350]])
    (hand,) = SRHandNetEstimator(OracleRuntime([]), reader).detect(
        ramp(), 0.2, 'full', True, region
    )
    assert len(reader.regions_px) == 2
    assert np.isfinite(hand.keypoints_px).all()


def test_only_the_full_cycle_looks_again_where_the_region_was_off():
    reader = ShyReader()
    estimator = SRHandNetEstimator(OracleRuntime([]), reader)
    (hand,) = estimator.detect(ramp(), 0.2, 'small', True, np.array([[350.0, 50, 610, 350]]))
    assert len(reader.regions_px) == 1
    assert hand.score == pytest.approx(0.5)


def test_another_network_can_make_the_second_pass():
    reader = FlatReader()
    estimator = SRHandNetEstimator(OracleRuntime([LARGE, SMALL], [Side.LEFT, Side.RIGHT]), reader)
    hands = sorted(
        estimator.detect(ramp(), 0.2, 'full', refine=True), key=lambda hand: hand.box_px[0]
    )
    assert len(estimator.runtime.batches) == 3
    assert sorted(reader.sides.round()) == [-1, 1]
    order = np.argsort(reader.boxes_px[:, 0])
    for hand, box in zip(hands, reader.boxes_px[order], strict=True):
        np.testing.assert_allclose(hand.keypoints_px[10], (box[:2] + box[2:]) / 2, atol=1)
        assert hand.score == pytest.approx(0.81, abs=0.01)
    assert [hand.side for hand in hands] == [Side.LEFT, Side.RIGHT]


def test_keypoints_that_are_not_seen_do_not_lower_the_score_of_the_others():
    keypoints_px = np.full((21, 2), 50, np.float32)
    keypoints_px[12:] = np.nan
    scores = np.where(np.arange(21) < 12, 0.7, 0).astype(np.float32)
    assert make_hand(keypoints_px, scores, 0.0, (100, 100)).score == pytest.approx(0.7)


def test_a_tracked_side_reaches_the_second_pass():
    reader = FlatReader()
    estimator = SRHandNetEstimator(OracleRuntime([]), reader)
    box = np.array([[450.0, 100.0, 600.0, 250.0]])
    (hand,) = estimator.detect(ramp(), 0.2, 'full', True, box, np.array([-0.7]))
    assert reader.sides == pytest.approx([-0.7])
    assert hand.side == Side.UNKNOWN
    estimator.look_again(ramp(), box, 0.2, True)
    assert reader.sides == [0]
