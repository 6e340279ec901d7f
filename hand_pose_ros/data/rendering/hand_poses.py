"""Finger angles that hands take: gestures, random bends within limits, recorded poses.

Angles are radians in the layout of hand_kinematics: (..., 5 fingers, 5), thumb first. Limits and
couplings after anatomy tables; see Kapandji, The Physiology of the Joints, vol. 1.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.rendering.draws import Draws, quaternion_matrix
from hand_pose_ros.data.rendering.hand_kinematics import finger_bases, multiply
from hand_pose_ros.data.rendering.steady import power

_DEGREE = math.pi / 180

LOWEST_DEG = ((-31, -28, -16, -8, -18), *((-25, -25, -15, -5, -8),) * 4)
HIGHEST_DEG = ((25, 50, 27, 60, 80), *((25, 95, 15, 112, 80),) * 4)
"""Limits of every angle; rows thumb to little finger."""

TOGETHER_DEG = (9.0, 1.0, -7.0, -17.0)
SPREAD_DEG = (-6.0, -1.0, 3.0, 4.0)
"""Abduction of index to little finger with the fingers side by side, and apart."""

THUMB_MODES_DEG = {
    'out': (-22, -12, 0, -2, -3),
    'side': (8, -8, 0, 10, 8),
    'up': (-10, -22, -10, -5, -10),
    'palm': (20, 22, 20, 45, 25),
    'oppose': (-5, 25, 20, 15, 10),
    'over': (-2, 29, 19, 35, 52),
    'pinch': (5, 22, 9, 14, 5),
    'relaxed': (0, 4, 5, 15, 15),
}


@dataclass(frozen=True)
class Gesture:
    """A hand shape people use.

    Attributes:
        curls: Bend of index, middle, ring and little finger, 0 = straight, 1 = in the palm.
        thumb: A key of THUMB_MODES_DEG.
        spread: 0 = fingers side by side, 1 = apart.
        style: Shifts bend from the middle joints (positive) to the knuckles.
    """

    curls: tuple[float, float, float, float]
    thumb: str
    spread: float = 0.5
    style: float = 0.0


GESTURES = {
    'open': Gesture((0, 0, 0, 0), 'out', 1.0),
    'flat': Gesture((0.03, 0.03, 0.03, 0.03), 'side', 0.0),
    'relaxed': Gesture((0.25, 0.3, 0.35, 0.4), 'relaxed'),
    'fist': Gesture((1, 1, 1, 1), 'over', 0.0),
    'point': Gesture((0, 1, 1, 1), 'over', 0.0),
    'victory': Gesture((0, 0, 1, 1), 'over', 1.2),
    'thumbs_up': Gesture((1, 1, 1, 1), 'up', 0.0),
    'three': Gesture((0, 0, 0, 1), 'palm', 0.8),
    'four': Gesture((0, 0, 0, 0), 'palm', 0.8),
    'call': Gesture((1, 1, 1, 0), 'out'),
    'rock': Gesture((0, 1, 1, 0), 'over'),
    'gun': Gesture((0, 1, 1, 1), 'up'),
    'claw': Gesture((0.45, 0.45, 0.45, 0.45), 'oppose', 0.8, -0.3),
    'two_and_thumb': Gesture((0, 0, 1, 1), 'out'),
    'little': Gesture((1, 1, 1, 0), 'over'),
    'mitten': Gesture((0.45, 0.45, 0.45, 0.45), 'oppose', 0.1, 0.5),
    'pinch': Gesture((0.5, 0.3, 0.2, 0.15), 'pinch', 0.5, 0.1),
    'grasp': Gesture((0.55, 0.6, 0.6, 0.6), 'oppose', 0.2),
    'hook': Gesture((0.6, 0.6, 0.6, 0.6), 'side', 0.0, -0.6),
}
GESTURE_SHARE = 0.6
"""Of the invented poses; the others bend the fingers at random."""
SETTLED_SHARE, BETWEEN_SHARE, RECORDED_SHARE = 0.65, 0.2, 0.15
SETTLED_FILE = Path(__file__).with_name('finger_poses.npz')


def limits(device: torch.device | str = 'cpu') -> tuple[Tensor, Tensor]:
    """Lowest and highest finger angles in radians, (5, 5) each."""
    low = torch.tensor(LOWEST_DEG, dtype=torch.float32, device=device)
    high = torch.tensor(HIGHEST_DEG, dtype=torch.float32, device=device)
    return low * _DEGREE, high * _DEGREE


def fingers_from_curls(curls: Tensor, thumb: Tensor, spread: Tensor, style: Tensor) -> Tensor:
    """Finger angles of a hand described by few numbers.

    Args:
        curls: (..., 4), 0 = straight to 1 = in the palm, index to little finger.
        thumb: (..., 5) radians, the thumb's angles.
        spread: (...) 0 = side by side, 1 = apart.
        style: (...) -1..1, bend in the middle joints (-) or in the knuckles (+).

    Returns:
        (..., 5, 5) radians.
    """
    style = style[..., None]
    flexion = (-8 + 88 * curls) * (1 + 0.6 * style)
    middle = (4 + 98 * power(curls, 0.8)) * (1 - 0.6 * style)
    # Two tendons bend the last two joints together.
    end = 0.55 * middle
    together, apart = curls.new_tensor(TOGETHER_DEG), curls.new_tensor(SPREAD_DEG)
    abduction = torch.lerp(together, apart, spread[..., None])
    abduction = torch.lerp(abduction, 0.9 * together, (flexion / 80).clamp(0, 1))
    fingers = torch.stack((abduction, flexion, torch.zeros_like(end), middle, end), -1) * _DEGREE
    return torch.cat((thumb[..., None, :], fingers), -2)


def gesture(name: str) -> Tensor:
    """Angles of one of GESTURES: (5, 5) radians."""
    shape = GESTURES[name]
    thumb = torch.tensor(THUMB_MODES_DEG[shape.thumb], dtype=torch.float32) * _DEGREE
    return fingers_from_curls(
        torch.tensor(shape.curls, dtype=torch.float32),
        thumb,
        torch.tensor(shape.spread),
        torch.tensor(shape.style),
    )


class FingerSampler:
    """Draws finger angles from settled poses (see contacts), between them, and from recordings."""

    def __init__(
        self, recorded: NDArray[np.float64], joints: Tensor, device: torch.device | str = 'cpu'
    ) -> None:
        """Prepares the recorded poses.

        Args:
            recorded: (R, 17, 4) quaternions of HandAssets.recorded_rotations.
            joints: (28, 3) ARM_JOINTS of a right arm at rest.
            device: Where samples are made.
        """
        with np.load(SETTLED_FILE) as stored:
            settled = torch.from_numpy(stored['milliradians'].astype(np.float32)) / 1000
        self._settled = settled.to(device)
        self._recorded = fingers_from_recording(recorded, joints.cpu()).to(device)
        self._thumbs = (
            torch.tensor(list(THUMB_MODES_DEG.values()), dtype=torch.float32, device=device)
            * _DEGREE
        )
        modes = list(THUMB_MODES_DEG)
        rows = [(*g.curls, g.spread, g.style, modes.index(g.thumb)) for g in GESTURES.values()]
        self._gestures = torch.tensor(rows, dtype=torch.float32, device=device)
        self._low, self._high = limits(device)

    def sample(self, draws: Draws, count: int) -> Tensor:
        """Angles of `count` hands for every image: (N, count, 5, 5) radians."""
        kinds = draws.choice(count, weights=(SETTLED_SHARE, BETWEEN_SHARE, RECORDED_SHARE))
        kinds = kinds[..., None, None]
        rows = draws.integers(count, 2, low=0, high=len(self._settled) - 1)
        first, second = self._settled[rows[..., 0]], self._settled[rows[..., 1]]
        between = torch.lerp(first, second, draws.uniform(count, 1, 1))
        row = draws.integers(count, low=0, high=len(self._recorded) - 1)
        fingers = torch.where(kinds == 0, first, between)
        fingers = torch.where(kinds == 2, self._recorded[row], fingers)
        noise = draws.normal(count, 5, 5, std=1.5 * _DEGREE)
        return (fingers + noise).clamp(self._low, self._high)

    def invent(self, draws: Draws, count: int) -> Tensor:
        """Gestures and random bends; fingers may enter each other: (N, count, 5, 5) radians."""
        kinds = draws.chance(count, 1, 1, probability=GESTURE_SHARE)
        fingers = torch.where(kinds, self._gesture(draws, count), self._bent(draws, count))
        noise = draws.normal(count, 5, 5, std=3 * _DEGREE)
        return (fingers + noise).clamp(self._low, self._high)

    def _gesture(self, draws: Draws, count: int) -> Tensor:
        row = self._gestures[draws.integers(count, low=0, high=len(self._gestures) - 1)]
        curls = (row[..., :4] + draws.normal(count, 4, std=0.05)).clamp(0, 1)
        return fingers_from_curls(
            curls,
            self._thumbs[row[..., 6].long()],
            row[..., 4] + draws.normal(count, std=0.15),
            row[..., 5] + draws.normal(count, std=0.1),
        )

    def _bent(self, draws: Draws, count: int) -> Tensor:
        walk = draws.normal(count, 4, std=0.18).cumsum(-1)
        walk = walk - walk.mean(-1, keepdim=True)
        alone = draws.chance(count, 1, probability=0.2)
        common = draws.uniform(count, 1) + walk
        curls = torch.where(alone, draws.uniform(count, 4), common).clamp(0, 1)
        modes = draws.integers(count, 2, low=0, high=len(self._thumbs) - 1)
        between = draws.uniform(count, 1)
        thumb = torch.lerp(self._thumbs[modes[..., 0]], self._thumbs[modes[..., 1]], between)
        spread = draws.uniform(count, low=-0.1, high=1.2)
        return fingers_from_curls(curls, thumb, spread, draws.normal(count, std=0.35).clamp(-1, 1))


_INTEL_TO_PALM = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
_INTEL_THUMB = ((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
_INTEL_THUMB_BASE = (0.0351, -0.0207, 0.0499)
"""Direction of the thumb's first bone in its own frame, from model_hand.json."""


