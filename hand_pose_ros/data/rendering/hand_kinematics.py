"""Forward kinematics of arms: from angles to bone rotations and the 21 keypoints.

Everything is computed for right arms; left arms are mirrored (x negated) before and after, so
both follow the same code. Palm frame: origin at the wrist, y to the middle knuckle, x to the
thumb's side, z out of the palm. Angles are radians.

Arm parameters, (7,): the wrist's place as seen from the shoulder in arm lengths (outward, up,
forward), swivel of the elbow about the line shoulder-wrist, pronation, flexion of the wrist
toward the palm, deviation of the wrist to the little finger's side.

Finger angles, (5, 5), thumb first: abduction (positive to the little finger), flexion of the
base, twist, flexion of the middle joint, flexion of the end joint. The thumb's first three are
relative to its rest; all others are absolute, zero being straight along the metacarpal.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.hand_rig import ARM_JOINTS

SHOULDER, ELBOW, FOREARM, WRIST = range(4)
_METACARPALS = slice(4, 8)
_FINGERS = slice(8, len(ARM_JOINTS))
_MIRROR = (-1.0, 1.0, 1.0)

REACH = (0.38, 0.995)
"""Least and greatest distance from shoulder to wrist in arm lengths."""
SHOULDER_SHARE = 0.4
TWIST_SHARES = (0.1, 0.55, 1.0)
"""Share of the pronation that the two halves of the forearm and the wrist take."""
PALM_ARCH = (0.0, 0.0, 0.07, 0.157)
"""Radians that each metacarpal bends when its finger is bent by 88 degrees."""
TIP_INSET = 0.1
THUMB_BASE_SHARE = 0.75


@dataclass(frozen=True)
class PosedArms:
    """Arms in the body's frame, metres.

    Attributes:
        rotations: (A, 24, 3, 3), how each of ARM_BONES turns the skin.
        pivots: (A, 24, 3), a point of each bone at rest.
        positions: (A, 24, 3), where that point is now.
        keypoints: (A, 21, 3).
        palm: (A, 3, 3) axes of the palm frame, in columns.
    """

    rotations: Tensor
    pivots: Tensor
    positions: Tensor
    keypoints: Tensor
    palm: Tensor


def rotation(axis: int, angle: Tensor) -> Tensor:
    """Rotations about a coordinate axis: (...) radians -> (..., 3, 3)."""
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rows = {
        0: (one, zero, zero, zero, c, -s, zero, s, c),
        1: (c, zero, s, zero, one, zero, -s, zero, c),
        2: (c, -s, zero, s, c, zero, zero, zero, one),
    }[axis]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def apply(rotations: Tensor, vectors: Tensor) -> Tensor:
    """Turns vectors: (..., 3, 3) and (..., 3) -> (..., 3), the same way for any batch size."""
    return (rotations * vectors[..., None, :]).sum(-1)


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """Product of (..., 3, 3) matrices, the same way for any batch size."""
    return (first[..., :, :, None] * second[..., None, :, :]).sum(-2)


def frame(y: Tensor, x_hint: Tensor) -> Tensor:
    """Right-handed frames, columns (x, y, z), from y and a direction near x: (..., 3, 3)."""
    y = functional.normalize(y, dim=-1)
    x = functional.normalize(x_hint - (x_hint * y).sum(-1, keepdim=True) * y, dim=-1)
    return torch.stack((x, y, torch.linalg.cross(x, y)), dim=-1)


def mirror_points(points: Tensor) -> Tensor:
    """Negates x of (..., 3)."""
    return points * points.new_tensor(_MIRROR)


def mirror_rotations(rotations: Tensor) -> Tensor:
    """Conjugates (..., 3, 3) by the reflection of x."""
    signs = rotations.new_tensor(_MIRROR)
    return rotations * signs[:, None] * signs


def palm_frame(joints: Tensor) -> Tensor:
    """Palm frames at rest, columns in the body's frame: (..., 28, 3) -> (..., 3, 3)."""
    fingers = joints[..., _FINGERS, :].unflatten(-2, (5, 4))
    y = fingers[..., 2, 0, :] - joints[..., WRIST, :]
    return frame(y, fingers[..., 1, 0, :] - fingers[..., 4, 0, :])


@dataclass(frozen=True)
class PosedPalm:
    """Fingers in the palm frame, whatever the arm does.

    Attributes:
        rotations: (A, 19, 3, 3) of the four metacarpals and fifteen phalanges.
        pivots: (A, 19, 3) metres, their heads at rest.
        positions: (A, 19, 3) metres, their heads now.
        keypoints: (A, 21, 3) metres.
        frames: (A, 5, 3, 3, 3) of the phalanges: columns are the axis that they bend about, the
            direction of the bone, and the palmar side.
    """

    rotations: Tensor
    pivots: Tensor
    positions: Tensor
    keypoints: Tensor
    frames: Tensor


