"""NYU hand pose (Tompson et al., TOG 2014): 8,252 test frames of a frontal Kinect, two persons.

Published layout: `test/joint_data.mat` with `joint_uvd` (camera, frame, 36 joints, 3), and
`test/depth_1_0000001.png` for camera 1, whose green and blue channels are the high and the low
byte of the depth in millimetres.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.benchmarks.joint_files import DepthBenchmark, DepthLabels
from hand_pose_ros.data.benchmarks.layout import read_matlab, require
from hand_pose_ros.data.pictures import read_picture
from hand_pose_ros.skeleton import FINGERS, PALM, WRIST
from hand_pose_ros.types import Camera

EVALUATED = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)
"""Of the 36 joints, those that the field evaluates."""

# The data set's y points up. Its sign changes no distance; ours points down, like the pixels.
BENCHMARK = DepthBenchmark(
    title='NYU',
    frames=8252,
    joint_names=(
        *('little tip', 'little middle', 'ring tip', 'ring middle', 'middle tip', 'middle middle'),
        *('index tip', 'index middle', 'thumb tip', 'thumb middle', 'thumb root'),
        *('wrist 1', 'wrist 2', 'palm'),
    ),
    bones=(
        *((0, 1), (1, 13), (2, 3), (3, 13), (4, 5), (5, 13), (6, 7), (7, 13)),
        *((8, 9), (9, 10), (10, 13), (11, 13), (12, 13)),
    ),
    prior_joint=13,
    camera=Camera(480, 640, 588.03, 587.07, 320.0, 240.0),
    # It has two points on the wrist, one on either side, and a thumb's root inside the palm.
    keypoints=(
        *((joint,) for finger in FINGERS[:0:-1] for joint in (finger[3], finger[1])),
        *((joint,) for joint in FINGERS[0][:0:-1]),
        *((WRIST,), (WRIST,), PALM),
    ),
)


def read(folder: Path) -> DepthLabels:
    """Reads the labels of the test set.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: The labels are damaged, or SciPy is not installed.
    """
    joints = read_matlab(require(folder, 'test/joint_data.mat', 'NYU'), 'joint_uvd')
    if joints.ndim != 4 or joints.shape[2:] != (36, 3):
        raise ValueError(
            f'{folder}/test/joint_data.mat: joint_uvd must be (cameras, frames, 36, 3), '
            f'got {joints.shape}'
        )
    pictures = tuple(f'test/depth_1_{frame:07d}.png' for frame in range(1, joints.shape[1] + 1))
    return DepthLabels(pictures, joints[0][:, EVALUATED].astype(np.float64))


def read_depth_m(path: Path) -> NDArray[np.float32]:
    """Reads a depth picture.

    Returns:
        (H, W) float32 metres; NaN where not measured.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a picture.
    """
    bgr = read_picture(path, cv2.IMREAD_COLOR)
    depth_mm = bgr[..., 1].astype(np.float32) * 256 + bgr[..., 0]
    return np.where(depth_mm > 0, depth_mm * np.float32(0.001), np.float32(np.nan))
