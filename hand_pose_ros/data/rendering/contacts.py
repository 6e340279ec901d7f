"""Moves fingers out of each other and into contact: thumbs over fists, pinches.

Angles of many hands at once are improved by gradient descent on spheres that fill the fingers.
The 3,000 poses that come with the package (`finger_poses.npz`) were made by `build_finger_poses`,
250 for each seed 0, 250, ... 2750, on the mean of the right arms of 200 random bodies.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.hand_kinematics import PosedPalm, pose_palm
from hand_pose_ros.data.rendering.hand_poses import (
    FingerSampler,
    fingers_from_curls,
    gesture,
    limits,
)

STEPS = 80
RATE = 0.04
SPHERES = 5
FINGER_RADII_M = (
    (0.0115, 0.0105, 0.0090),
    (0.0090, 0.0082, 0.0072),
    (0.0090, 0.0082, 0.0072),
    (0.0090, 0.0082, 0.0072),
    (0.0080, 0.0072, 0.0064),
)
PALM_RADIUS_M = 0.0105
PALM_PLACES = (0.3, 0.5, 0.7, 0.85, 1.0)
"""Where along wrist-knuckle the palm's spheres are."""
THUMB_OVER_M = 0.0185
"""Distance of the thumb's tip from the axis of the phalanx that it lies on."""
PAD_M = (0.008, 0.007)
"""Depth of the bone under the pads of the thumb and of the fingers."""
PULL = 0.2


@dataclass(frozen=True)
class Goals:
    """What the thumbs shall touch; A hands.

    Attributes:
        pinch: (A,) int64, the finger (1 to 4) whose pad meets the thumb's; 0 = none.
        over: (A,) int64, the finger whose middle phalanx the thumb lies on; 0 = none.
    """

    pinch: Tensor
    over: Tensor


