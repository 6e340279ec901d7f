"""Colours what a scene shows."""

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.hand_model import BodyMesh
from hand_pose_ros.data.rendering.raster import corner_weights, take
from hand_pose_ros.data.rendering.scenes import Light, SceneParameters
from hand_pose_ros.data.rendering.shading import (
    Lit,
    Material,
    Samples,
    blend,
    body_material,
    harmonics,
    illuminate,
    thing_material,
)
from hand_pose_ros.data.rendering.shadows import Casters, cast_shadows, lit_share, openness
from hand_pose_ros.data.rendering.skins import SkinAtlas
from hand_pose_ros.data.rendering.steady import products
from hand_pose_ros.data.rendering.view import View, body_faces, to_pixel

SMOOTH_WITHIN_M = 0.006
"""Depth range within a pixel below which one sample stands for all of them."""


def shade(
    view: View, mesh: BodyMesh, scene: SceneParameters, atlas: SkinAtlas
) -> tuple[Tensor, Tensor]:
    """Colours of people and things.

    Returns:
        (3, N, H, W) linear light times coverage and (N, H, W) coverage 0..1.
    """
    s = scene.supersampling
    size = (len(scene), scene.height * s, scene.width * s)
    chosen, share = _choose_samples(view, mesh, size, s)
    samples = _gather(view, scene, chosen)
    colour = _colours(view, mesh, scene, atlas, samples) * share
    total = size[0] * size[1] * size[2]
    picture = colour.new_zeros(3, total)
    picture.index_copy_(1, view.fragments.pixel.index_select(0, chosen), colour)
    covered = colour.new_zeros(total)
    covered[view.fragments.pixel] = 1.0
    return _pool(picture.view(3, *size), s), _pool(covered.view(size), s)


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
    surface = torch.full((size[0] * size[1] * size[2],), -1, device=fragments.pixel.device)
    surface[fragments.pixel] = _surfaces(view, mesh)
    surface = surface.view(size)
    near, far = fragments.buffer[:, ::s, ::s].clone(), fragments.buffer[:, ::s, ::s].clone()
    first = surface[:, ::s, ::s]
    smooth = first != -1
    for row, column in list(product(range(s), repeat=2))[1:]:
        sample = fragments.buffer[:, row::s, column::s]
        torch.maximum(near, sample, out=near)
        torch.minimum(far, sample, out=far)
        smooth &= surface[:, row::s, column::s] == first
    # Closeness is 1 / z: the range of z is the range of closeness over its square.
    smooth &= near - far < SMOOTH_WITHIN_M * far * far
    middle = (s - 1) // 2
    x, y = fragments.pixel % size[2], fragments.pixel // size[2] % size[1]
    one = smooth.flatten().index_select(0, to_pixel(fragments.pixel, size, s))
    chosen = (~one | ((x % s == middle) & (y % s == middle))).nonzero().squeeze(1)
    return chosen, torch.where(one[chosen], float(s * s), 1.0)


def _surfaces(view: View, mesh: BodyMesh) -> Tensor:
    """(P,) int64, which trunk, arm or thing each fragment belongs to."""
    triangle = view.fragments.triangle
    on_body = triangle < view.soup.body_triangles
    body, face = body_faces(torch.where(on_body, triangle, 0), mesh)
    part = body * 3 + mesh.triangle_arm.index_select(0, face)
    if view.things is None:
        return part
    vertex = view.soup.triangles[0].index_select(0, triangle) - view.things.first_vertex
    thing = view.things.owner[vertex.clamp(min=0)] if len(view.things.row) else 0
    return torch.where(on_body, part, -2 - thing)


def _gather(view: View, scene: SceneParameters, chosen: Tensor) -> Samples:
    """What shading needs of the chosen fragments."""
    fragments = take(view.fragments, chosen)
    corners = view.soup.triangles.index_select(1, fragments.triangle)
    weights = corner_weights(fragments, view.soup.screen[2].float(), view.soup.triangles)
    s = scene.supersampling
    size = (len(scene), scene.height * s, scene.width * s)
    return Samples(
        triangle=fragments.triangle,
        image=view.soup.image.index_select(0, fragments.triangle),
        pixel=to_pixel(fragments.pixel, size, s),
        corners=corners,
        weights=weights,
        points=blend(view.soup.vertices, corners, weights),
    )


def _colours(
    view: View, mesh: BodyMesh, scene: SceneParameters, atlas: SkinAtlas, samples: Samples
) -> Tensor:
    """(3, F) linear light of samples."""
    light = scene.light
    table = blend(_light_table(view, light), samples.corners, samples.weights)
    normals = functional.normalize(table[:3], dim=0)
    open_share = openness(view.depth_m, scene.lens.intrinsics[:, 0])
    lit = Lit(
        normals=normals,
        ambient=table[3:],
        key_direction=light.key_direction.T.index_select(1, samples.image),
        key_colour=light.key_colour.T.index_select(1, samples.image),
        key_share=_key_share(view, mesh, scene, samples, normals),
        openness=open_share.index_select(0, samples.pixel),
    )
    view_direction = -functional.normalize(samples.points, dim=0)
    return illuminate(_materials(view, mesh, scene, atlas, samples), view_direction, lit)


