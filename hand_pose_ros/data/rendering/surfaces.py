"""The triangles of a scene: things placed, everything projected and put together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.bodies import Bodies
from hand_pose_ros.data.rendering.hand_kinematics import apply, multiply
from hand_pose_ros.data.rendering.hand_model import BodyMesh
from hand_pose_ros.data.rendering.scenes import Things
from hand_pose_ros.data.rendering.things import UnitMesh

NEAR_M = 0.05


@dataclass(frozen=True)
class PlacedThings:
    """Things before the camera; K of them with Q vertices and T triangles in all.

    Attributes:
        first_vertex: Index of their first vertex among all vertices of the soup.
        row: (K,) int64, image * O + thing.
        image: (K,) int64.
        owner: (Q,) int64, the thing of each vertex, 0..K-1.
        vertices: (Q, 3) metres, camera frame.
        normals: (Q, 3) unit.
        along: (Q,) metres along the thing's y.
        triangles: (3, T) int64.
        mirrored: (K,) bool.
    """

    first_vertex: int
    row: Tensor
    image: Tensor
    owner: Tensor
    vertices: Tensor
    normals: Tensor
    along: Tensor
    triangles: Tensor
    mirrored: Tensor


def place_things(things: Things, meshes: Sequence[UnitMesh], bodies: Bodies) -> PlacedThings:
    """Builds the things that are there; those whose holder is not drawn are left out."""
    count = things.kind.shape[1]
    rotation, position, held = _thing_frames(things, bodies)
    rows, vertices, normals, along, triangles, owner = [], [], [], [], [], []
    corners = things_so_far = 0
    for kind, mesh in enumerate(meshes):
        row = ((things.kind == kind) & held).flatten().nonzero().squeeze(1)
        size = things.size.flatten(0, 1)[row][:, None]
        turn, shift = rotation[row][:, None], position[row][:, None]
        local = mesh.vertices * size
        vertices.append((apply(turn, local) + shift).flatten(0, 1))
        normals.append(
            functional.normalize(apply(turn, mesh.normals / size), dim=-1).flatten(0, 1)
        )
        along.append(local[..., 1].flatten())
        step = torch.arange(len(row), device=row.device)
        triangles.append(
            (mesh.triangles.T[:, None] + step[:, None] * len(mesh.vertices) + corners).flatten(1)
        )
        owner.append((step + things_so_far).repeat_interleave(len(mesh.vertices)))
        rows.append(row)
        corners += len(row) * len(mesh.vertices)
        things_so_far += len(row)
    row = torch.cat(rows)
    return PlacedThings(
        first_vertex=bodies.normals[..., 0].numel(),
        row=row,
        image=row // count,
        owner=torch.cat(owner),
        vertices=torch.cat(vertices),
        normals=torch.cat(normals),
        along=torch.cat(along),
        triangles=torch.cat(triangles, 1),
        mirrored=torch.linalg.det(rotation[row]) < 0,
    )


def _thing_frames(things: Things, bodies: Bodies) -> tuple[Tensor, Tensor, Tensor]:
    """Rotation (N O, 3, 3) and position (N O, 3) in the camera's frame, (N, O) bool drawable."""
    images = len(things.kind)
    people = bodies.people
    body_of_slot = torch.full((images * people,), -1, device=bodies.slot.device)
    body_of_slot[bodies.slot] = torch.arange(len(bodies.slot), device=bodies.slot.device)
    image = torch.arange(images, device=bodies.slot.device)[:, None]
    is_held = things.holder >= 0
    body = body_of_slot[image * people + things.holder.clamp(min=0) // 2]
    drawable = ~is_held | (body >= 0)
    if len(bodies.slot) == 0:
        return things.rotation.flatten(0, 1), things.position.flatten(0, 1), drawable
    body, side = body.clamp(min=0), things.holder.clamp(min=0) % 2
    palm, wrist = bodies.palms[body, side], bodies.keypoints[body, side, 0]
    rotation = torch.where(
        is_held[..., None, None], multiply(palm, things.rotation), things.rotation
    )
    position = torch.where(
        is_held[..., None], wrist + apply(palm, things.position), things.position
    )
    return rotation.flatten(0, 1), position.flatten(0, 1), drawable


@dataclass(frozen=True)
class Soup:
    """All triangles of all pictures: first those of the bodies, then those of the things.

    Attributes:
        vertices: (Q, 3) metres, camera frame.
        screen: (3, Q) float64, x, y in samples and 1 / z; NaN in x where nearer than NEAR_M.
        triangles: (3, T) int64.
        image: (T,) int64.
        facing: (T,) float32 for `rasterise`; NaN where not drawn.
        body_triangles: How many triangles belong to bodies.
    """

    vertices: Tensor
    screen: Tensor
    triangles: Tensor
    image: Tensor
    facing: Tensor
    body_triangles: int


def mix_soup(
    bodies: Bodies,
    mesh: BodyMesh,
    parts_drawn: Tensor,
    things: PlacedThings | None,
    intrinsics: Tensor,
    supersampling: int,
) -> Soup:
    """Puts the triangles of bodies and things together.

    Args:
        bodies: The bodies.
        mesh: Their mesh.
        parts_drawn: (N, P, 3) bool of People.
        things: The things.
        intrinsics: (N, 4) of Lens.
        supersampling: Samples per pixel along each axis.
    """
    count, corners = bodies.vertices.shape[:2]
    vertices = bodies.vertices.flatten(0, 1)
    offsets = torch.arange(count, device=vertices.device) * corners
    triangles = (mesh.triangles.T[:, None, :] + offsets[:, None]).flatten(1)  # (3, B F)
    body_triangles = triangles.shape[1]
    drawn = parts_drawn.flatten(0, 1)[bodies.slot][:, mesh.triangle_arm.long()]
    facing = torch.where(drawn, _facing(bodies.mirrored)[:, None], torch.nan).flatten()
    image = bodies.image.repeat_interleave(mesh.triangles.shape[0])
    where = bodies.image.repeat_interleave(corners)
    if things is not None:
        triangles = torch.cat((triangles, things.triangles + len(vertices)), 1)
        vertices = torch.cat((vertices, things.vertices))
        owner = things.owner.index_select(0, things.triangles[0])
        facing = torch.cat((facing, _facing(things.mirrored)[owner]))
        image = torch.cat((image, things.image[owner]))
        where = torch.cat((where, things.image[things.owner]))
    return Soup(
        vertices=vertices,
        screen=project(vertices, intrinsics.index_select(0, where), supersampling),
        triangles=triangles,
        image=image,
        facing=facing,
        body_triangles=body_triangles,
    )


def _facing(mirrored: Tensor) -> Tensor:
    """A front runs counter-clockwise on the screen, in a mirror clockwise: (...) bool -> float."""
    return torch.where(mirrored, 1.0, -1.0)


def project(points: Tensor, intrinsics: Tensor, supersampling: int) -> Tensor:
    """Screen coordinates in samples: (Q, 3) metres, (Q, 4) -> (3, Q) float64 x, y, 1 / z."""
    x, y, z = points.T.double()
    fx, fy, cx, cy = intrinsics.T.double()
    closeness = 1.0 / z
    # Sample i of a pixel split in s lies at (i + 0.5) / s - 0.5.
    u = (fx * x * closeness + cx + 0.5) * supersampling - 0.5
    v = (fy * y * closeness + cy + 0.5) * supersampling - 0.5
    return torch.stack((torch.where(z > NEAR_M, u, torch.nan), v, closeness))
