"""`hand-pose build-engine` and `hand-pose selftest`, on a fake GPU and on none."""

import json
from dataclasses import replace

import fake_gpu
import pytest

from hand_pose_ros.cli import build_engine, selftest
from hand_pose_ros.cli.main import main
from hand_pose_ros.pipeline.config import ModelConfig
from hand_pose_ros.runtimes import tensorrt_opening
from hand_pose_ros.runtimes.base import ModelSpec
from hand_pose_ros.runtimes.engine_gpu import Gpu
from hand_pose_ros.runtimes.engine_options import EngineError, profiles_of
from hand_pose_ros.runtimes.engine_process import EngineBuild
from hand_pose_ros.runtimes.tensorrt_opening import Tools


@pytest.fixture
def cuda(monkeypatch, tmp_path, model_path):
    """A fake GPU, on which builds take no time."""
    cuda = fake_gpu.Cuda()
    tools = Tools(Gpu('a GPU', '8.9', 46, 12282, '13.0', 'driver'), fake_gpu, cuda)
    for module in (build_engine, selftest):
        monkeypatch.setattr(module, 'find_tools', lambda: tools)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    spec = ModelSpec('srhandnet', 'nano', 256, 256, 256, 4)

    def run(self, report):
        report('building', 0.5)
        job = self._job
        profiles = profiles_of(spec, job.options.max_batch)
        job.cache().store(job.facts(fake_gpu), fake_gpu.plan_for(job.model, spec, profiles, cuda))

    monkeypatch.setattr(EngineBuild, 'run', run)
    return cuda


@pytest.fixture
def no_gpu(monkeypatch):
    def find():
        raise EngineError('there is no NVIDIA driver')

    monkeypatch.setattr(tensorrt_opening, 'find_gpu', find)


def test_an_engine_is_built_run_once_and_released(model, cuda, capsys):
    assert main(['build-engine', *model]) == 0
    told = capsys.readouterr()
    assert 'TensorRT 10.3.0 fp16 on the GPU, CUDA graphs, ready after' in told.out
    assert 'building' in told.err
    assert cuda.memory == {'host': {}, 'device': {}}


def test_without_a_gpu_building_is_one_line(model, no_gpu, capsys):
    assert main(['build-engine', *model]) == 1
    assert capsys.readouterr().err == 'hand-pose: there is no NVIDIA driver\n'


def test_the_selftest_compares_and_times_graphs_and_plain_launches(model, cuda, tmp_path, capsys):
    out = tmp_path / 'selftest.json'
    arguments = ['--runtime', 'tensorrt', '--count', '1', '--out', str(out)]
    limit = ['--set', 'model.engine_max_regions=2']
    assert main(['selftest', *model, *limit, *arguments]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ['passed', f'see {out}']
    report = json.loads(out.read_text())
    assert [row['how'] for row in report['rows']] == ['graphs', 'plain launches']
    for row in report['rows']:
        assert [batch['shapes']['image'][0] for batch in row['batches']] == [1, 2]
        assert all(batch['largest'] < 1e-4 < batch['median_ms'] for batch in row['batches'])
        assert row['keypoints']['count'] == 21
        assert row['keypoints']['largest_px'] < 0.01
    assert {'date', 'cpu', 'packages', 'commit', 'findings', 'model'} <= set(report)


def test_a_runtime_that_computes_something_else_fails_the_selftest(model, tmp_path, monkeypatch):
    opened = selftest.open_runtime

    class Wrong:
        def __init__(self, runtime):
            self.spec, self.description, self._runtime = runtime.spec, 'wrong', runtime

        def run(self, inputs):
            return {name: -maps for name, maps in self._runtime.run(inputs).items()}

    def open_wrong(model, runtime, threads, options=None):
        right, reason = opened(model, 'onnx', threads, options)
        return (right if runtime == 'onnx' else Wrong(right)), reason

    monkeypatch.setattr(selftest, 'open_runtime', open_wrong)
    out = tmp_path / 'selftest.json'
    arguments = ['--runtime', 'torch', '--count', '1', '--out', str(out)]
    assert main(['selftest', *model, *arguments]) == 1
    report = json.loads(out.read_text())
    assert 'differs by' in report['verdict']
    assert report['rows'][0]['keypoints']['largest_px'] is None


def test_an_error_that_nobody_foresaw_is_in_the_report_with_where_it_arose(
    model, tmp_path, monkeypatch
):
    def fail(*_):
        raise AttributeError('no such method in this TensorRT')

    monkeypatch.setattr(selftest, '_check', fail)
    out = tmp_path / 'selftest.json'
    assert main(['selftest', *model, '--runtime', 'torch', '--out', str(out)]) == 1
    report = json.loads(out.read_text())
    assert 'no such method in this TensorRT' in report['verdict']
    assert any('in fail' in line for line in report['traceback'])


def test_a_selftest_without_a_gpu_still_leaves_a_report(model, no_gpu, tmp_path):
    out = tmp_path / 'selftest.json'
    assert main(['selftest', *model, '--runtime', 'tensorrt', '--out', str(out)]) == 1
    report = json.loads(out.read_text())
    assert report['verdict'] == 'failed: TensorRT cannot be tested: there is no NVIDIA driver'
    assert report['findings'][0]['what'] == 'machine'


def test_what_is_built_is_what_the_settings_use():
    settings = ModelConfig(detector='a', presence='p', depth='b')
    assert build_engine.models_of(settings) == ['a', 'p', 'b']
    reader = replace(settings, estimator='mobile_keypoints', presence='', depth='')
    assert build_engine.models_of(reader) == ['a', 'mobile_keypoints_slim']
    assert build_engine.models_of(replace(reader, estimator_model='c')) == ['a', 'c']
