"""Losses of the heatmap networks, and of the one that regresses coordinates."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.codecs.region_map import BACKGROUND, SIDE, WIDTH

PEAK_WEIGHT = 8.0
SQUARE_WEIGHT = 30.0
BACKGROUND_WEIGHT = 0.2


def euclidean_loss(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Returns the paper's loss: Caffe's Euclidean loss, summed over the heads.

    SRHandNet section III-C: the sum over maps and cells of the squared difference, over 2N.

    Args:
        outputs: Per head (N, 26, h, w).
        targets: Per head, same shapes.
    """
    batch = outputs[0].shape[0]
    losses = [(out - target).square().sum() for out, target in zip(outputs, targets, strict=True)]
    return torch.stack(losses).sum() / (2 * batch)


def weighted_loss(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Returns the mean squared difference, weighted towards the few cells that say something.

    Peaks fill about one cell in a hundred, and the squares of the region maps fewer still; with
    equal weights a small network first learns to predict nothing. Every head counts the same.

    Args:
        outputs: Per head (N, 26, h, w).
        targets: Per head, same shapes.
    """
    losses = []
    for out, target in zip(outputs, targets, strict=True):
        weight = 1 + PEAK_WEIGHT * target
        weight[:, BACKGROUND] = BACKGROUND_WEIGHT
        inside = (target[:, WIDTH : WIDTH + 1] > 0).to(target.dtype)
        weight[:, SIDE:] = 1 + SQUARE_WEIGHT * inside
        # Sizes are read at centres only. Were they zero elsewhere, a doubtful hand's box, a mean
        # of its size and of zero, would be too small for it.
        weight[:, WIDTH:SIDE] = (1 + SQUARE_WEIGHT) * inside
        losses.append((weight * (out - target).square()).mean())
    return torch.stack(losses).mean()


LOSSES = {'euclidean': euclidean_loss, 'weighted': weighted_loss}


def square_loss(joints: Tensor, target: Tensor, knee: float) -> Tensor:
    """Returns half the squared error, summed over the coordinates of a hand, mean over hands.

    Args:
        joints: (N, J, 3).
        target: (N, J, 3).
        knee: Not used; see `smooth_l1_loss`.
    """
    del knee
    return (joints - target).square().sum() / (2 * len(joints))


def smooth_l1_loss(joints: Tensor, target: Tensor, knee: float) -> Tensor:
    """Returns the smooth L1 norm, summed over the coordinates of a hand, mean over hands.

    Args:
        joints: (N, J, 3).
        target: (N, J, 3).
        knee: Error at which the square turns into a line. With the paper's 1, half a cube, no
            error ever gets there.
    """
    return _smooth_norms(joints, target, knee).sum() / len(joints)


def max_out_loss(joints: Tensor, target: Tensor, knee: float) -> Tensor:
    """Returns the max-out smooth L1 loss: of each hand only the worst of its coordinates counts.

    Li and Wang 2018: 1 / N sum over hands of 3M max |P - G|_smooth.

    Args:
        joints: (N, M, 3).
        target: (N, M, 3).
        knee: See `smooth_l1_loss`.
    """
    norms = _smooth_norms(joints, target, knee)  # (N, 3 M)
    return norms.shape[1] * norms.amax(dim=1).mean()


def _smooth_norms(joints: Tensor, target: Tensor, knee: float) -> Tensor:
    norms = functional.smooth_l1_loss(joints, target, reduction='none', beta=knee)
    return norms.flatten(1)


JOINT_LOSSES = {'square': square_loss, 'smooth_l1': smooth_l1_loss, 'max_out': max_out_loss}


def check_loss(name: str, known: Collection[str]) -> None:
    """Raises ValueError if a recipe's loss is not one of those known: LOSSES or JOINT_LOSSES."""
    if name not in known:
        raise ValueError(f'loss must be one of {", ".join(known)}, got {name!r}')
