"""Validation while training: the estimator that ships, on held-out photos."""

import copy
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.metrics import match_hands, normalised_errors, pck
from hand_pose_ros.networks.deployed import Deployed
from hand_pose_ros.runtimes.base import ModelSpec
from hand_pose_ros.runtimes.torch_runtime import TorchRuntime

THRESHOLD = 0.2


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
    estimator = SRHandNetEstimator(TorchRuntime(Deployed(copy.deepcopy(net)), spec, device))
    errors: dict[str, list[np.ndarray]] = {'off': [], 'full': []}
    for path, label in photos:
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        labels_px = [hand.keypoints_px for hand in label.hands]
        for cycle, collected in errors.items():
            hands = estimator.detect(rgb, THRESHOLD, cycle, refine=True)
            collected.append(normalised_errors(match_hands(hands, labels_px), labels_px))
    return {cycle: pck(np.concatenate(rows), 0.2) for cycle, rows in errors.items()}
