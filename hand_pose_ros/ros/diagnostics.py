"""How the node is doing, as /diagnostics tells it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

RATE_WINDOW_S = 5.0
PROBLEM_LASTS_S = 2.0
"""A problem of single frames counts as over when it has not come up for so long."""

LOG_INTERVAL_S = 30.0
NEW_TEXT_INTERVAL_S = 1.0
"""A problem is logged no more often: with the same text, and with another one."""

PLAUSIBLE_LATENCY_S = 60.0
"""A larger one means that stamps and this node's clock have nothing to do with each other."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong.

    Attributes:
        level: DiagnosticStatus.WARN or ERROR.
        text: What was expected and what came.
        lasting: Holds until it is cleared; otherwise until it has not come up for a while.
        reported_s: When it came up last.
        logged_s: When it was logged last.
    """

    level: bytes
    text: str
    lasting: bool
    reported_s: float
    logged_s: float


class Health:
    """Collects what happens, from any thread, and sums it up."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes a clock in seconds that never goes back; latencies are on the stamps' clock."""
        self._clock = clock
        self._lock = threading.Lock()
        self._frames: deque[tuple[float, float]] = deque(maxlen=1000)
        self._count = 0
        self._problems: dict[str, Problem] = {}
        self._last: Problem | None = None

    def frame_done(self, latency_s: float) -> None:
        """Counts a frame whose hands were published `latency_s` after its stamp."""
        with self._lock:
            self._count += 1
            self._frames.append((self._clock(), latency_s))

    def report(self, what: str, level: bytes, text: str, lasting: bool = False) -> bool:
        """Notes a problem.

        Args:
            what: What it concerns; a later problem with the same replaces it.
            level: DiagnosticStatus.WARN or ERROR.
            text: What was expected and what came.
            lasting: Keep it until it is cleared.

        Returns:
            True when it is time to log it.
        """
        now_s = self._clock()
        with self._lock:
            known = self._problems.get(what)
            logged_s = known.logged_s if known else float('-inf')
            same = known is not None and known.text == text
            log = now_s - logged_s >= (LOG_INTERVAL_S if same else NEW_TEXT_INTERVAL_S)
            self._last = Problem(level, text, lasting, now_s, now_s if log else logged_s)
            self._problems[what] = self._last
            return log

    def clear(self, what: str) -> None:
        """Ends a lasting problem."""
        with self._lock:
            self._problems.pop(what, None)

    def status(self, state: str, facts: Mapping[str, object]) -> DiagnosticStatus:
        """Sums up.

        Args:
            state: The node's lifecycle state.
            facts: What else to tell, in this order.

        Returns:
            A status with level, message and values; name and hardware_id are the caller's.
        """
        now_s = self._clock()
        with self._lock:
            recent = [each for each in self._frames if now_s - each[0] <= RATE_WINDOW_S]
            problems = [
                each
                for each in self._problems.values()
                if each.lasting or now_s - each.reported_s <= PROBLEM_LASTS_S
            ]
            last, count = self._last, self._count
        rate = f'{(len(recent) - 1) / (now_s - recent[0][0]) if len(recent) > 1 else 0.0:.1f} Hz'
        typical, tail = _latencies([latency_s for _, latency_s in recent])
        worst = max(problems, key=lambda each: each.level, default=None)
        values = {
            'state': state,
            'rate': rate,
            'latency p50': typical,
            'latency p95': tail,
            'frames': count,
            **facts,
            'last problem': f'{now_s - last.reported_s:.0f} s ago: {last.text}'
            if last
            else 'none',
        }
        return DiagnosticStatus(
            level=worst.level if worst else DiagnosticStatus.OK,
            message='; '.join(
                each.text for each in sorted(problems, key=lambda each: each.level, reverse=True)
            )
            or (f'{rate}, {typical}' if recent else state),
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )


def _latencies(latencies_s: list[float]) -> tuple[str, str]:
    """Returns the 50th and the 95th percentile in words."""
    if not latencies_s:
        return 'no frames', 'no frames'
    typical_s, tail_s = np.percentile(latencies_s, (50, 95))
    if not 0.0 <= typical_s <= PLAUSIBLE_LATENCY_S:
        text = f'unknown: stamps are {typical_s:.1f} s behind the clock (use_sim_time?)'
        return text, text
    return f'{typical_s * 1e3:.1f} ms', f'{tail_s * 1e3:.1f} ms'
