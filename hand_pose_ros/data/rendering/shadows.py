"""Shadows of the key light around each hand, and the gloom of creases (ambient occlusion)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.hand_kinematics import frame
from hand_pose_ros.data.rendering.raster import rasterise

MAP_SIZE = 256
MAP_SIDE_M = 0.38
BIAS_M = 0.0025
OCCLUSION_RADII_M = (0.006, 0.02)
OCCLUSION_STRENGTH = 0.42


@dataclass(frozen=True)
class ShadowMaps:
    """Distances along the key light around hands.

    Attributes:
        centre: (S, 3) metres, camera frame.
        axes: (S, 3, 3), columns x and y of the map and the direction to the light.
        closeness: (S, MAP_SIZE, MAP_SIZE) metres toward the light; -inf where nothing is.
    """

    centre: Tensor
    axes: Tensor
    closeness: Tensor


@dataclass(frozen=True)
class Casters:
    """What throws shadows into maps.

    Attributes:
        vertices: (Q, 3) metres, camera frame.
        vertex_map: (Q,) int64, the map of each vertex.
        triangles: (3, T) int64.
        triangle_map: (T,) int64.
    """

    vertices: Tensor
    vertex_map: Tensor
    triangles: Tensor
    triangle_map: Tensor


def cast_shadows(casters: Casters, centre: Tensor, direction: Tensor) -> ShadowMaps:
    """Renders one map per hand from the light.

    Args:
        casters: What throws shadows.
        centre: (S, 3) metres, the middle of each map.
        direction: (S, 3) unit vectors to the light.
    """
    axes = light_axes(direction)
    which = casters.vertex_map
    fragments = rasterise(
        torch.stack(_to_map(casters.vertices, centre[which], axes[which])).double(),
        casters.triangles,
        casters.triangle_map,
        (len(centre), MAP_SIZE, MAP_SIZE),
        torch.zeros_like(casters.triangle_map, dtype=torch.float32),
    )
    return ShadowMaps(centre, axes, fragments.buffer)


def light_axes(direction: Tensor) -> Tensor:
    """Right-handed axes with z to the light: (S, 3) -> (S, 3, 3) columns."""
    up = torch.eye(3, device=direction.device)[direction.abs().argmin(-1)]
    axes = frame(direction, up)  # columns x, direction, z
    return torch.stack((axes[..., 0], axes[..., 2], axes[..., 1]), -1)


def _to_map(points: Tensor, centre: Tensor, axes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    offset = points - centre
    u, v, w = ((offset * axes[..., axis]).sum(-1) for axis in range(3))
    scale = MAP_SIZE / MAP_SIDE_M
    middle = (MAP_SIZE - 1) / 2
    return u * scale + middle, v * scale + middle, w


def lit_share(maps: ShadowMaps, index: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """How much of the key light reaches points, 0..1.

    Args:
        maps: The maps.
        index: (F,) int64, the map to ask; -1 for none (fully lit).
        points: (F, 3) metres.
        normals: (F, 3).

    Returns:
        (F,); 1 outside the map.
    """
    if len(maps.centre) == 0:
        return points.new_ones(len(points))
    row = index.clamp(min=0)
    # The offset along the normal keeps curved skin from shading itself.
    u, v, w = _to_map(points + BIAS_M * normals, maps.centre[row], maps.axes[row])
    x, y = u.floor().clamp(-1, MAP_SIZE), v.floor().clamp(-1, MAP_SIZE)
    part_x, part_y = u - x, v - y
    inside = (x >= 0) & (y >= 0) & (x < MAP_SIZE - 1) & (y < MAP_SIZE - 1) & (index >= 0)
    first = (row * MAP_SIZE + y.long().clamp(0, MAP_SIZE - 2)) * MAP_SIZE
    first = first + x.long().clamp(0, MAP_SIZE - 2)
    flat = maps.closeness.flatten()

    def lit(step: int) -> Tensor:
        return (flat.index_select(0, first + step) <= w + BIAS_M).float()

    top = torch.lerp(lit(0), lit(1), part_x)
    bottom = torch.lerp(lit(MAP_SIZE), lit(MAP_SIZE + 1), part_x)
    return torch.where(inside, torch.lerp(top, bottom, part_y), 1.0)


def openness(depth_m: Tensor, focal_px: Tensor) -> Tensor:
    """How much of the ambient light reaches each pixel: 1 less its depth below its neighbours.

    Compares each depth with the mean of the covered depths in boxes of two sizes in metres.

    Args:
        depth_m: (N, H, W); NaN where nothing is.
        focal_px: (N,).

    Returns:
        (N * H * W,) in 0..1; 1 where nothing is.
    """
    _, height, width = depth_m.shape
    known = depth_m.isfinite()
    # A constant taken off keeps the running sums small.
    base = torch.where(known, depth_m, 0.0).amax((1, 2), keepdim=True)
    depth = torch.where(known, depth_m - base, 0.0)
    exact = depth.double()
    sums = torch.stack((exact, known.double(), exact * exact)).cumsum(2).cumsum(3)
    sums = functional.pad(sums, (1, 0, 1, 0)).flatten(1)
    place = known.flatten().nonzero().squeeze(1)
    image = place // (height * width)
    own = depth.flatten().index_select(0, place)
    pixels_per_metre = focal_px[image] / depth_m.flatten().index_select(0, place)
    result = torch.ones_like(own)
    for radius in OCCLUSION_RADII_M:
        window = (radius * pixels_per_metre).round().long().clamp(1, 64)
        total, known_count, squares = _box_sums(sums, place, window, (height, width))
        mean = total / known_count.clamp(min=1)
        spread = (squares / known_count.clamp(min=1) - mean * mean).clamp(min=0).sqrt()
        below = ((own - mean) / radius).float()
        # At an outline the neighbours are all on one side: it curves away, it is no crease.
        surrounded = (2 * known_count / (2 * window + 1) ** 2 - 1).clamp(0, 1).float()
        # Depths that differ by more than a crease can are those of separate things.
        joined = (1.5 - spread / radius).clamp(0, 1).float()
        result = result - OCCLUSION_STRENGTH * below.clamp(0, 1) * surrounded * joined
    everywhere = torch.ones_like(depth).flatten()
    return everywhere.index_copy(0, place, result.clamp(min=0.15))


def _box_sums(sums: Tensor, place: Tensor, radius: Tensor, size: tuple[int, int]) -> Tensor:
    """Sums over boxes about pixels, from running sums.

    Args:
        sums: (3, N * (H + 1) * (W + 1)) sums of all that is above and to the left.
        place: (F,) int64, flat indices of pixels.
        radius: (F,) int64 pixels.
        size: (H, W).

    Returns:
        (3, F).
    """
    height, width = size
    x, y = place % width, place // width % height
    first_row = place // (height * width) * (height + 1)
    top, bottom = (y - radius).clamp(min=0), (y + radius + 1).clamp(max=height)
    left, right = (x - radius).clamp(min=0), (x + radius + 1).clamp(max=width)

    def at(row: Tensor, column: Tensor) -> Tensor:
        return sums.index_select(1, (first_row + row) * (width + 1) + column)

    return at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
