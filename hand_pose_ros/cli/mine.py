"""`hand-pose mine RECIPE OUT`: what a model takes for hands, as backgrounds for its next round."""

import argparse
from pathlib import Path

from tqdm import tqdm

from hand_pose_ros.cli.outputs import write_picture
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.training.hard_negatives import false_hands, training_pictures
from hand_pose_ros.training.photo_material import PhotoRecipe
from hand_pose_ros.training.tasks import read_task

MIN_SCORE = 0.35
"""The less sure mistakes teach, too; --set detector.min_score sets another."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('recipe', type=Path, help='whose training pictures are searched')
    parser.add_argument('out', type=Path, help='new folder for what was found')
    parser.add_argument('--data', type=Path, required=True, help="folder of the recipe's folders")
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Searches, and writes a picture for each false hand."""
    recipe = read_task(args.recipe).recipe
    if not isinstance(recipe, PhotoRecipe):
        raise ValueError(f'{args.recipe} trains on no photos, so there is nothing to search')
    if args.out.exists():
        raise ValueError(f'{args.out} exists: a new folder was expected')
    # What is cut out is upright, so that is how it must be mistaken.
    upright = {'detector.min_score': MIN_SCORE, 'detector.turned_hands': False}
    settings = {**upright, **pipeline_settings(args)}
    pipeline = open_pipeline(single_pictures(with_values(PipelineConfig(), settings), 'full'))
    print(pipeline.runtime)
    pictures = parts = 0
    for rgb, hands_px in tqdm(training_pictures(recipe, args.data), unit='picture'):
        pictures += 1
        for part in false_hands(pipeline, rgb, hands_px):
            write_picture(args.out / f'{parts:05d}.png', part)
            parts += 1
    print(f'{parts} false hands on {pictures} pictures, see {args.out}')
    return 0
