"""Measures of hand pose estimation: pure functions of predictions and labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.skeleton import NUM_KEYPOINTS
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
    labels = np.asarray(labels_px).reshape(-1, NUM_KEYPOINTS, 2)
    return divided(pixel_errors(keypoints_of(matches), labels), keypoint_box_sizes(labels))


def keypoints_of(hands: Sequence[Hand | None]) -> NDArray[np.float32]:
    """Returns the (hands, 21, 2) keypoints of predictions; NaN for None."""
    none = np.full((NUM_KEYPOINTS, 2), np.nan, np.float32)
    points = [none if hand is None else hand.keypoints_px for hand in hands]
    return np.array(points, np.float32).reshape(-1, NUM_KEYPOINTS, 2)


def pixel_errors(
    predicted_px: NDArray[np.floating], labels_px: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Returns each keypoint's distance from its label.

    Args:
        predicted_px: (hands, 21, 2); NaN where not predicted.
        labels_px: (hands, 21, 2); NaN where unlabelled.

    Returns:
        (hands, 21) pixels; NaN where unlabelled, infinite where labelled but not predicted.
    """
    errors = np.linalg.norm(predicted_px.astype(np.float64) - labels_px, axis=2)
    errors[np.isnan(errors)] = np.inf
    errors[~np.isfinite(labels_px).all(axis=2)] = np.nan
    return errors


def keypoint_box_sizes(labels_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns `keypoint_box_size` of each of (hands, 21, 2) labels."""
    return np.array([keypoint_box_size(label) for label in labels_px])


def divided(
    errors_px: NDArray[np.floating], sizes_px: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Divides the errors of each hand by its size.

    Args:
        errors_px: (hands, 21) from `pixel_errors`.
        sizes_px: (hands,); a hand without a size, 0 or NaN, has no normalised errors: a single
            labelled keypoint, say.

    Returns:
        (hands, 21), NaN and infinite as before.
    """
    sizes = np.where(sizes_px > 0, sizes_px, np.nan)
    return errors_px / sizes[:, None]


def pck(errors: NDArray[np.floating], threshold: float) -> float:
    """Returns the share of labelled keypoints with an error of at most `threshold`.

    The mean over keypoints of each one's share, after SRHandNet eq. (8) with unlabelled joints
    excluded.

    Args:
        errors: (hands, K) normalised errors, or pixels.
        threshold: Largest error that counts as correct: 0.2 for PCK@0.2.

    Returns:
        The share, NaN if nothing is labelled.
    """
    labelled = ~np.isnan(errors)
    correct = (errors <= threshold) & labelled
    counts = labelled.sum(axis=0)
    if not counts.any():
        return float('nan')
    return float((correct.sum(axis=0)[counts > 0] / counts[counts > 0]).mean())


def pck_below(errors: NDArray[np.floating], threshold: float) -> float:
    """Returns `pck` with the strict comparison of MMPose: an error of `threshold` is wrong."""
    return pck(errors, float(np.nextafter(threshold, -np.inf)))


def auc_mmpose(errors_px: NDArray[np.floating]) -> float:
    """Returns the AUC of MMPose: the mean PCK at 0, 1.5, 3 ... 28.5 pixels.

    MMPose 1.x, `keypoint_auc` with its 20 thresholds and its 30 pixels of normalisation, whatever
    the size of the picture.

    Args:
        errors_px: (hands, K) pixels of the original picture.
    """
    return float(np.mean([pck_below(errors_px / 30, step / 20) for step in range(20)]))


def area_under_pck(errors: NDArray[np.floating], limit: float) -> float:
    """Returns the exact area under the PCK curve over 0..`limit`, normalised to 0..1.

    The AUC of Zimmermann and Brox (2017) and of Gouidis et al. (2019): 30 pixels, or a head size.

    Args:
        errors: (hands, K) pixels or normalised errors.
        limit: Where the curve ends, in the unit of the errors.

    Returns:
        The area, NaN if nothing is labelled.
    """
    labelled = ~np.isnan(errors)
    counts = labelled.sum(axis=0)
    if not counts.any():
        return float('nan')
    gains = np.where(labelled, np.clip(1 - errors / limit, 0, 1), 0).sum(axis=0)
    return float((gains[counts > 0] / counts[counts > 0]).mean())


def end_point_error(errors_px: NDArray[np.floating]) -> float:
    """Returns the mean error of the keypoints that are labelled and predicted.

    Papers whose networks always answer average over all labelled keypoints; beside this number
    belongs the share of them that is predicted.

    Args:
        errors_px: (hands, K) in pixels of one frame, which must be named with the number.

    Returns:
        The mean, NaN if there are no such keypoints.
    """
    found = errors_px[np.isfinite(errors_px)]
    return float(found.mean()) if len(found) else float('nan')


def predicted_share(errors_px: NDArray[np.floating]) -> float:
    """Returns the share of the labelled keypoints that is predicted, wherever; NaN without any."""
    labelled = errors_px[~np.isnan(errors_px)]
    return float(np.isfinite(labelled).mean()) if len(labelled) else float('nan')
