"""What every runtime offers, and what is written in every model file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Protocol, TypeVar

from numpy.typing import NDArray

METADATA_KEY = 'hand_pose_ros'
"""Key of the ONNX metadata that holds the spec as JSON."""

INPUT_NAME = 'image'
OUTPUT_NAME = 'maps'
CROP_NAME = 'crop'
JOINTS_NAME = 'joints'
SIDE_NAME = 'side'
SKELETON_NAME = 'skeleton'
MASK_NAME = 'mask'
PRESENCE_NAME = 'presence'


@dataclass(frozen=True)
class Spec:
    """What a program must know of any model to feed it.

    Attributes:
        inputs: Names of the graph's inputs, in the order of the module's arguments.
        outputs: Names of the graph's outputs, in the order of the module's results.
        network: The paper: `srhandnet`, ...
        plan: Size of the network.
        input_size: Side of the square that the network sees, pixels.
    """

    inputs: ClassVar[tuple[str, ...]]
    outputs: ClassVar[tuple[str, ...]]

    network: str
    plan: str
    input_size: int

    def to_json(self) -> str:
        """Writes the spec as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls: 'type[SpecT]', text: str) -> 'SpecT':
        """Reads what `to_json` wrote.

        Raises:
            ValueError: The text is not such a spec.
        """
        document = json.loads(text)
        names = {field.name for field in fields(cls)}
        if not isinstance(document, dict) or document.keys() != names:
            raise ValueError(f'a model spec has the keys {sorted(names)}, got {text}')
        return cls(**document)


SpecT = TypeVar('SpecT', bound=Spec)


@dataclass(frozen=True)
class ModelSpec(Spec):
    """What a program must know of a network that reads pictures.

    INPUT_NAME is (N, S, S, 3) uint8, channels R, G, B, S a multiple of 16; OUTPUT_NAME is
    (N, C, S/stride, S/stride) float32.

    Attributes:
        region_size: Side of the square a hand's region is letterboxed to, pixels.
        reference_px: Size that a width or height of 1 in the region maps stands for, pixels.
        stride: Network pixels per cell of the output maps.
    """

    inputs = (INPUT_NAME,)
    outputs = (OUTPUT_NAME,)

    region_size: int
    reference_px: int
    stride: int

    @property
    def far_size(self) -> int:
        """Side of the square in which hands far from the camera are looked for, pixels.

        That of the input, if regions have it as well: such a network knows no other size.
        """
        one_size = self.region_size == self.input_size
        return self.input_size if one_size else self.input_size * 3 // 32 * 16


@dataclass(frozen=True)
class DepthSpec(Spec):
    """What a program must know of a network that reads depth crops.

    CROP_NAME is (N, S, S) float32 in -1..1; JOINTS_NAME is (N, J, 3) float32, 1 being half a
    cube; SIDE_NAME is (N,) float32, -1 for left to +1 for right.

    Attributes:
        cube_m: Side of the cube around the hand's centre, metres.
        joints: Number of joints.
    """

    inputs = (CROP_NAME,)
    outputs = (JOINTS_NAME, SIDE_NAME)

    cube_m: float
    joints: int


@dataclass(frozen=True)
class SkeletonSpec(Spec):
    """What a program must know of a network that draws the skeletons of hands.

    INPUT_NAME is (N, S, S, 3) uint8, channels R, G, B, S a multiple of 16; SKELETON_NAME is
    (N, S, S) float32 in 0..1.

    Attributes:
        region_size: Side of the square a hand's region is letterboxed to, pixels.
    """

    inputs = (INPUT_NAME,)
    outputs = (SKELETON_NAME,)

    region_size: int


