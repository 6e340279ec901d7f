"""LSMV, large-scale multiview hand pose (Gomez-Donoso et al., IVC 2019): one right hand.

Published layout: `annotated_frames/data_1/0_webcam_1.jpg` (640 x 480), `projections_2d/data_1/
0_jointsCam_1.txt` (lines `NAME x y`, written by the data set's own generate2Dpoints.py) and
`bounding_boxes/data_1/0_bbox_1.txt` (lines `TOP`, `LEFT`, `BOTTOM`, `RIGHT` with a number). It has
no wrist. The 12,760 test pictures of skeleton-aware multi-scale heatmaps are not published: all
pictures are read.
"""

from pathlib import Path

import numpy as np

from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark, label_hand
from hand_pose_ros.data.benchmarks.layout import numbers, require, require_some, text_lines
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.skeleton import LSMV_NAMES, NUM_KEYPOINTS
from hand_pose_ros.types import Side

TITLE = 'LSMV'


def read(folder: Path) -> ImageBenchmark:
    """Reads all pictures that have labels.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: A line is damaged; the message has its number.
    """
    require(folder, 'annotated_frames', TITLE)
    points_folder = require(folder, 'projections_2d', TITLE)
    boxes_folder = require(folder, 'bounding_boxes', TITLE)
    labels, unlabelled = [], 0
    for picture in require_some(folder, 'annotated_frames/data_*/*_webcam_*.jpg', TITLE):
        frame, camera = picture.stem.split('_webcam_')
        points = points_folder / picture.parent.name / f'{frame}_jointsCam_{camera}.txt'
        box = boxes_folder / picture.parent.name / f'{frame}_bbox_{camera}.txt'
        hand = _hand(points, box) if points.exists() and box.exists() else None
        if hand is None:
            unlabelled += 1
        else:
            name = picture.relative_to(folder).as_posix()
            labels.append(ImageLabel(name, 480, 640, (hand,), picture.parent.name))
    problems = (f'{unlabelled} pictures without labels left out',) if unlabelled else ()
    return ImageBenchmark(TITLE, tuple(labels), "the data set's box", {}, problems)


def _hand(points_path: Path, box_path: Path) -> HandLabel | None:
    points = np.full((NUM_KEYPOINTS, 2), np.nan)
    for line, text in text_lines(points_path):
        name, *words = text.split()
        if name in LSMV_NAMES:
            # The wrist comes first with us.
            points[1 + LSMV_NAMES.index(name)] = numbers(points_path, line, words, 2)
    sides = [
        numbers(box_path, line, text.split()[-1:], 1)[0] for line, text in text_lines(box_path)
    ]
    if len(sides) != 4:
        raise ValueError(f'{box_path} has {len(sides)} lines: expected TOP, LEFT, BOTTOM, RIGHT')
    top, left, bottom, right = sides
    return label_hand(points, Side.RIGHT, np.array([left, top, right, bottom]))
