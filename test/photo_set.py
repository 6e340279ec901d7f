"""A small data set of photos, each with one hand of dots, and backgrounds."""

import cv2
import numpy as np
from oracle import open_hand

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, write_labels
from hand_pose_ros.types import Side

PHOTOS = {
    'photos': ('photos',),
    'shares': (1.0,),
    'matte_groups': (),
    'held_out_groups': ('b',),
    'backgrounds': ('backgrounds',),
    'mistakes': (),
}
"""What a recipe must say to be trained on it."""


def write_photos(folder):
    """Writes three photos to train on, three held out, and six backgrounds."""
    rng = np.random.default_rng(0)
    labels = []
    (folder / 'backgrounds').mkdir()
    (folder / 'photos').mkdir()
    for index in range(6):
        picture = rng.integers(0, 255, (120, 160, 3), np.uint8)
        cv2.imwrite(str(folder / 'backgrounds' / f'{index}.png'), picture)
        points = open_hand((80, 60), 70)
        for x, y in points:
            cv2.circle(picture, (round(float(x)), round(float(y))), 5, (90, 120, 220), -1)
        cv2.imwrite(str(folder / 'photos' / f'{index}.png'), picture)
        hand = HandLabel(points, keypoint_box(points), Side.RIGHT)
        labels.append(ImageLabel(f'{index}.png', 120, 160, (hand,), 'ab'[index % 2]))
    write_labels(folder / 'photos', labels, 'test')
    return folder
