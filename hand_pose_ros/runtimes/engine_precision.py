"""The model as TensorRT is to see it: every precision is written in the graph itself.

A strongly typed network takes its types from the ONNX file, in TensorRT 10.3 as in 11; the older
flags, with which TensorRT chose by itself, are gone in 11.
"""

import tempfile
from pathlib import Path
from typing import Any

from hand_pose_ros.runtimes.engine_options import EngineError

QUANTIZERS = ('QuantizeLinear', 'DequantizeLinear')


def model_for(path: Path, precision: str) -> bytes:
    """Returns the ONNX model for an engine, inputs and outputs as in the file.

    Args:
        path: An .onnx file written by `hand-pose export`, or one quantised from it.
        precision: `fp32`: batch norms folded into convolutions, weights that are stored in half
            precision turned back. `fp16`: then all weights and activations in half precision.
            `int8`: the file as it is, which must be quantised.

    Raises:
        EngineError: The package onnx is missing, or the file is no sound model, or does not fit
            the precision.
    """
    quantised = is_quantised(path)
    if quantised and precision != 'int8':
        raise EngineError(f'{path} is quantised: set model.engine_precision to int8')
    if precision == 'fp32':
        return _folded(path)
    try:
        # A robot that builds fp32 engines, or none, needs no onnx.
        import onnx  # noqa: PLC0415
    except ImportError as error:
        raise EngineError(
            f'{precision} engines need the Python package onnx (pip install onnx); '
            'model.engine_precision fp32 does without'
        ) from error
    if precision == 'int8':
        if not quantised:
            raise EngineError(
                f'int8 needs a quantised model file, as `hand-pose export-int8 --tensorrt` makes '
                f'it; {path} is not quantised'
            )
        _check_signed(onnx.load(path), path)
        return path.read_bytes()
    return _half(_folded(path))


def is_quantised(path: Path) -> bool:
    """Tells whether a model file holds whole numbers in place of floats."""
    # The names of a graph's operators stand in the file as they are: this needs no onnx.
    return QUANTIZERS[1].encode() in path.read_bytes()


def _check_signed(model: Any, path: Path) -> None:
    """Refuses what TensorRT would read as something else: its int8 is signed and symmetric."""
    from onnx import numpy_helper  # noqa: PLC0415

    constants = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in QUANTIZERS:
            continue
        zeros = constants.get(node.input[2]) if len(node.input) > 2 else None
        values = None if zeros is None else numpy_helper.to_array(zeros)
        if values is None or values.dtype != 'int8' or values.any():
            kind = 'no constant zero point' if values is None else f'{values.dtype}, {values}'
            raise EngineError(
                f'{path}: expected symmetric int8 (`hand-pose export-int8 --tensorrt`), '
                f'got {kind} at {node.name or node.output[0]}'
            )


def _folded(path: Path) -> bytes:
    """Computes what does not depend on the input.

    The variance of a batch norm may be too small for half precision; and older TensorRT takes the
    weights of a convolution from a constant alone, not from a cast.
    """
    # `hand-pose doctor` comes by here where ONNX Runtime is missing.
    import onnxruntime  # noqa: PLC0415

    from hand_pose_ros.runtimes.onnx_runtime import FAILURES  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / 'folded.onnx'
        options.optimized_model_filepath = str(folded)
        try:
            onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        except FAILURES as error:
            raise EngineError(f'ONNX Runtime cannot read the model {path}: {error}') from error
        return folded.read_bytes()


def _half(model: bytes) -> bytes:
    import onnx  # noqa: PLC0415
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    half = convert_float_to_float16(onnx.load_from_string(model), keep_io_types=True)
    return bytes(half.SerializeToString())
