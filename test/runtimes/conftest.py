"""The models that ship, TensorRT-RTX, which builds without a GPU, and a GPU to build for."""

import numpy as np
import onnxruntime
import pytest

from hand_pose_ros.runtimes.base import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelSpec
from hand_pose_ros.runtimes.engine_gpu import Gpu
from hand_pose_ros.runtimes.engine_options import EngineOptions
from hand_pose_ros.runtimes.open import WEIGHTS, open_runtime


@pytest.fixture(scope='session')
def trt():
    return pytest.importorskip(
        'tensorrt_rtx_bindings', reason='TensorRT-RTX (extra test-tensorrt) is not installed'
    )


@pytest.fixture(scope='session')
def gpu():
    return Gpu('a GPU', '8.9', 46, 12282, '13.0', 'driver 580.65')


@pytest.fixture(scope='session')
def nano():
    """The smallest model that ships: its file and its spec."""
    path = WEIGHTS / 'srhandnet_nano.onnx'
    return path, open_runtime(str(path), 'onnx', 1)[0].spec


@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    """A network of one convolution with the interface of the real ones: its file and its spec."""
    onnx = pytest.importorskip('onnx')
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    weights = np.random.default_rng(0).normal(0, 0.01, (26, 3, 4, 4)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [
            node('Cast', [INPUT_NAME], ['floats'], to=onnx.TensorProto.FLOAT),
            node('Transpose', ['floats'], ['planes'], perm=[0, 3, 1, 2]),
            node('Conv', ['planes', 'weights', 'bias'], [OUTPUT_NAME], strides=[4, 4]),
        ],
        'tiny',
        [info(INPUT_NAME, onnx.TensorProto.UINT8, ['batch', 'height', 'width', 3])],
        [info(OUTPUT_NAME, onnx.TensorProto.FLOAT, ['batch', 26, 'rows', 'columns'])],
        [
            onnx.numpy_helper.from_array(weights, 'weights'),
            onnx.numpy_helper.from_array(np.linspace(0, 1, 26, dtype=np.float32), 'bias'),
        ],
    )
    opsets = [onnx.helper.make_opsetid('', 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    spec = ModelSpec('srhandnet', 'nano', 32, 16, 32, 4)
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    path = tmp_path_factory.mktemp('tiny') / 'tiny.onnx'
    onnx.save(model, path)
    return path, spec


@pytest.fixture
def options(tmp_path):
    return EngineOptions(precision='fp32', max_batch=2, level=0, folder=tmp_path / 'engines')


@pytest.fixture(scope='session')
def quantised(tmp_path_factory):
    """Quantises a model with given settings, and returns the path of the result."""
    quantization = pytest.importorskip('onnxruntime.quantization')
    kinds = quantization.QuantType

    class Noise(quantization.CalibrationDataReader):
        def __init__(self, model):
            rng = np.random.default_rng(0)
            self.left = [{}]
            for item in onnxruntime.InferenceSession(model).get_inputs():
                # Free axes are the batch and, of networks for any size, height and width.
                free = [1, 32, 32]
                shape = [a if isinstance(a, int) else free[i] for i, a in enumerate(item.shape)]
                is_picture = item.name == INPUT_NAME
                self.left[0][item.name] = (
                    rng.integers(0, 256, shape, np.uint8)
                    if is_picture
                    else rng.uniform(-1, 1, shape).astype(np.float32)
                )

        def get_next(self):
            return self.left.pop() if self.left else None

    def write(model, kind='QInt8', symmetric=True, bias=False):
        path = tmp_path_factory.mktemp('quantised') / model.name
        extra = {'QuantizeBias': bias, 'ActivationSymmetric': symmetric, 'WeightSymmetric': True}
        # Weights that are stored in half precision are turned back.
        folded = path.with_suffix('.folded.onnx')
        quantization.quant_pre_process(str(model), str(folded), skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            path,
            Noise(model),
            activation_type=getattr(kinds, kind),
            weight_type=kinds.QInt8,
            per_channel=True,
            op_types_to_quantize=['Conv'],
            extra_options=extra,
        )
        return path

    return write
