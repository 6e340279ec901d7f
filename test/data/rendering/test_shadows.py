import math

import torch

from hand_pose_ros.data.rendering.shadows import (
    Casters,
    cast_shadows,
    light_axes,
    lit_share,
    openness,
)


def square(z: float, side: float) -> torch.Tensor:
    half = side / 2
    corners = ((-half, -half), (half, -half), (half, half), (-half, half))
    return torch.tensor([(x, y, z) for x, y in corners])


def test_what_lies_behind_a_caster_is_in_shadow_and_what_is_beside_it_is_not():
    casters = Casters(
        vertices=square(1.0, 0.1),
        vertex_map=torch.zeros(4, dtype=torch.int64),
        triangles=torch.tensor([[0, 0], [1, 2], [2, 3]]),
        triangle_map=torch.zeros(2, dtype=torch.int64),
    )
    to_camera = torch.tensor([[0.0, 0.0, -1.0]])
    maps = cast_shadows(casters, torch.tensor([[0.0, 0.0, 1.0]]), to_camera)
    points = torch.tensor([[0.0, 0.0, 1.05], [0.08, 0.0, 1.05], [0.0, 0.0, 0.95], [9.0, 0.0, 1.0]])
    normals = to_camera.expand(4, 3)
    index = torch.zeros(4, dtype=torch.int64)
    assert lit_share(maps, index, points, normals).tolist() == [0.0, 1.0, 1.0, 1.0]
    assert lit_share(maps, index - 1, points, normals).tolist() == [1.0] * 4


def test_a_surface_does_not_shade_itself():
    casters = Casters(
        vertices=square(1.0, 0.3),
        vertex_map=torch.zeros(4, dtype=torch.int64),
        triangles=torch.tensor([[0, 0], [1, 2], [2, 3]]),
        triangle_map=torch.zeros(2, dtype=torch.int64),
    )
    slanted = torch.nn.functional.normalize(torch.tensor([[0.7, 0.2, -0.7]]), dim=1)
    maps = cast_shadows(casters, torch.tensor([[0.0, 0.0, 1.0]]), slanted)
    spread = torch.linspace(-0.1, 0.1, 200)
    points = torch.stack((spread, spread.flip(0), torch.ones(200)), 1)
    normals = torch.tensor((0.0, 0.0, -1.0)).expand(200, 3)
    assert (lit_share(maps, torch.zeros(200, dtype=torch.int64), points, normals) == 1).all()


def test_light_axes_are_orthonormal_and_end_at_the_light():
    directions = torch.nn.functional.normalize(torch.randn(20, 3), dim=1)
    axes = light_axes(directions)
    assert torch.allclose(axes.mT @ axes, torch.eye(3).expand(20, 3, 3), atol=1e-5)
    assert torch.allclose(axes[..., 2], directions, atol=1e-6)


def test_a_groove_is_darker_than_the_plain_and_nothing_is_darker_behind_an_edge():
    depth = torch.full((1, 96, 96), 0.5)
    depth[:, :, 46:50] += 0.012
    depth[:, :10] = math.nan
    focal = torch.tensor([400.0])
    share = openness(depth, focal).view(96, 96)
    assert share[60, 48] < 0.75
    assert share[60, 20] > 0.97
    assert (share[:10] == 1).all()
    far = torch.full((1, 96, 96), 0.5)
    far[:, :, 48:] = 1.5
    assert openness(far, focal).view(96, 96)[50, 60] > 0.97
