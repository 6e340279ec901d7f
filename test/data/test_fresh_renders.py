"""Fresh renders are what a written set would be, and give way to new ones."""

from dataclasses import replace

import numpy as np
import pytest
from fake_render import fake_render

from hand_pose_ros.data.depth_hands import load_depth_hands
from hand_pose_ros.data.fresh_renders import (
    AT_ONCE,
    FIRST_INDEX,
    POOL,
    FreshRenders,
    fresh_depth,
    fresh_picture,
)
from hand_pose_ros.data.labels import read_labels
from hand_pose_ros.data.pictures import load_picture
from hand_pose_ros.data.rendering.render import SceneConfig
from hand_pose_ros.data.synth_dataset import Recipe, write_dataset

CUTOUTS = Recipe(SceneConfig(48, 64, background='transparent'), count=4, seed=70)
DEPTH = Recipe(SceneConfig(48, 64), count=4, seed=70, sensors=('sr305', 'realsense_d435'))


def indices_rendered(batches, steps, ranks=(0,)):
    """Asks for the pools of some steps and ranks; returns the indices rendered in each call."""
    rendered = []

    def render(config, seeds):
        rendered.append([seed - CUTOUTS.seed for seed in seeds])
        return fake_render(config, seeds)

    pools = {rank: FreshRenders(CUTOUTS, render, keep_index) for rank in ranks}
    for step in steps:
        for rank, pool in pools.items():
            batches.append(list(pool.at(step, rank)))
    return rendered


def keep_index(recipe, index, batch, row):
    return index


def test_a_fresh_picture_is_the_one_that_would_be_written(tmp_path):
    write_dataset(tmp_path, CUTOUTS, fake_render)
    written = load_picture(tmp_path, read_labels(tmp_path)[3], matte=False)
    batch = fake_render(CUTOUTS.scene, [72, 73])
    fresh = fresh_picture(CUTOUTS, 3, batch, 1)
    for level, wanted in zip(fresh.levels, written.levels, strict=True):
        np.testing.assert_array_equal(level, wanted)
    np.testing.assert_allclose(fresh.keypoints_px, written.keypoints_px, atol=0.01)
    np.testing.assert_array_equal(fresh.sides, written.sides)


def test_fresh_depth_is_measured_as_it_would_be_written(tmp_path):
    write_dataset(tmp_path, DEPTH, fake_render)
    _, written = load_depth_hands([tmp_path], 0.5)
    batch = fake_render(DEPTH.scene, [72, 73])
    for picture, index in enumerate((2, 3)):
        fresh = fresh_depth(DEPTH, index, batch, picture)
        np.testing.assert_array_equal(fresh.depth_mm[0], written.depth_mm[picture])
        hand, wanted = fresh.hands[0], written.hands[picture]
        assert (hand.side, hand.sensor) == (wanted.side, wanted.sensor)
        assert hand.sensor
        np.testing.assert_allclose(hand.centre_cam, wanted.centre_cam, atol=1e-4)


def test_the_oldest_pictures_give_way_after_some_batches():
    pools = []
    rendered = indices_rendered(pools, range(2 * AT_ONCE + 1))
    assert [len(indices) for indices in rendered] == [POOL, AT_ONCE, AT_ONCE]
    assert pools[0] == pools[AT_ONCE - 1] == rendered[0]
    assert pools[AT_ONCE] == rendered[0][AT_ONCE:] + rendered[1]
    assert len(pools[-1]) == POOL


def test_no_picture_comes_twice_nor_from_a_set_that_may_be_written():
    rendered = indices_rendered([], range(3 * AT_ONCE), ranks=(0, 1, 2))
    indices = np.concatenate(rendered)
    assert len(np.unique(indices)) == len(indices) == 3 * (POOL + 2 * AT_ONCE)
    assert indices.min() >= FIRST_INDEX
    assert indices.max() < 1 << 62


def test_equal_steps_and_ranks_give_equal_pools():
    first, second = [], []
    indices_rendered(first, range(5))
    indices_rendered(second, range(5))
    assert first == second


def test_a_recipe_whose_pictures_teach_nothing_is_refused():
    def nothing(recipe, index, batch, row):
        return None

    with pytest.raises(ValueError, match='none of 256 rendered pictures shows a hand'):
        FreshRenders(CUTOUTS, fake_render, nothing).at(0, 0)


def test_a_picture_without_hands_is_passed_over():
    batch = fake_render(CUTOUTS.scene, [70])
    hidden = replace(batch, visible=batch.visible & False)
    assert fresh_picture(CUTOUTS, 0, hidden, 0) is None
    assert fresh_depth(DEPTH, 0, hidden, 0) is None
