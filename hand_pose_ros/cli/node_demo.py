"""Plays frames to the node and shows what comes back."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hand_pose_ros.cli.demo_report import DemoReport, Outcome, describe
from hand_pose_ros.cli.inputs import NamedFrame, Source, tell_problems
from hand_pose_ros.cli.node_client import Answer, NodeClient
from hand_pose_ros.cli.node_process import NAMESPACE, NodeProcess
from hand_pose_ros.cli.outputs import ContactSheet, VideoFile, fitted, write_json, write_picture
from hand_pose_ros.pipeline.drawing import draw_hands
from hand_pose_ros.types import Camera, Frame, Side

START_S = 30.0
ANSWER_S = 10.0
"""A node that is silent for longer has failed."""

LAST_ANSWER_S = 2.0
EMPTY_HW = (48, 64)
REPEAT_S = 0.5
"""A single picture is sent again when it has not been answered for so long."""

MAX_PIXELS = 1920 * 1080
"""As a large camera image; photographs of 12 megapixels fill the shared memory of the topic."""

SLIDE_RATE_HZ = 1.0
"""Of the video that is made of unrelated pictures."""

LONGEST_PAUSE_S = 1.0
"""A longer gap between stamps, as where a bag was cut, is played as one of this."""

MOST_HANDS_NAMED = 2
POLL_S = 0.1


def show(source: Source, parameters: Mapping[str, Any], out: Path) -> int:
    """Starts the node, plays a source to it and reports.

    Args:
        source: What to play; each of unrelated pictures is shown until it is answered.
        parameters: Node parameters that differ from their defaults.
        out: Folder for the results.

    Returns:
        Exit status: 130 if the user has cut short something that would have ended.

    Raises:
        ValueError: The node does not start or never answers.
        OSError: The results cannot be written.
    """
    parameters = {**parameters, 'input.use_depth': source.has_depth}
    if source.rate_hz is None:
        # The node would look for the hands of one picture in the next.
        parameters['tracking.enabled'] = False
    report, sheet = DemoReport(), ContactSheet()
    interrupted = False
    with ExitStack() as stack:
        node = stack.enter_context(NodeProcess(parameters, out / 'node.log'))
        client = stack.enter_context(NodeClient(node.domain_id, NAMESPACE))
        rate_hz = source.rate_hz or SLIDE_RATE_HZ
        video = stack.enter_context(VideoFile(out / 'hands.mp4', rate_hz))
        try:
            _greet(node, client, source.has_depth)
            print(client.runtime)
            player = _Player(node, client)
            outcomes = player.play(source) if source.rate_hz else player.show_each(source)
            for outcome in _with_live_line(outcomes, source):
                report.add(outcome)
                picture = draw_hands(outcome.sent.frame.rgb, outcome.hands or ())
                video.write(picture)
                if outcome.hands is not None:
                    sheet.add(picture)
        except KeyboardInterrupt:
            interrupted = True
    tell_problems([source])
    if report.answered == 0 and not interrupted:
        raise ValueError(f'no frame of {source.name} was answered; {node.last_words()}')
    if report.answered:
        write_picture(out / 'contact_sheet.png', sheet.draw())
    summary = {'input': source.name, 'runtime': client.runtime, **report.summary()}
    write_json(out / 'summary.json', summary)
    print(*describe(summary), f'see {out}', sep='\n')
    return 130 if interrupted and source.length is not None else 0


def _greet(node: NodeProcess, client: NodeClient, has_depth: bool) -> None:
    """Shows an empty picture until the node has answered it, and has told its runtime.

    The first frames of a talk get lost while both sides are still finding each other's topics.
    """
    empty = Frame(np.zeros((*EMPTY_HW, 3), np.uint8), 0.0)
    if has_depth:
        height, width = EMPTY_HW
        camera = Camera(height, width, width, width, width / 2, height / 2)
        empty = replace(empty, depth_m=np.ones(EMPTY_HW, np.float32), camera=camera)
    answered = False
    deadline_s = time.monotonic() + START_S
    while not (answered and client.runtime):
        node.check()
        if client.failure:
            raise ValueError(f'the node does not start: {client.failure}')
        if time.monotonic() > deadline_s:
            raise ValueError(f'the node never answers; {node.last_words()}')
        client.publish(empty)
        answered = bool(client.take_answers(POLL_S)) or answered


def _with_live_line(outcomes: Iterator[Outcome], source: Source) -> Iterator[Outcome]:
    """Shows hands and latency while outcomes go by."""
    with tqdm(total=source.length, desc=source.name, unit='frame') as bar:
        for outcome in outcomes:
            yield outcome
            bar.set_postfix_str(_in_words(outcome), refresh=False)
            bar.update()


def _in_words(outcome: Outcome) -> str:
    if outcome.hands is None:
        return 'no answer'
    names = [
        ('hand' if hand.side is Side.UNKNOWN else hand.side.name.lower())
        + (f' #{hand.id}' if hand.id else '')
        for hand in outcome.hands
    ]
    told = ' + '.join(names) if len(names) <= MOST_HANDS_NAMED else f'{len(names)} hands'
    return f'{told or "no hand"}, {outcome.latency_s * 1e3:.0f} ms'


class _Player:
    """Sends frames, and brings answers and frames together."""

    def __init__(self, node: NodeProcess, client: NodeClient) -> None:
        self._node = node
        self._client = client
        self._pending: deque[tuple[int, NamedFrame]] = deque()

    def play(self, source: Source) -> Iterator[Outcome]:
        """Sends frames at their pace; yields what became of each, in order."""
        due_s = 0.0
        last_stamp_s = float('inf')
        for named in source.frames:
            pause_s = named.frame.stamp_s - last_stamp_s
            last_stamp_s = named.frame.stamp_s
            # A player that is late does not catch up: the node would get a burst.
            due_s = max(due_s + min(pause_s, LONGEST_PAUSE_S), time.monotonic())
            while (wait_s := due_s - time.monotonic()) > 0:
                yield from self._settle(self._client.take_answers(min(wait_s, POLL_S)))
            self._pending.append((self._client.publish(named.frame), named))
        deadline_s = time.monotonic() + LAST_ANSWER_S
        while self._pending and time.monotonic() < deadline_s:
            yield from self._settle(self._client.take_answers(POLL_S))
        for _, named in self._pending:
            yield Outcome(named)

    def _settle(self, answers: list[Answer]) -> Iterator[Outcome]:
        """Pairs answers with frames; a frame older than an answered one will have none."""
        for answer in answers:
            while self._pending and self._pending[0][0] < answer.stamp_ns:
                yield Outcome(self._pending.popleft()[1])
            if self._pending and self._pending[0][0] == answer.stamp_ns:
                yield _outcome(self._pending.popleft()[1], answer)
        self._node.check()
        if self._pending and time.time() - self._pending[0][0] * 1e-9 > ANSWER_S:
            raise ValueError(
                f'the node has not answered for {ANSWER_S:.0f} s; {self._node.last_words()}'
            )

    def show_each(self, source: Source) -> Iterator[Outcome]:
        """Sends each picture as a short stream of its own; yields what became of it."""
        for named in map(_sendable, source.frames):
            stamps_ns: set[int] = set()
            outcome = Outcome(named)
            deadline_s = time.monotonic() + ANSWER_S
            while outcome.hands is None and time.monotonic() < deadline_s:
                stamps_ns.add(self._client.publish(named.frame))
                self._node.check()
                for answer in self._client.take_answers(REPEAT_S):
                    if answer.stamp_ns in stamps_ns:
                        outcome = _outcome(named, answer)
            yield outcome


def _sendable(named: NamedFrame) -> NamedFrame:
    """Shrinks a photograph that is larger than what cameras on robots send."""
    height, width = named.frame.rgb.shape[:2]
    shrink = (MAX_PIXELS / (height * width)) ** 0.5
    if shrink >= 1:
        return named
    size_hw = (int(height * shrink), int(width * shrink))
    return replace(named, frame=replace(named.frame, rgb=fitted(named.frame.rgb, size_hw)))


def _outcome(named: NamedFrame, answer: Answer) -> Outcome:
    return Outcome(named, answer.hands, (answer.received_ns - answer.stamp_ns) * 1e-9)
