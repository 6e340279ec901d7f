"""`hand-pose evaluate nyu|icvl|msra` from files to the printed table and the plot."""

import json
import struct

import cv2
import numpy as np
import pytest
from depth_oracle import write_depth_model

from hand_pose_ros.cli.main import main
from hand_pose_ros.data.benchmarks import msra


@pytest.fixture
def labels(tmp_path):
    """Three NYU frames with all joints 700 mm in front of the camera."""
    path = tmp_path / 'labels.txt'
    uvd = np.tile([320.0, 240.0, 700.0], (3, 14))
    np.savetxt(path, uvd, '%.3f')
    return path


def predictions(path, offset_mm, frames=3, joints=14):
    np.savetxt(path, np.tile([320.0, 240.0, 700.0 + offset_mm], (frames, joints)), '%.3f')
    return path


def evaluate(*arguments):
    return main(['evaluate', 'nyu', *map(str, arguments)])


def test_each_file_has_a_row_beside_the_published_ones(labels, tmp_path, capsys):
    files = [predictions(tmp_path / f'by_{mm}_mm.txt', mm) for mm in (7, 14)]
    assert evaluate('--labels', labels, '--predictions', *files) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows['by_7_mm'][:4] == ['7.000', '6.500', '7.000', '7.000']
    assert rows['by_14_mm'][0] == '14.000'
    assert rows['DeepPrior++'][:2] == ['[1]', '12.238']
    assert 'not the published test set: that has 8252 frames' in out


def test_the_curves_are_drawn_and_the_numbers_kept(labels, tmp_path):
    file = predictions(tmp_path / 'ours.txt', 7)
    assert evaluate('--labels', labels, '--predictions', file, '--out', tmp_path / 'out') == 0
    assert cv2.imread(str(tmp_path / 'out' / 'curves.png')).std() > 0
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert results['ours']['mean error (mm)'] == pytest.approx(7)


def test_a_file_with_too_few_lines_is_told_in_one_line(labels, tmp_path, capsys):
    file = predictions(tmp_path / 'short.txt', 7, frames=2)
    assert evaluate('--labels', labels, '--predictions', file) == 1
    error = capsys.readouterr().err
    assert 'short.txt has 2 frames, the labels' in error
    assert 'have 3' in error
    assert error.count('\n') == 1


def test_a_file_with_another_number_of_joints_is_told_its_line(labels, tmp_path, capsys):
    file = predictions(tmp_path / 'wide.txt', 7, joints=21)
    assert evaluate('--labels', labels, '--predictions', file) == 1
    assert 'wide.txt, line 1: expected 42 numbers, got 63' in capsys.readouterr().err


def test_a_folder_that_is_not_the_data_set_is_told_what_is_missing(labels, tmp_path, capsys):
    assert evaluate('--data', tmp_path, '--predictions', labels) == 1
    assert 'is not NYU as published: test/joint_data.mat is missing' in capsys.readouterr().err


def test_labels_and_data_exclude_each_other(labels, tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate('--labels', labels, '--data', tmp_path, '--predictions', labels)
    assert 'not allowed with' in capsys.readouterr().err


def test_our_network_has_a_row_too(tmp_path, capsys):
    # A hand of which all joints lie in the middle of a disk of 9 cm, 300 mm away.
    row = ' '.join(['8 10.5 -300'] * 21)
    rows, columns = np.mgrid[:240, :320]
    disk = np.hypot(columns - 166.4, rows - 111.6) < 36
    depth_mm = np.where(disk, 300, 0).astype('<f4')
    picture = struct.pack('<6i', 320, 240, 0, 0, 320, 240) + depth_mm.tobytes()
    for person in range(9):
        for gesture in msra.GESTURES:
            folder = tmp_path / f'P{person}' / gesture
            folder.mkdir(parents=True)
            (folder / 'joint.txt').write_text(f'1\n{row}\n')
            (folder / '000000_depth.bin').write_bytes(picture)
    write_depth_model(tmp_path / 'model.onnx', np.zeros((21, 3)), 1.0)
    arguments = ['--data', str(tmp_path), '--model', str(tmp_path / 'model.onnx')]
    assert main(['evaluate', 'msra', *arguments, '--pictures', '3']) == 0
    out = capsys.readouterr().out
    assert 'ours: 3 frames, 0 of them refused' in out
    ours = next(line for line in out.splitlines() if line.startswith('ours '))
    assert float(ours.split()[1]) < 1
    # The last of the pictures is damaged, the first one of another camera.
    (tmp_path / 'P6' / '1' / '000000_depth.bin').write_bytes(b'no')
    other = struct.pack('<6i', 160, 240, 0, 0, 1, 1) + bytes(4)
    (tmp_path / 'P0' / '1' / '000000_depth.bin').write_bytes(other)
    assert main(['evaluate', 'msra', *arguments, '--pictures', '3']) == 0
    told = capsys.readouterr()
    assert 'ours: 1 frames, 0 of them refused' in told.out
    assert '2 pictures left out' in told.out
    assert 'P0/1/000000_depth.bin must have shape (240, 320), got (240, 160)' in told.err
    assert 'P6/1/000000_depth.bin is not a depth picture' in told.err
    # Where the pictures show nothing, the middle is the answer.
    empty = struct.pack('<6i', 320, 240, 0, 0, 320, 240) + np.zeros((240, 320), '<f4').tobytes()
    for path in tmp_path.rglob('*_depth.bin'):
        path.write_bytes(empty)
    assert main(['evaluate', 'msra', *arguments, '--pictures', '3']) == 0
    assert '3 of them refused' in capsys.readouterr().out


def test_labels_alone_are_not_enough(labels, capsys):
    assert evaluate('--labels', labels) == 1
    assert '--labels needs --predictions; our network needs --data' in capsys.readouterr().err
