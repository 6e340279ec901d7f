"""Which provider ONNX Runtime is to use, and what it falls back to in silence."""

from types import SimpleNamespace

import onnxruntime
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state

from hand_pose_ros.runtimes import onnx_runtime
from hand_pose_ros.runtimes.base import METADATA_KEY
from hand_pose_ros.runtimes.last_resort import LastResortRuntime
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.runtimes.open import open_runtime

CUDA, CPU = 'CUDAExecutionProvider', 'CPUExecutionProvider'


@pytest.fixture
def session(monkeypatch, tiny):
    """Stands in for a session of onnxruntime-gpu, with or without its libraries."""

    class Session:
        working = (CUDA, CPU)
        asked = None
        error = None

        def __init__(self, path, options, providers):
            Session.asked = [each if isinstance(each, str) else each[0] for each in providers]

        def get_providers(self):
            return [each for each in self.asked if each in self.working]

        def get_modelmeta(self):
            return SimpleNamespace(custom_metadata_map={METADATA_KEY: tiny[1].to_json()})

        def run(self, outputs, inputs):
            if Session.error:
                raise Session.error
            return [None for _ in outputs]

    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [CUDA, CPU])
    monkeypatch.setattr(onnx_runtime.onnxruntime, 'InferenceSession', Session)
    return Session


def test_the_gpu_is_used_only_when_it_is_asked_for(session, tiny):
    assert 'on the GPU (CUDA)' in OnnxRuntime(tiny[0], 1, cuda=True).description
    assert session.asked == [CUDA, CPU]
    assert 'on the CPU, 1 threads' in OnnxRuntime(tiny[0], 1).description
    assert session.asked == [CPU]


def test_a_gpu_whose_libraries_are_missing_is_not_taken_for_one(session, tiny):
    session.working = (CPU,)
    with pytest.raises(ValueError, match='onnxruntime-gpu'):
        OnnxRuntime(tiny[0], 1, cuda=True)


@pytest.mark.parametrize('failure', ['EPFail', 'Fail', 'NotImplemented'])
def test_a_gpu_that_loads_a_network_and_cannot_run_it_is_not_taken(session, tiny, failure):
    """As with a cuDNN of another release: the session opens, and the first picture fails."""
    session.error = getattr(onnxruntime_pybind11_state, failure)('no engine for this convolution')
    with pytest.raises(ValueError, match=r'cuDNN.*no engine for this convolution'):
        OnnxRuntime(tiny[0], 1, cuda=True)


@pytest.mark.parametrize('failure', ['EPFail', 'Fail', 'RuntimeException', 'InvalidArgument'])
def test_whatever_it_raises_is_a_runtime_error(session, tiny, failure):
    """Which costs a frame and not the node, and gives another runtime its turn."""
    runtime = OnnxRuntime(tiny[0], 1)
    session.error = getattr(onnxruntime_pybind11_state, failure)('out of memory')
    with pytest.raises(RuntimeError, match='could not run the network: out of memory'):
        runtime.run({})


def test_only_who_measures_gets_a_gpu_without_a_last_resort(session, tiny):
    """A robot goes on on the CPU where the GPU fails; a benchmark must not, unheard."""
    path = str(tiny[0])
    measured, _ = open_runtime(path, 'onnx_cuda', 1)
    assert isinstance(measured, OnnxRuntime)
    runtime, reason = open_runtime(path, 'onnx_cuda', 1, wait=False)
    assert isinstance(runtime, LastResortRuntime)
    assert 'on the GPU (CUDA)' in reason


def test_an_onnx_runtime_without_cuda_says_what_it_needs(tiny):
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip('this ONNX Runtime has CUDA')
    with pytest.raises(ValueError, match='does not run on the GPU: it needs onnxruntime-gpu'):
        OnnxRuntime(tiny[0], 1, cuda=True)
