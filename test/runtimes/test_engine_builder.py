"""Real parses and builds by TensorRT-RTX, whose builder needs no GPU."""

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.runtimes.base import DepthSpec, SkeletonPoseSpec
from hand_pose_ros.runtimes.engine_builder import build_engine
from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions, Profile, profiles_of
from hand_pose_ros.runtimes.engine_precision import model_for
from hand_pose_ros.runtimes.open import WEIGHTS, open_runtime

onnx = pytest.importorskip('onnx')

# Models in int8 are for CPUs: TensorRT quantises in its own way.
SHIPPED = sorted(path for path in WEIGHTS.glob('*.onnx') if not path.stem.endswith('_int8'))


def nothing(stage, share):
    pass


def build(trt, path, precision, report=nothing):
    spec = open_runtime(str(path), 'onnx', 1)[0].spec
    options = EngineOptions(precision=precision, max_batch=2, level=0)
    profiles = profiles_of(spec, options.max_batch)
    return build_engine(trt, model_for(path, precision), profiles, options, b'', report)[0]


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_every_model_that_ships_builds_and_fp16_takes_less(trt, path):
    sizes = {precision: len(build(trt, path, precision)) for precision in ('fp32', 'fp16')}
    # The file has two bytes a weight: fp32 has twice as many, and fp16 saves them.
    assert sizes['fp32'] > 1.6 * path.stat().st_size
    assert sizes['fp32'] - sizes['fp16'] > 0.8 * path.stat().st_size


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_every_model_that_ships_builds_in_int8(trt, quantised, path):
    assert len(build(trt, quantised(path), 'int8')) > 0.4 * path.stat().st_size


def test_progress_grows_to_the_whole(trt, tiny):
    heard = []
    build(trt, tiny[0], 'fp32', lambda stage, share: heard.append((stage, share)))
    shares = [share for _, share in heard]
    assert {stage for stage, _ in heard} == {'building'}
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.2
    assert shares[-1] == 1.0


def test_measurements_of_another_build_may_be_garbage(trt, tiny):
    path, spec = tiny
    arguments = (trt, model_for(path, 'fp32'), profiles_of(spec, 2), EngineOptions('fp32'))
    _, timings = build_engine(*arguments, b'garbage', nothing)
    plan, _ = build_engine(*arguments, timings, nothing)
    assert plan


def test_what_the_parser_says_reaches_the_user_whole(trt):
    helper, info = onnx.helper, onnx.helper.make_tensor_value_info
    node = helper.make_node(
        'NoSuchLayer', ['image'], ['maps'], name='odd one', domain='some.where'
    )
    graph = helper.make_graph(
        [node],
        'odd',
        [info('image', onnx.TensorProto.FLOAT, [1, 3])],
        [info('maps', onnx.TensorProto.FLOAT, [1, 3])],
    )
    opsets = [helper.make_opsetid('', 17), helper.make_opsetid('some.where', 1)]
    model = helper.make_model(graph, opset_imports=opsets).SerializeToString()
    profiles = [Profile({'image': (3,)}, 1)]
    with pytest.raises(EngineError, match=r'cannot read the model: .*NoSuchLayer'):
        build_engine(trt, model, profiles, EngineOptions(), b'', nothing)


def test_bytes_that_are_no_model_are_refused(trt):
    with pytest.raises(EngineError, match='cannot read the model'):
        build_engine(trt, b'no model', [], EngineOptions(), b'', nothing)


def test_a_model_of_other_inputs_is_refused(trt, tiny):
    with pytest.raises(EngineError, match=r"must have the inputs \['crop'\], got \['image'\]"):
        build_engine(
            trt,
            tiny[0].read_bytes(),
            [Profile({'crop': (9, 9)}, 1)],
            EngineOptions(),
            b'',
            nothing,
        )


def test_shapes_that_the_network_cannot_take_are_refused_with_the_log(trt, tiny):
    profiles = [Profile({'image': (32, 32, 4)}, 1)]
    with pytest.raises(EngineError, match=r'cannot build the engine: .+'):
        build_engine(trt, tiny[0].read_bytes(), profiles, EngineOptions('fp32'), b'', nothing)


def test_a_picture_goes_alone_and_its_regions_together(nano):
    spec = replace(nano[1], input_size=256, region_size=128)
    assert profiles_of(spec, 4) == [
        Profile({'image': (256, 256, 3)}, 1),
        Profile({'image': (128, 128, 3)}, 4),
        Profile({'image': (384, 384, 3)}, 1),
    ]
    same = replace(spec, region_size=256)
    assert profiles_of(same, 4) == [Profile({'image': (256, 256, 3)}, 4)]
    depth = DepthSpec('local_regression_hourglass', 'full', 128, 0.25, 21)
    assert profiles_of(depth, 4) == [Profile({'crop': (128, 128)}, 4)]
    both = SkeletonPoseSpec('skeleton_multiscale', 'full', 64)
    assert profiles_of(both, 4) == [Profile({'image': (64, 64, 3), 'skeleton': (64, 64)}, 4)]
    assert np.prod(profiles_of(spec, 4)[1].shapes(3)['image']) == 3 * 128 * 128 * 3
