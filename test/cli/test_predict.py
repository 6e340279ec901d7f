"""`hand-pose predict`: pictures, one JSON, and a summary."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.cli import predict
from hand_pose_ros.cli.main import main
from hand_pose_ros.cli.outputs import ContactSheet, VideoFile, fitted, hand_to_json
from hand_pose_ros.pipeline.drawing import MASK_OPACITY, SIDE_COLOURS
from hand_pose_ros.types import Hand, Side

MODELS = Path(__file__).parents[2] / 'config' / 'models'
HAND_PX = open_hand((120, 130), 150)


def predictions(out):
    return json.loads((out / 'predictions.json').read_text())


def test_pictures_come_back_with_hands_and_a_json(folder, tmp_path, model, picture, capsys):
    (folder / 'broken.jpg').write_bytes(b'not a picture')
    out = tmp_path / 'out'
    assert main(['predict', str(folder), '--out', str(out), *model]) == 0
    found = predictions(out)
    assert sorted(found) == ['a.png', 'more/b.png']
    for name, hands in found.items():
        (hand,) = hands
        assert sorted(hand) == ['box', 'id', 'joints_m', 'keypoints', 'score', 'side']
        np.testing.assert_allclose(np.array(hand['keypoints'])[:, :2], HAND_PX, atol=0.1)
        assert np.array(hand['keypoints'])[:, 2] == pytest.approx(np.ones(21), abs=0.1)
        low, high = HAND_PX.min(axis=0), HAND_PX.max(axis=0)
        assert np.all(np.array(hand['box'][:2]) < low)
        assert np.all(np.array(hand['box'][2:]) > high)
        assert (hand['side'], hand['id'], hand['joints_m']) == ('right', '', None)
        annotated = cv2.imread(str(out / name))[..., ::-1]
        assert annotated.shape == picture.shape
        assert (annotated != picture).any()
    output = capsys.readouterr()
    assert 'ONNX Runtime' in output.out
    assert '2 pictures, 2 hands' in output.out
    assert output.err.count('broken.jpg is not a picture that can be read') == 1


def test_the_mask_of_a_hand_is_in_its_picture(tmp_path, picture):
    torch = pytest.importorskip('torch')
    from hand_pose_ros.networks.deployed import build
    from hand_pose_ros.training.export import export_onnx
    from hand_pose_ros.training.tasks import read_task

    # Says of every picture that all of it is hand, its keypoints in the first cell.
    net = build('mask_pose', 'slim')
    with torch.no_grad():
        for layer, bias in ((net.mask[-1], [-9.0, 9.0]), (net.stages[-1][-1], [1.0] * 22)):
            layer.weight.zero_()
            layer.bias.copy_(torch.tensor(bias))
    export_onnx(net.state_dict(), read_task(MODELS / 'mask_pose_slim.yaml'), tmp_path / 'all.onnx')
    cv2.imwrite(str(tmp_path / 'a.png'), picture[..., ::-1])
    settings = ('model.estimator=mask_pose', 'model.presence=', 'detector.cycle=off')
    how = ['--model', str(tmp_path / 'all.onnx'), *(f'--set={setting}' for setting in settings)]
    assert main(['predict', str(tmp_path / 'a.png'), '--out', str(tmp_path / 'out'), *how]) == 0
    annotated = cv2.imread(str(tmp_path / 'out' / 'a.png'))[..., ::-1]
    wanted = (1 - MASK_OPACITY) * picture + MASK_OPACITY * np.array(SIDE_COLOURS[Side.UNKNOWN])
    # All but a border of half a cell, and what is drawn over the mask.
    assert (np.abs(annotated - wanted).max(axis=2) <= 1).mean() > 0.7


def test_a_bag_becomes_a_video_with_ids_and_metres(bag, tmp_path, model):
    pytest.importorskip('rclpy')
    out = tmp_path / 'out'
    # The depth is a wall, of which a depth network says nothing.
    look_up = ['--set', 'model.depth=']
    assert main(['predict', str(bag(frames=6)), '--out', str(out), *model, *look_up]) == 0
    found = predictions(out)
    assert list(found) == [f'clip/{index:06d}' for index in range(6)]
    hands = [hand for (hand,) in found.values()]
    assert [hand['id'] for hand in hands] == ['1'] * 6
    joints = np.array(hands[-1]['joints_m'])
    np.testing.assert_allclose(joints[:, 2], 0.5, atol=1e-3)
    np.testing.assert_allclose(joints[:, :2], (HAND_PX - 127.5) * 0.5 / 300, atol=1e-3)
    video = cv2.VideoCapture(str(out / 'clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(15, abs=0.01)


def test_depth_in_the_wrong_unit_is_left_out_and_told(bag, tmp_path, model, capsys):
    pytest.importorskip('rclpy')
    out = tmp_path / 'out'
    # Half a metre in decimetres.
    assert main(['predict', str(bag(frames=2, depth_mm=5)), '--out', str(out), *model]) == 0
    assert [hand['joints_m'] for (hand,) in predictions(out).values()] == [None, None]
    assert (
        'depth unit: expected a median distance of 0.05 to 50 m, got 0.005 m '
        '(16UC1 must be millimetres, 32FC1 metres); going on without it (2 times)'
    ) in capsys.readouterr().err


def test_what_is_not_known_is_null():
    keypoints = HAND_PX.copy()
    keypoints[3] = np.nan
    scores = np.ones(21, np.float32)
    scores[3] = 0
    hand = Hand(keypoints, scores, np.array([1, 2, 3, 4], np.float32), 0.5, Side.LEFT)
    written = hand_to_json(hand)
    assert written['keypoints'][3] == [None, None, 0]
    assert written['joints_m'] is None
    joints = np.full((21, 3), np.nan, np.float32)
    joints[0] = (0.01, 0.02, 0.5)
    written = hand_to_json(replace(hand, joints_cam=joints))
    assert written['joints_m'][0] == [0.01, 0.02, 0.5]
    assert written['joints_m'][1] == [None, None, None]
    json.dumps(written, allow_nan=False)


def fail_after_one(monkeypatch, name, error):
    """Lets a function of the verb succeed once; after that it raises."""
    work = getattr(predict, name)

    def work_once(*args):
        monkeypatch.setattr(predict, name, fail)
        return work(*args)

    def fail(*args):
        raise error

    monkeypatch.setattr(predict, name, work_once)


def test_ctrl_c_keeps_what_was_found(folder, tmp_path, model, monkeypatch, capsys):
    fail_after_one(monkeypatch, 'draw_hands', KeyboardInterrupt())
    out = tmp_path / 'out'
    assert main(['predict', str(folder), '--out', str(out), *model]) == 130
    assert 'a.png' in predictions(out)
    assert 'interrupted' in capsys.readouterr().out


def test_what_was_found_before_an_error_is_kept(folder, tmp_path, model, monkeypatch, capsys):
    fail_after_one(monkeypatch, 'write_picture', OSError('No space left on device'))
    out = tmp_path / 'out'
    assert main(['predict', str(folder), '--out', str(out), *model]) == 1
    assert 'a.png' in predictions(out)
    assert 'No space left on device' in capsys.readouterr().err


@pytest.mark.parametrize('inside', ['.', 'more'])
def test_results_do_not_go_among_the_inputs(folder, model, inside, capsys):
    assert main(['predict', str(folder), '--out', str(folder / inside), *model]) == 1
    assert 'results need a folder away from the input' in capsys.readouterr().err


def test_nothing_to_be_read_is_an_error(tmp_path, model, capsys):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in/a.png').write_bytes(b'not a picture')
    assert main(['predict', str(tmp_path / 'in'), '--out', str(tmp_path / 'out'), *model]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith('hand-pose: nothing to be seen could be read from')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('setting', 'expected'),
    [
        ('detector.treshold=0.3', "expected NAME=VALUE, got 'detector.treshold=0.3'; the names"),
        ('detector.threshold', 'expected NAME=VALUE'),
        ('detector.threshold=high', 'expected a number from 0.01 to 1.0, got '),
        ('detector.threshold=2', 'expected a number from 0.01 to 1.0, got 2.0'),
        ('detector.cycle=half', 'expected one of off, small, full'),
        ('tracking.enabled=maybe', 'expected true or false'),
        ('detector.max_hands=1.5', 'expected a whole number from 0 to 100'),
    ],
)
def test_a_wrong_setting_says_what_it_takes(folder, tmp_path, setting, expected, capsys):
    arguments = ['predict', str(folder), '--out', str(tmp_path / 'out'), '--set', setting]
    assert main(arguments) == 1
    assert expected in capsys.readouterr().err


def test_settings_are_used(folder, tmp_path, model):
    out = tmp_path / 'out'
    settings = ['--set', 'detector.threshold=1.0', '--set', 'smoothing.enabled=FALSE']
    assert main(['predict', str(folder), '--out', str(out), *model, *settings]) == 0
    assert predictions(out) == {'a.png': [], 'more/b.png': []}


def test_a_picture_fits_without_being_stretched():
    wide = np.full((10, 40, 3), 200, np.uint8)
    framed = fitted(wide, (40, 80))
    assert framed.shape == (40, 80, 3)
    assert (framed[10:30] == 200).all()
    assert (framed[:10] == 0).all()
    assert (framed[30:] == 0).all()


def test_a_contact_sheet_spreads_over_any_number():
    sheet = ContactSheet()
    for value in range(100):
        sheet.add(np.full((240, 320, 3), value, np.uint8))
    shown = sheet.draw()[::240, ::320, 0].ravel()
    np.testing.assert_array_equal(shown[:13], np.arange(0, 100, 8))


def test_a_video_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / 'file').write_text('')
    folder = tmp_path / 'file'
    with pytest.raises(FileExistsError, match='file'), VideoFile(folder / 'a.mp4', 15) as video:
        video.write(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize('rate_hz', [89.9712, 29.97, 0.04])
def test_a_video_can_have_any_rate(tmp_path, picture, rate_hz):
    with VideoFile(tmp_path / 'a.mp4', rate_hz) as video:
        for _ in range(3):
            video.write(picture)
    told_hz = cv2.VideoCapture(str(tmp_path / 'a.mp4')).get(cv2.CAP_PROP_FPS)
    assert told_hz == pytest.approx(rate_hz, abs=0.05)
