"""How SRHandNet is trained: scenes for its first pass, regions for its second."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.networks.srhandnet import PLANS, STRIDES, normalise
from hand_pose_ros.runtimes.base import ModelSpec
from hand_pose_ros.training.losses import LOSSES, check_loss
from hand_pose_ros.training.photo_material import (
    PhotoMaterial,
    TwoPassRecipe,
    load_material,
    stack_images,
)
from hand_pose_ros.training.recipes import number
from hand_pose_ros.training.targets import srhandnet_targets
from hand_pose_ros.training.task import example_pictures, loaded
from hand_pose_ros.training.validation import validation_pck


@dataclass(frozen=True, kw_only=True)
class SRHandNetRecipe(TwoPassRecipe):
    """A recipe of SRHandNet.

    Attributes:
        supervised_heads: How many heads learn from the labels, the finest first. The paper
            supervises all of them ("intermediate supervision"); the others then learn only what
            helps the finer ones.
        sigmas_cells: Standard deviation of the Gaussians of each head, cells.
        loss: A key of losses.LOSSES.
    """

    supervised_heads: int = number(1, len(STRIDES))
    sigmas_cells: tuple[float, ...]
    loss: str


class SRHandNetTask:
    """See `Task`."""

    def __init__(self, recipe: SRHandNetRecipe) -> None:
        check_loss(recipe.loss, LOSSES)
        if len(recipe.sigmas_cells) != len(STRIDES) or min(recipe.sigmas_cells) <= 0:
            raise ValueError(
                f'sigmas_cells must be one number above 0 for each of {len(STRIDES)} heads, '
                f'got {list(recipe.sigmas_cells)}'
            )
        self.recipe = recipe
        size = PLANS[recipe.plan].input_size
        self.spec = ModelSpec(
            recipe.network, recipe.plan, size, recipe.region_size, size, STRIDES[-1]
        )
        self._material: PhotoMaterial | None = None

    def load(self, data: Path) -> None:
        """Reads photos, rendered cut-outs and backgrounds; see `Task.load`."""
        self._material = load_material(self.recipe, data)

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Composes scenes or regions, alike in all processes of a step; see `Task.batch`."""
        recipe = self.recipe
        samples = loaded(self._material).two_pass_samples(recipe, step, rank)
        maps = srhandnet_targets(samples, STRIDES, recipe.sigmas_cells, self.spec.reference_px)
        images = stack_images(samples)
        return [normalise(images)], [torch.from_numpy(target) for target in maps]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares the maps of the supervised heads."""
        heads = slice(-self.recipe.supervised_heads, None)
        return LOSSES[self.recipe.loss](outputs[heads], targets[heads])

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures PCK@0.2 on held-out photos with and without the second pass."""
        return validation_pck(net, self.spec, loaded(self._material).validation, device)

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes pictures of both input sizes."""
        return example_pictures((1, self.spec.input_size), (3, self.spec.region_size))
