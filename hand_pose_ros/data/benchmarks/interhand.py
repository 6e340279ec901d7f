"""InterHand2.6M (Moon et al., ECCV 2020), 2D: the test set, one or two hands a picture.

Published layout: `annotations/test/InterHand2.6M_test_data.json`, `..._camera.json` and
`..._joint_3d.json` (earlier releases have them in `annotations/all`), and `images/test/Capture0/
...`. Joints are 42 x 3 millimetres in the world: right hand, then left, tips first, wrist last.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark, label_hand
from hand_pose_ros.data.benchmarks.layout import DAMAGED, read_json, require
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.skeleton import INTERHAND_ORDER
from hand_pose_ros.types import Camera, Side

TITLE = 'InterHand2.6M test'
SIDES = ((Side.RIGHT, 0), (Side.LEFT, 21))
"""Side, and its first row of the labels."""


def read(folder: Path) -> ImageBenchmark:
    """Reads the test set.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: The annotations are damaged.
    """
    part = 'all' if (folder / 'annotations' / 'all').is_dir() else 'test'
    data, cameras, joints = (
        read_json(require(folder, f'annotations/{part}/InterHand2.6M_test_{name}.json', TITLE))
        for name in ('data', 'camera', 'joint_3d')
    )
    require(folder, 'images/test', TITLE)
    try:
        images = {image['id']: image for image in data['images']}
        labels = [
            _label(images[entry['image_id']], entry, cameras, joints)
            for entry in data['annotations']
        ]
    except DAMAGED as error:
        raise ValueError(f'{folder}: the annotations of {TITLE} are damaged: {error!r}') from error
    return ImageBenchmark(TITLE, tuple(label for label in labels if label.hands))


def _label(
    image: dict[str, Any], entry: dict[str, Any], cameras: dict[str, Any], joints: dict[str, Any]
) -> ImageLabel:
    capture = cameras[str(image['capture'])]
    position_mm, rotation, focal, centre = (
        np.array(capture[key][str(image['camera'])], float)
        for key in ('campos', 'camrot', 'focal', 'princpt')
    )
    height, width = int(image['height']), int(image['width'])
    camera = Camera(height, width, *focal, *centre)
    world = joints[str(image['capture'])][str(image['frame_idx'])]['world_coord']
    joints_cam = (np.reshape(world, (42, 3)) - position_mm) @ rotation.T * 1e-3
    valid = np.reshape(entry['joint_valid'], 42) > 0
    hands = tuple(
        hand
        for side, row in SIDES
        if (hand := _hand(side, joints_cam[row:], valid[row:], camera)) is not None
    )
    return ImageLabel(f'images/test/{image["file_name"]}', height, width, hands, camera=camera)


def _hand(
    side: Side, joints_cam: NDArray[np.float64], valid: NDArray[np.bool_], camera: Camera
) -> HandLabel | None:
    ours = joints_cam[list(INTERHAND_ORDER)]
    points = project(ours, camera)
    points[~valid[list(INTERHAND_ORDER)]] = np.nan
    return label_hand(points, side, joints_cam=ours)
