"""Draws whole scenes at random within the ranges of a SceneConfig."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.draws import Draws
from hand_pose_ros.data.hand_model import HandModel
from hand_pose_ros.data.hand_poses import FingerSampler
from hand_pose_ros.data.looks import sample_clothes, sample_lamps, sample_shapes, sample_skins
from hand_pose_ros.data.placement import Frame, Wish, sample_person
from hand_pose_ros.data.scenes import Lens, People, SceneParameters
from hand_pose_ros.data.skins import SkinAtlas

BACKGROUNDS = ('scene', 'transparent')
MOST_HANDS = 4
CLOSEST_TANGENT = 0.17 / (2 * 0.24)
"""Half the size of a hand over the distance at which its fingers stay clear of the lens."""


@dataclass(frozen=True)
class SceneConfig:
    """Ranges that scenes are drawn from.

    Attributes:
        height: Height in pixels.
        width: Width in pixels.
        hands: Least and most hands in a picture; 0 allows pictures without any.
        fov_deg: Field of view across the picture's longer side.
        distance_m: Distance of the hands, drawn evenly on a logarithmic scale.
        hand_share: Side of a hand's box over the picture's longer side, drawn evenly on a
            logarithmic scale; it then decides the distance. None leaves it to `distance_m`.
        supersampling: Samples per pixel along each axis.
        body: Draw whole people; otherwise arms that come from outside the picture.
        pair: Probability that two hands are those of one person.
        truncated: Probability that a hand may be partly outside the picture.
        background: 'scene', or 'transparent' to compose the pictures later by their alpha.
    """

    height: int = 256
    width: int = 256
    hands: tuple[int, int] = (1, 2)
    fov_deg: tuple[float, float] = (45.0, 90.0)
    distance_m: tuple[float, float] = (0.2, 3.0)
    hand_share: tuple[float, float] | None = None
    supersampling: int = 2
    body: bool = True
    pair: float = 0.4
    truncated: float = 0.2
    background: str = 'scene'

    def __post_init__(self) -> None:
        if self.height < 16 or self.width < 16:
            raise ValueError(f'pictures need 16 pixels a side, got {self.width} x {self.height}')
        if not 1 <= self.supersampling <= 4:
            raise ValueError(f'supersampling must be 1 to 4, got {self.supersampling}')
        _check_range('hands', self.hands, 0, MOST_HANDS)
        _check_range('fov_deg', self.fov_deg, 10.0, 120.0)
        _check_range('distance_m', self.distance_m, 0.15, 20.0)
        if self.hand_share is not None:
            _check_range('hand_share', self.hand_share, 0.01, 1.0)
        _check_range('pair', (0.0, self.pair), 0.0, 1.0)
        _check_range('truncated', (0.0, self.truncated), 0.0, 1.0)
        if self.background not in BACKGROUNDS:
            raise ValueError(f'background must be one of {BACKGROUNDS}, got {self.background!r}')


def _check_range(name: str, given: tuple[float, float], low: float, high: float) -> None:
    if not low <= given[0] <= given[1] <= high:
        raise ValueError(f'{name} must be (least, most) within {low} to {high}, got {given}')


class SceneSampler:
    """Draws scenes; holds what they are made of."""

    def __init__(
        self,
        model: HandModel,
        fingers: FingerSampler,
        atlas: SkinAtlas,
        backgrounds: Sequence[NDArray[np.uint8]],
        panoramas: Sequence[NDArray[np.float32]],
    ) -> None:
        self._model = model
        self._fingers = fingers
        self._atlas = atlas
        self._device = str(model.neck.device)

    def sample(self, config: SceneConfig, seeds: Sequence[int]) -> SceneParameters:
        """Draws one scene per seed."""
        draws = Draws(seeds, self._device)
        wishes = _sample_wishes(draws.fork(4), config)
        lens = _sample_lens(draws.fork(0), config, wishes)
        background = None
        if config.background == 'scene':
            shape = (config.height, config.width, 3)
            background = draws.fork(3).uniform(1, 1, 3).expand(-1, *shape)
        return SceneParameters(
            height=config.height,
            width=config.width,
            supersampling=config.supersampling,
            seeds=torch.tensor(list(seeds), device=self._device),
            people=self._people(draws.fork(1), config, lens.intrinsics, wishes),
            light=sample_lamps(draws.fork(2)),
            lens=lens,
            background=background,
        )

    def _people(
        self, draws: Draws, config: SceneConfig, intrinsics: Tensor, wishes: Sequence[Wish]
    ) -> People:
        count = len(wishes)
        shape, scale = sample_shapes(draws, count)
        skin, tint = sample_skins(draws, self._atlas, count)
        fingers = self._fingers.sample(draws, 2 * count).unflatten(1, (count, 2))
        clothes = sample_clothes(draws, count)
        gloss = torch.stack(
            (draws.uniform(count, low=0.02, high=0.12), draws.uniform(count, low=18.0, high=68.0)),
            -1,
        )
        joints, _ = self._model.shape_joints(shape.flatten(0, 1), scale.flatten())
        joints = joints.unflatten(0, (-1, count))
        frame = Frame(config.height, config.width, intrinsics, config.body)
        arms, turns, places, drawn = [], [], [], []
        others = joints.new_full((len(draws), 0, 3), torch.nan)
        for person, wish in enumerate(wishes):
            found, good, whole = sample_person(
                draws.fork(person),
                frame,
                joints[:, person],
                fingers[:, person],
                wish,
                others,
            )
            good = good & wish.hands.any(-1)
            placed = torch.where(
                good[:, None, None], found.keypoints[:, 0].flatten(1, 2), torch.nan
            )
            others = torch.cat((others, placed), 1)
            arms.append(found.arms[:, 0])
            turns.append(found.rotation[:, 0])
            places.append(found.position[:, 0])
            both = good[:, None].expand(-1, 2)
            both = both & (wish.hands | whole[:, None])
            drawn.append(torch.cat(((good & whole)[:, None], both), 1))
        return People(
            parts_drawn=torch.stack(drawn, 1),
            shape=shape,
            scale=scale,
            arms=torch.stack(arms, 1),
            fingers=fingers,
            head=draws.normal(count, 2, std=0.25).clamp(-0.6, 0.6),
            rotation=torch.stack(turns, 1),
            position=torch.stack(places, 1),
            skin=skin,
            tint=tint,
            gloss=gloss,
            **clothes,
        )


def _sample_wishes(draws: Draws, config: SceneConfig) -> list[Wish]:
    """What is asked of every person: which hands, how far or how large, how much cut off."""
    count = max(1, config.hands[1])
    wanted = _wanted_hands(draws, config, count)
    low, high = (math.log(value) for value in config.distance_m)
    distance = draws.uniform(count, low=low, high=high).exp()
    share = torch.full_like(distance, torch.nan)
    if config.hand_share is not None:
        low, high = (math.log(value) for value in config.hand_share)
        share = draws.uniform(count, low=low, high=high).exp()
    cut = draws.chance(count, probability=config.truncated)
    inside = torch.where(cut, draws.uniform(count, low=0.35, high=0.9), 0.999)
    return [
        Wish(wanted[:, person], distance[:, person], share[:, person], inside[:, person])
        for person in range(count)
    ]


def _wanted_hands(draws: Draws, config: SceneConfig, count: int) -> Tensor:
    """(N, count, 2) bool, the hands of every person that shall be seen."""
    hands = draws.integers(low=config.hands[0], high=config.hands[1])
    pair = draws.chance(probability=config.pair) & (hands >= 2)
    people = hands - pair.long()
    one_side = draws.integers(count, low=0, high=1)
    wanted = torch.stack((one_side == 0, one_side == 1), -1)
    wanted[:, 0] |= pair[:, None]
    return wanted & (torch.arange(count, device=hands.device) < people[:, None])[..., None]


def _sample_lens(draws: Draws, config: SceneConfig, wishes: Sequence[Wish]) -> Lens:
    low, high = (math.radians(value) for value in config.fov_deg)
    share = torch.stack([wish.share for wish in wishes]).nan_to_num(0.0).amax(0).clamp(min=1e-3)
    # A large hand under a wide angle would have its fingers in the lens.
    widest = 2 * torch.atan(CLOSEST_TANGENT / share)
    fov = low + (widest.clamp(low, high) - low) * draws.uniform()
    focal = max(config.height, config.width) / 2 / (fov / 2).tan()
    middle = draws.normal(2, std=0.01) * max(config.height, config.width)
    centre = middle.new_tensor(((config.width - 1) / 2, (config.height - 1) / 2))
    exposure = torch.exp(draws.uniform(1, low=-0.5, high=0.5) + draws.normal(3, std=0.06))
    return Lens(
        intrinsics=torch.cat((focal[:, None], focal[:, None], centre + middle), 1),
        exposure=exposure,
        gamma=draws.normal(mean=2.2, std=0.12).clamp(1.8, 2.6),
        defocus_px=draws.uniform(low=0.0, high=1.1),
        motion_px=torch.zeros_like(middle),
        noise=0.05 * draws.uniform() ** 2,
    )
