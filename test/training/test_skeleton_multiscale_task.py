"""Losses of the skeleton paper by hand, and both its networks trained in small."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photo_set import PHOTOS

from hand_pose_ros.codecs import heatmap, skeleton_image
from hand_pose_ros.networks.deployed import build
from hand_pose_ros.networks.skeleton_multiscale import STRIDES
from hand_pose_ros.training.export import export_onnx
from hand_pose_ros.training.loop import Job, train
from hand_pose_ros.training.skeleton_multiscale_task import (
    DICE_SMOOTHING,
    SkeletonMultiScaleTask,
    SkeletonUNetTask,
    multiscale_loss,
    skeleton_loss,
)
from hand_pose_ros.training.tasks import read_task

MODELS = Path(__file__).parents[2] / 'config' / 'models'
SMALL = {**PHOTOS, 'region_batch': 3, 'steps': 2, 'validate_every': 2}


def unet_task():
    recipe = read_task(MODELS / 'skeleton_unet_slim.yaml').recipe
    return SkeletonUNetTask(
        replace(recipe, **SMALL, scene_size=64, scene_batch=2, region_size=96, region_share=1.0)
    )


@pytest.fixture
def pose_task(data):
    """The second task, with a first network that was never trained."""
    torch.manual_seed(0)
    task = unet_task()
    weights = build('skeleton_unet', 'slim').state_dict()
    export_onnx(weights, task, data / 'unet.onnx')
    recipe = read_task(MODELS / 'skeleton_multiscale_slim.yaml').recipe
    recipe = replace(recipe, **SMALL, skeleton_model=str(data / 'unet.onnx'))
    task = SkeletonMultiScaleTask(recipe)
    task.load(data)
    return task


def test_skeleton_loss_of_a_half_covered_skeleton():
    # 400 pixels of hand in 1600, half of them found.
    target = torch.zeros(1, 40, 40)
    target[:, :20, :20] = 1
    drawn = target.clone()
    drawn[:, :10] = 0
    dice = 1 - (2 * 200 + DICE_SMOOTHING) / (200 + 400 + DICE_SMOOTHING)
    wanted = 0.4 * 200 / 1600 + 0.6 * dice
    assert float(skeleton_loss(drawn, target)) == pytest.approx(wanted)
    assert float(skeleton_loss(target, target)) == 0


def test_false_foreground_in_a_picture_without_a_hand_counts():
    empty, false = torch.zeros(1, 40, 40), torch.zeros(1, 40, 40)
    false[:, :20, :5] = 1
    assert float(skeleton_loss(empty, empty)) == 0
    assert float(skeleton_loss(false, empty)) == pytest.approx(0.4 * 100 / 1600 + 0.6 / 2)


def test_multiscale_loss_weighs_the_paper_s_scales_and_the_peaks():
    # One cell off by 0.1 in each output in turn; the last output has 21 * 16 * 16 values.
    shapes = [(1, 21, 16 // stride, 16 // stride) for stride in STRIDES]
    targets = [torch.zeros(shape) for shape in shapes]
    for index, weight in enumerate((1 / 2, 1 / 4, 1 / 2, 1, 1)):
        outputs = [torch.zeros(shape) for shape in shapes]
        outputs[index][0, 0, 0, 0] = 0.1
        loss = multiscale_loss(outputs, targets, STRIDES)
        assert float(loss) == pytest.approx(0.01 * weight / (21 * 256))
    missed = [torch.zeros(shape) for shape in shapes]
    missed[4][0, 0, 0, 0] = 0.1
    loss = multiscale_loss(targets, missed, STRIDES)
    assert float(loss) == pytest.approx(10 * 0.01 / (21 * 256))


def test_skeletons_are_the_targets_of_the_first_network(data):
    task = unet_task()
    task.load(data)
    (images,), (skeletons,) = task.batch(0, 0)
    assert images.shape == (3, 3, 96, 96)
    assert skeletons.shape == (3, 96, 96)
    drawn = skeletons.numpy()
    with_hands = drawn.max(axis=(1, 2)) > 0
    assert with_hands.any()
    assert all(len(skeleton_image.decode(each)) for each in drawn[with_hands])


def test_heatmaps_of_the_hand_at_all_scales_are_the_targets_of_the_second(pose_task):
    (images, skeletons), targets = pose_task.batch(0, 0)
    assert images.shape == (3, 3, 96, 96)
    assert skeletons.shape == (3, 96, 96)
    assert [tuple(t.shape[2:]) for t in targets] == [(96 // t, 96 // t) for t in STRIDES]
    # The same keypoints at every scale: peaks agree to two cells of the coarsest.
    places = [
        stride * heatmap.best_cells(target[0].numpy())
        for stride, target in zip(STRIDES, targets, strict=True)
    ]
    seen = targets[4][0].amax(dim=(1, 2)).numpy() > 0.5
    for place in places:
        assert np.abs(place - places[4])[seen].max(initial=0) <= 8


def test_skeletons_are_left_out_as_often_as_the_recipe_says(pose_task):
    def left_out(share):
        pose_task.recipe = replace(pose_task.recipe, skeleton_dropout=share)
        (_, skeletons), _ = pose_task.batch(0, 0)
        return (skeletons.amax(dim=(1, 2)) == 0).tolist()

    assert left_out(0.0) == [False] * 3
    assert left_out(1.0) == [True] * 3


def test_the_first_network_trains_and_is_measured_by_its_boxes(data):
    task = unet_task()
    task.load(data)
    train(Job(task, data / 'run', 'cpu', 1, 29600))
    header, row = (data / 'run' / 'log.csv').read_text().splitlines()
    values = dict(zip(header.split(','), row.split(','), strict=True))
    assert values['step'] == '2'
    assert all(0 <= float(values[name]) <= 1 for name in ('box_iou', 'hand_f1'))


def test_the_second_network_trains_with_the_first_in_front(pose_task, data):
    train(Job(pose_task, data / 'run', 'cpu', 1, 29600))
    header, row = (data / 'run' / 'log.csv').read_text().splitlines()
    values = dict(zip(header.split(','), row.split(','), strict=True))
    assert math.isfinite(float(values['loss']))
    assert 0 <= float(values['pck']) <= 1


def test_a_skeleton_model_that_draws_no_skeletons_is_refused(pose_task, data):
    export_onnx(build('skeleton_multiscale', 'slim').state_dict(), pose_task, data / 'pose.onnx')
    recipe = replace(pose_task.recipe, skeleton_model=str(data / 'pose.onnx'))
    with pytest.raises(ValueError, match='must be a skeleton_unet, got a skeleton_multiscale'):
        SkeletonMultiScaleTask(recipe).load(data)


def test_skeletons_of_another_size_are_refused(pose_task, data):
    export_onnx(
        build('skeleton_unet', 'slim').state_dict(),
        SkeletonUNetTask(replace(unet_task().recipe, region_size=64)),
        data / 'small.onnx',
    )
    recipe = replace(pose_task.recipe, skeleton_model=str(data / 'small.onnx'))
    with pytest.raises(ValueError, match='regions of 96 pixels, got 64'):
        SkeletonMultiScaleTask(recipe).load(data)
