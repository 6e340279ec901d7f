"""`hand-pose import-srhandnet SCRIPT OUT`: the SRHandNet that its authors released."""

import argparse
from pathlib import Path

from hand_pose_ros.training.released_srhandnet import import_released


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('script', type=Path, help="the authors' TorchScript file, hand.pts")
    parser.add_argument('out', type=Path, help='the .onnx file to write')


def run(args: argparse.Namespace) -> int:
    """Converts the file and prints how far the model file is from it."""
    if args.out.suffix != '.onnx':
        raise ValueError(f'the model file must end in .onnx, got {args.out}')
    difference = import_released(args.script, args.out)
    print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB; its side is always unknown')
    print(f'largest difference from {args.script}: {difference:.1e}')
    return 0
