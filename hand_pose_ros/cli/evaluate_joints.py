"""`hand-pose evaluate nyu|icvl|msra --predictions FILE...`: 3D joint errors in millimetres."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.outputs import write_json
from hand_pose_ros.data.benchmarks.joint_files import (
    DepthBenchmark,
    joints_mm,
    read_joint_file,
)
from hand_pose_ros.data.benchmarks.sets import DEPTH_SETS
from hand_pose_ros.evaluation.joints_3d import joint_errors_mm, summary
from hand_pose_ros.evaluation.published_joints import PUBLISHED
from hand_pose_ros.evaluation.success_curves import plot_joint_errors
from hand_pose_ros.evaluation.tables import comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument(
        '--predictions',
        type=Path,
        nargs='+',
        required=True,
        metavar='FILE',
        help='a line per test frame, u v d of each joint (pixels, mm) as published; also .gz',
    )
    labels = parser.add_mutually_exclusive_group(required=True)
    labels.add_argument('--labels', type=Path, metavar='FILE', help='the labels in the same form')
    labels.add_argument('--data', type=Path, metavar='FOLDER', help='the data set as published')
    parser.add_argument('--out', type=Path, help='folder for curves.png and results.json')


def run(args: argparse.Namespace) -> int:
    """Prints errors under each treatment of the prior joint, beside published means."""
    data_set = DEPTH_SETS[args.protocol]
    benchmark: DepthBenchmark = data_set.BENCHMARK
    joints = len(benchmark.joint_names)
    if args.labels is not None:
        labels_uvd = read_joint_file(args.labels, joints)
    else:
        labels_uvd = data_set.read(args.data).joints_uvd
    errors = {
        _method(path): _errors(path, labels_uvd, benchmark, args.labels or args.data)
        for path in args.predictions
    }
    rows = {name: summary(each, benchmark.prior_joint) for name, each in errors.items()}
    print(
        f'{benchmark.title}: {len(labels_uvd)} frames, {joints} joints, the prior joint is '
        f'"{benchmark.joint_names[benchmark.prior_joint]}"; compare only within a column'
    )
    if len(labels_uvd) != benchmark.frames:
        print(f'not the published test set: that has {benchmark.frames} frames')
    print(comparison(rows, PUBLISHED[args.protocol], methods_down=True))
    if args.out is not None:
        title = f'{benchmark.title}, {len(labels_uvd)} frames'
        write_json(args.out / 'results.json', rows)
        plot_joint_errors(errors, benchmark.joint_names, title, args.out / 'curves.png')
        print(f'success curves in {args.out / "curves.png"}')
    return 0


def _method(path: Path) -> str:
    return path.name.removesuffix('.gz').removesuffix('.txt')


def _errors(
    path: Path, labels_uvd: NDArray[np.float64], benchmark: DepthBenchmark, origin: Path
) -> NDArray[np.float64]:
    predicted_uvd = read_joint_file(path, labels_uvd.shape[1])
    if len(predicted_uvd) != len(labels_uvd):
        raise ValueError(
            f'{path} has {len(predicted_uvd)} frames, the labels {origin} have {len(labels_uvd)}'
        )
    camera = benchmark.camera
    return joint_errors_mm(joints_mm(predicted_uvd, camera), joints_mm(labels_uvd, camera))
