"""How the two networks of the skeleton paper are trained: skeletons first, then keypoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.codecs import heatmap, skeleton_image
from hand_pose_ros.data.augment import Sample
from hand_pose_ros.data.pictures import load_backgrounds, read_rgb
from hand_pose_ros.estimators.skeleton_multiscale import SkeletonReader
from hand_pose_ros.geometry.boxes import pairwise_iou
from hand_pose_ros.geometry.crop import letterbox
from hand_pose_ros.networks.skeleton_multiscale import MULTISCALE_PLANS, STRIDES, UNET_PLANS
from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.runtimes.base import (
    INPUT_NAME,
    SKELETON_NAME,
    Runtime,
    SkeletonPoseSpec,
    SkeletonSpec,
)
from hand_pose_ros.runtimes.open import find_model
from hand_pose_ros.runtimes.torch_runtime import TorchRuntime, read_module
from hand_pose_ros.training.photo_material import (
    PhotoMaterial,
    PhotoRecipe,
    TwoPassRecipe,
    load_material,
    stack_images,
)
from hand_pose_ros.training.recipes import number
from hand_pose_ros.training.task import example_pictures, loaded, step_rngs
from hand_pose_ros.training.validation import deployed_runtime, reader_pck

L1_WEIGHT, DICE_WEIGHT = 0.4, 0.6
"""Section II, equation 3."""

DICE_SMOOTHING = 100.0
"""A picture without a hand has nothing to overlap with: this many pixels, added above and below,
let its false foreground count, and do not change what is best."""

PEAK_WEIGHT = 10.0
PEAK = 0.01
"""Cells above this weigh PEAK_WEIGHT: heatmaps are so empty that all zeros would do quite well."""

MIN_SIGMA_CELLS = 0.8
"""A narrower Gaussian falls between the cells."""

FOUND_IOU = 0.5
"""Least overlap of a hand that is found with its label, in a validation."""

MAX_NEGATIVES = 100
"""Pictures without hands in a validation."""


@dataclass(frozen=True, kw_only=True)
class SkeletonUNetRecipe(TwoPassRecipe):
    """A recipe of the network that draws skeletons."""


@dataclass(frozen=True, kw_only=True)
class SkeletonMultiScaleRecipe(PhotoRecipe):
    """A recipe of the network that reads keypoints.

    Attributes:
        region_batch: Regions per step and process.
        sigma_px: Standard deviation of the Gaussians, network pixels.
        skeleton_model: The model that draws the skeletons: a shipped one, or an .onnx file.
        skeleton_dropout: Share of the regions whose skeleton is left out, so that the network
            also learns to do without.
    """

    region_batch: int = number(1)
    sigma_px: float = number(0.1)
    skeleton_model: str
    skeleton_dropout: float = number(0, 1)


class SkeletonUNetTask:
    """See `Task`."""

    def __init__(self, recipe: SkeletonUNetRecipe) -> None:
        self.recipe = recipe
        size = UNET_PLANS[recipe.plan].input_size
        self.spec = SkeletonSpec(recipe.network, recipe.plan, size, recipe.region_size)
        self._material: PhotoMaterial | None = None
        self._negatives: list[NDArray[np.uint8]] = []

    def load(self, data: Path) -> None:
        """Reads photos, rendered cut-outs and backgrounds; see `Task.load`."""
        self._material = load_material(self.recipe, data)
        folders = [data / name for name in self.recipe.backgrounds]
        self._negatives = load_backgrounds(folders, held_out=True)[:MAX_NEGATIVES]

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Composes scenes or regions, alike in all processes of a step; see `Task.batch`."""
        samples = loaded(self._material).two_pass_samples(self.recipe, step, rank)
        map_hw = (samples[0].image.shape[0],) * 2
        drawn = [skeleton_image.encode(sample.outline_px, map_hw) for sample in samples]
        return [normalise(stack_images(samples))], [torch.from_numpy(np.stack(drawn))]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares skeletons."""
        return skeleton_loss(outputs[0], targets[0])

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures the box of the largest hand, and how well hand and no hand are told apart.

        The true box is that of the labels, drawn; a hand is found if half of it overlaps.
        """
        runtime = deployed_runtime(net, self.spec, device)
        map_hw = (self.spec.input_size,) * 2
        overlaps = []
        for path, label in loaded(self._material).validation:
            square, box = letterbox(read_rgb(path), self.spec.input_size)
            hands_px = box.to_network(np.stack([hand.keypoints_px for hand in label.hands]))
            wanted = skeleton_image.decode(skeleton_image.encode(hands_px, map_hw))
            if len(wanted):
                overlap = pairwise_iou(_find(runtime, square), wanted[:1])
                overlaps.append(float(overlap.max(initial=0)))
        squares = (letterbox(rgb, self.spec.input_size)[0] for rgb in self._negatives)
        false = sum(len(_find(runtime, square)) > 0 for square in squares)
        right = int(np.count_nonzero(np.array(overlaps) >= FOUND_IOU))
        missed = len(overlaps) - right
        return {
            'hand_f1': 2 * right / max(2 * right + false + missed, 1),
            'box_iou': float(np.mean(overlaps)),
            'false_per_picture': false / len(self._negatives),
        }

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes pictures of both input sizes."""
        return example_pictures((1, self.spec.input_size), (3, self.spec.region_size))


class SkeletonMultiScaleTask:
    """See `Task`."""

    def __init__(self, recipe: SkeletonMultiScaleRecipe) -> None:
        self.recipe = recipe
        plan = MULTISCALE_PLANS[recipe.plan]
        self.spec = SkeletonPoseSpec(recipe.network, recipe.plan, plan.input_size)
        self._strides = STRIDES if plan.multi_scale else STRIDES[-1:]
        self._material: PhotoMaterial | None = None
        self._skeletons: TorchRuntime | None = None

    def load(self, data: Path) -> None:
        """Reads photos, rendered cut-outs, backgrounds and the other network; see `Task.load`.

        Raises:
            ValueError: The other network draws no skeletons, or of another size.
        """
        path = find_model(self.recipe.skeleton_model)
        module, spec = read_module(path)
        if not isinstance(spec, SkeletonSpec):
            raise ValueError(f'skeleton_model must be a skeleton_unet, got a {spec.network}')
        if spec.region_size != self.spec.input_size:
            raise ValueError(
                f'skeleton_model must draw regions of {self.spec.input_size} pixels, '
                f'got {spec.region_size}'
            )
        self._skeletons = TorchRuntime(module, spec, 'cpu')
        self._material = load_material(self.recipe, data)

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Composes regions, each with the skeleton that the other network draws."""
        recipe, size = self.recipe, self.spec.input_size
        _, own = step_rngs(recipe.seed, step, rank)
        samples = loaded(self._material).at(step, rank).regions(own, recipe.region_batch, size)
        images = stack_images(samples)
        drawn = loaded(self._skeletons).run({INPUT_NAME: images.numpy()})[SKELETON_NAME]
        drawn[own.random(len(drawn)) < recipe.skeleton_dropout] = 0
        maps = {t: self._heatmaps(samples, t) for t in set(self._strides)}
        return [normalise(images), torch.from_numpy(drawn)], [maps[t] for t in self._strides]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares the heatmaps of all outputs."""
        return multiscale_loss(outputs, targets, self._strides)

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures PCK@0.2 of both networks in the labelled regions of held-out photos."""
        keypoints = deployed_runtime(net, self.spec, device)
        reader = SkeletonReader(loaded(self._skeletons), keypoints)
        return {'pck': reader_pck(reader, loaded(self._material).validation)}

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes pictures and skeletons for batches of one and of three."""
        rng = np.random.default_rng(0)
        size = self.spec.input_size
        return [
            {
                INPUT_NAME: rng.integers(0, 256, (count, size, size, 3), np.uint8),
                SKELETON_NAME: rng.random((count, size, size), np.float32),
            }
            for count in (1, 3)
        ]

    def _heatmaps(self, samples: Sequence[Sample], stride: int) -> Tensor:
        map_hw = (self.spec.input_size // stride,) * 2
        sigma = max(self.recipe.sigma_px / stride, MIN_SIGMA_CELLS)
        # The first hand is the one that the region is around.
        hands = [sample.keypoints_px[:1] for sample in samples]
        maps = [heatmap.encode(hand, map_hw, stride, sigma) for hand in hands]
        return torch.from_numpy(np.stack(maps))


def skeleton_loss(drawn: Tensor, target: Tensor) -> Tensor:
    """Returns the weighted sum of the L1 norm and of soft Dice (section II, equations 1 to 3).

    The norm is the mean over pixels: as the sum that is printed it would leave nothing to Dice.

    Args:
        drawn: (N, H, W) in 0..1.
        target: (N, H, W) in 0..1.
    """
    overlap = (drawn * target).sum(dim=(1, 2))
    squares = (drawn.square() + target.square()).sum(dim=(1, 2))
    dice = 1 - (2 * overlap + DICE_SMOOTHING) / (squares + DICE_SMOOTHING)
    return L1_WEIGHT * (drawn - target).abs().mean() + DICE_WEIGHT * dice.mean()


def multiscale_loss(
    outputs: Sequence[Tensor], targets: Sequence[Tensor], strides: Sequence[int]
) -> Tensor:
    """Returns the weighted sum of squared errors of all outputs (section III, equation 4).

    It is divided by the number of values of the largest output, and cells at the peaks count more.

    Args:
        outputs: Per output (N, 21, S/t, S/t) in 0..1; the last one is of full size.
        targets: Per output, same shapes.
        strides: Per output its t; its weight is 1/t: 1, 1/2, 1/4 for 128, 64, 32 in the paper.
    """
    losses = []
    for out, target, stride in zip(outputs, targets, strides, strict=True):
        weight = torch.where(target > PEAK, PEAK_WEIGHT, 1.0)
        losses.append((weight * (out - target).square()).sum() / stride)
    return torch.stack(losses).sum() / outputs[-1].numel()


def _find(runtime: Runtime, square: NDArray[np.uint8]) -> NDArray[np.float32]:
    return skeleton_image.decode(runtime.run({INPUT_NAME: square[None]})[SKELETON_NAME][0])
