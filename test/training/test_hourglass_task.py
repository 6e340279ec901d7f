"""The depth network's part of the trainer, on a made-up data set."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from depth_set import write_set

from hand_pose_ros.data.depth_hands import AS_AT_RUN_TIME
from hand_pose_ros.networks.deployed import build
from hand_pose_ros.runtimes.base import CROP_NAME
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.training import checkpoint
from hand_pose_ros.training.export import export_onnx
from hand_pose_ros.training.hourglass_task import HourglassTask
from hand_pose_ros.training.loop import Job, train
from hand_pose_ros.training.tasks import read_task

REPOSITORY = Path(__file__).parents[2]
RECIPE = replace(
    read_task(REPOSITORY / 'config' / 'models' / 'local_regression_hourglass_small.yaml').recipe,
    renders=('a',),
    held_out_share=0.2,
    batch=2,
    steps=4,
    fine_tune_share=0.5,
    validate_every=2,
)


@pytest.fixture
def task(tmp_path):
    write_set(tmp_path / 'a')
    task = HourglassTask(RECIPE)
    task.load(tmp_path)
    return task


def test_the_same_step_gives_the_same_batch_and_other_processes_others(task):
    (first,), _ = task.batch(3, 0)
    (again,), _ = task.batch(3, 0)
    (other,), _ = task.batch(3, 1)
    assert first.shape == (2, 128, 128)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_last_steps_count_only_the_worst_coordinate(task):
    outputs = [torch.zeros(2, 21, 3), torch.zeros(2)]
    outputs[0][:, 4, 1] = 0.5
    losses = []
    for step in (1, 2):
        _, (joints, is_right, fine_tuning) = task.batch(step, 0)
        targets = [torch.zeros_like(joints), is_right, fine_tuning]
        losses.append(task.loss(outputs, targets).item())
    # One of 63 coordinates is 0.5 off; the knee is 0.1. The side costs the same both times.
    assert losses[1] - losses[0] == pytest.approx(0.45 * (1 - 1 / 63), rel=1e-4)


def test_a_network_that_knows_the_answers_has_no_error(task):
    class Knows(torch.nn.Module):
        """Finds the answer to a crop by looking it up."""

        def forward(self, crops):
            held_out = [
                task._sample(np.random.default_rng(i), task._held_out, i, AS_AT_RUN_TIME)
                for i in range(len(task._held_out.hands))
            ]
            joints, logits = [], []
            for crop in crops:
                sample = next(s for s in held_out if np.array_equal(s.crop, crop.numpy()))
                joints.append(torch.from_numpy(sample.joints))
                logits.append(1.0 if sample.is_right else -1.0)
            return torch.stack(joints), torch.tensor(logits)

    assert task.validate(Knows(), 'cpu') == {
        'joints_within_20mm': 1.0,
        'hands_within_20mm': 1.0,
        'side_accuracy': 1.0,
        'mean_error_cm': 0.0,
    }


def test_a_run_leaves_a_checkpoint_and_a_log_with_the_errors(task, tmp_path):
    train(Job(task, tmp_path / 'run', 'cpu', 1, 29600))
    with (tmp_path / 'run' / 'log.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['step'] for row in rows] == ['2', '4']
    assert 0 <= float(rows[-1]['joints_within_20mm']) <= 1
    assert float(rows[-1]['mean_error_cm']) > 0
    assert checkpoint.load(tmp_path / 'run' / 'checkpoint.pt').images == 4 * RECIPE.batch


def test_an_exported_model_gives_the_same_joints_in_both_runtimes(tmp_path):
    torch.manual_seed(0)
    task, path = HourglassTask(RECIPE), tmp_path / 'model.onnx'
    net = build('local_regression_hourglass', RECIPE.plan)
    assert export_onnx(net.state_dict(), task, path) <= 1e-4
    crops = np.random.default_rng(0).uniform(-1, 1, (5, 128, 128)).astype(np.float32)
    answers = []
    for kind in ('onnx', 'torch'):
        runtime, _ = open_runtime(str(path), kind, 1)
        assert runtime.spec == task.spec
        answers.append(runtime.run({CROP_NAME: crops}))
    for name, shape in (('joints', (5, 21, 3)), ('side', (5,))):
        assert answers[0][name].shape == shape
        np.testing.assert_allclose(answers[0][name], answers[1][name], atol=1e-4)


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match=r"one of .*smooth_l1.*, got 'hinge'"):
        HourglassTask(replace(RECIPE, loss='hinge'))


@pytest.mark.parametrize('share', [0.0, 1.0])
def test_a_recipe_without_validation_or_without_training_is_refused(share):
    with pytest.raises(ValueError, match='held_out_share must lie between 0 and 1'):
        HourglassTask(replace(RECIPE, held_out_share=share))
