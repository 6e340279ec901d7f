"""What is behind the people: photographs, panoramas, and invented walls, patterns and shapes."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.hand_kinematics import multiply, rotation
from hand_pose_ros.data.rendering.looks import DARKEST_SKIN, LIGHTEST_SKIN
from hand_pose_ros.data.rendering.steady import power, sigmoid
from hand_pose_ros.data.rendering.texels import TexelStore

PHOTO_LEVELS = 5
SHAPES = 7


def pack_photos(photos: Sequence[NDArray[np.uint8]], device: str) -> TexelStore | None:
    """Packs background photographs; None for none.

    Raises:
        ValueError: One is not (h, w, 3) uint8 or smaller than 32 pixels.
    """
    for index, photo in enumerate(photos):
        if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
            raise ValueError(
                f'background {index} must be (h, w, 3) uint8, got {photo.shape} {photo.dtype}'
            )
        if min(photo.shape[:2]) < 32:
            raise ValueError(f'background {index} must be 32 pixels or more, got {photo.shape}')
    return TexelStore(photos, PHOTO_LEVELS, device) if photos else None


def photo_crops(draws: Draws, photos: TexelStore, size: tuple[int, int]) -> Tensor:
    """Parts of photographs, flipped and recoloured at random: (N, H, W, 3) linear light."""
    count, (height, width) = len(draws), size
    photo = draws.integers(low=0, high=len(photos) - 1)
    extent = photos.sizes(photo).float()  # (2, N)
    longest = torch.minimum(extent[0] / width, extent[1] / height)
    # Texels per pixel, from magnified twice to the largest crop that fits.
    zoom = torch.exp(draws.uniform(low=math.log(0.5), high=0.0)) * longest
    window = torch.stack((zoom * width, zoom * height)) / extent
    start = draws.uniform(2).T * (1 - window)
    flip = draws.chance(probability=0.5)
    x = (torch.arange(width, device=photo.device) + 0.5) / width
    y = (torch.arange(height, device=photo.device) + 0.5) / height
    across = torch.where(flip[:, None], 1 - x, x) * window[0][:, None] + start[0][:, None]
    down = y * window[1][:, None] + start[1][:, None]
    place = torch.stack(
        (
            across[:, None, :].expand(-1, height, -1).flatten(),
            down[:, :, None].expand(-1, -1, width).flatten(),
        )
    )
    level = zoom.clamp(min=1).log2().round().long().clamp(0, photos.levels - 1)
    pixels = height * width
    colour = photos.sample(photo.repeat_interleave(pixels), level.repeat_interleave(pixels), place)
    jitter = torch.exp(draws.normal(3, std=0.1))
    return colour.T.view(count, height, width, 3) * jitter[:, None, None]


def invented(draws: Draws, size: tuple[int, int]) -> Tensor:
    """Walls, cloudy patterns and scattered shapes, many in the colours of skin and wood.

    Returns:
        (N, H, W, 3) linear light.
    """
    image = _clouds(draws, size)
    image = _add_shapes(draws, image)
    plain = draws.chance(1, 1, 1, probability=0.2)
    wall = sample_colours(draws, 1)[:, None]
    return torch.where(
        plain, wall + 0.1 * (image - image.mean((1, 2), keepdim=True)), image
    ).clamp(min=0)


def sample_colours(draws: Draws, count: int) -> Tensor:
    """(N, count, 3) colours in linear light: greys, pale ones and, to distract, skin and wood."""
    value = power(draws.uniform(count, 1), 1.5) * 0.9 + 0.01
    tint = torch.lerp(torch.ones(3, device=value.device), draws.uniform(count, 3), 0.5)
    tint = torch.lerp(torch.ones_like(tint), tint, draws.uniform(count, 1) ** 2)
    dark, light = value.new_tensor(DARKEST_SKIN).log(), value.new_tensor(LIGHTEST_SKIN).log()
    skin = torch.exp(
        torch.lerp(dark, light, draws.uniform(count, 1)) + draws.normal(count, 3, std=0.12)
    )
    return torch.where(draws.chance(count, 1, probability=0.35), skin, value * tint)


def _clouds(draws: Draws, size: tuple[int, int]) -> Tensor:
    """Two colours mixed by noise of several grain sizes: (N, H, W, 3)."""
    colours = sample_colours(draws, 2)
    # Grids are stretched differently per axis, which also makes stripes as in wood.
    mix = torch.zeros(len(draws), *size, device=colours.device)
    for rows, columns, weight in ((3, 3, 1.0), (9, 5, 0.5), (40, 6, 0.35), (96, 96, 0.25)):
        grid = draws.normal(1, rows, columns)
        noise = functional.interpolate(grid, size=size, mode='bilinear', align_corners=True)
        share = weight * draws.uniform(1, 1)
        mix = mix + noise[:, 0] * share
    mix = sigmoid(1.5 * mix)[..., None]
    return torch.lerp(colours[:, None, None, 0], colours[:, None, None, 1], mix)


def _add_shapes(draws: Draws, image: Tensor) -> Tensor:
    """Lays ellipses, boxes and long bars over a picture, shaded like rounded things."""
    height, width = image.shape[1:3]
    scale = max(height, width)
    y = (torch.arange(height, device=image.device) - height / 2) / scale
    x = (torch.arange(width, device=image.device) - width / 2) / scale
    colours = sample_colours(draws, SHAPES)
    centre = draws.uniform(SHAPES, 2, low=-0.55, high=0.55)
    radii = torch.exp(draws.uniform(SHAPES, 2, low=math.log(0.02), high=math.log(0.35)))
    angle = draws.uniform(SHAPES, low=0.0, high=math.pi)
    round_ = draws.chance(SHAPES, probability=0.5)
    there = draws.chance(SHAPES, probability=0.45)
    for shape in range(SHAPES):
        c, s = angle[:, shape].cos()[:, None, None], angle[:, shape].sin()[:, None, None]
        dx = x - centre[:, shape, 0, None, None]
        dy = y[:, None] - centre[:, shape, 1, None, None]
        u = (c * dx + s * dy) / radii[:, shape, 0, None, None]
        v = (c * dy - s * dx) / radii[:, shape, 1, None, None]
        far = torch.where(
            round_[:, shape, None, None], (u * u + v * v).sqrt(), torch.maximum(u.abs(), v.abs())
        )
        inside = ((1 - far) * 40).clamp(0, 1) * there[:, shape, None, None]
        shaded = colours[:, shape, None, None] * (0.75 + 0.25 * (u - v).clamp(-1, 1))[..., None]
        image = torch.lerp(image, shaded, inside[..., None])
    return image


def sample_headings(draws: Draws) -> Tensor:
    """How cameras look into panoramas: (N, 3, 3) from the world (y up) to the camera."""
    yaw = draws.uniform(low=-math.pi, high=math.pi)
    pitch, roll = draws.normal(std=0.2), draws.normal(std=0.1)
    facing = torch.diag(yaw.new_tensor((1.0, -1.0, -1.0)))
    turn = multiply(facing, rotation(1, yaw))
    return multiply(rotation(2, roll), multiply(rotation(0, pitch), turn))


def picture_rays(intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
    """Directions of all pixels, z = 1: (N, 4) -> (N, H * W, 3)."""
    height, width = size
    fx, fy, cx, cy = (value[:, None, None] for value in intrinsics.unbind(1))
    x = (torch.arange(width, device=fx.device) - cx) / fx
    y = (torch.arange(height, device=fx.device)[:, None] - cy) / fy
    x, y = x.expand(-1, height, -1), y.expand(-1, -1, width)
    return torch.stack((x, y, torch.ones_like(x)), -1).flatten(1, 2)
