"""`hand-pose evaluate presence` with a model that sees the same hand everywhere."""

import pytest

from hand_pose_ros.cli.main import main


def test_scores_that_are_all_the_same_tell_nothing(folder, model, capsys):
    inputs = ['--hands', str(folder), '--without', str(folder / 'more')]
    assert main(['evaluate', 'presence', *inputs, *model]) == 0
    text = capsys.readouterr().out
    assert '2 pictures with a hand, 1 without' in text
    assert 'ROC AUC of the best hand score 0.500' in text
    assert 'precision 0.667, recall 1.000, F1 0.800' in text


def test_the_score_from_which_on_there_is_a_hand_can_be_set(folder, model, capsys):
    inputs = ['--hands', str(folder), '--without', str(folder)]
    assert main(['evaluate', 'presence', *inputs, *model, '--set', 'detector.min_score=1.0']) == 0
    assert 'at detector.min_score 1: accuracy 0.500, precision nan' in capsys.readouterr().out


def test_pictures_that_cannot_be_read_are_an_error(folder, model, tmp_path, capsys):
    (tmp_path / 'bad.png').write_text('no')
    inputs = ['--hands', str(tmp_path / 'bad.png'), '--without', str(folder)]
    assert main(['evaluate', 'presence', *inputs, *model]) == 1
    assert 'no picture could be read from' in capsys.readouterr().err


def test_both_kinds_of_pictures_are_needed(folder, capsys):
    with pytest.raises(SystemExit):
        main(['evaluate', 'presence', '--hands', str(folder)])
    assert '--without' in capsys.readouterr().err
