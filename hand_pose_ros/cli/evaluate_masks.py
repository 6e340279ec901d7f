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

from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.codecs.mask import MASK_THRESHOLD, to_image
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.benchmarks import onehand10k
from hand_pose_ros.data.benchmarks.sets import spread
from hand_pose_ros.data.labels import ImageLabel, read_labels
from hand_pose_ros.data.pictures import is_seen
from hand_pose_ros.evaluation.detection import mask_average_precision, mask_iou
from hand_pose_ros.evaluation.metrics import match_hands
from hand_pose_ros.evaluation.photos import read_rgb, single_pictures
from hand_pose_ros.evaluation.published_keypoints import MASK_POSE, PUBLISHED
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.types import Frame, Hand

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
    labels = onehand10k.read(args.folder).labels if published else read_labels(args.folder)
    labels = spread(labels, args.pictures)
    config = with_values(PipelineConfig(), pipeline_settings(args))
    if not config.model.estimator.startswith('mask_pose'):
        raise ValueError(
            f'only the estimator mask_pose tells masks, model.estimator is '
            f'{config.model.estimator}: --set model.estimator=mask_pose'
        )
    read = _onehand10k_answers if published else own_answers
    answers: list[Answer] = []
    with closing(open_pipeline(single_pictures(config, config.detector.cycle))) as pipeline:
        print(pipeline.runtime)
        for label in tqdm(labels, args.protocol, unit='picture'):
            answers += read(pipeline, args.folder, label)
    if not answers:
        raise ValueError(f'no picture of {args.folder} has a mask')
    print(f'{len(answers)} {"pictures" if published else "hands"} with a mask')
    if published and len(answers) < len(labels):
        left_out = len(labels) - len(answers)
        print(f'{left_out} pictures left out: missing, damaged or without a mask')
    ours = {
        'ours, whole picture': _precisions([hand_iou(each.found, each.mask) for each in answers]),
        'ours, labelled box': _precisions([hand_iou(each.boxed, each.mask) for each in answers]),
    }
    theirs = [each for each in PUBLISHED['onehand10k'] if each.source == MASK_POSE and published]
    print(comparison(ours, theirs))
    return 0


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


def _onehand10k_answers(pipeline: HandPipeline, folder: Path, label: ImageLabel) -> list[Answer]:
    path = folder / label.image
    mask = cv2.imread(str(folder / 'Test' / 'mask' / f'{path.stem}.png'), cv2.IMREAD_GRAYSCALE)
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if mask is None or bgr is None or mask.shape != bgr.shape[:2]:
        return []
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    hands = pipeline(Frame(rgb, 0.0))
    (boxed,) = _boxed_hands(pipeline, rgb, label)
    # JPEG has left grey in the masks.
    return [Answer(hands[0] if hands else None, boxed, mask > 127)]


def own_answers(pipeline: HandPipeline, folder: Path, label: ImageLabel) -> list[Answer]:
    """Finds and reads the hands of one picture of a set of ours; none without masks.

    Raises:
        ValueError: A file is not a picture.
    """
    if label.mask is None or not label.hands:
        return []
    mask = cv2.imread(str(folder / label.mask), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f'{folder / label.mask} is not a picture')
    rgb = read_rgb(folder / label.image)
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
