"""CMU hands with manual keypoints (Simon et al., CVPR 2017): 846 test pictures of MPII and NZSL.

Published layout: `hand_labels/manual_test/*.json` with `hand_pts` (21 x [x, y, labelled]) and
`is_left`, one hand each, and the `.jpg` of the same stem; other hands in the picture are not
labelled. The size of the head is not in these files: MMPose's `annotations/panoptic_test.json`
has it, and without it there is no PCKh.
"""

from pathlib import Path

import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import (
    ImageBenchmark,
    flagged,
    label_hand,
    picture_size,
    read_mmpose,
)
from hand_pose_ros.data.benchmarks.layout import DAMAGED, read_json, require, require_some
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.types import Side

TITLE = 'CMU hands, manual_test'
MMPOSE = 'annotations/panoptic_test.json'
PICTURES = 'hand_labels/manual_test'


def read(folder: Path) -> ImageBenchmark:
    """Reads the test set.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A file is damaged; the message names it.
    """
    if (folder / MMPOSE).exists():
        return read_mmpose(folder, MMPOSE, TITLE, complete=False)
    require(folder, PICTURES, TITLE)
    paths = require_some(folder, f'{PICTURES}/*.json', TITLE)
    labels = [label for label in map(_label, paths) if label.hands]
    return ImageBenchmark(TITLE, tuple(labels))


def _label(path: Path) -> ImageLabel:
    entry = read_json(path)
    try:
        points = np.reshape(entry['hand_pts'], (21, 3)).astype(float)
        side = Side.LEFT if entry['is_left'] else Side.RIGHT
    except DAMAGED as error:
        raise ValueError(f'{path} is not a label of {TITLE}: {error!r}') from error
    hand = label_hand(flagged(points), side)
    picture = path.with_suffix('.jpg')
    hands = () if hand is None else (hand,)
    name = f'{PICTURES}/{picture.name}'
    return ImageLabel(name, *picture_size(picture), hands, complete=False)
