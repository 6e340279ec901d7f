"""A runtime that answers with perfect maps, so that what surrounds the network can be tested.

The picture is a ramp: its red and green say where each pixel was in the full picture. From any
crop of it the oracle reads where the crop lies, and draws the maps of the hands it knows.
"""

import numpy as np

from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.geometry.crop import FILL
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, ModelSpec
from hand_pose_ros.types import MIRRORED, Side

SPEC = ModelSpec('srhandnet', 'nano', 256, 128, 256, 4)
HEIGHT, WIDTH = 480, 640


def ramp():
    """A (480, 640, 3) picture whose red is x / 2.56 and whose green is y / 2.56, blue 0."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack((x / 2.56, y / 2.56, np.zeros_like(x)), axis=2).round().astype(np.uint8)


def open_hand(centre, size):
    """21 keypoints of an open hand, fingers up, (21, 2) float32; `size` is its height."""
    points = [(0.0, 0.5)]
    points += [(-0.13 - 0.08 * joint, 0.38 - 0.1 * joint) for joint in range(4)]
    for x in (-0.15, -0.05, 0.06, 0.16):
        points += [(x * (1 + 0.2 * joint), 0.05 - 0.18 * joint) for joint in range(4)]
    return (np.array(points) * size + np.array(centre)).astype(np.float32)


def place_of(image):
    """Returns the (2, 3) affine map from pixels of a part of the ramp picture to its own."""
    rows, columns = np.nonzero(image[..., 2] != FILL)
    pixels = np.stack((columns, rows, np.ones_like(rows)), axis=1)
    return np.linalg.lstsq(pixels, image[rows, columns, :2] * 2.56, rcond=None)[0].T


def is_mirrored(image):
    """Tells whether a part of the ramp picture is mirrored, turned or not."""
    return np.linalg.det(place_of(image)[:, :2]) < 0


class OracleRuntime:
    """Knows the hands of the ramp picture.

    Attributes:
        hands: Keypoints (21, 2) of each hand, pixels of the ramp picture.
        sides: Side of each hand.
        batches: Shape of every input seen, for tests that count passes.
    """

    spec = SPEC
    description = 'oracle'

    def __init__(self, hands, sides=None):
        self.hands = list(hands)
        self.sides = sides or [Side.RIGHT] * len(self.hands)
        self.batches = []

    def run(self, inputs):
        images = inputs[INPUT_NAME]
        self.batches.append(images.shape)
        return {OUTPUT_NAME: np.stack([self._maps(image) for image in images])}

    def _maps(self, image):
        size = image.shape[0]
        hands = [self._to_network(image, hand) for hand in self.hands]
        hands = np.array(hands, np.float32).reshape(-1, 21, 2)
        outside = ((hands < -0.5) | (hands > size - 0.5)).any(axis=2)
        hands[outside] = np.nan
        kept = (~outside).sum(axis=1) >= 6
        sides = [MIRRORED[side] for side in self.sides] if is_mirrored(image) else self.sides
        hands, sides = hands[kept], np.array(sides)[kept]
        map_hw = (size // 4, size // 4)
        keypoints = heatmap.encode(hands, map_hw, 4, 2.5)
        boxes = np.reshape([region_map.keypoint_box(hand) for hand in hands], (-1, 4))
        values = np.array([region_map.SIDE_VALUES[Side(side)] for side in sides])
        regions = region_map.encode(boxes, values, map_hw, 4, 2.5, SPEC.reference_px)
        return np.concatenate((keypoints, heatmap.background(keypoints)[None], regions))

    def _to_network(self, image, points):
        place = place_of(image)
        return np.linalg.solve(place[:, :2], (points - place[:, 2]).T).T