def _light_table(view: View, light: Light) -> Tensor:
    """Normal and ambient light of every vertex: (Q, 6)."""
    normals = view.bodies.normals
    ambient = products(harmonics(normals), light.ambient[view.bodies.image])
    table = torch.cat((normals, ambient), -1).flatten(0, 1)
    if view.things is None:
        return table
    normals = view.things.normals
    factors = light.ambient[view.things.image[view.things.owner]]
    ambient = (harmonics(normals)[..., None] * factors).sum(1)
    return torch.cat((table, torch.cat((normals, ambient), -1)))


def _materials(
    view: View, mesh: BodyMesh, scene: SceneParameters, atlas: SkinAtlas, samples: Samples
) -> Material:
    """Colour and gloss of every sample."""
    if view.things is None or scene.things is None:
        return body_material(samples, view.bodies, mesh, scene, atlas)
    on_body = samples.triangle < view.soup.body_triangles
    rows, others = on_body.nonzero().squeeze(1), (~on_body).nonzero().squeeze(1)
    body = body_material(samples.take(rows), view.bodies, mesh, scene, atlas)
    thing = thing_material(samples.take(others), view.things, scene.things)
    albedo = samples.points.new_empty(3, len(on_body))
    gloss = samples.points.new_empty(2, len(on_body))
    for part, place in ((body, rows), (thing, others)):
        albedo.index_copy_(1, place, part.albedo)
        gloss.index_copy_(1, place, part.gloss)
    on_skin = torch.zeros_like(on_body).index_copy_(0, rows, body.on_skin)
    return Material(albedo, gloss, on_skin)


def _key_share(
    view: View, mesh: BodyMesh, scene: SceneParameters, samples: Samples, normals: Tensor
) -> Tensor:
    """(F,) how much of the key light reaches each sample, from one map per hand that is seen."""
    bodies = view.bodies
    image = torch.arange(len(scene), device=normals.device)[:, None, None].expand_as(view.hand)
    seen = torch.zeros(len(scene), 2 * bodies.people + 1, dtype=torch.bool, device=image.device)
    seen[image, view.hand.long()] = True
    person = bodies.slot % bodies.people
    hands = seen[bodies.image[:, None], 2 * person[:, None] + image.new_tensor((1, 2))]
    body, side = hands.nonzero().unbind(1)
    map_of = torch.full((len(bodies.slot), 3), -1, device=body.device)
    map_of[body, side + 1] = torch.arange(len(body), device=body.device)
    centre = bodies.keypoints[body, side, 9]
    direction = scene.light.key_direction[bodies.image[body]]
    maps = cast_shadows(_casters(view, mesh, scene, body, side), centre, direction)
    on_body = samples.triangle < view.soup.body_triangles
    owner, face = body_faces(torch.where(on_body, samples.triangle, 0), mesh)
    if len(bodies.slot) == 0:
        return torch.ones_like(normals[0])
    index = torch.where(on_body, map_of[owner, mesh.triangle_arm[face].long()], -1)
    return lit_share(maps, index, samples.points.T, normals.T)


def _casters(
    view: View, mesh: BodyMesh, scene: SceneParameters, body: Tensor, side: Tensor
) -> Casters:
    """What throws shadows: into each map an arm, and what its hand holds."""
    bodies, things = view.bodies, view.things
    corners = bodies.vertices.shape[1]
    every = torch.arange(len(body), device=body.device)
    triangles, owner = [], []
    for arm in range(2):
        faces = mesh.triangles[mesh.triangle_arm == arm + 1].T
        maps = every[side == arm]
        triangles.append((faces[:, None] + maps[:, None] * corners).flatten(1))
        owner.append(maps.repeat_interleave(faces.shape[1]))
    points, point_owner = bodies.vertices[body].flatten(0, 1), every.repeat_interleave(corners)
    if things is not None and scene.things is not None and len(body):
        hand = bodies.slot[body] * 2 + side
        holder = scene.things.holder.flatten()[things.row]
        holder = torch.where(holder < 0, -1, things.image * 2 * bodies.people + holder)
        match = holder[:, None] == hand
        thing_map = match.long().argmax(1)
        held = things.triangles[:, match.any(1)[things.owner[things.triangles[0]]]]
        owner.append(thing_map[things.owner[held[0]]])
        triangles.append(held + len(points))
        points = torch.cat((points, things.vertices))
        point_owner = torch.cat((point_owner, thing_map[things.owner]))
    return Casters(points, point_owner, torch.cat(triangles, 1), torch.cat(owner))
