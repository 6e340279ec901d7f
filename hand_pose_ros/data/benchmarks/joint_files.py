"""Joints of depth data sets as text: how labels and predictions are published and exchanged.

One line per test frame, in the data set's order; J x (u, v, d) separated by blanks, u and v in
pixels of the depth picture, d in millimetres along z (github.com/xinghaochen/
awesome-hand-pose-estimation has such files of some twenty methods).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.benchmarks.layout import numbers, text_lines
from hand_pose_ros.geometry.camera import unproject
from hand_pose_ros.types import Camera


@dataclass(frozen=True)
class DepthBenchmark:
    """What the protocol of a depth data set fixes.

    Attributes:
        title: What the data set calls itself.
        frames: Number of test frames.
        joint_names: Names of the joints evaluated, in the order of the files.
        bones: Pairs of their indices, to draw them.
        prior_joint: Index of the joint whose label many methods centre their crop on; what they
            say of it is then known beforehand.
        camera: Intrinsics of the depth camera.
        keypoints: Per joint those of our 21 keypoints whose mean comes nearest to it.
    """

    title: str
    frames: int
    joint_names: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    prior_joint: int
    camera: Camera
    keypoints: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class DepthLabels:
    """The test set of a depth data set.

    Attributes:
        pictures: Depth picture of each frame, below the data set's folder.
        joints_uvd: (F, J, 3) pixel x, pixel y, millimetres.
    """

    pictures: tuple[str, ...]
    joints_uvd: NDArray[np.float64]


def read_joint_file(path: Path, joints: int) -> NDArray[np.float64]:
    """Reads labels or predictions.

    Args:
        path: Text file, or the same packed as `.gz`.
        joints: Number of joints on each line.

    Returns:
        (F, joints, 3) pixel x, pixel y, millimetres.

    Raises:
        ValueError: A line has another number of numbers; the message has its number.
        OSError: The file cannot be read.
    """
    rows = [numbers(path, line, text.split(), 3 * joints) for line, text in text_lines(path)]
    if not rows:
        raise ValueError(f'{path} has no joints: expected {3 * joints} numbers a line')
    return np.array(rows).reshape(-1, joints, 3)


def joints_mm(joints_uvd: NDArray[np.floating], camera: Camera) -> NDArray[np.float64]:
    """Takes joints from the picture into the depth camera's optical frame.

    Args:
        joints_uvd: (F, J, 3) pixel x, pixel y, millimetres.
        camera: Intrinsics of the depth camera.

    Returns:
        (F, J, 3) millimetres: x right, y down, z forward.
    """
    flat = joints_uvd.reshape(-1, 3)
    return unproject(flat[:, :2], flat[:, 2], camera).reshape(joints_uvd.shape)
