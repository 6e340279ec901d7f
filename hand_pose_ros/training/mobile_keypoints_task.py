"""How the MobileNetV2 keypoint network is trained: regions of right hands, left ones mirrored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.data.augment import Sample
from hand_pose_ros.estimators.mobile_keypoints import MobileKeypointsReader
from hand_pose_ros.networks.mobile_keypoints import PLANS, STRIDE
from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.runtimes.base import KeypointSpec
from hand_pose_ros.training.losses import LOSSES, check_loss
from hand_pose_ros.training.photo_material import (
    PhotoMaterial,
    PhotoRecipe,
    load_material,
    stack_images,
)
from hand_pose_ros.training.recipes import number
from hand_pose_ros.training.targets import keypoint_targets
from hand_pose_ros.training.task import example_pictures, loaded, step_rngs
from hand_pose_ros.training.validation import deployed_runtime, reader_pck
from hand_pose_ros.types import Side


@dataclass(frozen=True, kw_only=True)
class MobileKeypointsRecipe(PhotoRecipe):
    """A recipe of the MobileNetV2 keypoint network.

    Attributes:
        batch: Regions per step and process.
        sigma_cells: Standard deviation of the Gaussians, cells.
        loss: A key of losses.LOSSES; the paper names none.
    """

    batch: int = number(1)
    sigma_cells: float = number(0.1)
    loss: str


class MobileKeypointsTask:
    """See `Task`."""

    def __init__(self, recipe: MobileKeypointsRecipe) -> None:
        check_loss(recipe.loss, LOSSES)
        self.recipe = recipe
        size = PLANS[recipe.plan].input_size
        self.spec = KeypointSpec(recipe.network, recipe.plan, size, STRIDE)
        self._material: PhotoMaterial | None = None

    def load(self, data: Path) -> None:
        """Reads photos, rendered cut-outs and backgrounds; see `Task.load`."""
        self._material = load_material(self.recipe, data)

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Composes regions of right hands; see `Task.batch`."""
        recipe = self.recipe
        _, own = step_rngs(recipe.seed, step, rank)
        samples = (
            loaded(self._material).at(step, rank).regions(own, recipe.batch, self.spec.input_size)
        )
        samples = [right_handed(sample) for sample in samples]
        images = stack_images(samples)
        targets = keypoint_targets(samples, STRIDE, recipe.sigma_cells)
        return [normalise(images)], [torch.from_numpy(targets)]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares the maps."""
        return LOSSES[self.recipe.loss](outputs, targets)

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures PCK@0.2 in the labelled regions of held-out photos."""
        runtime = deployed_runtime(net, self.spec, device)
        reader = MobileKeypointsReader(runtime)
        return {'pck': reader_pck(reader, loaded(self._material).validation)}

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes crops, one and three."""
        return example_pictures((1, self.spec.input_size), (3, self.spec.input_size))


def right_handed(sample: Sample) -> Sample:
    """Mirrors a sample whose (first) hand is a left one; its other hands are dropped."""
    keypoints_px, outline_px = sample.keypoints_px[:1], sample.outline_px[:1]
    sides = sample.sides[:1]
    if not (sides == Side.LEFT).any():
        return replace(sample, keypoints_px=keypoints_px, outline_px=outline_px, sides=sides)
    width, flip = sample.image.shape[1], np.array([-1, 1], np.float32)
    keypoints_px, outline_px = (
        points * flip + np.array([width - 1, 0], np.float32)
        for points in (keypoints_px, outline_px)
    )
    coverage = None if sample.coverage is None else sample.coverage[:, ::-1]
    image = np.ascontiguousarray(sample.image[:, ::-1])
    sides = np.full(1, Side.RIGHT, np.uint8)
    return Sample(image, keypoints_px, outline_px, sides, coverage)
