"""OneHand10K (Wang et al., TCSVT 2019): 1,703 test pictures, one hand each.

Published layout: `Test/label_joint.txt`, a line `name,width,height,hands,x0,y0,...,x20,y20` per
picture (-1 where a keypoint is not visible), `Test/source/NAME` and `Test/mask/STEM.png`. With
MMPose's `annotations/onehand10k_test.json` beside, its boxes are taken; they are the normaliser of
its PCK.
"""

from pathlib import Path

import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import (
    ImageBenchmark,
    label_hand,
    mask_box,
    read_mask,
    read_mmpose,
)
from hand_pose_ros.data.benchmarks.layout import numbers, require, text_lines
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.types import Side

TITLE = 'OneHand10K test'
MMPOSE = 'annotations/onehand10k_test.json'


def read(folder: Path) -> ImageBenchmark:
    """Reads the test set.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A line is damaged; the message has its number.
    """
    if (folder / MMPOSE).exists():
        return read_mmpose(folder, MMPOSE, TITLE, complete=True)
    labels, without_mask = [], 0
    path = require(folder, 'Test/label_joint.txt', TITLE)
    require(folder, 'Test/source', TITLE)
    require(folder, 'Test/mask', TITLE)
    for line, text in text_lines(path):
        name, *words = text.rstrip(',').split(',')
        values = numbers(path, line, words, 45)
        points = values[3:].reshape(21, 2)
        size = int(values[1]), int(values[0])
        mask = read_mask(folder / 'Test' / 'mask' / f'{Path(name).stem}.png', size)
        # JPEG has left grey in the masks.
        box = None if mask is None else mask_box(mask > 127)
        hand = None
        if box is not None:
            visible = points.min(axis=1, keepdims=True) >= 0
            hand = label_hand(np.where(visible, points, np.nan), Side.UNKNOWN, box)
        without_mask += box is None
        if hand is not None:
            labels.append(ImageLabel(f'Test/source/{name}', *size, (hand,)))
    problems = (f'{without_mask} pictures left out: they have no mask of their size',)
    box_name = 'the tight box of the hand mask'
    return ImageBenchmark(TITLE, tuple(labels), box_name, {}, problems if without_mask else ())
