"""`hand-pose benchmark`: what pipeline and networks cost, what the node adds, how hands render."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.demo import CLIP
from hand_pose_ros.cli.inputs import Topics, open_sources
from hand_pose_ros.cli.network_benchmark import measure_networks
from hand_pose_ros.cli.outputs import fitted, write_json
from hand_pose_ros.cli.ros_modules import import_with_ros
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.evaluation.benchmark import WARM_UP, measure_pipeline, stages_of, surroundings
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.networks import open_networks
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.runtimes.base import ModelSpec
from hand_pose_ros.runtimes.open import open_runtime, shipped_models
from hand_pose_ros.types import Camera, Frame

SIZES_HW = ((480, 640), (720, 1280), (1080, 1920))
RUNTIMES = ('onnx', 'torch')
DEPTH_M, BUMP_M, BUMPS = 0.6, 0.03, 6
"""The surface that stands in for measured depth: its distance, and its bumps as large as hands,
so many across the picture. On a flat one the depth network would not be asked."""

CLIP_FRAME = 60
"""Four seconds into the clip, when there are hands."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('--node', action='store_true', help='measure the ROS node, not the models')
    parser.add_argument(
        '--networks',
        action='store_true',
        help='measure single networks in every runtime, precision and batch size',
    )
    parser.add_argument('--synth', action='store_true', help='measure the renderer of hands')
    parser.add_argument(
        '--assets', type=Path, help='assets of --synth (default: HAND_POSE_ASSETS)'
    )
    parser.add_argument(
        '--input', help='a picture with hands (default: one of the demo clip, else noise)'
    )
    parser.add_argument('--frames', type=int, default=200, help='how many (default: %(default)s)')
    parser.add_argument(
        '--rate', type=float, default=15.0, help='frames per second (default: %(default)s)'
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('out/benchmark.json'),
        help='file for the numbers (default: %(default)s)',
    )
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measures, prints and writes."""
    # Of the node's frames the first ones are left out; pipelines are given more.
    least = WARM_UP + 1 if args.node else 1
    if args.frames < least or args.rate <= 0:
        raise ValueError(
            f'expected at least {least} frames and a rate, got {args.frames} at {args.rate} Hz'
        )
    values = pipeline_settings(args)
    config = with_values(PipelineConfig(), values)
    document = surroundings()
    print(f'{document["date"]}, {document["cpu"]}, {document["cores"]} cores')
    if args.synth:
        document['synth'] = _measure_renderer(args)
        write_json(args.out, document)
        print(f'see {args.out}')
        return 0
    if args.networks:
        plot = args.out.with_suffix('.png')
        document['networks'] = measure_networks(
            _models(args, shipped_models), config.model, args.frames, plot
        )
        write_json(args.out, document)
        print(f'see {args.out} and {plot}')
        return 0
    rgb = picture_with_hands(args.input)
    if args.node:
        frames = list(_stream(rgb, SIZES_HW[0], args.frames, args.rate))
        node_benchmark = import_with_ros('node_benchmark')
        document['node'] = node_benchmark.measure_node(frames, values, args.rate)
        print(*node_benchmark.describe(document['node']), sep='\n')
    else:
        document['pipelines'] = list(_measure_pipelines(rgb, config, args))
    write_json(args.out, document)
    print(f'see {args.out}')
    return 0


def _measure_renderer(args: argparse.Namespace) -> dict[str, Any]:
    """Prints, and returns, pictures a second and the stages' shares for each mode."""
    # Rendering needs torch, which the other benchmarks can do without.
    from hand_pose_ros.cli.synth_benchmark import BATCH_SIZE, measure_modes  # noqa: PLC0415

    processes = len(os.sched_getaffinity(0))
    batches = max(args.frames // BATCH_SIZE // processes, 1)
    rows = {}
    print(f'256x256, {processes} processes of one thread; shares of one process, some nested')
    for mode, result in measure_modes(args.assets, 'cpu', processes, batches):
        shares = ', '.join(f'{stage} {share:.0%}' for stage, share in result.shares.items())
        print(f'{mode:18} {result.images_per_s:7.1f} images/s   {shares}')
        rows[mode] = asdict(result)
    return rows


def picture_with_hands(path: str | None) -> NDArray[np.uint8]:
    """Returns (H, W, 3) uint8: a picture with hands where there is one."""
    if path is None and not CLIP.is_dir():
        return np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    (source,) = open_sources([path or str(CLIP)], Topics())
    for named in islice(source.frames, CLIP_FRAME if path is None else 0, None):
        return named.frame.rgb
    raise ValueError(f'there is no picture in {path or CLIP}: {" ".join(source.problems)}')


def _stream(
    rgb: NDArray[np.uint8], size_hw: tuple[int, int], count: int, rate_hz: float
) -> Iterator[Frame]:
    """Yields a picture again and again, with depth and camera, as a camera would."""
    height, width = size_hw
    rgb = fitted(rgb, size_hw)
    y, x = np.indices(size_hw) * (2 * np.pi * BUMPS / width)
    depth_m = (DEPTH_M + BUMP_M * np.sin(x) * np.sin(y)).astype(np.float32)
    camera = Camera(height, width, width, width, (width - 1) / 2, (height - 1) / 2)
    for index in range(count):
        yield Frame(rgb, index / rate_hz, depth_m, camera)


def _models(args: argparse.Namespace, shipped: Callable[[], list[str]]) -> list[str]:
    models = [args.model] if args.model else shipped()
    if not models:
        raise FileNotFoundError('no model comes with this version: name one by --model')
    return models


def _measure_pipelines(
    rgb: NDArray[np.uint8], config: PipelineConfig, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yields, and prints, a row for each model in each runtime on each size of picture."""
    models = _models(args, shipped_detectors)
    print('median / 95th percentile in milliseconds')
    presence, depth_model = config.model.presence, config.model.depth
    stages = stages_of(bool(presence), bool(depth_model))
    print(_line(('model', 'runtime', 'picture', 'hands', *stages)))
    for model in models:
        for runtime in [args.runtime] if args.runtime else RUNTIMES:
            own = with_values(config, {'model.detector': model, 'model.runtime': runtime})
            try:
                networks = open_networks(own)
            except (ValueError, ImportError) as error:
                print(f'{Path(model).stem} in {runtime} is left out: {error}')
                continue
            for height, width in SIZES_HW:
                frames = _stream(rgb, (height, width), args.frames + WARM_UP, args.rate)
                timings, hands = measure_pipeline(networks, own, frames)
                cells = [f'{each.median_ms:.1f} / {each.p95_ms:.1f}' for each in timings.values()]
                row = (Path(model).stem, runtime, f'{width}x{height}', f'{hands:.1f}')
                print(_line((*row, *cells)))
                yield {
                    'model': row[0],
                    'depth_model': Path(depth_model).stem,
                    'runtime': networks.description,
                    'width': width,
                    'height': height,
                    'hands': hands,
                    'stages': {stage: asdict(timing) for stage, timing in timings.items()},
                }
            networks.close()


def shipped_detectors() -> list[str]:
    """Returns the names of those models that come with the package and find hands."""
    specs = {name: open_runtime(name, 'onnx', 1)[0].spec for name in shipped_models()}
    return [name for name, spec in specs.items() if isinstance(spec, ModelSpec)]


def _line(cells: Sequence[str]) -> str:
    return f'{cells[0]:16} {cells[1]:8} {cells[2]:>9} {cells[3]:>5}' + ''.join(
        f' {cell:>14}' for cell in cells[4:]
    )
