"""Errors of 3D joints in millimetres, success rates, and the joint that is known beforehand."""

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.geometry.arrays import check_shape

CURVE_LIMIT_MM = 80
"""Success curves and the area under them end here, as in the field's papers."""

MEAN = 'mean error (mm)'
"""Of all joints as predicted: the number that tables of the field hold."""


def joint_errors_mm(
    predicted_mm: NDArray[np.floating], labels_mm: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Returns the Euclidean distance of every joint from its label.

    Args:
        predicted_mm: (F, J, 3).
        labels_mm: (F, J, 3).

    Returns:
        (F, J) millimetres.

    Raises:
        ValueError: There are not as many frames or joints predicted as labelled.
    """
    check_shape('predicted joints', predicted_mm, labels_mm.shape)
    return np.linalg.norm(predicted_mm - labels_mm, axis=2)


def success_rate(
    errors_mm: NDArray[np.floating], thresholds_mm: NDArray[np.floating] | list[float]
) -> NDArray[np.float64]:
    """Returns the share of frames whose largest joint error is at most each threshold.

    Args:
        errors_mm: (F, J).
        thresholds_mm: (T,).

    Returns:
        (T,) in 0..1.
    """
    worst_mm = errors_mm.max(axis=1)
    return (worst_mm[:, None] <= np.asarray(thresholds_mm)).mean(axis=0)


def area_under_success(errors_mm: NDArray[np.floating]) -> float:
    """Returns the exact area under the success curve over 0..80 mm, normalised to 0..1.

    Args:
        errors_mm: (F, J).
    """
    return float(np.clip(1 - errors_mm.max(axis=1) / CURVE_LIMIT_MM, 0, 1).mean())


def prior_treatments(
    errors_mm: NDArray[np.floating], prior_joint: int
) -> dict[str, NDArray[np.float64]]:
    """Returns the errors under each treatment of the joint that the crop is centred on.

    A method that crops around the label of a joint knows it, and a method that predicts the
    others relative to it (as the local regression hourglass with its 35 of 36 joints) has no
    error there. Compare only numbers of the same treatment.

    Args:
        errors_mm: (F, J) as predicted.
        prior_joint: Index of that joint.

    Returns:
        By the name of the mean: all joints as predicted (F, J), that joint put at its label
        (F, J), and the others alone (F, J - 1).
    """
    known = np.array(errors_mm, np.float64)
    known[:, prior_joint] = 0
    return {
        MEAN: np.asarray(errors_mm, np.float64),
        'prior joint at its label': known,
        'without the prior joint': np.delete(known, prior_joint, axis=1),
    }


def summary(errors_mm: NDArray[np.floating], prior_joint: int) -> dict[str, float]:
    """Returns the numbers of a table row, by name.

    Args:
        errors_mm: (F, J) as predicted.
        prior_joint: Index of the joint that crops are centred on.
    """
    treated = prior_treatments(errors_mm, prior_joint)
    within = success_rate(errors_mm, [20, 40])
    return {
        **{name: float(errors.mean()) for name, errors in treated.items()},
        'median': float(np.median(errors_mm)),
        'frames <= 20 mm': float(within[0]),
        'frames <= 40 mm': float(within[1]),
        'AUC 0-80 mm': area_under_success(errors_mm),
    }
