"""From a checkpoint to the model file that ships."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from hand_pose_ros.networks.deployed import Deployed, build
from hand_pose_ros.runtimes.base import METADATA_KEY, Spec
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.runtimes.torch_runtime import TorchRuntime
from hand_pose_ros.training.task import Task

Examples = Sequence[Mapping[str, NDArray]]

OPSET = 17
MAX_DIFFERENCE = 1e-4
"""Largest difference of an output value between PyTorch and the exported model."""


def export_onnx(weights: dict[str, torch.Tensor], task: Task, path: Path) -> float:
    """Writes a model file, weights in half precision, and checks it against PyTorch.

    What has fewer than two dimensions, norms and most biases, stays in single precision.

    Args:
        weights: State of the network.
        task: Says which network it is, what its inputs look like, and what the file says of it.
        path: The .onnx file to write.

    Returns:
        The largest difference of an output value on the task's examples from PyTorch with the
        rounded weights.

    Raises:
        ValueError: The weights do not fit the network, or the difference is too large; no file is
            left behind.
    """
    spec = task.spec
    net = build(spec.network, spec.plan)
    try:
        net.load_state_dict({name: _rounded(tensor) for name, tensor in weights.items()})
    except RuntimeError as error:
        raise ValueError(f'the weights are not those of a {spec.network} {spec.plan}') from error
    return export_module(Deployed(net).eval(), spec, task.examples(), path)


def export_module(module: nn.Module, spec: Spec, examples: Examples, path: Path) -> float:
    """Writes the model file of a module that takes and gives what its spec says.

    Args:
        module: The network, in evaluation.
        spec: What the file says of it.
        examples: Its inputs, by name; see `Task.examples`.
        path: The .onnx file to write.

    Returns:
        The largest difference of an output value on the examples.

    Raises:
        ValueError: The difference is too large; no file is left behind.
    """
    partial = path.with_suffix('.partial.onnx')
    _write(module, spec, examples, partial)
    difference = _difference(module, spec, examples, partial)
    # Written so that NaN is too large.
    if not difference <= MAX_DIFFERENCE:
        partial.unlink()
        raise ValueError(
            f'the exported model differs from PyTorch by {difference:.2g}, '
            f'at most {MAX_DIFFERENCE:.0e} is allowed'
        )
    partial.replace(path)
    return difference


def _rounded(tensor: torch.Tensor) -> torch.Tensor:
    """Rounds the weights of a layer to half precision."""
    return tensor.half().float() if tensor.is_floating_point() and tensor.ndim >= 2 else tensor


def _write(module: nn.Module, spec: Spec, examples: Examples, path: Path) -> None:
    runtime = TorchRuntime(module, spec, 'cpu')
    seen = [{**example, **runtime.run(example)} for example in examples]
    with warnings.catch_warnings():
        # The exporter warns of its own age; its graphs are what TensorRT 10.3 reads best.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module,
            tuple(torch.from_numpy(examples[0][name]) for name in spec.inputs),
            str(path),
            input_names=list(spec.inputs),
            output_names=list(spec.outputs),
            dynamic_axes={name: _free_axes(name, seen) for name in seen[0]},
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
    store_in_half(model.graph)
    onnx.save(model, path)


def store_in_half(graph: onnx.GraphProto) -> None:
    """Stores the weights of layers in half precision, if all of them are numbers of it.

    They keep their names. A cast turns them back, which runtimes do once, when they load the file.

    Args:
        graph: Changed in place.
    """
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    halves = {
        name: w.astype(np.float16)
        for name, w in weights.items()
        if w.dtype == np.float32 and w.ndim >= 2
    }
    if not all(np.array_equal(half, weights[name]) for name, half in halves.items()):
        return
    for each in graph.initializer:
        if each.name in halves:
            each.CopyFrom(numpy_helper.from_array(halves[each.name], each.name))
    for node in graph.node:
        node.input[:] = [f'{name}.single' if name in halves else name for name in node.input]
    casts = [
        helper.make_node('Cast', [name], [f'{name}.single'], to=onnx.TensorProto.FLOAT)
        for name in halves
    ]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _free_axes(name: str, seen: Examples) -> dict[int, str]:
    """Names the axes of an array whose lengths differ between the examples."""
    shapes = np.array([example[name].shape for example in seen])
    varying = np.flatnonzero((shapes != shapes[0]).any(axis=0)).tolist()
    # The batch is one axis of all arrays; other axes are each array's own.
    return {axis: 'batch' if axis == 0 else f'{name}_{axis}' for axis in varying}


def _difference(module: nn.Module, spec: Spec, examples: Examples, path: Path) -> float:
    exported, original = OnnxRuntime(path, 1), TorchRuntime(module, spec, 'cpu')
    differences = []
    for example in examples:
        given, wanted = exported.run(example), original.run(example)
        differences += [float(np.abs(given[name] - wanted[name]).max()) for name in spec.outputs]
    return float(np.max(differences))
