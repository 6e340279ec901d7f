"""`hand-pose evaluate onehand10k_masks FOLDER`, or `masks`: how well hands are cut out.

OneHand10K as in the paper: the best hand of each picture. Sets of ours: every hand that can be
seen, with the found one whose keypoints are nearest.
"""

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.codecs.mask import MASK_THRESHOLD, to_image
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
    of_picture = _onehand10k_ious if published else _hand_ious
    ious: list[float] = []
    with closing(open_pipeline(single_pictures(config, config.detector.cycle))) as pipeline:
        print(pipeline.runtime)
        for label in tqdm(labels, args.protocol, unit='picture'):
            ious += of_picture(pipeline, args.folder, label)
    if not ious:
        raise ValueError(f'no picture of {args.folder} has a mask')
    print(f'{len(ious)} {"pictures" if published else "hands"} with a mask')
    if published and len(ious) < len(labels):
        print(f'{len(labels) - len(ious)} pictures left out: missing, damaged or without a mask')
    ours = {
        f'mask AP{percent}': mask_average_precision(np.array(ious), percent / 100)
        for percent in IOU_PERCENT
    }
    theirs = [each for each in PUBLISHED['onehand10k'] if each.source == MASK_POSE and published]
    print(comparison({'ours, whole picture': ours}, theirs))
    return 0


def _onehand10k_ious(pipeline: HandPipeline, folder: Path, label: ImageLabel) -> list[float]:
    path = folder / label.image
    mask = cv2.imread(str(folder / 'Test' / 'mask' / f'{path.stem}.png'), cv2.IMREAD_GRAYSCALE)
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if mask is None or bgr is None or mask.shape != bgr.shape[:2]:
        return []
    hands = pipeline(Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), 0.0))
    # JPEG has left grey in the masks.
    return [hand_iou(hands[0] if hands else None, mask > 127)]


def _hand_ious(pipeline: HandPipeline, folder: Path, label: ImageLabel) -> list[float]:
    if label.mask is None:
        return []
    mask = cv2.imread(str(folder / label.mask), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f'{folder / label.mask} is not a picture')
    hands = pipeline(Frame(read_rgb(folder / label.image), 0.0))
    return hand_ious(hands, label, mask)


def hand_ious(hands: Sequence[Hand], label: ImageLabel, mask: NDArray[np.uint8]) -> list[float]:
    """Returns the IoU of every labelled hand that can be seen with the found one nearest to it.

    Args:
        hands: What was found.
        label: The picture's label.
        mask: (H, W) uint8, i + 1 where hand i of the label is.
    """
    matches = match_hands(hands, [hand.keypoints_px for hand in label.hands])
    return [
        hand_iou(match, mask == number)
        for number, (hand, match) in enumerate(zip(label.hands, matches, strict=True), 1)
        if is_seen(hand) and (mask == number).any()
    ]


def hand_iou(hand: Hand | None, label: NDArray[np.bool_]) -> float:
    """Returns the IoU of a labelled mask (H, W) with a hand's, 0 without a hand or its mask."""
    if hand is None or hand.mask is None:
        return 0.0
    height, width = label.shape
    return mask_iou(to_image(hand.mask, (height, width)) >= MASK_THRESHOLD, label)
