"""How fast single networks run, and what share of the machine's limits that is.

Two limits bound a network: arithmetic and memory bandwidth (the roofline of Williams et al. 2009).
Both are measured here, on the processor; those of a GPU are not known, so its shares stay empty.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.evaluation.benchmark import Timing
from hand_pose_ros.evaluation.parity import example_batches, time_runs
from hand_pose_ros.runtimes.base import Runtime

MATRIX_SIZE = 512
COPY_BYTES = 2**27
"""Larger than any cache."""

LIMITS_TIME_S = 2.0
"""Spent on measuring the limits; on a busy machine the best moment has to come."""


@dataclass(frozen=True)
class Limits:
    """What a processor can do at most, measured.

    Attributes:
        gmac_per_s: Billion multiply-adds a second in single precision, by a matrix product.
        gb_per_s: Billion bytes read or written a second, by a copy.
    """

    gmac_per_s: float
    gb_per_s: float


@dataclass(frozen=True)
class Cost:
    """What one batch costs at least.

    Attributes:
        gmac: Billion multiply-adds.
        gb: Billion bytes: weights read once, activations written and read once.
    """

    gmac: float
    gb: float


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        model: Name of the model file.
        runtime: What executed it.
        precision: Of weights and activations.
        shapes: Of the inputs, in words.
        batch: Pictures or regions at once.
        timing: Of the batch, copies to and from the device included.
        per_s: Pictures or regions a second.
        gmac_share: Share of the arithmetic limit; None where a number is not known.
        gb_share: Share of the bandwidth limit; likewise.
        gpu_mb: Memory of the GPU that the runtime has taken; likewise.
    """

    model: str
    runtime: str
    precision: str
    shapes: str
    batch: int
    timing: Timing
    per_s: float
    gmac_share: float | None
    gb_share: float | None
    gpu_mb: float | None


def measure_limits() -> Limits:
    """Measures this processor, with as many threads as NumPy's library takes."""
    one = np.random.default_rng(0).random((MATRIX_SIZE, MATRIX_SIZE), np.float32)
    other, product = one.T.copy(), np.empty_like(one)
    source, target = np.ones(COPY_BYTES, np.uint8), np.zeros(COPY_BYTES, np.uint8)
    product_s: list[float] = []
    copy_s: list[float] = []
    end_s = time.perf_counter() + LIMITS_TIME_S
    while (start_s := time.perf_counter()) < end_s or not copy_s:
        np.matmul(one, other, out=product)
        middle_s = time.perf_counter()
        np.copyto(target, source)
        product_s.append(middle_s - start_s)
        copy_s.append(time.perf_counter() - middle_s)
    # The best of some: other programs only ever make a machine look slower than it is.
    return Limits(MATRIX_SIZE**3 / min(product_s) / 1e9, 2 * COPY_BYTES / min(copy_s) / 1e9)


def cost_of(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Cost | None:
    """Counts what a model file costs in single precision; None without the package onnx.

    Args:
        path: The model file.
        shapes: Shape of each input by name, batch first.
    """
    try:
        import onnx  # noqa: PLC0415
    except ImportError:
        return None
    model = onnx.load(path)
    for entry in model.graph.input:
        dimensions = entry.type.tensor_type.shape.dim
        for dimension, size in zip(dimensions, shapes[entry.name], strict=True):
            dimension.dim_value = size
    for entry in model.graph.output:
        entry.type.tensor_type.ClearField('shape')
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = {each.name: tuple(each.dims) for each in graph.initializer}
    weights = sum(int(np.prod(shape)) for shape in sizes.values())
    for each in (*graph.value_info, *graph.output):
        sizes[each.name] = tuple(d.dim_value for d in each.type.tensor_type.shape.dim)
    macs = sum(_macs(node, sizes) for node in graph.node)
    written = sum(int(np.prod(sizes[node.output[0]])) for node in graph.node if _moves(node))
    return Cost(macs / 1e9, 4 * (weights + 2 * written) / 1e9)


def _moves(node: Any) -> bool:
    """Whether a runtime that fuses what it can still has to write this node's output."""
    return node.op_type in ('Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'MaxPool', 'Concat')


def _macs(node: Any, sizes: Mapping[str, tuple[int, ...]]) -> int:
    if node.op_type not in ('Conv', 'ConvTranspose', 'Gemm', 'MatMul'):
        return 0
    weights, output = sizes[node.input[1]], int(np.prod(sizes[node.output[0]]))
    if node.op_type == 'Conv':
        return output * int(np.prod(weights[1:]))
    if node.op_type == 'ConvTranspose':
        # Each input value meets all weights of its channel.
        return int(np.prod(sizes[node.input[0]])) * int(np.prod(weights[1:]))
    transposed = any(each.name == 'transB' and each.i for each in node.attribute)
    return output * weights[-1 if transposed else -2]


def measure_network(
    path: Path,
    runtime: Runtime,
    precision: str,
    max_batch: int,
    count: int,
    limits: Limits | None,
    gpu_mb: float | None,
) -> list[Row]:
    """Times a network on every shape and batch size that it is used with.

    Args:
        path: The model file.
        runtime: The same model, open.
        precision: Of the runtime, for the table.
        max_batch: Most regions at once.
        count: Timed runs of each batch.
        limits: Of the processor that runs it; None for shares that are not known.
        gpu_mb: Memory of the GPU that the runtime has taken, if that is known.
    """
    rows = []
    for inputs in example_batches(runtime, max_batch):
        timing = time_runs(runtime, inputs, count)
        shapes = {name: array.shape for name, array in inputs.items()}
        batch = next(iter(shapes.values()))[0]
        seconds = max(timing.median_ms, 1e-3) / 1e3
        cost = cost_of(path, shapes) if limits is not None else None
        shares: tuple[float | None, float | None] = (None, None)
        if limits is not None and cost is not None:
            gmac_per_s, gb_per_s = cost.gmac / seconds, cost.gb / seconds
            shares = gmac_per_s / limits.gmac_per_s, gb_per_s / limits.gb_per_s
        rows.append(
            Row(
                model=path.stem,
                runtime=runtime.description,
                precision=precision,
                shapes=', '.join('x'.join(map(str, shape[1:])) for shape in shapes.values()),
                batch=batch,
                timing=timing,
                per_s=round(batch / seconds, 1),
                gmac_share=shares[0],
                gb_share=shares[1],
                gpu_mb=gpu_mb,
            )
        )
    return rows
