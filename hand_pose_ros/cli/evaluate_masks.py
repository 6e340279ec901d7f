"""`hand-pose evaluate onehand10k_masks FOLDER`, or `masks`: how well hands are cut out.

OneHand10K as in the paper: the best hand of each picture. Sets of ours: every hand that can be
seen, with the found one whose keypoints are nearest.
"""

import argparse
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.cli.inputs import tell_left_out
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.codecs.mask import MASK_THRESHOLD, to_image
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.benchmarks.sets import read_image_set, spread
from hand_pose_ros.data.labels import ImageLabel, read_labels
from hand_pose_ros.data.pictures import is_seen, read_picture, readable
from hand_pose_ros.evaluation.detection import mask_average_precision, mask_iou
from hand_pose_ros.evaluation.metrics import match_hands
from hand_pose_ros.evaluation.photos import read_photo, single_pictures
from hand_pose_ros.evaluation.published_keypoints import MASK_POSE, PUBLISHED
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.types import Frame, Hand

Masked = tuple[Path, ImageLabel, Path]
"""A picture, its label and its mask."""

IOU_PERCENT = (50, 75, 80)
"""Of the paper's table 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument('folder', type=Path, help='folder of the data set')
    parser.add_argument(
        '--pictures', type=int, help='only so many, spread evenly: not the published protocol'
    )
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the average precision of masks."""
    published = args.protocol == 'onehand10k_masks'
    masks = _onehand10k_masks(args.folder) if published else _own_masks(args.folder)
    masks = spread(masks, args.pictures)
    config = with_values(PipelineConfig(), pipeline_settings(args))
    if not config.model.estimator.startswith('mask_pose'):
        raise ValueError(
            f'only the estimator mask_pose tells masks, model.estimator is '
            f'{config.model.estimator}: --set model.estimator=mask_pose'
        )
    answers: list[Answer] = []
    problems: list[str] = []
    with closing(open_pipeline(single_pictures(config, config.detector.cycle))) as pipeline:
        print(pipeline.runtime)
        bar = tqdm(masks, args.protocol, unit='picture')
        for (_, label, _), (rgb, mask) in readable(bar, _read, problems):
            if published:
                # JPEG has left grey in the masks.
                answers.append(_best_answer(pipeline, rgb, label, mask > 127))
            else:
                answers += own_answers(pipeline, rgb, label, mask)
    if not answers:
        raise ValueError(f'no hand of {args.folder} has a mask')
    print(f'{len(answers)} {"pictures" if published else "hands"} with a mask')
    ours = {
        'ours, whole picture': _precisions([hand_iou(each.found, each.mask) for each in answers]),
        'ours, labelled box': _precisions([hand_iou(each.boxed, each.mask) for each in answers]),
    }
    theirs = [each for each in PUBLISHED['onehand10k'] if each.source == MASK_POSE and published]
    print(comparison(ours, theirs))
    tell_left_out(problems)
    return 0


def _onehand10k_masks(folder: Path) -> list[Masked]:
    """Returns the labelled pictures of OneHand10K."""
    benchmark = read_image_set('onehand10k', folder)
    for problem in benchmark.problems:
        print(problem)
    masks = folder / 'Test' / 'mask'
    return [
        (folder / label.image, label, masks / f'{Path(label.image).stem}.png')
        for label in benchmark.labels
    ]


def _own_masks(folder: Path) -> list[Masked]:
    """Returns those pictures of a set of ours that have hands and masks."""
    masks = [
        (folder / label.image, label, folder / label.mask)
        for label in read_labels(folder)
        if label.mask is not None and label.hands
    ]
    if not masks:
        raise ValueError(f'no picture of {folder} has a mask')
    return masks


def _read(masked: Masked) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Reads a picture, (H, W, 3) uint8 R, G, B, and its mask, (H, W) uint8."""
    path, label, mask_path = masked
    mask = read_picture(mask_path, cv2.IMREAD_GRAYSCALE)
    check_shape(str(mask_path), mask, (label.height, label.width))
    return read_photo((path, label)), mask


@dataclass(frozen=True)
class Answer:
    """What is said of one labelled hand.

    Attributes:
        found: The hand that was found there in the picture.
        boxed: The hand that was read in its labelled box.
        mask: (H, W) bool, the labelled mask.
    """

    found: Hand | None
    boxed: Hand
    mask: NDArray[np.bool_]


def _precisions(ious: list[float]) -> dict[str, float]:
    return {
        f'mask AP{percent}': mask_average_precision(np.array(ious), percent / 100)
        for percent in IOU_PERCENT
    }


def _best_answer(
    pipeline: HandPipeline, rgb: NDArray[np.uint8], label: ImageLabel, mask: NDArray[np.bool_]
) -> Answer:
    hands = pipeline(Frame(rgb, 0.0))
    (boxed,) = _boxed_hands(pipeline, rgb, label)
    return Answer(hands[0] if hands else None, boxed, mask)


def own_answers(
    pipeline: HandPipeline, rgb: NDArray[np.uint8], label: ImageLabel, mask: NDArray[np.uint8]
) -> list[Answer]:
    """Finds and reads the hands of one picture of a set of ours.

    Args:
        pipeline: It does not track.
        rgb: (H, W, 3) uint8.
        label: Its label.
        mask: (H, W) uint8 as in data/labels.py: the hands, counted from 1.
    """
    found = match_hands(pipeline(Frame(rgb, 0.0)), [hand.keypoints_px for hand in label.hands])
    rows = zip(label.hands, found, _boxed_hands(pipeline, rgb, label), strict=True)
    return [
        Answer(match, boxed, mask == number)
        for number, (hand, match, boxed) in enumerate(rows, 1)
        if is_seen(hand) and (mask == number).any()
    ]


def _boxed_hands(pipeline: HandPipeline, rgb: NDArray[np.uint8], label: ImageLabel) -> list[Hand]:
    boxes_px = np.array([keypoint_box(hand.keypoints_px) for hand in label.hands])
    return pipeline.read_regions(rgb, boxes_px, np.zeros(len(boxes_px)))


def hand_iou(hand: Hand | None, label: NDArray[np.bool_]) -> float:
    """Returns the IoU of a labelled mask (H, W) with a hand's, 0 without a hand or its mask."""
    if hand is None or hand.mask is None:
        return 0.0
    height, width = label.shape
    return mask_iou(to_image(hand.mask, (height, width)) >= MASK_THRESHOLD, label)
