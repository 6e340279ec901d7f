"""From people to triangles before the camera: bodies posed, clothed and projected."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.hand_kinematics import apply, multiply, rotation
from hand_pose_ros.data.hand_model import BodyMesh, HandModel, PosedBodies
from hand_pose_ros.data.scenes import People

NEAR_M = 0.05
CUFF_RAMP_M = 0.004
HAIR_LIFT_M = 0.012


@dataclass(frozen=True)
class Bodies:
    """The bodies that are drawn, in the camera's frame, metres; B of them.

    Attributes:
        slot: (B,) int64, image * P + person.
        image: (B,) int64.
        vertices: (B, V, 3).
        normals: (B, V, 3).
        keypoints: (B, 2, 21, 3), left and right hand of the mesh.
        mirrored: (B,) bool, shown as a mirror does.
    """

    slot: Tensor
    image: Tensor
    vertices: Tensor
    normals: Tensor
    keypoints: Tensor
    mirrored: Tensor


def head_rotation(turns: Tensor) -> Tensor:
    """(..., 2) turn to the left and nod in radians -> (..., 3, 3)."""
    return multiply(rotation(1, turns[..., 0]), rotation(0, turns[..., 1]))


def build_bodies(model: HandModel, mesh: BodyMesh, people: People) -> Bodies:
    """Poses and skins the people that are drawn and moves them before the camera."""
    count = people.scale.shape[1]
    slot = people.parts_drawn.any(-1).flatten().nonzero().squeeze(1)

    def drawn(field: Tensor) -> Tensor:
        return field.flatten(0, 1).index_select(0, slot)

    shape, scale = drawn(people.shape), drawn(people.scale)
    joints, necks = model.shape_joints(shape, scale)
    posed = model.pose(
        joints, necks, drawn(people.arms), drawn(people.fingers), head_rotation(drawn(people.head))
    )
    turn, shift = drawn(people.rotation), drawn(people.position)
    bones = multiply(turn[:, None, :, :], posed.transforms[..., :3])
    moved = apply(turn[:, None], posed.transforms[..., 3]) + shift[:, None]
    posed = PosedBodies(
        transforms=torch.cat((bones, moved[..., None]), -1),
        keypoints=apply(turn[:, None, None], posed.keypoints) + shift[:, None, None],
        elbows=posed.elbows,
        shoulders=posed.shoulders,
    )
    swell = _swell(mesh.clothing, drawn(people.cuff), drawn(people.sleeve))
    vertices, normals = model.skin(mesh, shape, scale, posed.transforms, swell)
    return Bodies(
        slot=slot,
        image=slot // count,
        vertices=vertices,
        normals=normals,
        keypoints=posed.keypoints,
        mirrored=torch.linalg.det(turn) < 0,
    )


def _swell(clothing: Tensor, cuff: Tensor, sleeve: Tensor) -> Tensor:
    """Metres that cloth and hair lift each vertex: (V, 4), (B,), (B,) -> (B, V)."""
    behind, _, hair, collar = clothing.unbind(1)
    beyond = behind - cuff[:, None]
    folds = 1 + 0.35 * torch.sin(beyond * 130) * (behind < 0.9)
    cloth = (beyond / CUFF_RAMP_M).clamp(0, 1) * folds * sleeve[:, None]
    lift = (hair / 0.02).clamp(0, 1) * HAIR_LIFT_M
    return torch.where(hair > 0, lift, cloth * (-collar / CUFF_RAMP_M).clamp(0, 1))


@dataclass(frozen=True)
class Soup:
    """All triangles of all pictures.

    Attributes:
        vertices: (Q, 3) metres, camera frame.
        screen: (3, Q) x, y in samples and 1 / z; NaN in x where nearer than NEAR_M.
        triangles: (3, T) int64.
        image: (T,) int64.
        facing: (T,) float32 for `rasterise`; NaN where not drawn.
    """

    vertices: Tensor
    screen: Tensor
    triangles: Tensor
    image: Tensor
    facing: Tensor


def body_soup(
    bodies: Bodies, mesh: BodyMesh, parts_drawn: Tensor, intrinsics: Tensor, supersampling: int
) -> Soup:
    """Triangles of the bodies, body by body.

    Args:
        bodies: The bodies.
        mesh: Their mesh.
        parts_drawn: (N, P, 3) bool of People.
        intrinsics: (N, 4) of Lens.
        supersampling: Samples per pixel along each axis.
    """
    count, corners = bodies.vertices.shape[:2]
    vertices = bodies.vertices.flatten(0, 1)
    offsets = torch.arange(count, device=vertices.device) * corners
    triangles = mesh.triangles.T[:, None, :] + offsets[:, None]  # (3, B, F)
    drawn = parts_drawn.flatten(0, 1)[bodies.slot][:, mesh.triangle_arm.long()]
    # Seen from its front a triangle runs counter-clockwise, in a mirror clockwise.
    facing = torch.where(bodies.mirrored, 1.0, -1.0)[:, None]
    return Soup(
        vertices=vertices,
        screen=project(
            vertices, intrinsics[bodies.image].repeat_interleave(corners, 0), supersampling
        ),
        triangles=triangles.flatten(1),
        image=bodies.image.repeat_interleave(mesh.triangles.shape[0]),
        facing=torch.where(drawn, facing, torch.nan).flatten(),
    )


def project(points: Tensor, intrinsics: Tensor, supersampling: int) -> Tensor:
    """Screen coordinates in samples: (Q, 3) metres, (Q, 4) -> (3, Q) x, y, 1 / z."""
    x, y, z = points.unbind(1)
    fx, fy, cx, cy = intrinsics.unbind(1)
    closeness = 1.0 / z
    # Sample i of a pixel split in s lies at (i + 0.5) / s - 0.5.
    u = (fx * x * closeness + cx + 0.5) * supersampling - 0.5
    v = (fy * y * closeness + cy + 0.5) * supersampling - 0.5
    return torch.stack((torch.where(z > NEAR_M, u, torch.nan), v, closeness))
