"""`hand-pose evaluate DATASET FOLDER` with the shipped model, on tiny samples of the layouts."""

import json

import pytest
from benchmark_samples import WRITERS

from hand_pose_ros.cli.main import main


def evaluate(name, folder, *options):
    return main(['evaluate', name, str(folder), *map(str, options)])


def test_our_columns_stand_beside_the_published_ones(tmp_path, capsys):
    WRITERS['onehand10k'](tmp_path)
    out = tmp_path / 'out'
    assert evaluate('onehand10k', tmp_path, '--out', out) == 0
    text = capsys.readouterr().out
    assert 'ONNX Runtime' in text
    assert 'OneHand10K test: 2 pictures, 2 labelled hands' in text
    assert 'the annotation box is the tight box of the hand mask' in text
    tables = text.split('\n\n')
    assert 'ours, whole picture  ours, labelled box  SRHandNet, cycle [1]' in tables[1]
    row = next(line for line in tables[3].splitlines() if 'PCK@0.2 (annotation box)' in line)
    assert row.split()[-3:] == ['0.990', '0.989', '0.986']
    assert '[1] as published: MMPose model zoo' in tables[3]
    results = json.loads((out / 'results.json').read_text())
    assert set(results) == {'ours, whole picture', 'ours, labelled box'}


@pytest.mark.parametrize('name', sorted(set(WRITERS) - {'onehand10k'}))
def test_every_data_set_is_evaluated_by_one_command(tmp_path, name, capsys):
    if name == 'stb':
        pytest.importorskip('scipy')
    WRITERS[name](tmp_path)
    assert evaluate(name, tmp_path, '--pictures', 1) == 0
    text = capsys.readouterr().out
    assert 'PCK@0.2 (keypoint box)' in text
    assert 'only a part of the pictures: not the published protocol' in text


def test_pictures_that_do_not_decode_are_counted(tmp_path, capsys):
    WRITERS['freihand'](tmp_path)
    (tmp_path / 'evaluation/rgb/00000000.jpg').write_text('no')
    assert evaluate('freihand', tmp_path) == 0
    told = capsys.readouterr()
    assert '1 pictures left out' in told.out
    assert 'evaluation/rgb/00000000.jpg is not a picture' in told.err


def test_a_data_set_without_any_readable_picture_is_an_error(tmp_path, capsys):
    WRITERS['freihand'](tmp_path)
    for path in (tmp_path / 'evaluation/rgb').iterdir():
        path.unlink()
    assert evaluate('freihand', tmp_path) == 1
    assert 'none of 2 pictures can be read' in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_that_is_something_else_is_told_in_one_line(tmp_path, capsys):
    assert evaluate('stb', tmp_path) == 1
    error = capsys.readouterr().err
    assert 'is not STB test' in error
    assert error.count('\n') == 1
