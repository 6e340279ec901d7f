import errno
import json
import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fake_render import fake_render, noise_picture

from hand_pose_ros.data.depth_sensors import SENSORS, skin_range_m
from hand_pose_ros.data.labels import read_labels
from hand_pose_ros.data.rendering.render import SceneConfig
from hand_pose_ros.data.synth_dataset import (
    ATTEMPT_SEEDS,
    BATCH_SIZE,
    Recipe,
    encode_depth_png,
    label_rendered,
    load_recipe,
    write_dataset,
)
from hand_pose_ros.types import Camera, Side

RECIPES = Path(__file__).parents[2] / 'config' / 'synth'
HEIGHT, WIDTH = 48, 64
RECIPE = Recipe(SceneConfig(height=HEIGHT, width=WIDTH), count=40, seed=70, note='test')


def interrupted_after(batches, error):
    """Renders some batches, then fails."""
    done = []

    def render(config, seeds):
        if len(done) == batches:
            raise error
        done.append(seeds)
        return fake_render(config, seeds)

    return render


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def test_a_picture_its_depth_and_its_labels_are_written(tmp_path):
    write_dataset(tmp_path, replace(RECIPE, count=3), fake_render)
    read = read_labels(tmp_path)
    assert [label.image for label in read] == [f'images/{i:06d}.jpg' for i in range(3)]
    second = read[1]
    image = cv2.imread(str(tmp_path / second.image))[..., ::-1]
    expected = fake_render(RECIPE.scene, [71]).rgb[0].numpy()
    assert np.abs(image.astype(int) - expected).mean() < 12
    depth_mm = cv2.imread(str(tmp_path / second.depth), cv2.IMREAD_UNCHANGED)
    assert depth_mm.dtype == np.uint16
    assert (depth_mm[:, :32] == 0).all()
    assert (depth_mm[:, 32:] == 800).all()
    assert second.camera == Camera(HEIGHT, WIDTH, 60.0, 61.0, 31.5, 23.5)
    (hand,) = second.hands
    assert hand.side is Side.LEFT
    assert hand.visible.sum() == 18
    np.testing.assert_allclose(hand.joints_cam[0], np.linspace(0.4, 0.6, 63)[:3], atol=1e-5)


def test_masks_count_hands_as_the_labels_do(tmp_path):
    def render(config, seeds):
        batch = fake_render(config, seeds)
        batch.visible[:, 1] = batch.visible[:, 0].clone()
        batch.visible[:, 0] = False
        batch.mask[:, 10:20, 10:20] = 1
        batch.mask[:, 10:20, 30:40] = 2
        return batch

    write_dataset(tmp_path, replace(RECIPE, count=1), render)
    (label,) = read_labels(tmp_path)
    assert [hand.side for hand in label.hands] == [Side.RIGHT]
    mask = cv2.imread(str(tmp_path / label.mask), cv2.IMREAD_UNCHANGED)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[10:20, 30:40] = 1
    np.testing.assert_array_equal(mask, expected)


def test_hands_that_cannot_be_seen_are_not_labelled():
    label = label_rendered(fake_render(RECIPE.scene, [0]), 0, 'a.jpg')
    assert [hand.side for hand in label.hands] == [Side.LEFT]


def test_the_box_is_that_of_the_keypoints_enlarged_by_the_margin_of_the_detector():
    label = label_rendered(fake_render(RECIPE.scene, [0]), 0, 'a.jpg')
    points = label.hands[0].keypoints_px
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, 0.65 * (high - low)
    np.testing.assert_allclose(
        label.hands[0].box_px, [*(middle - half), *(middle + half)], rtol=1e-5
    )


def test_equal_recipes_give_equal_bytes_and_another_seed_shifts_the_pictures(tmp_path):
    write_dataset(tmp_path / 'a', RECIPE, fake_render)
    write_dataset(tmp_path / 'b', RECIPE, fake_render)
    write_dataset(tmp_path / 'c', replace(RECIPE, seed=71), fake_render)
    first, again, shifted = (files_in(tmp_path / name) for name in 'abc')
    assert first == again
    assert shifted['images/000000.jpg'] == first['images/000001.jpg']


def test_a_folder_in_which_a_recipe_gave_nothing_takes_the_corrected_one(tmp_path):
    def nothing(config, seeds):
        batch = fake_render(config, seeds)
        batch.visible[:] = False
        return batch

    wrong = replace(RECIPE, scene=replace(RECIPE.scene, distance_m=(8.0, 9.0)))
    with pytest.raises(ValueError, match='none of the first'):
        write_dataset(tmp_path, wrong, nothing)
    write_dataset(tmp_path, RECIPE, fake_render)
    assert len(read_labels(tmp_path)) == RECIPE.count
    with pytest.raises(ValueError, match='made from another recipe'):
        write_dataset(tmp_path, wrong, fake_render)


