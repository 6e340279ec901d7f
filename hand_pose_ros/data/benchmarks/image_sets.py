"""What the loaders of image data sets give: our labels, and what they had to leave out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.benchmarks.layout import DAMAGED, read_json, require
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import read_picture
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Side

IDENTITY = tuple(range(NUM_KEYPOINTS))


SIDES = {'left': Side.LEFT, 'right': Side.RIGHT}
"""Of the word `hand_type`; hands that interact, say, are of neither."""


@dataclass(frozen=True)
class ImageBenchmark:
    """The test set of an image data set.

    Attributes:
        title: Name of the data set and of its part.
        labels: One label per picture. Where the data set has no boxes, a hand's is the tight box
            of its labelled keypoints.
        box: What the hands' boxes are; empty where the data set has none.
        head_sizes_px: Size of the person's head by picture, where the data set tells it.
        problems: One sentence for each kind of thing that was left out.
    """

    title: str
    labels: tuple[ImageLabel, ...]
    box: str = ''
    head_sizes_px: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def label_hand(
    keypoints_px: NDArray[np.floating],
    side: Side,
    box_px: NDArray[np.floating] | None = None,
    joints_cam: NDArray[np.floating] | None = None,
) -> HandLabel | None:
    """Makes a label of a hand.

    Args:
        keypoints_px: (21, 2) in our order; NaN where unlabelled. What is not a number in x or y,
            or too large for a float32, counts as unlabelled.
        side: Left or right hand of the person.
        box_px: (4,) x0, y0, x1, y1; None takes the tight box of the labelled keypoints.
        joints_cam: (21, 3) metres in the optical frame, if known.

    Returns:
        The label; None with fewer than two labelled keypoints, which have no size.

    Raises:
        ValueError: The box is not finite.
    """
    if box_px is not None and not np.isfinite(box_px).all():
        raise ValueError(f'a hand has the box {np.asarray(box_px).tolist()}')
    with np.errstate(over='ignore'):
        points = keypoints_px.astype(np.float32)
        joints = None if joints_cam is None else np.asarray(joints_cam, np.float32)
    seen = np.isfinite(points).all(axis=1)
    if np.count_nonzero(seen) < 2:
        return None
    points[~seen] = np.nan
    box = keypoint_box(points, 1.0) if box_px is None else np.asarray(box_px, np.float32)
    return HandLabel(points, box, side, joints_cam=joints)


def flagged(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns (21, 2) keypoints of (21, 3) rows [x, y, v]; NaN where v is 0."""
    return np.where(points[:, 2:] > 0, points[:, :2], np.nan)


def mask_box(mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Returns the tight box (x0, y0, x1, y1) around the pixels of a mask; None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)


def picture_size(path: Path) -> tuple[int, int]:
    """Returns height and width of a picture, and (0, 0) if it cannot be read."""
    try:
        height, width = read_picture(path, cv2.IMREAD_COLOR).shape[:2]
    except (OSError, ValueError):
        return 0, 0
    return height, width


def read_mask(path: Path, image_hw: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Reads a mask as (H, W) uint8; None if it cannot be read or is not as large as its picture.

    Args:
        path: The mask.
        image_hw: Size of the picture.
    """
    try:
        mask: NDArray[np.uint8] = read_picture(path, cv2.IMREAD_GRAYSCALE)
    except (OSError, ValueError):
        return None
    return mask if mask.shape == image_hw else None


def read_mmpose(
    folder: Path, name: str, title: str, complete: bool, order: tuple[int, ...] = IDENTITY
) -> ImageBenchmark:
    """Reads annotations that MMPose publishes for a data set: its split, its boxes.

    The format is COCO's: `images` with `id`, `file_name`, `width`, `height`, and `annotations`
    with `image_id`, `bbox` (x, y, width, height), `keypoints` (21 x [x, y, v]), for RHD also
    `hand_type` and for the CMU hands `head_size`.

    Args:
        folder: Folder of the data set, below which are the pictures.
        name: Path of the annotations below it.
        title: Name of the data set and of its part.
        complete: Every hand in the pictures is labelled.
        order: Index in the file of each of our keypoints.

    Returns:
        The test set.

    Raises:
        FileNotFoundError: There are no such annotations.
        ValueError: They are not in this format.
    """
    path = require(folder, name, title)
    document = read_json(path)
    hands: dict[int, list[HandLabel]] = {}
    heads: dict[int, float] = {}
    try:
        for entry in document['annotations']:
            points = np.reshape(entry['keypoints'], (NUM_KEYPOINTS, 3)).astype(float)[list(order)]
            x, y, width, height = map(float, entry['bbox'])
            box = np.array([x, y, x + width, y + height])
            side = SIDES.get(entry.get('hand_type'), Side.UNKNOWN)
            hand = label_hand(flagged(points), side, box)
            if hand is not None:
                hands.setdefault(entry['image_id'], []).append(hand)
            if 'head_size' in entry:
                heads[entry['image_id']] = float(entry['head_size'])
        labels = tuple(
            ImageLabel(
                image['file_name'],
                int(image['height']),
                int(image['width']),
                tuple(hands[image['id']]),
                complete=complete,
            )
            for image in document['images']
            if image['id'] in hands
        )
        names = {image['id']: image['file_name'] for image in document['images']}
    except DAMAGED as error:
        raise ValueError(f'{path} is not in the format of MMPose: {error!r}') from error
    head_sizes = {names[number]: size for number, size in heads.items() if number in names}
    return ImageBenchmark(title, labels, "the bbox of MMPose's annotations", head_sizes)
