"""`hand-pose evaluate depth RECIPE --data FOLDER`: joints in metres, by look-up and by network."""

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hand_pose_ros.cli.inputs import tell_left_out
from hand_pose_ros.cli.outputs import without_nan, write_json
from hand_pose_ros.data.depth_hands import split_labels
from hand_pose_ros.data.labels import ImageLabel, read_labels
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.evaluation.depth import (
    LOOK_UP,
    DepthScores,
    hard_joints,
    mean_by_part,
    measures,
    parts_of,
    score_at_keypoints,
    score_pipelines,
    side_accuracy,
)
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.evaluation.success_curves import plot_joint_errors
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.skeleton import KEYPOINT_NAMES
from hand_pose_ros.training.hourglass_task import HourglassRecipe
from hand_pose_ros.training.synth_recipes import folders_of
from hand_pose_ros.training.tasks import read_task

WITHOUT, WITH = 'pipeline without depth network', 'pipeline with it'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument('recipe', type=Path, help='says which pictures are held out')
    parser.add_argument('--data', type=Path, required=True, help="folder of the recipe's folders")
    parser.add_argument('--model', help='depth network (default: that of the pipeline)')
    parser.add_argument(
        '--validation',
        type=Path,
        nargs='*',
        default=[],
        metavar='FOLDER',
        help='further data sets with depth, evaluated whole, such as config/synth/depth.yaml '
        'makes; where there is colour, with all of the pipeline, too',
    )
    parser.add_argument('--out', type=Path, help='folder for curves and results.json')


def run(args: argparse.Namespace) -> int:
    """Prints errors of look-up, network and both, on each set."""
    recipe = read_task(args.recipe).recipe
    if not isinstance(recipe, HourglassRecipe):
        raise ValueError(f'{args.recipe} trains on no depth, so it holds none out')
    config = PipelineConfig()
    model = args.model or config.model.depth
    runtime, reason = open_runtime(model, config.model.runtime, config.model.threads)
    print(reason)
    estimator = LocalRegressionHourglassEstimator(runtime)
    results = {}
    problems: list[str] = []
    sets = {
        f'{name}, held out': (args.data / name, recipe.held_out_share)
        for name in folders_of(recipe.renders)
    }
    for folder in args.validation:
        if folder.name in [each.name for each, _ in sets.values()]:
            raise ValueError(f'--validation: two data sets are named {folder.name!r}, rename one')
        sets[folder.name] = (folder, 1.0)
    for title, (folder, share) in sets.items():
        _, labels = split_labels(read_labels(folder), share)
        bar = tqdm(labels, title, leave=False)
        scores = score_at_keypoints(folder, bar, estimator, config.lift, problems)
        results[title] = _tell(f'{title}, at the true 2D keypoints', scores)
        if args.out is not None:
            args.out.mkdir(parents=True, exist_ok=True)
            path = args.out / f'{folder.name}.png'
            plot_joint_errors(scores.errors_mm, KEYPOINT_NAMES, f'{title}', path)
        if any(label.image != label.depth for label in labels):
            scores = _through_pipelines(title, folder, labels, model, problems)
            results[f'{title}, pipeline'] = _tell(f'{title}, through the whole pipeline', scores)
    tell_left_out(problems)
    if args.out is not None:
        write_json(args.out / 'results.json', results)
        print(f'success curves and numbers in {args.out}')
    return 0


def _through_pipelines(
    title: str, folder: Path, labels: list[ImageLabel], model: str, problems: list[str]
) -> DepthScores:
    config = single_pictures(PipelineConfig(), PipelineConfig().detector.cycle)
    configs = [replace(config, model=replace(config.model, depth=depth)) for depth in ('', model)]
    with closing(open_pipeline(configs[0])) as plain, closing(open_pipeline(configs[1])) as full:
        bar = tqdm(labels, f'{title}, pipeline', leave=False)
        return score_pipelines(folder, bar, {WITHOUT: plain, WITH: full}, problems)


def _tell(title: str, scores: DepthScores) -> dict[str, dict[str, float | None]]:
    """Prints the tables of a set, and returns their numbers by method."""
    methods = list(scores.errors_mm)
    every = np.ones(len(scores.sensors), bool)
    print(f'\n{title}: {every.sum()} hands, {scores.visible.mean():.0%} of their joints visible')
    rows = {method: measures(scores, method, every) for method in methods}
    if LOOK_UP in methods:
        hard = {'of hidden joints and holes': hard_joints(scores)}
        rows = {name: row | mean_by_part(scores, name, hard) for name, row in rows.items()}
    print(comparison(rows, ()))
    for kind, parts in parts_of(scores).items():
        shown = {name: part for name, part in parts.items() if part.any()}
        table = {method: mean_by_part(scores, method, shown) for method in methods}
        print(f'mean error (mm) by {kind}')
        print(comparison(table, (), digits=1))
        rows = {
            method: row | {f'{kind} {name}': value for name, value in table[method].items()}
            for method, row in rows.items()
        }
    for method in methods:
        accuracy, told = side_accuracy(scores, method)
        if told:
            print(f'side by {method}: {accuracy:.3f} right of {told:.0%} of the hands')
            rows[method]['side accuracy'] = accuracy
    return {method: without_nan(row) for method, row in rows.items()}
