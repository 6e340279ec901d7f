"""What the node adds to pipeline and subscription, how soon it is there, and its memory."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from hand_pose_ros.cli.node_client import Answer, NodeClient
from hand_pose_ros.cli.node_process import NAMESPACE, NodeProcess
from hand_pose_ros.evaluation.benchmark import WARM_UP, Stopwatch, Timing
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.types import Frame

CONNECT_S = 30.0
LAST_ANSWER_S = 1.0
POLL_S = 0.02


def measure_node(
    frames: Sequence[Frame], settings: Mapping[str, Any], rate_hz: float
) -> dict[str, Any]:
    """Measures on RGB images alone, at the pace of a camera.

    Args:
        frames: One stream.
        settings: Settings of the pipeline that differ from their defaults.
        rate_hz: Frames per second.

    Returns:
        As JSON's types: timings in milliseconds of the pipeline alone, of a bare subscription
        (stamp to callback) and of the node (stamp to published), what the node adds to the two
        (difference of medians), how many frames were answered, the time from the start of the
        process to its first message, and its resident memory.

    Raises:
        ValueError: The node ends or never answers.
    """
    frames = [replace(frame, depth_m=None, camera=None) for frame in frames]
    pipeline = Timing.of(_pipeline_alone(frames, settings, rate_hz))
    parameters = {**settings, 'input.use_depth': False}
    with TemporaryDirectory() as folder:
        node = NodeProcess(parameters, Path(folder) / 'node.log')
        with NodeClient(node.domain_id, NAMESPACE) as client:
            subscription = Timing.of(_bare_subscription(client, node.domain_id, frames, rate_hz))
            with node:
                first_s = _first_message_s(node, client, frames, rate_hz)
                answers = _answers(client, frames, rate_hz)
                node.check()
                resident_mb = node.resident_mb()
            runtime = client.runtime
    delays_s = [(each.published_ns - each.stamp_ns) * 1e-9 for each in answers]
    whole = Timing.of(delays_s)
    return {
        'runtime': runtime,
        'rate_hz': rate_hz,
        'frames': len(frames),
        'answered': len(answers),
        'pipeline': asdict(pipeline),
        'bare_subscription': asdict(subscription),
        'node': asdict(whole),
        'added_ms': round(whole.median_ms - pipeline.median_ms - subscription.median_ms, 3),
        'start_to_first_message_s': round(first_s, 3),
        'resident_mb': round(resident_mb, 1),
    }


def describe(measured: Mapping[str, Any]) -> Iterator[str]:
    """Yields what `measure_node` returns in words, line by line."""
    rows = {
        '(a) pipeline alone': 'pipeline',
        '(b) bare subscription, stamp to callback': 'bare_subscription',
        '(c) node, stamp to published': 'node',
    }
    for text, key in rows.items():
        timing = measured[key]
        yield f'{text:42}{timing["median_ms"]:8.1f} ms  (p95 {timing["p95_ms"]:.1f} ms)'
    yield f'{"what the node adds, c - a - b":42}{measured["added_ms"]:8.1f} ms'
    yield f'{"start to first message":42}{measured["start_to_first_message_s"]:8.2f} s'
    yield f'{"resident memory of the node":42}{measured["resident_mb"]:8.0f} MB'
    yield f'{measured["answered"]} of {measured["frames"]} frames answered; {measured["runtime"]}'


def _paced(frames: Sequence[Frame], rate_hz: float, what: str) -> Iterator[Frame]:
    """Yields frames at the pace of a camera."""
    due_s = time.monotonic()
    for frame in tqdm(frames, what, leave=False, disable=None):
        time.sleep(max(0.0, due_s - time.monotonic()))
        yield frame
        due_s += 1 / rate_hz


def _pipeline_alone(
    frames: Sequence[Frame], settings: Mapping[str, Any], rate_hz: float
) -> list[float]:
    pipeline = open_pipeline(with_values(PipelineConfig(), settings))
    watch = Stopwatch()
    for frame in _paced(frames, rate_hz, 'pipeline alone'):
        watch.time('pipeline', pipeline, frame)
    return watch.durations_s['pipeline'][WARM_UP:]


def _bare_subscription(
    client: NodeClient, domain_id: int, frames: Sequence[Frame], rate_hz: float
) -> list[float]:
    module = 'hand_pose_ros.cli.bare_subscription'
    process = subprocess.Popen(
        [sys.executable, '-c', f'from {module} import main; main()', NAMESPACE, str(domain_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Not in a checkout, whose modules would hide the installed ones.
        cwd='/',
    )
    try:
        _wait_for(client.heard)
        for frame in _paced(frames, rate_hz, 'bare subscription'):
            client.publish(frame)
        time.sleep(LAST_ANSWER_S)
        output, _ = process.communicate(timeout=CONNECT_S)
    finally:
        process.kill()
        process.wait()
    return list(json.loads(output))[WARM_UP:]


def _wait_for(condition: Any) -> None:
    deadline_s = time.monotonic() + CONNECT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise ValueError(f'no subscription after {CONNECT_S:.0f} s')
        time.sleep(POLL_S)


def _first_message_s(
    node: NodeProcess, client: NodeClient, frames: Sequence[Frame], rate_hz: float
) -> float:
    """Publishes until the node answers; returns the seconds since its process was started."""
    deadline_s = time.monotonic() + CONNECT_S
    while time.monotonic() < deadline_s:
        node.check()
        client.publish(frames[0])
        for answer in client.take_answers(1 / rate_hz):
            return answer.published_ns * 1e-9 - node.started_s
    raise ValueError(f'the node does not answer; {node.last_words()}')


def _answers(client: NodeClient, frames: Sequence[Frame], rate_hz: float) -> list[Answer]:
    stamps_ns = set()
    answers: list[Answer] = []
    for frame in _paced(frames, rate_hz, 'node'):
        stamps_ns.add(client.publish(frame))
        answers += client.take_answers(0.0)
    time.sleep(LAST_ANSWER_S)
    answers += client.take_answers(0.0)
    return [each for each in answers if each.stamp_ns in stamps_ns]
