"""Settings by name: `detector.threshold` in a dataclass, checked against its type and range."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass, replace
from typing import Any

from hand_pose_ros.pipeline.config import PipelineConfig


def named_fields(config: Any, prefix: str = '') -> Iterator[tuple[str, Field[Any], Any]]:
    """Yields (dotted name, field, value) of each setting in a config, in the order of the file.

    The name is the path to the field, without the way to a `PipelineConfig` inside another config.
    """
    for each in fields(config):
        value = getattr(config, each.name)
        if not is_dataclass(value):
            yield prefix + each.name, each, value
        elif isinstance(value, PipelineConfig):
            yield from named_fields(value, prefix)
        else:
            yield from named_fields(value, f'{prefix}{each.name}.')


def with_values(config: Any, values: Mapping[str, Any], prefix: str = '') -> Any:
    """Returns a config with some settings replaced.

    Args:
        config: A dataclass of settings.
        values: New values by dotted name; names of other settings are passed over.
        prefix: What stands before the names of this config's fields.

    Returns:
        The same kind of config.

    Raises:
        ValueError: If a value is not of the setting's type or range.
    """
    changes = {}
    for each in fields(config):
        value = getattr(config, each.name)
        name = prefix + each.name
        if isinstance(value, PipelineConfig):
            changes[each.name] = with_values(value, values, prefix)
        elif is_dataclass(value):
            changes[each.name] = with_values(value, values, f'{name}.')
        elif name in values:
            changes[each.name] = checked(name, each, values[name])
    return replace(config, **changes)


def checked(name: str, each: Field[Any], value: Any) -> Any:
    """Returns a value as the setting's type.

    Raises:
        ValueError: If the value is not of the setting's type or range, saying both.
    """
    kind = type(each.default)
    # YAML writes the number 1.0 as 1 too.
    if kind is float and type(value) is int:
        value = float(value)
    low, high, choices = (each.metadata[key] for key in ('low', 'high', 'choices'))
    # And it reads the bare word off as false.
    if value is False and 'off' in choices:
        value = 'off'
    fits = type(value) is kind and (not choices or value in choices)
    if fits and low is not None:
        # Not "low <= value <= high" alone: a NaN has to fail.
        fits = math.isfinite(value) and low <= value <= high
    if not fits:
        raise ValueError(f'parameter {name}: expected {expectation(each)}, got {value!r}')
    return value


def expectation(each: Field[Any]) -> str:
    """Says which values a setting takes."""
    low, high, choices = (each.metadata[key] for key in ('low', 'high', 'choices'))
    if choices:
        return f'one of {", ".join(choices)}'
    words = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}
    return words[type(each.default)] + ('' if low is None else f' from {low} to {high}')
