"""Losses of the heatmap networks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hand_pose_ros.codecs.region_map import BACKGROUND, CENTRE, WIDTH

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
        weight[:, CENTRE + 1 :] = 1 + SQUARE_WEIGHT * (target[:, WIDTH : WIDTH + 1] > 0)
        losses.append((weight * (out - target).square()).mean())
    return torch.stack(losses).mean()


LOSSES = {'euclidean': euclidean_loss, 'weighted': weighted_loss}