def pose_palm(joints: Tensor, fingers: Tensor) -> PosedPalm:
    """Poses the fingers of right hands.

    Args:
        joints: (A, 28, 3) metres at rest, in any frame.
        fingers: (A, 5, 5) finger angles.
    """
    palm = palm_frame(joints)
    local = apply(palm.mT[:, None], joints - joints[:, WRIST, None])
    metacarpals, chains = local[:, _METACARPALS], local[:, _FINGERS].unflatten(1, (5, 4))
    bones = chains[:, :, 1:] - chains[:, :, :-1]  # (A, 5, 3, 3)
    arches = _arch_metacarpals(chains[:, 1:, 0] - metacarpals, fingers)  # (A, 4, 3, 3)
    rest = _rest_frames(chains, bones)
    now = _posed_frames(chains[:, 1:, 0] - metacarpals, rest, fingers, arches)
    knuckles = metacarpals + apply(arches, chains[:, 1:, 0] - metacarpals)
    bases = torch.cat((chains[:, :1, 0], knuckles), 1)  # (A, 5, 3)
    steps = now[..., 1] * torch.linalg.vector_norm(bones, dim=-1, keepdim=True)
    ends = bases[:, :, None] + steps.cumsum(2)  # (A, 5, 3, 3)
    heads = torch.cat((bases[:, :, None], ends[:, :, :2]), 2)
    tips = ends[:, :, 2] - TIP_INSET * steps[:, :, 2]
    thumb_base = THUMB_BASE_SHARE * heads[:, 0, :1]
    keypoints = torch.cat((heads, tips[:, :, None]), 2).flatten(1, 2)
    return PosedPalm(
        rotations=torch.cat((arches, multiply(now, rest.mT).flatten(1, 2)), 1),
        pivots=torch.cat((metacarpals, chains[:, :, :3].flatten(1, 2)), 1),
        positions=torch.cat((metacarpals, heads.flatten(1, 2)), 1),
        keypoints=torch.cat((torch.zeros_like(thumb_base), thumb_base, keypoints[:, 1:]), 1),
        frames=now,
    )


def _arch_metacarpals(metacarpals: Tensor, fingers: Tensor) -> Tensor:
    """The palm's hollow in a fist: (A, 4, 3) directions, (A, 5, 5) -> (A, 4, 3, 3)."""
    bend = (fingers[:, 1:, 1] / 1.54).clamp(0, 1) * fingers.new_tensor(PALM_ARCH)
    base = frame(metacarpals, metacarpals.new_tensor((1.0, 0.0, 0.0)).expand_as(metacarpals))
    return multiply(multiply(base, rotation(0, bend)), base.mT)


def _rest_frames(chains: Tensor, bones: Tensor) -> Tensor:
    """Frames of the phalanges at rest, x being the axis that they bend about.

    The plane in which a finger bends is that of the line from the wrist to its second joint and
    its last bone. (A, 5, 4, 3), (A, 5, 3, 3) -> (A, 5, 3, 3, 3), columns in the palm frame.
    """
    axis = torch.linalg.cross(chains[:, :, 1], bones[:, :, 2])
    finger_sign = axis[:, 1:, 0].sign()
    thumb_sign = -torch.linalg.cross(axis[:, :1], bones[:, :1, 2])[..., 0].sign()
    axis = axis * torch.cat((thumb_sign, finger_sign), 1)[..., None]
    return frame(bones, axis[:, :, None].expand_as(bones))


def finger_bases(joints: Tensor) -> Tensor:
    """Frames that the finger angles start from, columns in the palm frame.

    The thumb's is its first bone at rest; the others' have y along the metacarpal in the plane
    of the palm and z out of the palm. (A, 28, 3) -> (A, 5, 3, 3).
    """
    local = apply(palm_frame(joints).mT[:, None], joints - joints[:, WRIST, None])
    metacarpals, chains = local[:, _METACARPALS], local[:, _FINGERS].unflatten(1, (5, 4))
    rest = _rest_frames(chains, chains[:, :, 1:] - chains[:, :, :-1])
    return torch.cat((rest[:, :1, 0], _level_frames(chains[:, 1:, 0] - metacarpals)), 1)


def _level_frames(metacarpals: Tensor) -> Tensor:
    """Frames with y along the metacarpals' projection and z out of the palm: (A, 4, 3, 3)."""
    zero = torch.zeros_like(metacarpals[..., 0])
    y = torch.stack((metacarpals[..., 0], metacarpals[..., 1], zero), -1)
    return frame(y, torch.stack((metacarpals[..., 1], -metacarpals[..., 0], zero), -1))