def test_a_recipe_that_was_cut_off_on_disk_is_named(tmp_path):
    write_dataset(tmp_path, RECIPE, fake_render)
    path = tmp_path / 'recipe.json'
    path.write_text(path.read_text()[:50])
    with pytest.raises(ValueError, match=r'recipe\.json is damaged'):
        write_dataset(tmp_path, RECIPE, fake_render)


def test_the_folder_of_another_data_set_stays_as_it_is(tmp_path):
    (tmp_path / 'labels.json').write_text('{}')
    with pytest.raises(ValueError, match='holds another data set'):
        write_dataset(tmp_path, RECIPE, fake_render)
    assert [path.name for path in tmp_path.iterdir()] == ['labels.json']


@pytest.mark.parametrize('error', [KeyboardInterrupt(), OSError(errno.ENOSPC, 'No space left')])
def test_an_interrupted_run_stays_readable_and_ends_with_the_same_bytes(tmp_path, error):
    write_dataset(tmp_path / 'whole', RECIPE, fake_render)
    part = tmp_path / 'part'
    with pytest.raises(type(error)):
        write_dataset(part, RECIPE, interrupted_after(2, error))
    labels = read_labels(part)
    assert len(labels) == 2 * BATCH_SIZE
    assert all(cv2.imread(str(part / label.image)) is not None for label in labels)
    write_dataset(part, RECIPE, fake_render)
    assert files_in(part) == files_in(tmp_path / 'whole')


def test_only_what_is_missing_is_rendered(tmp_path):
    write_dataset(tmp_path, RECIPE, fake_render)
    write_dataset(tmp_path, RECIPE, interrupted_after(0, AssertionError('rendered again')))
    rendered = []

    def render(config, seeds):
        rendered.extend(seeds)
        return fake_render(config, seeds)

    write_dataset(tmp_path, replace(RECIPE, count=42), render)
    assert rendered == [110, 111]
    assert len(read_labels(tmp_path)) == 42


def test_a_smaller_count_leaves_a_larger_set_as_it_is(tmp_path):
    write_dataset(tmp_path, RECIPE, fake_render)
    before = files_in(tmp_path)
    write_dataset(tmp_path, replace(RECIPE, count=3), fake_render)
    assert files_in(tmp_path) == before


def test_a_full_disk_is_told_and_leaves_what_was_written(tmp_path, monkeypatch):
    original = Path.write_bytes

    def write_bytes(path, data):
        if path.name == '000020.jpg':
            original(path, data[:100])
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        return original(path, data)

    monkeypatch.setattr(Path, 'write_bytes', write_bytes)
    with pytest.raises(OSError, match=r'No space left .*; 16 of 40 pictures are complete: .*part'):
        write_dataset(tmp_path / 'part', RECIPE, fake_render)
    monkeypatch.undo()
    assert len(read_labels(tmp_path / 'part')) == BATCH_SIZE
    assert len(list(tmp_path.glob('part/*/*'))) == 3 * BATCH_SIZE
    write_dataset(tmp_path / 'part', RECIPE, fake_render)
    write_dataset(tmp_path / 'whole', RECIPE, fake_render)
    assert files_in(tmp_path / 'part') == files_in(tmp_path / 'whole')


def test_the_cameras_take_turns_and_name_the_group(tmp_path):
    recipe = replace(RECIPE, count=4, sensors=('realsense_d435', 'kinect_azure'))
    write_dataset(tmp_path, recipe, fake_render)
    labels = read_labels(tmp_path)
    assert [label.group for label in labels] == ['realsense_d435', 'kinect_azure'] * 2
    depth_mm = cv2.imread(str(tmp_path / labels[0].depth), cv2.IMREAD_UNCHANGED)[:, 40:]
    assert 1 < depth_mm[depth_mm > 0].std() < 5


def test_only_cameras_that_measure_skin_at_the_hands_take_turns(tmp_path):
    names = ('kinect_azure', 'sr305', 'realsense_d435')
    for distance_m, groups in ((0.45, ['sr305', 'realsense_d435']), (0.09, ['', ''])):

        def render(config, seeds, distance_m=distance_m):
            batch = fake_render(config, seeds)
            return replace(batch, joints_cam=torch.full_like(batch.joints_cam, distance_m))

        folder = tmp_path / str(distance_m)
        write_dataset(folder, replace(RECIPE, count=2, sensors=names), render)
        assert [label.group for label in read_labels(folder)] == groups


