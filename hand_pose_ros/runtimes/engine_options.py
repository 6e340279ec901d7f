"""What a TensorRT engine is built for: precision, limits, and the shapes that it takes."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hand_pose_ros.runtimes.base import INPUT_NAME, ModelSpec, Spec

PRECISIONS = ('fp16', 'fp32', 'int8')


class EngineError(RuntimeError):
    """There is no engine; the text says why, in words for users."""


class RefusedEngine(EngineError):  # noqa: N818
    """An engine is there, and is not one that this machine can run: it must be built anew."""


def default_folder() -> Path:
    """Returns where engines are kept: the user's cache, as the XDG base directories have it."""
    cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(cache) / 'hand_pose_ros' / 'engines'


@dataclass(frozen=True)
class EngineOptions:
    """How engines are built and kept.

    Attributes:
        precision: One of PRECISIONS; int8 needs a model file that is quantised already.
        max_batch: Most regions of hands in one go; more take several.
        workspace_mb: Most memory that a layer may use while the engine is built and run.
        level: Builder optimisation level, 0 (quick to build) to 5 (quick to run).
        cache_mb: Engines are kept up to this; beyond, those not used for longest are removed.
        folder: Where they are kept.
    """

    precision: str = 'fp16'
    max_batch: int = 4
    workspace_mb: int = 512
    level: int = 3
    cache_mb: int = 1024
    folder: Path = field(default_factory=default_folder)


@dataclass(frozen=True)
class Profile:
    """A range of shapes that an engine is tuned for: batches of 1 to `max_batch`.

    Attributes:
        item_shapes: Shape of each input by name, without the batch.
        max_batch: Largest batch.
    """

    item_shapes: dict[str, tuple[int, ...]]
    max_batch: int

    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each input by name, batch first."""
        return {name: (batch, *shape) for name, shape in self.item_shapes.items()}

    def to_json(self) -> dict[str, Any]:
        """Returns the profile as JSON's types."""
        shapes = {name: list(shape) for name, shape in self.item_shapes.items()}
        return {'item_shapes': shapes, 'max_batch': self.max_batch}


def profiles_of(spec: Spec, max_batch: int) -> list[Profile]:
    """Returns the shapes that a network is used with.

    A picture goes through in one piece, at one size or two, and then its regions of hands in one
    batch.

    Args:
        spec: What the model file says of itself.
        max_batch: Most regions in one batch.
    """
    batches = {spec.input_size: 1, getattr(spec, 'region_size', spec.input_size): max_batch}
    if isinstance(spec, ModelSpec):
        batches.setdefault(spec.far_size, 1)
    profiles = []
    for size, most in batches.items():
        # Pictures have three channels, depth crops and drawn skeletons none.
        shapes = {name: (size, size, *[3] * (name == INPUT_NAME)) for name in spec.inputs}
        profiles.append(Profile(shapes, most))
    return profiles
