"""`hand-pose demo`: the same inputs through the real node, over real topics."""

import json
import os
import signal
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from ament_index_python.packages import get_package_prefix

from hand_pose_ros.cli import demo
from hand_pose_ros.cli.demo_report import DemoReport, Outcome, describe
from hand_pose_ros.cli.inputs import NamedFrame
from hand_pose_ros.cli.main import main
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.types import Frame, Hand

TIMEOUT_S = 60.0


def children(pid):
    """Ids of the processes that a process has started."""
    return Path(f'/proc/{pid}/task/{pid}/children').read_text().split()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Undoes what a demo sets for its own process."""
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(name, os.environ.get(name, ''))
    monkeypatch.delenv('FASTRTPS_DEFAULT_PROFILES_FILE')


def test_a_bag_is_answered_and_agrees_with_its_truth(bag, tmp_path, model, capsys):
    out = tmp_path / 'out'
    # On a busy machine frames are dropped; the hand shall not get a new name for that.
    patient = ['--set', 'tracking.max_missed_s=10']
    # The depth is a wall, of which a depth network says nothing.
    patient += ['--set', 'model.depth=']
    path = str(bag(frames=12, rate_hz=5))
    assert main(['demo', path, '--out', str(out), *model, *patient]) == 0
    summary = json.loads((out / 'summary.json').read_text())
    answered = summary['frames_answered']
    assert summary['frames_sent'] == 12
    assert answered + summary['frames_dropped'] == 12
    assert answered >= 6
    assert (summary['hands'], summary['ids']) == (answered, 1)
    assert 0 < summary['latency_ms']['median'] <= summary['latency_ms']['p95']
    accuracy = summary['accuracy']
    assert accuracy['hands_labelled'] == answered
    assert (accuracy['hands_missed'], accuracy['hands_false']) == (0, 0)
    assert accuracy['pck_0.2'] == 1.0
    assert accuracy['joint_error_mm']['p95'] < 1.0
    assert accuracy['joints_measured'] == 1.0
    assert 'ONNX Runtime' in summary['runtime']
    output = capsys.readouterr()
    assert f'12 frames sent, {answered} answered' in output.out
    assert 'right #' in output.err
    assert cv2.imread(str(out / 'contact_sheet.png')).shape[1] == 4 * 320
    assert cv2.VideoCapture(str(out / 'hands.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert children(os.getpid()) == []


def test_each_picture_of_a_folder_is_answered(folder, tmp_path, model):
    (folder / 'broken.jpg').write_bytes(b'not a picture')
    out = tmp_path / 'out'
    assert main(['demo', str(folder), '--out', str(out), *model]) == 0
    summary = json.loads((out / 'summary.json').read_text())
    assert (summary['frames_sent'], summary['frames_answered'], summary['hands']) == (2, 2, 2)
    assert summary['ids'] == 0
    assert 'accuracy' not in summary


def test_a_node_that_cannot_start_is_an_error_with_its_reason(folder, tmp_path, capsys):
    arguments = ['demo', str(folder), '--out', str(tmp_path / 'out'), '--model', 'no.onnx']
    assert main(arguments) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('hand-pose: the node does not start')
    assert 'no.onnx' in error
    assert children(os.getpid()) == []


@pytest.mark.parametrize(
    ('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_signal_ends_the_node_too(bag, tmp_path, model, number, status):
    path, out = bag(frames=200), tmp_path / 'out'
    arguments = ['demo', str(path), '--out', str(out), *model]
    # Where the tests run in a shell's background, they inherit that SIGINT is ignored.
    command = ['env', '--default-signal=INT']
    command.append(str(Path(get_package_prefix('hand_pose_ros')) / 'bin/hand-pose'))
    with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE) as process:
        seen = b''
        while b'right #' not in seen:
            seen += process.stderr.read1()
            assert process.poll() is None, seen
        (node,) = children(process.pid)
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == status
    assert not Path(f'/proc/{node}').exists()
    assert (out / 'summary.json').exists() == (number == signal.SIGINT)


def test_without_input_and_clip_the_message_says_what_to_give(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, 'CLIP', tmp_path / 'clip')
    assert main(['demo']) == 1
    assert 'make demo INPUT=' in capsys.readouterr().err


def test_pictures_and_a_bag_do_not_go_together(bag, folder, tmp_path, model, capsys):
    arguments = [str(bag()), str(folder), '--out', str(tmp_path / 'out')]
    assert main(['demo', *arguments, *model]) == 1
    assert 'expected pictures, or one video, bag or camera' in capsys.readouterr().err


def test_the_report_counts_misses_false_hands_and_metres():
    keypoints = np.stack((np.linspace(10, 50, 21), np.linspace(10, 90, 21)), 1).astype(np.float32)
    joints = np.zeros((21, 3), np.float32)
    box = np.array([0, 0, 60, 100], np.float32)
    label = HandLabel(keypoints, box, joints_cam=joints)
    far = HandLabel(keypoints + np.float32((200, 0)), box)
    outside = HandLabel(keypoints + np.float32((2000, 0)), box)
    truth = ImageLabel('a.png', 480, 640, (label, far, outside))
    off = joints + np.float32((0.003, 0.004, 0))
    off[5:] = np.nan
    near_hand = Hand(keypoints + np.float32((8, 0)), np.ones(21), box, 0.9, joints_cam=off, id='1')
    false_hand = Hand(keypoints + np.float32((0, 300)), np.ones(21), box, 0.8, id='2')
    frame = NamedFrame('a.png', Frame(np.zeros((480, 640, 3), np.uint8), 0.0), truth)
    report = DemoReport()
    report.add(Outcome(frame, (near_hand, false_hand), 0.02))
    report.add(Outcome(frame))
    summary = report.summary()
    assert summary == {
        'frames_sent': 2,
        'frames_answered': 1,
        'frames_dropped': 1,
        'hands': 2,
        'most_hands_in_a_frame': 2,
        'ids': 2,
        'latency_ms': {'median': 20.0, 'p95': 20.0},
        'accuracy': {
            'hands_labelled': 2,
            'hands_missed': 1,
            'hands_false': 1,
            # The box of the keypoints is 80 px high: 8 px is 0.1, right; the missed hand is wrong.
            'pck_0.2': 0.5,
            'joint_error_mm': {'median': 5.0, 'p95': 5.0},
            'joints_measured': round(5 / 21, 4),
        },
    }
    text = ' '.join(describe(summary))
    assert '1 missed, 1 found where none is, PCK@0.2 0.500' in text
    assert '3D error: median 5.0 mm' in text


def test_a_demo_does_not_write_over_the_video_that_it_plays(tmp_path, capsys):
    path = tmp_path / 'hands.mp4'
    path.write_bytes(b'a video')
    assert main(['demo', str(path), '--out', str(tmp_path)]) == 1
    assert 'results need a folder away from the input' in capsys.readouterr().err
    assert path.read_bytes() == b'a video'
