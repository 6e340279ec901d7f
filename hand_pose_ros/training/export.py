"""From a checkpoint to the model file that ships."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from hand_pose_ros.networks.deployed import Deployed
from hand_pose_ros.networks.srhandnet import PLANS, SRHandNet
from hand_pose_ros.runtimes.base import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelSpec
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.runtimes.torch_runtime import TorchRuntime

OPSET = 17
MAX_DIFFERENCE = 1e-4
"""Largest difference of a map value between PyTorch and the exported model."""


def export_onnx(weights: dict[str, torch.Tensor], spec: ModelSpec, path: Path) -> float:
    """Writes a model file and checks it against PyTorch.

    Args:
        weights: State of the network.
        spec: What the file says of itself.
        path: The .onnx file to write.

    Returns:
        The largest difference of a map value on random pictures of both input sizes.

    Raises:
        ValueError: The weights do not fit the spec, or the difference is too large; no file is
            left behind.
    """
    net = SRHandNet(PLANS[spec.plan])
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f'the weights are not those of a {spec.plan} SRHandNet: {error}'
        ) from error
    module = Deployed(net).eval()
    partial = path.with_suffix('.partial.onnx')
    _write(module, spec, partial)
    difference = _difference(module, spec, partial)
    if difference > MAX_DIFFERENCE:
        partial.unlink()
        raise ValueError(
            f'the exported model differs from PyTorch by {difference:.2g}, '
            f'at most {MAX_DIFFERENCE:.0e} is allowed'
        )
    partial.replace(path)
    return difference


def _write(module: Deployed, spec: ModelSpec, path: Path) -> None:
    example = torch.zeros((1, spec.input_size, spec.input_size, 3), dtype=torch.uint8)
    axes = {0: 'batch', 1: 'height', 2: 'width'}
    with warnings.catch_warnings():
        # The exporter warns of its own age; its graphs are what TensorRT 10.3 reads best.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module,
            (example,),
            str(path),
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_axes={INPUT_NAME: axes, OUTPUT_NAME: {0: 'batch', 2: 'rows', 3: 'columns'}},
            opset_version=OPSET,
            dynamo=False,
            # Batch norms stay apart from convolutions (every runtime folds them when it loads),
            # so that the file also carries the weights by name for the torch runtime.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    model = onnx.load(path)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, spec.to_json()
    onnx.save(model, path)


def _difference(module: Deployed, spec: ModelSpec, path: Path) -> float:
    rng = np.random.default_rng(0)
    exported, original = OnnxRuntime(path, 1), TorchRuntime(module, spec, 'cpu')
    largest = 0.0
    for count, size in ((1, spec.input_size), (3, spec.region_size)):
        image = rng.integers(0, 256, (count, size, size, 3), np.uint8)
        maps = [runtime.run({INPUT_NAME: image})[OUTPUT_NAME] for runtime in (exported, original)]
        largest = max(largest, float(np.abs(maps[0] - maps[1]).max()))
    return largest
