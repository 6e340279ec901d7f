"""Hands found twice, and hands that only look like it."""

from dataclasses import replace

import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.estimators.srhandnet import make_hand
from hand_pose_ros.pipeline.duplicates import distinct

HAND = open_hand((300, 240), 200)


def hand(points, score, turns=0):
    made = make_hand(points, np.full(21, score, np.float32), 1, (480, 640))
    return replace(made, turns=turns)


@pytest.mark.parametrize(
    ('other', 'kept'),
    [
        # Fingers of a hand that fills the frame, taken for a hand.
        ((HAND * 0.6 + (120, 96), 0.7), [0.8]),
        ((HAND * 0.6 + (120, 96), 0.9), [0.9]),
        # A smaller hand beside it, and one of its size in front of it.
        ((HAND * 0.6 + (320, 96), 0.7), [0.8, 0.7]),
        ((HAND[::-1].copy(), 0.7), [0.8, 0.7]),
        # The same hand again.
        ((HAND + 5, 0.7), [0.8]),
        # The hand in front, read in another turn of the picture; one beside it.
        ((HAND[::-1].copy(), 0.7, 2), [0.8]),
        ((HAND[::-1].copy(), 0.9, 2), [0.9]),
        ((HAND[::-1] - 90, 0.7, 2), [0.8, 0.7]),
    ],
)
def test_each_hand_stays_once_by_its_best_reading(other, kept):
    found = distinct([], [hand(HAND, 0.8), hand(*other)])
    assert [each.score for each in found] == pytest.approx(kept)


@pytest.mark.parametrize(('apart_px', 'turns'), [(120, [0, 2]), (0, [0])])
def test_two_tracked_hands_of_different_turns_are_two_until_one_covers_the_other(apart_px, turns):
    tracked = [hand(HAND, 0.8), hand(HAND[::-1] - (0, apart_px), 0.7, 2)]
    assert [each.turns for each in distinct(tracked)] == turns
    assert len(distinct([], tracked)) == 1


@pytest.mark.parametrize(('score', 'turns'), [(0.9, 2), (0.7, 2), (0.99, 0)])
def test_a_tracked_hand_is_read_in_another_turn_only_where_that_is_much_better(score, turns):
    tracked = [hand(HAND[::-1].copy(), 0.75, 2)]
    (found,) = distinct(tracked, [hand(HAND, score)])
    assert found.turns == turns
