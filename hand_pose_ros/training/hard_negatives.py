"""What a network takes for hands and is none: backgrounds from which its next round learns most.

Sung and Poggio 1998 call it bootstrapping: mistakes on pictures without hands become training
pictures. Random parts of backgrounds hardly ever show what a trained network still mistakes.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.photos import split_photos
from hand_pose_ros.data.pictures import load_backgrounds, read_rgb
from hand_pose_ros.evaluation.photos import FindHands
from hand_pose_ros.training.photo_material import PhotoRecipe
from hand_pose_ros.training.pseudo_labels import look_at
from hand_pose_ros.training.synth_recipes import folders_of

MARGIN = 1.6
"""Side of what is cut out, over that of the false hand's box: a background is cut further."""

MIN_SIDE_PX = 24
"""Smaller cut-outs show nothing."""


def training_pictures(
    recipe: PhotoRecipe, data: Path
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Reads the whole photographs that a recipe trains on.

    Args:
        recipe: Names the folders; what it holds out and what it cuts out is passed over, and so
            are pictures with unlabelled hands.
        data: Folder they are below.

    Yields:
        Pictures (H, W, 3) uint8, and the (M, 4) boxes of all hands in them.

    Raises:
        ValueError: A picture or a label file is not what it should be.
        OSError: A folder is missing.
    """
    no_boxes = np.zeros((0, 4), np.float32)
    for picture in load_backgrounds([data / name for name in recipe.backgrounds], held_out=False):
        yield picture, no_boxes
    for folder in (data / name for name in folders_of(recipe.photos)):
        for label in split_photos(folder, recipe.held_out_groups)[0]:
            is_whole = label.group not in recipe.matte_groups and not _is_cut_out(label)
            if is_whole and label.complete:
                yield read_rgb(folder / label.image), np.array([h.box_px for h in label.hands])


def false_hands(
    find_hands: FindHands, rgb: NDArray[np.uint8], hands_px: NDArray[np.float32]
) -> list[NDArray[np.uint8]]:
    """Cuts out what is found where no hand is, in a picture and in its quarters.

    Args:
        find_hands: A pipeline that does not track.
        rgb: (H, W, 3) uint8.
        hands_px: (M, 4) boxes (x0, y0, x1, y1) of all hands in it, pixels.

    Returns:
        (h, w, 3) uint8 parts of the picture that show no part of a hand.
    """
    found = []
    for window_px in _windows(rgb.shape[:2]):
        for hand in look_at(find_hands, rgb, window_px):
            part_px = _part(hand.box_px, rgb.shape[:2])
            x0, y0, x1, y1 = part_px
            if min(x1 - x0, y1 - y0) >= MIN_SIDE_PX and not _touches(part_px, hands_px):
                found.append(rgb[y0:y1, x0:x1])
    return found


def _is_cut_out(label: ImageLabel) -> bool:
    """Tells rendered cut-outs, whose surroundings are black, from photographs."""
    return label.camera is not None and label.depth is None


def _windows(image_hw: tuple[int, ...]) -> list[NDArray[np.intp]]:
    height, width = image_hw
    quarters = product((0, width // 2), (0, height // 2))
    corners = [(x, y, x + width // 2, y + height // 2) for x, y in quarters]
    return [np.array(corner) for corner in ((0, 0, width, height), *corners)]


def _part(box_px: NDArray[np.float32], image_hw: tuple[int, ...]) -> tuple[int, int, int, int]:
    middle, half = (box_px[:2] + box_px[2:]) / 2, MARGIN * (box_px[2:] - box_px[:2]) / 2
    x0, y0 = np.maximum(np.floor(middle - half), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(middle + half), image_hw[::-1]).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _touches(part_px: Sequence[int], hands_px: NDArray[np.float32]) -> bool:
    x0, y0, x1, y1 = part_px
    low, high = hands_px[:, :2], hands_px[:, 2:]
    return bool(((low < (x1, y1)) & (high > (x0, y0))).all(axis=1).any())
