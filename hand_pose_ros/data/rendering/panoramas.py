"""Surroundings as equirectangular panoramas: they light the scene and stand behind it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.rendering.hand_kinematics import apply
from hand_pose_ros.data.rendering.scenes import Light
from hand_pose_ros.data.rendering.shading import harmonics
from hand_pose_ros.data.rendering.steady import azimuth

SIZE = (512, 1024)
_COARSE = (16, 32)
GLARE = 6.0
"""Radiance over the mean from which light counts as the lamp that casts shadows."""
BRIGHTEST = 20.0
COSINE_LOBE = (math.pi, 2 * math.pi / 3, math.pi / 4)
"""What a Lambert surface keeps of each order of harmonics (Ramamoorthi and Hanrahan 2001)."""
_NORMS = (
    (1 / (4 * math.pi), COSINE_LOBE[0]),
    *((3 / (4 * math.pi), COSINE_LOBE[1]),) * 3,
    *((15 / (4 * math.pi), COSINE_LOBE[2]),) * 2,
    (5 / (16 * math.pi), COSINE_LOBE[2]),
    (15 / (4 * math.pi), COSINE_LOBE[2]),
    (15 / (16 * math.pi), COSINE_LOBE[2]),
)
"""Squared norm of each function of `harmonics` and its order's share."""


@dataclass(frozen=True)
class _Lamp:
    """The brightest part of a panorama, and the rest.

    Attributes:
        direction: (3,) unit vector, world frame (x right, y up, z toward the viewer's back).
        colour: (3,) its irradiance over pi.
        rest: (16 * 32, 3) radiance without it.
    """

    direction: NDArray[np.float32]
    colour: NDArray[np.float32]
    rest: NDArray[np.float32]


class PanoramaStore:
    """Panoramas, scaled so that each lights a level surface with 1."""

    def __init__(self, panoramas: Sequence[NDArray[np.float32]], device: str = 'cpu') -> None:
        """Takes (h, 2 h, 3) float32 RGB panoramas in linear light.

        Raises:
            ValueError: One has another shape or is dark or broken.
        """
        views, lamps = [], []
        for index, panorama in enumerate(panoramas):
            view = _checked(index, panorama)
            lamps.append(_split(view))
            views.append(view.reshape(-1, 3).clip(0, BRIGHTEST))
        self._views = torch.from_numpy(np.concatenate(views)).to(device)
        self._direction = torch.from_numpy(np.stack([v.direction for v in lamps])).to(device)
        self._colour = torch.from_numpy(np.stack([v.colour for v in lamps])).to(device)
        self._rest = torch.from_numpy(np.stack([v.rest for v in lamps])).to(device)
        directions, solid = _directions(_COARSE)
        self._coarse = torch.from_numpy(directions).to(device)
        norms = np.array([norm * lobe / math.pi for norm, lobe in _NORMS], np.float32)
        self._weights = torch.from_numpy(solid[:, None] * norms).to(device)

    def __len__(self) -> int:
        return len(self._direction)

    def light(self, panorama: Tensor, to_camera: Tensor, brightness: Tensor) -> Light:
        """Light of panoramas.

        Args:
            panorama: (N,) int64.
            to_camera: (N, 3, 3) from the world's frame to the camera's.
            brightness: (N,).
        """
        directions = apply(to_camera[:, None], self._coarse)  # (N, D, 3)
        basis = harmonics(directions) * self._weights
        ambient = (basis[..., None] * self._rest[panorama][:, :, None]).sum(1)
        return Light(
            ambient=ambient * brightness[:, None, None],
            key_direction=apply(to_camera, self._direction[panorama]),
            key_colour=self._colour[panorama] * brightness[:, None],
        )

    def view(self, panorama: Tensor, to_camera: Tensor, rays: Tensor) -> Tensor:
        """What the camera sees of panoramas: (N,), (N, 3, 3), (N, F, 3) -> (N, F, 3)."""
        world = apply(to_camera.mT[:, None], rays)
        x, y, z = torch.nn.functional.normalize(world, dim=-1).unbind(-1)
        height, width = SIZE
        u = (azimuth(x, -z) / (2 * math.pi) + 0.5) * width - 0.5
        v = (torch.acos(y.clamp(-1, 1)) / math.pi * height - 0.5).clamp(0, height - 1.001)
        left, top = u.floor(), v.floor()
        part_u, part_v = (u - left)[..., None], (v - top)[..., None]
        start = panorama[:, None] * height * width + top.long() * width
        first, second = left.long() % width, (left.long() + 1) % width

        def fetch(column: Tensor, below: int) -> Tensor:
            index = (start + column + below).flatten()
            return self._views.index_select(0, index).view(*rays.shape)

        upper = torch.lerp(fetch(first, 0), fetch(second, 0), part_u)
        lower = torch.lerp(fetch(first, width), fetch(second, width), part_u)
        return torch.lerp(upper, lower, part_v)


def _checked(index: int, panorama: NDArray[np.float32]) -> NDArray[np.float32]:
    shape = panorama.shape
    if panorama.ndim != 3 or shape[2] != 3 or shape[1] != 2 * shape[0]:
        raise ValueError(f'panorama {index} must be (h, 2 h, 3), got {shape}')
    view = cv2.resize(panorama.astype(np.float32), SIZE[::-1], interpolation=cv2.INTER_AREA)
    view = np.nan_to_num(view, posinf=0.0).clip(0)
    directions, solid = _directions(SIZE)
    up = (directions[:, 1].clip(0) * solid) @ view.reshape(-1, 3).mean(axis=1) / math.pi
    if up <= 0:
        raise ValueError(f'panorama {index} is black: no light comes from above')
    return view / np.float32(up)


def _directions(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors of the pixels, row by row, and their solid angles."""
    height, width = size
    polar = (np.arange(height) + 0.5) / height * math.pi
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2 * math.pi
    polar, azimuth = np.meshgrid(polar, azimuth, indexing='ij')
    directions = np.stack(
        (np.sin(polar) * np.sin(azimuth), np.cos(polar), -np.sin(polar) * np.cos(azimuth)), -1
    )
    solid = np.sin(polar) * (math.pi / height) * (2 * math.pi / width)
    return directions.reshape(-1, 3).astype(np.float32), solid.ravel().astype(np.float32)


def _split(view: NDArray[np.float32]) -> _Lamp:
    directions, solid = _directions(SIZE)
    radiance = view.reshape(-1, 3)
    brightness = radiance.mean(axis=1)
    threshold = GLARE * float(brightness @ solid) / (4 * math.pi)
    excess = radiance * (1 - threshold / brightness.clip(threshold))[:, None]
    weight = excess.mean(axis=1) * solid
    if weight.sum() < 0.02:
        # Evenly lit: the brightest direction still lends some relief.
        excess = (
            0.3
            * radiance
            * (directions @ _mean_direction(brightness * solid, directions))[:, None].clip(0)
        )
        weight = excess.mean(axis=1) * solid
    rest = (radiance - excess).reshape(*SIZE, 3)
    return _Lamp(
        direction=_mean_direction(weight, directions),
        colour=(solid @ excess / math.pi).astype(np.float32),
        rest=cv2.resize(rest, _COARSE[::-1], interpolation=cv2.INTER_AREA).reshape(-1, 3),
    )


def _mean_direction(
    weight: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    mean = weight @ directions
    return (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
