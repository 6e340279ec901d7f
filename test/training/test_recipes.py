"""Recipes."""

from pathlib import Path

import pytest

from hand_pose_ros.networks.srhandnet import PLANS, STRIDES
from hand_pose_ros.training.losses import LOSSES
from hand_pose_ros.training.recipes import read_recipe

RECIPES = sorted((Path(__file__).parents[2] / 'config' / 'models').glob('*.yaml'))


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_name_things_that_exist(path):
    recipe = read_recipe(path)
    assert recipe.plan in PLANS
    assert recipe.loss in LOSSES
    assert len(recipe.sigmas_cells) == len(STRIDES)
    assert recipe.scene_size % 16 == recipe.region_size % 16 == 0


def test_an_unknown_key_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(RECIPES[0].read_text() + 'colour: blue\n')
    with pytest.raises(ValueError, match='missing or unknown: colour'):
        read_recipe(path)


def test_a_value_of_the_wrong_type_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(RECIPES[0].read_text().replace('seed: 0', 'seed: zero'))
    with pytest.raises(ValueError, match="seed must be of type int, got 'zero'"):
        read_recipe(path)


def test_a_file_without_keys_is_refused(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text('just words')
    with pytest.raises(ValueError, match='keys and values, got str'):
        read_recipe(path)


def test_shares_must_sum_to_one(tmp_path):
    path = tmp_path / 'recipe.yaml'
    text = RECIPES[0].read_text()
    path.write_text(text.replace('shares: [0.5, 0.5]', 'shares: [0.5, 0.6]'))
    with pytest.raises(ValueError, match='summing to 1'):
        read_recipe(path)
