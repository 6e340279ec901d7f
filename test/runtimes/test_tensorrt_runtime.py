"""Running an engine, against a fake of the GPU that is as strict as the real one."""

import threading

import fake_gpu
import numpy as np
import pytest

from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME
from hand_pose_ros.runtimes.engine_options import EngineError, profiles_of
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.runtimes.tensorrt_runtime import TensorrtRuntime

MAX_BATCH = 3


@pytest.fixture
def cuda():
    return fake_gpu.Cuda()


@pytest.fixture
def start(tiny, cuda):
    path, spec = tiny
    profiles = profiles_of(spec, MAX_BATCH)

    def _start(cuda=cuda, plan=None, **more):
        plan = plan or fake_gpu.plan_for(path, spec, profiles, cuda)
        return TensorrtRuntime(fake_gpu, cuda, plan, spec, profiles, 'fp32', **more)

    return _start


def pictures(count, size, seed=0):
    rng = np.random.default_rng(seed)
    return {INPUT_NAME: rng.integers(0, 256, (count, size, size, 3), np.uint8)}


@pytest.mark.parametrize('graphs', [True, False])
@pytest.mark.parametrize(('count', 'size'), [(1, 32), (1, 16), (2, 16), (3, 16), (4, 16), (7, 16)])
def test_maps_are_those_of_onnx_runtime_in_every_batch(tiny, start, graphs, count, size):
    runtime, reference = start(graphs=graphs), OnnxRuntime(tiny[0], 1)
    for seed in range(3):
        inputs = pictures(count, size, seed)
        maps = runtime.run(inputs)[OUTPUT_NAME]
        assert maps.dtype == np.float32
        np.testing.assert_allclose(maps, reference.run(inputs)[OUTPUT_NAME], atol=1e-5)


def test_results_stay_when_the_next_batch_runs(start):
    runtime = start()
    first = runtime.run(pictures(1, 32, 0))[OUTPUT_NAME]
    kept = first.copy()
    runtime.run(pictures(1, 32, 1))
    np.testing.assert_array_equal(first, kept)


def test_there_is_a_graph_for_each_batch_size_and_it_is_launched(start, cuda):
    runtime = start()
    # One for a frame of either size, and one for each number of regions.
    assert len(cuda.graphs) == 2 + MAX_BATCH
    assert 'CUDA graphs' in runtime.description
    runtime.run(pictures(2, 16))
    assert cuda.launches == 1


def test_without_capture_launches_are_plain_and_results_the_same(start):
    expected = start().run(pictures(2, 16))[OUTPUT_NAME]
    cuda = fake_gpu.Cuda(captures=False)
    runtime = start(cuda)
    assert 'plain launches' in runtime.description
    np.testing.assert_array_equal(runtime.run(pictures(2, 16))[OUTPUT_NAME], expected)
    assert cuda.launches == 0


@pytest.mark.parametrize(
    'array',
    [
        np.zeros((1, 24, 24, 3), np.uint8),
        np.zeros((2, 32, 32, 3), np.float32),
        np.zeros((0, 32, 32, 3), np.uint8),
        np.zeros((1, 32, 32), np.uint8),
    ],
)
def test_an_array_that_the_engine_cannot_take_is_a_runtime_error(start, array):
    runtime = start()
    with pytest.raises(RuntimeError, match='TensorRT'):
        runtime.run({INPUT_NAME: array})
    assert runtime.run(pictures(1, 32))[OUTPUT_NAME].shape == (1, 26, 8, 8)


def test_an_engine_of_somebody_else_is_refused_with_the_log(start):
    with pytest.raises(EngineError, match='magicTag does not match'):
        start(plan=b'an engine of another version')


@pytest.mark.parametrize('memory_bytes', [0, 5000, 20000])
def test_a_gpu_without_memory_is_told_and_leaves_nothing_behind(start, memory_bytes):
    cuda = fake_gpu.Cuda(memory_bytes)
    with pytest.raises(EngineError, match='cudaErrorMemoryAllocation'):
        start(cuda)
    assert cuda.free_bytes == memory_bytes
    assert cuda.memory == {'host': {}, 'device': {}}
    assert not cuda.streams


def test_closing_gives_everything_back(start, cuda):
    before = cuda.free_bytes
    runtime = start()
    assert cuda.free_bytes < before
    runtime.close()
    assert cuda.free_bytes == before
    assert cuda.memory == {'host': {}, 'device': {}}
    assert not cuda.streams
    assert not cuda.graphs


def test_a_gpu_that_fails_is_a_runtime_error(start, cuda):
    runtime = start()
    cuda.failure = fake_gpu.Status.cudaErrorIllegalAddress
    with pytest.raises(RuntimeError, match='cudaErrorIllegalAddress'):
        runtime.run(pictures(1, 32))