def _posed_frames(metacarpals: Tensor, rest: Tensor, fingers: Tensor, arches: Tensor) -> Tensor:
    """Frames of the phalanges now: (A, 5, 3, 3, 3), columns in the palm frame."""
    base = torch.cat((rest[:, :1, 0], multiply(arches, _level_frames(metacarpals))), 1)
    abduction, flexion, twist, middle, end = fingers.unbind(-1)
    first = multiply(multiply(base, rotation(2, abduction)), rotation(0, flexion))
    first = multiply(first, rotation(1, twist))
    second = multiply(first, rotation(0, middle))
    return torch.stack((first, second, multiply(second, rotation(0, end))), 2)


def pose_arms(joints: Tensor, arms: Tensor, fingers: Tensor) -> PosedArms:
    """Poses arms and hands.

    Args:
        joints: (A, 28, 3) metres at rest in the body's frame; left arms already mirrored.
        arms: (A, 7) arm parameters.
        fingers: (A, 5, 5) finger angles.

    Returns:
        The posed arms, in the frame of `joints`.
    """
    palm = pose_palm(joints, fingers)
    arm, elbow, wrist = pose_limb(joints, arms)
    rest_palm = palm_frame(joints)
    palm_now = multiply(arm[:, 4], rest_palm)
    rest_wrist = joints[:, WRIST, None]
    fingers_turn = multiply(multiply(palm_now[:, None], palm.rotations), rest_palm.mT[:, None])
    shoulder = joints[:, SHOULDER]
    forearm = elbow + apply(arm[:, 2], joints[:, FOREARM] - joints[:, ELBOW])
    limb_pivots = joints[:, [SHOULDER, SHOULDER, ELBOW, FOREARM, WRIST]]
    limb_positions = torch.stack((shoulder, shoulder, elbow, forearm, wrist), 1)

    def place(points: Tensor) -> Tensor:
        return wrist[:, None] + apply(palm_now[:, None], points)

    return PosedArms(
        rotations=torch.cat((arm, fingers_turn), 1),
        pivots=torch.cat((limb_pivots, rest_wrist + apply(rest_palm[:, None], palm.pivots)), 1),
        positions=torch.cat((limb_positions, place(palm.positions)), 1),
        keypoints=place(palm.keypoints),
        palm=palm_now,
    )


def pose_limb(joints: Tensor, arms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Two-bone inverse kinematics with the elbow as a hinge.

    Returns:
        (A, 5, 3, 3) rotations of shoulder, upper arm, both halves of the forearm and wrist,
        (A, 3) elbow and (A, 3) wrist.
    """
    shoulder, elbow, _, wrist = joints[:, :4].unbind(1)
    upper, fore = elbow - shoulder, wrist - elbow
    a = torch.linalg.vector_norm(upper, dim=-1, keepdim=True)
    b = torch.linalg.vector_norm(fore, dim=-1, keepdim=True)
    # A right arm lies at negative x, so outward is -x.
    line = arms[:, :3] * arms.new_tensor((-1.0, 1.0, 1.0))
    reach = torch.linalg.vector_norm(line, dim=-1, keepdim=True).clamp(min=1e-6)
    u, c = line / reach, reach.clamp(*REACH) * (a + b)
    pole = _elbow_direction(u, arms[:, 3])
    cosine = ((a * a + c * c - b * b) / (2 * a * c)).clamp(-1, 1)
    elbow_now = shoulder + a * (cosine * u + (1 - cosine * cosine).sqrt() * pole)
    wrist_now = shoulder + c * u
    hinge, hinge_now = torch.linalg.cross(upper, fore), torch.linalg.cross(pole, u)
    upper_now, fore_now = elbow_now - shoulder, wrist_now - elbow_now
    upper_rest = frame(upper, hinge)
    upper_turn = multiply(frame(upper_now, hinge_now), upper_rest.mT)
    partly = torch.lerp(upper_rest, multiply(upper_turn, upper_rest), SHOULDER_SHARE)
    shoulder_turn = multiply(frame(partly[..., 1], partly[..., 0]), upper_rest.mT)
    fore_frame, fore_rest = frame(fore_now, hinge_now), frame(fore, hinge)
    turns = [
        multiply(multiply(fore_frame, rotation(1, share * arms[:, 4])), fore_rest.mT)
        for share in TWIST_SHARES
    ]
    palm = palm_frame(joints)
    bend = multiply(rotation(2, arms[:, 6]), rotation(0, arms[:, 5]))
    turns[2] = multiply(turns[2], multiply(multiply(palm, bend), palm.mT))
    return torch.stack((shoulder_turn, upper_turn, *turns), 1), elbow_now, wrist_now


def _elbow_direction(line: Tensor, swivel: Tensor) -> Tensor:
    """Where the elbow points: outward, down and back unless swivelled. (A, 3), (A,) -> (A, 3)."""
    pole = line.new_tensor((-0.45, -0.7, -0.4)).expand_as(line)
    side = frame(line, pole)  # x: pole made perpendicular to the line
    c, s = swivel.cos()[:, None], swivel.sin()[:, None]
    return c * side[..., 0] + s * side[..., 2]
