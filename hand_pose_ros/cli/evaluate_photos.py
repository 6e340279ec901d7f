"""`hand-pose evaluate photos RECIPE`: a model on the pictures its recipe keeps from training."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hand_pose_ros.data.labels import ImageLabel, read_labels
from hand_pose_ros.data.photos import split_photos
from hand_pose_ros.data.pictures import load_backgrounds
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.photos import (
    PhotoScores,
    count_false_hands,
    score_photos,
    single_pictures,
)
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.training.photo_material import PhotoRecipe
from hand_pose_ros.training.tasks import read_task

Photos = list[tuple[Path, ImageLabel]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument('recipe', type=Path, help='says which groups and pictures are held out')
    parser.add_argument('--data', type=Path, required=True, help="folder of the recipe's folders")
    parser.add_argument('--model', help='model to measure (default: the name of the recipe)')
    parser.add_argument(
        '--labelled',
        type=Path,
        nargs='*',
        default=[],
        help='further labelled data sets, evaluated whole',
    )


def run(args: argparse.Namespace) -> int:
    """Prints PCK, recall, side accuracy and false hands, with and without the second pass."""
    recipe = read_task(args.recipe).recipe
    if not isinstance(recipe, PhotoRecipe):
        raise ValueError(f'{args.recipe} trains on no photos, so it holds none out')
    config = PipelineConfig()
    config = replace(config, model=replace(config.model, detector=args.model or args.recipe.stem))
    sets: dict[str, Photos] = {}
    for folder in (args.data / name for name in recipe.photos):
        _, held_out = split_photos(folder, recipe.held_out_groups)
        for label in held_out:
            sets.setdefault(label.group, []).append((folder / label.image, label))
    sets['all held-out groups'] = [photo for photos in sets.values() for photo in photos]
    for folder in args.labelled:
        sets[folder.name] = [(folder / label.image, label) for label in read_labels(folder)]
    print(f'{"pictures":32} {"images":>6} {"hands":>6}  PCK@0.2 (off small full)  '
          'PCK@0.1  recall  side  false/image')  # fmt: skip
    pipelines = {c: open_pipeline(single_pictures(config, c)) for c in ('off', 'small', 'full')}
    for name, photos in sets.items():
        bar = tqdm(photos, name, leave=False)
        by_cycle = {'full': score_photos(pipelines['full'], bar)}
        for cycle in ('off', 'small'):
            by_cycle[cycle] = score_photos(pipelines[cycle], photos)
        print(_line(name, by_cycle))
    folders = [args.data / name for name in recipe.backgrounds]
    false = count_false_hands(pipelines['full'], load_backgrounds(folders, held_out=True))
    print(
        f'without hands, held out: {len(false)} pictures, {np.mean(false):.3f} false per picture'
    )
    print(pipelines['full'].runtime)
    return 0


def _line(name: str, by_cycle: dict[str, PhotoScores]) -> str:
    full = by_cycle['full']
    values = ' '.join(f'{pck(by_cycle[c].errors, 0.2):.3f}' for c in ('off', 'small', 'full'))
    side = full.side_right[full.side_known].mean() if full.side_known.any() else np.nan
    return (
        f'{name:32} {full.images:6} {len(full.errors):6}  {values:>24}  '
        f'{pck(full.errors, 0.1):7.3f} {full.found.mean():7.3f} {side:5.3f} '
        f'{full.false_hands / full.images:12.3f}'
    )
