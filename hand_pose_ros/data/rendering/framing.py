"""Which ways to place a person show what is wished: judged by joints, before anything is drawn."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.hand_kinematics import apply
from hand_pose_ros.data.rendering.scenes import People

NEAREST_JOINT_M = 0.12
NEAREST_BODY_M = 0.1
HAND_GAP_M = 0.025
ARM_LENGTH_M = 0.3
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
        present: (N,) bool, the person is wanted; without hands, only to distract.
        hands: (N, 2) bool, hands (left, right of the mesh) that shall be in the picture.
        distance_m: (N,) of the hand.
        share: (N,) side of the hand's box over the picture's longer side; NaN = by distance.
        inside: (N,) least share of the hand's keypoints in the picture.
    """

    present: Tensor
    hands: Tensor
    distance_m: Tensor
    share: Tensor
    inside: Tensor


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


def acceptable(
    frame: Frame, found: Candidates, trunk: Tensor, wish: Wish, others: Tensor
) -> Tensor:
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
    head[0] = True
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


def farthest(people: People) -> Tensor:
    """(N,) metres along z within which all people that are drawn are."""
    spheres = people.position.new_tensor(TRUNK)
    trunk = apply(people.rotation[:, :, None], spheres[:, :3]) + people.position[:, :, None]
    reach = (trunk[..., 2] + spheres[:, 3]).amax(-1) + ARM_LENGTH_M
    return torch.where(people.parts_drawn.any(-1), reach, 0.3).amax(1)
