"""Recipes."""

import re
from pathlib import Path

import pytest
import yaml

from hand_pose_ros.networks.deployed import NETWORKS
from hand_pose_ros.training.tasks import read_task

MODELS = Path(__file__).parents[2] / 'config' / 'models'
RECIPES = sorted(MODELS.glob('*.yaml'))
NANO = (MODELS / 'srhandnet_nano.yaml').read_text()


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_name_things_that_exist(path):
    task = read_task(path)
    assert task.spec.plan in NETWORKS[task.recipe.network][1]


def test_an_unknown_key_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO + 'colour: blue\n')
    with pytest.raises(ValueError, match='missing or unknown: colour'):
        read_task(path)


@pytest.mark.parametrize(
    ('stem', 'key', 'value', 'expected'),
    [
        ('srhandnet_nano', 'seed', 'zero', "seed must be of type int, got 'zero'"),
        ('srhandnet_nano', 'photos', [3], 'photos must be of type str, got 3'),
        ('srhandnet_nano', 'shares', 1.0, 'shares must be a list, got 1.0'),
        ('srhandnet_nano', 'shares', ['all'], "shares must be of type float, got 'all'"),
        ('srhandnet_nano', 'loss', 'hinge', "one of euclidean, weighted, got 'hinge'"),
        ('srhandnet_nano', 'sigmas_cells', [2.0], r'above 0 for each of 4 heads, got \[2.0\]'),
        ('srhandnet_nano', 'sigmas_cells', [2.0, 0, 2.0, 2.0], 'above 0 for each of 4 heads'),
        ('srhandnet_nano', 'shares', [1.5, -0.5, 0, 0, 0], 'shares must be one number per folder'),
        ('srhandnet_nano', 'validate_every', 0, 'validate_every must be at least 1, got 0'),
        ('srhandnet_nano', 'learning_rate', float('nan'), 'must be at least 0, got nan'),
        ('mobile_keypoints_slim', 'loss', 'hinge', "one of euclidean, weighted, got 'hinge'"),
        ('mobile_keypoints_slim', 'sigma_cells', 0, 'sigma_cells must be at least 0.1, got 0'),
        ('mask_pose_slim', 'batch', 0, 'batch must be at least 1, got 0'),
        ('mask_pose_slim', 'mask_weight', -0.05, 'mask_weight must be at least 0, got -0.05'),
        ('skeleton_unet_slim', 'region_size', 100, 'region_size must be a multiple of 16'),
        ('skeleton_unet_slim', 'scene_size', 200, 'scene_size must be a multiple of 16'),
        ('skeleton_unet_slim', 'region_share', 2, 'region_share must be from 0 to 1, got 2'),
        ('skeleton_multiscale_slim', 'skeleton_dropout', 1.5, 'must be from 0 to 1, got 1.5'),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path, stem, key, value, expected):
    recipe = yaml.safe_load((MODELS / f'{stem}.yaml').read_text())
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(recipe | {key: value}))
    with pytest.raises(ValueError, match=expected):
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
    path.write_text(re.sub(r'shares: \[[0-9.]+', 'shares: [0.5', NANO))
    with pytest.raises(ValueError, match='summing to 1'):
        read_task(path)


def test_an_unknown_network_is_named(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(NANO.replace('network: srhandnet', 'network: sorcery'))
    with pytest.raises(ValueError, match=r"network must be one of srhandnet.*, got 'sorcery'"):
        read_task(path)


@pytest.mark.parametrize('recipe_of', RECIPES, ids=lambda path: path.stem)
def test_an_unknown_plan_is_named(tmp_path, recipe_of):
    recipe = yaml.safe_load(recipe_of.read_text())
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(recipe | {'plan': 'giant'}))
    with pytest.raises(ValueError, match=f"{recipe['network']} has no plan 'giant'"):
        read_task(path)
