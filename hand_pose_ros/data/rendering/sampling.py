"""Draws whole scenes at random within the ranges of a SceneConfig."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.rendering.backdrops import (
    invented,
    pack_photos,
    photo_crops,
    picture_rays,
    sample_headings,
)
from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.framing import Frame, Wish, farthest
from hand_pose_ros.data.rendering.hand_model import HandModel
from hand_pose_ros.data.rendering.hand_poses import FingerSampler
from hand_pose_ros.data.rendering.holding import ThingSampler
from hand_pose_ros.data.rendering.looks import (
    sample_clothes,
    sample_lamps,
    sample_shapes,
    sample_skins,
)
from hand_pose_ros.data.rendering.panoramas import PanoramaStore
from hand_pose_ros.data.rendering.placement import place_people
from hand_pose_ros.data.rendering.scenes import (
    Lens,
    Light,
    People,
    SceneParameters,
    Things,
    choose,
)
from hand_pose_ros.data.rendering.skins import SkinAtlas
from hand_pose_ros.data.rendering.steady import power

BACKGROUNDS = ('scene', 'transparent')
MOST_HANDS = 4
PANORAMA_SHARE = 0.5
"""Of the scenes are lit by a panorama, where there are any; the others by lamps."""
PANORAMA_VIEW_SHARE = 0.6
"""Of these also show it."""
PHOTO_SHARE = 0.75
"""Of the other backgrounds are photographs."""
WALL_SHARE = 0.5
"""Of the scenes have a wall in their depth."""
MOTION_SHARE = 0.2
"""Of the pictures are smeared by motion."""
EVEN_LIGHT = 0.8
"""Light to which the exposure tends."""
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
        body: Draw whole people; otherwise arms that come from outside the picture, which only
            hands within about 0.8 m can do.
        pair: Probability that two hands are those of one person.
        truncated: Probability that a hand may be partly outside the picture.
        sleeves: Probability of long sleeves; the others are short, or there are none.
        objects: Probability that a person holds something.
        distractors: Probability of a bystander without hands in the picture, and of a loose
            thing.
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
    sleeves: float = 0.55
    objects: float = 0.15
    distractors: float = 0.2
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
        _check_range('sleeves', (0.0, self.sleeves), 0.0, 1.0)
        _check_range('objects', (0.0, self.objects), 0.0, 1.0)
        _check_range('distractors', (0.0, self.distractors), 0.0, 1.0)
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
        self._things = ThingSampler(model.joints[1])
        self._device = str(model.neck.device)
        self._photos = pack_photos(backgrounds, self._device)
        self._panoramas = PanoramaStore(panoramas, self._device) if panoramas else None

    def sample(
        self, config: SceneConfig, seeds: Sequence[int], *, shaded: bool = True
    ) -> SceneParameters:
        """Draws one scene per seed; without what is seen behind it unless it will be shaded."""
        draws = Draws(seeds, self._device)
        wishes = _sample_wishes(draws.fork(4), config)
        lens = _sample_lens(draws.fork(0), config, wishes)
        people, things = self._people(draws.fork(1), config, lens.intrinsics, wishes)
        opaque = config.background == 'scene'
        light, background = self._surroundings(draws.fork(2), config, lens, seen=opaque and shaded)
        behind = None
        if opaque:
            size = (config.height, config.width)
            behind = _wall(draws.fork(3), people, lens.intrinsics, size)
        return SceneParameters(
            height=config.height,
            width=config.width,
            supersampling=config.supersampling,
            seeds=torch.tensor(list(seeds), device=self._device),
            people=people,
            light=light,
            lens=_expose(lens, light),
            things=things,
            background=background,
            background_depth_m=behind,
        )

    def _surroundings(
        self, draws: Draws, config: SceneConfig, lens: Lens, *, seen: bool
    ) -> tuple[Light, Tensor | None]:
        """Light of panoramas or lamps, and what is seen behind the people."""
        light = sample_lamps(draws)
        inside = draws.chance(probability=PANORAMA_SHARE)
        brightness = draws.uniform(low=0.5, high=1.1)
        which, to_camera = draws.uniform(), sample_headings(draws)
        kind = draws.choice(weights=(1 - PHOTO_SHARE, PHOTO_SHARE))
        if self._photos is None:
            kind = torch.zeros_like(kind)
        panorama = torch.zeros_like(kind)
        if self._panoramas is not None:
            panorama = (which * len(self._panoramas)).long()
            lit = self._panoramas.light(panorama, to_camera, brightness)
            light = choose(inside, lit, light)
            view = inside & draws.chance(probability=PANORAMA_VIEW_SHARE)
            kind = torch.where(view, 2, kind)
        if not seen:
            return light, None
        level = light.ambient[:, 0].mean(1) + 0.5 * light.key_colour.mean(1)
        level = level * torch.exp(draws.normal(std=0.3))
        size = (config.height, config.width)
        behind = level.new_empty(len(draws), *size, 3)
        flat, pictures, views = ((kind == index).nonzero().squeeze(1) for index in range(3))
        dim = level[:, None, None, None]
        behind[flat] = invented(draws.take(flat), size) * dim[flat]
        if self._photos is not None:
            crops = photo_crops(draws.take(pictures), self._photos, size)
            behind[pictures] = crops * dim[pictures]
        if self._panoramas is not None:
            rays = picture_rays(lens.intrinsics[views], size)
            seen_light = self._panoramas.view(panorama[views], to_camera[views], rays)
            behind[views] = seen_light.view(-1, *size, 3) * brightness[views, None, None, None]
        return light, behind

    def _people(
        self, draws: Draws, config: SceneConfig, intrinsics: Tensor, wishes: Sequence[Wish]
    ) -> tuple[People, Things]:
        count = len(wishes)
        shape, scale = sample_shapes(draws, count)
        skin, tint = sample_skins(draws, self._atlas, count)
        gloss = draws.uniform(count, 2)
        joints, _ = self._model.shape_joints(shape.flatten(0, 1), scale.flatten())
        joints = joints.unflatten(0, (-1, count))
        fingers = self._fingers.sample(draws, 2 * count).unflatten(1, (count, 2))
        wanted = torch.stack([wish.hands for wish in wishes], 1)
        held = self._things.hold(draws.fork(100), wanted, joints, config.objects)
        holds = held.there[..., None] & (held.side[..., None] == wanted.new_tensor((0, 1)).long())
        fingers = torch.where(holds[..., None, None], held.fingers[:, :, None], fingers)
        frame = Frame(config.height, config.width, intrinsics, config.body)
        placed = place_people(draws, frame, joints, fingers, wishes)
        rows = held.side[..., None, None].expand(-1, -1, 1, 3)
        hands = placed.keypoints[:, :, :, 9].gather(2, rows)[:, :, 0]
        people = People(
            parts_drawn=placed.parts_drawn,
            shape=shape,
            scale=scale,
            arms=placed.arms,
            fingers=fingers,
            head=draws.normal(count, 2, std=0.25).clamp(-0.6, 0.6),
            rotation=placed.rotation,
            position=placed.position,
            skin=skin,
            tint=tint,
            gloss=gloss * gloss.new_tensor((0.1, 50.0)) + gloss.new_tensor((0.02, 18.0)),
            **sample_clothes(draws, count, config.sleeves),
        )
        # Of a pair that found no place one arm may be left, and not the one that holds a thing.
        arms_drawn = placed.parts_drawn[..., 1:].gather(-1, held.side[..., None])[..., 0]
        shown = arms_drawn & wanted.any(-1)
        return people, self._things.things(draws.fork(101), held, shown, hands, config.distractors)


def _sample_wishes(draws: Draws, config: SceneConfig) -> list[Wish]:
    """What is asked of every person: which hands, how far or how large, how much cut off."""
    people = max(1, config.hands[1])
    bystanders = 1 if config.distractors > 0 and config.body else 0
    count = people + bystanders
    wanted = _wanted_hands(draws, config, count)
    present = wanted.any(-1)
    present[:, people:] = draws.chance(bystanders, probability=config.distractors)
    low, high = (math.log(value) for value in config.distance_m)
    distance = draws.uniform(count, low=low, high=high).exp()
    share = torch.full_like(distance, torch.nan)
    if config.hand_share is not None:
        low, high = (math.log(value) for value in config.hand_share)
        share = draws.uniform(count, low=low, high=high).exp()
    cut = draws.chance(count, probability=config.truncated)
    inside = torch.where(cut, draws.uniform(count, low=0.35, high=0.9), 0.999)
    return [
        Wish(*(field[:, person] for field in (present, wanted, distance, share, inside)))
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
    moves = draws.chance(1, probability=MOTION_SHARE)
    way = draws.uniform(low=0.0, high=2 * math.pi)
    speed = draws.uniform(1, low=math.log(1.0), high=math.log(0.05 * config.width)).exp() * moves
    return Lens(
        intrinsics=torch.cat((focal[:, None], focal[:, None], centre + middle), 1),
        exposure=exposure,
        gamma=draws.normal(mean=2.2, std=0.12).clamp(1.8, 2.6),
        defocus_px=draws.uniform(low=0.0, high=1.1),
        motion_px=torch.stack((way.cos(), way.sin()), -1) * speed,
        noise=0.05 * draws.uniform() ** 2,
    )


def _expose(lens: Lens, light: Light) -> Lens:
    """What an automatic exposure does: part of the way to an even brightness."""
    level = light.ambient[:, 0].mean(1) + 0.6 * light.key_colour.mean(1)
    gain = power(EVEN_LIGHT / level.clamp(min=1e-3), 0.7)
    return replace(lens, exposure=lens.exposure * gain.clamp(0.5, 4.0)[:, None])


def _wall(draws: Draws, people: People, intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
    """Depth of a wall behind the people, in half of the pictures: (N, H, W) metres or NaN."""
    distance = farthest(people) + draws.uniform(low=math.log(0.05), high=math.log(2.0)).exp()
    normal = torch.cat((draws.normal(2, std=0.25), -torch.ones_like(distance)[:, None]), 1)
    rays = picture_rays(intrinsics, size)
    slope = -(rays * normal[:, None]).sum(-1)
    # Where it leans to the camera it is as far away as it was drawn, and farther elsewhere.
    distance = distance * slope.amax(-1)
    depth = torch.where(slope > 0.1, distance[:, None] / slope, torch.nan)
    there = draws.chance(1, probability=WALL_SHARE)
    return torch.where(there, depth, torch.nan).view(len(draws), *size)
