"""From nothing to an engine that runs: cache, build, tries, and every lack in words."""

import sys
import threading
from dataclasses import replace

import fake_gpu
import numpy as np
import pytest

from hand_pose_ros.pipeline.config import DetectorConfig, ModelConfig, PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.runtimes import open as opening_module
from hand_pose_ros.runtimes import tensorrt_module, tensorrt_opening
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME
from hand_pose_ros.runtimes.engine_options import EngineError, profiles_of
from hand_pose_ros.runtimes.engine_process import BuildDied, EngineBuild
from hand_pose_ros.runtimes.engine_swap import SwappingRuntime
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.runtimes.tensorrt_opening import EngineOpening, Tools, find_tools
from hand_pose_ros.types import Frame

PICTURE = {INPUT_NAME: np.full((1, 32, 32, 3), 200, np.uint8)}


@pytest.fixture
def tools(gpu):
    return Tools(gpu, fake_gpu, fake_gpu.Cuda())


@pytest.fixture
def builds(monkeypatch, tools, tiny, options):
    """What each build is to do: store a plan, or raise; the last one goes on for ever."""
    profiles = profiles_of(tiny[1], options.max_batch)
    outcomes = [fake_gpu.plan_for(*tiny, profiles, tools.cudart)]
    outcomes.append(outcomes[0])

    def run(self, report):
        report('building', 0.5)
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        job = self._job
        job.cache().store(job.facts(fake_gpu), outcome)

    monkeypatch.setattr(EngineBuild, 'run', run)
    outcomes.clear()
    outcomes.append(fake_gpu.plan_for(*tiny, profiles, tools.cudart))
    return outcomes


@pytest.fixture
def opening(tools, tiny, options, builds):
    return EngineOpening(tools, *tiny, options)


def test_an_engine_is_built_once_and_then_found(opening, builds):
    heard = []
    opening.open(lambda progress: heard.append(progress.stage))
    assert heard[1:] == ['building', 'loading']
    assert 'no engine was built for this yet' in heard[0]
    builds[:] = [EngineError('must not be built')]
    heard.clear()
    opening.open(lambda progress: heard.append(progress.stage))
    assert heard == ['loading']


def test_progress_names_stage_share_seconds_and_try(opening):
    heard = []
    opening.open(lambda progress: heard.append(str(progress)))
    assert heard[1] == 'building 50%, 0 s, try 1'


def test_a_build_that_died_is_tried_once_more(opening, builds):
    builds.insert(0, BuildDied('SIGKILL'))
    heard = []
    assert opening.open(heard.append).run(PICTURE)[OUTPUT_NAME].shape == (1, 26, 8, 8)
    assert [progress.tries for progress in heard] == [1, 1, 2, 2, 2]


def test_a_build_that_goes_on_dying_is_given_up(opening, builds):
    builds[:] = [BuildDied('SIGKILL')]
    with pytest.raises(EngineError, match=r'SIGKILL \(tried 2 times\)'):
        opening.open(lambda progress: None)


def test_a_build_that_has_failed_for_a_reason_is_not_repeated(opening, builds):
    builds.insert(0, EngineError('no such layer'))
    with pytest.raises(EngineError, match='no such layer'):
        opening.open(lambda progress: None)
    assert len(builds) == 1


def test_an_engine_that_tensorrt_refuses_is_built_anew(opening, builds):
    builds.insert(0, b'an engine whose name is right and whose bytes are not')
    heard = []
    assert opening.open(heard.append).run(PICTURE)
    assert [progress.stage for progress in heard].count('building') == 2


def test_a_gpu_that_does_not_work_today_costs_no_engine(opening, builds, tools, monkeypatch):
    opening.open(lambda progress: None)
    builds[:] = [EngineError('must not be built')]
    failure = lambda *_: (fake_gpu.Status.cudaErrorMemoryAllocation, None)  # noqa: E731
    for name in ('cudaStreamCreateWithFlags', 'cudaMalloc'):
        with monkeypatch.context() as patch:
            patch.setattr(tools.cudart, name, failure)
            with pytest.raises(EngineError, match='cudaErrorMemoryAllocation'):
                opening.open(lambda progress: None)
    assert opening.open(lambda progress: None).run(PICTURE)


def test_a_cuda_that_does_not_start_is_told_before_anything_is_built(monkeypatch, tools):
    cuda = fake_gpu.Cuda()
    failure = (fake_gpu.Status.cudaErrorInvalidValue, None)
    monkeypatch.setattr(cuda, 'cudaStreamCreateWithFlags', lambda flags: failure)
    monkeypatch.setattr(tensorrt_opening, 'find_gpu', lambda: tools.gpu)
    monkeypatch.setattr(tensorrt_opening, 'find_tensorrt', lambda: fake_gpu)
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', cuda)
    with pytest.raises(EngineError, match='CUDA does not start'):
        find_tools()


