"""Pairs RGB with depth by stamp, and keeps nothing but the newest.

Knows stamps and arrival times, never a message's content or a clock of its own, so that a test
can play any order of arrival.
"""

import statistics
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

DEFAULT_PERIOD_S = 1 / 30
"""Frame period until two stamps have told it."""

DEPTH_SILENT_S = 1.0
"""No RGB image waits for a depth stream that has been silent for longer."""

RATE_STAMPS = 9
"""Stamps from which a frame period is estimated: the median bears a dropped frame or two."""

GLITCH_S = 1.0
"""A stamp that goes back by less is a camera's clock at fault; by more, time starts again."""

MAX_GLITCHES = 3
"""Of so many images in a row at most: with the next one time starts again, too."""

KEPT_DEPTHS = 8
"""Enough for a 90 Hz depth camera beside a 30 Hz RGB camera that is two frames late."""

KEPT_IMAGES = 32
"""Images that wait for their depth: a second of 30 Hz, a third of one of 90 Hz."""


@dataclass(frozen=True)
class Stamped:
    """A message and its acquisition time in seconds."""

    stamp_s: float
    message: Any


@dataclass(frozen=True)
class FrameMessages:
    """The messages that belong to one frame.

    Attributes:
        rgb: The RGB message.
        depth: The depth message, None where none came in time.
        camera_info: The newest one, None before the first.
        restarted: True for the first frame after stamps went back, as when a bag starts again.
    """

    rgb: Any
    depth: Any = None
    camera_info: Any = None
    restarted: bool = False


class Synchroniser:
    """Nearest-stamp pairing in which a newer image always replaces an older one.

    An RGB image goes on at once when no nearer depth can come, waits for a while as long as one
    can, and goes on alone after that. It does not wait when no depth comes at all. While one image
    waits others may follow: each gets its own depth, and of those that are ready the newest wins.

    Attributes:
        camera_info: The newest calibration message; it goes with every image.
        slop_s: RGB and depth pair when their stamps differ by no more; 0 for half the estimated
            RGB frame period.
        max_wait_s: How long an RGB image waits for its depth.
        dropped: Images replaced by a newer one before anybody took them.
        unpaired: Images that went on without depth.
        unpaired_run: How many of them in a row, up to now, although depth was coming.
    """

    def __init__(self, slop_s: float = 0.0, max_wait_s: float = 0.1) -> None:
        self.camera_info: Any = None
        self.slop_s = slop_s
        self.max_wait_s = max_wait_s
        self.dropped = 0
        self.unpaired = 0
        self.unpaired_run = 0
        self._rgb_stamps: deque[float] = deque(maxlen=RATE_STAMPS)
        self._depth_stamps: deque[float] = deque(maxlen=RATE_STAMPS)
        self._depths: deque[Stamped] = deque(maxlen=KEPT_DEPTHS)
        self._depth_arrival_s = float('-inf')
        self._waiting: deque[tuple[Stamped, float]] = deque()  # with the time to go on alone
        self._ready: tuple[Any, Any] | None = None
        self._restarted = False
        self._glitches = 0

    @property
    def pairing_slop_s(self) -> float:
        """The slop in force, in seconds."""
        return self.slop_s or period_s(self._rgb_stamps) / 2

    def add_rgb(self, stamp_s: float, message: Any, now_s: float) -> bool:
        """Takes in an RGB image.

        Args:
            stamp_s: Acquisition time in seconds.
            message: Anything; handed back in `FrameMessages`.
            now_s: Arrival time in seconds, on a clock that never goes back.

        Returns:
            False when the stamp lies before that of the last RGB image. A little before, and the
            image is dropped, unless as many were before it as MAX_GLITCHES.
        """
        back_s = self._rgb_stamps[-1] - stamp_s if self._rgb_stamps else 0.0
        if 0 < back_s < GLITCH_S and self._glitches < MAX_GLITCHES:
            self._glitches += 1
            self.dropped += 1
            return False
        self._glitches = 0
        if back_s > 0:
            self._restart(stamp_s)
        self._rgb_stamps.append(stamp_s)
        wait_s = self.max_wait_s if self._depth_comes(now_s) else 0.0
        self._waiting.append((Stamped(stamp_s, message), now_s + wait_s))
        self._release(now_s)
        return back_s <= 0

    def add_depth(self, stamp_s: float, message: Any, now_s: float) -> None:
        """Takes in a depth image; arguments as for `add_rgb`."""
        if self._depth_stamps and stamp_s < self._depth_stamps[-1]:
            self._depth_stamps.clear()
            self._depths.clear()
        self._depth_stamps.append(stamp_s)
        self._depths.append(Stamped(stamp_s, message))
        self._depth_arrival_s = now_s
        self._release(now_s)

    def take(self, now_s: float) -> FrameMessages | None:
        """Hands out the newest image that is ready, once; None when there is none."""
        self._release(now_s)
        if self._ready is None:
            return None
        rgb, depth = self._ready
        messages = FrameMessages(rgb, depth, self.camera_info, self._restarted)
        self.unpaired += depth is None
        lone = depth is None and self._depth_comes(now_s)
        self.unpaired_run = self.unpaired_run + 1 if lone else 0
        self._ready = None
        self._restarted = False
        return messages

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until `take` can have something although nothing arrives; None for never."""
        return max(0.0, self._waiting[0][1] - now_s) if self._waiting else None

    def _depth_comes(self, now_s: float) -> bool:
        return now_s - self._depth_arrival_s <= DEPTH_SILENT_S

    def _restart(self, stamp_s: float) -> None:
        """Forgets what belongs to the time before stamps went back."""
        self._restarted = True
        self._rgb_stamps.clear()
        self.dropped += len(self._waiting) + (self._ready is not None)
        self._waiting.clear()
        self._ready = None
        # The depth stream may have gone back first; its images then belong to the new time.
        if self._depths and self._depths[-1].stamp_s > stamp_s + self.pairing_slop_s:
            self._depths.clear()

    def _release(self, now_s: float) -> None:
        """Makes those waiting images ready whose depth is certain, or whose time is over."""
        while self._waiting:
            rgb, deadline_s = self._waiting[0]
            nearest = self._nearest(rgb)
            may_wait = now_s < deadline_s and len(self._waiting) <= KEPT_IMAGES
            if may_wait and not self._is_final(rgb, nearest):
                return
            self._waiting.popleft()
            self.dropped += self._ready is not None
            self._ready = (rgb.message, nearest.message if nearest else None)

    def _nearest(self, rgb: Stamped) -> Stamped | None:
        """Returns the depth nearest in time, of two the newer; None where all are too far off."""
        nearest = min(
            reversed(self._depths), key=lambda each: abs(each.stamp_s - rgb.stamp_s), default=None
        )
        if nearest and abs(nearest.stamp_s - rgb.stamp_s) > self.pairing_slop_s:
            return None
        return nearest

    def _is_final(self, rgb: Stamped, nearest: Stamped | None) -> bool:
        """Tells whether no depth that is still to come can be nearer."""
        if not self._depths:
            return False
        newest_s = self._depths[-1].stamp_s
        if newest_s >= rgb.stamp_s:
            return True
        ahead_s = newest_s + period_s(self._depth_stamps) - rgb.stamp_s
        if nearest is None:
            return ahead_s > self.pairing_slop_s
        return ahead_s >= rgb.stamp_s - nearest.stamp_s


def period_s(stamps: Iterable[float]) -> float:
    """Returns the median distance between successive stamps in seconds."""
    steps = [later - sooner for sooner, later in pairwise(stamps) if later > sooner]
    return statistics.median(steps) if steps else DEFAULT_PERIOD_S
