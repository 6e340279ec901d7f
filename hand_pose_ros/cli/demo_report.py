"""What a run of the demo has shown: counts, latency, and accuracy where the truth is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.inputs import NamedFrame
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.evaluation.metrics import match_hands, normalised_errors, pck
from hand_pose_ros.types import Hand

PCK_THRESHOLD = 0.2


@dataclass(frozen=True)
class Outcome:
    """What became of a frame that was sent.

    Attributes:
        sent: The frame.
        hands: The node's answer; None if it gave none.
        latency_s: From the frame's stamp to the arrival of the answer.
    """

    sent: NamedFrame
    hands: tuple[Hand, ...] | None = None
    latency_s: float = float('nan')


class DemoReport:
    """Adds up outcomes; accuracy is that of the frames that were answered."""

    def __init__(self) -> None:
        self.sent = 0
        self.latencies_s: list[float] = []
        self._hand_counts: list[int] = []
        self._ids: set[str] = set()
        self._errors: list[NDArray[np.float64]] = []
        self._errors_m: list[NDArray[np.float64]] = []
        self._missed = 0
        self._false = 0

    @property
    def answered(self) -> int:
        """How many frames were answered."""
        return len(self.latencies_s)

    def add(self, outcome: Outcome) -> None:
        """Takes in what became of a frame."""
        self.sent += 1
        if outcome.hands is None:
            return
        self.latencies_s.append(outcome.latency_s)
        self._hand_counts.append(len(outcome.hands))
        self._ids.update(hand.id for hand in outcome.hands if hand.id)
        if outcome.sent.truth is not None:
            self._compare(outcome.hands, outcome.sent.truth)

    def summary(self) -> dict[str, Any]:
        """Returns all as JSON's types; what is not known is left out."""
        summary: dict[str, Any] = {
            'frames_sent': self.sent,
            'frames_answered': self.answered,
            'frames_dropped': self.sent - self.answered,
            'hands': sum(self._hand_counts),
            'most_hands_in_a_frame': max(self._hand_counts, default=0),
            'ids': len(self._ids),
        }
        if self.latencies_s:
            typical_ms, tail_ms = np.percentile(self.latencies_s, (50, 95)) * 1e3
            summary['latency_ms'] = {'median': round(typical_ms, 2), 'p95': round(tail_ms, 2)}
        if self._errors:
            summary['accuracy'] = self._accuracy()
        return summary

    def _compare(self, hands: tuple[Hand, ...], truth: ImageLabel) -> None:
        labels = [label for label in truth.hands if _inside(label, truth).any()]
        labels_px = [
            np.where(_inside(label, truth)[:, None], label.keypoints_px, np.nan)
            for label in labels
        ]
        matches = match_hands(hands, labels_px)
        found = sum(match is not None for match in matches)
        self._missed += len(labels) - found
        self._false += len(hands) - found
        self._errors.append(normalised_errors(matches, labels_px))
        for match, label in zip(matches, labels, strict=True):
            if match is not None and label.joints_cam is not None:
                offsets = match.joints_cam - label.joints_cam
                self._errors_m.append(np.linalg.norm(offsets, axis=1).astype(np.float64))

    def _accuracy(self) -> dict[str, Any]:
        errors = np.concatenate(self._errors)
        accuracy: dict[str, Any] = {
            'hands_labelled': len(errors),
            'hands_missed': self._missed,
            'hands_false': self._false,
        }
        if len(errors):
            accuracy['pck_0.2'] = round(pck(errors, PCK_THRESHOLD), 4)
        joints_m = np.concatenate(self._errors_m or [np.zeros(0)])
        measured_mm = joints_m[np.isfinite(joints_m)] * 1e3
        if len(measured_mm):
            typical, tail = np.percentile(measured_mm, (50, 95))
            accuracy['joint_error_mm'] = {'median': round(typical, 2), 'p95': round(tail, 2)}
            accuracy['joints_measured'] = round(len(measured_mm) / len(joints_m), 4)
        return accuracy


def describe(summary: dict[str, Any]) -> Iterator[str]:
    """Yields a `DemoReport.summary` in words, line by line."""
    yield (
        f'{summary["frames_sent"]} frames sent, {summary["frames_answered"]} answered, '
        f'{summary["frames_dropped"]} dropped'
    )
    yield (
        f'{summary["hands"]} hands, at most {summary["most_hands_in_a_frame"]} in a frame, '
        f'{summary["ids"]} ids'
    )
    if 'latency_ms' in summary:
        latency = summary['latency_ms']
        yield (
            f'latency from stamp to receipt: median {latency["median"]:.1f} ms, '
            f'95th percentile {latency["p95"]:.1f} ms'
        )
    if 'accuracy' in summary:
        yield from _describe_accuracy(summary['accuracy'])


def _describe_accuracy(accuracy: dict[str, Any]) -> Iterator[str]:
    yield (
        f'{accuracy["hands_labelled"]} labelled hands: {accuracy["hands_missed"]} missed, '
        f'{accuracy["hands_false"]} found where none is'
        + (f', PCK@0.2 {accuracy["pck_0.2"]:.3f}' if 'pck_0.2' in accuracy else '')
    )
    if 'joint_error_mm' in accuracy:
        error = accuracy['joint_error_mm']
        yield (
            f'3D error: median {error["median"]:.1f} mm, 95th percentile {error["p95"]:.1f} mm '
            f'over the {accuracy["joints_measured"]:.0%} of joints that have a position'
        )


def _inside(label: HandLabel, truth: ImageLabel) -> NDArray[np.bool_]:
    """Marks the keypoints that lie in the picture: nobody can see the others."""
    x, y = label.keypoints_px.T
    return (x >= 0) & (y >= 0) & (x <= truth.width - 1) & (y <= truth.height - 1)