def settle(joints: Tensor, fingers: Tensor, goals: Goals) -> Tensor:
    """Improves finger angles until fingers touch but do not enter each other.

    Args:
        joints: (28, 3) metres, a right arm at rest.
        fingers: (A, 5, 5) radians.
        goals: The contacts wanted.

    Returns:
        (A, 5, 5) radians within the limits.
    """
    low, high = limits(fingers.device)
    rest = joints.expand(len(fingers), -1, -1)
    angles = fingers.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([angles], lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        palm = pose_palm(rest, angles.clamp(low, high))
        beyond = (angles - angles.clamp(low, high)).square().sum((1, 2))
        # Millimetres make terms comparable with radians of a tenth.
        cost = (1e3 * overlaps(palm)).square().sum(1) + (1e3 * misses(palm, goals)).square()
        cost = 0.02 * cost + beyond + PULL * (angles - fingers).square().sum((1, 2))
        cost.sum().backward()
        optimiser.step()
    return angles.detach().clamp(low, high)


def overlaps(palm: PosedPalm) -> Tensor:
    """Metres by which spheres of two fingers, or of finger and palm, overlap: (A, pairs)."""
    chains = palm.keypoints[:, 1:].unflatten(1, (5, 4))
    along = torch.linspace(0.1, 0.9, SPHERES, device=chains.device)
    start, end = chains[:, :, :-1, None], chains[:, :, 1:, None]
    balls = start + (end - start) * along[:, None]  # (A, 5, 3, SPHERES, 3)
    radii = chains.new_tensor(FINGER_RADII_M)[..., None].expand(5, 3, SPHERES)
    palm_balls = torch.stack([share * chains[:, 1:, 0] for share in PALM_PLACES], 2)
    points = torch.cat((balls.flatten(1, 3), palm_balls.flatten(1, 2)), 1)
    radius = torch.cat(
        (radii.flatten(), radii.new_full((palm_balls[0, ..., 0].numel(),), PALM_RADIUS_M))
    )
    first, second = _pairs(points.device)
    gap = torch.linalg.vector_norm(points[:, first] - points[:, second] + 1e-9, dim=-1)
    return (radius[first] + radius[second] - gap).clamp(min=0)


def _pairs(device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices of spheres that must not overlap."""
    owner = [(f, bone, i) for f in range(5) for bone in range(3) for i in range(SPHERES)]
    palm = [(-1, 0, i) for i in range(4 * len(PALM_PLACES))]
    spheres = owner + palm
    first, second = [], []
    for a, (finger_a, bone_a, _) in enumerate(spheres):
        for b, (finger_b, bone_b, _) in enumerate(spheres[:a]):
            if finger_a == -1:
                # The thumb's ball is part of the palm, and so are the roots of the fingers.
                apart = finger_b >= 0 and bone_b >= 1 and not (finger_b == 0 and bone_b == 1)
            else:
                roots = bone_a == 0 and bone_b == 0
                apart = finger_a != finger_b and not (roots and abs(finger_a - finger_b) == 1)
                apart = apart and not (finger_b == 0 and bone_b == 0)
            if apart:
                first.append(a)
                second.append(b)
    return torch.tensor(first, device=device), torch.tensor(second, device=device)


def misses(palm: PosedPalm, goals: Goals) -> Tensor:
    """Metres by which the contacts wanted are missed: (A,)."""
    chains = palm.keypoints[:, 1:].unflatten(1, (5, 4))
    rows = torch.arange(len(chains), device=chains.device)
    pads = (
        chains[:, :, 3]
        + palm.frames[:, :, 2, :, 2] * chains.new_tensor((PAD_M[0], *(PAD_M[1],) * 4))[:, None]
    )
    pinch = torch.linalg.vector_norm(pads[:, 0] - pads[rows, goals.pinch] + 1e-9, dim=-1)
    finger = chains[rows, goals.over]
    back = -palm.frames[rows, goals.over, 1, :, 2]
    place = (finger[:, 1] + finger[:, 2]) / 2 + THUMB_OVER_M * back
    over = torch.linalg.vector_norm(chains[:, 0, 3] - place + 1e-9, dim=-1)
    return torch.where(goals.pinch > 0, pinch, 0.0) + torch.where(goals.over > 0, over, 0.0)


def build_finger_poses(joints: Tensor, sampler: FingerSampler, count: int, seed: int) -> Tensor:
    """Makes settled poses: gestures, random bends, pinches: (about count, 5, 5) radians.

    Poses that could not be freed of overlaps of 4 mm or missed their contact by 6 mm are left out.
    """
    draws = Draws([seed], str(joints.device))
    fingers = sampler.invent(draws, count)[0]
    pinch = draws.choice(count, weights=(0.87, 0.07, 0.03, 0.015, 0.015))[0]
    pinching = _pinches(draws, pinch)
    fingers = torch.where((pinch > 0)[:, None, None], pinching, fingers)
    fist = gesture('fist').to(fingers.device)
    like_fist = (fingers[:, 0] - fist[0]).abs().amax(1) < 0.3
    bent = fingers[:, :, 3] > 1.3
    over = torch.where(bent[:, 1], 1, torch.where(bent[:, 2], 2, torch.where(bent[:, 3], 3, 0)))
    over = torch.where(like_fist & (pinch == 0), over, 0)
    goals = Goals(pinch, over)
    settled = settle(joints, fingers, goals)
    palm = pose_palm(joints.expand(count, -1, -1), settled)
    good = (overlaps(palm).amax(1) < 0.004) & (misses(palm, goals) < 0.006)
    return settled[good]


def _pinches(draws: Draws, finger: Tensor) -> Tensor:
    """Poses from which the thumb easily meets a finger: (A,) -> (A, 5, 5)."""
    count = len(finger)
    others = draws.uniform(count, 1)[0] * 0.8 + draws.normal(count, 4, std=0.1)[0]
    meets = finger[:, None] == torch.arange(1, 5, device=finger.device)
    curls = torch.where(meets, 0.5, others).clamp(0, 1)
    thumb = gesture('pinch')[0].to(finger.device).expand(count, 5)
    return fingers_from_curls(
        curls, thumb, draws.uniform(count)[0], torch.full((count,), 0.1, device=finger.device)
    )
