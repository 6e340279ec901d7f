"""Whole systems compared: what each one finds, what it costs, and how long it takes on this CPU.

A system is an estimator with its models, and how it makes the second pass. SRHandNet without a
second pass is the plain baseline of all others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.pictures import readable
from hand_pose_ros.estimators.hand_presence import HandPresenceJudge
from hand_pose_ros.estimators.readers import (
    READERS,
    SKELETON,
    SKELETON_MODEL,
    SKELETON_UNET_MODEL,
    open_estimator,
)
from hand_pose_ros.evaluation.benchmark import WARM_UP, Stopwatch
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.network_benchmark import cost_of
from hand_pose_ros.evaluation.photos import (
    Photos,
    merge,
    read_photo,
    score_picture,
    single_pictures,
)
from hand_pose_ros.pipeline.config import ModelConfig, PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.base import Runtime
from hand_pose_ros.runtimes.open import find_model, open_runtime
from hand_pose_ros.types import Frame

SRHANDNET, SKELETON_UNET, PRESENCE = 'srhandnet', 'skeleton_unet', 'hand_presence'
CYCLES = {'off': 'first pass alone', 'small': 'second pass for small hands', 'full': 'two passes'}

LEARNT = {
    'Conv': (1, 2),
    'ConvTranspose': (1, 2),
    'Gemm': (1, 2),
    'MatMul': (1,),
    'BatchNormalization': (1, 2),
}
"""Which inputs of an ONNX node training changes: weights and biases, no running statistics."""


@dataclass(frozen=True)
class System:
    """What is compared.

    Attributes:
        name: For the table.
        model: The estimator and its models.
        cycle: As `Estimator.detect` takes it.
    """

    name: str
    model: ModelConfig
    cycle: str = 'full'


@dataclass(frozen=True)
class SystemScores:
    """What a system finds and costs.

    Attributes:
        million_parameters: Of all its networks; NaN without the package onnx.
        gmac: Billion multiply-adds for a picture with one labelled hand, the median; NaN without
            such pictures, or the package onnx.
        median_ms: Time for such a picture.
        pck: PCK@0.2 by data set.
    """

    million_parameters: float
    gmac: float
    median_ms: float
    pck: dict[str, float]


class CountingRuntime:
    """Runs a model on the CPU, and notes what it is given.

    Attributes:
        spec: What the model file says of itself.
        description: What executes it.
        path: The model file.
        shapes: Of the inputs of every run.
    """

    def __init__(self, model: str) -> None:
        """Opens a model as `open_runtime` does."""
        self.path = find_model(model)
        self._runtime, self.description = open_runtime(model, 'onnx', 0)
        self.spec = self._runtime.spec
        self.shapes: list[dict[str, tuple[int, ...]]] = []

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        self.shapes.append({name: array.shape for name, array in inputs.items()})
        return self._runtime.run(inputs)


def systems_of(models: Sequence[str]) -> list[System]:
    """Names the systems that models make.

    Args:
        models: Names or paths of model files. An estimator without a model among them takes its
            usual one, wherever that is or is not; the first judge among them judges what every
            system finds.

    Returns:
        Every SRHandNet with each kind of second pass, and without the judge, if there is one; then
        all other estimators, behind the first SRHandNet where they need one.

    Raises:
        FileNotFoundError: A model is not there.
        ValueError: A model is damaged.
    """
    networks = {model: open_runtime(model, 'onnx', 1)[0].spec.network for model in models}
    judges = [model for model, each in networks.items() if each == PRESENCE]
    settings = replace(PipelineConfig().model, presence=judges[0] if judges else '')

    def of(network: str, usual: str) -> list[str]:
        return [model for model, each in networks.items() if each == network] or [usual]

    detectors = of(SRHANDNET, settings.detector)
    systems = [
        System(f'{_stem(model)}, {text}', replace(settings, detector=model), cycle)
        for model in detectors
        for cycle, text in CYCLES.items()
    ]
    unjudged = replace(settings, presence='')
    systems += [
        System(f'{_stem(model)}, two passes, not judged', replace(unjudged, detector=model))
        for model in (detectors if judges else ())
    ]
    for estimator, (_, usual) in READERS.items():
        # mask_pose_pyramid is another way to use the network mask_pose.
        network = estimator.removesuffix('_pyramid')
        for model in of(network, usual):
            name = f'{_stem(detectors[0])} + {_stem(model)}{estimator.removeprefix(network)}'
            chosen = replace(settings, detector=detectors[0], estimator=estimator)
            systems.append(System(name, replace(chosen, estimator_model=model)))
    skeletons = of(SKELETON_UNET, SKELETON_UNET_MODEL)[0]
    for model in of(SKELETON, SKELETON_MODEL):
        for detector in (detectors[0], skeletons):
            chosen = replace(settings, detector=detector, estimator=SKELETON)
            name = f'{_stem(detector)} + {_stem(model)}'
            systems.append(System(name, replace(chosen, estimator_model=model)))
    return systems


def _stem(model: str) -> str:
    return model.removesuffix('.onnx').rpartition('/')[2]


class MeasuredSystem:
    """A system that is open, on the CPU.

    Attributes:
        runtimes: What executes its networks.
    """

    def __init__(self, system: System) -> None:
        """Opens its models.

        Raises:
            FileNotFoundError: There is no such model.
            ValueError: A model is damaged, or of another network.
        """
        self.runtimes: list[CountingRuntime] = []
        model = system.model
        detector, _ = self._open(model.detector)
        estimator, _ = open_estimator(model.estimator, detector, model.estimator_model, self._open)
        judge = HandPresenceJudge(self._open(model.presence)[0]) if model.presence else None
        config = single_pictures(PipelineConfig(model), system.cycle)
        self._pipeline = HandPipeline(Networks(estimator, judge=judge), config)

    def _open(self, model: str) -> tuple[Runtime, str]:
        self.runtimes.append(CountingRuntime(model))
        return self.runtimes[-1], self.runtimes[-1].description

    def measure(self, sets: Mapping[str, Photos], problems: list[str]) -> SystemScores:
        """Scores the system on labelled pictures, and times it on those with one labelled hand.

        Args:
            sets: Path and label of each picture, by data set; one picture at least in each.
            problems: Gets a sentence for each picture that cannot be read, and so does not count.

        Raises:
            ValueError: No picture of a set can be read.
        """
        watch = Stopwatch()
        find_hands = partial(watch.time, 'picture', self._pipeline)
        _, first = next(readable(next(iter(sets.values())), read_photo, []))
        for _ in range(WARM_UP):
            self._pipeline(Frame(first, 0.0))
        scores: dict[str, float] = {}
        durations_s, gmacs = [], []
        for name, photos in sets.items():
            parts = []
            for (_, label), rgb in readable(photos, read_photo, problems):
                before = [len(runtime.shapes) for runtime in self.runtimes]
                parts.append(score_picture(find_hands, rgb, label))
                if len(label.hands) == 1:
                    durations_s.append(watch.durations_s['picture'][-1])
                    gmacs.append(self._gmac(before))
            scores[name] = pck(merge(parts).errors, 0.2)
        return SystemScores(
            million_parameters=sum(count_parameters(each.path) for each in self.runtimes) / 1e6,
            gmac=float(np.median(gmacs)) if gmacs else math.nan,
            median_ms=float(np.median(durations_s)) * 1e3 if durations_s else math.nan,
            pck=scores,
        )

    def _gmac(self, before: Sequence[int]) -> float:
        """Returns what was run since the runtimes had run so often, billion multiply-adds."""
        return sum(
            _gmac_of(runtime.path, tuple(shapes.items()))
            for runtime, first in zip(self.runtimes, before, strict=True)
            for shapes in runtime.shapes[first:]
        )


@cache
def _gmac_of(path: Path, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> float:
    cost = cost_of(path, dict(shapes))
    return math.nan if cost is None else cost.gmac


def count_parameters(path: Path) -> float:
    """Returns how many numbers of a model file training changes; NaN without the package onnx.

    Args:
        path: The model file; in a quantised one batch norms are part of the convolutions.
    """
    try:
        import onnx  # noqa: PLC0415
    except ImportError:
        return math.nan
    graph = onnx.load(path).graph
    sizes = {each.name: math.prod(each.dims) for each in graph.initializer}
    for node in graph.node:
        # Rounded and shared weights reach their layer through another node.
        if node.op_type in ('Cast', 'DequantizeLinear', 'Identity') and node.input[0] in sizes:
            sizes[node.output[0]] = sizes[node.input[0]]
    learnt = {
        name
        for node in graph.node
        for name in (node.input[i] for i in LEARNT.get(node.op_type, ()) if i < len(node.input))
    }
    return sum(sizes.get(name, 0) for name in learnt)