def test_a_set_without_colour_holds_depth_and_masks_alone(tmp_path):
    write_dataset(tmp_path, replace(RECIPE, count=2, colour=False), fake_render)
    labels = read_labels(tmp_path)
    assert [label.image for label in labels] == [label.depth for label in labels]
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.glob('*/*')} == {
        f'{part}/00000{index}.png' for part in ('depth', 'masks') for index in (0, 1)
    }
    with pytest.raises(ValueError, match='without colour'):
        replace(RECIPE, colour=False, scene=SceneConfig(background='transparent'))


def test_a_folder_with_another_set_is_left_alone(tmp_path):
    write_dataset(tmp_path / 'a', replace(RECIPE, count=2), fake_render)
    before = files_in(tmp_path / 'a')
    with pytest.raises(ValueError, match='another recipe'):
        write_dataset(tmp_path / 'a', replace(RECIPE, seed=5), fake_render)
    assert files_in(tmp_path / 'a') == before
    (tmp_path / 'a' / 'recipe.json').unlink()
    with pytest.raises(ValueError, match='another data set'):
        write_dataset(tmp_path / 'a', RECIPE, fake_render)


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_one_works(tmp_path):
    second = """
import sys
from pathlib import Path
from hand_pose_ros.data.rendering.render import SceneConfig
from hand_pose_ros.data.synth_dataset import Recipe, write_dataset
write_dataset(Path(sys.argv[1]), Recipe(SceneConfig(height=48, width=64), 2, 70), None)
"""
    told = []

    def render(config, seeds):
        command = [sys.executable, '-c', second, str(tmp_path / 'set')]
        told.append(subprocess.run(command, capture_output=True, text=True, check=False))
        return fake_render(config, seeds)

    recipe = replace(RECIPE, count=2)
    write_dataset(tmp_path / 'set', recipe, render)
    assert f'another run is writing to {tmp_path / "set"}; wait' in told[0].stderr
    write_dataset(tmp_path / 'alone', recipe, fake_render)
    assert files_in(tmp_path / 'set') == files_in(tmp_path / 'alone')


def test_a_set_made_with_other_surroundings_is_another_set(tmp_path):
    write_dataset(tmp_path, replace(RECIPE, count=2), fake_render, 'a beach')
    with pytest.raises(ValueError, match='other surroundings'):
        write_dataset(tmp_path, RECIPE, fake_render, 'a wood')
    write_dataset(tmp_path, RECIPE, fake_render, 'a beach')


def test_scenes_with_too_few_hands_are_drawn_again(tmp_path):
    rendered = []

    def render(config, seeds):
        rendered.append(list(seeds))
        batch = fake_render(config, seeds)
        empty = torch.tensor([seed in (71, 72, 72 + ATTEMPT_SEEDS) for seed in seeds])
        return replace(batch, visible=batch.visible & ~empty[:, None, None])

    write_dataset(tmp_path, replace(RECIPE, count=3), render)
    assert rendered == [
        [70, 71, 72],
        [71 + ATTEMPT_SEEDS, 72 + ATTEMPT_SEEDS],
        [72 + 2 * ATTEMPT_SEEDS],
    ]
    assert [len(label.hands) for label in read_labels(tmp_path)] == [1, 1, 1]
    image = cv2.imread(str(tmp_path / 'images' / '000001.jpg'))[..., ::-1]
    expected = fake_render(RECIPE.scene, [71 + ATTEMPT_SEEDS]).rgb[0].numpy()
    assert np.abs(image.astype(int) - expected).mean() < 12


def showing_hands_of(*shown):
    def render(config, seeds):
        batch = fake_render(config, seeds)
        is_shown = torch.tensor([seed in shown for seed in seeds])
        return replace(batch, visible=batch.visible & is_shown[:, None, None])

    return render


def test_a_scene_that_never_shows_enough_hands_is_kept_after_the_last_attempt(tmp_path):
    write_dataset(tmp_path, replace(RECIPE, count=2), showing_hands_of(70))
    assert [len(label.hands) for label in read_labels(tmp_path)] == [1, 0]


