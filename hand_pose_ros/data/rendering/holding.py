"""Draws things: held in a hand whose fingers close round them, loose ones, and occluders."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.backdrops import sample_colours
from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.grips import (
    GRIP_RADII_M,
    PALM_SKIN_M,
    grip_fingers,
    knuckle_line,
)
from hand_pose_ros.data.rendering.hand_kinematics import multiply, rotation
from hand_pose_ros.data.rendering.hand_rig import ARM_JOINTS
from hand_pose_ros.data.rendering.scenes import Things
from hand_pose_ros.data.rendering.things import BALL, BOX, NOT_THERE

_ACROSS_PALM = ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
"""Turns a thing's y to the palm's x, from the little finger to the thumb."""


@dataclass(frozen=True)
class Held:
    """One thing per person, in the palm frame of a hand.

    Attributes:
        there: (N, P) bool.
        side: (N, P) int64, 0 = the mesh's left hand.
        kind: (N, P) int64.
        size: (N, P, 3) metres.
        rotation: (N, P, 3, 3).
        position: (N, P, 3) metres.
        fingers: (N, P, 5, 5) radians of the hand that holds.
    """

    there: Tensor
    side: Tensor
    kind: Tensor
    size: Tensor
    rotation: Tensor
    position: Tensor
    fingers: Tensor


class ThingSampler:
    """Draws what hands hold and what else lies about."""

    def __init__(self, joints: Tensor) -> None:
        """Closes fingers round things of all thicknesses: (28, 3) joints of a right arm."""
        self._grips = grip_fingers(joints)
        self._knuckles = knuckle_line(joints)
        self._length = _palm_length(joints)

    def hold(self, draws: Draws, wanted: Tensor, joints: Tensor, probability: float) -> Held:
        """Puts things into hands.

        Args:
            draws: The random numbers.
            wanted: (N, P, 2) bool, hands that are to be seen.
            joints: (N, P, 2, 28, 3) metres at rest.
            probability: Of a person who is seen to hold something.
        """
        count = wanted.shape[1]
        there = draws.chance(count, probability=probability) & wanted.any(-1)
        side = (wanted[..., 1] & (~wanted[..., 0] | draws.chance(count, probability=0.5))).long()
        kind = draws.choice(count, weights=(0.25, 0.3, 0.45))
        span = (math.log(GRIP_RADII_M[0]), math.log(GRIP_RADII_M[-1]))
        radius = draws.uniform(count, low=span[0], high=span[1]).exp()
        radius = torch.where(kind == BALL, radius.clamp(min=0.018), radius)
        step = (radius - GRIP_RADII_M[0]) / (GRIP_RADII_M[1] - GRIP_RADII_M[0])
        first = step.long().clamp(max=len(GRIP_RADII_M) - 2)
        table = self._grips[(kind == BALL).long(), first]
        following = self._grips[(kind == BALL).long(), first + 1]
        fingers = torch.lerp(table, following, (step - first).clamp(0, 1)[..., None, None])
        ratio = _palm_length(joints[:, :, 0]) / self._length  # (N, P)
        tilt = rotation(2, draws.normal(count, std=0.2))
        turn = multiply(tilt, tilt.new_tensor(_ACROSS_PALM))
        length = draws.uniform(count, low=0.03, high=0.13)
        length = torch.where(kind == BALL, radius, length)
        # Within the rod that the fingers close round, its edges included.
        slim = draws.uniform(count, low=0.35, high=0.85)
        width = torch.where(kind == BOX, radius * slim, radius)
        thickness = torch.where(kind == BOX, radius * (1 - slim * slim).sqrt(), radius)
        along = draws.normal(count, std=0.012) * (kind != BALL)
        forward = torch.where(kind == BALL, self._knuckles[1], self._knuckles[0])
        place = torch.stack(
            (along, forward + torch.zeros_like(along), PALM_SKIN_M + thickness), -1
        )
        return Held(
            there=there,
            side=side,
            kind=kind,
            size=torch.stack((width, length, thickness), -1) * ratio[..., None],
            rotation=turn,
            position=place * ratio[..., None],
            fingers=fingers + draws.normal(count, 5, 5, std=0.025),
        )

    def things(
        self, draws: Draws, held: Held, drawn: Tensor, hands: Tensor, probability: float
    ) -> Things:
        """Adds a loose thing to each picture, now and then right before a hand.

        Args:
            draws: The random numbers.
            held: What hands hold.
            drawn: (N, P) bool, people that are there.
            hands: (N, P, 3) metres, the middle of a hand of each; camera frame.
            probability: Of a loose thing.
        """
        count = held.there.shape[1]
        people = torch.arange(count, device=held.side.device)
        holder = torch.where(held.there & drawn, 2 * people + held.side, -1)
        kind, size, turn, place = _loose(draws, drawn, hands, probability)
        bands = draws.uniform(count + 1, 2, low=-1.0, high=1.0)
        return Things(
            kind=torch.cat((torch.where(holder >= 0, held.kind, NOT_THERE), kind), 1),
            size=torch.cat((held.size, size), 1),
            holder=torch.cat((holder, torch.full_like(kind, -1)), 1),
            rotation=torch.cat((held.rotation, turn), 1),
            position=torch.cat((held.position, place), 1),
            colour=sample_colours(draws, 2 * (count + 1)).unflatten(1, (count + 1, 2)),
            bands=torch.stack((bands[..., 0].abs() * 60 + 8, 2 * bands[..., 1]), -1),
            gloss=draws.uniform(count + 1) ** 2 * 0.4,
        )


def _loose(
    draws: Draws, drawn: Tensor, hands: Tensor, probability: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One thing that nobody holds: kind, size, rotation and position, (N, 1, ...) each."""
    there = draws.chance(1, probability=probability)
    kind = draws.choice(1, weights=(0.4, 0.2, 0.4))
    depth = draws.uniform(1, low=math.log(0.3), high=math.log(2.5)).exp()
    aside = draws.normal(1, 2, std=0.35)
    free = torch.cat((aside, torch.ones_like(aside[..., :1])), -1) * depth[..., None]
    size = draws.uniform(1, 3, low=math.log(0.04), high=math.log(0.25)).exp() * depth[..., None]
    # Halfway to a hand it hides part of it.
    person = drawn.long().argmax(1)
    hand = hands[torch.arange(len(hands), device=hands.device), person][:, None]
    before = draws.chance(1, probability=0.35) & drawn.any(1)[:, None]
    share = draws.uniform(1, 1, low=0.5, high=0.85)
    beside = draws.normal(1, 3, std=0.05)
    place = torch.where(before[..., None], share * hand + beside * share, free)
    size = torch.where(before[..., None], draws.uniform(1, 3, low=0.008, high=0.035), size)
    ball = (kind == BALL)[..., None]
    size = torch.where(ball, size[..., :1], size)
    clear = place[..., 2] - size.amax(-1) > 0.08
    return torch.where(there & clear, kind, NOT_THERE), size, draws.rotations(1), place


def _palm_length(joints: Tensor) -> Tensor:
    """Wrist to middle knuckle: (..., 28, 3) -> (...)."""
    line = (
        joints[..., ARM_JOINTS.index('finger3-1'), :] - joints[..., ARM_JOINTS.index('wrist'), :]
    )
    return torch.linalg.vector_norm(line, dim=-1)
