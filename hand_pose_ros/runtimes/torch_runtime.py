"""PyTorch as a runtime: for training's validation, for checks, and for GPUs without TensorRT."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from hand_pose_ros.networks.deployed import Deployed, build
from hand_pose_ros.runtimes.base import Spec, read_spec


class TorchRuntime:
    """Runs a module that is in memory.

    Attributes:
        spec: What the model says of itself.
        description: What executes it.
    """

    def __init__(self, module: nn.Module, spec: Spec, device: str) -> None:
        self.spec = spec
        self.description = f'torch {torch.__version__} on {device}'
        self._module = module.to(device).eval()
        self._device = device

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        with torch.inference_mode():
            arrays = [np.ascontiguousarray(inputs[name]) for name in self.spec.inputs]
            outputs = self._module(*(torch.from_numpy(a).to(self._device) for a in arrays))
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        arrays = [output.float().cpu().numpy() for output in outputs]
        return dict(zip(self.spec.outputs, arrays, strict=True))


def open_torch(path: Path, threads: int, device: str | None = None) -> TorchRuntime:
    """Rebuilds the network of a model file in PyTorch.

    Args:
        path: An .onnx file written by `hand-pose export`.
        threads: CPU threads.
        device: As for `torch_device`.

    Raises:
        ValueError: The file is damaged, or not a model of ours.
    """
    module, spec = read_module(path)
    torch.set_num_threads(threads)
    return TorchRuntime(module, spec, torch_device(device))


def torch_device(name: str | None) -> str:
    """Returns the device to work on.

    Args:
        name: What was asked for, such as `cpu` or `cuda`; None for a GPU where there is one.

    Raises:
        ValueError: There is no such device, or torch cannot use it here.
    """
    if name is None:
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise ValueError(f'--device must be cpu or cuda, got {name!r}') from error
    if kind == 'cuda' and not torch.cuda.is_available():
        built = 'finds no NVIDIA GPU' if torch.version.cuda else 'is built without CUDA'
        raise ValueError(f'--device {name}: torch {torch.__version__} {built}')
    return name


def read_module(path: Path) -> tuple[Deployed, Spec]:
    """Rebuilds the network of a model file, to run it or to train it further.

    Args:
        path: An .onnx file written by `hand-pose export`; its initialisers carry the names of the
            module's parameters.

    Returns:
        The network with its weights, and what the file says of it.

    Raises:
        ValueError: The file is damaged, or not a model of ours.
    """
    try:
        model = onnx.load(path)
    except DecodeError as error:
        raise ValueError(f'{path} is not a sound ONNX model: {error}') from error
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    spec = read_spec(str(path), metadata)
    module = Deployed(build(spec.network, spec.plan))
    arrays = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    for node in model.graph.node:
        # Weights are stored in half precision, and cast. The exporter merges equal tensors, and
        # names the others by identities.
        if node.op_type in ('Cast', 'Identity') and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    state = module.state_dict()
    for name in state:
        if name in arrays:
            state[name] = torch.from_numpy(arrays[name].astype(np.float32))
        elif not name.endswith('num_batches_tracked'):
            raise ValueError(f'{path} has no weights named {name}')
    module.load_state_dict(state)
    return module, spec


def has_gpu() -> bool:
    """Tells whether this torch can use a GPU."""
    return bool(torch.cuda.is_available())
