"""What a network costs, by the layer; what the processor can do; how runtimes are compared."""

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.evaluation import network_benchmark, parity
from hand_pose_ros.evaluation.network_benchmark import Cost, Limits, cost_of, measure_network
from hand_pose_ros.runtimes.base import INPUT_NAME, ModelSpec
from hand_pose_ros.runtimes.open import WEIGHTS, open_runtime


def test_the_cost_of_layers_is_that_worked_by_hand(tmp_path):
    onnx = pytest.importorskip('onnx')
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    floats = onnx.TensorProto.FLOAT
    weights = {'a': (8, 3, 3, 3), 'b': (8, 4, 2, 2), 'c': (10, 1024)}
    graph = onnx.helper.make_graph(
        [
            node('Conv', ['x', 'a'], ['y'], pads=[1, 1, 1, 1], strides=[2, 2]),
            node('Relu', ['y'], ['r']),
            node('ConvTranspose', ['r', 'b'], ['z'], strides=[2, 2]),
            node('Flatten', ['z'], ['f']),
            node('Gemm', ['f', 'c'], ['out'], transB=1),
        ],
        'three',
        [info('x', floats, ['n', 3, 'h', 'w'])],
        [info('out', floats, ['n', 10])],
        [onnx.numpy_helper.from_array(np.zeros(s, np.float32), n) for n, s in weights.items()],
    )
    path = tmp_path / 'three.onnx'
    opsets = [onnx.helper.make_opsetid('', 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    cost = cost_of(path, {'x': (2, 3, 16, 16)})
    macs = 2 * (8 * 8 * 8 * 27 + 8 * 8 * 8 * 16 + 10 * 1024)
    written = 2 * (8 * 8 * 8 + 4 * 16 * 16 + 10)
    numbers = 216 + 128 + 10240
    assert cost == Cost(
        pytest.approx(macs / 1e9), pytest.approx(4 * (numbers + 2 * written) / 1e9)
    )


def test_the_shipped_network_costs_what_its_card_says():
    pytest.importorskip('onnx')
    cost = cost_of(WEIGHTS / 'srhandnet_nano.onnx', {INPUT_NAME: (1, 256, 256, 3)})
    assert cost.gmac == pytest.approx(1.09, abs=0.005)


def test_limits_are_measured(monkeypatch):
    monkeypatch.setattr(network_benchmark, 'LIMITS_TIME_S', 0.0)
    limits = network_benchmark.measure_limits()
    assert limits.gmac_per_s > 0
    assert limits.gb_per_s > 0


def test_every_shape_and_batch_is_timed_with_its_shares():
    path = WEIGHTS / 'srhandnet_nano.onnx'
    runtime, _ = open_runtime(str(path), 'onnx', 1)
    rows = measure_network(path, runtime, 'fp32', 2, 1, Limits(1e6, 1e6), None)
    assert [(row.shapes, row.batch) for row in rows] == [
        ('256x256x3', 1),
        ('128x128x3', 1),
        ('128x128x3', 2),
        ('384x384x3', 1),
    ]
    for row in rows:
        assert row.per_s == pytest.approx(
            row.batch * 1e3 / row.timing.median_ms, rel=0.02, abs=0.1
        )
        assert 0 < row.gmac_share < 1
        assert 0 < row.gb_share < 1
    (unknown, *_) = measure_network(path, runtime, 'fp32', 1, 1, None, 12.0)
    assert (unknown.gmac_share, unknown.gb_share, unknown.gpu_mb) == (None, None, 12.0)


class Answer:
    """A runtime that always gives the same maps."""

    spec = ModelSpec('srhandnet', 'nano', 32, 16, 32, 4)

    def __init__(self, *maps):
        self.maps = np.array(maps, np.float32)

    def run(self, inputs):
        return {'maps': self.maps}


def test_differences_are_the_largest_and_the_mean():
    found = parity.difference(Answer(0, 1, 2), Answer(0, 1.5, 1), {INPUT_NAME: np.zeros((1, 2))})
    assert (found.largest, found.mean) == (1.0, 0.5)
    assert found.shapes == {INPUT_NAME: (1, 2)}
    assert parity.difference(Answer(np.nan), Answer(0), {}).largest == np.inf


def test_examples_are_all_shapes_and_batches_and_always_the_same():
    batches = parity.example_batches(Answer(), 2)
    assert [each[INPUT_NAME].shape for each in batches] == [
        (1, 32, 32, 3),
        (1, 16, 16, 3),
        (2, 16, 16, 3),
        (1, 48, 48, 3),
    ]
    again = parity.example_batches(Answer(), 2)
    for one, other in zip(batches, again, strict=True):
        np.testing.assert_array_equal(one[INPUT_NAME], other[INPUT_NAME])


def hand(*points):
    return SimpleNamespace(keypoints_px=np.array(points, np.float32), score=1.0)


@pytest.mark.parametrize(
    ('found', 'expected'),
    [
        ([hand((0, 3), (9, 9)), hand((50, 50), (60, 60))], [3, 0, 0, 0]),
        ([hand((50, 50), (60, 60)), hand((0, 3), (9, 9))], [3, 0, 0, 0]),
        ([hand((0, 0), (np.nan, np.nan)), hand((50, 50), (60, 60))], [0, np.inf, 0, 0]),
        ([hand((0, 0), (9, 9))], [np.inf]),
    ],
)
def test_keypoints_are_compared_hand_by_hand(monkeypatch, found, expected):
    hands = {'tested': found, 'reference': [hand((0, 0), (9, 9)), hand((50, 50), (60, 60))]}

    class Estimator:
        def __init__(self, runtime):
            self.runtime = runtime

        def detect(self, rgb, *how):
            return hands[self.runtime]

    monkeypatch.setattr(parity, 'SRHandNetEstimator', Estimator)
    np.testing.assert_allclose(parity.keypoint_distances_px('tested', 'reference', None), expected)
