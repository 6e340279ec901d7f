"""FreiHAND (Zimmermann et al., ICCV 2019): 3,960 evaluation pictures of 224 x 224, one right hand.

Published layout: `evaluation/rgb/00000000.jpg`, `evaluation_xyz.json` (21 x (x, y, z) metres in
the optical frame per picture) and `evaluation_K.json` (camera matrices). MMPose splits the
training pictures instead; with its `annotations/freihand_test.json` beside, that split is read.
"""

from pathlib import Path

import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import (
    ImageBenchmark,
    label_hand,
    read_mmpose,
)
from hand_pose_ros.data.benchmarks.layout import DAMAGED, read_json, require
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.types import Camera, Side

TITLE = 'FreiHAND evaluation'
MMPOSE = 'annotations/freihand_test.json'
SIZE_PX = 224


def read(folder: Path) -> ImageBenchmark:
    """Reads the evaluation set, or MMPose's split where its annotations are.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A file is damaged.
    """
    if (folder / MMPOSE).exists():
        return read_mmpose(folder, MMPOSE, "FreiHAND, MMPose's test split", complete=True)
    require(folder, 'evaluation/rgb', TITLE)
    xyz_path = require(folder, 'evaluation_xyz.json', TITLE)
    camera_path = require(folder, 'evaluation_K.json', TITLE)
    joints, matrices = read_json(xyz_path), read_json(camera_path)
    try:
        joints_cam = np.array(joints, float).reshape(-1, 21, 3)
        cameras = np.array(matrices, float).reshape(-1, 3, 3)
    except DAMAGED as error:
        raise ValueError(f'{folder}: evaluation_xyz or _K.json holds something else') from error
    if len(joints_cam) != len(cameras):
        raise ValueError(
            f'{xyz_path} has {len(joints_cam)} pictures, {camera_path} has {len(cameras)}'
        )
    labels = []
    for index, (points_cam, k) in enumerate(zip(joints_cam, cameras, strict=True)):
        camera = Camera(SIZE_PX, SIZE_PX, k[0, 0], k[1, 1], k[0, 2], k[1, 2])
        hand = label_hand(project(points_cam, camera), Side.RIGHT, joints_cam=points_cam)
        if hand is not None:
            name = f'evaluation/rgb/{index:08d}.jpg'
            labels.append(ImageLabel(name, SIZE_PX, SIZE_PX, (hand,), camera=camera))
    return ImageBenchmark(TITLE, tuple(labels))
