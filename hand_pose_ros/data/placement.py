"""Where people stand and how they hold their arms, so that the wanted hands are in the picture.

Many candidates are drawn for every person at once and judged by their joints alone; the first
good one is taken. A person for whom none is good is left out.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hand_pose_ros.data.draws import Draws
from hand_pose_ros.data.hand_kinematics import (
    apply,
    mirror_points,
    multiply,
    palm_frame,
    pose_limb,
    pose_palm,
    rotation,
)

CANDIDATES = 24
WHOLE_ROUNDS = 2
ARM_ROUNDS = 3
NEAREST_JOINT_M = 0.12
NEAREST_BODY_M = 0.1
HAND_GAP_M = 0.025
_DEGREE = math.pi / 180

TRUNK = (
    (0.0, 0.75, 0.03, 0.13),
    (0.0, 0.58, 0.01, 0.09),
    (0.0, 0.46, 0.01, 0.13),
    (0.08, 0.36, 0.03, 0.12),
    (-0.08, 0.36, 0.03, 0.12),
    (0.0, 0.2, 0.03, 0.15),
    (0.0, 0.02, 0.0, 0.17),
    (0.11, -0.2, 0.02, 0.1),
    (-0.11, -0.2, 0.02, 0.1),
    (0.17, -0.5, 0.0, 0.09),
    (-0.17, -0.5, 0.0, 0.09),
)
"""Spheres (x, y, z, radius) in metres that fill head, trunk and legs of the body at rest."""


@dataclass(frozen=True)
class Candidates:
    """Ways to place one person; N pictures, K candidates.

    Attributes:
        arms: (N, K, 2, 7) arm parameters.
        rotation: (N, K, 3, 3) body to camera.
        position: (N, K, 3) metres.
        keypoints: (N, K, 2, 21, 3) metres, camera frame.
        limbs: (N, K, 2, 4, 3) metres: shoulder, mid upper arm, elbow, mid forearm.
        first_person: (N, K) bool, the camera is at the person's eyes.
    """

    arms: Tensor
    rotation: Tensor
    position: Tensor
    keypoints: Tensor
    limbs: Tensor
    first_person: Tensor


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
    pitch = torch.where(own_eyes, draws.uniform(count, low=0.2, high=0.8), pitch)
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


@dataclass(frozen=True)
class Frame:
    """The pictures that people are placed in.

    Attributes:
        height: Height in pixels.
        width: Width in pixels.
        intrinsics: (N, 4) fx, fy, cx, cy.
        whole_body: Bodies are drawn, not only arms.
    """

    height: int
    width: int
    intrinsics: Tensor
    whole_body: bool

    def pixels(self, points: Tensor) -> Tensor:
        """(N, ..., 3) metres -> (N, ..., 2) pixels; far outside where behind the camera."""
        shape = (-1, *(1,) * (points.dim() - 2))
        fx, fy, cx, cy = (value.view(shape) for value in self.intrinsics.unbind(1))
        x, y, z = points.unbind(-1)
        safe = z.clamp(min=1e-3)
        pixels = torch.stack((fx * x / safe + cx, fy * y / safe + cy), -1)
        return torch.where((z > 1e-3)[..., None], pixels, -1e6)

    def contains(self, pixels: Tensor, margin: float) -> Tensor:
        """(..., 2) -> (...) bool; the margin is a share of the width added outside."""
        border = margin * self.width
        x, y = pixels.unbind(-1)
        return (
            (x > -border) & (x < self.width + border) & (y > -border) & (y < self.height + border)
        )


@dataclass(frozen=True)
class Wish:
    """What is asked of one person's place in each picture.

    Attributes:
        hands: (N, 2) bool, hands (left, right of the mesh) that shall be in the picture.
        distance_m: (N,) of the hand.
        share: (N,) side of the hand's box over the picture's longer side; NaN = by distance.
        inside: (N,) least share of the hand's keypoints in the picture.
    """

    hands: Tensor
    distance_m: Tensor
    share: Tensor
    inside: Tensor


def sample_person(
    draws: Draws, frame: Frame, joints: Tensor, fingers: Tensor, wish: Wish, others: Tensor
) -> tuple[Candidates, Tensor, Tensor]:
    """Finds a place for one person in every picture.

    Where no whole body fits (it would touch the camera), an arm from outside the picture does.

    Args:
        draws: The random numbers.
        frame: The pictures.
        joints: (N, 2, 28, 3) metres at rest.
        fingers: (N, 2, 5, 5) finger angles.
        wish: What is wanted.
        others: (N, J, 3) metres, keypoints of people already placed; NaN for none.

    Returns:
        The chosen candidates (K = 1), (N,) bool, whether they are good, and (N,) bool, whether
        the whole body is to be drawn.
    """
    rounds = [frame] * WHOLE_ROUNDS if frame.whole_body else []
    rounds += [replace(frame, whole_body=False)] * ARM_ROUNDS
    best, good = _round(draws.fork(0), rounds[0], joints, fingers, wish, others)
    whole = good & frame.whole_body
    for attempt, version in enumerate(rounds[1:], 1):
        if bool(good.all()):
            break
        again, found = _round(draws.fork(attempt), version, joints, fingers, wish, others)
        take = ~good & found
        best = Candidates(
            *(
                torch.where(take.view(-1, *(1,) * (old.dim() - 1)), new, old)
                for old, new in zip(vars(best).values(), vars(again).values(), strict=True)
            )
        )
        good, whole = good | found, whole | (take & version.whole_body)
    return best, good, whole


def _round(
    draws: Draws, frame: Frame, joints: Tensor, fingers: Tensor, wish: Wish, others: Tensor
) -> tuple[Candidates, Tensor]:
    arms = sample_arms(draws, wish.hands[:, None], CANDIDATES)
    keypoints, limbs = reach_candidates(joints, arms, fingers)
    # Far away, people upside down would be odd; near, only the hand is seen.
    free_share = (0.75 - 0.6 * (wish.distance_m - 0.3)).clamp(0.1, 0.75)
    if not frame.whole_body:
        free_share = torch.full_like(free_share, 0.75)
    free_share = torch.where(wish.share > 0.35, 0.7, free_share)
    turn, first_person = sample_rotations(draws, free_share[:, None], CANDIDATES)
    keypoints = apply(turn[:, :, None, None], keypoints)
    limbs = apply(turn[:, :, None, None], limbs)
    spheres = keypoints.new_tensor(TRUNK)
    trunk = apply(turn[:, :, None], spheres[:, :3])
    position = _positions(draws, frame, keypoints, wish)
    eye = apply(turn, turn.new_tensor((0.0, 0.74, 0.13)))
    position = torch.where(first_person[..., None], -eye, position)
    found = Candidates(
        arms=arms,
        rotation=turn,
        position=position,
        keypoints=keypoints + position[:, :, None, None],
        limbs=limbs + position[:, :, None, None],
        first_person=first_person,
    )
    trunk = torch.cat(
        (trunk + position[:, :, None], spheres[:, 3:].expand(*trunk.shape[:3], 1)), -1
    )
    good = _good(frame, found, trunk, wish, others)
    first = good.float().argmax(1)
    rows = torch.arange(len(first), device=first.device)
    chosen = Candidates(*(value[rows, first][:, None] for value in vars(found).values()))
    return chosen, good.any(1)


def _positions(draws: Draws, frame: Frame, keypoints: Tensor, wish: Wish) -> Tensor:
    """Where to put bodies so that a wanted hand is at its pixel and distance: (N, K, 3)."""
    weight = wish.hands[:, None, :, None, None].float()
    count = (weight.sum((2, 3, 4)) * 21).clamp(min=1)[..., None]
    centre = (keypoints * weight).sum((2, 3)) / count  # (N, K, 3)
    focal, middle = frame.intrinsics[:, None, :2], frame.intrinsics[:, None, 2:]
    size = centre.new_tensor((frame.width, frame.height))
    pixel = (size / 2 - 0.5).expand(*centre.shape[:2], 2)
    place = draws.uniform(CANDIDATES, 2)
    # A hand that may be cut off can lie over the border by half its size.
    over = torch.where(wish.inside < 0.99, 0.5, 0.0)[:, None, None]
    distance = wish.distance_m[:, None].expand(pixel.shape[:2])
    side = wish.hands.float().argmax(1)
    rows = torch.arange(len(side), device=side.device)
    hand = keypoints[rows, :, side] - centre[:, :, None]  # (N, K, 21, 3)
    sized = wish.share.isfinite()[:, None]
    for _ in range(4):
        ray = torch.cat(((pixel - middle) / focal, torch.ones_like(pixel[..., :1])), -1)
        shown = frame.pixels(hand + (ray * distance[..., None])[:, :, None])
        low, high = shown.amin(2), shown.amax(2)
        box = high - low
        room = (size - 1 - box).clamp(min=0) + 2 * over * box
        pixel = pixel + (place * room - over * box - low)
        extent = box.amax(-1) / max(frame.width, frame.height)
        scaled = distance * (extent / wish.share[:, None]).clamp(0.25, 4.0)
        distance = torch.where(sized, scaled, distance)
    return ray * distance[..., None] - centre


def _good(frame: Frame, found: Candidates, trunk: Tensor, wish: Wish, others: Tensor) -> Tensor:
    """(N, K) bool, candidates that show what is wished."""
    wanted = wish.hands[:, None]
    pixels = frame.pixels(found.keypoints)
    inside = frame.contains(pixels, 0.0).float().mean(-1)
    right = torch.where(wanted, inside >= wish.inside[:, None, None], inside == 0)
    if not frame.whole_body:
        right = right | ~wanted
    nearest = found.keypoints[..., 2].amin(-1)
    far_enough = (nearest > NEAREST_JOINT_M) | ~wanted
    side = (pixels.amax(3) - pixels.amin(3)).amax(-1) / max(frame.width, frame.height)
    share = wish.share[:, None, None]
    sized = ((side < 1.3 * share) & (side > 0.75 * share)) | share.isnan() | ~wanted
    depth = found.keypoints[..., 0, 2]
    distance = wish.distance_m[:, None, None]
    sized &= ((depth - distance).abs() < 0.35 * distance + 0.15) | share.isfinite() | ~wanted
    good = (right & far_enough & sized).all(-1) & _apart(found, wanted, others)
    good &= ~_inside_trunk(found, trunk, wanted)
    if frame.whole_body:
        return good & _body_clear(frame, found, trunk)
    return good & _stump_hidden(frame, found, wanted)


def _apart(found: Candidates, wanted: Tensor, others: Tensor) -> Tensor:
    """(N, K) bool, hands keep away from those of other people."""
    points = torch.where(wanted[..., None, None], found.keypoints, torch.nan).flatten(2, 3)
    gaps = torch.linalg.vector_norm(points[:, :, :, None] - others[:, None, None], dim=-1)
    return ~(gaps < HAND_GAP_M).flatten(2).any(-1)


def _inside_trunk(found: Candidates, trunk: Tensor, wanted: Tensor) -> Tensor:
    """(N, K) bool, a wanted hand is in the person's own body."""
    points = found.keypoints[..., [0, 4, 8, 9, 12, 16, 20], :].flatten(2, 3)
    gap = torch.linalg.vector_norm(points[:, :, :, None] - trunk[:, :, None, :, :3], dim=-1)
    hit = (gap < trunk[:, :, None, :, 3]).any(-1).unflatten(2, (2, 7)).any(-1)
    return (hit & wanted).any(-1)


