"""`hand-pose overlay DATASET FOLDER OUT.png`: the labels of a published data set, to be looked at.

The picture shows whether a data set is read right: which joint is which finger's, which end of a
finger is the tip, and which hand is the left one.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.outputs import fitted, write_picture
from hand_pose_ros.data.benchmarks.joint_files import DepthBenchmark
from hand_pose_ros.data.benchmarks.sets import DEPTH_SETS, IMAGE_SETS, read_image_set, spread
from hand_pose_ros.data.dataset_report import colour_depth
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import read_rgb
from hand_pose_ros.pipeline.drawing import draw_hands
from hand_pose_ros.types import Hand

TILE_PX = 320
COLUMNS = 4
MARGIN = 0.3
"""What is shown around the labels, over their size."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    names = (*IMAGE_SETS, *DEPTH_SETS)
    parser.add_argument(
        'data_set', choices=names, metavar='DATASET', help=f'one of {", ".join(names)}'
    )
    parser.add_argument('folder', type=Path, help='folder of the data set, as published')
    parser.add_argument('out', type=Path, metavar='OUT.png', help='picture to write')
    parser.add_argument('--pictures', type=int, default=12, help='how many, spread evenly')


def run(args: argparse.Namespace) -> int:
    """Writes a sheet of labelled pictures from all over the data set."""
    if args.data_set in IMAGE_SETS:
        tiles = _image_tiles(args.data_set, args.folder, args.pictures)
    else:
        tiles = _depth_tiles(DEPTH_SETS[args.data_set], args.folder, args.pictures)
    drawn = []
    for tile in tiles:
        try:
            drawn.append(fitted(tile(), (TILE_PX, TILE_PX)))
        except (ValueError, OSError) as error:
            print(f'left out: {error}', file=sys.stderr)
    if not drawn:
        raise ValueError(f'none of {len(tiles)} pictures below {args.folder} could be read')
    drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % COLUMNS)
    rows = [np.hstack(drawn[i : i + COLUMNS]) for i in range(0, len(drawn), COLUMNS)]
    write_picture(args.out, np.vstack(rows))
    print(f'{args.out}: {", ".join(_legend(args.data_set))}')
    return 0


def _legend(data_set: str) -> list[str]:
    if data_set in IMAGE_SETS:
        return ['thumb red', 'index yellow', 'middle green', 'ring blue', 'little violet']
    names = DEPTH_SETS[data_set].BENCHMARK.joint_names
    return [f'{index} {name}' for index, name in enumerate(names)]


def _image_tiles(data_set: str, folder: Path, count: int) -> list[Callable[[], NDArray[np.uint8]]]:
    labels = spread(read_image_set(data_set, folder).labels, count)
    return [lambda label=label: _image_tile(folder, label) for label in labels]  # type: ignore[misc]


def _image_tile(folder: Path, label: ImageLabel) -> NDArray[np.uint8]:
    rgb = read_rgb(folder / label.image)
    points = np.concatenate([hand.keypoints_px for hand in label.hands])
    window, scale = _window(points, rgb.shape[:2])
    part = cv2.resize(rgb[window], None, fx=scale, fy=scale)
    offset = np.array([window[1].start, window[0].start])
    return draw_hands(part, [_as_hand(hand, offset, scale) for hand in label.hands])


def _window(
    points_px: NDArray[np.floating], image_hw: tuple[int, ...]
) -> tuple[tuple[slice, slice], float]:
    """Returns the part of a picture around points, and by how much to enlarge it for a tile."""
    low, high = np.nanmin(points_px, axis=0), np.nanmax(points_px, axis=0)
    margin = MARGIN * (high - low).max()
    limits = np.array([image_hw[1], image_hw[0]])
    start = np.clip(low - margin, 0, limits - 2).astype(int)
    end = np.maximum(np.clip(high + margin, 0, limits).astype(int), start + 2)
    window = (slice(start[1], end[1]), slice(start[0], end[0]))
    return window, TILE_PX / float((end - start).max())


def _as_hand(label: HandLabel, offset: NDArray[np.int_], scale: float) -> Hand:
    seen = np.isfinite(label.keypoints_px[:, 0])
    return Hand(
        keypoints_px=(label.keypoints_px - offset) * np.float32(scale),
        scores=seen.astype(np.float32),
        box_px=(label.box_px - np.tile(offset, 2)) * np.float32(scale),
        score=1.0,
        side=label.side,
        side_score=1.0,
    )


def _depth_tiles(
    data_set: ModuleType, folder: Path, count: int
) -> list[Callable[[], NDArray[np.uint8]]]:
    labels = data_set.read(folder)
    frames = spread(range(len(labels.pictures)), count)

    def tile(frame: int) -> NDArray[np.uint8]:
        depth_m = data_set.read_depth_m(folder / labels.pictures[frame])
        return _depth_tile(depth_m, labels.joints_uvd[frame], data_set.BENCHMARK)

    return [lambda frame=frame: tile(frame) for frame in frames]  # type: ignore[misc]


def _depth_tile(
    depth_m: NDArray[np.float32], joints_uvd: NDArray[np.float64], benchmark: DepthBenchmark
) -> NDArray[np.uint8]:
    window, scale = _window(joints_uvd[:, :2], depth_m.shape)
    near_m, far_m = joints_uvd[:, 2].min() * 1e-3 - 0.05, joints_uvd[:, 2].max() * 1e-3 + 0.05
    painted = colour_depth(depth_m[window], (near_m, far_m))
    part = cv2.resize(painted, None, fx=scale, fy=scale)
    offset = (window[1].start, window[0].start)
    points = np.rint((joints_uvd[:, :2] - offset) * scale).astype(int)
    for start, end in benchmark.bones:
        cv2.line(part, points[start].tolist(), points[end].tolist(), (255, 255, 255), 2)
    for index, point in enumerate(points.tolist()):
        cv2.circle(part, point, 4, (0, 0, 0), -1)
        cv2.putText(part, str(index), point, cv2.FONT_HERSHEY_PLAIN, 1.2, (0, 0, 0), 2)
    return part
