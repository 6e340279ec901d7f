"""How the judge of regions is trained: regions with and without a hand, half and half."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.augment import Augmentation, Sample, empty_region_sample
from hand_pose_ros.data.pictures import load_backgrounds, read_rgb
from hand_pose_ros.geometry.crop import letterbox
from hand_pose_ros.networks.hand_presence import PLANS
from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.runtimes.base import INPUT_NAME, PRESENCE_NAME, PresenceSpec, Runtime
from hand_pose_ros.training.photo_material import (
    PhotoMaterial,
    PhotoRecipe,
    load_material,
    stack_images,
)
from hand_pose_ros.training.recipes import number
from hand_pose_ros.training.task import example_pictures, loaded, step_rngs
from hand_pose_ros.training.validation import deployed_runtime

EMPTY = 0.5
"""Share of regions without a hand: beside hands, backgrounds and mistakes by equal parts."""

MISTAKE_SHARE = 0.5
"""Least part of a cut-out mistake that is seen: it is a little more than the false hand."""

BOX_JITTER = 0.12
"""A judge sees regions before they are put right."""

FALSE_SHARE = 0.02
"""Of the regions without a hand in validation that may be taken for one."""

VALIDATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class HandPresenceRecipe(PhotoRecipe):
    """A recipe of the judge.

    Attributes:
        batch: Regions per step and process.
    """

    batch: int = number(1)


class HandPresenceTask:
    """See `Task`."""

    def __init__(self, recipe: HandPresenceRecipe) -> None:
        self.recipe = recipe
        size = PLANS[recipe.plan].input_size
        self.spec = PresenceSpec(recipe.network, recipe.plan, size)
        self._material: PhotoMaterial | None = None
        self._mistakes: list[NDArray[np.uint8]] = []
        self._empty: list[NDArray[np.uint8]] = []

    def load(self, data: Path) -> None:
        """Reads photos, rendered cut-outs, backgrounds and mistakes; see `Task.load`."""
        # Mistakes are drawn by themselves here, not as backgrounds.
        self._material = load_material(replace(self.recipe, mistakes=()), data)
        if self.recipe.mistakes:
            folders = [data / name for name in self.recipe.mistakes]
            self._mistakes = load_backgrounds(folders, held_out=None)
        folders = [data / name for name in self.recipe.backgrounds]
        self._empty = load_backgrounds(folders, held_out=True)

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Composes regions; see `Task.batch`."""
        _, own = step_rngs(self.recipe.seed, step, rank)
        material = loaded(self._material).at(step, rank)
        full = Augmentation(region_negatives=0, box_jitter=BOX_JITTER)
        with_hand = round(self.recipe.batch * (1 - EMPTY))
        samples = material.regions(own, with_hand, self.spec.input_size, full)
        samples += [self._draw_empty(own, material) for _ in range(self.recipe.batch - with_hand)]
        has_hand = torch.tensor([float(len(sample.sides) > 0) for sample in samples])
        return [normalise(stack_images(samples))], [has_hand]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares presence."""
        return functional.binary_cross_entropy_with_logits(outputs[0], targets[0])

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures which labelled hands score higher than nearly all parts of pictures without."""
        runtime = deployed_runtime(net, self.spec, device)
        squares = []
        for path, label in loaded(self._material).validation:
            rgb = read_rgb(path)
            for hand in label.hands:
                box_px = keypoint_box(hand.keypoints_px)
                squares.append(letterbox(rgb, self.spec.input_size, box_px)[0])
        rng = np.random.default_rng(0)
        empty = [
            empty_region_sample(rng, [], self._empty, self.spec.input_size).image
            for _ in range(len(squares))
        ]
        found, false = _judge(runtime, squares), _judge(runtime, empty)
        return {'recall': float((found > np.quantile(false, 1 - FALSE_SHARE)).mean())}

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes crops, one and three."""
        return example_pictures((1, self.spec.input_size), (3, self.spec.input_size))

    def _draw_empty(self, rng: Generator, material: PhotoMaterial) -> Sample:
        size = self.spec.input_size
        kind = rng.integers(3 if self._mistakes else 2)
        if kind == 2:
            return empty_region_sample(rng, [], self._mistakes, size, MISTAKE_SHARE)
        pictures = material.draw(rng) if kind else []
        return empty_region_sample(rng, pictures, material.backgrounds, size)


def _judge(runtime: Runtime, squares: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    parts = [
        runtime.run({INPUT_NAME: np.stack(squares[first : first + VALIDATION_BATCH])})
        for first in range(0, len(squares), VALIDATION_BATCH)
    ]
    return np.concatenate([part[PRESENCE_NAME] for part in parts])
