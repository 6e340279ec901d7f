"""Settings of the pipeline on a command line: `--set detector.threshold=0.3`."""

import argparse
from dataclasses import Field
from typing import Any

from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.settings import expectation, named_fields, with_values
from hand_pose_ros.runtimes.open import RUNTIMES


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments that `pipeline_settings` reads."""
    parser.add_argument('--model', help='a shipped model, or the path of an .onnx file')
    parser.add_argument(
        '--runtime', help=f'what executes it: {", ".join(RUNTIMES)} (default: auto)'
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='a setting of config/hands.yaml, such as detector.threshold=0.3; may be repeated',
    )


def pipeline_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Reads the settings that a user has given.

    Args:
        args: Parsed arguments of `add_setting_arguments`.

    Returns:
        Values by dotted name, of the right types and in their ranges.

    Raises:
        ValueError: There is no such setting, or it does not take such a value.
    """
    known = {name: field for name, field, _ in named_fields(PipelineConfig())}
    values: dict[str, Any] = {}
    for text in args.set:
        name, equals, value = text.partition('=')
        if name not in known or not equals:
            names = ', '.join(known)
            raise ValueError(f'--set: expected NAME=VALUE, got {text!r}; the names are {names}')
        values[name] = _parsed(name, known[name], value)
    if args.model is not None:
        values['model.detector'] = args.model
    if args.runtime is not None:
        values['model.runtime'] = args.runtime
    with_values(PipelineConfig(), values)
    return values


def _parsed(name: str, field: Field[Any], text: str) -> Any:
    """Reads text as the setting's type; YAML would take the word `off` for a boolean."""
    kind: type = type(field.default)
    try:
        return {'true': True, 'false': False}[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise ValueError(f'--set {name}: expected {expectation(field)}, got {text!r}') from error
