"""`hand-pose predict INPUT... --out DIR`: find hands, without ROS in between."""

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hand_pose_ros.cli.inputs import (
    PICTURE_SUFFIXES,
    Source,
    add_input_arguments,
    check_out,
    open_sources,
    tell_problems,
    topics_from,
)
from hand_pose_ros.cli.outputs import VideoFile, hand_to_json, write_json, write_picture
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.drawing import draw_hands
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values


@dataclass
class Results:
    """What was found so far.

    Attributes:
        predictions: Hands by the name of the picture or frame, as JSON's types.
        pipeline_s: What each frame cost in the pipeline, in seconds.
        interrupted: The user has ended the run.
    """

    predictions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pipeline_s: list[float] = field(default_factory=list)
    interrupted: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    add_input_arguments(parser, required=True)
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for predictions.json and the pictures'
    )
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Predicts; a camera goes on until Ctrl-C, which ends other inputs early."""
    config = with_values(PipelineConfig(), pipeline_settings(args))
    sources = open_sources(args.inputs, topics_from(args))
    check_out(args.out, args.inputs)
    pipeline = open_pipeline(config)
    print(pipeline.runtime)
    results = Results()
    try:
        for source in sources:
            if not results.interrupted:
                pipeline.configure(_config_for(source, config))
                pipeline.reset()
                _predict(pipeline, source, args.out, results)
    finally:
        tell_problems(sources)
        # Also after an error: what was found until then cost time.
        if results.predictions:
            write_json(args.out / 'predictions.json', results.predictions)
    if not results.predictions and not results.interrupted:
        raise ValueError(f'nothing to be seen could be read from {" ".join(args.inputs)}')
    _tell(results, args.out)
    endless = any(source.length is None for source in sources)
    return 130 if results.interrupted and not endless else 0


def _config_for(source: Source, config: PipelineConfig) -> PipelineConfig:
    """Turns off what connects frames where each picture is for itself."""
    if source.rate_hz is not None:
        return config
    return replace(config, tracking=replace(config.tracking, enabled=False))


def _predict(pipeline: HandPipeline, source: Source, out: Path, results: Results) -> None:
    with ExitStack() as stack:
        video = None
        if source.rate_hz is not None:
            video = stack.enter_context(VideoFile(out / f'{source.name}.mp4', source.rate_hz))
        bar = tqdm(source.frames, source.name, source.length, unit='frame')
        try:
            for named in stack.enter_context(bar):
                started_s = time.perf_counter()
                hands = pipeline(named.frame)
                results.pipeline_s.append(time.perf_counter() - started_s)
                results.predictions[named.name] = [hand_to_json(hand) for hand in hands]
                picture = draw_hands(named.frame.rgb, hands)
                if video is None:
                    write_picture(_picture_path(out, named.name), picture)
                else:
                    video.write(picture)
        except KeyboardInterrupt:
            results.interrupted = True


def _picture_path(out: Path, name: str) -> Path:
    path = out / name
    return path if path.suffix.lower() in PICTURE_SUFFIXES else path.with_name(f'{path.name}.png')


def _tell(results: Results, out: Path) -> None:
    hands = sum(map(len, results.predictions.values()))
    typical_ms, tail_ms = np.percentile(results.pipeline_s or [0.0], (50, 95)) * 1e3
    print(
        f'{"interrupted: " if results.interrupted else ""}'
        f'{len(results.predictions)} pictures, {hands} hands, '
        f'{typical_ms:.1f} ms each in the pipeline (95th percentile {tail_ms:.1f} ms), see {out}'
    )
