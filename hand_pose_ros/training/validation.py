"""Validation while training: the pipeline that ships, on held-out photos."""

import copy
from pathlib import Path

import numpy as np
from torch import nn

from hand_pose_ros.codecs.region_map import SIDE_VALUES, keypoint_box
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.pictures import read_rgb
from hand_pose_ros.estimators.base import Reader
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.metrics import normalised_errors, pck
from hand_pose_ros.evaluation.photos import score_photos, single_pictures
from hand_pose_ros.networks.deployed import Deployed
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.base import ModelSpec, Spec
from hand_pose_ros.runtimes.torch_runtime import TorchRuntime


def deployed_runtime(net: nn.Module, spec: Spec, device: str) -> TorchRuntime:
    """Makes a runtime of a network in training, which is copied and not changed.

    Args:
        net: The network.
        spec: What its exported model would say of itself.
        device: Where to run it.
    """
    return TorchRuntime(Deployed(copy.deepcopy(net)), spec, device)


def validation_pck(
    net: nn.Module, spec: ModelSpec, photos: list[tuple[Path, ImageLabel]], device: str
) -> dict[str, float]:
    """Measures PCK@0.2 on labelled photos.

    Args:
        net: SRHandNet, not changed.
        spec: Its sizes.
        photos: Path and label of each photo.
        device: Where to run it.

    Returns:
        PCK with (`full`) and without (`off`) the second pass.
    """
    runtime = deployed_runtime(net, spec, device)
    estimator = SRHandNetEstimator(runtime)
    scores = {}
    for cycle in ('full', 'off'):
        config = single_pictures(PipelineConfig(), cycle)
        pipeline = HandPipeline(Networks(estimator), config)
        scores[cycle] = pck(score_photos(pipeline, photos).errors, 0.2)
    return scores


def reader_pck(reader: Reader, photos: list[tuple[Path, ImageLabel]]) -> float:
    """Measures PCK@0.2 of the second pass alone: in labelled regions, with labelled sides.

    Args:
        reader: What reads the regions.
        photos: Path and label of each photo.
    """
    settings = PipelineConfig().detector
    errors = []
    for path, label in photos:
        labels_px = [hand.keypoints_px for hand in label.hands]
        hands = reader.read(
            read_rgb(path),
            np.array([keypoint_box(points) for points in labels_px]),
            np.array([SIDE_VALUES[hand.side] for hand in label.hands]),
            settings.threshold,
            settings.subcell_refinement,
        )
        errors.append(normalised_errors(hands, labels_px))
    return pck(np.concatenate(errors), 0.2)
