"""`hand-pose benchmark`: which numbers there are; never how large they are."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from depth_oracle import DepthOracle, write_depth_model

from hand_pose_ros.cli import benchmark
from hand_pose_ros.cli.main import main
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.benchmark import (
    DEPTH_STAGE,
    JUDGE_STAGE,
    STAGES,
    WARM_UP,
    Stopwatch,
    Timing,
    measure_pipeline,
    surroundings,
)
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.types import Camera, Frame


def test_a_timing_is_median_and_95th_percentile_in_milliseconds():
    durations_s = np.arange(101) / 1000
    assert Timing.of(durations_s) == Timing(50.0, 95.0)
    with pytest.raises(ValueError, match='nothing was measured'):
        Timing.of([])


def test_a_stopwatch_returns_results_and_keeps_durations():
    watch = Stopwatch()
    assert watch.time('sum', lambda a, b: a + b, 2, 3) == 5
    watch.time('sum', sum, [1, 2])
    assert len(watch.durations_s['sum']) == 2
    assert min(watch.durations_s['sum']) >= 0


def test_every_stage_is_timed_with_and_without_a_hand(model_path):
    runtime, _ = open_runtime(str(model_path), 'onnx', 1)
    config = PipelineConfig()
    config = replace(config, detector=replace(config.detector, cycle='off'))
    camera = Camera(256, 256, 300, 300, 127.5, 127.5)
    frames = [
        Frame(np.zeros((256, 256, 3), np.uint8), stamp_s, np.ones((256, 256), np.float32), camera)
        for stamp_s in np.arange(WARM_UP + 2) / 15
    ]
    for threshold, expected in ((0.2, 1.0), (1.0, 0.0)):
        settings = replace(config.detector, threshold=threshold)
        networks = Networks(SRHandNetEstimator(runtime))
        timings, hands = measure_pipeline(networks, replace(config, detector=settings), frames)
        assert tuple(timings) == STAGES
        assert hands == expected


def test_surroundings_name_machine_and_versions():
    found = surroundings()
    assert found['cpu']
    assert found['cores'] >= 1
    assert found['packages']['numpy'] == np.__version__
    json.dumps(found)


def test_models_are_measured_in_a_table_and_a_file(tmp_path, model, capsys):
    out = tmp_path / 'benchmark.json'
    arguments = ['--frames', '2', '--runtime', 'onnx', '--out', str(out), '--set', 'model.depth=']
    assert main(['benchmark', *model, *arguments]) == 0
    rows = json.loads(out.read_text())['pipelines']
    assert [(row['width'], row['height']) for row in rows] == [
        (640, 480),
        (1280, 720),
        (1920, 1080),
    ]
    for row in rows:
        assert set(row['stages']) == set(STAGES)
        assert all(each['median_ms'] <= each['p95_ms'] for each in row['stages'].values())
    table = capsys.readouterr().out
    assert '1280x720' in table
    assert all(stage in table for stage in STAGES)


def test_a_depth_network_is_measured_in_a_column_of_its_own(tmp_path, model, capsys):
    write_depth_model(tmp_path / 'depth.onnx', np.zeros((21, 3)), 1.0)
    out = tmp_path / 'benchmark.json'
    arguments = ['--frames', '2', '--out', str(out)]
    arguments += ['--set', f'model.depth={tmp_path / "depth.onnx"}', '--runtime', 'onnx']
    assert main(['benchmark', *model, *arguments]) == 0
    for row in json.loads(out.read_text())['pipelines']:
        assert row['depth_model'] == 'depth'
        assert set(row['stages']) == {*STAGES, DEPTH_STAGE}
        assert row['stages'][DEPTH_STAGE]['median_ms'] > 0
    assert DEPTH_STAGE in capsys.readouterr().out


def test_the_depth_network_is_asked_on_every_frame(tmp_path, model, monkeypatch):
    oracle = DepthOracle(np.zeros((1, 21, 3)))

    def open_either(name, *how):
        return (oracle, '') if name == 'oracle' else open_runtime(name, *how)

    monkeypatch.setattr('hand_pose_ros.pipeline.networks.open_runtime', open_either)
    arguments = ['--frames', '2', '--runtime', 'onnx', '--out', str(tmp_path / 'benchmark.json')]
    assert main(['benchmark', *model, '--set', 'model.depth=oracle', *arguments]) == 0
    # By the pipeline, by itself and in lifting; it may want a second look at the same hand.
    sizes = len(benchmark.SIZES_HW)
    assert len(oracle.batches) >= 3 * sizes * (WARM_UP + 2)


def test_the_judge_is_measured_in_a_column_of_its_own(tmp_path, model, capsys):
    out = tmp_path / 'benchmark.json'
    arguments = ['--frames', '2', '--out', str(out), '--runtime', 'onnx', '--set', 'model.depth=']
    arguments += ['--set', 'model.presence=hand_presence']
    assert main(['benchmark', *model, *arguments]) == 0
    for row in json.loads(out.read_text())['pipelines']:
        assert set(row['stages']) == {*STAGES, JUDGE_STAGE}
    assert JUDGE_STAGE in capsys.readouterr().out


def test_without_a_model_the_shipped_detectors_are_measured():
    assert {'srhandnet_nano', 'srhandnet_nano_int8'} <= set(benchmark.shipped_detectors())
    assert all(name.startswith('srhandnet') for name in benchmark.shipped_detectors())


def test_a_model_that_finds_no_hands_is_left_out(tmp_path, capsys):
    write_depth_model(tmp_path / 'depth.onnx', np.zeros((21, 3)), 1.0)
    arguments = ['--frames', '1', '--runtime', 'onnx', '--out', str(tmp_path / 'benchmark.json')]
    assert main(['benchmark', '--model', str(tmp_path / 'depth.onnx'), *arguments]) == 0
    told = 'depth in onnx is left out: the model must be one of srhandnet'
    assert told in capsys.readouterr().out


def test_the_node_is_measured_beside_what_it_is_made_of(tmp_path, model, monkeypatch, capsys):
    pytest.importorskip('rclpy')
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(name, os.environ.get(name, ''))
    monkeypatch.delenv('FASTRTPS_DEFAULT_PROFILES_FILE')
    out = tmp_path / 'benchmark.json'
    arguments = ['--node', '--frames', '24', '--rate', '10', '--out', str(out)]
    assert main(['benchmark', *model, *arguments]) == 0
    node = json.loads(out.read_text())['node']
    parts = node['pipeline']['median_ms'] + node['bare_subscription']['median_ms']
    assert node['added_ms'] == pytest.approx(node['node']['median_ms'] - parts, abs=0.01)
    assert 0 < node['answered'] <= node['frames'] == 24
    assert node['resident_mb'] > 20
    assert node['start_to_first_message_s'] > 0
    text = capsys.readouterr().out
    assert 'what the node adds, c - a - b' in text


@pytest.mark.parametrize('wrong', [['--frames', '0'], ['--rate', '0']])
def test_no_frames_and_no_rate_are_refused(wrong, capsys):
    assert main(['benchmark', *wrong]) == 1
    assert 'expected at least 1 frames and a rate' in capsys.readouterr().err


def test_a_picture_to_measure_with_must_be_one(tmp_path, capsys):
    (tmp_path / 'a.png').write_bytes(b'not a picture')
    assert main(['benchmark', '--input', str(tmp_path / 'a.png')]) == 1
    assert 'a.png is not a picture that can be read' in capsys.readouterr().err


def test_the_renderer_is_measured_in_every_mode(tmp_path, shared_dir):
    out = tmp_path / 'benchmark.json'
    assets = ['--assets', str(shared_dir / 'data' / 'hand_assets')]
    assert main(['benchmark', '--synth', '--frames', '1', '--out', str(out), *assets]) == 0
    modes = json.loads(out.read_text())['synth']
    assert set(modes) == {'arm, 1x1', 'body, 2x2', 'arm, depth only', 'body, depth only'}
    assert all(mode['images_per_s'] > 0 for mode in modes.values())
    assert modes['body, 2x2']['shares']['rasterise'] > 0


def test_the_renderer_without_assets_says_what_is_missing(tmp_path, capsys):
    assert main(['benchmark', '--synth', '--assets', str(tmp_path)]) == 1
    assert 'hand-pose: no makehuman/base.obj in' in capsys.readouterr().err


def test_networks_are_measured_in_a_table_a_file_and_a_plot(tmp_path, model, capsys):
    out = tmp_path / 'networks.json'
    limit = ['--set', 'model.engine_max_regions=2', '--set', 'model.threads=1']
    arguments = ['--networks', '--frames', '1', '--out', str(out), *limit]
    assert main(['benchmark', *model, *arguments]) == 0
    networks = json.loads(out.read_text())['networks']
    onnx_rows = [row for row in networks['rows'] if 'ONNX Runtime' in row['runtime']]
    assert [row['batch'] for row in onnx_rows] == [1, 2]
    assert all(row['timing']['median_ms'] > 0 for row in networks['rows'])
    assert networks['limits']['gmac_per_s'] > 0
    assert out.with_suffix('.png').read_bytes().startswith(b'\x89PNG')
    table = capsys.readouterr().out
    assert 'median ms' in table
    assert 'in onnx_cuda fp32 is left out' in table
