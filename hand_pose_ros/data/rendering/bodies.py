"""People before the camera: posed, clothed and skinned."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.hand_kinematics import apply, multiply, rotation
from hand_pose_ros.data.rendering.hand_model import BodyMesh, HandModel, PosedBodies
from hand_pose_ros.data.rendering.scenes import People

CUFF_RAMP_M = 0.004
HAIR_LIFT_M = 0.012


@dataclass(frozen=True)
class Bodies:
    """The bodies that are drawn, in the camera's frame, metres; B of them.

    Attributes:
        people: P, people per picture.
        slot: (B,) int64, image * P + person.
        image: (B,) int64.
        vertices: (B, V, 3).
        normals: (B, V, 3).
        keypoints: (B, 2, 21, 3), left and right hand of the mesh.
        palms: (B, 2, 3, 3) axes of the palm frames of hand_kinematics, in columns.
        mirrored: (B,) bool, shown as a mirror does.
    """

    people: int
    slot: Tensor
    image: Tensor
    vertices: Tensor
    normals: Tensor
    keypoints: Tensor
    palms: Tensor
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
        palms=posed.palms,
    )
    swell = _swell(mesh.clothing, drawn(people.cuff), drawn(people.sleeve))
    vertices, normals = model.skin(mesh, shape, scale, posed.transforms, swell)
    return Bodies(
        people=count,
        slot=slot,
        image=slot // count,
        vertices=vertices,
        normals=normals,
        keypoints=posed.keypoints,
        palms=multiply(turn[:, None], posed.palms),
        mirrored=torch.linalg.det(turn) < 0,
    )


def _swell(clothing: Tensor, cuff: Tensor, sleeve: Tensor) -> Tensor:
    """Metres that cloth and hair lift each vertex: (V, 5), (B,), (B,) -> (B, V)."""
    behind, _, hair, collar, _ = clothing.unbind(1)
    beyond = behind - cuff[:, None]
    folds = 1 + 0.35 * torch.sin(beyond * 130) * (behind < 0.9)
    cloth = (beyond / CUFF_RAMP_M).clamp(0, 1) * folds * sleeve[:, None]
    lift = (hair / 0.02).clamp(0, 1) * HAIR_LIFT_M
    return torch.where(hair > 0, lift, cloth * (-collar / CUFF_RAMP_M).clamp(0, 1))
