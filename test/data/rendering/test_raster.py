import math

import pytest
import torch
from torch import Tensor

from hand_pose_ros.data.rendering.raster import corner_weights, rasterise
from hand_pose_ros.data.rendering.things import BALL, BOX, unit_meshes

SIZE = 48
FOCAL = 40.0
CENTRE = (23.3, 23.7)


def project(points: Tensor) -> Tensor:
    x, y, z = points.unbind(1)
    return torch.stack((FOCAL * x / z + CENTRE[0], FOCAL * y / z + CENTRE[1], 1 / z))


def draw(points: Tensor, triangles: Tensor, size: int = SIZE, facing: float = 0.0):
    image = torch.zeros(triangles.shape[1], dtype=torch.int64)
    sides = torch.full((triangles.shape[1],), facing)
    return rasterise(project(points), triangles, image, (1, size, size), sides)


def depth_of(fragments) -> Tensor:
    buffer = fragments.buffer[0].double()
    return torch.where(buffer > 0, 1 / buffer, torch.nan)


def cast(points: Tensor, triangles: Tensor, size: int = SIZE) -> Tensor:
    """Nearest hit of every pixel's ray with every triangle (Moeller and Trumbore 1997)."""
    pixels = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(pixels, pixels, indexing='ij')
    rays = torch.stack(((x - CENTRE[0]) / FOCAL, (y - CENTRE[1]) / FOCAL, torch.ones_like(x)), -1)
    rays = rays.view(-1, 1, 3)
    a, b, c = (points[corner] for corner in triangles)
    normal = torch.linalg.cross(rays, (c - a)[None].expand(len(rays), -1, -1))
    area = (normal * (b - a)).sum(-1)
    u = (-a * normal).sum(-1) / area
    q = torch.linalg.cross(-a, b - a)
    v = (rays * q).sum(-1) / area
    z = ((c - a) * q).sum(-1) / area
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (z > 0)
    nearest = torch.where(hit, z, math.inf).amin(1)
    return torch.where(nearest < math.inf, nearest, torch.nan).view(size, size)


