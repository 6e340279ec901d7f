"""How people hold their arms and how they are turned to the camera, drawn many at a time."""

import math

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.hand_kinematics import (
    apply,
    mirror_points,
    multiply,
    palm_frame,
    pose_limb,
    pose_palm,
    rotation,
)

_DEGREE = math.pi / 180


def sample_arms(draws: Draws, raised: Tensor, count: int) -> Tensor:
    """Arm parameters for raised and hanging arms.

    Args:
        draws: The random numbers.
        raised: (N, 1, 2) bool, arms to hold up before the body; the others mostly hang.
        count: Candidates per picture.

    Returns:
        (N, count, 2, 7).
    """
    shape = (count, 2)
    up = torch.stack(
        (
            draws.normal(*shape, mean=0.1, std=0.45),
            draws.normal(*shape, mean=-0.15, std=0.5),
            draws.normal(*shape, mean=0.75, std=0.4),
        ),
        -1,
    )
    hanging = torch.stack(
        (
            draws.normal(*shape, mean=0.15, std=0.1),
            draws.uniform(*shape, low=-1.1, high=-0.9),
            draws.normal(*shape, mean=0.05, std=0.15),
        ),
        -1,
    )
    held = raised | draws.chance(*shape, probability=0.25)
    line = torch.nn.functional.normalize(torch.where(held[..., None], up, hanging), dim=-1)
    reach = torch.where(held, draws.uniform(*shape, low=0.42, high=1.0), 0.97)
    angles = torch.stack(
        (
            draws.normal(*shape, std=25 * _DEGREE),
            draws.uniform(*shape, low=-80 * _DEGREE, high=80 * _DEGREE),
            draws.normal(*shape, std=21 * _DEGREE).clamp(-48 * _DEGREE, 48 * _DEGREE),
            draws.uniform(*shape, low=-20 * _DEGREE, high=20 * _DEGREE),
        ),
        -1,
    )
    return torch.cat((line * reach[..., None], angles), -1)


def sample_rotations(draws: Draws, free_share: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Orientations of bodies before the camera.

    Upright people mostly face the camera; some are seen by a camera at their own eyes; the rest
    (`free_share`, (N, 1)) are turned anyhow, for hands seen from everywhere.

    Returns:
        (N, count, 3, 3), half of them mirrored, and (N, count) bool, camera at the eyes.
    """
    yaw = draws.normal(count, std=60 * _DEGREE)
    pitch = draws.normal(count, mean=4 * _DEGREE, std=12 * _DEGREE)
    kind = draws.uniform(count)
    own_eyes = kind > 0.88
    yaw = torch.where(own_eyes, math.pi + 0.3 * yaw, yaw)
    pitch = torch.where(own_eyes, draws.uniform(count, low=0.2, high=0.6), pitch)
    # The camera's y points down and its z away from it: a person facing it is turned about x.
    facing = torch.diag(yaw.new_tensor((1.0, -1.0, -1.0)))
    upright = multiply(rotation(0, pitch), multiply(facing, rotation(1, yaw)))
    upright = multiply(rotation(2, draws.normal(count, std=8 * _DEGREE)), upright)
    free = draws.uniform(count) < free_share
    turned = torch.where(free[..., None, None], draws.rotations(count), upright)
    mirrored = draws.chance(count, probability=0.5)
    sign = torch.where(mirrored, -1.0, 1.0)
    flip = torch.stack((sign, torch.ones_like(sign), torch.ones_like(sign)), -1)
    return turned * flip[..., None, :], own_eyes & ~free


def reach_candidates(joints: Tensor, arms: Tensor, fingers: Tensor) -> tuple[Tensor, Tensor]:
    """Keypoints and limbs in the body's frame.

    Args:
        joints: (N, 2, 28, 3) metres at rest.
        arms: (N, K, 2, 7) arm parameters.
        fingers: (N, 2, 5, 5) finger angles.

    Returns:
        (N, K, 2, 21, 3) keypoints and (N, K, 2, 4, 3) limbs, metres.
    """
    count = arms.shape[1]
    sides = []
    for side in range(2):
        rest = joints[:, side] if side else mirror_points(joints[:, side])
        palm = pose_palm(rest, fingers[:, side]).keypoints
        many = rest[:, None].expand(-1, count, -1, -1).flatten(0, 1)
        turns, elbow, wrist = pose_limb(many, arms[:, :, side].flatten(0, 1))
        frames = multiply(turns[:, 4], palm_frame(many)).unflatten(0, (-1, count))
        wrist, elbow = wrist.unflatten(0, (-1, count)), elbow.unflatten(0, (-1, count))
        keypoints = wrist[:, :, None] + apply(frames[:, :, None], palm[:, None])
        shoulder = rest[:, None, 0].expand_as(elbow)
        limbs = torch.stack((shoulder, (shoulder + elbow) / 2, elbow, (elbow + wrist) / 2), 2)
        both = torch.cat((keypoints, limbs), 2)
        sides.append(both if side else mirror_points(both))
    return torch.stack(sides, 2).split((21, 4), dim=3)
