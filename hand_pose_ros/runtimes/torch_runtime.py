"""PyTorch as a runtime: for training's validation, for checks, and for GPUs without TensorRT."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hand_pose_ros.networks.deployed import Deployed
from hand_pose_ros.networks.srhandnet import PLANS, SRHandNet
from hand_pose_ros.runtimes.base import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelSpec


class TorchRuntime:
    """Runs a module that is in memory.

    Attributes:
        spec: What the model says of itself.
        description: What executes it.
    """

    def __init__(self, module: nn.Module, spec: ModelSpec, device: str) -> None:
        self.spec = spec
        self.description = f'torch {torch.__version__} on {device}'
        self._module = module.to(device).eval()
        self._device = device

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray[np.float32]]:
        """Runs a batch; see `Runtime.run`."""
        with torch.inference_mode():
            image = torch.from_numpy(np.ascontiguousarray(inputs[INPUT_NAME]))
            maps = self._module(image.to(self._device))
        return {OUTPUT_NAME: maps.float().cpu().numpy()}


def load_onnx_weights(path: str) -> tuple[Deployed, ModelSpec]:
    """Rebuilds the network of a model file of ours in PyTorch.

    Args:
        path: An .onnx file written by `hand-pose export`; its initialisers carry the names of the
            module's parameters.

    Returns:
        The module, and what the file says of itself.

    Raises:
        ValueError: The file is not such a model.
    """
    import onnx  # noqa: PLC0415 - only this way of loading needs it
    from onnx import numpy_helper  # noqa: PLC0415

    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in metadata:
        raise ValueError(f'{path} has no {METADATA_KEY!r} metadata: it is not a model of ours')
    spec = ModelSpec.from_json(metadata[METADATA_KEY])
    module = Deployed(SRHandNet(PLANS[spec.plan]))
    arrays = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    state = {}
    for name, parameter in module.state_dict().items():
        if name.endswith('num_batches_tracked'):
            state[name] = parameter
        elif name in arrays:
            state[name] = torch.from_numpy(arrays[name].astype(np.float32))
        else:
            raise ValueError(f'{path} has no weights named {name}')
    module.load_state_dict(state)
    return module, spec
