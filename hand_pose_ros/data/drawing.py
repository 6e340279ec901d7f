"""From a scene to pictures and labels: rasterise once, shade what is seen, look up the labels."""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.hand_model import BodyMesh, HandModel
from hand_pose_ros.data.raster import Fragments, corner_weights, rasterise, take
from hand_pose_ros.data.scenes import SceneParameters
from hand_pose_ros.data.shading import (
    Lit,
    Samples,
    albedo,
    ambient_light,
    blend,
    illuminate,
    texture_levels,
)
from hand_pose_ros.data.shadows import cast_shadows, lit_share, openness
from hand_pose_ros.data.skins import SkinAtlas
from hand_pose_ros.data.surfaces import Bodies, Soup, body_soup, build_bodies, project
from hand_pose_ros.types import Side

VISIBLE_WITHIN_M = (
    *(0.038, 0.030, 0.020, 0.015, 0.0125),
    *(0.027, 0.0155, 0.0125, 0.0115) * 4,
)
"""How far below the surface a joint may lie and still be the one that is seen there."""
SMOOTH_WITHIN_M = 0.006
"""Depth range within a pixel below which one sample stands for all of them."""


@dataclass(frozen=True)
class View:
    """What a scene shows, before it is shaded.

    Attributes:
        bodies: The bodies.
        soup: Their triangles.
        fragments: What is seen at every sample.
        depth_m: (N, H, W) float32 metres; NaN where nothing is.
        slot: (N, H, W) int64, image * P + person; -1 where nobody is.
        hand: (N, H, W) uint8, 0 = no hand, else 1 + 2 * person + (1 if the mesh's right hand).
    """

    bodies: Bodies
    soup: Soup
    fragments: Fragments
    depth_m: Tensor
    slot: Tensor
    hand: Tensor


def view_scene(model: HandModel, mesh: BodyMesh, scene: SceneParameters) -> View:
    """Finds what every sample of a scene shows."""
    s = scene.supersampling
    size = (len(scene), scene.height * s, scene.width * s)
    bodies = build_bodies(model, mesh, scene.people)
    soup = body_soup(bodies, mesh, scene.people.parts_drawn, scene.lens.intrinsics, s)
    fragments = rasterise(soup.screen, soup.triangles, soup.image, size, soup.facing)
    sample = label_samples(fragments, size, s)
    closeness = _closeness_at_centre(fragments, sample, s)
    pixel = _to_pixel(fragments.pixel[sample], size, s)
    shape = (len(scene), scene.height, scene.width)
    depth = torch.full((len(scene) * scene.height * scene.width,), torch.nan, device=pixel.device)
    depth[pixel] = 1 / closeness
    body, face = _owners(fragments.triangle[sample], mesh)
    slot = torch.full_like(depth, -1, dtype=torch.int64)
    slot[pixel] = bodies.slot[body]
    side = mesh.triangle_hand[face]
    person = bodies.slot[body] % scene.people.scale.shape[1]
    hand = torch.zeros_like(depth, dtype=torch.uint8)
    hand[pixel] = torch.where(side > 0, 2 * person + side, 0).to(torch.uint8)
    return View(bodies, soup, fragments, depth.view(shape), slot.view(shape), hand.view(shape))


def label_samples(fragments: Fragments, size: tuple[int, int, int], s: int) -> Tensor:
    """Indices of the fragments on the one sample of each pixel that labels are taken from."""
    _, height, width = size
    middle = (s - 1) // 2
    x, y = fragments.pixel % width, fragments.pixel // width % height
    return ((x % s == middle) & (y % s == middle)).nonzero().squeeze(1)


def _closeness_at_centre(fragments: Fragments, sample: Tensor, s: int) -> Tensor:
    """Closeness in the middle of the pixel, on the plane of the triangle seen at the sample."""
    offset = (s - 1) / 2 - (s - 1) // 2
    closeness = fragments.closeness[sample]
    change = offset * fragments.slope.index_select(1, sample).sum(0)
    # Triangles seen from their edge would run off to infinity.
    return closeness + change.clamp(-0.02 * closeness, 0.02 * closeness)


