"""Scores of a pipeline on labelled pictures, and on pictures without hands.

Every labelled keypoint that lies inside its picture counts, hidden ones too: a robot needs them,
and rendered labels know all 21. The papers' data sets leave hidden keypoints unlabelled; what
compares with those is the PCK of `PhotoScores.visible_errors`. A hand of which the camera sees
hardly anything (`data.pictures.is_seen`) is neither missed nor false.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, read_labels
from hand_pose_ros.data.pictures import is_seen, read_rgb, readable
from hand_pose_ros.evaluation.detection import FoundBoxes, found_boxes
from hand_pose_ros.evaluation.metrics import match_hands, normalised_errors
from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Frame, Hand, Side

FindHands = Callable[[Frame], tuple[Hand, ...]]
Photos = Sequence[tuple[Path, ImageLabel]]
"""Path and label of each picture."""

SMALL_FRAME_HW = (480, 640)
SMALL_HAND_SHARE = (0.10, 0.25)
"""Of the longer side of a hand's box (keypoints and margin) in the longer side of the frame."""


@dataclass(frozen=True)
class PhotoScores:
    """What was found on labelled pictures.

    Attributes:
        images: Number of pictures.
        errors: (hands, 21) distance over the longer side of the labelled keypoints' box; NaN
            where unlabelled or outside of the picture, infinite where not found.
        hidden: (hands, 21) bool, the label says that the camera does not see the joint.
        found: (hands,) bool, some hand was found there.
        side_known: (hands,) bool, the hand was found and both its sides are known.
        side_right: (hands,) bool, the side is that of the label.
        false_hands: Hands found where none is labelled, on pictures whose hands are all labelled.
        boxes: Found and labelled boxes of each picture whose hands are all labelled.
    """

    images: int
    errors: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    found: NDArray[np.bool_]
    side_known: NDArray[np.bool_]
    side_right: NDArray[np.bool_]
    false_hands: int
    boxes: tuple[FoundBoxes, ...]

    @property
    def visible_errors(self) -> NDArray[np.float64]:
        """(hands, 21) like `errors`, NaN for hidden joints as well."""
        return np.where(self.hidden, np.nan, self.errors)


def single_pictures(config: PipelineConfig, cycle: str) -> PipelineConfig:
    """Returns settings for photographs that have nothing to do with each other.

    They have no depth either, so no depth network is loaded.
    """
    return replace(
        config,
        model=replace(config.model, depth=''),
        detector=replace(config.detector, cycle=cycle),
        tracking=replace(config.tracking, enabled=False),
    )


def read_photo(photo: tuple[Path, ImageLabel]) -> NDArray[np.uint8]:
    """Reads a labelled picture as (H, W, 3) uint8 R, G, B.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a picture, or has another size than its label.
    """
    path, label = photo
    rgb = read_rgb(path)
    check_shape(str(path), rgb, (label.height, label.width, 3))
    return rgb


def labelled_photos(folder: Path) -> Photos:
    """Returns path and label of each picture of a data set, of which there is one at least.

    Raises:
        ValueError: It has none, or its labels are not in our format.
        FileNotFoundError: The folder has no labels.
    """
    photos = [(folder / label.image, label) for label in read_labels(folder)]
    if not photos:
        raise ValueError(f'{folder / "labels.json"} labels no picture')
    return photos


def score_photos(find_hands: FindHands, photos: Iterable[tuple[Path, ImageLabel]]) -> PhotoScores:
    """Compares found with labelled hands.

    Args:
        find_hands: A pipeline that does not track.
        photos: Path and label of each picture, one at least.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file is not a picture.
    """
    return merge([score_picture(find_hands, read_rgb(path), label) for path, label in photos])


def score_picture(find_hands: FindHands, rgb: NDArray[np.uint8], label: ImageLabel) -> PhotoScores:
    """Compares found with labelled hands.

    Args:
        find_hands: A pipeline that does not track.
        rgb: (H, W, 3) uint8.
        label: Its label.
    """
    hands = find_hands(Frame(rgb, 0.0))
    points = np.array([hand.keypoints_px for hand in label.hands], np.float32)
    points = points.reshape(-1, NUM_KEYPOINTS, 2)
    points[~inside_image(points, rgb.shape[:2])] = np.nan
    matches = match_hands(hands, list(points))
    counted = np.array([is_seen(hand) for hand in label.hands], bool)
    ignored = [id(match) for match, counts in zip(matches, counted, strict=True) if not counts]
    hands = tuple(hand for hand in hands if id(hand) not in ignored)
    rows = [_row(hand, match) for hand, match in zip(label.hands, matches, strict=True)]
    found, known, right = np.array(rows, bool).reshape(-1, 3)[counted].T
    hidden = [np.zeros(NUM_KEYPOINTS) if h.visible is None else ~h.visible for h in label.hands]
    return PhotoScores(
        images=1,
        errors=normalised_errors(matches, list(points))[counted],
        hidden=np.array(hidden, bool).reshape(-1, NUM_KEYPOINTS)[counted],
        found=found,
        side_known=known,
        side_right=right,
        false_hands=len(hands) - int(found.sum()) if label.complete else 0,
        boxes=(found_boxes(hands, points[counted], rgb.shape[:2]),) if label.complete else (),
    )


