"""Which pictures a run is left with."""

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.data.labels import read_labels, write_labels
from hand_pose_ros.training import photo_material
from hand_pose_ros.training.photo_material import AUGMENTATION, load_material
from hand_pose_ros.training.tasks import read_task


@pytest.mark.parametrize(
    ('groups', 'missing'),
    [
        ((), 'names no group of the photos: nothing to validate on'),
        (('a', 'b'), 'photos has no picture outside of held_out_groups to train on'),
        (('b', 'bb'), r"no photos of \['bb'\]"),
    ],
)
def test_a_run_needs_pictures_to_train_and_to_validate_on(data, recipe_path, groups, missing):
    recipe = read_task(recipe_path).recipe
    material = load_material(recipe, data)
    assert (len(material.pictures[0]), len(material.validation)) == (3, 1)
    with pytest.raises(ValueError, match=missing):
        load_material(replace(recipe, held_out_groups=groups), data)


def test_a_picture_with_further_hands_is_seen_in_regions_around_the_labelled_alone(
    data, recipe_path, monkeypatch
):
    labels = read_labels(data / 'photos')
    doubtful = [replace(label, complete=label.image != '0.png') for label in labels]
    write_labels(data / 'photos', doubtful, 'test')
    material = load_material(read_task(recipe_path).recipe, data)
    assert [picture.complete for picture in material.pictures[0]] == [False, True, True]
    only = replace(material, pictures=[material.pictures[0][:1]])
    rng = np.random.default_rng(0)
    regions = only.regions(rng, 40, 64)
    assert sum(len(sample.sides) > 0 for sample in regions) > 20
    monkeypatch.setattr(photo_material, 'scene_sample', lambda rng, pictures, *rest: pictures)
    shown = material.scenes(rng, 1, 64, AUGMENTATION)[0]
    assert [picture.complete for picture in shown] == [True, True]
