"""How the mask-pose cascade is trained: regions, with masks drawn from keypoints.

None of our pictures comes with a hand mask. Rendered and cut-out hands know their outline, but it
holds the arm and the body too: the mask is what the keypoints would have, cut by that outline. In
a photograph, of which nothing is cut out, it is the keypoints' alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.codecs import mask
from hand_pose_ros.codecs.region_map import BACKGROUND
from hand_pose_ros.data.augment import Sample
from hand_pose_ros.estimators.mask_pose import MaskPoseReader
from hand_pose_ros.networks.mask_pose import NUM_STAGES, PLANS, STRIDE
from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.runtimes.base import MaskPoseSpec
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


@dataclass(frozen=True, kw_only=True)
class MaskPoseRecipe(PhotoRecipe):
    """A recipe of the mask-pose cascade.

    Attributes:
        batch: Regions per step and process.
        sigma_cells: Standard deviation of the Gaussians, cells.
        mask_weight: Weight of the mask's loss beside that of the stages.
        peak_weight: How much more than an empty cell a peak counts; 0 is the paper.
    """

    batch: int = number(1)
    sigma_cells: float = number(0.1)
    mask_weight: float = number(0)
    peak_weight: float = number(0)


class MaskPoseTask:
    """See `Task`."""

    def __init__(self, recipe: MaskPoseRecipe) -> None:
        self.recipe = recipe
        size = PLANS[recipe.plan].input_size
        self.spec = MaskPoseSpec(recipe.network, recipe.plan, size, STRIDE)
        self._material: PhotoMaterial | None = None

    def load(self, data: Path) -> None:
        """Reads photos, rendered cut-outs and backgrounds; see `Task.load`."""
        self._material = load_material(self.recipe, data)

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Composes regions; see `Task.batch`."""
        recipe = self.recipe
        _, own = step_rngs(recipe.seed, step, rank)
        samples = (
            loaded(self._material).at(step, rank).regions(own, recipe.batch, self.spec.input_size)
        )
        images = stack_images(samples)
        masks = np.stack([mask.encode(hand_mask(sample), STRIDE) for sample in samples])
        maps = keypoint_targets(samples, STRIDE, recipe.sigma_cells)
        return [normalise(images)], [torch.from_numpy(masks), torch.from_numpy(maps)]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares the mask and the maps of all stages."""
        recipe = self.recipe
        return mask_pose_loss(outputs, targets, recipe.mask_weight, recipe.peak_weight)

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures PCK@0.2 in the labelled regions of held-out photos."""
        runtime = deployed_runtime(net, self.spec, device)
        return {'pck': reader_pck(MaskPoseReader(runtime), loaded(self._material).validation)}

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes crops, one and three."""
        return example_pictures((1, self.spec.input_size), (3, self.spec.input_size))


def hand_mask(sample: Sample) -> NDArray[np.float32]:
    """Draws the mask of a region's (first) hand, (S, S) in 0..1; see the top of this file."""
    size = sample.image.shape[0]
    if len(sample.keypoints_px) == 0 or sample.coverage is None:
        return np.zeros((size, size), np.float32)
    return mask.from_keypoints(sample.outline_px[0], (size, size)) * sample.coverage


def mask_pose_loss(
    outputs: Sequence[Tensor], targets: Sequence[Tensor], mask_weight: float, peak_weight: float
) -> Tensor:
    """Returns the paper's loss: softmax loss of the mask, Euclidean loss of each stage.

    Equations (2) and (3), both summed over cells and divided by the batch, the second by two more
    and with the square that its print leaves out.

    Args:
        outputs: Logits (N, 2, h, w) of the mask, if the network has one; then per stage
            (N, 22, h, w).
        targets: (N, h, w) mask, 0 or 1; (N, 22, h, w) maps.
        mask_weight: 0.05 in the paper.
        peak_weight: Added to the weight 1 of a keypoint's cell, times its target.
    """
    masks, maps = targets
    weights = 1 + peak_weight * maps
    weights[:, BACKGROUND] = 1
    stages = [(weights * (out - maps).square()).sum() / 2 for out in outputs[-NUM_STAGES:]]
    total = torch.stack(stages).sum()
    for logits in outputs[:-NUM_STAGES]:
        wrong = functional.cross_entropy(logits, masks.long(), reduction='sum')
        total = total + mask_weight * wrong
    return total / len(maps)