def test_two_threads_do_not_mix_their_pictures(start, tiny):
    runtime, reference = start(), OnnxRuntime(tiny[0], 1)
    wrong = []

    def work(seed):
        for turn in range(20):
            inputs = pictures(1, 32, seed * 100 + turn)
            maps = runtime.run(inputs)[OUTPUT_NAME]
            if np.abs(maps - reference.run(inputs)[OUTPUT_NAME]).max() > 1e-5:
                wrong.append(turn)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture
def context(tiny, cuda):
    """A context of the fake, set up as far as its stream and its profile."""
    log = fake_gpu.ILogger()
    log.log = lambda severity, text: None
    plan = fake_gpu.plan_for(*tiny, profiles_of(tiny[1], MAX_BATCH), cuda)
    context = fake_gpu.Runtime(log).deserialize_cuda_engine(plan).create_execution_context()
    _, context.stream = cuda.cudaStreamCreateWithFlags(1)
    assert context.set_optimization_profile_async(1, int(context.stream))
    return context


def test_the_fake_refuses_shapes_outside_of_its_profile(context):
    assert context.set_input_shape(INPUT_NAME, (MAX_BATCH, 16, 16, 3))
    for shape in ((MAX_BATCH + 1, 16, 16, 3), (1, 32, 32, 3), (0, 16, 16, 3)):
        assert not context.set_input_shape(INPUT_NAME, shape)
    assert not context.set_input_shape('crop', (1, 16, 16, 3))
    assert not context.set_optimization_profile_async(3, int(context.stream))


def test_the_fake_runs_only_with_shapes_addresses_and_a_stream_of_its_own(context, cuda):
    stream = int(context.stream)
    assert context.infer_shapes() == [INPUT_NAME]
    assert not context.execute_async_v3(stream)
    context.set_input_shape(INPUT_NAME, (1, 16, 16, 3))
    assert not context.execute_async_v3(stream)
    for name in (INPUT_NAME, OUTPUT_NAME):
        assert not context.set_tensor_address(name, 0)
        assert context.set_tensor_address(name, cuda.cudaMalloc(26 * 16 * 4)[1])
    assert not context.execute_async_v3(0)
    assert context.execute_async_v3(stream)


def test_the_fake_works_late_and_notices_memory_that_is_not_its_own(context, cuda):
    context.set_input_shape(INPUT_NAME, (1, 16, 16, 3))
    context.set_tensor_address(INPUT_NAME, cuda.cudaMalloc(16 * 16 * 3)[1])
    context.set_tensor_address(OUTPUT_NAME, cuda.cudaMalloc(26 * 16 * 4 - 1)[1])
    assert context.execute_async_v3(int(context.stream))
    assert cuda.failure is None
    (status,) = cuda.cudaStreamSynchronize(context.stream)
    assert status.name == 'cudaErrorIllegalAddress'


def test_the_fake_cannot_capture_a_first_run(context, cuda):
    context.set_input_shape(INPUT_NAME, (1, 16, 16, 3))
    for name in (INPUT_NAME, OUTPUT_NAME):
        context.set_tensor_address(name, cuda.cudaMalloc(26 * 16 * 4)[1])
    cuda.cudaStreamBeginCapture(context.stream, 1)
    assert not context.execute_async_v3(int(context.stream))
    status, _ = cuda.cudaStreamEndCapture(context.stream)
    assert status.name == 'cudaErrorStreamCaptureInvalidated'


def public(thing):
    return {name for name in vars(thing) if not name.startswith('_')}


def test_all_that_the_fake_offers_is_there_in_tensorrt(trt):
    for kind in (fake_gpu.IExecutionContext, fake_gpu.ICudaEngine, fake_gpu.Runtime):
        assert public(kind) - set(dir(getattr(trt, kind.__name__))) == set()
    assert {'INPUT', 'OUTPUT'} <= set(dir(trt.TensorIOMode))
    assert trt.nptype(trt.uint8) == np.uint8


def test_all_that_the_fake_offers_is_there_in_cuda_python():
    runtime = pytest.importorskip('cuda.bindings.runtime', reason='cuda-bindings is missing')
    offered = public(fake_gpu.Cuda) - {'holds'}
    assert offered - set(dir(runtime)) == set()
    modes, kinds = runtime.cudaStreamCaptureMode, runtime.cudaMemcpyKind
    assert modes.cudaStreamCaptureModeThreadLocal is not None
    assert kinds.cudaMemcpyHostToDevice != kinds.cudaMemcpyDeviceToHost


def test_cuda_python_without_a_gpu_reports_and_does_not_crash():
    runtime = pytest.importorskip('cuda.bindings.runtime', reason='cuda-bindings is missing')
    assert int(runtime.cudaError_t.cudaSuccess) == 0
    assert int(runtime.cudaStream_t(5)) == 5
