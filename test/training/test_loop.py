"""A whole training run in small: data on disk, two processes, a kill, a resume, a model file."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photo_set import PHOTOS

from hand_pose_ros.networks.srhandnet import PLANS, SRHandNet
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.training import checkpoint
from hand_pose_ros.training.export import export_onnx
from hand_pose_ros.training.loop import Job, is_bf16_fast, learning_rate, train
from hand_pose_ros.training.srhandnet_task import SRHandNetTask
from hand_pose_ros.training.tasks import read_task

REPOSITORY = Path(__file__).parents[2]
RECIPE = replace(
    read_task(REPOSITORY / 'config' / 'models' / 'srhandnet_nano.yaml').recipe,
    **PHOTOS,
    scene_size=64,
    scene_batch=2,
    region_size=32,
    region_batch=4,
    steps=4,
    validate_every=2,
)


def job(data, processes=1, recipe=RECIPE):
    task = SRHandNetTask(recipe)
    task.load(data)
    return Job(task, data / 'run', 'cpu', processes, 29500 + processes)


def test_bf16_is_left_alone_where_the_cpu_cannot_convolve_in_it(monkeypatch):
    assert is_bf16_fast('cuda')
    monkeypatch.setattr('torch.backends.cpu.get_cpu_capability', lambda: 'AVX512')
    assert is_bf16_fast('cpu')
    monkeypatch.setattr('torch.backends.cpu.get_cpu_capability', lambda: 'AVX2')
    assert not is_bf16_fast('cpu')


def log_rows(data):
    with (data / 'run' / 'log.csv').open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_checkpoint_log_and_curves(data):
    train(job(data))
    assert [row['step'] for row in log_rows(data)] == ['2', '4']
    state = checkpoint.load(data / 'run' / 'checkpoint.pt')
    assert state.step == 4
    assert state.images >= 4 * RECIPE.scene_batch
    assert (data / 'run' / 'curves.png').stat().st_size > 1000


def test_a_second_run_goes_on_where_the_first_stopped(data):
    train(job(data))
    train(job(data, recipe=replace(RECIPE, steps=6)))
    assert [row['step'] for row in log_rows(data)] == ['2', '4', '6']


def test_a_run_cut_in_two_ends_with_the_weights_of_a_whole_one(data, tmp_path_factory):
    first = replace(RECIPE, steps=2, decay_share=0.0)
    whole = replace(RECIPE, steps=4, decay_share=0.0)
    train(job(data, recipe=first))
    train(job(data, recipe=whole))
    cut = checkpoint.load(data / 'run' / 'checkpoint.pt').network
    other = tmp_path_factory.mktemp('whole')
    train(replace(job(data, recipe=whole), out=other))
    for name, value in checkpoint.load(other / 'checkpoint.pt').network.items():
        torch.testing.assert_close(cut[name], value, rtol=1e-4, atol=1e-5)


def test_a_run_can_start_from_the_weights_of_a_model(data):
    torch.manual_seed(7)
    net = SRHandNet(PLANS['nano'])
    path = data / 'start.onnx'
    export_onnx(net.state_dict(), SRHandNetTask(RECIPE), path)
    still = replace(RECIPE, learning_rate=0.0, steps=1)
    train(replace(job(data, recipe=still), start=path))
    weights = checkpoint.load(data / 'run' / 'checkpoint.pt').network
    for name, value in net.named_parameters():
        # The file holds them in half precision.
        torch.testing.assert_close(weights[name], value.detach(), rtol=2**-11, atol=1e-7)
    light = job(data, recipe=replace(RECIPE, plan='light'))
    with pytest.raises(ValueError, match=r'nano, the recipe trains .* light'):
        train(replace(light, start=path, out=data / 'light'))


def test_weights_are_blended_by_their_shares_and_counters_are_left():
    before = {'w': torch.tensor([0.0, 4.0]), 'n': torch.tensor(7)}
    after = {'w': torch.tensor([2.0, 0.0]), 'n': torch.tensor(9)}
    mean = checkpoint.blended(after, before, 0.25)
    assert mean['w'].tolist() == [1.5, 1.0]
    assert int(mean['n']) == 9
    assert checkpoint.blended(after, before, 0.0)['w'].tolist() == [2.0, 0.0]
    for share in (-0.1, 1.5, float('nan')):
        with pytest.raises(ValueError, match='from 0 to 1, got'):
            checkpoint.blended(after, before, share)


def test_two_processes_share_the_work(data):
    train(job(data, processes=2))
    state = checkpoint.load(data / 'run' / 'checkpoint.pt')
    assert state.step == 4
    assert state.images >= 8 * RECIPE.scene_batch


def test_what_one_of_two_processes_raises_is_told_as_an_error(data):
    """One process per core is the default, and `hand-pose` tells such errors in one line."""
    (data / 'run').mkdir()
    (data / 'run' / 'checkpoint.pt').write_bytes(b'no checkpoint')
    with pytest.raises(RuntimeError, match=r'checkpoint\.pt'):
        train(job(data, processes=2))


def test_what_layers_drop_differs_by_step_and_is_the_same_after_a_resume(data, monkeypatch):
    seeds = []
    monkeypatch.setattr(torch, 'manual_seed', seeds.append)
    train(job(data, recipe=replace(RECIPE, steps=4)))
    whole, seeds[:] = seeds[1:], []
    train(replace(job(data, recipe=replace(RECIPE, steps=2)), out=data / 'cut'))
    first, seeds[:] = seeds[1:], []
    train(replace(job(data, recipe=replace(RECIPE, steps=4)), out=data / 'cut'))
    assert [*first, *seeds[1:]] == whole
    assert len(set(whole)) == 4


def test_the_rate_rises_stays_and_falls_to_zero():
    recipe = replace(RECIPE, steps=1000, warmup_steps=100, decay_share=0.4, learning_rate=1.0)
    assert learning_rate(recipe, 49) == pytest.approx(0.5)
    assert learning_rate(recipe, 300) == learning_rate(recipe, 599) == 1
    assert learning_rate(recipe, 800) == pytest.approx(0.5)
    assert learning_rate(recipe, 999) < 1e-4


def test_an_exported_model_gives_the_same_maps_in_both_runtimes(tmp_path):
    torch.manual_seed(0)
    net = SRHandNet(PLANS['nano'])
    path = tmp_path / 'model.onnx'
    assert export_onnx(net.state_dict(), SRHandNetTask(RECIPE), path) <= 1e-4
    image = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    maps = []
    for kind in ('onnx', 'torch'):
        runtime, reason = open_runtime(str(path), kind, 1)
        assert runtime.spec == SRHandNetTask(RECIPE).spec
        assert 'as asked for' in reason
        maps.append(runtime.run({INPUT_NAME: image})[OUTPUT_NAME])
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-4)


def test_weights_of_another_plan_are_refused_and_leave_no_file(tmp_path):
    net = SRHandNet(PLANS['light'])
    with pytest.raises(ValueError, match='not those of a srhandnet nano'):
        export_onnx(net.state_dict(), SRHandNetTask(RECIPE), tmp_path / 'model.onnx')
    assert list(tmp_path.iterdir()) == []


def test_weights_that_have_diverged_are_not_exported(tmp_path):
    weights = SRHandNet(PLANS['nano']).state_dict()
    weights['h3.1.bias'] = torch.full_like(weights['h3.1.bias'], float('nan'))
    with pytest.raises(ValueError, match='differs from PyTorch by nan'):
        export_onnx(weights, SRHandNetTask(RECIPE), tmp_path / 'model.onnx')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('kept', [0, 300])
def test_a_damaged_checkpoint_is_refused(tmp_path, kept):
    path = tmp_path / 'cut.pt'
    torch.save({'something': torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r'cut\.pt is not a training checkpoint'):
        checkpoint.load(path)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    torch.save({'something': 1}, tmp_path / 'other.pt')
    with pytest.raises(ValueError, match='not a training checkpoint'):
        checkpoint.load(tmp_path / 'other.pt')
    (tmp_path / 'text.pt').write_text('not a checkpoint')
    with pytest.raises(ValueError, match='not a training checkpoint'):
        checkpoint.load(tmp_path / 'text.pt')
