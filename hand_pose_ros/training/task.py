"""What the training loop asks of a network: its samples, its loss, its validation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.runtimes.base import INPUT_NAME, Spec
from hand_pose_ros.training.recipes import Recipe

LoadedT = TypeVar('LoadedT')


class Task(Protocol):
    """One network and how it is trained.

    The network is that of `recipe.network` and `recipe.plan` in networks/deployed.py; when it is
    trained it returns a tuple of tensors.
    """

    @property
    def recipe(self) -> Recipe:
        """How."""
        ...

    @property
    def spec(self) -> Spec:
        """What the exported model says of itself."""
        ...

    def load(self, data: Path) -> None:
        """Reads all that is trained on into memory; the processes of a run share it.

        Args:
            data: Folder that the recipe's folders are below.

        Raises:
            ValueError: The data does not fit the recipe.
            OSError: Data is missing.
        """
        ...

    def batch(self, step: int, rank: int) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Makes the samples of a step.

        Args:
            step: Steps done so far.
            rank: Which process asks; each has samples of its own.

        Returns:
            The network's inputs and its targets, in the CPU's memory. The same arguments give the
            same batch.
        """
        ...

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Returns the loss, a scalar, of the network's outputs (float32)."""
        ...

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures a network, which is not changed.

        Returns:
            Values by name; the first one decides which checkpoint is best, more is better.
        """
        ...

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes inputs of the exported model, by name: to trace it, and to compare it with.

        Axes whose lengths differ between the examples are free in the exported model.
        """
        ...


def loaded(data: LoadedT | None) -> LoadedT:
    """Returns what `Task.load` has read.

    Raises:
        RuntimeError: Nothing yet.
    """
    if data is None:
        raise RuntimeError('load() comes before batch() and validate()')
    return data


def example_pictures(*counts_and_sizes: tuple[int, int]) -> list[dict[str, NDArray]]:
    """Makes the `Task.examples` of a network that reads pictures alone.

    Args:
        counts_and_sizes: Number of pictures and their side in pixels, of each example.
    """
    rng = np.random.default_rng(0)
    return [
        {INPUT_NAME: rng.integers(0, 256, (count, size, size, 3), np.uint8)}
        for count, size in counts_and_sizes
    ]


def step_rngs(seed: int, step: int, rank: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Returns two generators of a step: one that is alike in all processes, one of this process.

    The kind of a step is drawn from the first, so that all processes do equal work.
    """
    return np.random.default_rng((seed, step)), np.random.default_rng((seed, step, rank + 1))
