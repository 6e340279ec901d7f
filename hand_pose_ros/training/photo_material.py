"""What the networks that see pictures are trained and validated on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.augment import Augmentation, Sample, region_sample, scene_sample
from hand_pose_ros.data.fresh_renders import FreshRenders, fresh_picture
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.photos import load_pictures, split_photos
from hand_pose_ros.data.pictures import Picture, load_backgrounds
from hand_pose_ros.training.recipes import Recipe, number
from hand_pose_ros.training.synth_recipes import open_renders
from hand_pose_ros.training.task import step_rngs

SIZE_STEP = 16
"""Pictures have a multiple of so many pixels a side: the networks halve them four times."""

AUGMENTATION = Augmentation()

VALIDATION_STEP = 3
"""Neighbouring photos of a sequence are almost alike: every third tells enough."""


@dataclass(frozen=True, kw_only=True)
class PhotoRecipe(Recipe):
    """A recipe of a network that sees pictures.

    Attributes:
        photos: Folders of labelled pictures, in the format of data/labels.py; or recipes of
            `hand-pose synth` (paths that end in .yaml), rendered while the network trains.
        shares: How often each of these folders is drawn from; they sum to 1.
        matte_groups: Groups cut out of their plain background.
        held_out_groups: Groups kept for validation.
        backgrounds: Folders of pictures without hands.
        mistakes: Folders of what `hand-pose mine` has found, none of it held out.
    """

    photos: tuple[str, ...]
    shares: tuple[float, ...]
    matte_groups: tuple[str, ...]
    held_out_groups: tuple[str, ...]
    backgrounds: tuple[str, ...]
    mistakes: tuple[str, ...]

    def __post_init__(self) -> None:
        is_share = len(self.shares) == len(self.photos) and all(s >= 0 for s in self.shares)
        if not is_share or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError('shares must be one number per folder of photos, summing to 1')


@dataclass(frozen=True, kw_only=True)
class TwoPassRecipe(PhotoRecipe):
    """A recipe of a network that sees whole scenes as well as single regions.

    Attributes:
        scene_size: Side of the scenes trained on, pixels; a multiple of SIZE_STEP.
        scene_batch: Scenes per step and process.
        region_size: Side of the regions trained on and used in the second pass, pixels; also a
            multiple.
        region_batch: Regions per step and process; scenes and regions take turns.
        region_share: Share of the steps that see regions.
        homography: Largest shift of a corner by which hands are distorted, as a share of their
            size; SRHandNet section III-C.
        least_hand: Smallest size at which a hand is placed in a scene, as a share of its side;
            photographs that fill a scene keep theirs.
    """

    scene_size: int = number(SIZE_STEP)
    scene_batch: int = number(1)
    region_size: int = number(SIZE_STEP)
    region_batch: int = number(1)
    region_share: float = number(0, 1)
    homography: float = number(0, 0.5)
    least_hand: float = number(0.01, 0.9)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, size in (('scene_size', self.scene_size), ('region_size', self.region_size)):
            if size % SIZE_STEP:
                raise ValueError(f'{name} must be a multiple of {SIZE_STEP}, got {size}')


@dataclass(frozen=True)
class PhotoMaterial:
    """The pictures of a run.

    Attributes:
        pictures: Labelled pictures to train on, one list per folder of the recipe; empty for what
            is rendered while the network trains.
        complete: Those of each list all of whose hands are labelled: scenes with the others would
            teach that hands without a label are none.
        shares: How often each list is drawn from.
        backgrounds: (H, W, 3) uint8 pictures without hands.
        validation: Path and label of every third held-out picture.
        renders: What is rendered, by its index in `pictures`.
    """

    pictures: list[list[Picture]]
    complete: list[list[Picture]]
    shares: tuple[float, ...]
    backgrounds: list[NDArray[np.uint8]]
    validation: list[tuple[Path, ImageLabel]]
    renders: Mapping[int, FreshRenders[Picture]]

    def at(self, step: int, rank: int) -> 'PhotoMaterial':
        """Returns the material of a batch, with the pictures that are rendered by now."""
        pictures, complete = list(self.pictures), list(self.complete)
        for index, pool in self.renders.items():
            pictures[index] = complete[index] = pool.at(step, rank)
        return replace(self, pictures=pictures, complete=complete)

    def scenes(
        self, rng: Generator, count: int, size: int, augmentation: Augmentation
    ) -> list[Sample]:
        """Composes pictures of `size` pixels a side, as the full-frame pass sees them."""
        return [
            scene_sample(rng, self.complete[source], self.backgrounds, size, augmentation)
            for source in self._draw(rng, count)
        ]

    def regions(
        self,
        rng: Generator,
        count: int,
        size: int,
        augmentation: Augmentation = AUGMENTATION,
    ) -> list[Sample]:
        """Composes pictures of one hand each, `size` pixels a side.

        Beside it another one may be seen that has no label. What the second pass reads are the
        keypoints of the first hand; in the other maps that one counts as none.
        """
        return [
            region_sample(rng, self.pictures[source], self.backgrounds, size, augmentation)
            for source in self._draw(rng, count)
        ]

    def draw(self, rng: Generator) -> list[Picture]:
        """Returns one of the lists, as often as the recipe says."""
        return self.pictures[self._draw(rng, 1)[0]]

    def two_pass_samples(self, recipe: TwoPassRecipe, step: int, rank: int) -> list[Sample]:
        """Composes scenes or regions, the same kind in all processes of a step; see `Task`."""
        shared, own = step_rngs(recipe.seed, step, rank)
        material = self.at(step, rank)
        largest = AUGMENTATION.scene_hand_share[1]
        augmentation = replace(
            AUGMENTATION,
            homography=recipe.homography,
            scene_hand_share=(recipe.least_hand, largest),
        )
        if shared.random() < recipe.region_share:
            return material.regions(own, recipe.region_batch, recipe.region_size, augmentation)
        return material.scenes(own, recipe.scene_batch, recipe.scene_size, augmentation)

    def _draw(self, rng: Generator, count: int) -> list[int]:
        """Draws indices of the lists."""
        return list(rng.choice(len(self.shares), count, p=self.shares))


def load_material(recipe: PhotoRecipe, data: Path) -> PhotoMaterial:
    """Reads a recipe's pictures into memory.

    Args:
        recipe: Names the folders.
        data: Folder they are below.

    Raises:
        ValueError: A picture or a label file is not what it should be; or none is left to train
            on in a folder, or to validate on.
        OSError: A folder is missing.
    """
    pictures: list[list[Picture]] = []
    complete: list[list[Picture]] = []
    validation: list[tuple[Path, ImageLabel]] = []
    groups: set[str] = set()
    renders = open_renders(recipe.photos, fresh_picture)
    for name in recipe.photos:
        if name in renders:
            pictures.append([])
            complete.append([])
            continue
        folder = data / name
        labels, held_out = split_photos(folder, recipe.held_out_groups)
        pictures.append(load_pictures(folder, labels, recipe.matte_groups))
        complete.append([picture for picture in pictures[-1] if picture.complete])
        if not complete[-1]:
            raise ValueError(
                f'{folder} has no picture outside of held_out_groups to train on, all of whose '
                f'hands are labelled'
            )
        groups |= {label.group for label in labels + held_out}
        validation += [(folder / label.image, label) for label in held_out]
    if not validation:
        raise ValueError('held_out_groups names no group of the photos: nothing to validate on')
    wrong = {*recipe.held_out_groups, *recipe.matte_groups} - groups
    if wrong:
        raise ValueError(f'held_out_groups and matte_groups: no photos of {sorted(wrong)}')
    folders = [data / name for name in recipe.backgrounds]
    backgrounds = load_backgrounds(folders, held_out=False)
    if recipe.mistakes:
        backgrounds += load_backgrounds([data / name for name in recipe.mistakes], held_out=None)
    pools = {i: renders[name] for i, name in enumerate(recipe.photos) if name in renders}
    return PhotoMaterial(
        pictures, complete, recipe.shares, backgrounds, validation[::VALIDATION_STEP], pools
    )


def stack_images(samples: Sequence[Sample]) -> Tensor:
    """Returns the pictures of N samples of one size S, (N, S, S, 3) uint8."""
    return torch.from_numpy(np.stack([sample.image for sample in samples]))
