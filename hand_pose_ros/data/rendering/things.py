"""The shapes of simple things: ball, box and rod."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

BALL, BOX, ROD = range(3)
NOT_THERE = -1
RINGS, SECTORS = 14, 24


@dataclass(frozen=True)
class UnitMesh:
    """A closed surface between -1 and 1.

    Attributes:
        vertices: (V, 3).
        normals: (V, 3) unit.
        triangles: (F, 3) int64, counter-clockwise seen from outside.
    """

    vertices: Tensor
    normals: Tensor
    triangles: Tensor


def unit_meshes(device: torch.device | str = 'cpu') -> tuple[UnitMesh, UnitMesh, UnitMesh]:
    """Ball of radius 1, box, and rod along y of radius 1: indices BALL, BOX, ROD."""
    meshes = _ball(), _box(), _rod()
    return tuple(UnitMesh(*(field.to(device) for field in vars(mesh).values())) for mesh in meshes)  # type: ignore[return-value]


def _tube(heights: Tensor, radii: Tensor, normals_y: Tensor) -> UnitMesh:
    """A surface of revolution about y from rings listed from the top down: (R,) each."""
    turn = torch.arange(SECTORS) * (2 * math.pi / SECTORS)
    around = torch.stack((turn.cos(), torch.zeros_like(turn), turn.sin()), -1)
    up = torch.tensor((0.0, 1.0, 0.0))
    vertices = radii[:, None, None] * around + heights[:, None, None] * up
    flat = (1 - normals_y * normals_y).clamp(min=0).sqrt()
    normals = flat[:, None, None] * around + normals_y[:, None, None] * up
    ring = torch.arange(len(heights) - 1)[:, None] * SECTORS
    a, b = ring + torch.arange(SECTORS), ring + (torch.arange(SECTORS) + 1) % SECTORS
    c, d = a + SECTORS, b + SECTORS
    triangles = torch.cat((torch.stack((a, b, c), -1), torch.stack((b, d, c), -1)))
    return UnitMesh(vertices.flatten(0, 1), normals.flatten(0, 1), triangles.flatten(0, 1))


def _ball() -> UnitMesh:
    polar = torch.linspace(0, math.pi, RINGS)
    return _tube(polar.cos(), polar.sin(), polar.cos())


def _rod() -> UnitMesh:
    # Rings are doubled at the rims, where the normal turns sharply.
    return _tube(
        torch.tensor((1.0, 1.0, 1.0, -1.0, -1.0, -1.0)),
        torch.tensor((0.0, 1.0, 1.0, 1.0, 1.0, 0.0)),
        torch.tensor((1.0, 1.0, 0.0, 0.0, -1.0, -1.0)),
    )


def _box() -> UnitMesh:
    vertices: list[Tensor] = []
    normals: list[Tensor] = []
    triangles: list[list[int]] = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            n = torch.eye(3)[axis] * sign
            u = torch.eye(3)[(axis + 1) % 3]
            v = torch.linalg.cross(n, u)
            start = 4 * len(normals)
            vertices += [n - u - v, n + u - v, n + u + v, n - u + v]
            normals.append(n.expand(4, 3))
            triangles += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    return UnitMesh(torch.stack(vertices), torch.cat(normals), torch.tensor(triangles))
