"""Validation while training: the pipeline that ships, on held-out photos."""

import copy
from pathlib import Path

from torch import nn

from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.photos import score_photos, single_pictures
from hand_pose_ros.networks.deployed import Deployed
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.runtimes.base import ModelSpec
from hand_pose_ros.runtimes.torch_runtime import TorchRuntime


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
    runtime = TorchRuntime(Deployed(copy.deepcopy(net)), spec, device)
    estimator = SRHandNetEstimator(runtime)
    scores = {}
    for cycle in ('off', 'full'):
        config = single_pictures(PipelineConfig(), cycle)
        pipeline = HandPipeline(estimator, runtime.description, config)
        scores[cycle] = pck(score_photos(pipeline, photos).errors, 0.2)
    return scores
