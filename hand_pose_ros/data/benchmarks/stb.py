"""STB, stereo hand pose benchmark (Zhang et al., ICIP 2017): 3,000 test pictures, one left hand.

Published layout: `labels/B1Counting_SK.mat` and `labels/B1Random_SK.mat` with `handPara`
(3, 21, 1500) millimetres in the frame of the depth camera, and
`images/B1Counting/SK_color_0.png` and so on, 640 x 480. The camera's numbers are those of the data
set's own description. The root is the middle of the palm: the wrist stays unlabelled.
"""

from pathlib import Path

import cv2
import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark, label_hand
from hand_pose_ros.data.benchmarks.layout import read_matlab, require
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.skeleton import STB_ORDER, WRIST
from hand_pose_ros.types import Camera, Side

TITLE = 'STB test (B1Counting, B1Random)'
SEQUENCES = ('B1Counting', 'B1Random')
COLOR_CAMERA = Camera(480, 640, 607.92271, 607.88192, 314.78337, 236.42484)
COLOR_ROTATION = np.array([0.00531, -0.01196, 0.00301])
COLOR_TRANSLATION_M = np.array([-24.0381, -0.4563, -1.2326]) * 1e-3
"""From the colour camera's frame to the depth camera's: a Rodrigues vector, and metres."""


def read(folder: Path) -> ImageBenchmark:
    """Reads both test sequences.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: The labels are damaged, or SciPy is not installed.
    """
    rotation, _ = cv2.Rodrigues(COLOR_ROTATION)
    labels = []
    for sequence in SEQUENCES:
        path = require(folder, f'labels/{sequence}_SK.mat', TITLE)
        require(folder, f'images/{sequence}', TITLE)
        joints = read_matlab(path, 'handPara')
        if joints.shape[:2] != (3, 21) or joints.ndim != 3:
            raise ValueError(f'{path}: handPara must be (3, 21, frames), got {joints.shape}')
        joints_depth = joints.transpose(2, 1, 0)[:, STB_ORDER].astype(float) * 1e-3
        joints_cam = (joints_depth - COLOR_TRANSLATION_M) @ rotation
        for frame, points_cam in enumerate(joints_cam):
            points = project(points_cam, COLOR_CAMERA)
            points[WRIST] = np.nan
            hand = label_hand(points, Side.LEFT, joints_cam=points_cam)
            if hand is not None:
                name = f'images/{sequence}/SK_color_{frame}.png'
                labels.append(ImageLabel(name, 480, 640, (hand,), camera=COLOR_CAMERA))
    return ImageBenchmark(TITLE, tuple(labels))