def fingers_from_recording(recorded: NDArray[np.float64], joints: Tensor) -> Tensor:
    """Converts Intel's bone orientations to finger angles.

    Bones: 0 forearm, 1 palm, then three per finger, thumb first. Local z points along the bone.

    Args:
        recorded: (R, 17, 4) quaternions (x, y, z, w).
        joints: (28, 3) ARM_JOINTS of a right arm at rest.

    Returns:
        (R, 5, 5) radians, within the limits; twist of the fingers is left out.
    """
    bones = quaternion_matrix(torch.from_numpy(recorded).float())
    to_palm = torch.tensor(_INTEL_TO_PALM)
    local = to_palm @ bones[:, 1:2].mT @ bones[:, 2:]  # (R, 15, 3, 3)
    base = torch.tensor(_INTEL_THUMB_BASE)
    y = base / base.norm()
    x = torch.tensor((0.0, -1.0, 0.0))
    x = torch.nn.functional.normalize(x - (x @ y) * y, dim=0)
    thumb_base = torch.stack((x, y, torch.linalg.cross(x, y)), -1)
    axes = to_palm.T.expand(15, 3, 3).clone()
    axes[0], axes[1:3] = thumb_base, torch.tensor(_INTEL_THUMB)
    frames = (local @ axes).unflatten(1, (5, 3))
    first = multiply(finger_bases(joints[None]).mT, frames[:, :, 0])  # (R, 5, 3, 3)
    cosine = first[..., 2, 2].sign() * torch.hypot(first[..., 2, 0], first[..., 2, 2])
    flexion = torch.atan2(first[..., 2, 1], cosine)
    # At a right angle the bone's direction says nothing of abduction; its flexion axis does.
    steep = cosine < 0.3
    abduction = torch.where(
        steep,
        torch.atan2(first[..., 1, 0], first[..., 0, 0]),
        torch.atan2(-first[..., 0, 1], first[..., 1, 1]),
    )
    twist = torch.atan2(-first[..., 2, 0], first[..., 2, 2])
    twist[:, 1:] = 0.0
    hinges = multiply(frames[:, :, :2].mT, frames[:, :, 1:])
    bends = torch.atan2(hinges[..., 2, 1], hinges[..., 1, 1])  # (R, 5, 2)
    angles = torch.stack((abduction, flexion, twist, bends[..., 0], bends[..., 1]), -1)
    return angles.clamp(*limits())
