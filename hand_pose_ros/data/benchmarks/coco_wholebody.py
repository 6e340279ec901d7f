"""Hands of COCO-WholeBody (Jin et al., ECCV 2020): the validation pictures of COCO 2017.

Published layout: `annotations/coco_wholebody_val_v1.0.json`, whose persons have `lefthand_kpts`
and `righthand_kpts` (21 x [x, y, v]), `lefthand_box` (x, y, width, height) and `lefthand_valid`;
`val2017/*.jpg`. Hands too small or too blurred to label are in the pictures as well.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark, flagged, label_hand
from hand_pose_ros.data.benchmarks.layout import DAMAGED, read_json, require
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.types import Side

TITLE = 'COCO-WholeBody hands, val'
ANNOTATIONS = 'annotations/coco_wholebody_val_v1.0.json'


def read(folder: Path) -> ImageBenchmark:
    """Reads the validation set.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: The annotations are damaged.
    """
    path = require(folder, ANNOTATIONS, TITLE)
    require(folder, 'val2017', TITLE)
    document = read_json(path)
    hands: dict[int, list[HandLabel]] = {}
    try:
        for entry in document['annotations']:
            found = [] if entry.get('iscrowd') else [_hand(entry, s) for s in ('left', 'right')]
            hands.setdefault(entry['image_id'], []).extend(h for h in found if h is not None)
        labels = [
            ImageLabel(
                f'val2017/{image["file_name"]}',
                int(image['height']),
                int(image['width']),
                tuple(hands[image['id']]),
                complete=False,
            )
            for image in document['images']
            if hands.get(image['id'])
        ]
    except DAMAGED as error:
        raise ValueError(f'{path} is not the annotations of {TITLE}: {error!r}') from error
    return ImageBenchmark(TITLE, tuple(labels), "the data set's hand box")


def _hand(entry: dict[str, Any], side: str) -> HandLabel | None:
    if not entry[f'{side}hand_valid']:
        return None
    points = np.reshape(entry[f'{side}hand_kpts'], (21, 3)).astype(float)
    x, y, width, height = map(float, entry[f'{side}hand_box'])
    box = np.array([x, y, x + width, y + height])
    return label_hand(flagged(points), Side[side.upper()], box)
