"""Training recipes: the files of config/models."""

import math
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml


def number(low: float, high: float = math.inf) -> Any:
    """Declares a number of a recipe, and its range, ends included."""
    return field(metadata={'low': low, 'high': high})


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
    learning_rate: float = number(0)
    weight_decay: float = number(0)
    steps: int = number(1)
    warmup_steps: int = number(0)
    decay_share: float = number(0, 1)
    ema_decay: float = number(0, 1)
    validate_every: int = number(1)
    seed: int = number(0)


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
        ValueError: A key is missing or unknown, a value of the wrong type or out of its range.
    """
    hints = get_type_hints(kind)
    known = {each.name: each for each in fields(kind)}
    wrong = sorted(known.keys() ^ document.keys())
    if wrong:
        raise ValueError(f'{path}: keys missing or unknown: {", ".join(wrong)}')
    values = {}
    for key, each in known.items():
        values[key] = _typed(path, key, document[key], hints[key])
        _check_range(path, each, values[key])
    return kind(**values)


def _typed(path: Path, key: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueError(f'{path}: {key} must be a list, got {value!r}')
        return tuple(_typed(path, key, each, get_args(hint)[0]) for each in value)
    name = hint.__name__
    accepted: tuple[type, ...] = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or isinstance(value, bool) != (hint is bool):
        raise ValueError(f'{path}: {key} must be of type {name}, got {value!r}')
    return value


def _check_range(path: Path, each: 'Field[Any]', value: Any) -> None:
    if not each.metadata:
        return
    low, high = each.metadata['low'], each.metadata['high']
    # Written so that NaN is out of range.
    if not low <= value <= high:
        expected = f'at least {low}' if high == math.inf else f'from {low} to {high}'
        raise ValueError(f'{path}: {each.name} must be {expected}, got {value!r}')