def merge(parts: Sequence[PhotoScores]) -> PhotoScores:
    """Puts the scores of some sets of pictures together.

    Args:
        parts: One at least.

    Raises:
        ValueError: There are none.
    """
    if not parts:
        raise ValueError('there is no picture to score')
    return PhotoScores(
        images=sum(part.images for part in parts),
        errors=np.concatenate([part.errors for part in parts]),
        hidden=np.concatenate([part.hidden for part in parts]),
        found=np.concatenate([part.found for part in parts]),
        side_known=np.concatenate([part.side_known for part in parts]),
        side_right=np.concatenate([part.side_right for part in parts]),
        false_hands=sum(part.false_hands for part in parts),
        boxes=tuple(box for part in parts for box in part.boxes),
    )


def count_false_hands(find_hands: FindHands, pictures: Iterable[NDArray[np.uint8]]) -> list[int]:
    """Returns how many hands are found on each picture that shows none."""
    return [len(find_hands(Frame(rgb, 0.0))) for rgb in pictures]


def small_hands(
    photos: Iterable[tuple[Path, ImageLabel]],
    backgrounds: Sequence[NDArray[np.uint8]],
    problems: list[str],
) -> Iterator[tuple[NDArray[np.uint8], ImageLabel]]:
    """Makes pictures of small hands, always the same ones: photos shrunk, and pasted as they are.

    They stand in for the set SMH of SRHandNet (section IV-A), which is not available.

    Args:
        photos: Path and label of each photo.
        backgrounds: (H, W, 3) uint8 pictures without hands.
        problems: Gets a sentence for each photo that cannot be read; the others stay as they are.

    Yields:
        Pictures of SMALL_FRAME_HW and their labels.

    Raises:
        ValueError: No photo can be read.
    """
    numbered = enumerate(photos)
    for (index, (_, label)), rgb in readable(numbered, lambda each: read_photo(each[1]), problems):
        rng = np.random.default_rng(index)
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        yield paste_small(rng, rgb, label, background)


def paste_small(
    rng: Generator, rgb: NDArray[np.uint8], label: ImageLabel, background: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], ImageLabel]:
    """Shrinks a photo until its largest hand is small, and pastes it on a background.

    Args:
        rng: Draws the share of the hand within SMALL_HAND_SHARE, and the place. A photo that would
            grow keeps its size, or the size that fits the frame.
        rgb: (H, W, 3) uint8.
        label: Its label, of one hand in the picture at least.
        background: (H, W, 3) uint8; its middle fills the frame.

    Returns:
        The picture of SMALL_FRAME_HW, and its label.
    """
    points = np.array([hand.keypoints_px for hand in label.hands])
    # Beyond the border of the photo there is now a background.
    points[~inside_image(points, rgb.shape[:2])] = np.nan
    shown = np.isfinite(points).any(axis=(1, 2))
    points, labelled = points[shown], [label.hands[i] for i in np.flatnonzero(shown)]
    boxes = np.array([keypoint_box(hand_px) for hand_px in points])
    largest_px = (boxes[:, 2:] - boxes[:, :2]).max()
    frame_wh, photo_wh = np.array(SMALL_FRAME_HW[::-1]), np.array(rgb.shape[1::-1])
    ratio = rng.uniform(*SMALL_HAND_SHARE) * frame_wh.max() / largest_px
    size_wh = np.rint(photo_wh * min(ratio, *(frame_wh / photo_wh), 1)).astype(int)
    scale = size_wh / photo_wh
    x, y = rng.integers(0, frame_wh - size_wh, endpoint=True)
    frame = _covering(background)
    small = cv2.resize(rgb, size_wh.tolist(), interpolation=cv2.INTER_AREA)
    frame[y : y + size_wh[1], x : x + size_wh[0]] = small

    points = ((points + 0.5) * scale - 0.5 + (x, y)).astype(np.float32)
    boxes = ((boxes.reshape(-1, 2, 2) + 0.5) * scale - 0.5 + (x, y)).reshape(-1, 4)
    hands = tuple(
        replace(hand, keypoints_px=hand_px, box_px=box.astype(np.float32), joints_cam=None)
        for hand, hand_px, box in zip(labelled, points, boxes, strict=True)
    )
    height, width = SMALL_FRAME_HW
    return frame, ImageLabel(label.image, height, width, hands, label.group, label.complete)


def _covering(background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the middle of a picture, scaled to SMALL_FRAME_HW."""
    height, width = SMALL_FRAME_HW
    ratio = max(height / background.shape[0], width / background.shape[1])
    # Never a pixel short by rounding.
    size_wh = [int(np.ceil(side * ratio)) for side in background.shape[1::-1]]
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    scaled: NDArray[np.uint8] = cv2.resize(background, size_wh, interpolation=method)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return scaled[top : top + height, left : left + width].copy()


def _row(label: HandLabel, match: Hand | None) -> tuple[bool, bool, bool]:
    if match is None:
        return False, False, False
    known = Side.UNKNOWN not in (label.side, match.side)
    return True, known, known and match.side == label.side
