"""One-Euro filter (Casiez, Roussel and Vogel, CHI 2012) on the keypoints and joints of hands."""

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.pipeline.config import SmoothingConfig
from hand_pose_ros.types import Hand

SPEED_CUTOFF_HZ = 1.0
"""Cutoff of the speed's own low-pass, the value of the paper."""

HAND_SIZE_M = 0.2
"""An open hand, so that one speed in hand sizes means the same in metres and in pixels."""

_Cutoff = TypeVar('_Cutoff', float, NDArray[np.float64])


class OneEuroFilter:
    """A low-pass over points whose cutoff rises with their speed.

    At rest it removes jitter, in motion it avoids lag. The speed of a point is the length of its
    velocity, so that the axes' directions do not matter. A point that is NaN comes out as NaN and
    starts afresh when it is back.

    Args:
        config: Cutoff at rest, its growth with speed, and the longest pause.

    Attributes:
        stamp_s: Of the last image.
    """

    def __init__(self, config: SmoothingConfig) -> None:
        self._config = config
        self.stamp_s = -math.inf
        self._points: NDArray[np.float64] = np.zeros((0, 0))
        self._velocities: NDArray[np.float64] = np.zeros((0, 0))

    def __call__(
        self, points: NDArray[np.floating], stamp_s: float, size: float
    ) -> NDArray[np.float64]:
        """Smooths the points of one image.

        Args:
            points: (K, D) floats, the same K and D each time; NaN where not known.
            stamp_s: Acquisition time in seconds. If it does not advance, or by more than
                `config.max_gap_s`, the filter starts afresh.
            size: The length, in the unit of `points`, by which speeds are divided.

        Returns:
            (K, D) float64.

        Raises:
            ValueError: `points` has another shape than before.
        """
        elapsed_s = stamp_s - self.stamp_s
        self.stamp_s = stamp_s
        if 0 < elapsed_s <= self._config.max_gap_s:
            check_shape('points', points, self._points.shape)
            self._advance(points, elapsed_s, size)
        else:
            self._points = points.astype(np.float64)
            self._velocities = np.zeros_like(self._points)
        return self._points.copy()

    def _advance(self, points: NDArray[np.floating], elapsed_s: float, size: float) -> None:
        moves = points - self._points
        fresh = np.isnan(moves)
        change = moves / elapsed_s - self._velocities
        self._velocities += _gain(SPEED_CUTOFF_HZ, elapsed_s) * change
        self._velocities[fresh] = 0
        speeds = np.sqrt(np.square(self._velocities).sum(axis=1, keepdims=True)) / size
        cutoff_hz = self._config.min_cutoff_hz + self._config.beta * speeds  # (K, 1)
        smoothed = self._points + _gain(cutoff_hz, elapsed_s) * moves
        self._points = np.where(fresh, points, smoothed)


class HandSmoother:
    """Smooths keypoints and joints of each hand over time, by its id.

    Args:
        config: Settings of the One-Euro filters.
    """

    def __init__(self, config: SmoothingConfig) -> None:
        self._config = config
        self._filters: dict[str, tuple[OneEuroFilter, OneEuroFilter]] = {}

    def reset(self) -> None:
        """Forgets all hands."""
        self._filters = {}

    def update(self, hands: tuple[Hand, ...], stamp_s: float) -> tuple[Hand, ...]:
        """Smooths the hands of one image.

        Args:
            hands: Hands with different ids; one without id is left as it is.
            stamp_s: Acquisition time of the image in seconds.

        Returns:
            The same hands in the same order, with smooth `keypoints_px` and `joints_cam`.
        """
        self._filters = {
            hand_id: filters
            for hand_id, filters in self._filters.items()
            if 0 <= stamp_s - filters[0].stamp_s <= self._config.max_gap_s
        }
        return tuple(self._smooth(hand, stamp_s) if hand.id else hand for hand in hands)

    def _smooth(self, hand: Hand, stamp_s: float) -> Hand:
        if hand.id not in self._filters:
            self._filters[hand.id] = (OneEuroFilter(self._config), OneEuroFilter(self._config))
        keypoint_filter, joint_filter = self._filters[hand.id]
        size_px = max(float((hand.box_px[2:] - hand.box_px[:2]).max()), 1)
        keypoints_px = keypoint_filter(hand.keypoints_px, stamp_s, size_px)
        joints_cam = joint_filter(hand.joints_cam, stamp_s, HAND_SIZE_M)
        return replace(
            hand,
            keypoints_px=keypoints_px.astype(np.float32),
            joints_cam=joints_cam.astype(np.float32),
        )


def _gain(cutoff_hz: _Cutoff, elapsed_s: float) -> _Cutoff:
    """Returns how far a low-pass goes towards a new value, 0..1; the paper's alpha."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * elapsed_s))
