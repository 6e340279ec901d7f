"""Scores of a pipeline on labelled pictures, and on pictures without hands."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.evaluation.metrics import match_hands, normalised_errors
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.types import Frame, Hand, Side

FindHands = Callable[[Frame], tuple[Hand, ...]]


@dataclass(frozen=True)
class PhotoScores:
    """What was found on labelled pictures.

    Attributes:
        images: Number of pictures.
        errors: (hands, 21) distance over the longer side of the labelled keypoints' box; NaN
            where unlabelled, infinite where not found.
        found: (hands,) bool, some hand was found there.
        side_known: (hands,) bool, the hand was found and both its sides are known.
        side_right: (hands,) bool, the side is that of the label.
        false_hands: Hands found where none is labelled.
    """

    images: int
    errors: NDArray[np.float64]
    found: NDArray[np.bool_]
    side_known: NDArray[np.bool_]
    side_right: NDArray[np.bool_]
    false_hands: int


def single_pictures(config: PipelineConfig, cycle: str) -> PipelineConfig:
    """Returns settings for pictures that have nothing to do with each other."""
    return replace(
        config,
        detector=replace(config.detector, cycle=cycle),
        tracking=replace(config.tracking, enabled=False),
    )


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Reads a picture as (H, W, 3) uint8 R, G, B.

    Raises:
        ValueError: The file is not a picture.
    """
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f'{path} is not a picture')
    rgb: NDArray[np.uint8] = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return rgb


def score_photos(find_hands: FindHands, photos: Iterable[tuple[Path, ImageLabel]]) -> PhotoScores:
    """Compares found with labelled hands.

    Args:
        find_hands: A pipeline that does not track.
        photos: Path and label of each picture, all its visible hands labelled.
    """
    errors, rows = [], []
    images = false_hands = 0
    for path, label in photos:
        hands = find_hands(Frame(read_rgb(path), 0.0))
        labels_px = [hand.keypoints_px for hand in label.hands]
        matches = match_hands(hands, labels_px)
        errors.append(normalised_errors(matches, labels_px))
        rows += [_row(hand, match) for hand, match in zip(label.hands, matches, strict=True)]
        false_hands += len(hands) - sum(match is not None for match in matches)
        images += 1
    found, known, right = np.array(rows, bool).reshape(-1, 3).T
    return PhotoScores(images, np.concatenate(errors), found, known, right, false_hands)


def count_false_hands(find_hands: FindHands, pictures: Iterable[NDArray[np.uint8]]) -> list[int]:
    """Returns how many hands are found on each picture that shows none."""
    return [len(find_hands(Frame(rgb, 0.0))) for rgb in pictures]


def _row(label: HandLabel, match: Hand | None) -> tuple[bool, bool, bool]:
    if match is None:
        return False, False, False
    known = Side.UNKNOWN not in (label.side, match.side)
    return True, known, known and match.side == label.side
