"""Training recipes: the files of config/models."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        network: `srhandnet`.
        plan: Size of the network.
        photos: Folders of labelled pictures, in the format of data/labels.py.
        shares: How often each of these folders is drawn from; they sum to 1.
        matte_groups: Groups cut out of their plain background.
        held_out_groups: Groups kept for validation.
        backgrounds: Folders of pictures without hands.
        scene_size: Side of the scenes trained on, pixels; a multiple of 16.
        scene_batch: Scenes per step and process.
        region_size: Side of the regions trained on and used in the second pass, pixels.
        region_batch: Regions per step and process; scenes and regions take turns.
        region_share: Share of the steps that see regions.
        sigmas_cells: Standard deviation of the Gaussians of each head, cells.
        loss: A key of losses.LOSSES.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        steps: Optimiser steps in all.
        warmup_steps: Steps over which the learning rate rises from zero.
        decay_share: Share of the steps, at the end, over which it falls to zero.
        ema_decay: Decay of the averaged weights, which are the ones shipped.
        validate_every: Steps between validations.
        seed: Of everything random.
    """

    network: str
    plan: str
    photos: tuple[str, ...]
    shares: tuple[float, ...]
    matte_groups: tuple[str, ...]
    held_out_groups: tuple[str, ...]
    backgrounds: tuple[str, ...]
    scene_size: int
    scene_batch: int
    region_size: int
    region_batch: int
    region_share: float
    sigmas_cells: tuple[float, ...]
    loss: str
    learning_rate: float
    weight_decay: float
    steps: int
    warmup_steps: int
    decay_share: float
    ema_decay: float
    validate_every: int
    seed: int


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe.

    Args:
        path: YAML file whose keys are the fields of `Recipe`.

    Returns:
        The recipe.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A key is missing, unknown or of the wrong type.
    """
    document = yaml.safe_load(path.read_text())
    if not isinstance(document, dict):
        raise ValueError(f'{path} must hold keys and values, got {type(document).__name__}')
    known = {field.name: getattr(field.type, '__name__', '') for field in fields(Recipe)}
    wrong = sorted(known.keys() ^ document.keys())
    if wrong:
        raise ValueError(f'{path}: keys missing or unknown: {", ".join(wrong)}')
    values = {key: _typed(path, key, document[key], kind) for key, kind in known.items()}
    recipe = Recipe(**values)
    if len(recipe.shares) != len(recipe.photos) or abs(sum(recipe.shares) - 1) > 1e-6:
        raise ValueError(f'{path}: shares must be one number per folder of photos, summing to 1')
    return recipe


def _typed(path: Path, key: str, value: Any, kind: str) -> Any:
    if kind == 'tuple':
        if not isinstance(value, list):
            raise ValueError(f'{path}: {key} must be a list, got {value!r}')
        return tuple(value)
    accepted: tuple[type, ...] = {'str': (str,), 'int': (int,), 'float': (int, float)}[kind]
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise ValueError(f'{path}: {key} must be of type {kind}, got {value!r}')
    return value
