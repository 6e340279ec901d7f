"""`hand-pose overlay` on tiny samples: the skeleton lies where the labels are."""

import struct

import cv2
import numpy as np
import pytest
from benchmark_samples import WRITERS

from hand_pose_ros.cli.main import main
from hand_pose_ros.data.benchmarks.msra import GESTURES
from hand_pose_ros.pipeline.drawing import FINGER_COLOURS


def overlay(name, folder, out, *options):
    return main(['overlay', name, str(folder), str(out), *map(str, options)])


@pytest.mark.parametrize('name', WRITERS)
def test_every_image_data_set_can_be_looked_at(tmp_path, name, capsys):
    if name == 'stb':
        pytest.importorskip('scipy')
    WRITERS[name](tmp_path)
    out = tmp_path / 'sheet.png'
    assert overlay(name, tmp_path, out, '--pictures', 2) == 0
    sheet = cv2.cvtColor(cv2.imread(str(out)), cv2.COLOR_BGR2RGB)
    assert sheet.shape == (320, 4 * 320, 3)
    thumb_tip = (sheet[:, :320] == FINGER_COLOURS[0]).all(axis=2)
    assert thumb_tip.any()
    assert 'thumb red' in capsys.readouterr().out


def write_msra(folder):
    row = ' '.join(f'{10 * (joint % 5)} {10 * (joint // 5)} -300' for joint in range(21))
    for person in range(9):
        for gesture in GESTURES:
            path = folder / f'P{person}' / gesture / 'joint.txt'
            path.parent.mkdir(parents=True)
            path.write_text(f'1\n{row}\n')
            window = np.full((240, 320), 310, np.float32)
            header = struct.pack('<6i', 320, 240, 0, 0, 320, 240)
            (path.parent / '000000_depth.bin').write_bytes(header + window.tobytes())


def test_depth_data_sets_are_drawn_over_coloured_depth(tmp_path, capsys):
    write_msra(tmp_path)
    out = tmp_path / 'sheet.png'
    assert overlay('msra', tmp_path, out, '--pictures', 5) == 0
    sheet = cv2.imread(str(out))
    assert sheet.shape == (2 * 320, 4 * 320, 3)
    assert (sheet[:320, :320] == 255).all(axis=2).any()
    assert '20 thumb tip' in capsys.readouterr().out


def test_pictures_that_do_not_decode_are_told_and_left_out(tmp_path, capsys):
    WRITERS['freihand'](tmp_path)
    (tmp_path / 'evaluation/rgb/00000001.jpg').write_text('no')
    assert overlay('freihand', tmp_path, tmp_path / 'sheet.png') == 0
    assert 'left out: ' in capsys.readouterr().err
    (tmp_path / 'evaluation/rgb/00000000.jpg').write_text('no')
    assert overlay('freihand', tmp_path, tmp_path / 'sheet.png') == 1
    assert 'none of 2 pictures' in capsys.readouterr().err
