"""What a recipe of SRHandNet changes in what is shown and what is learnt."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hand_pose_ros.training.losses import weighted_loss
from hand_pose_ros.training.photo_material import load_material
from hand_pose_ros.training.srhandnet_task import SRHandNetTask
from hand_pose_ros.training.tasks import read_task


@pytest.fixture
def recipe(recipe_path):
    return read_task(recipe_path).recipe


def hands_of(recipe, data, count=12):
    """Hands (N, 21, 2) of some steps, those that are whole in their picture."""
    material = load_material(recipe, data)
    samples = [s for step in range(count) for s in material.two_pass_samples(recipe, step, 0)]
    hands = np.concatenate([sample.keypoints_px for sample in samples])
    return hands[np.isfinite(hands).all(axis=(1, 2))]


def test_heads_that_are_not_supervised_do_not_count(recipe):
    generator = torch.Generator().manual_seed(0)
    outputs, targets = (
        [torch.rand(2, 26, side, side, generator=generator) for side in (4, 4, 8, 16)]
        for _ in range(2)
    )
    for heads in (1, 2, 4):
        task = SRHandNetTask(replace(recipe, supervised_heads=heads))
        loss = task.loss(outputs, targets)
        assert loss == pytest.approx(float(weighted_loss(outputs[-heads:], targets[-heads:])))


def test_hands_are_placed_in_scenes_no_smaller_than_the_recipe_says(recipe, data):
    scenes = replace(recipe, region_share=0.0, scene_size=128, homography=0.0)
    for least in (0.06, 0.5):
        hands = hands_of(replace(scenes, least_hand=least), data)
        smallest = np.ptp(hands, axis=1).max(axis=1).min() / scenes.scene_size
        assert least * 0.9 < smallest < least + 0.2


@pytest.mark.parametrize(('homography', 'is_distorted'), [(0.0, False), (0.3, True)])
def test_hands_are_distorted_as_far_as_the_recipe_says(recipe, data, homography, is_distorted):
    regions = replace(recipe, region_share=1.0, region_size=64, homography=homography)
    hands = hands_of(regions, data, count=3)
    original = load_material(recipe, data).pictures[0][0].keypoints_px[0]
    basis = np.column_stack((original, np.ones(21)))
    # What an affine map leaves over, in shares of the hand.
    left = np.array([hand - basis @ np.linalg.lstsq(basis, hand)[0] for hand in hands])
    worst = np.abs(left).max() / 64
    assert (worst > 0.01) == is_distorted
