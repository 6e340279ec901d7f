"""Measures of hand pose estimation: pure functions of predictions and labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.types import Hand


def match_hands(
    hands: Sequence[Hand], labels_px: Sequence[NDArray[np.floating]]
) -> list[Hand | None]:
    """Gives each labelled hand the nearest predicted one, each used once.

    Args:
        hands: Predicted hands.
        labels_px: Per labelled hand (21, 2) pixels; NaN where unlabelled.

    Returns:
        Per labelled hand the predicted one, or None if none is left within one hand size.
    """
    distances = np.full((len(labels_px), len(hands)), np.inf)
    for row, label in enumerate(labels_px):
        size = keypoint_box_size(label)
        if size == 0:
            continue
        for column, hand in enumerate(hands):
            offsets = np.linalg.norm(hand.keypoints_px - label, axis=1)
            if np.isfinite(offsets).any():
                distances[row, column] = np.nanmean(offsets) / size
    matches: list[Hand | None] = [None] * len(labels_px)
    while distances.size and distances.min() < 1:
        row, column = divmod(int(distances.argmin()), len(hands))
        matches[row] = hands[column]
        distances[row], distances[:, column] = np.inf, np.inf
    return matches


def keypoint_box_size(label_px: NDArray[np.floating]) -> float:
    """Returns the longer side of the tight box around (21, 2) labelled keypoints, or 0, pixels."""
    seen = label_px[np.isfinite(label_px).all(axis=1)]
    return float(np.ptp(seen, axis=0).max()) if len(seen) else 0.0


def normalised_errors(
    matches: Sequence[Hand | None], labels_px: Sequence[NDArray[np.floating]]
) -> NDArray[np.float64]:
    """Returns each keypoint's distance over its hand's keypoint box size.

    Args:
        matches: Per labelled hand the prediction, or None.
        labels_px: Per labelled hand (21, 2) pixels; NaN where unlabelled.

    Returns:
        (hands, 21); NaN where unlabelled, infinite where labelled but not predicted.
    """
    errors = np.full((len(labels_px), 21), np.inf)
    for row, (hand, label) in enumerate(zip(matches, labels_px, strict=True)):
        if hand is not None:
            offsets = np.linalg.norm(hand.keypoints_px - label, axis=1)
            errors[row] = np.where(np.isfinite(offsets), offsets, np.inf) / keypoint_box_size(
                label
            )
        errors[row, ~np.isfinite(label).all(axis=1)] = np.nan
        if keypoint_box_size(label) == 0:
            # A single labelled keypoint has no size to measure its error by.
            errors[row] = np.nan
    return errors


def pck(errors: NDArray[np.floating], threshold: float) -> float:
    """Returns the share of labelled keypoints with an error of at most `threshold`.

    The mean over keypoints of each one's share, after SRHandNet eq. (8) with unlabelled joints
    excluded.

    Args:
        errors: (hands, 21) from `normalised_errors`.
        threshold: Largest error that counts as correct: 0.2 for PCK@0.2.
    """
    labelled = ~np.isnan(errors)
    correct = (errors <= threshold) & labelled
    counts = labelled.sum(axis=0)
    return float((correct.sum(axis=0)[counts > 0] / counts[counts > 0]).mean())
