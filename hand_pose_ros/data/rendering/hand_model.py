"""A body of any shape with two posed arms: linear blend skinning in batched torch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.hand_assets import TARGETS, HandAssets
from hand_pose_ros.data.rendering.hand_kinematics import (
    WRIST,
    apply,
    mirror_points,
    mirror_rotations,
    pose_arms,
)
from hand_pose_ros.data.rendering.hand_rig import (
    ARM_BONES,
    BODY_BONES,
    HandRig,
    build_hand_rig,
)
from hand_pose_ros.data.rendering.steady import products

_FIRST_ARM = len(BODY_BONES)
HAIR_SLOPE = 0.75
COLLAR_CENTRE = (0.0, 0.6, 0.03)
EYE_RADIUS_M = 0.0135
COLLAR_RADIUS_M = 0.068


@dataclass(frozen=True)
class BodyMesh:
    """What skinning and shading need of the whole body, or of the arms alone.

    Attributes:
        template: (3, V) float32 metres; x, y, z in rows of their own are faster.
        basis: (K, 3 * V) float32 metres, one row per shape target: all x, all y, all z.
        weights: (NUM_BONES, V) float32.
        normals: (3, V) float32 at rest, outward.
        triangles: (F, 3) int64.
        uv: (T, 2) float32.
        triangle_uv: (F, 3) int64.
        triangle_arm: (F,) uint8, 0 = trunk, 1 = left arm, 2 = right arm.
        clothing: (V, 5) float32 by which clothes are cut: metres behind the wrist along the arm
            (1 on the trunk), height at rest, metres into the hair, metres out of the collar,
            metres into an eye.
    """

    template: Tensor
    basis: Tensor
    weights: Tensor
    normals: Tensor
    triangles: Tensor
    uv: Tensor
    triangle_uv: Tensor
    triangle_arm: Tensor
    clothing: Tensor


@dataclass(frozen=True)
class PosedBodies:
    """Bodies in their own frame (x left, y up, z front), metres.

    Attributes:
        transforms: (B, NUM_BONES, 3, 4), from rest to posed.
        keypoints: (B, 2, 21, 3), left and right hand.
        palms: (B, 2, 3, 3) axes of the palm frames, in columns; x to the thumb on both hands.
    """

    transforms: Tensor
    keypoints: Tensor
    palms: Tensor


class HandModel:
    """Shapes, poses and skins bodies."""

    def __init__(self, assets: HandAssets, device: str = 'cpu') -> None:
        rig = build_hand_rig(assets)
        self.joints = _tensor(rig.joints, device)
        self.target_joints = _tensor(rig.target_joints.reshape(len(TARGETS), -1), device)
        self.neck = _tensor(rig.neck, device)
        self.target_neck = _tensor(rig.target_neck, device)
        self.body = _body_mesh(assets, rig, device)
        self.arms = _arm_mesh(self.body)

    def shape_joints(self, shape: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Joints at rest.

        Args:
            shape: (B, K) coefficients of TARGETS.
            scale: (B,) size of the body.

        Returns:
            (B, 2, 28, 3) ARM_JOINTS, and (B, 3) necks, metres.
        """
        joints = _rows(shape, self.target_joints).unflatten(1, self.joints.shape)
        necks = _rows(shape, self.target_neck)
        return (self.joints + joints) * scale[:, None, None, None], (self.neck + necks) * scale[
            :, None
        ]

    def pose(
        self, joints: Tensor, necks: Tensor, arms: Tensor, fingers: Tensor, head: Tensor
    ) -> PosedBodies:
        """Poses bodies.

        Args:
            joints: (B, 2, 28, 3) from `shape_joints`.
            necks: (B, 3) from `shape_joints`.
            arms: (B, 2, 7) arm parameters, left and right.
            fingers: (B, 2, 5, 5) finger angles.
            head: (B, 3, 3) how the head turns.
        """
        left, right = joints.unbind(1)
        posed = pose_arms(
            torch.cat((mirror_points(left), right)),
            arms.transpose(0, 1).flatten(0, 1),
            fingers.transpose(0, 1).flatten(0, 1),
        )
        rotations = _unmirror(posed.rotations, mirror_rotations)
        pivots = _unmirror(posed.pivots, mirror_points)
        positions = _unmirror(posed.positions, mirror_points)
        still = torch.eye(3, device=joints.device).expand(len(joints), 3, 3)
        turns = torch.cat((torch.stack((still, head), 1), rotations.flatten(1, 2)), 1)
        body_pivots = torch.stack((torch.zeros_like(necks), necks), 1)
        pivots = torch.cat((body_pivots, pivots.flatten(1, 2)), 1)
        positions = torch.cat((body_pivots, positions.flatten(1, 2)), 1)
        shift = positions - apply(turns, pivots)
        return PosedBodies(
            transforms=torch.cat((turns, shift[..., None]), -1),
            keypoints=_unmirror(posed.keypoints, mirror_points),
            palms=_unmirror(posed.palm.mT, mirror_points).mT,
        )

    def skin(
        self, mesh: BodyMesh, shape: Tensor, scale: Tensor, transforms: Tensor, swell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Moves the skin with the bones.

        Args:
            mesh: `body` or `arms`.
            shape: (B, K) coefficients of TARGETS.
            scale: (B,) size of the body.
            transforms: (B, NUM_BONES, 3, 4) from the body at rest to the frame wanted.
            swell: (B, V) metres that clothes lift the surface.

        Returns:
            (B, V, 3) metres and (B, V, 3) unit normals.
        """
        change = _rows(shape, mesh.basis).unflatten(1, mesh.template.shape)
        rest = (mesh.template + change) * scale[:, None, None]
        rest = rest + mesh.normals * swell[:, None]
        weights = mesh.weights.expand(len(shape), -1, -1)
        bones = products(transforms.flatten(2).mT, weights).unflatten(1, (3, 4))
        turns, shift = bones[:, :, :3], bones[:, :, 3]
        vertices = _combine(turns, rest) + shift
        normals = _combine(turns, mesh.normals.expand_as(rest))
        normals = functional.normalize(normals, dim=1)
        return vertices.mT.contiguous(), normals.mT.contiguous()


def _tensor(array: NDArray[np.generic], device: str) -> Tensor:
    """To a tensor; floats become float32."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(device, torch.float32 if tensor.is_floating_point() else tensor.dtype)


def _combine(turns: Tensor, points: Tensor) -> Tensor:
    """Turns every point by its own matrix: (B, 3, 3, V), (B, 3, V) -> (B, 3, V)."""
    x, y, z = points[:, None].unbind(2)
    return turns[:, :, 0] * x + turns[:, :, 1] * y + turns[:, :, 2] * z


def _rows(coefficients: Tensor, basis: Tensor) -> Tensor:
    """Sums of rows of the basis: (B, K), (K, n) -> (B, n)."""
    return products(coefficients[:, None], basis.expand(len(coefficients), -1, -1))[:, 0]


def _unmirror(stacked: Tensor, mirror: Callable[[Tensor], Tensor]) -> Tensor:
    """(2B, ...) left arms (mirrored) then right arms -> (B, 2, ...)."""
    left, right = stacked.chunk(2)
    return torch.stack((mirror(left), right), 1)


def _body_mesh(assets: HandAssets, rig: HandRig, device: str) -> BodyMesh:
    triangles = assets.triangles
    return BodyMesh(
        template=_tensor(assets.vertices.T, device),
        basis=_tensor(assets.target_vertices.transpose(0, 2, 1).reshape(len(TARGETS), -1), device),
        weights=_tensor(rig.weights.T, device),
        normals=_tensor(vertex_normals(assets.vertices, triangles).T, device),
        triangles=_tensor(triangles, device),
        uv=_tensor(assets.uv, device),
        triangle_uv=_tensor(assets.triangle_uv, device),
        triangle_arm=_tensor(_arm_of_triangles(rig.weights, triangles), device),
        clothing=_tensor(_clothing(assets.vertices, rig), device),
    )


def vertex_normals(
    vertices: NDArray[np.float64], triangles: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Unit normals, the mean of the triangles around weighted by area: (V, 3)."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], faces)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _arm_of_triangles(
    weights: NDArray[np.float32], triangles: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """(F,) 1 or 2 where the bones of the left or the right arm carry the triangle."""
    label = np.zeros(len(triangles), np.uint8)
    for side in range(2):
        start = _FIRST_ARM + side * len(ARM_BONES)
        share = weights[:, start : start + len(ARM_BONES)].sum(axis=1)
        label[share[triangles].mean(axis=1) > 0.5] = side + 1
    return label


def _clothing(vertices: NDArray[np.float64], rig: HandRig) -> NDArray[np.float64]:
    """(V, 5) the coordinates by which clothes are cut, see BodyMesh."""
    behind = np.full(len(vertices), 1.0)
    for side in range(2):
        joints = rig.joints[side]
        start = _FIRST_ARM + side * len(ARM_BONES)
        on_arm = rig.weights[:, start + 1 : start + len(ARM_BONES)].sum(axis=1) > 0.3
        behind[on_arm] = _behind_wrist(vertices[on_arm], joints)
    x, y, z = vertices.T
    # The hairline runs from the forehead down to the nape, above the ears.
    hair = (y - 0.765) - HAIR_SLOPE * (z - 0.045) - 0.25 * np.abs(x)
    neck = np.linalg.norm(vertices - COLLAR_CENTRE, axis=1)
    collar = np.maximum(COLLAR_RADIUS_M - neck, y - COLLAR_CENTRE[1])
    eyes = np.linalg.norm(vertices[:, None] - rig.eyes, axis=2).min(axis=1)
    return np.stack((behind, y, hair, collar, EYE_RADIUS_M - eyes), axis=1)


def _behind_wrist(points: NDArray[np.float64], joints: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres behind the wrist along forearm and upper arm: (n, 3), (28, 3) -> (n,)."""
    shoulder, elbow, wrist = joints[0], joints[1], joints[WRIST]
    forearm, upper = elbow - wrist, shoulder - elbow
    length = np.linalg.norm(forearm)
    along = (points - wrist) @ forearm / length
    beyond = (points - elbow) @ upper / np.linalg.norm(upper)
    past_elbow = ((points - elbow) @ (upper / np.linalg.norm(upper) + forearm / length)) > 0
    return np.where(past_elbow, length + beyond, along)


def _arm_mesh(body: BodyMesh) -> BodyMesh:
    """The triangles of both arms with only the vertices that they use."""
    keep = body.triangle_arm > 0
    used, triangles = torch.unique(body.triangles[keep], return_inverse=True)
    used_uv, triangle_uv = torch.unique(body.triangle_uv[keep], return_inverse=True)
    return BodyMesh(
        template=body.template[:, used].contiguous(),
        basis=body.basis.unflatten(1, (3, -1))[..., used].flatten(1).contiguous(),
        weights=body.weights[:, used].contiguous(),
        normals=body.normals[:, used].contiguous(),
        triangles=triangles,
        uv=body.uv[used_uv],
        triangle_uv=triangle_uv,
        triangle_arm=body.triangle_arm[keep],
        clothing=body.clothing[used],
    )
