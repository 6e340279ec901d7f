"""`hand-pose evaluate onehand10k FOLDER` and its like: 2D keypoints beside published numbers."""

import argparse
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from hand_pose_ros.cli.inputs import tell_left_out
from hand_pose_ros.cli.outputs import without_nan, write_json
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark
from hand_pose_ros.data.benchmarks.sets import read_image_set, spread
from hand_pose_ros.evaluation.keypoints_2d import (
    BOX_MARGIN,
    KeypointResults,
    measures,
    predict_benchmark,
)
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.evaluation.published_keypoints import CROPS, PUBLISHED
from hand_pose_ros.evaluation.tables import paper_tables
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.pipeline.settings import with_values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument('folder', type=Path, help='folder of the data set, as published')
    parser.add_argument(
        '--pictures', type=int, help='only so many, spread evenly: not the published protocol'
    )
    parser.add_argument('--out', type=Path, help='folder for results.json')
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints all measures that the labels allow, ours beside published ones."""
    benchmark = read_image_set(args.protocol, args.folder)
    labels = spread(benchmark.labels, args.pictures)
    config = with_values(PipelineConfig(), pipeline_settings(args))
    config = single_pictures(config, config.detector.cycle)
    with closing(open_pipeline(config)) as pipeline:
        print(pipeline.runtime)
        bar = tqdm(labels, args.protocol, unit='picture')
        results = predict_benchmark(benchmark, args.folder, pipeline, pipeline.read_regions, bar)
    _tell(benchmark, results, len(labels) < len(benchmark.labels))
    columns = {
        name: measures(results, mode, bool(benchmark.box), CROPS.get(args.protocol))
        for name, mode in (('ours, whole picture', 'whole'), ('ours, labelled box', 'boxed'))
    }
    print(paper_tables(columns, PUBLISHED[args.protocol]))
    if args.out is not None:
        write_json(args.out / 'results.json', {k: without_nan(v) for k, v in columns.items()})
    tell_left_out(results.problems)
    return 0


def _tell(benchmark: ImageBenchmark, results: KeypointResults, partly: bool) -> None:
    hands = len(results.labels_px)
    print(f'{benchmark.title}: {results.images} pictures, {hands} labelled hands')
    if partly:
        print('only a part of the pictures: not the published protocol')
    if benchmark.box:
        print(f'the annotation box is {benchmark.box}')
    print(f'labelled boxes are looked into at {BOX_MARGIN} times their size')
    if results.outside:
        print(f'{results.outside} labelled keypoints outside of their picture do not count')
    for problem in benchmark.problems:
        print(problem)
