"""How far two runtimes are from each other with the same model, and how long they take."""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.benchmark import WARM_UP, Timing
from hand_pose_ros.pipeline.config import DetectorConfig
from hand_pose_ros.runtimes.base import INPUT_NAME, Runtime
from hand_pose_ros.runtimes.engine_options import profiles_of
from hand_pose_ros.types import Hand


@dataclass(frozen=True)
class Difference:
    """Of one runtime from another on one batch.

    Attributes:
        shapes: Of the inputs, by name.
        largest: Largest absolute difference of an output value; inf where one is no number.
        mean: Mean absolute difference of all output values.
    """

    shapes: dict[str, tuple[int, ...]]
    largest: float
    mean: float


def example_batches(runtime: Runtime, max_batch: int) -> list[dict[str, NDArray]]:
    """Returns random inputs of every shape and batch size that a network is used with."""
    rng = np.random.default_rng(0)
    batches = []
    for profile in profiles_of(runtime.spec, max_batch):
        for batch in range(1, profile.max_batch + 1):
            arrays: dict[str, NDArray] = {}
            for name, shape in profile.shapes(batch).items():
                if name == INPUT_NAME:
                    arrays[name] = rng.integers(0, 256, shape, np.uint8)
                else:
                    arrays[name] = rng.uniform(-1, 1, shape).astype(np.float32)
            batches.append(arrays)
    return batches


def difference(tested: Runtime, reference: Runtime, inputs: dict[str, NDArray]) -> Difference:
    """Compares all outputs of one batch."""
    outputs, expected = tested.run(inputs), reference.run(inputs)
    pairs = [(outputs[name], expected[name]) for name in reference.spec.outputs]
    gaps = np.concatenate([np.abs(one - other).ravel() for one, other in pairs])
    gaps = np.where(np.isfinite(gaps), gaps, np.inf)
    return Difference(
        shapes={name: array.shape for name, array in inputs.items()},
        largest=float(gaps.max()),
        mean=float(gaps.mean()),
    )


def keypoint_distances_px(
    tested: Runtime, reference: Runtime, rgb: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Finds the hands of a picture with both runtimes, and compares their keypoints.

    Args:
        tested: An SRHandNet.
        reference: The same model in another runtime.
        rgb: (H, W, 3) uint8.

    Returns:
        (21 x hands,) distances in pixels from the keypoints of each reference hand to those of the
        nearest hand; inf where only one shows a keypoint, 0 where neither does. One inf where the
        numbers of hands differ.
    """
    settings = DetectorConfig()
    how = (settings.threshold, settings.cycle, settings.subcell_refinement)
    pairs = [SRHandNetEstimator(each).detect(rgb, *how) for each in (tested, reference)]
    found, expected = ([h for h in hands if h.score >= settings.min_score] for hands in pairs)
    if len(found) != len(expected):
        return np.full(1, np.inf, np.float32)
    distances: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
    for hand in expected:
        gaps: list[NDArray[np.float32]] = [_gaps(hand, other) for other in found]
        distances.append(min(gaps, key=_mean_of_finite))
    return np.concatenate(distances)


def _gaps(one: Hand, other: Hand) -> NDArray[np.float32]:
    """Returns (21,) distances in pixels: 0 where none shows the keypoint, inf where one does."""
    gaps = np.linalg.norm(one.keypoints_px - other.keypoints_px, axis=1)
    unseen = np.isnan(one.keypoints_px[:, 0]) & np.isnan(other.keypoints_px[:, 0])
    return np.where(unseen, 0, np.nan_to_num(gaps, nan=np.inf)).astype(np.float32)


def _mean_of_finite(gaps: NDArray[np.float32]) -> float:
    finite = gaps[np.isfinite(gaps)]
    return float(finite.mean()) if len(finite) else math.inf


def time_runs(runtime: Runtime, inputs: dict[str, NDArray], count: int) -> Timing:
    """Times a batch, copies to and from the device included."""
    durations_s = []
    for _ in range(WARM_UP + count):
        start_s = time.perf_counter()
        runtime.run(inputs)
        durations_s.append(time.perf_counter() - start_s)
    return Timing.of(durations_s[WARM_UP:])
