"""One-Euro filter (Casiez, Roussel and Vogel, CHI 2012) on the keypoints and joints of hands."""

import math
from collections.abc import Sequence
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
    velocity, so that the axes' directions do not matter. Points may be known in several ways, in
    pixels and in metres, say: the way in which a point is fastest sets its cutoff in all of them,
    or they would no longer belong together. A point that is NaN comes out as NaN and starts afresh
    when it is back.

    Args:
        config: Cutoff at rest, its growth with speed, and the longest pause.

    Attributes:
        stamp_s: Of the last image.
    """

    def __init__(self, config: SmoothingConfig) -> None:
        self._config = config
        self.stamp_s = -math.inf
        self._ways: list[NDArray[np.float64]] = []
        self._velocities: list[NDArray[np.float64]] = []

    def __call__(
        self, ways: Sequence[NDArray[np.floating]], stamp_s: float, sizes: Sequence[float]
    ) -> list[NDArray[np.float64]]:
        """Smooths the points of one image.

        Args:
            ways: (K, D) floats for each way in which the K points are known, the same K and D each
                time; NaN where not known.
            stamp_s: Acquisition time in seconds. If it does not advance, or by more than
                `config.max_gap_s`, the filter starts afresh.
            sizes: The length, in the unit of each way, by which speeds are divided.

        Returns:
            (K, D) float64 for each way.

        Raises:
            ValueError: The points have another shape than before.
        """
        elapsed_s = stamp_s - self.stamp_s
        self.stamp_s = stamp_s
        if 0 < elapsed_s <= self._config.max_gap_s:
            for points, before in zip(ways, self._ways, strict=True):
                check_shape('points', points, before.shape)
            self._advance(ways, elapsed_s, sizes)
        else:
            self._ways = [points.astype(np.float64) for points in ways]
            self._velocities = [np.zeros_like(points) for points in self._ways]
        return [points.copy() for points in self._ways]

    def _advance(
        self, ways: Sequence[NDArray[np.floating]], elapsed_s: float, sizes: Sequence[float]
    ) -> None:
        moves = [points - before for points, before in zip(ways, self._ways, strict=True)]
        speeds = []
        for move, velocity, size in zip(moves, self._velocities, sizes, strict=True):
            velocity[:] += _gain(SPEED_CUTOFF_HZ, elapsed_s) * (move / elapsed_s - velocity)
            velocity[np.isnan(move)] = 0
            speeds.append(np.sqrt(np.square(velocity).sum(axis=1, keepdims=True)) / size)
        cutoff_hz = self._config.min_cutoff_hz + self._config.beta * np.max(speeds, axis=0)
        gain = _gain(cutoff_hz, elapsed_s)  # (K, 1)
        self._ways = [
            np.where(np.isnan(move), points, before + gain * move)
            for points, before, move in zip(ways, self._ways, moves, strict=True)
        ]


class HandSmoother:
    """Smooths keypoints and joints of each hand over time, by its id.

    Args:
        config: Settings of the One-Euro filters.
    """

    def __init__(self, config: SmoothingConfig) -> None:
        self._config = config
        self._filters: dict[str, OneEuroFilter] = {}

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
            hand_id: one_euro
            for hand_id, one_euro in self._filters.items()
            if 0 <= stamp_s - one_euro.stamp_s <= self._config.max_gap_s
        }
        return tuple(self._smooth(hand, stamp_s) if hand.id else hand for hand in hands)

    def _smooth(self, hand: Hand, stamp_s: float) -> Hand:
        one_euro = self._filters.setdefault(hand.id, OneEuroFilter(self._config))
        size_px = max(float((hand.box_px[2:] - hand.box_px[:2]).max()), 1)
        keypoints_px, joints_cam = one_euro(
            (hand.keypoints_px, hand.joints_cam), stamp_s, (size_px, HAND_SIZE_M)
        )
        return replace(
            hand,
            keypoints_px=keypoints_px.astype(np.float32),
            joints_cam=joints_cam.astype(np.float32),
        )


def _gain(cutoff_hz: _Cutoff, elapsed_s: float) -> _Cutoff:
    """Returns how far a low-pass goes towards a new value, 0..1; the paper's alpha."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * elapsed_s))
