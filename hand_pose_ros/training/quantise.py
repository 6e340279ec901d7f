"""From a model file to one in int8: a byte for each weight, and faster.

Static quantisation by ONNX Runtime: weights in int8 by channel, activations in uint8 for CPUs and
in symmetric int8 for TensorRT (runtimes/engine_precision.py), written as QuantizeLinear and
DequantizeLinear. Processors without int8 dot products (VNNI, Arm's dotprod) gain little, and x86
without VNNI may saturate in sums of uint8 times int8: measure there first.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from hand_pose_ros.codecs.region_map import SIDE_VALUES, keypoint_box
from hand_pose_ros.data.pictures import read_rgb
from hand_pose_ros.estimators.base import Reader
from hand_pose_ros.estimators.readers import READERS
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator, SRHandNetReader
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.parity import difference
from hand_pose_ros.evaluation.photos import Photos, score_photos, single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.base import ModelSpec, Runtime
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.training.validation import reader_pck

Inputs = Sequence[Mapping[str, NDArray]]

LAYERS = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')

TENSORRT_OPTIONS = {'ActivationSymmetric': True, 'QuantizeBias': False}
"""Its zero points are 0, and its biases floats."""


@dataclass(frozen=True)
class QuantisationLoss:
    """How far a quantised model is from the one it was made of.

    Attributes:
        largest: Largest absolute difference of an output value.
        mean: Mean absolute difference of all output values.
        pck_before: PCK@0.2 on photos: of the pipeline for an SRHandNet, else in labelled regions.
        pck_after: The same of the quantised model.
    """

    largest: float
    mean: float
    pck_before: float
    pck_after: float


class RecordingRuntime:
    """Runs another runtime, and keeps what it is given.

    Attributes:
        spec: What the model file says of itself.
        description: What executes it.
        inputs: Of every run.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.spec, self.description = runtime.spec, runtime.description
        self._runtime = runtime
        self.inputs: list[Mapping[str, NDArray]] = []

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        self.inputs.append(inputs)
        return self._runtime.run(inputs)


class _Calibration(CalibrationDataReader):
    """Hands inputs out one by one, as ONNX Runtime wants them."""

    def __init__(self, inputs: Inputs) -> None:
        self._rest = iter(inputs)

    def get_next(self) -> Mapping[str, NDArray] | None:
        return next(self._rest, None)


def quantise(path: Path, photos: Photos, out: Path, for_tensorrt: bool = False) -> None:
    """Writes a model file in int8.

    The first layer and the last ones stay in float: with them in int8 the first SRHandNet nano
    lost 0.015 of its PCK@0.2 on 107 held-out photos, without 0.002, and was no faster (2026-11-20,
    two cores of an AMD EPYC with VNNI, ONNX Runtime 1.31.1).

    Args:
        path: The model file.
        photos: What the ranges of the activations are taken from, not those of an evaluation.
        out: The .onnx file to write; it says of itself what the other one does.
        for_tensorrt: Round as TensorRT does; otherwise as CPUs do.

    Raises:
        ValueError: The model is damaged, or reads no photos of hands; or a photo is damaged.
    """
    inputs = network_inputs(OnnxRuntime(path, 1), photos)
    partial = out.with_suffix('.partial.onnx')
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / 'folded.onnx'
        # Batch norms become part of the convolutions, whose output is what is rounded.
        quant_pre_process(str(path), str(folded), skip_symbolic_shape=True)
        # Its remarks are on single nodes that stay as they are.
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                str(folded),
                str(partial),
                _Calibration(inputs),
                per_channel=True,
                activation_type=QuantType.QInt8 if for_tensorrt else QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=outer_layers(onnx.load(folded).graph),
                extra_options=TENSORRT_OPTIONS if for_tensorrt else {},
            )
        finally:
            logging.disable(logging.NOTSET)
    model = onnx.load(partial)
    del model.metadata_props[:]
    model.metadata_props.extend(onnx.load(path).metadata_props)
    onnx.save(model, partial)
    partial.replace(out)


def network_inputs(runtime: Runtime, photos: Photos) -> Inputs:
    """Returns what a network is given when it looks for the hands of photos.

    An SRHandNet sees the whole photos; all see the regions of the labelled hands.

    Raises:
        ValueError: The network reads no photos of hands; or a file is not a picture.
    """
    recording = RecordingRuntime(runtime)
    reader, settings = _reader(recording), PipelineConfig().detector
    how = (settings.threshold, settings.subcell_refinement)
    for path, label in photos:
        rgb = read_rgb(path)
        if isinstance(runtime.spec, ModelSpec):
            SRHandNetEstimator(recording).detect(rgb, how[0], 'off', how[1])
        boxes = np.array([keypoint_box(hand.keypoints_px) for hand in label.hands])
        sides = np.array([SIDE_VALUES[hand.side] for hand in label.hands])
        reader.read(rgb, boxes, sides, *how)
    return recording.inputs


def _reader(runtime: Runtime) -> Reader:
    network = runtime.spec.network
    if isinstance(runtime.spec, ModelSpec):
        return SRHandNetReader(runtime)
    if network not in READERS:
        raise ValueError(
            f'expected an srhandnet or a network that reads hand regions, got a {network}'
        )
    return READERS[network][0](runtime)


def outer_layers(graph: Any) -> list[str]:
    """Returns the names of the layers that no other layer comes before, or after.

    Args:
        graph: Of an ONNX model, its nodes in the order of their execution.
    """
    ahead = {entry.name for entry in graph.input}
    behind = {entry.name for entry in graph.output}
    names = []
    for node in graph.node:
        if ahead.intersection(node.input):
            if node.op_type in LAYERS:
                names.append(node.name)
            else:
                ahead.update(node.output)
    for node in reversed(graph.node):
        if behind.intersection(node.output):
            if node.op_type in LAYERS:
                names.append(node.name)
            else:
                behind.update(node.input)
    return list(dict.fromkeys(names))


def measure_loss(before: Path, after: Path, photos: Photos) -> QuantisationLoss:
    """Compares a quantised model with the one it was made of.

    Args:
        before: The model file in float.
        after: The one in int8.
        photos: One at least, none of those that `quantise` was given.
    """
    whole, rounded = OnnxRuntime(before, 1), OnnxRuntime(after, 1)
    gaps = [difference(rounded, whole, dict(each)) for each in network_inputs(whole, photos)]
    return QuantisationLoss(
        largest=max(gap.largest for gap in gaps),
        mean=float(np.mean([gap.mean for gap in gaps])),
        pck_before=_pck(whole, photos),
        pck_after=_pck(rounded, photos),
    )


def _pck(runtime: Runtime, photos: Photos) -> float:
    if not isinstance(runtime.spec, ModelSpec):
        return reader_pck(_reader(runtime), list(photos))
    config = single_pictures(PipelineConfig(), 'full')
    pipeline = HandPipeline(Networks(SRHandNetEstimator(runtime)), config)
    return pck(score_photos(pipeline, photos).errors, 0.2)
