"""Training state on disk: written in one step, so that a kill never leaves half a file."""

from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch


@dataclass(frozen=True)
class Checkpoint:
    """All that a training run needs to go on.

    Attributes:
        step: Optimiser steps done.
        seconds: Time trained so far.
        images: Pictures seen so far, by all processes.
        network: State of the network being optimised.
        averaged: State of its moving average, which is what ships.
        optimiser: State of the optimiser.
        best_score: Best validation so far.
    """

    step: int
    seconds: float
    images: int
    network: dict[str, Any]
    averaged: dict[str, Any]
    optimiser: dict[str, Any]
    best_score: float


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Writes a checkpoint, replacing the old one in one step."""
    partial = path.with_suffix('.partial')
    torch.save(vars(checkpoint), partial)
    partial.replace(path)


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        ValueError: The file is not a checkpoint of ours.
    """
    try:
        values = torch.load(path, map_location='cpu', weights_only=True)
        return Checkpoint(**values)
    except (TypeError, KeyError, EOFError, RuntimeError, UnpicklingError) as error:
        raise ValueError(f'{path} is not a training checkpoint: {error}') from error
