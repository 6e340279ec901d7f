"""Stable names for hands: predict where each hand moved to, then match by overlap."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import BOX_MARGIN, side_of, signed_side
from hand_pose_ros.geometry.boxes import pairwise_iou
from hand_pose_ros.geometry.palm import KNUCKLES
from hand_pose_ros.pipeline.config import TrackingConfig
from hand_pose_ros.types import Hand

VELOCITY_MEMORY_S = 0.05

COASTING_S = 0.2
"""Hands soon turn around: a prediction goes no farther than the velocity would in this time."""

MAX_SPEED = 25.0
"""Hand sizes per second, about 4 m/s; a hand without overlap may be this far from its track."""

MAX_REACH = 2.0
"""In hand sizes, however long the hand was away: farther off it could be any other hand."""

MAX_SIZE_RATIO = 2.0
"""Between a hand and its track, where they do not overlap."""

LONGEST_STEP_S = 2.0
"""A hand seen in the last image is followed to the next one however slow the images come, but not
over a longer step: after a pause it could be any hand."""

SIDE_MEMORY_S = 2.0

SIDE_WEIGHT = 0.5
"""A certain disagreement of sides costs as much as half a hand size of distance."""

AWAY_WEIGHT = 3.0
"""Hand sizes per second: of two hands that cross, the one seen last is the one in front."""

TURNING_DEG = 65
"""A hand that points farther away from the picture's upper edge is read in another turn of the
picture; more than half a quarter, so that one that points between two does not go to and fro."""

LEAST_PALM = 0.25
"""A hand whose knuckles are nearer to its wrist than this share of its size points at the camera
or away from it, which says nothing of up and down."""


@dataclass(frozen=True)
class TrackedRegion:
    """Where a tracked hand should be.

    Attributes:
        box_px: (4,) float32, (x0, y0, x1, y1) in pixels: the region of the hand as last seen (the
            keypoints' box and its margin), moved, and not clipped to the image.
        side: -1 for left to 1 for right.
        turns: Quarters by which the picture is to be turned so that the hand points up.
    """

    box_px: NDArray[np.float32]
    side: float
    turns: int


@dataclass
class _Track:
    """A hand over time.

    Attributes:
        id: Its name.
        stamp_s: When it was last seen.
        place: (4,) float64, centre (x, y) in pixels and natural logarithm of width and height,
            as last seen.
        velocity: (4,) float64, change of `place` per second.
        side_mean: Mean of the signed side scores, -1 for left to 1 for right.
        sightings: How often it was seen with a known side.
        turns: As of `TrackedRegion`.
    """

    id: str
    stamp_s: float
    place: NDArray[np.float64]
    velocity: NDArray[np.float64]
    side_mean: float = 0.0
    sightings: int = 0
    turns: int = 0

    def place_at(self, stamp_s: float) -> NDArray[np.float64]:
        """Predicts `place` with a velocity that dies away."""
        travel_s = COASTING_S * _faded(stamp_s - self.stamp_s, COASTING_S)
        return self.place + travel_s * self.velocity

    def see(self, place: NDArray[np.float64], signed_side: float, stamp_s: float) -> None:
        """Takes over where the hand is now, and the mean of its side."""
        elapsed_s = stamp_s - self.stamp_s
        if elapsed_s > 0:
            change = (place - self.place) / elapsed_s - self.velocity
            self.velocity = self.velocity + _faded(elapsed_s, VELOCITY_MEMORY_S) * change
        if signed_side:
            self.sightings += 1
            gain = max(1 / self.sightings, _faded(elapsed_s, SIDE_MEMORY_S))
            self.side_mean += gain * (signed_side - self.side_mean)
        self.place = place
        self.stamp_s = stamp_s


class Tracker:
    """Gives hands ids that last while the hand is seen, and are never used twice.

    Args:
        config: How far a hand may be from its track, and how long it may be away.
        ids: Where new ids come from; None to count from 1.

    Attributes:
        config: As given; may be replaced between images.
    """

    def __init__(self, config: TrackingConfig, ids: Iterator[int] | None = None) -> None:
        self.config = config
        self._ids = ids or count(1)
        self._tracks: list[_Track] = []
        self._stamp_s = -math.inf

    def reset(self) -> None:
        """Forgets all hands; their ids are not given again."""
        self._tracks = []
        self._stamp_s = -math.inf

    def regions(self, stamp_s: float) -> list[TrackedRegion]:
        """Predicts where the tracked hands are, also those missed lately.

        Args:
            stamp_s: Acquisition time of the image to be searched, in seconds.

        Returns:
            One for each track; none at a stamp before the last update.
        """
        if stamp_s < self._stamp_s:
            return []
        margin = np.array([0, 0, math.log(BOX_MARGIN), math.log(BOX_MARGIN)])
        return [
            TrackedRegion(
                _box_px(track.place_at(stamp_s) + margin).astype(np.float32),
                track.side_mean,
                track.turns,
            )
            for track in self._alive(stamp_s)
        ]

    def update(self, hands: tuple[Hand, ...], stamp_s: float) -> tuple[Hand, ...]:
        """Names the hands of one image. A stamp that goes back forgets all hands first.

        Args:
            hands: All hands found in the image.
            stamp_s: Its acquisition time in seconds.

        Returns:
            The same hands in the same order, with `id`, and with `side` and `side_score` averaged
            over the track.
        """
        if stamp_s < self._stamp_s:
            self.reset()
        self._tracks = self._alive(stamp_s)
        self._stamp_s = stamp_s
        places = [_place(hand) for hand in hands]
        known = self._match(hands, places, stamp_s)
        named = []
        for index, (hand, place) in enumerate(zip(hands, places, strict=True)):
            track = known.get(index)
            if track is None:
                track = _Track(str(next(self._ids)), stamp_s, place, np.zeros(4))
                self._tracks.append(track)
            track.see(place, signed_side(hand), stamp_s)
            track.turns = _upright_turns(hand)
            named.append(_with_track(hand, track))
        return tuple(named)

    def _alive(self, stamp_s: float) -> list[_Track]:
        last_image_s = max(self._stamp_s, stamp_s - LONGEST_STEP_S)
        oldest_s = min(stamp_s - self.config.max_missed_s, last_image_s)
        return [track for track in self._tracks if track.stamp_s >= oldest_s]

    def _match(
        self, hands: tuple[Hand, ...], places: list[NDArray[np.float64]], stamp_s: float
    ) -> dict[int, _Track]:
        """Pairs hand indices with tracks, cheapest pair first."""
        pairs: dict[int, _Track] = {}
        if not hands or not self._tracks:
            return pairs
        costs = self._costs(hands, np.array(places), stamp_s)
        while np.isfinite(costs.min()):
            hand_index, track_index = np.unravel_index(costs.argmin(), costs.shape)
            pairs[int(hand_index)] = self._tracks[track_index]
            costs[hand_index, :] = np.inf
            costs[:, track_index] = np.inf
        return pairs

    def _costs(
        self, hands: tuple[Hand, ...], places: NDArray[np.float64], stamp_s: float
    ) -> NDArray[np.float64]:
        """Returns how badly each of N hands fits each of T tracks, (N, T); infinite: not it."""
        predicted = np.array([track.place_at(stamp_s) for track in self._tracks])  # (T, 4)
        log_sizes = predicted[:, 2:].max(axis=1)
        offsets = places[:, None, :2] - predicted[:, :2]  # (N, T, 2)
        distance = np.hypot(offsets[..., 0], offsets[..., 1]) / np.exp(log_sizes)
        growth = np.abs(places[:, None, 2:].max(axis=2) - log_sizes)
        away_s = np.array([stamp_s - track.stamp_s for track in self._tracks])
        near = distance <= np.minimum(MAX_REACH, MAX_SPEED * away_s)
        near &= growth <= math.log(MAX_SIZE_RATIO)
        overlap = pairwise_iou(_box_px(places), _box_px(predicted))
        sides = np.array([[signed_side(hand)] for hand in hands])  # (N, 1)
        side_means = np.array([track.side_mean for track in self._tracks])
        cost = distance + (1 - overlap) + AWAY_WEIGHT * away_s
        cost += SIDE_WEIGHT * np.maximum(0, -sides * side_means)
        return np.where((overlap >= self.config.min_iou) | near, cost, np.inf)


def _upright_turns(hand: Hand) -> int:
    """Returns the quarters by which the picture is to be turned so that a hand points up.

    Args:
        hand: Turned as it was read, unless it points farther than TURNING_DEG from up there, or
            does not show where it points.
    """
    wrist_px, *knuckles_px = hand.keypoints_px[list(KNUCKLES)]
    seen_px = [point for point in knuckles_px if np.isfinite(point).all()]
    if not seen_px or np.isnan(wrist_px).any():
        return hand.turns
    x, y = np.mean(seen_px, axis=0) - wrist_px
    if math.hypot(x, y) < LEAST_PALM * (hand.box_px[2:] - hand.box_px[:2]).max():
        return hand.turns
    from_up_deg = math.degrees(math.atan2(x, -y))  # to the right
    off_deg = (from_up_deg - 90 * hand.turns + 180) % 360 - 180
    return round(from_up_deg / 90) % 4 if abs(off_deg) > TURNING_DEG else hand.turns


def _faded(elapsed_s: float, memory_s: float) -> float:
    """Returns the share, 0..1, of an exponential memory that is gone after a time."""
    return -math.expm1(-elapsed_s / memory_s)


def _place(hand: Hand) -> NDArray[np.float64]:
    """Returns centre and log size of the keypoints' box; of `box_px` if that is no box."""
    corners = hand.keypoints_px[np.isfinite(hand.keypoints_px).all(axis=1)].astype(np.float64)
    if len(corners) < 2:
        corners = hand.box_px.reshape(2, 2).astype(np.float64)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return np.concatenate(((low + high) / 2, np.log(np.maximum(high - low, 1))))


def _box_px(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns (..., 4) places into (..., 4) boxes (x0, y0, x1, y1)."""
    half = np.exp(places[..., 2:]) / 2
    return np.concatenate((places[..., :2] - half, places[..., :2] + half), axis=-1)


def _with_track(hand: Hand, track: _Track) -> Hand:
    side, side_score = side_of(track.side_mean)
    return replace(hand, id=track.id, side=side, side_score=side_score)
