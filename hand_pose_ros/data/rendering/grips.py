"""How fingers close round a thing in the hand."""

import math

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.hand_kinematics import pose_palm
from hand_pose_ros.data.rendering.hand_poses import THUMB_MODES_DEG, fingers_from_curls

GRIP_RADII_M = tuple(0.008 + 0.003 * step for step in range(14))
GRIP_STEPS = 33
PALM_SKIN_M = 0.012
"""From the plane of the palm's bones to its skin."""
FINGER_SKIN_M = 0.0075


def grip_fingers(joints: Tensor) -> Tensor:
    """Finger angles that close round a rod across the palm, and round a ball.

    Every finger bends until one of its bones is its own thickness away from the thing.

    Args:
        joints: (28, 3) metres, a right arm at rest.

    Returns:
        (2, len(GRIP_RADII_M), 5, 5) radians: first for rods, then for balls.
    """
    curls = torch.linspace(0, 1, GRIP_STEPS, device=joints.device)
    start, end = (curls.new_tensor(THUMB_MODES_DEG[m]) for m in ('out', 'over'))
    # The thumb swings round first and closes afterwards.
    middle = curls.new_tensor(THUMB_MODES_DEG['oppose'])
    early = torch.lerp(start, middle, (2 * curls[:, None]).clamp(max=1))
    thumb = torch.lerp(early, end, (2 * curls[:, None] - 1).clamp(min=0)) * (math.pi / 180)
    spread = torch.full_like(curls, 0.4)
    fingers = fingers_from_curls(
        curls[:, None].expand(-1, 4), thumb, spread, torch.full_like(curls, -0.1)
    )
    chains = pose_palm(joints.expand(GRIP_STEPS, -1, -1), fingers).keypoints[:, 1:]
    chains = chains.unflatten(1, (5, 4))
    along = torch.linspace(0, 1, 6, device=joints.device)[:, None]
    points = torch.lerp(chains[:, :, 1:3, None], chains[:, :, 2:, None], along).flatten(2, 3)
    grips = []
    for ball in (False, True):
        for radius in GRIP_RADII_M:
            place = (0.0, knuckle_line(joints)[ball], PALM_SKIN_M + radius)
            offset = points - points.new_tensor(place)
            if not ball:
                offset = offset[..., 1:]
            gap = torch.linalg.vector_norm(offset, dim=-1).amin(-1) - radius - FINGER_SKIN_M
            # The last step before the first contact.
            free = (gap > 0).long().cumprod(0).sum(0).clamp(min=1) - 1  # (5,)
            grips.append(fingers[free, torch.arange(5, device=free.device)])
    return torch.stack(grips).unflatten(0, (2, len(GRIP_RADII_M)))


def knuckle_line(joints: Tensor) -> tuple[float, float]:
    """How far from the wrist the middle of a rod and of a ball lie in the hand, metres."""
    palm = pose_palm(joints[None], joints.new_zeros(1, 5, 5)).keypoints[0]
    knuckles = float(palm[[5, 9, 13], 1].mean())
    return knuckles + 0.002, knuckles + 0.012
