"""The model as TensorRT is to see it."""

import sys

import numpy as np
import onnxruntime
import pytest

from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME
from hand_pose_ros.runtimes.engine_options import EngineError
from hand_pose_ros.runtimes.engine_precision import model_for

onnx = pytest.importorskip('onnx')

FLOAT, FLOAT16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


def maps_of(model, image):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    return session.run([OUTPUT_NAME], {INPUT_NAME: image})[0]


def test_fp32_has_weights_in_single_precision_that_no_cast_stands_before(nano):
    before, after = onnx.load(nano[0]), onnx.load_from_string(model_for(nano[0], 'fp32'))
    assert list(after.graph.input) == list(before.graph.input)
    weights = {each.name: each for each in after.graph.initializer if np.prod(each.dims) > 8}
    assert {each.data_type for each in weights.values()} == {FLOAT}
    layers = [node for node in after.graph.node if node.op_type == 'Conv']
    assert len(layers) == 32
    assert {node.input[1] for node in layers} <= weights.keys()
    image = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    known, folded = (maps_of(model, image) for model in (str(nano[0]), after.SerializeToString()))
    assert np.abs(folded - known).max() < 1e-5


def test_fp16_has_weights_in_half_precision_and_the_same_interface(nano):
    before, after = (onnx.load_from_string(model_for(nano[0], kind)) for kind in ('fp32', 'fp16'))
    assert list(after.graph.input) == list(before.graph.input)
    assert [each.type.tensor_type.elem_type for each in after.graph.output] == [FLOAT]
    weights = [each for each in after.graph.initializer if np.prod(each.dims) > 8]
    assert {each.data_type for each in weights} == {FLOAT16}
    assert 'BatchNormalization' not in {node.op_type for node in after.graph.node}
    assert after.ByteSize() < 0.55 * before.ByteSize()


def test_only_a_cast_touches_the_bytes_of_the_picture(nano):
    graph = onnx.load_from_string(model_for(nano[0], 'fp16')).graph
    assert {node.op_type for node in graph.node if INPUT_NAME in node.input} == {'Cast'}


def test_fp16_maps_are_those_of_fp32_to_a_thousandth(nano):
    image = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    full, half = (maps_of(model_for(nano[0], kind), image) for kind in ('fp32', 'fp16'))
    assert half.dtype == np.float32
    assert np.abs(half - full).max() < 1e-3


def test_int8_takes_a_model_of_signed_symmetric_int8(tiny, quantised):
    path = quantised(tiny[0])
    assert model_for(path, 'int8') == path.read_bytes()


@pytest.mark.parametrize('how', [{'kind': 'QUInt8'}, {'symmetric': False}, {'bias': True}])
def test_int8_that_tensorrt_would_misread_is_refused(tiny, quantised, how):
    with pytest.raises(EngineError, match='expected symmetric int8'):
        model_for(quantised(tiny[0], **how), 'int8')


def test_a_precision_that_does_not_fit_the_file_is_refused(tiny, quantised):
    with pytest.raises(EngineError, match='needs a quantised'):
        model_for(tiny[0], 'int8')
    for precision in ('fp16', 'fp32'):
        with pytest.raises(EngineError, match=r'set model\.engine_precision to int8'):
            model_for(quantised(tiny[0]), precision)


def test_without_onnx_fp32_goes_on_and_fp16_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    assert model_for(tiny[0], 'fp32')
    with pytest.raises(EngineError, match='pip install onnx'):
        model_for(tiny[0], 'fp16')
