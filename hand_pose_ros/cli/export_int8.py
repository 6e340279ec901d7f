"""`hand-pose export-int8 RECIPE MODEL OUT`: make a model file smaller, and faster."""

import argparse
from pathlib import Path

from hand_pose_ros.data.benchmarks.sets import spread
from hand_pose_ros.data.photos import split_photos
from hand_pose_ros.runtimes.open import find_model
from hand_pose_ros.training.photo_material import VALIDATION_STEP, PhotoRecipe
from hand_pose_ros.training.quantise import measure_loss, quantise
from hand_pose_ros.training.tasks import read_task

CALIBRATION_PHOTOS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('recipe', type=Path, help='says which groups of photos are held out')
    parser.add_argument('model', help='a shipped model, or the path of an .onnx file')
    parser.add_argument('out', type=Path, help='the .onnx file to write')
    parser.add_argument(
        '--photos',
        type=Path,
        required=True,
        help='labelled photos: of the held-out groups to measure the loss, of others to calibrate',
    )
    parser.add_argument(
        '--tensorrt',
        action='store_true',
        help='round as TensorRT does, for model.engine_precision int8 (default: as CPUs do)',
    )


def run(args: argparse.Namespace) -> int:
    """Quantises, and prints what that costs."""
    if args.out.suffix != '.onnx':
        raise ValueError(f'the model file must end in .onnx, got {args.out}')
    recipe = read_task(args.recipe).recipe
    if not isinstance(recipe, PhotoRecipe):
        raise ValueError(f'{args.recipe} trains on no photos, so there are none to calibrate on')
    model, folder = find_model(args.model), args.photos
    known, held_out = split_photos(folder, recipe.held_out_groups)
    if not known or not held_out:
        raise ValueError(
            f'{folder} needs photos to calibrate on and held-out ones to measure with, got '
            f'{len(known)} and {len(held_out)}'
        )
    chosen = spread(known, CALIBRATION_PHOTOS)
    photos = [(folder / label.image, label) for label in chosen]
    quantise(model, photos, args.out, args.tensorrt)
    sizes_mb = [path.stat().st_size / 1e6 for path in (args.out, model)]
    print(f'{args.out}: {sizes_mb[0]:.1f} MB instead of {sizes_mb[1]:.1f} MB')
    photos = [(folder / label.image, label) for label in held_out[::VALIDATION_STEP]]
    loss = measure_loss(model, args.out, photos)
    print(
        f'on {len(photos)} held-out photos: outputs differ by {loss.largest:.3f} at most, by '
        f'{loss.mean:.5f} on average; PCK@0.2 {loss.pck_after:.3f} instead of '
        f'{loss.pck_before:.3f}'
    )
    return 0