def _to_pixel(sample: Tensor, size: tuple[int, int, int], s: int) -> Tensor:
    """Flat index among pixels of a flat index among samples."""
    _, height, width = size
    image, y, x = sample // (height * width), sample // width % height // s, sample % width // s
    return (image * (height // s) + y) * (width // s) + x


def _owners(triangle: Tensor, mesh: BodyMesh) -> tuple[Tensor, Tensor]:
    faces = len(mesh.triangles)
    return triangle // faces, triangle % faces


@dataclass(frozen=True)
class HandLabels:
    """The hands of a scene: M = 2 P, left and right of every person.

    Attributes:
        keypoints_px: (N, M, 21, 2) float32; NaN for hands not in the picture.
        joints_cam: (N, M, 21, 3) float32 metres; NaN likewise.
        visible: (N, M, 21) bool.
        side: (N, M) uint8, a Side; UNKNOWN for hands not in the picture.
    """

    keypoints_px: Tensor
    joints_cam: Tensor
    visible: Tensor
    side: Tensor


def label_hands(view: View, scene: SceneParameters) -> HandLabels:
    """Looks up which keypoints are in the picture and which are seen."""
    people, bodies = scene.people, view.bodies
    slots = people.scale.numel()
    joints = torch.full((slots, 2, 21, 3), torch.nan, device=bodies.slot.device)
    joints[bodies.slot] = torch.where(
        people.parts_drawn.flatten(0, 1)[bodies.slot][:, 1:, None, None],
        bodies.keypoints,
        torch.nan,
    )
    mirrored = torch.zeros(slots, dtype=torch.bool, device=joints.device)
    mirrored[bodies.slot] = bodies.mirrored
    joints = joints.view(len(scene), -1, 21, 3)
    intrinsics = scene.lens.intrinsics[:, None, None].expand(*joints.shape[:3], 4)
    u, v, _ = project(joints.flatten(0, 2), intrinsics.flatten(0, 2), 1).view(3, *joints.shape[:3])
    inside = (u >= -0.5) & (u < scene.width - 0.5) & (v >= -0.5) & (v < scene.height - 0.5)
    shown = inside.any(-1)
    points = torch.stack((u, v), -1)
    side = torch.tensor((Side.LEFT, Side.RIGHT), dtype=torch.uint8, device=u.device)
    side = torch.where(mirrored[:, None], side.flip(0), side).view(len(scene), -1)
    return HandLabels(
        keypoints_px=torch.where(shown[..., None, None], points, torch.nan),
        joints_cam=torch.where(shown[..., None, None], joints, torch.nan),
        visible=_seen(view, scene, joints, points, inside),
        side=torch.where(shown, side, int(Side.UNKNOWN)).to(torch.uint8),
    )


def _seen(
    view: View, scene: SceneParameters, joints: Tensor, points: Tensor, inside: Tensor
) -> Tensor:
    """(N, M, 21) bool: nothing but the joint's own flesh is in front of it."""
    count, hands = joints.shape[:2]
    x, y = points.nan_to_num(0).round().long().unbind(-1)
    image = torch.arange(count, device=x.device)[:, None, None]
    x, y = x.clamp(0, scene.width - 1), y.clamp(0, scene.height - 1)
    front, slot = view.depth_m[image, y, x], view.slot[image, y, x]
    person = torch.arange(hands, device=x.device)[:, None] // 2
    own = slot == image * (hands // 2) + person
    scale = scene.people.scale.repeat_interleave(2, 1)[..., None]
    near = joints[..., 2] - front < scale * joints.new_tensor(VISIBLE_WITHIN_M)
    return inside & ((own & near) | front.isnan())


def shade(
    view: View, mesh: BodyMesh, scene: SceneParameters, atlas: SkinAtlas
) -> tuple[Tensor, Tensor]:
    """Colours of the people.

    Returns:
        (3, N, H, W) linear light times coverage and (N, H, W) coverage 0..1.
    """
    s = scene.supersampling
    size = (len(scene), scene.height * s, scene.width * s)
    chosen, share = _choose_samples(view, mesh, size, s)
    colour = _sample_colours(view, mesh, scene, atlas, chosen) * share
    total = size[0] * size[1] * size[2]
    samples = colour.new_zeros(3, total)
    samples.index_copy_(1, view.fragments.pixel.index_select(0, chosen), colour)
    covered = colour.new_zeros(total)
    covered[view.fragments.pixel] = 1.0
    return _pool(samples.view(3, *size), s), _pool(covered.view(size), s)


def _pool(samples: Tensor, s: int) -> Tensor:
    """Mean over the samples of each pixel: (..., H s, W s) -> (..., H, W)."""
    total = samples[..., ::s, ::s].clone()
    for row, column in list(product(range(s), repeat=2))[1:]:
        total += samples[..., row::s, column::s]
    return total / (s * s)


def _choose_samples(
    view: View, mesh: BodyMesh, size: tuple[int, int, int], s: int
) -> tuple[Tensor, Tensor]:
    """Which fragments to shade: one where a pixel shows one smooth surface, else all.

    Returns:
        (F,) int64 indices of fragments and (F,) how many samples each stands for.
    """
    fragments = view.fragments
    if s == 1:
        every = torch.arange(len(fragments.pixel), device=fragments.pixel.device)
        return every, torch.ones_like(fragments.closeness)
    body, face = _owners(fragments.triangle, mesh)
    surface = torch.full((size[0] * size[1] * size[2],), -1, device=body.device)
    surface[fragments.pixel] = body * 3 + mesh.triangle_arm[face]
    surface = surface.view(size)
    near = -_extreme(-fragments.buffer, s)
    far = _extreme(fragments.buffer, s)
    smooth = (1 / near - 1 / far).abs() < SMOOTH_WITHIN_M
    first = surface[:, ::s, ::s]
    for row in range(s):
        for column in range(s):
            smooth &= surface[:, row::s, column::s] == first
    middle = (s - 1) // 2
    x, y = fragments.pixel % size[2], fragments.pixel // size[2] % size[1]
    one = smooth.flatten().index_select(0, _to_pixel(fragments.pixel, size, s))
    chosen = (~one | ((x % s == middle) & (y % s == middle))).nonzero().squeeze(1)
    return chosen, torch.where(one[chosen], float(s * s), 1.0)


def _extreme(buffer: Tensor, s: int) -> Tensor:
    """Least value among the samples of each pixel: (N, H s, W s) -> (N, H, W)."""
    return -functional.max_pool2d(-buffer[:, None], s)[:, 0]


def _sample_colours(
    view: View, mesh: BodyMesh, scene: SceneParameters, atlas: SkinAtlas, chosen: Tensor
) -> Tensor:
    """(3, F) linear light of the chosen fragments."""
    people, bodies, light = scene.people, view.bodies, scene.light
    fragments = take(view.fragments, chosen)
    weights = corner_weights(fragments, view.soup.screen[2], view.soup.triangles)
    rows = view.soup.triangles.index_select(1, fragments.triangle)
    body, face = _owners(fragments.triangle, mesh)
    corners = mesh.triangles.index_select(0, face).T
    points = blend(view.soup.vertices, rows, weights)
    samples = Samples(body, face, corners, weights, points.T)
    focal = scene.lens.intrinsics[:, 0] * scene.supersampling
    colour, on_skin = albedo(samples, bodies, mesh, people, atlas, texture_levels(bodies, focal))
    image, slot = bodies.image[body], bodies.slot[body]
    table = torch.cat((bodies.normals, ambient_light(bodies.normals, bodies.image, light)), -1)
    interpolated = blend(table.flatten(0, 1), rows, weights)
    normals = functional.normalize(interpolated[:3], dim=0)
    open_share = openness(view.depth_m, scene.lens.intrinsics[:, 0]).flatten()
    size = (len(scene), scene.height * scene.supersampling, scene.width * scene.supersampling)
    lit = Lit(
        normals=normals,
        ambient=interpolated[3:],
        key_direction=light.key_direction.T.index_select(1, image),
        key_colour=light.key_colour.T.index_select(1, image),
        key_share=_key_share(view, mesh, scene, samples, normals),
        openness=open_share.index_select(0, _to_pixel(fragments.pixel, size, scene.supersampling)),
    )
    gloss = people.gloss.flatten(0, 1).T.index_select(1, slot)
    return illuminate(colour, on_skin, gloss, -functional.normalize(points, dim=0), lit)


def _key_share(
    view: View, mesh: BodyMesh, scene: SceneParameters, samples: Samples, normals: Tensor
) -> Tensor:
    """(F,) how much of the key light reaches each sample, from one map per hand in the picture."""
    bodies = view.bodies
    parts = scene.people.parts_drawn.flatten(0, 1)[bodies.slot]
    seen = torch.zeros(len(scene), 2 * scene.people.scale.shape[1] + 1, device=normals.device)
    image = torch.arange(len(scene), device=normals.device)[:, None, None].expand_as(view.hand)
    seen[image, view.hand.long()] = 1.0
    person = bodies.slot % scene.people.scale.shape[1]
    hands = seen[bodies.image[:, None], 2 * person[:, None] + image.new_tensor((1, 2))] > 0
    body, side = hands.nonzero().unbind(1)
    maps = cast_shadows(
        bodies.vertices[body],
        mesh.triangles,
        parts[body][:, mesh.triangle_arm.long()],
        bodies.keypoints[body, side, 9],
        scene.light.key_direction[bodies.image[body]],
    )
    index = torch.full((len(bodies.slot), 3), -1, device=body.device)
    index[body, side + 1] = torch.arange(len(body), device=body.device)
    arm = mesh.triangle_arm[samples.face].long()
    return lit_share(maps, index[samples.body, arm], samples.points, normals.T)
