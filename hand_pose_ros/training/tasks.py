"""The networks that can be trained, and the recipe each one reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hand_pose_ros.training.hand_presence_task import HandPresenceRecipe, HandPresenceTask
from hand_pose_ros.training.hourglass_task import HourglassRecipe, HourglassTask
from hand_pose_ros.training.mask_pose_task import MaskPoseRecipe, MaskPoseTask
from hand_pose_ros.training.mobile_keypoints_task import (
    MobileKeypointsRecipe,
    MobileKeypointsTask,
)
from hand_pose_ros.training.recipes import Recipe, build_recipe, read_document
from hand_pose_ros.training.skeleton_multiscale_task import (
    SkeletonMultiScaleRecipe,
    SkeletonMultiScaleTask,
    SkeletonUNetRecipe,
    SkeletonUNetTask,
)
from hand_pose_ros.training.srhandnet_task import SRHandNetRecipe, SRHandNetTask
from hand_pose_ros.training.task import Task

TASKS: dict[str, tuple[type[Recipe], Callable[[Any], Task]]] = {
    'srhandnet': (SRHandNetRecipe, SRHandNetTask),
    'local_regression_hourglass': (HourglassRecipe, HourglassTask),
    'skeleton_unet': (SkeletonUNetRecipe, SkeletonUNetTask),
    'skeleton_multiscale': (SkeletonMultiScaleRecipe, SkeletonMultiScaleTask),
    'mobile_keypoints': (MobileKeypointsRecipe, MobileKeypointsTask),
    'mask_pose': (MaskPoseRecipe, MaskPoseTask),
    'hand_presence': (HandPresenceRecipe, HandPresenceTask),
}
"""Recipe and task of each network."""


def read_task(path: Path) -> Task:
    """Reads a recipe and makes the task that it describes, without data yet.

    Args:
        path: YAML file whose keys are the fields of its network's recipe.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A key is missing, unknown or of the wrong type, or there is no such network.
    """
    document = read_document(path)
    network = document.get('network')
    if network not in TASKS:
        raise ValueError(f'{path}: network must be one of {", ".join(TASKS)}, got {network!r}')
    kind, make_task = TASKS[network]
    try:
        return make_task(build_recipe(path, document, kind))
    except KeyError as error:
        raise ValueError(f'{path}: {network} has no plan {error}') from error
