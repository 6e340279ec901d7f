"""Hands judged: a network that asks nothing but whether there is a hand puts scores right.

Not in SRHandNet's paper. Its heatmaps are as high as a keypoint looks like one; whether all that
is a hand, a network tells better that has seen a million pictures of other things.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.estimators.srhandnet import keypoint_score
from hand_pose_ros.geometry.crop import letterbox
from hand_pose_ros.runtimes.base import (
    INPUT_NAME,
    PRESENCE_NAME,
    PresenceSpec,
    Runtime,
    spec_of,
)
from hand_pose_ros.types import Hand

LOG_ODDS_WEIGHT = 0.05
"""How much a factor of e in the odds of a hand moves its score."""

EVEN_LOG_ODDS = 3.0
"""Of a hand whose score stays as its keypoints say; what is none has lower ones, nearly always."""

SUREST = 0.999
"""No judge is surer of a hand, or of none."""


class HandPresenceJudge:
    """Judges hands by the part of the picture that their own box covers."""

    def __init__(self, runtime: Runtime) -> None:
        """Takes a runtime.

        Args:
            runtime: Executes a network of hand presence.

        Raises:
            ValueError: The runtime executes another network.
        """
        self._runtime = runtime
        self._spec = spec_of(runtime, PresenceSpec)

    def judged(self, rgb: NDArray[np.uint8], hands: Sequence[Hand]) -> list[Hand]:
        """Puts the scores of hands right, all in one batch.

        Args:
            rgb: (H, W, 3) uint8.
            hands: Those found so far.

        Returns:
            The hands in the same order. A hand without keypoints stays what it is.
        """
        judged = list(hands)
        shown = [i for i, hand in enumerate(hands) if (hand.box_px[2:] > hand.box_px[:2]).all()]
        if not shown:
            return judged
        size = self._spec.input_size
        squares = np.stack([letterbox(rgb, size, hands[i].box_px)[0] for i in shown])
        answers = self._runtime.run({INPUT_NAME: squares})
        for index, presence in zip(shown, answers[PRESENCE_NAME].tolist(), strict=True):
            judged[index] = _agreed(hands[index], presence)
        return judged


def _agreed(hand: Hand, presence: float) -> Hand:
    presence = min(max(presence, 1 - SUREST), SUREST)
    log_odds = math.log(presence / (1 - presence))
    by_keypoints = keypoint_score(hand.keypoints_px, hand.scores)
    score = by_keypoints + LOG_ODDS_WEIGHT * (log_odds - EVEN_LOG_ODDS)
    return replace(hand, score=min(max(score, 0.0), 1.0))
