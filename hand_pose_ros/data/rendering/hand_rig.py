"""The bones that pose an arm, with the knuckles and the thumb's base where people have them.

The MakeHuman rig bends the fingers at the web, 20 mm past the knuckles. Here each knuckle moves
back along its metacarpal, and the skin weights around it are shared out anew. Without this the
proximal phalanges are half as long as in labelled photographs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.rendering.hand_assets import HandAssets

SIDES = ('L', 'R')
ARM_BONES = (
    'shoulder',
    'upperarm',
    'lowerarm01',
    'lowerarm02',
    'wrist',
    *(f'metacarpal{finger}' for finger in range(1, 5)),
    *(f'finger{finger}-{joint}' for finger in range(1, 6) for joint in range(1, 4)),
)
"""The 24 bones that move an arm, each a rotation about its own pivot."""
BODY_BONES = ('rest', 'head')
NUM_BONES = len(BODY_BONES) + len(SIDES) * len(ARM_BONES)

ARM_JOINTS = (
    'upperarm01',
    'lowerarm01',
    'lowerarm02',
    'wrist',
    *(f'metacarpal{finger}' for finger in range(1, 5)),
    *(f'finger{finger}-{joint}' for finger in range(1, 6) for joint in (1, 2, 3, 'tip')),
)
"""The 28 points of an arm at rest that posing needs: bone heads, and the fingers' ends."""

KNUCKLE_SHIFT = 0.22
KNUCKLE_BLEND_M = 0.011
KNUCKLE_REACH_M = 0.06


@dataclass(frozen=True)
class HandRig:
    """Skin weights and joints of one body, with what each shape target adds to the joints.

    Attributes:
        weights: (V, NUM_BONES) float32; rows sum to 1. Columns: BODY_BONES, then ARM_BONES of
            the left arm, then of the right arm.
        joints: (2, 28, 3) float64 metres, ARM_JOINTS of both arms (left, right).
        target_joints: (K, 2, 28, 3) float64 metres.
        neck: (3,) float64 metres, where the head turns.
        target_neck: (K, 3) float64 metres.
        eyes: (2, 3) float64 metres.
    """

    weights: NDArray[np.float32]
    joints: NDArray[np.float64]
    target_joints: NDArray[np.float64]
    neck: NDArray[np.float64]
    target_neck: NDArray[np.float64]
    eyes: NDArray[np.float64]


def build_hand_rig(assets: HandAssets) -> HandRig:
    """Reduces the rig to the bones that hands need and corrects the knuckles."""
    bone = {name: index for index, name in enumerate(assets.bone_names)}
    weights = np.zeros((len(assets.vertices), NUM_BONES), np.float32)
    joints, target_joints = [], []
    for side_index, side in enumerate(SIDES):
        rest = _arm_joints(assets.heads, assets.tails, bone, side)
        delta = [
            _arm_joints(heads, tails, bone, side)
            for heads, tails in zip(assets.target_heads, assets.target_tails, strict=True)
        ]
        arm = np.stack([_arm_weights(assets, name, side) for name in ARM_BONES], axis=1)
        first = len(BODY_BONES) + side_index * len(ARM_BONES)
        weights[:, first : first + len(ARM_BONES)] = _share_out_knuckles(
            arm, assets.vertices, rest
        )
        joints.append(rest)
        target_joints.append(np.stack(delta))
    weights[:, 1] = assets.weights[:, _head_bones(assets.bone_names)].sum(axis=1)
    weights[:, 0] = 1.0 - weights[:, 1:].sum(axis=1)
    return HandRig(
        weights=weights,
        joints=np.stack(joints),
        target_joints=np.stack(target_joints, axis=1),
        neck=assets.heads[bone['neck02']],
        target_neck=assets.target_heads[:, bone['neck02']],
        eyes=np.stack([assets.heads[bone[f'eye.{side}']] for side in SIDES]),
    )


def _arm_joints(
    heads: NDArray[np.float64], tails: NDArray[np.float64], bone: dict[str, int], side: str
) -> NDArray[np.float64]:
    """ARM_JOINTS from bone ends, (28, 3); linear, so it serves positions and their changes."""
    rows = []
    for name in ARM_JOINTS:
        if name.endswith('-tip'):
            rows.append(tails[bone[f'{name[:-4]}-3.{side}']])
        elif name.endswith('-1') and not name.startswith('finger1'):
            metacarpal = heads[bone[f'metacarpal{int(name[6]) - 1}.{side}']]
            knuckle = heads[bone[f'{name}.{side}']]
            rows.append((1 - KNUCKLE_SHIFT) * knuckle + KNUCKLE_SHIFT * metacarpal)
        else:
            rows.append(heads[bone[f'{name}.{side}']])
    return np.stack(rows)


def _arm_weights(assets: HandAssets, name: str, side: str) -> NDArray[np.float32]:
    """(V,) weights of one of ARM_BONES, which may stand for two bones of the rig."""
    names = {'shoulder': ('shoulder01',), 'upperarm': ('upperarm01', 'upperarm02')}
    columns = [assets.bone_names.index(f'{n}.{side}') for n in names.get(name, (name,))]
    return assets.weights[:, columns].sum(axis=1)


def _head_bones(names: tuple[str, ...]) -> list[int]:
    """Columns of the bones that turn with the head: all but trunk, limbs and breasts."""
    still = ('breast', 'clavicle', 'pelvis', 'root', 'spine', 'upperleg', 'lowerleg', 'foot')
    limbs = ('toe', 'shoulder', 'upperarm', 'lowerarm', 'wrist', 'metacarpal', 'finger', 'neck01')
    return [index for index, name in enumerate(names) if not name.startswith(still + limbs)]


def _share_out_knuckles(
    weights: NDArray[np.float32], vertices: NDArray[np.float64], joints: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Moves the border between metacarpal and proximal phalanx to the corrected knuckle.

    Args:
        weights: (V, 24) of one arm.
        vertices: (V, 3) metres.
        joints: (28, 3) metres.

    Returns:
        (V, 24); each vertex keeps its sum.
    """
    result = weights.copy()
    for finger in range(2, 6):
        knuckle = joints[ARM_JOINTS.index(f'finger{finger}-1')]
        along = joints[ARM_JOINTS.index(f'finger{finger}-2')] - knuckle
        offset = vertices - knuckle
        t = np.clip((offset @ along / np.linalg.norm(along) / KNUCKLE_BLEND_M + 1) / 2, 0, 1)
        palm = ARM_BONES.index(f'metacarpal{finger - 1}')
        phalanx = ARM_BONES.index(f'finger{finger}-1')
        total = weights[:, palm] + weights[:, phalanx]
        old_share = weights[:, phalanx] / np.maximum(total, 1e-9)
        share = np.maximum(t * t * (3 - 2 * t), old_share)
        near = np.linalg.norm(offset, axis=1) < KNUCKLE_REACH_M
        result[near, phalanx] = (total * share)[near]
        result[near, palm] = (total * (1 - share))[near]
    return result
