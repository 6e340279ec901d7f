"""Functions whose rounding does not depend on the batch that a number is in.

A picture must not change with its batch. Torch computes the last few numbers of an array one by
one, and for some functions with another rounding than the vectors before them; batched matrix
products round by the size of the batch.
"""

import math

import torch
from torch import Tensor


def power(base: Tensor, exponent: Tensor | float) -> Tensor:
    """Base ** exponent for bases of 0 and more."""
    return torch.exp(exponent * torch.log(base.clamp(min=1e-20)))


def sigmoid(value: Tensor) -> Tensor:
    """1 / (1 + exp(-value))."""
    return 1 / (1 + torch.exp(-value))


def azimuth(y: Tensor, x: Tensor) -> Tensor:
    """Angle of (x, y) from the x axis, -pi to pi."""
    turn = torch.where(y < 0, -math.pi, math.pi)
    angle = torch.atan(y / torch.where(x == 0, 1e-20, x))
    return torch.where(x < 0, angle + turn, angle)


def products(first: Tensor, second: Tensor) -> Tensor:
    """Matrix products (B, m, k) x (B, k, n), one by one."""
    if len(first) == 0:
        return first @ second
    return torch.stack([a @ b for a, b in zip(first, second, strict=True)])
