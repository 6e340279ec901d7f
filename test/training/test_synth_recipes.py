"""Recipes of `hand-pose synth` in place of folders: rendered while a network trains on them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from depth_set import CAMERA, write_set
from fake_render import fake_render
from photo_set import PHOTOS, write_photos

from hand_pose_ros.data.depth_hands import draw_sample
from hand_pose_ros.data.fresh_renders import AT_ONCE, POOL
from hand_pose_ros.training import hourglass_task, synth_recipes
from hand_pose_ros.training.photo_material import load_material
from hand_pose_ros.training.tasks import read_task

MODELS = Path(__file__).parents[2] / 'config' / 'models'
COUNT = 40


class FakeRenderer:
    """Renders in no time, without assets."""

    def __init__(self, assets):
        assert assets is None

    def render_for(self, colour):
        return fake_render


@pytest.fixture
def synth_recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(synth_recipes, 'HandRenderer', FakeRenderer)
    scene = {'height': 48, 'width': 64, 'background': 'transparent'}
    path = tmp_path / 'cutouts.yaml'
    path.write_text(yaml.safe_dump({'count': COUNT, 'seed': 70, 'scene': scene}))
    return str(path)


def test_photos_and_fresh_renders_are_drawn_from_side_by_side(synth_recipe, tmp_path):
    task = read_task(MODELS / 'mobile_keypoints_slim.yaml')
    changes = PHOTOS | {'photos': ('photos', synth_recipe), 'shares': (0.5, 0.5), 'batch': 4}
    recipe = replace(task.recipe, **changes)
    material = load_material(recipe, write_photos(tmp_path))
    first, later = material.at(0, 0), [material.at(step, 0) for step in range(1, AT_ONCE + 1)]
    assert [len(pictures) for pictures in first.pictures] == [3, POOL]
    assert first.pictures[1][0].levels[0].shape == (48, 64, 4)
    # After some batches there are new ones; the photos stay.
    assert later[-2].pictures[1][0] is first.pictures[1][0]
    assert later[-1].pictures[1][0] is first.pictures[1][AT_ONCE]
    assert later[-1].pictures[0] is first.pictures[0]
    assert len(first.regions(np.random.default_rng(0), 8, 64)) == 8
    task = type(task)(recipe)
    task.load(tmp_path)
    inputs, _ = task.batch(0, 0)
    assert inputs[0].shape[0] == 4


def test_the_depth_network_trains_and_validates_without_any_folder(synth_recipe):
    task = read_task(MODELS / 'local_regression_hourglass_small.yaml')
    changes = {'renders': (synth_recipe,), 'held_out_share': 0.25, 'batch': 4}
    task = type(task)(replace(task.recipe, **changes))
    task.load(Path('/nowhere'))
    (crops,), (joints, is_right, _) = task.batch(0, 0)
    assert crops.shape == (4, 128, 128)
    assert torch.isfinite(joints).all()
    assert is_right.shape == (4,)
    assert len(task._held_out.hands) == COUNT / 4
    # Each hand belongs to a depth image of its own.
    assert [hand.picture for hand in task._held_out.hands] == list(range(COUNT // 4))


def test_folders_and_recipes_are_drawn_from_as_often(synth_recipe, tmp_path, monkeypatch):
    write_set(tmp_path / 'renders')
    task = read_task(MODELS / 'local_regression_hourglass_small.yaml')
    changes = {'renders': ('renders', synth_recipe), 'batch': 200}
    task = type(task)(replace(task.recipe, **changes))
    task.load(tmp_path)
    cameras = []

    def draw(rng, hands, index, *how):
        cameras.append(hands.hands[index].camera)
        return draw_sample(rng, hands, index, *how)

    monkeypatch.setattr(hourglass_task, 'draw_sample', draw)
    task.batch(0, 0)
    assert len(cameras) == 200
    assert 0.4 < np.mean([camera == CAMERA for camera in cameras]) < 0.6


def test_a_recipe_named_twice_is_refused(synth_recipe):
    recipe = read_task(MODELS / 'local_regression_hourglass_small.yaml').recipe
    task = hourglass_task.HourglassTask(replace(recipe, renders=(synth_recipe, synth_recipe)))
    with pytest.raises(ValueError, match=r'named once, got twice: .*cutouts\.yaml'):
        task.load(Path())


def test_a_recipe_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'missing\.yaml'):
        synth_recipes.open_renders([str(tmp_path / 'missing.yaml')], lambda *_: None)


def test_folders_alone_need_no_assets(monkeypatch):
    monkeypatch.delenv('HAND_POSE_ASSETS', raising=False)
    assert synth_recipes.open_renders(['photos', 'web'], lambda *_: None) == {}
