"""`hand-pose evaluate systems` with a model that always sees the same hand."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import yaml
from oracle import open_hand

from hand_pose_ros.cli.main import main
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, read_labels, write_labels
from hand_pose_ros.estimators.readers import READERS


@pytest.fixture
def labelled(tmp_path, picture):
    """A data set of one picture with the hand that the model sees."""
    folder = tmp_path / 'one_hand'
    folder.mkdir()
    cv2.imwrite(str(folder / 'a.png'), picture[..., ::-1])
    points = open_hand((120, 130), 150)
    hand = HandLabel(points, keypoint_box(points))
    write_labels(folder, [ImageLabel('a.png', *picture.shape[:2], (hand,))], 'test')
    return folder


def test_a_row_for_each_system_says_what_it_costs_or_that_its_weights_are_missing(
    labelled, model_path, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(READERS, 'mask_pose', (READERS['mask_pose'][0], 'nowhere'))
    out = tmp_path / 'new' / 'systems.png'
    arguments = ['--labelled', str(labelled), '--models', str(model_path), '--out', str(out)]
    assert main(['evaluate', 'systems', *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    (header,) = [line for line in lines if 'PCK' in line and 'GMAC' in line]
    assert header.split()[-2:] == ['PCK@0.2', 'one_hand']
    (first,) = [line for line in lines if line.startswith('constant, first pass alone')]
    assert first.split()[-1] == '1.000'
    (missing,) = [line for line in lines if line.startswith('constant + nowhere (no')]
    assert missing.split()[-4:] == ['-'] * 4
    # SRHandNet's own numbers are on other pictures, and in a table of their own.
    start = lines.index(
        'SMH are rendered, other pictures: no number here is comparable with one above.'
    )
    assert lines[start + 2].startswith('SRHandNet, cycle [1]')
    assert not any('[1]' in line for line in lines[:start])
    assert any('estimator mask_pose needs weights' in line for line in lines)
    assert cv2.imread(str(out)) is not None


def test_the_photos_that_a_recipe_holds_out_are_a_set(labelled, model_path, tmp_path, capsys):
    recipe = yaml.safe_load(Path('config/models/srhandnet_nano.yaml').read_text())
    recipe |= {'photos': ['one_hand'], 'shares': [1.0], 'held_out_groups': ['']}
    (tmp_path / 'recipe.yaml').write_text(yaml.safe_dump(recipe))
    arguments = [str(tmp_path / 'recipe.yaml'), '--data', str(tmp_path)]
    models = ['--models', str(model_path), '--out', str(tmp_path / 'systems.png')]
    assert main(['evaluate', 'systems', *arguments, *models]) == 0
    text = capsys.readouterr().out
    assert 'PCK@0.2 held-out photos' in text
    assert main(['evaluate', 'systems', *models]) == 1
    assert 'systems needs RECIPE and --data' in capsys.readouterr().err
    assert main(['evaluate', 'systems', *arguments[1:], '--labelled', str(labelled)]) == 1
    assert 'RECIPE and --data together' in capsys.readouterr().err


def test_a_missing_picture_is_passed_over_and_told_once(labelled, model_path, tmp_path, capsys):
    (label,) = read_labels(labelled)
    write_labels(labelled, [replace(label, image='gone.png'), label], 'test')
    arguments = ['--labelled', str(labelled), '--models', str(model_path)]
    out = ['--out', str(tmp_path / 'systems.png')]
    assert main(['evaluate', 'systems', *arguments, *out]) == 0
    told = capsys.readouterr()
    (first,) = [line for line in told.out.splitlines() if 'constant, first pass' in line]
    assert first.split()[-1] == '1.000'
    assert '1 pictures left out' in told.out
    assert told.err.count('gone.png is missing\n') == 1
    (labelled / 'a.png').unlink()
    assert main(['evaluate', 'systems', *arguments, *out]) == 1
    assert 'none of 2 pictures can be read' in capsys.readouterr().err


def test_a_set_without_pictures_is_an_error(tmp_path, capsys):
    (tmp_path / 'labels.json').write_text(json.dumps({'images': []}))
    assert main(['evaluate', 'systems', '--labelled', str(tmp_path)]) == 1
    assert 'labels no picture' in capsys.readouterr().err


def test_a_model_that_is_not_there_is_an_error(labelled, capsys):
    arguments = ['--labelled', str(labelled), '--models', 'nowhere.onnx']
    assert main(['evaluate', 'systems', *arguments]) == 1
    assert "no model 'nowhere.onnx'" in capsys.readouterr().err
