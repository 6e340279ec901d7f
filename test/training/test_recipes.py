"""Recipes."""

from pathlib import Path

import pytest

from hand_pose_ros.networks.deployed import NETWORKS
from hand_pose_ros.networks.srhandnet import STRIDES
from hand_pose_ros.training.losses import LOSSES
from hand_pose_ros.training.tasks import read_task

MODELS = Path(__file__).parents[2] / 'config' / 'models'
RECIPES = sorted(MODELS.glob('*.yaml'))
NANO = (MODELS / 'srhandnet_nano.yaml').read_text()


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_name_things_that_exist(path):
    task = read_task(path)
    recipe = task.recipe
    assert task.spec.plan in NETWORKS[recipe.network][1]
    if recipe.network == 'srhandnet':
        assert recipe.loss in LOSSES
        assert len(recipe.sigmas_cells) == len(STRIDES)
        assert recipe.scene_size % 16 == recipe.region_size % 16 == 0


def test_an_unknown_key_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO + 'colour: blue\n')
    with pytest.raises(ValueError, match='missing or unknown: colour'):
        read_task(path)


def test_a_value_of_the_wrong_type_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO.replace('seed: 0', 'seed: zero'))
    with pytest.raises(ValueError, match="seed must be of type int, got 'zero'"):
        read_task(path)


def test_a_file_without_keys_is_refused(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text('just words')
    with pytest.raises(ValueError, match='keys and values, got str'):
        read_task(path)


def test_a_file_that_is_not_yaml_is_named(tmp_path):
    path = tmp_path / 'broken.yaml'
    path.write_text('a: [')
    with pytest.raises(ValueError, match=r'(?s)broken\.yaml is not YAML: .*line 1'):
        read_task(path)


def test_shares_must_sum_to_one(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO.replace('shares: [0.1,', 'shares: [0.5,'))
    with pytest.raises(ValueError, match='summing to 1'):
        read_task(path)


def test_an_unknown_network_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO.replace('network: srhandnet', 'network: sorcery'))
    with pytest.raises(ValueError, match=r"network must be one of srhandnet.*, got 'sorcery'"):
        read_task(path)


def test_an_unknown_plan_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO.replace('plan: nano', 'plan: giant'))
    with pytest.raises(ValueError, match="srhandnet has no plan 'giant'"):
        read_task(path)
