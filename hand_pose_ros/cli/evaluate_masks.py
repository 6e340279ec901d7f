"""`hand-pose evaluate onehand10k_masks FOLDER`: how well hands are cut out of their pictures."""

import argparse
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
from hand_pose_ros.evaluation.detection import mask_average_precision, mask_iou
from hand_pose_ros.evaluation.photos import read_rgb, single_pictures
from hand_pose_ros.evaluation.published_keypoints import MASK_POSE, PUBLISHED
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.types import Frame

IOU_PERCENT = (50, 75, 80)
"""Of the paper's table 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument('folder', type=Path, help='folder of the data set, as published')
    parser.add_argument(
        '--pictures', type=int, help='only so many, spread evenly: not the published protocol'
    )
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the average precision of the best hand's mask in each picture."""
    labels = spread(onehand10k.read(args.folder).labels, args.pictures)
    config = with_values(PipelineConfig(), pipeline_settings(args))
    if not config.model.estimator.startswith('mask_pose'):
        raise ValueError(
            f'only the estimator mask_pose tells masks, model.estimator is '
            f'{config.model.estimator}: --set model.estimator=mask_pose'
        )
    ious = []
    with closing(open_pipeline(single_pictures(config, config.detector.cycle))) as pipeline:
        print(pipeline.runtime)
        for label in tqdm(labels, args.protocol, unit='picture'):
            path = args.folder / label.image
            mask = cv2.imread(
                str(args.folder / 'Test' / 'mask' / f'{path.stem}.png'), cv2.IMREAD_GRAYSCALE
            )
            if mask is not None:
                # JPEG has left grey in the masks.
                ious.append(best_iou(pipeline, read_rgb(path), mask > 127))
    print(f'{len(ious)} pictures with a mask')
    ours = {
        f'mask AP{percent}': mask_average_precision(np.array(ious), percent / 100)
        for percent in IOU_PERCENT
    }
    theirs = [each for each in PUBLISHED['onehand10k'] if each.source == MASK_POSE]
    print(comparison({'ours, whole picture': ours}, theirs))
    return 0


def best_iou(pipeline: HandPipeline, rgb: NDArray[np.uint8], label: NDArray[np.bool_]) -> float:
    """Returns the IoU of the labelled mask with that of the best hand found, 0 without one.

    Args:
        pipeline: One that does not track.
        rgb: (H, W, 3) uint8.
        label: (H, W) bool.
    """
    hands = pipeline(Frame(rgb, 0.0))
    if not hands or hands[0].mask is None:
        return 0.0
    height, width = label.shape
    return mask_iou(to_image(hands[0].mask, (height, width)) >= MASK_THRESHOLD, label)
