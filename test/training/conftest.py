"""A training run's material in small."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from oracle import open_hand

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, write_labels
from hand_pose_ros.types import Side

MODELS = Path(__file__).parents[2] / 'config' / 'models'


@pytest.fixture
def data(tmp_path):
    """Three photos to train on, three held out, and backgrounds, in a folder."""
    rng = np.random.default_rng(0)
    labels = []
    (tmp_path / 'backgrounds').mkdir()
    (tmp_path / 'photos').mkdir()
    for index in range(6):
        picture = rng.integers(0, 255, (120, 160, 3), np.uint8)
        cv2.imwrite(str(tmp_path / 'backgrounds' / f'{index}.png'), picture)
        points = open_hand((80, 60), 70)
        for x, y in points:
            cv2.circle(picture, (round(float(x)), round(float(y))), 5, (90, 120, 220), -1)
        cv2.imwrite(str(tmp_path / 'photos' / f'{index}.png'), picture)
        hand = HandLabel(points, keypoint_box(points), Side.RIGHT)
        labels.append(ImageLabel(f'{index}.png', 120, 160, (hand,), 'ab'[index % 2]))
    write_labels(tmp_path / 'photos', labels, 'test')
    return tmp_path


@pytest.fixture
def recipe_path(tmp_path):
    """A recipe for `data`, in a file."""
    recipe = yaml.safe_load((MODELS / 'srhandnet_nano.yaml').read_text())
    recipe |= {'photos': ['photos'], 'shares': [1.0], 'matte_groups': []}
    recipe |= {'held_out_groups': ['b'], 'backgrounds': ['backgrounds'], 'mistakes': []}
    path = tmp_path / 'small.yaml'
    path.write_text(yaml.safe_dump(recipe))
    return path
