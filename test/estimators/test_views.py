"""Hands from several views: what the views say alike, and whom it is asked of."""

from dataclasses import replace

import numpy as np
import pytest
from oracle import OracleRuntime, open_hand, ramp

from hand_pose_ros.estimators.srhandnet import SRHandNetReader, make_hand
from hand_pose_ros.estimators.views import mirrored_hand, settled, turned_hand
from hand_pose_ros.runtimes.base import OUTPUT_NAME
from hand_pose_ros.types import HandMask, Side

TRUTH = open_hand((300, 240), 160)
SCORES = np.full(21, 0.5, np.float32)


def hand(points=TRUTH, scores=SCORES, side=0.4):
    return make_hand(np.asarray(points, np.float32), scores, side, (480, 640))


class HalfSure(OracleRuntime):
    """An oracle whose maps are half as high."""

    def run(self, inputs):
        return {OUTPUT_NAME: super().run(inputs)[OUTPUT_NAME] * np.float32(0.5)}


class ScriptedReader:
    """Says of each region, one after the other, what the script says; counts the batches."""

    def __init__(self, *hands):
        self.hands, self.batches, self.sides = list(hands), [], []

    def read(self, rgb, boxes_px, sides, threshold, refine):
        self.batches.append(len(boxes_px))
        self.sides.append(list(sides))
        return [self.hands.pop(0) for _ in boxes_px]


def settle(reader, *hands):
    return settled(reader, ramp(), hands, 0.2, True)


@pytest.mark.parametrize('side', [Side.LEFT, Side.RIGHT])
def test_a_hand_that_all_views_show_stays_within_a_pixel_and_on_its_side(side):
    reader = SRHandNetReader(HalfSure([TRUTH], [side]))
    (found,) = settle(reader, hand(TRUTH + 20))
    np.testing.assert_allclose(found.keypoints_px, TRUTH, atol=1)
    assert found.side == side
    # A part of the nearest view is beyond its border.
    assert found.score == pytest.approx(0.47, abs=0.03)


def test_a_side_that_no_view_tells_stays():
    blind = [hand(side=0.0) for _ in range(4)]
    (found,) = settle(ScriptedReader(*blind), hand(side=-0.9))
    assert (found.side, found.side_score) == (Side.LEFT, pytest.approx(0.9))


def test_one_view_that_errs_moves_nothing():
    far, mirrored = hand(TRUTH + 50), mirrored_hand(hand(), 640)
    (found,) = settle(ScriptedReader(hand(), hand(), far, mirrored), hand(TRUTH + 9))
    np.testing.assert_allclose(found.keypoints_px, TRUTH, atol=0.01)


def test_the_score_is_the_mean_of_the_views():
    surer = replace(hand(), scores=SCORES + 0.2)
    views = (surer, surer, surer, mirrored_hand(hand(), 640))
    (found,) = settle(ScriptedReader(*views), hand())
    assert found.score == pytest.approx(0.65)


def test_a_keypoint_that_most_views_miss_counts_as_little_as_they_say():
    points, scores = TRUTH.copy(), SCORES.copy()
    points[8], scores[8] = np.nan, 0
    blind = hand(points, scores)
    views = (hand(), blind, blind, mirrored_hand(blind, 640))
    (found,) = settle(ScriptedReader(*views), hand())
    assert found.scores[8] == pytest.approx(0.125)
    assert np.isfinite(found.keypoints_px[8]).all()


def test_hopeless_hands_are_not_looked_at_and_all_others_in_two_batches():
    hopeless, other = hand(scores=np.full(21, 0.1, np.float32)), hand(TRUTH + 100)
    views = [hand(), other] * 3 + [mirrored_hand(hand(), 640), mirrored_hand(other, 640)]
    reader = ScriptedReader(*views)
    found = settle(reader, hand(), hopeless, other)
    assert reader.batches == [6, 2]
    assert reader.sides == [[pytest.approx(0.4)] * 6, [pytest.approx(-0.4)] * 2]
    assert found[1] is hopeless
    np.testing.assert_allclose(found[2].keypoints_px, TRUTH + 100, atol=0.01)
    assert settle(ScriptedReader(), hopeless) == [hopeless]


def test_mirroring_twice_changes_nothing():
    twice = mirrored_hand(mirrored_hand(hand(), 640), 640)
    np.testing.assert_allclose(twice.keypoints_px, hand().keypoints_px, atol=1e-4)
    np.testing.assert_allclose(twice.box_px, hand().box_px, atol=1e-4)
    assert mirrored_hand(hand(), 640).side == Side.LEFT
    assert twice.side == Side.RIGHT


@pytest.mark.parametrize('turns', range(1, 4))
def test_a_hand_turned_and_turned_back_is_the_same_and_says_so(turns):
    cells = np.arange(12, dtype=np.float32).reshape(3, 4)
    mask = HandMask(cells, np.array([199.5, 149.5, 399.5, 299.5], np.float32))
    before = replace(hand(), mask=mask)
    turned = turned_hand(before, turns, (480, 640))
    assert turned.turns == -turns % 4
    assert turned.mask.cells.shape == (cells.shape if turns == 2 else cells.shape[::-1])
    hw = (480, 640) if turns == 2 else (640, 480)
    after = turned_hand(turned, -turns, hw)
    assert after.turns == 0
    for name in ('keypoints_px', 'box_px', 'scores'):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-4)
    np.testing.assert_array_equal(after.mask.cells, cells)
    np.testing.assert_array_equal(after.mask.box_px, mask.box_px)


@pytest.mark.parametrize('turns', range(1, 4))
def test_the_mask_of_a_turned_hand_lies_where_its_keypoints_do(turns):
    cells = np.zeros((3, 4), np.float32)
    cells[0, 3] = 1
    # Cells of 50 pixels; the one that is hand holds the keypoint.
    mask = HandMask(cells, np.array([199.5, 149.5, 399.5, 299.5], np.float32))
    before = replace(hand(np.full((21, 2), (370, 170), np.float32)), mask=mask)
    turned = turned_hand(before, turns, (480, 640))
    column, row = ((turned.keypoints_px[0] - turned.mask.box_px[:2]) // 50).astype(int)
    assert turned.mask.cells[row, column] == 1
