"""What the two people of the demo clip do: keys in time, and smooth motion between them.

Person 0 comes from the left of the picture, person 1 from the right. They show gestures, reach
across each other's hands in the middle, wave and leave.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.hand_kinematics import rotation
from hand_pose_ros.data.rendering.hand_poses import gesture

DURATION_S = 12.0
_DEGREE = torch.pi / 180
_CAMERA_FROM_FACING_BODY = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))


@dataclass(frozen=True)
class Stand:
    """Where a person is at a moment.

    Attributes:
        time_s: The moment.
        shoulders: Middle between the shoulders in the camera's frame, metres.
        heading: Degrees that the body turns to its left; 0 faces the camera.
        head: Degrees that the head turns to its left, and nods.
    """

    time_s: float
    shoulders: tuple[float, float, float]
    heading: float
    head: tuple[float, float]


@dataclass(frozen=True)
class Gesture:
    """What an arm does at a moment.

    Attributes:
        time_s: The moment.
        wrist: Outward, up and forward of the shoulder, in arm lengths.
        turns: Degrees of the elbow's swivel, pronation, flexion and deviation of the wrist.
        fingers: Name of a gesture of hand_poses.
    """

    time_s: float
    wrist: tuple[float, float, float]
    turns: tuple[float, float, float, float]
    fingers: str


HANGING = ((0.18, -0.93, 0.1), (0, 10, 5, 0), 'relaxed')
PALM_TO_CAMERA = (-30, -55, -15, 0)
BACK_TO_CAMERA = (-30, 75, 5, 0)

STANDS = (
    (
        Stand(0.3, (-1.1, 0.17, 0.98), 70, (0, 0)),
        Stand(1.7, (-0.17, 0.17, 0.95), 10, (0, 0)),
        Stand(5.5, (-0.16, 0.17, 0.93), 10, (15, 5)),
        Stand(7.5, (-0.15, 0.17, 0.93), 15, (20, 5)),
        Stand(10.0, (-0.17, 0.17, 0.95), 5, (0, 0)),
        Stand(11.5, (-1.15, 0.17, 1.05), -70, (0, 0)),
    ),
    (
        Stand(1.0, (1.25, 0.14, 1.28), -70, (0, 0)),
        Stand(2.4, (0.32, 0.14, 1.26), -12, (0, 0)),
        Stand(5.5, (0.31, 0.14, 1.24), -12, (-15, 5)),
        Stand(7.5, (0.29, 0.14, 1.22), -15, (-20, 5)),
        Stand(10.3, (0.32, 0.14, 1.26), -8, (0, 0)),
        Stand(11.8, (1.3, 0.14, 1.28), 70, (0, 0)),
    ),
)
"""Keys of both people."""

ARMS = (
    (  # Person 0: the left arm, in the middle of the picture, and the right arm.
        (
            Gesture(4.8, *HANGING),
            Gesture(5.7, (-0.15, -0.05, 0.75), PALM_TO_CAMERA, 'open'),
            Gesture(6.4, (-0.15, 0.0, 0.8), PALM_TO_CAMERA, 'open'),
            Gesture(7.4, (0.2, 0.2, 0.8), PALM_TO_CAMERA, 'point'),
            Gesture(8.4, (-0.2, 0.1, 0.75), PALM_TO_CAMERA, 'flat'),
            Gesture(9.0, (-0.1, 0.1, 0.65), BACK_TO_CAMERA, 'three'),
            Gesture(9.8, *HANGING),
        ),
        (
            Gesture(1.2, *HANGING),
            Gesture(2.0, (-0.1, 0.2, 0.6), (-30, -50, -15, 15), 'open'),
            Gesture(2.3, (-0.02, 0.2, 0.6), (-15, -50, -15, -20), 'open'),
            Gesture(2.6, (-0.1, 0.2, 0.6), (-30, -50, -15, 15), 'open'),
            Gesture(2.9, (-0.02, 0.2, 0.6), (-15, -50, -15, -15), 'open'),
            Gesture(3.4, (-0.15, 0.1, 0.65), PALM_TO_CAMERA, 'fist'),
            Gesture(4.0, (-0.15, 0.15, 0.65), PALM_TO_CAMERA, 'point'),
            Gesture(4.6, (-0.15, 0.15, 0.7), PALM_TO_CAMERA, 'victory'),
            Gesture(5.2, (-0.1, 0.1, 0.65), (-20, 15, 0, 0), 'thumbs_up'),
            Gesture(5.8, (-0.1, 0.12, 0.65), (-20, 15, 0, 0), 'thumbs_up'),
            Gesture(6.5, (-0.02, -0.1, 0.6), BACK_TO_CAMERA, 'relaxed'),
            Gesture(7.4, (-0.05, 0.0, 0.62), BACK_TO_CAMERA, 'call'),
            Gesture(8.4, (-0.1, 0.0, 0.95), PALM_TO_CAMERA, 'open'),
            Gesture(9.2, (-0.1, 0.15, 0.65), PALM_TO_CAMERA, 'rock'),
            Gesture(9.6, (0.0, 0.2, 0.6), (-15, -50, -15, -20), 'open'),
            Gesture(9.9, (-0.1, 0.2, 0.6), (-30, -50, -15, 15), 'open'),
            Gesture(10.2, (0.0, 0.2, 0.6), (-15, -50, -15, -15), 'open'),
            Gesture(10.8, *HANGING),
        ),
    ),
    (  # Person 1: the left arm, and the right arm, in the middle of the picture.
        (
            Gesture(4.0, *HANGING),
            Gesture(4.8, (-0.25, 0.15, 0.6), BACK_TO_CAMERA, 'four'),
            Gesture(5.6, (-0.2, 0.2, 0.6), PALM_TO_CAMERA, 'two_and_thumb'),
            Gesture(6.4, (-0.1, 0.2, 0.6), PALM_TO_CAMERA, 'hook'),
            Gesture(7.4, (-0.1, 0.2, 0.6), PALM_TO_CAMERA, 'little'),
            Gesture(8.4, (-0.2, 0.1, 0.65), (-20, 15, 0, 0), 'gun'),
            Gesture(9.3, (-0.2, 0.25, 0.6), (-30, -50, -15, 15), 'open'),
            Gesture(9.7, (-0.1, 0.25, 0.6), (-15, -50, -15, -15), 'open'),
            Gesture(10.1, (-0.2, 0.25, 0.6), (-30, -50, -15, 15), 'open'),
            Gesture(10.8, *HANGING),
        ),
        (
            Gesture(2.0, *HANGING),
            Gesture(2.9, (0.1, 0.2, 0.6), PALM_TO_CAMERA, 'pinch'),
            Gesture(3.7, (0.1, 0.25, 0.6), PALM_TO_CAMERA, 'claw'),
            Gesture(4.5, (0.15, 0.2, 0.6), BACK_TO_CAMERA, 'fist'),
            Gesture(5.2, (0.15, 0.2, 0.6), (-20, 15, 0, 0), 'grasp'),
            Gesture(5.8, (0.0, 0.15, 0.65), PALM_TO_CAMERA, 'open'),
            Gesture(6.4, (0.0, 0.15, 0.65), PALM_TO_CAMERA, 'open'),
            Gesture(7.4, (-0.05, 0.2, 0.6), PALM_TO_CAMERA, 'victory'),
            Gesture(8.4, (0.0, 0.25, 0.5), PALM_TO_CAMERA, 'mitten'),
            Gesture(9.1, (0.15, 0.2, 0.5), BACK_TO_CAMERA, 'open'),
            Gesture(9.9, *HANGING),
        ),
    ),
)
"""Keys of both people's left and right arms."""


