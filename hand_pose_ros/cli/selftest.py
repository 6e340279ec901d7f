"""`hand-pose selftest --runtime tensorrt`: does a runtime compute what it should, and how fast?

The report is made for bug reports: it is written whatever happens.
"""

import argparse
import math
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.benchmark import picture_with_hands
from hand_pose_ros.cli.build_engine import open_engine
from hand_pose_ros.cli.doctor import look_around
from hand_pose_ros.cli.outputs import write_json
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.evaluation.benchmark import surroundings
from hand_pose_ros.evaluation.parity import (
    difference,
    example_batches,
    keypoint_distances_px,
    time_runs,
)
from hand_pose_ros.pipeline.config import ModelConfig, PipelineConfig
from hand_pose_ros.pipeline.networks import engine_options
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.runtimes.base import ModelSpec, Runtime
from hand_pose_ros.runtimes.engine_options import EngineError
from hand_pose_ros.runtimes.open import find_model, open_runtime
from hand_pose_ros.runtimes.tensorrt_opening import find_tools

MAX_DIFFERENCE = 0.05
"""Of a map value, whose peaks are 1. Half precision stays far below it, int8 may not."""

MAX_DISTANCE_PX = 2.0
"""Of a keypoint in a picture of 640x480, from what ONNX Runtime finds on the CPU."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    add_setting_arguments(parser)
    parser.add_argument('--input', help='a picture with hands (default: one of the demo clip)')
    parser.add_argument('--count', type=int, default=50, help='timed runs (default: %(default)s)')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('out/selftest.json'),
        help='the report, fit for a bug report (default: %(default)s)',
    )


def run(args: argparse.Namespace) -> int:
    """Compares, prints and writes; the status is 1 when the runtime is wrong or does not open."""
    if args.count < 1:
        raise ValueError(f'--count: expected a number of runs, got {args.count}')
    model = with_values(PipelineConfig(), pipeline_settings(args)).model
    document: dict[str, Any] = {
        **surroundings(),
        'findings': [],
        'model': asdict(model),
        'verdict': 'the self-test did not end',
    }
    # A driver may end the process.
    write_json(args.out, document)
    try:
        for finding in look_around():
            document['findings'].append(asdict(finding))
            write_json(args.out, document)
        document.update(_check(model, args))
    except (ValueError, OSError, RuntimeError) as error:
        document['verdict'] = f'failed: {error}'
    except Exception as error:
        # Another version of TensorRT may lack what is called: just what a report is for.
        document['verdict'] = f'failed: {error!r}'
        document['traceback'] = traceback.format_exc().splitlines()
    write_json(args.out, document)
    print(f'{document["verdict"]}\nsee {args.out}')
    return 0 if document['verdict'] == 'passed' else 1


def _check(model: ModelConfig, args: argparse.Namespace) -> dict[str, Any]:
    reference, _ = open_runtime(model.detector, 'onnx', model.threads)
    rgb = picture_with_hands(args.input)
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    for how, tested in _open(model):
        print(f'{how}: {tested.description}')
        row: dict[str, Any] = {'how': how, 'runtime': tested.description}
        row['batches'] = [
            _check_batch(tested, reference, inputs, args.count, problems)
            for inputs in example_batches(reference, model.engine_max_regions)
        ]
        if isinstance(reference.spec, ModelSpec):
            distances_px = keypoint_distances_px(tested, reference, rgb)
            row['keypoints'] = _check_keypoints(distances_px, problems)
        rows.append(row)
    return {'rows': rows, 'verdict': f'failed: {"; ".join(problems)}' if problems else 'passed'}


def _check_batch(
    tested: Runtime,
    reference: Runtime,
    inputs: dict[str, NDArray],
    count: int,
    problems: list[str],
) -> dict[str, Any]:
    found = difference(tested, reference, inputs)
    timing = time_runs(tested, inputs, count)
    shapes = ', '.join(f'{name} {shape}' for name, shape in found.shapes.items())
    gap = f'differs by {found.largest:.2g} at most, {found.mean:.2g} on average'
    print(f'  {shapes} {gap}; {timing.median_ms:.2f} ms, {timing.p95_ms:.2f} ms at p95')
    if not found.largest <= MAX_DIFFERENCE:
        problems.append(f'{shapes} {gap}')
    return {
        'shapes': found.shapes,
        'largest': _number(found.largest),
        'mean': _number(found.mean),
        **asdict(timing),
    }


def _check_keypoints(distances_px: NDArray[np.float32], problems: list[str]) -> dict[str, Any]:
    largest_px = float(distances_px.max(initial=0))
    text = f'{len(distances_px)} keypoints differ by {largest_px:.2g} px at most'
    print(f'  {text}')
    if not largest_px <= MAX_DISTANCE_PX:
        problems.append(text)
    if not len(distances_px):
        problems.append('no hand was found whose keypoints could be compared: see --input')
    mean_px = float(distances_px.mean()) if len(distances_px) else 0.0
    return {
        'count': len(distances_px),
        'largest_px': _number(largest_px),
        'mean_px': _number(mean_px),
    }


def _number(value: float) -> float | None:
    """Returns what JSON can hold: null for a difference without measure."""
    return value if math.isfinite(value) else None


def _open(model: ModelConfig) -> Iterator[tuple[str, Runtime]]:
    """Yields the runtime to be tested; TensorRT with and without CUDA graphs."""
    if model.runtime != 'tensorrt':
        options = engine_options(model)
        runtime, _ = open_runtime(model.detector, model.runtime, model.threads, options)
        try:
            yield model.runtime, runtime
        finally:
            getattr(runtime, 'close', lambda: None)()
        return
    try:
        tools = find_tools()
    except EngineError as error:
        raise ValueError(f'TensorRT cannot be tested: {error}') from error
    for graphs in (True, False):
        engine = open_engine(tools, find_model(model.detector), engine_options(model), graphs)
        try:
            yield 'graphs' if graphs else 'plain launches', engine
        finally:
            engine.close()
