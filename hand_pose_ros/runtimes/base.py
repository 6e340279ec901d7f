"""What every runtime offers, and what is written in every model file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

METADATA_KEY = 'hand_pose_ros'
"""Key of the ONNX metadata that holds the ModelSpec as JSON."""

INPUT_NAME = 'image'
OUTPUT_NAME = 'maps'


@dataclass(frozen=True)
class ModelSpec:
    """What a program must know of a model to feed it and to read its maps.

    Attributes:
        network: The paper: `srhandnet`.
        plan: Size of the network.
        input_size: Side of the square the full frame is letterboxed to, pixels.
        region_size: Side of the square a hand's region is letterboxed to, pixels.
        reference_px: Size that a width or height of 1 in the region maps stands for, pixels.
        stride: Network pixels per cell of the output maps.
    """

    network: str
    plan: str
    input_size: int
    region_size: int
    reference_px: int
    stride: int

    def to_json(self) -> str:
        """Writes the spec as one line of JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> 'ModelSpec':
        """Reads what `to_json` wrote.

        Raises:
            ValueError: The text is not such a spec.
        """
        document = json.loads(text)
        names = {field.name for field in fields(ModelSpec)}
        if not isinstance(document, dict) or document.keys() != names:
            raise ValueError(f'a model spec has the keys {sorted(names)}, got {text}')
        return ModelSpec(**document)


def read_spec(path: str, metadata: Mapping[str, str]) -> ModelSpec:
    """Reads what a model file says of itself.

    Args:
        path: The file, for the message.
        metadata: The ONNX metadata of the file.

    Raises:
        ValueError: The file says nothing, so it is not a model of ours.
    """
    if METADATA_KEY not in metadata:
        raise ValueError(f'{path} has no {METADATA_KEY!r} metadata: it is not a model of ours')
    return ModelSpec.from_json(metadata[METADATA_KEY])


class Runtime(Protocol):
    """Executes one network.

    Attributes:
        spec: What the model file says of itself.
        description: What executes it, for logs: `onnx on CPU, 2 threads`.
    """

    spec: ModelSpec
    description: str

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray[np.float32]]:
        """Runs a batch.

        Args:
            inputs: INPUT_NAME: (N, S, S, 3) uint8, channels R, G, B, S a multiple of 16.

        Returns:
            OUTPUT_NAME: (N, C, S/stride, S/stride) float32.
        """
        ...
