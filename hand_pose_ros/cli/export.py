"""`hand-pose export RECIPE CHECKPOINT OUT`: turn a checkpoint into a model file."""

import argparse
from pathlib import Path

from hand_pose_ros.runtimes.open import find_model
from hand_pose_ros.training import checkpoint
from hand_pose_ros.training.export import export_onnx
from hand_pose_ros.training.tasks import read_task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('recipe', type=Path, help='the recipe the checkpoint was trained with')
    parser.add_argument('checkpoint', type=Path, help='best.pt or checkpoint.pt of a run')
    parser.add_argument('out', type=Path, help='the .onnx file to write')
    parser.add_argument(
        '--blend',
        nargs=2,
        metavar=('MODEL', 'SHARE'),
        help='mix in the weights of the model that the run started from, which knows what the run '
        'has forgotten',
    )


def run(args: argparse.Namespace) -> int:
    """Exports the averaged weights and prints how far the model file is from PyTorch."""
    if args.out.suffix != '.onnx':
        raise ValueError(f'the model file must end in .onnx, got {args.out}')
    state = checkpoint.load(args.checkpoint)
    task, weights = read_task(args.recipe), state.averaged
    if args.blend:
        model, share = args.blend
        before = checkpoint.weights_of(find_model(model), task.recipe)
        weights = checkpoint.blended(weights, before, float(share))
    difference = export_onnx(weights, task, args.out)
    size_mb = args.out.stat().st_size / 1e6
    print(f'{args.out}: {size_mb:.1f} MB, step {state.step}, {state.images} samples seen')
    print(f'largest difference from PyTorch with the same rounded weights: {difference:.1e}')
    return 0
