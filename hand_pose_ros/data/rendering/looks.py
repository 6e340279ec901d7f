"""How people look and how they are lit: build, skin, clothes, lamps and cameras at random."""

import math

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.hand_assets import (
    AGES,
    HAND_TARGETS,
    RACES,
)
from hand_pose_ros.data.rendering.scenes import Light
from hand_pose_ros.data.rendering.skins import SkinAtlas
from hand_pose_ros.data.rendering.steady import power

DARKEST_SKIN = (0.055, 0.026, 0.016)
LIGHTEST_SKIN = (0.66, 0.42, 0.31)
"""Linear light; the tones in between are geometric means."""


def sample_shapes(draws: Draws, count: int) -> tuple[Tensor, Tensor]:
    """Bodies of all ages, builds and origins, with hands of their own proportions.

    Returns:
        (N, count, K) coefficients of TARGETS, and (N, count) scales.
    """
    # A Dirichlet's weights are normalised gamma draws; exponents of uniforms come close.
    race = draws.uniform(count, len(RACES)) ** 2 + 1e-3
    race = race / race.sum(-1, keepdim=True)
    male = draws.uniform(count)
    gender = torch.stack((1 - male, male), -1)
    age = draws.uniform(count, len(AGES)) ** 3 * race.new_tensor((0.15, 1.0, 0.6)) + 1e-3
    age = age / age.sum(-1, keepdim=True)
    levels = draws.uniform(count, 2, low=-0.9, high=0.9)
    level = torch.stack((-levels, 1 - levels.abs(), levels), -1).clamp(min=0)  # (N, count, 2, 3)
    old = gender[..., :, None] * age[..., None, :]  # (N, count, 2, 3)
    macro = race[..., :, None, None] * old[..., None, :, :]
    physique = level[..., 0, :, None] * level[..., 1, None, :]
    build = old[..., None, None] * physique[..., None, None, :, :]
    strength = draws.normal(count, len(HAND_TARGETS) // 2, std=0.35)
    most = strength.new_tensor((0.6, 0.6, 0.4, 0.8, 0.8))
    strength = strength.minimum(most).maximum(-most)
    hand = torch.stack((-strength, strength), -1).clamp(min=0).flatten(2)
    scale = 0.97 * torch.exp(draws.normal(count, std=0.05))
    return torch.cat((macro.flatten(2), build.flatten(2), hand), -1), scale


def sample_skins(draws: Draws, atlas: SkinAtlas, count: int) -> tuple[Tensor, Tensor]:
    """A picture and a tint for every person, so that all tones occur, not only the pictures'.

    Returns:
        (N, count) int64 and (N, count, 3).
    """
    tone = power(draws.uniform(count), 0.6)
    dark, light = tone.new_tensor(DARKEST_SKIN).log(), tone.new_tensor(LIGHTEST_SKIN).log()
    target = torch.exp(
        torch.lerp(dark, light, tone[..., None])
        + draws.normal(count, 1, std=0.1)
        + draws.normal(count, 3, std=0.05)
    )
    # The nearer a picture's own tone, the more likely it is taken.
    gap = (target.mean(-1).log()[..., None] - atlas.means.mean(-1).log()).abs()
    skin = (gap + draws.uniform(count, len(atlas.means), high=0.9)).argmin(-1)
    return skin, (target / atlas.means[skin]).clamp(0.3, 3.0)


def sample_clothes(draws: Draws, count: int, long_sleeves: float) -> dict[str, Tensor]:
    """Sleeves and colours: the fields `cuff`, `sleeve`, `cloth`, `pattern` of People."""
    other = 1 - long_sleeves
    kind = draws.choice(count, weights=(long_sleeves, 0.75 * other, 0.25 * other))
    long, short = (
        draws.uniform(count, low=0.015, high=0.2),
        draws.uniform(count, low=0.3, high=0.4),
    )
    cuff = torch.where(kind == 0, long, torch.where(kind == 1, short, 0.47))
    value = power(draws.uniform(count, 3, 1), 1.5)
    hue = draws.uniform(count, 3, 3)
    saturation = draws.uniform(count, 3, 1) ** 2
    cloth = (0.02 + 0.75 * value) * torch.lerp(torch.ones_like(hue), hue, saturation)
    hair = draws.uniform(count, 1, 1) ** 3 * 0.3 * cloth.new_tensor((1.0, 0.62, 0.38)) + 0.008
    plain = draws.chance(count, probability=0.6)
    stripes = torch.where(plain, 0.0, draws.uniform(count, low=12.0, high=70.0))
    threshold = torch.where(plain, 2.0, draws.uniform(count, low=-0.7, high=0.7))
    return {
        'cuff': cuff,
        'sleeve': draws.uniform(count, low=0.002, high=0.009),
        'cloth': torch.cat((cloth, hair), 2),
        'pattern': torch.stack((stripes, threshold), -1),
    }


def sample_lamps(draws: Draws) -> Light:
    """A dim surrounding, brighter above, and one lamp anywhere but behind the scene."""
    ambient = draws.uniform(1, low=0.15, high=0.7) * torch.exp(draws.normal(3, std=0.12))
    slope = draws.normal(3, std=0.25)
    slope[:, 1] = slope[:, 1].abs() * -1 - 0.15  # from above: minus y
    first = torch.stack((slope[:, 1], slope[:, 2], slope[:, 0]), -1)  # order y, z, x
    harmonics = torch.zeros(len(draws), 9, 3, device=ambient.device)
    harmonics[:, 0] = 0.85 * ambient
    harmonics[:, 1:4] = first[..., None] * ambient[:, None]
    azimuth = draws.uniform(low=-math.pi, high=math.pi)
    height = draws.uniform(low=-0.15, high=0.95)
    flat = (1 - height * height).sqrt()
    direction = torch.stack((flat * azimuth.sin(), -height, -flat * azimuth.cos()), -1)
    # Light from behind the scene leaves hands dark; keep some of it.
    behind = (direction[:, 2] > 0) & draws.chance(probability=0.6)
    direction = direction * torch.where(behind[:, None], direction.new_tensor((1, 1, -1)), 1.0)
    colour = draws.uniform(1, low=0.25, high=1.4) * torch.exp(draws.normal(3, std=0.12))
    return Light(harmonics, direction, colour)
