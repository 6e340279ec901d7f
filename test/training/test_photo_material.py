"""Which pictures a run is left with."""

from dataclasses import replace

import pytest

from hand_pose_ros.training.photo_material import load_material
from hand_pose_ros.training.tasks import read_task


@pytest.mark.parametrize(
    ('groups', 'missing'),
    [
        ((), 'names no group of the photos: nothing to validate on'),
        (('a', 'b'), 'photos has no hands outside of held_out_groups to train on'),
        (('b', 'bb'), r"no photos of \['bb'\]"),
    ],
)
def test_a_run_needs_pictures_to_train_and_to_validate_on(data, recipe_path, groups, missing):
    recipe = read_task(recipe_path).recipe
    material = load_material(recipe, data)
    assert (len(material.pictures[0]), len(material.validation)) == (3, 1)
    with pytest.raises(ValueError, match=missing):
        load_material(replace(recipe, held_out_groups=groups), data)
