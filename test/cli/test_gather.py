"""`hand-pose gather`: lists of labels in, a data set out."""

import shutil

import cv2
import numpy as np
import pytest
from photo_repository import HAND_PX, entries, entry, make_repository, ramp, write_list

from hand_pose_ros.cli import gather
from hand_pose_ros.cli.main import main
from hand_pose_ros.data.labels import read_labels, write_labels
from hand_pose_ros.data.photos import load_pictures, split_photos
from hand_pose_ros.types import Side

IMAGES = [
    'images/test/photos/large.png.jpg',
    'images/test/photos/small.jpg',
    'images/test/clip.avi/000001.jpg',
    'images/test/clip.avi/000004.jpg',
]


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / 'theirs'
    folder.mkdir()
    return folder, make_repository(folder)


@pytest.fixture
def lists(repository, tmp_path):
    """A folder with a list of all that can be had of the repository."""
    folder, commit = repository
    write_list(tmp_path / 'lists/test.json', folder.as_uri(), commit, entries())
    return tmp_path / 'lists'


def test_a_list_becomes_a_data_set_that_training_takes(lists, tmp_path, capsys):
    out = tmp_path / 'set'
    assert main(['gather', str(lists), str(out)]) == 0
    labels = read_labels(out)
    assert [label.image for label in labels] == IMAGES
    assert [label.group for label in labels] == ['test/a', 'test/b', 'test/a', 'test/a']
    assert [label.complete for label in labels] == [True, False, True, True]
    for label in labels:
        assert [hand.side for hand in label.hands] == [Side.LEFT]
        np.testing.assert_allclose(label.hands[0].keypoints_px, HAND_PX, atol=0.051)
    written = cv2.imread(str(out / IMAGES[0]))
    np.testing.assert_allclose(written[..., ::-1].astype(int), ramp(640, 480), atol=6)
    train, held_out = split_photos(out, ('test/b',))
    assert [len(train), len(held_out)] == [3, 1]
    assert len(load_pictures(out, labels[:1], ())) == 1
    told = capsys.readouterr().out
    assert 'test: 4 of 4 pictures (MIT)' in told
    assert '4 pictures gathered, 4 hands' in told


def test_an_interrupted_run_goes_on_where_it_ended(lists, tmp_path, monkeypatch):
    out = tmp_path / 'set'
    write = gather._write_whole

    def write_two(path, data):
        if path.name.startswith('000001'):
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(gather, '_write_whole', write_two)
    assert main(['gather', str(lists), str(out)]) == 130
    assert not (out / 'labels.json').exists()
    written = []
    monkeypatch.setattr(gather, '_write_whole', lambda *args: (written.append(args), write(*args)))
    assert main(['gather', str(lists), str(out)]) == 0
    assert [str(path.relative_to(out)) for path, _ in written] == IMAGES[2:]
    assert [label.image for label in read_labels(out)] == IMAGES


def test_what_is_there_needs_no_repository_and_what_is_damaged_is_written_again(
    lists, repository, tmp_path
):
    out = tmp_path / 'set'
    assert main(['gather', str(lists), str(out)]) == 0
    good = (out / IMAGES[1]).read_bytes()
    (out / IMAGES[1]).write_bytes(b'damaged')
    assert main(['gather', str(lists), str(out)]) == 0
    assert (out / IMAGES[1]).read_bytes() == good
    shutil.rmtree(repository[0])
    assert main(['gather', str(lists), str(out)]) == 0
    assert [label.image for label in read_labels(out)] == IMAGES


def test_a_clone_that_holds_the_commit_is_used_as_it_is(lists, repository, tmp_path, capsys):
    folder, commit = repository
    url = (tmp_path / 'gone').as_uri()
    write_list(lists / 'test.json', url, commit, entries())
    clones = ['--repositories', str(folder.parent)]
    assert main(['gather', str(lists), str(tmp_path / 'set'), *clones]) == 0
    assert 'fetching' not in capsys.readouterr().out
    assert not (folder.parent / 'test.git').exists()


def test_a_new_clone_is_kept_in_the_folder_of_repositories(lists, repository, tmp_path, capsys):
    clones = ['--repositories', str(tmp_path / 'clones')]
    assert main(['gather', str(lists), str(tmp_path / 'set'), *clones]) == 0
    assert f'test: fetching {repository[0].as_uri()}' in capsys.readouterr().out
    shutil.rmtree(repository[0])
    assert main(['gather', str(lists), str(tmp_path / 'again'), *clones]) == 0
    assert len(read_labels(tmp_path / 'again')) == len(IMAGES)


def test_a_repository_that_cannot_be_reached_keeps_none_of_the_others(
    lists, repository, tmp_path, capsys
):
    gone = (tmp_path / 'gone').as_uri()
    write_list(lists / 'a_gone.json', gone, repository[1], entries())
    assert main(['gather', str(lists), str(tmp_path / 'set')]) == 1
    assert [label.image for label in read_labels(tmp_path / 'set')] == IMAGES
    told = capsys.readouterr()
    assert f'of {gone} cannot be fetched' in told.err
    assert '1 of 2 repositories cannot be reached: a_gone' in told.err
    assert 'a_gone: 0 of 4 pictures' in told.out


def test_pictures_that_cannot_be_had_are_counted_and_named(lists, repository, tmp_path, capsys):
    folder, commit = repository
    pictures = [
        *entries(),
        entry('photos/nowhere.jpg', [320, 240]),
        entry('photos/broken.jpg', [320, 240]),
        entry('clip.avi', [64, 48], frame=60),
        entry('clip.avi', [60, 48], frame=2),
    ]
    write_list(lists / 'test.json', folder.as_uri(), commit, pictures)
    assert main(['gather', str(lists), str(tmp_path / 'set')]) == 0
    assert [label.image for label in read_labels(tmp_path / 'set')] == IMAGES
    told = capsys.readouterr()
    assert '4 pictures left out' in told.out
    assert 'test: photos/nowhere.jpg is not in commit' in told.err
    assert 'test: photos/broken.jpg is not a picture that can be read' in told.err
    assert 'test: clip.avi has no frame 60' in told.err
    assert 'test: images/test/clip.avi/000002.jpg has 64x48 pixels, was labelled with' in told.err


def test_without_any_picture_there_is_no_data_set(lists, repository, tmp_path, capsys):
    folder, commit = repository
    write_list(lists / 'test.json', folder.as_uri(), commit, [entry('a.jpg', [320, 240])])
    assert main(['gather', str(lists), str(tmp_path / 'set')]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith('lists was gathered')
    assert not (tmp_path / 'set').exists()


def test_labels_of_something_else_are_never_replaced(lists, tmp_path, capsys):
    out = tmp_path / 'set'
    out.mkdir()
    write_labels(out, [], 'mine')
    assert main(['gather', str(lists), str(out)]) == 1
    assert 'holds other labels' in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ['labels.json']