def test_a_recipe_whose_scenes_never_show_enough_hands_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'none of the first 16 scenes shows the 1 hands'):
        write_dataset(tmp_path, RECIPE, showing_hands_of())
    assert read_labels(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        write_dataset(tmp_path / 'file' / 'set', RECIPE, fake_render)


def test_depth_png_holds_millimetres_and_zero_for_what_is_missing_or_too_far():
    depth_m = np.array([[0.2004, 0.2006, np.nan, np.inf, 65.5, 65.6]], np.float32)
    png = np.frombuffer(encode_depth_png(depth_m, 4), np.uint8)
    depth_mm = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(depth_mm, [[200, 201, 0, 0, 65500, 0]])


@pytest.mark.parametrize(
    ('name', 'count', 'share'),
    [('sh', 500, (0.2, 0.7)), ('dh', 500, (0.12, 0.4)), ('smh', 300, (0.062, 0.19))],
)
def test_the_validation_sets_are_those_of_the_paper(name, count, share):
    recipe = load_recipe(RECIPES / f'{name}.yaml')
    assert recipe.count == count
    assert recipe.scene.hand_share == share


def test_the_depth_set_shows_hands_from_near_to_far_by_all_cameras():
    recipe = load_recipe(RECIPES / 'depth.yaml')
    assert (recipe.count, set(recipe.sensors)) == (2000, set(SENSORS))
    assert recipe.scene.distance_m == (0.3, 2.0)
    for low, high in pairwise((0.3, 0.5, 1.0, 1.29, 2.0)):
        ranges = [skin_range_m(sensor) for sensor in SENSORS.values()]
        assert sum(near <= low and high <= far for near, far in ranges) >= 2


def test_no_two_recipes_share_a_picture():
    recipes = [load_recipe(path) for path in sorted(RECIPES.glob('*.yaml'))]
    seeds = [seed for r in recipes for seed in range(r.seed, r.seed + r.count)]
    assert len(seeds) == len(set(seeds))


def test_recipes_take_every_field_of_a_scene(tmp_path):
    names = {field.name for field in fields(SceneConfig)}
    text = json.dumps({'count': 1, 'seed': 2, 'scene': {'hands': [1, 3], 'height': 100}})
    (tmp_path / 'r.yaml').write_text(text)
    scene = load_recipe(tmp_path / 'r.yaml').scene
    assert (scene.hands, scene.height, scene.width) == ((1, 3), 100, SceneConfig().width)
    assert {'hands', 'height'} <= names


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('count: 0\nseed: 1', 'count must be at least 1, got 0'),
        ('count: 5\nseed: -1', 'seed must be 0 to 999999999, got -1'),
        ('count: 5\nseed: 99999999999999999999', 'seed must be 0 to'),
        ('count: 5\nseed: 1\nsensor_focal_px: .nan', 'sensor_focal_px must be a length'),
        ('count: 5\nseed: 1\nsensor_focal_px: -500', 'must be a length or 0, got -500'),
        ('count: many\nseed: 1', "count must be int, got 'many'"),
        ('count: 5', 'seed'),
        ('count: 5\nseed: 1\nsensors: [leap]', r"among .*sr305.*got \['leap'\]"),
        ('count: 5\nseed: 1\nfps: 3', 'Recipe must hold keys among .*count.*fps'),
        ('count: 5\nseed: 1\nscene: {hand: 3}', 'SceneConfig must hold keys among .*hand'),
        ('count: 5\nseed: 1\nscene: {distance_m: [2, 1]}', 'distance_m'),
        ('count: 5\nseed: 1\nscene: {distance_m: [0, 1]}', 'distance_m'),
        ('count: 5\nseed: 1\nscene: {hands: [1, 9]}', 'hands'),
        ('count: 5\nseed: 1\nscene: {hands: 2}', r'hands must be tuple.*, got 2'),
        ('count: 5\nseed: 1\nscene: {hands: [1.5, 2]}', 'hands must be tuple'),
        ('count: 5\nseed: 1\nscene: {body: 1}', 'body must be bool, got 1'),
        ('count: 5\nseed: 1\nscene: {pair: yes}', 'pair must be float, got True'),
        ('count: 5\nseed: 1\nscene: [1]', 'SceneConfig must hold keys'),
        ('count: [', 'is not a recipe'),
        ('- 1', 'expected keys and values, got list'),
        ('', 'expected keys and values'),
    ],
)
def test_impossible_recipes_are_refused_with_the_file_and_the_reason(tmp_path, text, message):
    (tmp_path / 'bad.yaml').write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        load_recipe(tmp_path / 'bad.yaml')
    assert 'bad.yaml' in str(raised.value)


def test_a_missing_recipe_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.yaml'):
        load_recipe(tmp_path / 'none.yaml')


def test_transparent_pictures_keep_their_alpha_and_have_no_depth(tmp_path):
    scene = replace(RECIPE.scene, background='transparent')
    write_dataset(tmp_path, replace(RECIPE, scene=scene, count=3), fake_render)
    labels = read_labels(tmp_path)
    assert [label.depth for label in labels] == [None] * 3
    picture = cv2.imread(str(tmp_path / labels[0].image), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert (picture[..., 3] == 255).all()
    expected = noise_picture(RECIPE.seed, HEIGHT, WIDTH).numpy()
    np.testing.assert_array_equal(picture[..., 2::-1], expected)
