"""`hand-pose evaluate onehand10k_masks` on a tiny sample of the layout."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from benchmark_samples import WRITERS
from oracle import open_hand

from hand_pose_ros.cli.evaluate_masks import hand_iou, own_answers
from hand_pose_ros.cli.main import main
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, write_labels
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


def test_a_hand_scores_the_overlap_of_its_mask_with_the_label():
    label = np.zeros((60, 80), bool)
    label[10:30, 20:60] = True
    # Interpolation rounds the corners of a mask off.
    exact = hand_with_mask(np.array([19.5, 9.5, 59.5, 29.5]))
    assert hand_iou(exact, label) == pytest.approx(1, abs=0.03)
    half = hand_with_mask(np.array([19.5, 9.5, 39.5, 29.5]))
    assert hand_iou(half, label) == pytest.approx(0.5, abs=0.03)
    assert hand_iou(NOBODY, label) == 0
    assert hand_iou(None, label) == 0


@pytest.fixture
def options(tmp_path, model_path):
    torch.manual_seed(0)
    weights = build('mask_pose', 'slim').state_dict()
    export_onnx(weights, read_task(RECIPE), tmp_path / 'mask.onnx')
    settings = [
        'model.estimator=mask_pose',
        f'model.estimator_model={tmp_path / "mask.onnx"}',
        'detector.min_score=0',
    ]
    words = [word for setting in settings for word in ('--set', setting)]
    return ['--model', str(model_path), *words]


class FoundHands:
    """A pipeline that finds given hands, and reads one with a mask in the second labelled box."""

    def __init__(self, *hands):
        self.hands = hands

    def __call__(self, frame):
        return self.hands

    def read_regions(self, rgb, boxes_px, sides):
        return [
            hand_with_mask(box) if index == 1 else NOBODY for index, box in enumerate(boxes_px)
        ]


def test_each_hand_of_a_set_is_compared_with_what_is_found_at_its_keypoints():
    points = [open_hand((60, 60), 60), open_hand((200, 60), 60), open_hand((130, 200), 60)]
    labels = tuple(HandLabel(each, keypoint_box(each)) for each in points)
    mask = np.zeros((240, 320), np.uint8)
    mask[30:90, 30:90], mask[30:90, 170:230] = 1, 2
    label = ImageLabel('a.png', 240, 320, labels, mask='mask.png')
    second = replace(hand_with_mask(np.array([169.5, 29.5, 229.5, 89.5])), keypoints_px=points[1])
    # The third hand is hidden, though its keypoints are known.
    first, other = own_answers(FoundHands(second), np.zeros((240, 320, 3), np.uint8), label, mask)
    assert (first.found, first.boxed) == (None, NOBODY)
    assert first.mask.sum() == other.mask.sum() == 3600
    assert other.found is second
    assert hand_iou(other.found, other.mask) == pytest.approx(1, abs=0.03)
    assert 0.4 < hand_iou(other.boxed, other.mask) < 0.9


def test_a_set_without_masks_is_refused_and_one_with_masks_is_measured(tmp_path, options, capsys):
    points = open_hand((32, 32), 40)
    label = ImageLabel('a.png', 64, 64, (HandLabel(points, keypoint_box(points)),))
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((64, 64, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'mask.png'), np.ones((64, 64), np.uint8))
    write_labels(tmp_path, [label], '')
    assert main(['evaluate', 'masks', str(tmp_path), *options]) == 1
    assert 'no picture' in capsys.readouterr().err
    write_labels(tmp_path, [replace(label, mask='mask.png')], '')
    assert main(['evaluate', 'masks', str(tmp_path), *options]) == 0
    out = capsys.readouterr().out
    assert '1 hands with a mask' in out
    assert 'ours, labelled box' in out


def test_our_masks_stand_beside_those_of_the_paper(tmp_path, options, capsys):
    WRITERS['onehand10k'](tmp_path)
    assert main(['evaluate', 'onehand10k_masks', str(tmp_path), *options]) == 0
    text = capsys.readouterr().out
    assert '2 pictures with a mask' in text
    row = next(line for line in text.splitlines() if line.startswith('mask AP50'))
    assert row.split()[-2:] == ['0.769', '0.676']


def test_damaged_pictures_and_masks_are_passed_over_and_told(tmp_path, options, capsys):
    points = open_hand((32, 32), 40)
    hand = HandLabel(points, keypoint_box(points))
    labels = [ImageLabel(f'{n}.png', 64, 64, (hand,), mask=f'mask{n}.png') for n in range(4)]
    for n in range(4):
        cv2.imwrite(str(tmp_path / f'{n}.png'), np.zeros((64, 64, 3), np.uint8))
        cv2.imwrite(str(tmp_path / f'mask{n}.png'), np.ones((64, 64), np.uint8))
    write_labels(tmp_path, labels, '')
    (tmp_path / '0.png').write_text('no picture')
    (tmp_path / 'mask1.png').unlink()
    cv2.imwrite(str(tmp_path / 'mask2.png'), np.ones((32, 64), np.uint8))
    assert main(['evaluate', 'masks', str(tmp_path), *options]) == 0
    told = capsys.readouterr()
    assert '1 hands with a mask' in told.out
    assert '3 pictures left out' in told.out
    for text in ('0.png is not a picture', 'mask1.png is missing', 'mask2.png must have shape'):
        assert text in told.err
    (tmp_path / '3.png').unlink()
    assert main(['evaluate', 'masks', str(tmp_path), *options]) == 1
    assert 'none of 4 pictures can be read' in capsys.readouterr().err


def test_an_estimator_without_masks_is_refused(tmp_path, capsys):
    WRITERS['onehand10k'](tmp_path)
    assert main(['evaluate', 'onehand10k_masks', str(tmp_path)]) == 1
    assert '--set model.estimator=mask_pose' in capsys.readouterr().err
