"""Dexter+Object (Sridhar et al., ECCV 2016): 3,145 pictures of a left hand, fingertips only.

Published layout: `data/Grasp1/color/*.png` (640 x 480) and `data/Grasp1/annotations/Grasp13D.txt`
for each of six sequences, a line per picture: `x, y, z;` of thumb, index, middle, ring and little
tip, millimetres in the depth camera's frame with x left and y up; 32001 where a tip is not seen.
The tips were marked in the depth pictures, and the data set's calibration of colour to depth is
inexact, so that all errors here hold several pixels of the labels' own.
"""

from pathlib import Path

import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark, label_hand
from hand_pose_ros.data.benchmarks.layout import numbers, require, text_lines
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.skeleton import FINGERS, NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Side

TITLE = 'Dexter+Object'
SEQUENCES = ('Grasp1', 'Grasp2', 'Occlusion', 'Rigid', 'Pinch', 'Rotate')
COLOR_CAMERA = Camera(480, 640, 587.45209, 600.67456, 325.0, 249.0)
COLOR_FROM_DEPTH = np.array(
    [
        [0.9999, 0.0034, 0.0161, 19.0473],
        [-0.0033, 1.0000, -0.0079, -1.8514],
        [-0.0162, 0.0079, 0.9998, -4.7501],
    ]
)
"""Rotation, and translation in millimetres."""

NOT_SEEN = 32001.0


def read(folder: Path) -> ImageBenchmark:
    """Reads all sequences.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A line is damaged, or a sequence has more or fewer lines than pictures.
    """
    labels = []
    for sequence in SEQUENCES:
        path = require(folder, f'data/{sequence}/annotations/{sequence}3D.txt', TITLE)
        pictures = sorted(require(folder, f'data/{sequence}/color', TITLE).glob('*.png'))
        lines = list(text_lines(path))
        if len(lines) != len(pictures):
            raise ValueError(
                f'{path} has {len(lines)} lines, '
                f'data/{sequence}/color has {len(pictures)} pictures'
            )
        for picture, (line, text) in zip(pictures, lines, strict=True):
            words = text.replace(';', ',').rstrip(', ').split(',')
            tips_mm = numbers(path, line, words, 15).reshape(5, 3)
            joints = np.full((NUM_KEYPOINTS, 3), np.nan)
            joints[[finger[-1] for finger in FINGERS]] = _in_color_camera(tips_mm)
            hand = label_hand(project(joints, COLOR_CAMERA), Side.LEFT, joints_cam=joints)
            if hand is not None:
                name = picture.relative_to(folder).as_posix()
                labels.append(ImageLabel(name, 480, 640, (hand,), sequence, camera=COLOR_CAMERA))
    return ImageBenchmark(TITLE, tuple(labels))


def _in_color_camera(tips_mm: np.ndarray) -> np.ndarray:
    """Returns (5, 3) metres in the colour camera's optical frame; NaN where not seen."""
    optical_mm = np.where(tips_mm[:, 2:] == NOT_SEEN, np.nan, tips_mm * (-1, -1, 1))
    return (optical_mm @ COLOR_FROM_DEPTH[:, :3].T + COLOR_FROM_DEPTH[:, 3]) * 1e-3
