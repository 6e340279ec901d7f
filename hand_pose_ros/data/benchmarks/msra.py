"""MSRA hand gestures (Sun et al., CVPR 2015): 17 gestures of nine persons, 76,375 frames.

Published layout: `P0/1/joint.txt`, whose first line is the number of frames and each further line
21 x (x, y, z) in millimetres, y up and z towards the camera; `P0/1/000000_depth.bin` holds six
32-bit integers (picture's width and height; left, top, right and bottom of a window) and the
window's depth in millimetres as 32-bit floats. Papers leave one person out and average, so that
all frames are test frames once.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.benchmarks.joint_files import DepthBenchmark, DepthLabels
from hand_pose_ros.data.benchmarks.layout import numbers, require, text_lines
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.types import Camera

PERSONS = 9
GESTURES = (*map(str, range(1, 10)), 'I', 'IP', 'L', 'MP', 'RP', 'T', 'TIP', 'Y')

BENCHMARK = DepthBenchmark(
    title='MSRA',
    frames=76375,
    joint_names=(
        'wrist',
        *(
            f'{finger} {joint}'
            for finger in ('index', 'middle', 'ring', 'little')
            for joint in ('mcp', 'pip', 'dip', 'tip')
        ),
        *('thumb cmc', 'thumb mcp', 'thumb ip', 'thumb tip'),
    ),
    bones=tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21)),
    prior_joint=5,
    camera=Camera(240, 320, 241.42, 241.42, 160.0, 120.0),
    keypoints=tuple((joint,) for joint in (0, *range(5, 21), *range(1, 5))),
)


def read(folder: Path) -> DepthLabels:
    """Reads the labels of all persons, P0 first, each gesture in the order of GESTURES.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A line is damaged, or there are more or fewer lines than the file says.
    """
    pictures: list[str] = []
    joints = []
    for sequence in (f'P{person}/{gesture}' for person in range(PERSONS) for gesture in GESTURES):
        path = require(folder, f'{sequence}/joint.txt', 'MSRA')
        joints_mm = _read_sequence(path)
        pixels = project(joints_mm.reshape(-1, 3), BENCHMARK.camera).reshape(-1, 21, 2)
        joints.append(np.concatenate((pixels, joints_mm[..., 2:]), axis=2))
        pictures += [f'{sequence}/{frame:06d}_depth.bin' for frame in range(len(joints_mm))]
    return DepthLabels(tuple(pictures), np.concatenate(joints))


def _read_sequence(path: Path) -> NDArray[np.float64]:
    """Returns (F, 21, 3) millimetres in the optical frame."""
    lines = list(text_lines(path))
    if not lines:
        raise ValueError(f'{path} is empty')
    _, count = lines.pop(0)
    if not count.isdecimal() or int(count) != len(lines):
        raise ValueError(f'{path} says {count} frames in its first line, and has {len(lines)}')
    rows = [numbers(path, line, text.split(), 63) for line, text in lines]
    return np.array(rows).reshape(-1, 21, 3) * (1, -1, -1)


def read_depth_m(path: Path) -> NDArray[np.float32]:
    """Reads a depth picture.

    Returns:
        (H, W) float32 metres; NaN where not measured and outside of the window.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a depth picture of this data set.
    """
    data = path.read_bytes()
    if len(data) < 24:
        raise ValueError(f'{path} is not a depth picture: it has {len(data)} bytes')
    width, height, left, top, right, bottom = np.frombuffer(data[:24], '<i4').tolist()
    inside = 0 <= left < right <= width <= 4096 and 0 <= top < bottom <= height <= 4096
    if not inside or len(data) != 24 + 4 * (right - left) * (bottom - top):
        raise ValueError(f'{path} is not a depth picture: window and size do not agree')
    depth_m = np.full((height, width), np.nan, np.float32)
    window = np.frombuffer(data[24:], '<f4').reshape(bottom - top, right - left)
    depth_m[top:bottom, left:right] = np.where(window > 0, window * 0.001, np.nan)
    return depth_m
