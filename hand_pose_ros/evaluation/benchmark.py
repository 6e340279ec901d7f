"""How long things take, and on what: the numbers behind every claim of speed."""

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.lift import lift_hand, lift_hands
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.pipeline.smoothing import HandSmoother
from hand_pose_ros.pipeline.tracking import Tracker
from hand_pose_ros.types import Frame, Hand

PACKAGES = ('hand_pose_ros', 'numpy', 'onnxruntime', 'opencv-python-headless', 'rclpy', 'torch')
WARM_UP = 5
"""First frames that do not count: memory is still being found, threads are still being started."""

STAGES = ('pipeline', 'first pass', 'second pass', 'track', 'lift', 'smooth')
JUDGE_STAGE = 'judge'
DEPTH_STAGE = 'depth network'
"""The part of lifting that is the network's, where there is one: crops, network, joints."""

Result = TypeVar('Result')


@dataclass(frozen=True)
class Timing:
    """The distribution of a duration, in milliseconds."""

    median_ms: float
    p95_ms: float

    @staticmethod
    def of(durations_s: Sequence[float]) -> 'Timing':
        """Sums up durations given in seconds.

        Raises:
            ValueError: There is none: messages were lost, say, on a busy machine.
        """
        if len(durations_s) == 0:
            raise ValueError('nothing was measured: more frames may help, or a less busy machine')
        median_ms, p95_ms = np.percentile(durations_s, (50, 95)) * 1e3
        return Timing(round(float(median_ms), 3), round(float(p95_ms), 3))


class Stopwatch:
    """Collects the durations of calls by name.

    Attributes:
        durations_s: Seconds of each call, by name.
    """

    def __init__(self) -> None:
        self.durations_s: dict[str, list[float]] = {}

    def time(self, name: str, call: Callable[..., Result], *arguments: Any) -> Result:
        """Calls and returns what the call returns."""
        start_s = time.perf_counter()
        result = call(*arguments)
        self.durations_s.setdefault(name, []).append(time.perf_counter() - start_s)
        return result


def measure_pipeline(
    networks: Networks, config: PipelineConfig, frames: Iterable[Frame]
) -> tuple[dict[str, Timing], float]:
    """Times the pipeline as a whole on a stream, and each of its stages by itself.

    The whole skips the first pass on most frames of a tracked hand; the stages do not. Without a
    hand in the picture, the second pass looks at the middle of it.

    Args:
        networks: Open networks.
        config: Settings of the pipeline.
        frames: Frames of one stream with depth and camera, more than WARM_UP.

    Returns:
        A timing for each of `stages_of`, and the mean number of hands found by the pipeline.

    Raises:
        ValueError: A frame has no depth or no camera.
    """
    watch = Stopwatch()
    pipeline = HandPipeline(networks, config)
    stages = _Stages(networks, config, watch)
    counts = []
    for frame in frames:
        counts.append(len(watch.time('pipeline', pipeline, frame)))
        stages(frame)
    names = stages_of(networks.judge is not None, networks.depth is not None)
    timings = {stage: Timing.of(watch.durations_s[stage][WARM_UP:]) for stage in names}
    return timings, float(np.mean(counts))


def stages_of(with_judge: bool, with_depth_network: bool) -> tuple[str, ...]:
    """Returns the names of what is timed."""
    return (*STAGES, *[JUDGE_STAGE] * with_judge, *[DEPTH_STAGE] * with_depth_network)


class _Stages:
    """Does what the pipeline does, stage by stage."""

    def __init__(self, networks: Networks, config: PipelineConfig, watch: Stopwatch) -> None:
        self._networks = networks
        self._config = config
        self._tracker = Tracker(config.tracking)
        self._smoother = HandSmoother(config.smoothing)
        self._watch = watch

    def __call__(self, frame: Frame) -> None:
        timed, rgb, stamp_s = self._watch.time, frame.rgb, frame.stamp_s
        detector = self._config.detector
        how = (detector.threshold, detector.subcell_refinement)
        estimator, judge = self._networks.estimator, self._networks.judge
        found = timed('first pass', estimator.detect, rgb, how[0], 'off', how[1])
        boxes = np.array([hand.box_px for hand in found]) if found else _middle(rgb)
        hands = tuple(timed('second pass', estimator.look_again, rgb, boxes, *how))
        if judge is not None:
            hands = tuple(timed(JUDGE_STAGE, judge.judged, rgb, hands))
        hands = timed('track', self._tracker.update, hands, stamp_s)
        hands = self._lift(hands, frame)
        timed('smooth', self._smoother.update, hands, stamp_s)

    def _lift(self, hands: tuple[Hand, ...], frame: Frame) -> tuple[Hand, ...]:
        timed, depth_m, camera = self._watch.time, frame.depth_m, frame.camera
        if depth_m is None or camera is None:
            raise ValueError('lifting cannot be timed on a frame without depth and camera')
        how = (depth_m, camera, self._config.lift)
        depth = self._networks.depth
        if depth is not None:
            measured = [lift_hand(hand, *how) for hand in hands]
            timed(DEPTH_STAGE, depth.read, depth_m, camera, measured)
        lifted, _ = timed('lift', lift_hands, hands, *how, depth)
        return lifted


def _middle(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the box around the middle of a picture, half as high and wide, (1, 4)."""
    height, width = rgb.shape[:2]
    return np.array([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]], np.float32)


def surroundings() -> dict[str, Any]:
    """Returns when, on what and with which versions something is measured, as JSON's types."""
    return {
        'date': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'cpu': _cpu_model(),
        'cores': len(os.sched_getaffinity(0)),
        'python': platform.python_version(),
        'packages': {name: version for name in PACKAGES if (version := _version(name))},
        'commit': _commit(),
    }


def _cpu_model() -> str:
    for line in Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Returns the commit of the checkout that this file belongs to, None outside of one."""
    command = [
        'git',
        '-C',
        str(Path(__file__).resolve().parent),
        'describe',
        '--always',
        '--dirty',
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
