"""Training state on disk: written in one step, so that a kill never leaves half a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from hand_pose_ros.runtimes.torch_runtime import read_module
from hand_pose_ros.training.recipes import Recipe


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


def weights_of(model: Path, recipe: Recipe) -> dict[str, Tensor]:
    """Reads the weights of a model file, to train them further.

    Args:
        model: An .onnx file written by `hand-pose export`.
        recipe: What is trained.

    Raises:
        ValueError: The file is not a model of ours, or of another network than the recipe's.
    """
    module, spec = read_module(model)
    if (spec.network, spec.plan) != (recipe.network, recipe.plan):
        raise ValueError(
            f'{model} holds a {spec.network} {spec.plan}, '
            f'the recipe trains a {recipe.network} {recipe.plan}'
        )
    return module.net.state_dict()


def blended(
    weights: Mapping[str, Tensor], before: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Returns the mean of some weights and of those that their training started from.

    Between the two often lies a network that is better than both, on old data and on new
    (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    Args:
        weights: State of the network.
        before: State of the same network before.
        share: How much that counts, 0 to 1.

    Raises:
        ValueError: The share is none.
    """
    if not 0 <= share <= 1:
        raise ValueError(f'the share must be a number from 0 to 1, got {share:g}')
    return {
        name: before[name] * share + value * (1 - share) if value.is_floating_point() else value
        for name, value in weights.items()
    }
