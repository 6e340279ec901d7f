"""`hand-pose evaluate nyu|icvl|msra`: 3D joint errors in millimetres, of others and of ours."""

import argparse
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.cli.inputs import tell_left_out
from hand_pose_ros.cli.outputs import write_json
from hand_pose_ros.data.benchmarks.joint_files import (
    DepthBenchmark,
    DepthLabels,
    joints_mm,
    read_joint_file,
)
from hand_pose_ros.data.benchmarks.sets import DEPTH_SETS, spread
from hand_pose_ros.data.pictures import readable
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.evaluation.depth import joints_around
from hand_pose_ros.evaluation.joints_3d import joint_errors_mm, summary
from hand_pose_ros.evaluation.published_joints import PUBLISHED
from hand_pose_ros.evaluation.success_curves import plot_joint_errors
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.skeleton import NUM_KEYPOINTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument(
        '--predictions',
        type=Path,
        nargs='*',
        default=[],
        metavar='FILE',
        help='a line per test frame, u v d of each joint (pixels, mm) as published; also .gz',
    )
    parser.add_argument(
        '--model', help='depth network to run on --data (default: that of the pipeline)'
    )
    parser.add_argument(
        '--pictures', type=int, help='run it on so many, spread evenly: not the published protocol'
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
        if not args.predictions:
            raise ValueError('--labels needs --predictions; our network needs --data')
    else:
        labels = data_set.read(args.data)
        labels_uvd = labels.joints_uvd
    errors = {
        _method(path): _errors(path, labels_uvd, benchmark, args.labels or args.data)
        for path in args.predictions
    }
    if args.labels is None:
        errors |= _ours(args, data_set, labels)
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


def _ours(
    args: argparse.Namespace, data_set: ModuleType, labels: DepthLabels
) -> dict[str, NDArray[np.float64]]:
    """Runs a depth network of ours on the data set.

    It was trained on none of it, and knows other joints: errors hold the gap between the two.
    """
    benchmark = data_set.BENCHMARK
    model = args.model or PipelineConfig().model.depth
    runtime, reason = open_runtime(model, 'auto', 0)
    print(f'{runtime.description} {reason}'.rstrip())
    estimator = LocalRegressionHourglassEstimator(runtime)
    truth_mm = joints_mm(labels.joints_uvd, benchmark.camera)
    bar = tqdm(spread(range(len(truth_mm)), args.pictures), 'ours', unit='frame', disable=None)
    frames: list[int] = []
    problems: list[str] = []
    predicted_mm, refused = [], 0

    def read(frame: int) -> NDArray[np.float32]:
        path = args.data / labels.pictures[frame]
        depth_m: NDArray[np.float32] = data_set.read_depth_m(path)
        check_shape(str(path), depth_m, (benchmark.camera.height, benchmark.camera.width))
        return depth_m

    for frame, depth_m in readable(bar, read, problems):
        frames.append(frame)
        centre_m = truth_mm[frame, benchmark.prior_joint] / 1000
        keypoints_cam = joints_around(estimator, depth_m, benchmark.camera, centre_m)
        if keypoints_cam is None:
            refused += 1
            # Whoever must answer says the middle.
            keypoints_cam = np.tile(centre_m, (NUM_KEYPOINTS, 1))
        means_m = [keypoints_cam[list(each)].mean(axis=0) for each in benchmark.keypoints]
        predicted_mm.append(1000 * np.array(means_m))
    print(
        f'ours: {len(frames)} frames, {refused} of them refused; not trained on '
        f'{benchmark.title}, whose joints are taken for the nearest of ours'
    )
    tell_left_out(problems)
    return {'ours': joint_errors_mm(np.array(predicted_mm), truth_mm[frames])}


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