@dataclass(frozen=True)
class SkeletonPoseSpec(Spec):
    """What a program must know of a network that reads the keypoints of a picture and a skeleton.

    INPUT_NAME is (N, S, S, 3) uint8, channels R, G, B; SKELETON_NAME is (N, S, S) float32 in 0..1,
    of a SkeletonSpec's network; OUTPUT_NAME is (N, 21, S, S) float32 in 0..1.
    """

    inputs = (INPUT_NAME, SKELETON_NAME)
    outputs = (OUTPUT_NAME,)


@dataclass(frozen=True)
class KeypointSpec(Spec):
    """What a program must know of a network that reads the keypoints of a right hand's crop.

    INPUT_NAME is (N, S, S, 3) uint8, channels R, G, B; OUTPUT_NAME is (N, 22, S/stride, S/stride)
    float32, keypoints and background.

    Attributes:
        stride: Network pixels per cell of the output maps.
    """

    inputs = (INPUT_NAME,)
    outputs = (OUTPUT_NAME,)

    stride: int


@dataclass(frozen=True)
class MaskPoseSpec(Spec):
    """What a program must know of a network that reads keypoints and mask of a hand's crop.

    INPUT_NAME is (N, S, S, 3) uint8, channels R, G, B; OUTPUT_NAME is (N, 22, S/stride, S/stride)
    float32, keypoints and background; MASK_NAME is (N, S/stride, S/stride) float32, how likely a
    cell is hand, 0..1.

    Attributes:
        stride: Network pixels per cell of the output maps and of the mask.
    """

    inputs = (INPUT_NAME,)
    outputs = (OUTPUT_NAME, MASK_NAME)

    stride: int


@dataclass(frozen=True)
class PresenceSpec(Spec):
    """What a program must know of a network that tells hands from other things.

    INPUT_NAME is (N, S, S, 3) uint8, channels R, G, B; PRESENCE_NAME is (N,) float32, how sure
    there is a hand, 0..1.
    """

    inputs = (INPUT_NAME,)
    outputs = (PRESENCE_NAME,)


SPECS: dict[str, type[Spec]] = {
    'srhandnet': ModelSpec,
    'local_regression_hourglass': DepthSpec,
    'skeleton_unet': SkeletonSpec,
    'skeleton_multiscale': SkeletonPoseSpec,
    'mobile_keypoints': KeypointSpec,
    'mask_pose': MaskPoseSpec,
    'hand_presence': PresenceSpec,
}
"""What the models of each network say of themselves."""


def read_spec(path: str, metadata: Mapping[str, str]) -> Spec:
    """Reads what a model file says of itself.

    Args:
        path: The file, for the message.
        metadata: The ONNX metadata of the file.

    Raises:
        ValueError: The file says nothing, so it is not a model of ours, or of a network that this
            version does not know.
    """
    if METADATA_KEY not in metadata:
        raise ValueError(f'{path} has no {METADATA_KEY!r} metadata: it is not a model of ours')
    network = json.loads(metadata[METADATA_KEY]).get('network')
    if network not in SPECS:
        raise ValueError(f'{path} is a {network!r}; known networks are {", ".join(SPECS)}')
    return SPECS[network].from_json(metadata[METADATA_KEY])


class Runtime(Protocol):
    """Executes one network.

    Attributes:
        spec: What the model file says of itself.
    """

    spec: Spec

    @property
    def description(self) -> str:
        """What executes it, for logs: `onnx on CPU, 2 threads`."""
        ...

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch.

        Args:
            inputs: An array for each of `spec.inputs`; the spec's class says of what shape.

        Returns:
            An array for each of `spec.outputs`.

        Raises:
            RuntimeError: The network cannot take these arrays.
        """
        ...


def spec_of(runtime: Runtime, kind: type[SpecT]) -> SpecT:
    """Returns a runtime's spec, as the kind that its user can work with.

    Raises:
        ValueError: The model is of another kind.
    """
    if not isinstance(runtime.spec, kind):
        expected = ', '.join(name for name, spec in SPECS.items() if spec is kind)
        raise ValueError(f'the model must be one of {expected}, got a {runtime.spec.network}')
    return runtime.spec
