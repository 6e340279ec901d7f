"""The plots that papers on depth-based hand pose show: errors by joint, and success curves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

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
