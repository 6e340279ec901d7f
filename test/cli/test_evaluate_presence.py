"""`hand-pose evaluate presence` with a model that sees the same hand everywhere."""

import json

import cv2
import pytest

from hand_pose_ros.cli.main import main


def test_scores_that_are_all_the_same_tell_nothing(folder, model, capsys):
    inputs = ['--hands', str(folder), '--without', str(folder / 'more')]
    assert main(['evaluate', 'presence', *inputs, *model]) == 0
    text = capsys.readouterr().out
    assert '2 pictures with a hand, 1 without' in text
    values = {line[:9].strip(): line[9:].split() for line in text.splitlines()}
    assert values['ROC AUC'] == ['0.500', '0.990']
    assert values['precision'] == ['0.667', '0.970']
    assert values['recall'] == ['1.000', '0.990']
    assert values['F1'] == ['0.800', '0.980']
    assert '[1] as published: Kourbane and Genc 2021' in text


def test_the_curve_is_drawn_and_the_numbers_kept(folder, model, tmp_path):
    inputs = ['--hands', str(folder), '--without', str(folder / 'more')]
    options = ['--set', 'detector.min_score=1.0', '--out', str(tmp_path / 'out')]
    assert main(['evaluate', 'presence', *inputs, *model, *options]) == 0
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert results['pictures with a hand'] == 2
    assert (results['detector.min_score'], results['ROC AUC']) == (1.0, 0.5)
    # Nothing is found, so there is no precision.
    assert results['precision'] is None
    assert cv2.imread(str(tmp_path / 'out' / 'roc.png')).std() > 0


def test_the_score_from_which_on_there_is_a_hand_can_be_set(folder, model, capsys):
    inputs = ['--hands', str(folder), '--without', str(folder)]
    assert main(['evaluate', 'presence', *inputs, *model, '--set', 'detector.min_score=1.0']) == 0
    text = capsys.readouterr().out
    assert 'all else at detector.min_score 1' in text
    assert next(line for line in text.splitlines() if 'accuracy' in line).split()[1] == '0.500'


def test_pictures_that_cannot_be_read_are_an_error(folder, model, tmp_path, capsys):
    (tmp_path / 'bad.png').write_text('no')
    inputs = ['--hands', str(tmp_path / 'bad.png'), '--without', str(folder)]
    assert main(['evaluate', 'presence', *inputs, *model]) == 1
    assert 'no picture could be read from' in capsys.readouterr().err


def test_both_kinds_of_pictures_are_needed(folder, capsys):
    with pytest.raises(SystemExit):
        main(['evaluate', 'presence', '--hands', str(folder)])
    assert '--without' in capsys.readouterr().err
