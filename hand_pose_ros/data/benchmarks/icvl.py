"""ICVL hand posture (Tang et al., CVPR 2014): 1,596 test frames of a close depth camera.

Published layout: `Testing/test_seq_1.txt` and `test_seq_2.txt`, each line the picture below
`Testing/Depth` and 16 x (u, v, d); the pictures are 16-bit PNG in millimetres.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.benchmarks.joint_files import DepthBenchmark, DepthLabels
from hand_pose_ros.data.benchmarks.layout import numbers, require, text_lines
from hand_pose_ros.data.pictures import read_depth_picture
from hand_pose_ros.skeleton import FINGERS, PALM
from hand_pose_ros.types import Camera

BENCHMARK = DepthBenchmark(
    title='ICVL',
    frames=1596,
    joint_names=(
        'palm',
        *(
            f'{finger} {joint}'
            for finger in ('thumb', 'index', 'middle', 'ring', 'little')
            for joint in ('root', 'middle', 'tip')
        ),
    ),
    bones=tuple((0 if joint % 3 == 1 else joint - 1, joint) for joint in range(1, 16)),
    prior_joint=0,
    camera=Camera(240, 320, 240.99, 240.96, 160.0, 120.0),
    # Its joints are the middles of bones, ours the ends.
    keypoints=(PALM, *(bone for finger in FINGERS for bone in pairwise(finger))),
)


def read(folder: Path) -> DepthLabels:
    """Reads the labels of both test sequences, the first one first.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A line is damaged; the message has its number.
    """
    pictures, rows = [], []
    for sequence in (1, 2):
        path = require(folder, f'Testing/test_seq_{sequence}.txt', 'ICVL')
        for line, text in text_lines(path):
            name, *words = text.split()
            pictures.append(f'Testing/Depth/{name}')
            rows.append(numbers(path, line, words, 48))
    return DepthLabels(tuple(pictures), np.array(rows).reshape(-1, 16, 3))


def read_depth_m(path: Path) -> NDArray[np.float32]:
    """Reads a depth picture.

    Returns:
        (H, W) float32 metres; NaN where not measured.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a 16-bit picture.
    """
    depth_mm = read_depth_picture(path)
    # The background holds 32001.
    measured = (depth_mm > 0) & (depth_mm < 32001)
    return np.where(measured, depth_mm * np.float32(0.001), np.float32(np.nan))