def random_triangles(seed: int, count: int, extent: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    middle = torch.rand(count, 1, 3, generator=generator, dtype=torch.float64)
    middle = middle * torch.tensor((1.2, 1.2, 1.0)) + torch.tensor((-0.6, -0.6, 0.5))
    around = torch.rand(count, 3, 3, generator=generator, dtype=torch.float64) - 0.5
    points = (middle + extent * around).flatten(0, 1)
    return points, torch.arange(3 * count).view(count, 3).T


@pytest.mark.parametrize(('count', 'extent'), [(40, 0.8), (400, 0.15), (3000, 0.02)])
def test_equals_a_brute_force_ray_caster_to_the_pixel_and_to_a_micrometre(count, extent):
    points, triangles = random_triangles(count, count, extent)
    ours, truth = depth_of(draw(points, triangles)), cast(points, triangles)
    assert (ours.isnan() == truth.isnan()).all()
    seen = ~truth.isnan()
    assert (ours - truth)[seen].abs().max() < 1e-6


def test_drops_triangles_that_face_away():
    points = torch.tensor([[-0.3, -0.3, 1.0], [0.3, -0.3, 1.0], [0.0, 0.3, 1.0]]).double()
    clockwise = torch.tensor([[0], [1], [2]])
    for facing, order, shown in ((1, clockwise, True), (-1, clockwise, False)):
        assert (len(draw(points, order, facing=facing).pixel) > 0) == shown
        assert (len(draw(points, order.flip(0), facing=facing).pixel) > 0) != shown


def test_drops_triangles_with_a_corner_that_cannot_be_drawn():
    screen = torch.tensor([[2.0, 30.0, math.nan], [2.0, 2.0, 30.0], [1.0, 1.0, 1.0]]).double()
    image, facing = torch.zeros(1, dtype=torch.int64), torch.zeros(1)
    fragments = rasterise(screen, torch.tensor([[0], [1], [2]]), image, (1, 48, 48), facing)
    assert len(fragments.pixel) == 0


def test_draws_nothing_from_nothing():
    empty = torch.zeros(3, 0, dtype=torch.float64)
    none = torch.zeros(0, dtype=torch.int64)
    fragments = rasterise(empty, torch.zeros(3, 0, dtype=torch.int64), none, (2, 8, 8), empty[0])
    assert len(fragments.pixel) == 0
    assert (fragments.buffer == -math.inf).all()


def test_a_closed_surface_of_many_small_triangles_has_no_holes():
    size = 512
    rows = torch.linspace(20.0, 480.0, 220, dtype=torch.float64)
    y, x = torch.meshgrid(rows, rows, indexing='ij')
    generator = torch.Generator().manual_seed(0)
    wobble = torch.rand(2, 220, 220, generator=generator, dtype=torch.float64) * 1.5
    screen = torch.stack((x + wobble[0], y + wobble[1], torch.ones_like(x))).flatten(1)
    index = torch.arange(220 * 220).view(220, 220)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = torch.cat(
        (torch.stack((a, b, c)).flatten(1), torch.stack((b, d, c)).flatten(1)), 1
    )
    image = torch.zeros(triangles.shape[1], dtype=torch.int64)
    fragments = rasterise(
        screen, triangles, image, (1, size, size), torch.zeros(triangles.shape[1])
    )
    inside = fragments.buffer[0, 22:480, 22:480]
    assert (inside == -math.inf).sum() == 0


def test_perspective_weights_recover_the_point_that_was_hit():
    points, triangles = random_triangles(1, 60, 0.6)
    fragments = draw(points, triangles)
    weights = corner_weights(fragments, (1 / points[:, 2]).float(), triangles)
    corners = points[triangles[:, fragments.triangle]]  # (3, P, 3)
    hit = (weights[..., None] * corners).sum(0)
    u = FOCAL * hit[:, 0] / hit[:, 2] + CENTRE[0]
    v = FOCAL * hit[:, 1] / hit[:, 2] + CENTRE[1]
    assert (u - fragments.pixel % SIZE).abs().max() < 1e-3
    assert (v - fragments.pixel // SIZE).abs().max() < 1e-3
    assert (hit[:, 2] - 1 / fragments.closeness).abs().max() < 1e-5


def test_images_of_a_batch_do_not_touch_each_other():
    points, triangles = random_triangles(2, 50, 0.5)
    screen = project(points)
    alone = [
        rasterise(screen, triangles[:, part], torch.zeros(25, dtype=torch.int64), (1, 48, 48),
                  torch.zeros(25)).buffer[0]
        for part in (slice(0, 25), slice(25, 50))
    ]  # fmt: skip
    image = torch.arange(50) // 25
    both = rasterise(screen, triangles, image, (2, 48, 48), torch.zeros(50)).buffer
    assert torch.equal(both, torch.stack(alone))


def test_depth_of_a_box_is_exact_to_half_a_millimetre():
    box = unit_meshes()[BOX]
    points = (box.vertices * torch.tensor((0.1, 0.15, 0.08))).double()
    points = points + torch.tensor((0.02, -0.01, 0.6))
    ours = depth_of(draw(points, box.triangles.T, facing=-1.0))
    front = ours[15:30, 18:28]
    assert (front - (0.6 - 0.08)).abs().max() < 5e-4


def test_depth_of_a_ball_is_exact_to_half_a_millimetre_off_its_edge():
    radius, distance, size = 0.1, 0.6, SIZE
    points, triangles = fine_ball(radius, distance)
    ours = depth_of(draw(points, triangles, facing=-1.0))
    pixels = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(pixels, pixels, indexing='ij')
    rays = torch.stack(((x - CENTRE[0]) / FOCAL, (y - CENTRE[1]) / FOCAL, torch.ones_like(x)), -1)
    a, b = (rays**2).sum(-1), rays[..., 2] * distance
    root = b**2 - a * (distance**2 - radius**2)
    truth = (b - root.clamp(min=0).sqrt()) / a
    inner = root > 0.35 * root.max()
    assert inner.sum() > 60
    assert (ours - truth)[inner].abs().max() < 5e-4


def fine_ball(radius: float, distance: float) -> tuple[Tensor, Tensor]:
    """A ball of 100 rings, so that its flat faces leave the sphere by less than 0.2 mm."""
    polar = torch.linspace(0, math.pi, 101, dtype=torch.float64)[:, None]
    turn = torch.arange(120, dtype=torch.float64) * (2 * math.pi / 120)
    ball = torch.stack(
        (polar.sin() * turn.cos(), polar.cos().expand(-1, 120), polar.sin() * turn.sin()), -1
    )
    index = torch.arange(101 * 120).view(101, 120)
    a, b = index[:-1], index[:-1].roll(-1, 1)
    c, d = index[1:], index[1:].roll(-1, 1)
    triangles = torch.cat(
        (torch.stack((a, b, c)).flatten(1), torch.stack((b, d, c)).flatten(1)), 1
    )
    points = radius * ball.flatten(0, 1) + torch.tensor((0.0, 0.0, distance))
    return points, triangles


@pytest.mark.parametrize('kind', [BALL, BOX, 2])
def test_unit_meshes_are_closed_and_face_outward(kind):
    mesh = unit_meshes()[kind]
    a, b, c = (mesh.vertices[mesh.triangles[:, corner]] for corner in range(3))
    volume = (a * torch.linalg.cross(b, c)).sum() / 6
    truth = (4 * math.pi / 3, 8.0, 2 * math.pi)[kind]
    assert 0.93 * truth < volume <= truth * 1.001
    faces = torch.linalg.cross(b - a, c - a)
    assert ((faces * mesh.normals[mesh.triangles[:, 0]]).sum(1) > -1e-6).all()
