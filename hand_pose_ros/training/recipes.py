"""Training recipes: the files of config/models."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every recipe says; that of a network adds its own.

    Attributes:
        network: A key of tasks.TASKS.
        plan: Size of the network.
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
    learning_rate: float
    weight_decay: float
    steps: int
    warmup_steps: int
    decay_share: float
    ema_decay: float
    validate_every: int
    seed: int


def read_document(path: Path) -> dict[str, Any]:
    """Reads the keys and values of a recipe.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is not YAML: {error}') from error
    if not isinstance(document, dict):
        raise ValueError(f'{path} must hold keys and values, got {type(document).__name__}')
    return document


RecipeT = TypeVar('RecipeT', bound=Recipe)


def build_recipe(path: Path, document: dict[str, Any], kind: type[RecipeT]) -> RecipeT:
    """Makes a recipe of what `read_document` read.

    Args:
        path: Where it was read, for messages.
        document: Its keys and values.
        kind: The recipe's class, whose fields are the keys.

    Returns:
        The recipe.

    Raises:
        ValueError: A key is missing, unknown or of the wrong type.
    """
    hints = get_type_hints(kind)
    known = {field.name: hints[field.name] for field in fields(kind)}
    wrong = sorted(known.keys() ^ document.keys())
    if wrong:
        raise ValueError(f'{path}: keys missing or unknown: {", ".join(wrong)}')
    values = {key: _typed(path, key, document[key], hint) for key, hint in known.items()}
    return kind(**values)


def _typed(path: Path, key: str, value: Any, hint: Any) -> Any:
    name = getattr(hint, '__name__', str(hint))
    if name == 'tuple':
        if not isinstance(value, list):
            raise ValueError(f'{path}: {key} must be a list, got {value!r}')
        return tuple(value)
    accepted: tuple[type, ...] = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or isinstance(value, bool) != (hint is bool):
        raise ValueError(f'{path}: {key} must be of type {name}, got {value!r}')
    return value
