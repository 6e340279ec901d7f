"""Choosing a runtime, and models that cannot be opened."""

import sys

import numpy as np
import pytest

from hand_pose_ros.runtimes import open as open_module
from hand_pose_ros.runtimes.base import (
    INPUT_NAME,
    METADATA_KEY,
    DepthSpec,
    ModelSpec,
    read_spec,
    spec_of,
)
from hand_pose_ros.runtimes.open import WEIGHTS, find_model, open_runtime, shipped_models

onnx = pytest.importorskip('onnx')

SHIPPED = shipped_models()
NANO = 'srhandnet_nano'


def test_both_forms_of_the_nano_come_along():
    assert {NANO, f'{NANO}_int8'} <= set(SHIPPED)


@pytest.mark.parametrize('name', SHIPPED)
def test_auto_opens_shipped_models_and_says_why(name):
    runtime, reason = open_runtime(name, 'auto', 0)
    assert name.startswith(runtime.spec.network)
    assert 'ONNX Runtime' in reason
    assert 'auto' in reason


def test_an_input_that_the_network_cannot_take_is_a_runtime_error():
    runtime, _ = open_runtime(NANO, 'onnx', 1)
    with pytest.raises(RuntimeError, match='could not run'):
        runtime.run({INPUT_NAME: np.zeros((1, 33, 47, 3), np.float32)})


@pytest.mark.parametrize('kind', ['onnx', 'torch'])
def test_a_damaged_file_is_named(tmp_path, kind):
    path = tmp_path / 'broken.onnx'
    path.write_bytes((WEIGHTS / f'{NANO}.onnx').read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'broken\.onnx'):
        open_runtime(str(path), kind, 1)


@pytest.mark.parametrize('kind', ['onnx', 'torch'])
def test_a_model_of_somebody_else_is_refused(tmp_path, kind):
    model = onnx.load(WEIGHTS / f'{NANO}.onnx')
    del model.metadata_props[:]
    path = tmp_path / 'other.onnx'
    onnx.save(model, path)
    with pytest.raises(ValueError, match='not a model of ours'):
        open_runtime(str(path), kind, 1)


def test_a_missing_model_is_named_with_those_that_come_along():
    with pytest.raises(FileNotFoundError, match=NANO):
        find_model('nothing')


def test_a_spec_survives_json():
    spec = ModelSpec('srhandnet', 'nano', 256, 128, 256, 4)
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_a_spec_with_other_keys_is_refused():
    with pytest.raises(ValueError, match='has the keys'):
        ModelSpec.from_json('{"network": "srhandnet"}')


def test_a_depth_model_has_a_spec_of_its_own():
    spec = DepthSpec('local_regression_hourglass', 'small', 128, 0.3, 21)
    assert read_spec('model.onnx', {METADATA_KEY: spec.to_json()}) == spec


def test_a_network_of_another_version_is_named_with_those_known():
    with pytest.raises(ValueError, match=r"model\.onnx is a 'new'; known networks are srhandnet"):
        read_spec('model.onnx', {METADATA_KEY: '{"network": "new"}'})


def test_a_picture_model_cannot_stand_in_for_a_depth_model():
    runtime, _ = open_runtime(NANO, 'onnx', 1)
    with pytest.raises(ValueError, match='one of local_regression_hourglass, got a srhandnet'):
        spec_of(runtime, DepthSpec)


def test_auto_goes_on_where_a_package_is_there_and_cannot_be_imported(monkeypatch):
    # As with an ONNX Runtime for a CUDA that is not installed.
    monkeypatch.delitem(sys.modules, 'hand_pose_ros.runtimes.onnx_runtime', raising=False)
    monkeypatch.setitem(sys.modules, 'onnxruntime.capi', None)
    runtime, reason = open_runtime(NANO, 'auto', 1)
    assert runtime.description.startswith('torch')
    assert "no onnx, runtime 'onnx' does not start: " in reason


def test_auto_does_so_where_there_is_a_gpu_too(monkeypatch):
    monkeypatch.setattr(open_module, 'find_gpu', lambda: None)
    for name in ('onnx_runtime', 'tensorrt_opening', 'engine_process', 'engine_precision'):
        monkeypatch.delitem(sys.modules, f'hand_pose_ros.runtimes.{name}', raising=False)
    for name in ('onnxruntime', 'onnxruntime.capi'):
        monkeypatch.setitem(sys.modules, name, None)
    runtime, reason = open_runtime(NANO, 'auto', 1)
    assert runtime.description.startswith('torch')
    assert 'no tensorrt, ' in reason


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / 'empty.onnx').write_bytes(b'')
    with pytest.raises(ValueError, match=r'empty\.onnx is not a sound ONNX model'):
        open_runtime(str(tmp_path / 'empty.onnx'), 'onnx', 1)