@dataclass(frozen=True)
class Motion:
    """The fields of scenes.People that move, for T moments and two people.

    Attributes:
        rotation: (T, 2, 3, 3) from the body's frame to the camera's.
        shoulders: (T, 2, 3) metres, the middle between the shoulders.
        head: (T, 2, 2) radians.
        arms: (T, 2, 2, 7) arm parameters, left and right.
        fingers: (T, 2, 2, 5, 5) finger angles.
    """

    rotation: Tensor
    shoulders: Tensor
    head: Tensor
    arms: Tensor
    fingers: Tensor


def motion_at(times_s: Tensor) -> Motion:
    """Returns where everybody is at (T,) moments in seconds."""
    people = [_stand(times_s, keys) for keys in STANDS]
    arms = [[_arm(times_s, keys) for keys in person] for person in ARMS]
    return Motion(
        rotation=torch.stack([person[0] for person in people], 1),
        shoulders=torch.stack([person[1] for person in people], 1),
        head=torch.stack([person[2] for person in people], 1),
        arms=torch.stack([torch.stack([arm[0] for arm in pair], 1) for pair in arms], 1),
        fingers=torch.stack([torch.stack([arm[1] for arm in pair], 1) for pair in arms], 1),
    )


def _stand(times_s: Tensor, keys: tuple[Stand, ...]) -> tuple[Tensor, Tensor, Tensor]:
    rows = [
        (*key.shoulders, key.heading * _DEGREE, *(a * _DEGREE for a in key.head)) for key in keys
    ]
    values = _between(times_s, [key.time_s for key in keys], torch.tensor(rows))  # (T, 6)
    facing = torch.tensor(_CAMERA_FROM_FACING_BODY)
    return facing @ rotation(1, values[:, 3]), values[:, :3], values[:, 4:]


def _arm(times_s: Tensor, keys: tuple[Gesture, ...]) -> tuple[Tensor, Tensor]:
    moments = [key.time_s for key in keys]
    rows = [(*key.wrist, *(angle * _DEGREE for angle in key.turns)) for key in keys]
    fingers = torch.stack([gesture(key.fingers) for key in keys]).flatten(1)
    arms = _between(times_s, moments, torch.tensor(rows))
    return arms, _between(times_s, moments, fingers).unflatten(1, (5, 5))


def _between(times_s: Tensor, moments_s: list[float], values: Tensor) -> Tensor:
    """Eases from key to key, (K, C) -> (T, C); still before the first and after the last."""
    moments = torch.tensor(moments_s)
    after = torch.searchsorted(moments, times_s).clamp(1, len(moments) - 1)
    share = (times_s - moments[after - 1]) / (moments[after] - moments[after - 1])
    share = share.clamp(0, 1)[:, None]
    # Starts and stops at rest, as people's movements do.
    return torch.lerp(values[after - 1], values[after], share * share * (3 - 2 * share))