def test_a_pipeline_that_cannot_be_opened_leaves_no_engine_behind(
    monkeypatch, tools, tiny, options, builds
):
    monkeypatch.setattr(tensorrt_opening, 'find_tools', lambda: tools)
    monkeypatch.setenv('XDG_CACHE_HOME', str(options.folder))
    model = ModelConfig(
        detector=str(tiny[0]),
        presence='',
        depth='no_such_model',
        runtime='tensorrt',
        engine_precision='fp32',
        engine_max_regions=2,
    )
    for wait in (True, False):
        with pytest.raises(FileNotFoundError, match='no_such_model'):
            open_pipeline(PipelineConfig(model=model), wait)
        assert tools.cudart.memory == {'host': {}, 'device': {}}


def test_auto_runs_at_once_and_swaps_to_tensorrt(monkeypatch, tools, tiny, options, builds):
    monkeypatch.setattr(opening_module, 'find_gpu', lambda: tools.gpu)
    monkeypatch.setattr(tensorrt_opening, 'find_tools', lambda: tools)
    runtime, reason = open_runtime(str(tiny[0]), 'auto', 1, options, wait=False)
    assert isinstance(runtime, SwappingRuntime)
    assert 'auto: the fastest here' in reason
    runtime.wait()
    assert 'TensorRT 10.3.0 fp32 on the GPU' in runtime.description
    runtime.close()


def test_a_pipeline_runs_from_the_start_and_tells_what_has_become_of_the_engine(
    monkeypatch, tools, tiny, options, builds
):
    monkeypatch.setattr(opening_module, 'find_gpu', lambda: tools.gpu)
    monkeypatch.setattr(tensorrt_opening, 'find_tools', lambda: tools)
    monkeypatch.setenv('XDG_CACHE_HOME', str(options.folder))
    model = ModelConfig(
        detector=str(tiny[0]),
        presence='',
        depth='',
        threads=1,
        engine_precision='fp32',
        engine_max_regions=2,
    )
    # This network sees a hand wherever the frame is turned to.
    config = PipelineConfig(model=model, detector=DetectorConfig(turned_hands=False))
    ready = threading.Event()
    run = EngineBuild.run
    monkeypatch.setattr(EngineBuild, 'run', lambda *args: ready.wait(20) and run(*args))
    pipeline = open_pipeline(config, wait=False)
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert len(pipeline(frame)) == 1
    assert pipeline.engine_progress != 'ready'
    assert 'TensorRT 10.3.0' not in pipeline.runtime
    ready.set()
    pipeline._networks.engines[0].wait()
    assert len(pipeline(frame)) == 1
    assert pipeline.engine_progress == 'ready'
    assert pipeline.runtime.endswith('; now TensorRT 10.3.0 fp32 on the GPU, CUDA graphs')
    pipeline.close()
    assert tools.cudart.memory == {'host': {}, 'device': {}}


def test_waiting_gives_the_engine_itself(monkeypatch, tools, tiny, options, builds):
    monkeypatch.setattr(tensorrt_opening, 'find_tools', lambda: tools)
    runtime, reason = open_runtime(str(tiny[0]), 'tensorrt', 1, options)
    assert 'TensorRT 10.3.0' in runtime.description
    assert 'as asked for' in reason


def test_auto_with_a_gpu_and_no_tensorrt_says_what_is_missing(monkeypatch, tools, tiny):
    monkeypatch.setattr(opening_module, 'find_gpu', lambda: tools.gpu)
    monkeypatch.setattr(tensorrt_opening, 'find_gpu', lambda: tools.gpu)
    monkeypatch.setattr(tensorrt_module, 'MODULES', ('no_such_tensorrt',))
    runtime, reason = open_runtime(str(tiny[0]), 'auto', 1)
    assert 'on the CPU' in runtime.description
    for lack in ('no_such_tensorrt', 'onnxruntime-gpu', 'torch sees no GPU'):
        assert lack in reason


def test_tensorrt_as_asked_for_without_a_gpu_is_told(monkeypatch, tiny):
    def no_gpu():
        raise EngineError('there is no NVIDIA GPU')

    monkeypatch.setattr(tensorrt_opening, 'find_gpu', no_gpu)
    with pytest.raises(ValueError, match='cannot run tiny: there is no NVIDIA GPU'):
        open_runtime(str(tiny[0]), 'tensorrt', 1)


def test_a_missing_cuda_python_is_told_with_the_version_that_fits(monkeypatch, tools):
    old = replace(tools.gpu, cuda_version='12.6')
    monkeypatch.setattr(tensorrt_opening, 'find_gpu', lambda: old)
    monkeypatch.setattr(tensorrt_opening, 'find_tensorrt', lambda: fake_gpu)
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', None)
    with pytest.raises(EngineError, match=r"pip install 'cuda-bindings==12\.\*'"):
        find_tools()
