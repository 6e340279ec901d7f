"""`hand-pose label`: pictures in, a data set and a report out."""

import cv2
import numpy as np
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.cli import label
from hand_pose_ros.cli.main import main
from hand_pose_ros.data.labels import read_labels
from hand_pose_ros.data.photos import load_pictures, split_photos
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.types import Side

HANDS_PX = (open_hand((160, 240), 200), open_hand((480, 240), 150))
SIDES = (Side.LEFT, Side.RIGHT)


def know(monkeypatch, full, first):
    """Puts an oracle in the network's place, which knows the first so many hands in each pass."""
    count = {'full': full, 'off': first}

    def open_oracle(config):
        known = count[config.detector.cycle]
        runtime = OracleRuntime(HANDS_PX[:known], list(SIDES[:known]))
        return HandPipeline(Networks(SRHandNetEstimator(runtime), 'the oracle'), config)

    monkeypatch.setattr(label, 'open_pipeline', open_oracle)


@pytest.fixture
def ramps(tmp_path):
    """A folder with a ramp picture, another one deeper, and a file that is none."""
    path = tmp_path / 'ramps'
    (path / 'desk/day').mkdir(parents=True)
    for name in ('a.png', 'desk/day/b.png'):
        cv2.imwrite(str(path / name), cv2.cvtColor(ramp(), cv2.COLOR_RGB2BGR))
    (path / 'desk/c.jpg').write_bytes(b'not a picture')
    return path


def test_pictures_become_a_data_set_that_training_takes(ramps, tmp_path, monkeypatch, capsys):
    know(monkeypatch, full=2, first=2)
    out = tmp_path / 'set'
    assert main(['label', str(ramps), str(out)]) == 0
    labels = read_labels(out)
    assert [each.image for each in labels] == ['images/a.png', 'images/desk/day/b.png']
    assert [each.group for each in labels] == ['', 'desk/day']
    for each in labels:
        assert (each.height, each.width, each.complete) == (HEIGHT, WIDTH, True)
        found = {hand.side: hand.keypoints_px for hand in each.hands}
        assert found.keys() == set(SIDES)
        for side, points in zip(SIDES, HANDS_PX, strict=True):
            np.testing.assert_allclose(found[side], points, atol=2)
    train, held_out = split_photos(out, ('desk/day',))
    assert [len(train), len(held_out)] == [1, 1]
    assert load_pictures(out, train, ())[0].keypoints_px.shape == (2, 21, 2)
    told = capsys.readouterr()
    assert '2 pictures kept, 4 hands; on 2 of them, 4 hands' in told.out
    assert '0 hands were not kept' in told.out
    assert '1 that could not be read' in told.out
    assert told.err.count('c.jpg is not a picture that can be read') == 1


def test_what_is_doubtful_keeps_a_picture_from_being_complete(
    ramps, tmp_path, monkeypatch, capsys
):
    know(monkeypatch, full=1, first=2)
    out = tmp_path / 'set'
    assert main(['label', str(ramps), str(out)]) == 0
    labels = read_labels(out)
    assert [(len(each.hands), each.complete) for each in labels] == [(1, False)] * 2
    assert [len(part) for part in split_photos(out, ())] == [2, 0]
    assert [len(part) for part in split_photos(out, ('', 'desk/day'))] == [0, 2]
    told = capsys.readouterr().out
    assert '2 pictures kept, 2 hands; on 0 of them' in told
    assert '2 hands were not kept' in told
    assert '2 fewer than 4 of 5 views agree on the hand' in told


@pytest.mark.parametrize(
    ('first', 'told'), [(0, '2 pictures without hands, 0'), (1, '0 pictures without hands, 2')]
)
def test_without_any_label_there_is_no_data_set(ramps, tmp_path, monkeypatch, capsys, first, told):
    know(monkeypatch, full=0, first=first)
    assert main(['label', str(ramps), str(tmp_path / 'set')]) == 1
    output = capsys.readouterr()
    assert told in output.out
    assert output.err.splitlines()[-1].endswith('ramps became a label')
    assert not (tmp_path / 'set').exists()


def test_pictures_of_any_kind_are_written_as_training_reads_them(tmp_path, monkeypatch):
    know(monkeypatch, full=2, first=2)
    (tmp_path / 'in').mkdir()
    rgba = np.dstack((ramp()[..., ::-1], np.zeros((HEIGHT, WIDTH), np.uint8)))
    cv2.imwrite(str(tmp_path / 'in/transparent.png'), rgba)
    assert main(['label', str(tmp_path / 'in'), str(tmp_path / 'set')]) == 0
    written = cv2.imread(str(tmp_path / 'set/images/transparent.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, ramp()[..., ::-1])


def test_large_pictures_are_shrunk_and_labelled_as_they_are_written(tmp_path, monkeypatch):
    know(monkeypatch, full=2, first=2)
    (tmp_path / 'in').mkdir()
    large = cv2.resize(ramp(), (4 * WIDTH, 4 * HEIGHT), interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / 'in/large.png'), large[..., ::-1])
    assert main(['label', str(tmp_path / 'in'), str(tmp_path / 'set')]) == 0
    (each,) = read_labels(tmp_path / 'set')
    assert (each.height, each.width) == (960, 1280)
    written = cv2.imread(str(tmp_path / 'set/images/large.png'))
    assert written.shape == (960, 1280, 3)
    for hand in each.hands:
        expected = HANDS_PX[SIDES.index(hand.side)]
        np.testing.assert_allclose(hand.keypoints_px, expected * 2 + 0.5, atol=4)


def test_ctrl_c_keeps_what_is_labelled(ramps, tmp_path, monkeypatch, capsys):
    know(monkeypatch, full=2, first=2)
    write = label.write_picture

    def write_one(*args):
        monkeypatch.setattr(label, 'write_picture', interrupt)
        write(*args)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(label, 'write_picture', write_one)
    assert main(['label', str(ramps), str(tmp_path / 'set')]) == 130
    assert [each.image for each in read_labels(tmp_path / 'set')] == ['images/a.png']
    assert 'interrupted: 1 pictures' in capsys.readouterr().out


def test_labels_are_never_replaced_and_pictures_never_mixed_with_results(
    ramps, tmp_path, monkeypatch, capsys
):
    know(monkeypatch, full=2, first=2)
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set/labels.json').write_text('mine')
    assert main(['label', str(ramps), str(tmp_path / 'set')]) == 1
    assert 'holds labels already' in capsys.readouterr().err
    assert (tmp_path / 'set/labels.json').read_text() == 'mine'
    assert main(['label', str(ramps), str(ramps / 'set')]) == 1
    assert 'a folder away from the input' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['a.png', 'nowhere'])
def test_what_is_no_folder_is_refused(ramps, tmp_path, name, capsys):
    assert main(['label', str(ramps / name), str(tmp_path / 'set')]) == 1
    assert 'expected a folder of pictures' in capsys.readouterr().err


def test_a_bag_is_no_folder_of_pictures(bag, tmp_path, capsys):
    pytest.importorskip('rclpy')
    assert main(['label', str(bag()), str(tmp_path / 'set')]) == 1
    assert 'expected a folder of pictures, got the bag' in capsys.readouterr().err
