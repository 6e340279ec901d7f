"""The plots that papers on hand pose show: errors by joint, success curves, ROC curves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hand_pose_ros.evaluation.detection import ROC_AUC, presence_measures, roc_curve
from hand_pose_ros.evaluation.joints_3d import CURVE_LIMIT_MM, success_rate


def plot_joint_errors(
    errors_mm: Mapping[str, NDArray[np.floating]],
    joint_names: tuple[str, ...],
    title: str,
    path: Path,
) -> None:
    """Plots the mean error of each joint, and the success curves.

    Args:
        errors_mm: (F, J) by method; NaN where it has no answer, which misses every threshold and
            counts in no mean.
        joint_names: J names.
        title: Title of the figure.
        path: Picture to write.

    Raises:
        OSError: It cannot be written.
    """
    figure = Figure(figsize=(13, 5), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _bars(left, errors_mm, joint_names)
    thresholds_mm = np.arange(CURVE_LIMIT_MM + 1.0)
    for method, errors in errors_mm.items():
        curve = 100 * success_rate(errors, thresholds_mm)
        right.plot(thresholds_mm, curve, label=f'{method} ({np.nanmean(errors):.2f} mm)')
    right.set(
        xlabel='error threshold (mm)',
        ylabel='frames with max joint error within threshold (%)',
        xlim=(0, CURVE_LIMIT_MM),
        ylim=(0, 100),
    )
    right.grid(alpha=0.3)
    right.legend(loc='lower right')
    figure.suptitle(title)
    figure.savefig(path, dpi=100)


def plot_roc(
    with_hand: NDArray[np.floating], without: NDArray[np.floating], threshold: float, path: Path
) -> None:
    """Plots the ROC curve of scores, and the point on it that is in use.

    Args:
        with_hand: (P,) scores of pictures with a hand, 0 where none is found; one at least.
        without: (N,) scores of pictures without; one at least.
        threshold: Score from which on there is a hand.
        path: Picture to write.

    Raises:
        OSError: It cannot be written.
    """
    figure = Figure(figsize=(6, 6), layout='constrained')
    axes = figure.add_subplot()
    auc = presence_measures(with_hand, without, threshold)[ROC_AUC]
    axes.plot(*roc_curve(with_hand, without), label=f'ours (AUC {auc:.3f})')
    point = [[(scores >= threshold).mean()] for scores in (without, with_hand)]
    axes.plot(*point, 'o', label=f'detector.min_score {threshold:g}')
    axes.plot([0, 1], [0, 1], '--', color='grey', label='chance (AUC 0.500)')
    axes.set(
        title=f'{len(with_hand)} pictures with a hand, {len(without)} without',
        xlabel='false positive rate',
        ylabel='true positive rate',
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect='equal',
    )
    axes.grid(alpha=0.3)
    axes.legend(loc='lower right')
    figure.savefig(path, dpi=100)


def _bars(
    axes: Axes, errors_mm: Mapping[str, NDArray[np.floating]], joint_names: tuple[str, ...]
) -> None:
    width = 0.8 / len(errors_mm)
    for index, (method, errors) in enumerate(errors_mm.items()):
        known = np.isfinite(errors)
        sums = np.where(known, errors, 0).sum(axis=0)
        heights = [*(sums / np.maximum(known.sum(axis=0), 1)), np.nanmean(errors)]
        axes.bar(np.arange(len(heights)) + index * width, heights, width, label=method)
    places = np.arange(len(joint_names) + 1) + 0.4 - width / 2
    axes.set_xticks(places, [*joint_names, 'mean'], rotation=50, ha='right')
    axes.set_ylabel('mean error (mm)')
    axes.grid(axis='y', alpha=0.3)
