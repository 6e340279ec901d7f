"""`hand-pose evaluate onehand10k_masks` on a tiny sample of the layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmark_samples import WRITERS

from hand_pose_ros.cli.evaluate_masks import best_iou
from hand_pose_ros.cli.main import main
from hand_pose_ros.networks.deployed import build
from hand_pose_ros.training.export import export_onnx
from hand_pose_ros.training.tasks import read_task
from hand_pose_ros.types import Hand, HandMask

RECIPE = Path(__file__).parents[2] / 'config' / 'models' / 'mask_pose_slim.yaml'
NOBODY = Hand(np.full((21, 2), np.nan, 'f4'), np.zeros(21, 'f4'), np.zeros(4, 'f4'), 0.0)


def hand_with_mask(box):
    return Hand(
        NOBODY.keypoints_px, NOBODY.scores, NOBODY.box_px, 0.9, mask=HandMask(np.ones((4, 4)), box)
    )


def test_the_mask_of_the_best_hand_counts():
    label = np.zeros((60, 80), bool)
    label[10:30, 20:60] = True
    rgb = np.zeros((60, 80, 3), np.uint8)
    exact = hand_with_mask(np.array([19.5, 9.5, 59.5, 29.5]))
    half = hand_with_mask(np.array([19.5, 9.5, 39.5, 29.5]))
    # Interpolation rounds the corners of a mask off.
    assert best_iou(lambda _: (exact, half), rgb, label) == pytest.approx(1, abs=0.03)
    assert best_iou(lambda _: (half, exact), rgb, label) == pytest.approx(0.5, abs=0.03)
    assert best_iou(lambda _: (), rgb, label) == 0
    assert best_iou(lambda _: (NOBODY,), rgb, label) == 0


def test_our_masks_stand_beside_those_of_the_paper(tmp_path, model_path, capsys):
    WRITERS['onehand10k'](tmp_path)
    torch.manual_seed(0)
    weights = build('mask_pose', 'slim').state_dict()
    export_onnx(weights, read_task(RECIPE), tmp_path / 'mask.onnx')
    settings = [
        'model.estimator=mask_pose',
        f'model.estimator_model={tmp_path / "mask.onnx"}',
        'detector.min_score=0',
    ]
    options = [word for setting in settings for word in ('--set', setting)]
    arguments = [str(tmp_path), '--model', str(model_path), *options]
    assert main(['evaluate', 'onehand10k_masks', *arguments]) == 0
    text = capsys.readouterr().out
    assert '2 pictures with a mask' in text
    row = next(line for line in text.splitlines() if line.startswith('mask AP50'))
    assert row.split()[-1] == '0.769'


def test_an_estimator_without_masks_is_refused(tmp_path, capsys):
    WRITERS['onehand10k'](tmp_path)
    assert main(['evaluate', 'onehand10k_masks', str(tmp_path)]) == 1
    assert '--set model.estimator=mask_pose' in capsys.readouterr().err
