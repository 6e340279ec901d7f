"""Random numbers that depend on each image's seed alone, never on the batch it is in.

A counter-based generator (the finaliser of SplitMix64, Steele et al. 2014, applied to seed,
stream and index) gives the same numbers on a CPU and on a GPU.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_STREAM = 0xD1B54A32D192ED03 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def _wrapped(value: int) -> int:
    """The signed 64-bit integer with the same low bits."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def _shift(value: Tensor, bits: int) -> Tensor:
    """Logical shift to the right; torch's own keeps the sign."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _mix(value: Tensor) -> Tensor:
    value = (value ^ _shift(value, 30)) * _MIX_1
    value = (value ^ _shift(value, 27)) * _MIX_2
    return value ^ _shift(value, 31)


class Draws:
    """Draws numbers for a batch of seeds; each call continues every seed's own sequence."""

    def __init__(self, seeds: Sequence[int], device: str = 'cpu') -> None:
        self._keys = _mix(torch.tensor(list(seeds), dtype=torch.int64, device=device) * _GOLDEN)
        self._stream = 0

    def __len__(self) -> int:
        return len(self._keys)

    def fork(self, tag: int) -> 'Draws':
        """Sequences of their own for a part of the work that not every batch does."""
        forked = Draws((), str(self._keys.device))
        forked._keys = _mix(self._keys + _wrapped((tag + 1) * _STREAM))
        return forked

    def take(self, rows: Tensor) -> 'Draws':
        """The sequences of some of the seeds, (n,) int64, from where they are."""
        taken = Draws((), str(self._keys.device))
        taken._keys, taken._stream = self._keys[rows], self._stream
        return taken

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(N, *shape) float32, uniform in [low, high)."""
        self._stream += 1
        count = int(torch.Size(shape).numel())
        index = torch.arange(1, count + 1, device=self._keys.device) * _GOLDEN
        start = self._keys + _wrapped(self._stream * _STREAM)
        bits = _shift(_mix(_mix(start)[:, None] + index), 40)
        unit = bits.to(torch.float32) / (1 << 24)
        return (low + (high - low) * unit).view(len(self._keys), *shape)

    def normal(self, *shape: int, mean: float = 0.0, std: float = 1.0) -> Tensor:
        """(N, *shape) float32, normally distributed (Box and Muller)."""
        radius = (-2 * torch.log1p(-self.uniform(*shape))).sqrt()
        return mean + std * radius * torch.cos(2 * torch.pi * self.uniform(*shape))

    def integers(self, *shape: int, low: int, high: int) -> Tensor:
        """(N, *shape) int64 in low..high, both included."""
        return low + (self.uniform(*shape) * (high - low + 1)).long().clamp(max=high - low)

    def chance(self, *shape: int, probability: float) -> Tensor:
        """(N, *shape) bool, true with the probability."""
        return self.uniform(*shape) < probability

    def choice(self, *shape: int, weights: Sequence[float]) -> Tensor:
        """(N, *shape) int64, index i with probability weights[i] / sum."""
        total = torch.tensor(weights, dtype=torch.float64).cumsum(0)
        edges = (total / total[-1])[:-1].to(self._keys.device, torch.float32)
        return torch.bucketize(self.uniform(*shape), edges, right=True)

    def rotations(self, *shape: int) -> Tensor:
        """(N, *shape, 3, 3), uniform in SO(3), from normalised normal quaternions."""
        q = torch.nn.functional.normalize(self.normal(*shape, 4), dim=-1)
        return quaternion_matrix(q)


def quaternion_matrix(q: Tensor) -> Tensor:
    """Unit quaternions (x, y, z, w) -> rotation matrices: (..., 4) -> (..., 3, 3)."""
    x, y, z, w = q.unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z),
        2 * (x * y - z * w),
        2 * (x * z + y * w),
        2 * (x * y + z * w),
        1 - 2 * (x * x + z * z),
        2 * (y * z - x * w),
        2 * (x * z - y * w),
        2 * (y * z + x * w),
        1 - 2 * (x * x + y * y),
    )
    return torch.stack(rows, -1).unflatten(-1, (3, 3))
