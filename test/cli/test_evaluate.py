"""`hand-pose evaluate photos` on a small data set with the shipped model."""

from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from oracle import open_hand

from hand_pose_ros.cli.main import main
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, read_labels, write_labels
from hand_pose_ros.evaluation.conditions import CONDITIONS
from hand_pose_ros.training.tasks import read_task
from hand_pose_ros.types import Side

RECIPE = Path(__file__).parents[2] / 'config' / 'models' / 'srhandnet_nano.yaml'


@pytest.fixture
def recipe(tmp_path):
    """A recipe beside data of two groups, `a` to train on and `b` held out."""
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'backgrounds').mkdir()
    points = open_hand((80, 60), 70)
    labels = []
    for index in range(4):
        picture = np.full((120, 160, 3), 60 * index, np.uint8)
        cv2.imwrite(str(tmp_path / 'photos' / f'{index}.png'), picture)
        cv2.imwrite(str(tmp_path / 'backgrounds' / f'{index}.png'), picture)
        hand = HandLabel(points, keypoint_box(points), Side.RIGHT)
        labels.append(ImageLabel(f'{index}.png', 120, 160, (hand,), 'ab'[index % 2]))
    write_labels(tmp_path / 'photos', labels, 'test')
    small = replace(
        read_task(RECIPE).recipe,
        photos=('photos',),
        shares=(1.0,),
        held_out_groups=('b',),
        backgrounds=('backgrounds',),
        mistakes=(),
    )
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(small).items()}
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump(values))
    return path


def test_the_table_has_a_row_per_held_out_group_and_counts_false_hands(recipe, capsys):
    arguments = ['evaluate', 'photos', str(recipe), '--data', str(recipe.parent)]
    arguments += ['--model', RECIPE.stem]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:32].strip(): line[32:].split() for line in lines}
    assert rows['b'][:2] == rows['all held-out groups'][:2] == ['2', '2']
    assert 'a' not in rows
    assert rows['held out, hands of 10-25 %'][:2] == ['2', '2']
    # Nothing is found, so all average precisions are 0; and nothing says what is hidden.
    assert rows['b'][7:9] == ['nan', '0.000']
    assert '1 pictures, 0.000 false per picture' in lines[-2]
    assert 'ONNX Runtime' in lines[-1]


def test_where_further_hands_are_unlabelled_none_is_false_and_keypoints_count(recipe, capsys):
    photos = recipe.parent / 'photos'
    write_labels(photos, [replace(each, complete=False) for each in read_labels(photos)], 'test')
    arguments = ['evaluate', 'photos', str(recipe), '--data', str(recipe.parent)]
    assert main([*arguments, '--model', RECIPE.stem]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith('b ')]
    assert row.split()[1:4] == ['2', '2', '0.000']
    assert row.split()[-1] == 'nan'


def test_worse_conditions_have_rows_too(recipe, capsys):
    arguments = ['evaluate', 'photos', str(recipe), '--data', str(recipe.parent), '--conditions']
    assert main([*arguments, '--model', RECIPE.stem]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:32].strip(): line[32:].split() for line in lines}
    # Of both passes alone.
    assert all(rows[f'held out, {name}'][:4] == ['2', '2', '-', '-'] for name in CONDITIONS)


def test_the_worst_pictures_are_drawn_worst_first(recipe, capsys, tmp_path):
    labels = read_labels(tmp_path / 'photos')
    nowhere = np.full((21, 2), np.nan, np.float32)
    unlabelled = replace(labels[0].hands[0], keypoints_px=nowhere)
    labels[0] = replace(labels[0], hands=(unlabelled,))
    write_labels(tmp_path / 'photos', labels, 'test')
    out = tmp_path / 'worst'
    arguments = ['evaluate', 'photos', str(recipe), '--data', str(tmp_path), '--worst', str(out)]
    arguments += ['--labelled', str(tmp_path / 'photos'), '--model', RECIPE.stem]
    assert main(arguments) == 0
    assert sorted(path.name for path in out.iterdir()) == ['b.jpg', 'photos.jpg']
    sheet = cv2.imread(str(out / 'photos.jpg'))
    assert sheet.shape == (240, 4 * 320, 3)
    # Pictures are 0, 60, 120, 180 bright; nothing is found on any, and nothing can be on 0.
    brightness = [int(sheet[5, 160 + 320 * tile].mean().round()) for tile in range(4)]
    assert np.allclose(brightness, [60, 120, 180, 0], atol=3)
    assert (sheet[:, :960].min(axis=2) > 240).any()


def test_damaged_photos_and_backgrounds_are_passed_over_and_told(recipe, capsys):
    folder = recipe.parent
    (folder / 'photos' / '1.png').write_text('no picture')
    for index in range(4, 8):
        (folder / 'backgrounds' / f'{index}.png').write_text('no picture')
    arguments = ['evaluate', 'photos', str(recipe), '--data', str(folder), '--model', RECIPE.stem]
    assert main([*arguments, '--labelled', str(folder / 'photos')]) == 0
    told = capsys.readouterr()
    rows = {line[:32].strip(): line[32:].split() for line in told.out.splitlines()}
    assert rows['b'][:2] == rows['held out, hands of 10-25 %'][:2] == ['1', '1']
    assert rows['photos'][:2] == ['3', '3']
    assert '1 pictures, 0.000 false per picture' in told.out
    # Each is told once, though the damaged photo belongs to three rows.
    assert '2 pictures left out' in told.out
    for name in ('photos/1.png', 'backgrounds/7.png'):
        assert told.err.count(f'{name} is not a picture that can be read\n') == 1
    (folder / 'photos' / '3.png').unlink()
    assert main(arguments) == 1
    assert 'none of 2 pictures can be read, the first: ' in capsys.readouterr().err


def test_data_without_a_held_out_photo_is_told_in_one_line(recipe, tmp_path, capsys):
    labels = [replace(label, group='c') for label in read_labels(tmp_path / 'photos')]
    write_labels(tmp_path / 'photos', labels, 'test')
    assert main(['evaluate', 'photos', str(recipe), '--data', str(tmp_path)]) == 1
    assert 'holds no photo of the held_out_groups' in capsys.readouterr().err


def test_two_data_sets_of_one_name_are_refused(recipe, tmp_path, capsys):
    sets = [str(tmp_path / 'photos'), str(tmp_path / 'photos')]
    arguments = ['evaluate', 'photos', str(recipe), '--data', str(tmp_path)]
    assert main([*arguments, '--labelled', *sets]) == 1
    assert "two data sets are named 'photos'" in capsys.readouterr().err


def test_data_that_is_not_there_is_told_in_one_line(recipe, capsys):
    assert main(['evaluate', 'photos', str(recipe), '--data', '/nowhere']) == 1
    assert capsys.readouterr().err.count('\n') == 1
