"""`hand-pose demo [INPUT]`: the same inputs as for `predict`, sent through the real ROS node."""

import argparse
from pathlib import Path

from hand_pose_ros.cli.inputs import add_input_arguments, check_out, open_sources, topics_from
from hand_pose_ros.cli.ros_modules import import_with_ros
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings

CLIP = Path(__file__).resolve().parents[1] / 'demo' / 'clip'
"""The bag that comes with the package."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    add_input_arguments(parser, required=False)
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('out/demo'),
        help='folder for pictures, video and summary.json (default: %(default)s)',
    )
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Plays the input, or else the clip that comes with the package."""
    if not args.inputs and not CLIP.is_dir():
        raise FileNotFoundError(
            'no demo clip comes with this version: name a picture, a folder, a video, a bag or a '
            'camera number, `hand-pose demo INPUT` or `make demo INPUT=...`'
        )
    parameters = pipeline_settings(args)
    check_out(args.out, args.inputs)
    node_demo = import_with_ros('node_demo')
    sources = open_sources(args.inputs or [str(CLIP)], topics_from(args))
    if len(sources) > 1:
        names = ', '.join(source.name for source in sources)
        raise ValueError(f'expected pictures, or one video, bag or camera, got {names}')
    return int(node_demo.show(sources[0], parameters, args.out))
