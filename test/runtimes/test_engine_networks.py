"""Every network that can be trained becomes an fp16 engine, with what it computes unchanged."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from hand_pose_ros.runtimes.engine_builder import build_engine
from hand_pose_ros.runtimes.engine_options import EngineOptions, profiles_of
from hand_pose_ros.runtimes.engine_precision import model_for

MODELS = Path(__file__).parents[2] / 'config' / 'models'
RECIPES = [
    path
    for path in sorted(MODELS.glob('*.yaml'))
    # A slim plan has the same layers as the paper's, and builds in seconds.
    if not path.with_name(f'{path.stem}_slim.yaml').exists()
]


@pytest.fixture(scope='module', params=RECIPES, ids=lambda path: path.stem)
def exported(request, tmp_path_factory):
    """A freshly initialised network as a model file, its spec and inputs."""
    torch = pytest.importorskip('torch')
    from hand_pose_ros.networks.deployed import build
    from hand_pose_ros.training.export import export_onnx
    from hand_pose_ros.training.tasks import read_task

    torch.manual_seed(0)
    task = read_task(request.param)
    path = tmp_path_factory.mktemp('exported') / f'{request.param.stem}.onnx'
    export_onnx(build(task.spec.network, task.spec.plan).state_dict(), task, path)
    return path, task.spec, task.examples()[0]


def outputs_of(model, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    return session.run(None, dict(inputs))


def test_half_precision_changes_outputs_by_less_than_a_hundredth_of_their_range(exported):
    path, _, inputs = exported
    full = outputs_of(model_for(path, 'fp32'), inputs)
    half = outputs_of(model_for(path, 'fp16'), inputs)
    for one, other in zip(full, half, strict=True):
        assert other.dtype == np.float32
        gaps, reach = np.abs(one - other), max(np.abs(one).max(), 0.01)
        assert gaps.mean() < 0.01 * reach
        # Networks that have learned nothing pass rounding on enlarged.
        assert gaps.max() < 0.05 * reach


def test_tensorrt_builds_it(trt, exported):
    path, spec, _ = exported
    options = EngineOptions(max_batch=2, level=0)
    profiles = profiles_of(spec, options.max_batch)
    plan, _ = build_engine(trt, model_for(path, 'fp16'), profiles, options, b'', lambda *_: None)
    assert len(plan) > 0.6 * path.stat().st_size
