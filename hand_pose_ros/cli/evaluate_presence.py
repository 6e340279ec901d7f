"""`hand-pose evaluate presence`: pictures that show a hand against those that do not."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.cli.inputs import Topics, open_sources, tell_problems
from hand_pose_ros.cli.outputs import without_nan, write_json
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.evaluation.detection import presence_measures
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.evaluation.published_keypoints import PRESENCE
from hand_pose_ros.evaluation.success_curves import plot_roc
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    for name, what in (('hands', 'each show a hand'), ('without', 'show none')):
        parser.add_argument(
            f'--{name}', nargs='+', required=True, metavar='INPUT', help=f'pictures that {what}'
        )
    parser.add_argument('--out', type=Path, help='folder for roc.png and results.json')
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints AUC of the ROC curve, and the rest at the score in use, beside published numbers."""
    config = with_values(PipelineConfig(), pipeline_settings(args))
    threshold = config.detector.min_score
    config = single_pictures(config, config.detector.cycle)
    # The curve needs the scores of hands that would not be reported.
    config = replace(config, detector=replace(config.detector, min_score=0.0))
    with closing(open_pipeline(config)) as pipeline:
        print(pipeline.runtime)
        with_hand, without = _scores(pipeline, args.hands), _scores(pipeline, args.without)
    values = presence_measures(with_hand, without, threshold)
    print(f'{len(with_hand)} pictures with a hand, {len(without)} without')
    print(f'ROC AUC of the best hand score; all else at detector.min_score {threshold:g}')
    print(comparison({'ours': values}, PRESENCE))
    if args.out is not None:
        counts = {'pictures with a hand': len(with_hand), 'pictures without': len(without)}
        results = {**counts, 'detector.min_score': threshold, **without_nan(values)}
        write_json(args.out / 'results.json', results)
        plot_roc(with_hand, without, threshold, args.out / 'roc.png')
        print(f'ROC curve and numbers in {args.out}')
    return 0


def _scores(pipeline: HandPipeline, inputs: Sequence[str]) -> NDArray[np.float64]:
    """Returns the best score of a hand on each picture, 0 where none is found."""
    sources = open_sources(inputs, Topics())
    scores = [
        max((hand.score for hand in pipeline(named.frame)), default=0.0)
        for source in sources
        for named in tqdm(source.frames, source.name, source.length, unit='picture')
    ]
    tell_problems(sources)
    if not scores:
        raise ValueError(f'no picture could be read from {" ".join(inputs)}')
    return np.array(scores)
