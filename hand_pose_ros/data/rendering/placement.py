"""Where people stand, so that the wanted hands are in the picture.

Many candidates are drawn for every person at once and judged by their joints alone; the first
good one is taken. A person for whom none is good is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.framing import TRUNK, Candidates, Frame, Wish, acceptable
from hand_pose_ros.data.rendering.hand_kinematics import apply
from hand_pose_ros.data.rendering.postures import reach_candidates, sample_arms, sample_rotations
from hand_pose_ros.data.rendering.scenes import replace_rows, select

CANDIDATES = 24
WHOLE_ROUNDS = 2
ARM_ROUNDS = 4
FACE = (0.0, 0.72, 0.08)
EYES = (0.0, 0.75, 0.16)
"""Of a camera worn on the head."""


@dataclass(frozen=True)
class Placed:
    """People with places; N pictures, P people.

    Attributes:
        parts_drawn: (N, P, 3) bool of scenes.People.
        arms: (N, P, 2, 7) of scenes.People.
        rotation: (N, P, 3, 3) of scenes.People.
        position: (N, P, 3) of scenes.People.
        keypoints: (N, P, 2, 21, 3) metres, camera frame.
    """

    parts_drawn: Tensor
    arms: Tensor
    rotation: Tensor
    position: Tensor
    keypoints: Tensor


def place_people(
    draws: Draws, frame: Frame, joints: Tensor, fingers: Tensor, wishes: Sequence[Wish]
) -> Placed:
    """Places the people of every picture one after the other.

    Args:
        draws: The random numbers.
        frame: The pictures.
        joints: (N, P, 2, 28, 3) metres at rest.
        fingers: (N, P, 2, 5, 5) finger angles.
        wishes: What is wanted of each of the P people.
    """
    places, drawn = [], []
    others = joints.new_full((len(draws), 0, 3), torch.nan)
    for person, wish in enumerate(wishes):
        found, arms, whole = _place(
            draws.fork(person), frame, joints[:, person], fingers[:, person], wish, others
        )
        arms, whole = arms & wish.present[:, None], whole & wish.present
        shown = arms.any(1)[:, None, None]
        shown = torch.where(shown, found.keypoints[:, 0].flatten(1, 2), torch.nan)
        others = torch.cat((others, shown), 1)
        drawn.append(torch.cat((whole[:, None], arms), 1))
        places.append(found)
    return Placed(
        parts_drawn=torch.stack(drawn, 1),
        arms=torch.cat([place.arms for place in places], 1),
        rotation=torch.cat([place.rotation for place in places], 1),
        position=torch.cat([place.position for place in places], 1),
        keypoints=torch.cat([place.keypoints for place in places], 1),
    )


def _place(
    draws: Draws, frame: Frame, joints: Tensor, fingers: Tensor, wish: Wish, others: Tensor
) -> tuple[Candidates, Tensor, Tensor]:
    """Finds a place for one person in every picture.

    Where no whole body fits (it would touch the camera), one arm from outside the picture may.

    Args:
        draws: The random numbers.
        frame: The pictures.
        joints: (N, 2, 28, 3) metres at rest.
        fingers: (N, 2, 5, 5) finger angles.
        wish: What is wanted.
        others: (N, J, 3) metres, keypoints of people already placed; NaN for none.

    Returns:
        The chosen candidates (K = 1), (N, 2) bool, the arms to draw, and (N,) bool, whether to
        draw the rest of the body.
    """
    arm_frame = replace(frame, whole_body=False)
    only_one = wish.hands & ~(wish.hands[:, :1] & wish.hands.new_tensor((False, True)))
    one = replace(wish, hands=only_one)
    rounds = [(frame, wish)] * WHOLE_ROUNDS if frame.whole_body else [(arm_frame, wish)]
    rounds += [(arm_frame, one)] * ARM_ROUNDS
    best, good = _round(draws.fork(0), *rounds[0], joints, fingers, others)
    whole = good & frame.whole_body
    arms = good[:, None] & (wish.hands | frame.whole_body)
    for attempt, setting in enumerate(rounds[1:], 1):
        failed = (~good & wish.present).nonzero().squeeze(1)
        if len(failed) == 0:
            break
        version, less = select(setting[0], failed), select(setting[1], failed)
        again, found = _round(
            draws.fork(attempt).take(failed),
            version,
            less,
            joints[failed],
            fingers[failed],
            others[failed],
        )
        best = replace_rows(best, failed, again)
        good[failed], whole[failed] = found, found & version.whole_body
        arms[failed] = found[:, None] & (less.hands | version.whole_body)
    return best, arms, whole


def _round(
    draws: Draws, frame: Frame, wish: Wish, joints: Tensor, fingers: Tensor, others: Tensor
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
    position = _positions(draws, frame, turn, keypoints, wish)
    eye = apply(turn, turn.new_tensor(EYES))
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
    good = acceptable(frame, found, trunk, wish, others)
    first = good.float().argmax(1)
    rows = torch.arange(len(first), device=first.device)
    chosen = Candidates(*(value[rows, first][:, None] for value in vars(found).values()))
    return chosen, good.any(1)


def _positions(draws: Draws, frame: Frame, turn: Tensor, keypoints: Tensor, wish: Wish) -> Tensor:
    """Where to put bodies so that a wanted hand is at its pixel and distance: (N, K, 3)."""
    weight = wish.hands[:, None, :, None, None].float()
    count = (weight.sum((2, 3, 4)) * 21).clamp(min=1)[..., None]
    face = apply(turn, turn.new_tensor(FACE))
    seen = wish.hands.any(1)[:, None, None]
    centre = torch.where(seen, (keypoints * weight).sum((2, 3)) / count, face)  # (N, K, 3)
    focal, middle = frame.intrinsics[:, None, :2], frame.intrinsics[:, None, 2:]
    size = centre.new_tensor((frame.width, frame.height))
    pixel = (size / 2 - 0.5).expand(*centre.shape[:2], 2)
    place = draws.uniform(CANDIDATES, 2)
    # A hand that may be cut off can lie over the border by half its size.
    over = torch.where(wish.inside < 0.99, 0.5, 0.0)[:, None, None]
    distance = wish.distance_m[:, None].expand(pixel.shape[:2])
    side = wish.hands.float().argmax(1)
    rows = torch.arange(len(side), device=side.device)
    hand = (keypoints[rows, :, side] - centre[:, :, None]) * seen[..., None]  # (N, K, 21, 3)
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
