"""The judge of hands: what it is shown, and what its word does to scores."""

import numpy as np
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.estimators.hand_presence import EVEN_LOG_ODDS, HandPresenceJudge
from hand_pose_ros.estimators.srhandnet import make_hand
from hand_pose_ros.runtimes.base import INPUT_NAME, PRESENCE_NAME, PresenceSpec

EVEN = 1 / (1 + np.exp(-EVEN_LOG_ODDS))


class Scripted:
    """Says of each picture what it is told to, and remembers the pictures."""

    spec = PresenceSpec('hand_presence', 'lite0', 96)
    description = 'scripted'

    def __init__(self, *presences):
        self.presences, self.seen = presences, []

    def run(self, inputs):
        self.seen.append(inputs[INPUT_NAME])
        presences = np.array(self.presences, np.float32)
        return {PRESENCE_NAME: presences}


def hand(score=0.5, centre=(300, 240)):
    points = open_hand(centre, 100)
    return make_hand(points, np.full(21, score, np.float32), 0.6, (HEIGHT, WIDTH))


def judged(runtime, *hands):
    return HandPresenceJudge(runtime).judged(ramp(), hands)


def test_the_judge_sees_each_hand_in_its_own_box():
    runtime = Scripted(EVEN, EVEN)
    judged(runtime, hand(), hand(centre=(128, 100)))
    (squares,) = runtime.seen
    assert squares.shape == (2, 96, 96, 3)
    # Red and green of the ramp say where a pixel is: here the middle of each hand's box.
    for square, box_px in zip(
        squares, (hand().box_px, hand(centre=(128, 100)).box_px), strict=True
    ):
        width, height = box_px[2:] - box_px[:2]
        shown = (np.array([width, height]) / max(width, height) * 96).round().astype(int)
        middle = square[shown[1] // 2, shown[0] // 2, :2] * 2.56
        np.testing.assert_allclose(middle, (box_px[:2] + box_px[2:]) / 2, atol=4)


def test_surer_is_more_and_an_even_word_changes_nothing():
    hands = [hand(0.5)] * 4
    scores = [each.score for each in judged(Scripted(0.01, 0.5, EVEN, 1.0), *hands)]
    assert scores == sorted(scores)
    assert scores[2] == pytest.approx(0.5, abs=1e-3)
    assert scores[0] < 0.2
    assert 0.6 < scores[3] < 0.8


def test_scores_stay_between_0_and_1_and_a_second_judgement_changes_nothing():
    runtime = Scripted(0.0, 1.0)
    once = judged(runtime, hand(0.05), hand(0.97))
    assert [each.score for each in once] == [0.0, 1.0]
    again = judged(Scripted(0.5), *judged(Scripted(0.5), hand(0.4)))
    assert again[0].score == judged(Scripted(0.5), hand(0.4))[0].score


def test_a_hand_without_keypoints_is_not_shown_and_stays_as_it_is():
    nothing = make_hand(np.full((21, 2), np.nan, np.float32), np.zeros(21, np.float32), 0, (9, 9))
    runtime = Scripted(EVEN)
    found = judged(runtime, nothing, hand())
    assert found[0] is nothing
    assert [len(squares) for squares in runtime.seen] == [1]
    assert judged(runtime) == []


def test_another_network_is_refused():
    with pytest.raises(ValueError, match='must be one of hand_presence, got a srhandnet'):
        HandPresenceJudge(OracleRuntime([]))