def _body_clear(frame: Frame, found: Candidates, trunk: Tensor) -> Tensor:
    """(N, K) bool, no part of the body that the camera could see is too near to be drawn."""
    limbs = found.limbs.flatten(2, 3)
    limbs = torch.cat((limbs, torch.full_like(limbs[..., :1], 0.06)), -1)
    # A camera at the eyes does not see the head it belongs to.
    head = torch.zeros(trunk.shape[2], dtype=torch.bool, device=trunk.device)
    head[:2] = True
    spheres = torch.cat((trunk, limbs), 2)
    exempt = torch.zeros(spheres.shape[:3], dtype=torch.bool, device=trunk.device)
    exempt[:, :, : len(head)] = found.first_person[..., None] & head
    near = (spheres[..., 2] - spheres[..., 3] < NEAREST_BODY_M) & _in_sight(frame, spheres)
    return ~(near & ~exempt).any(-1)


def _in_sight(frame: Frame, spheres: Tensor) -> Tensor:
    """(N, K, S, 4) spheres -> bool, some of it may be seen through the picture's window."""
    fx, fy, cx, cy = (value[:, None, None] for value in frame.intrinsics.unbind(1))
    x, y, z, radius = spheres.unbind(-1)
    seen = z > -radius
    for focal, low, high, offset in (
        (fx, -0.5 - cx, frame.width - 0.5 - cx, x),
        (fy, -0.5 - cy, frame.height - 0.5 - cy, y),
    ):
        for edge, sign in ((low, 1.0), (high, -1.0)):
            distance = sign * (focal * offset - edge * z) / torch.hypot(focal, edge)
            seen = seen & (distance > -radius)
    return seen


def _stump_hidden(frame: Frame, found: Candidates, wanted: Tensor) -> Tensor:
    """(N, K) bool, the ends of lone arms are outside the picture and nothing is too near."""
    pixels, z = frame.pixels(found.limbs), found.limbs[..., 2]
    shoulder = frame.contains(pixels[..., 0, :], 0.25) & (z[..., 0] > -0.15)
    near = frame.contains(pixels, 0.4) & (z < 0.17) & (z > -0.1)
    return ~((shoulder | near.any(-1)) & wanted).any(-1)
