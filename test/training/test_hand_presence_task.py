"""The judge's samples: half of them without a hand, mistakes among these, and its validation."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from photo_set import PHOTOS

from hand_pose_ros.networks.deployed import build
from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.training.tasks import read_task

RECIPE = Path(__file__).parents[2] / 'config' / 'models' / 'hand_presence.yaml'
BLUE = (0, 0, 255)


@pytest.fixture
def task(data):
    """A task whose only mistake is a blue picture."""
    (data / 'mistakes').mkdir()
    cv2.imwrite(str(data / 'mistakes' / '0.png'), np.full((40, 40, 3), BLUE[::-1], np.uint8))
    task = read_task(RECIPE)
    recipe = replace(task.recipe, **(PHOTOS | {'mistakes': ('mistakes',)}), batch=24)
    small = type(task)(recipe)
    small.load(data)
    return small


def test_half_of_the_regions_show_a_hand(task):
    (image,), (has_hand,) = task.batch(3, 0)
    assert image.shape == (24, 3, 96, 96)
    # Of hands mostly covered too few keypoints are left to call it one.
    assert 9 <= has_hand.sum() <= 12
    assert not has_hand[12:].any()
    assert torch.equal(image, task.batch(3, 0)[0][0])
    assert not torch.equal(image, task.batch(3, 1)[0][0])


def test_a_third_of_the_empty_regions_are_mistakes(task):
    blue = 0
    for step in range(10):
        (image,), _ = task.batch(step, 0)
        middle = image[12:, :, 40:56, 40:56].mean(dim=(2, 3))
        blue += int((middle[:, 2] > middle[:, :2].amax(dim=1) + 0.1).sum())
    # Light, colour and grey vary; some are too dark to tell.
    assert 20 <= blue <= 50


def test_validation_counts_hands_above_nearly_all_that_is_none(task):
    class Blind(torch.nn.Module):
        """Takes every picture for a hand alike."""

        def predict(self, image):
            return normalise(image).mean(dim=(1, 2, 3)) * 0

    assert task.validate(Blind(), 'cpu') == {'recall': 0.0}
    found = task.validate(build('hand_presence', 'lite0'), 'cpu')
    assert 0 <= found['recall'] <= 1
