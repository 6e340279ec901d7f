"""Lists of labelled photographs, and the repositories that hold these."""

from functools import partial

import numpy as np
import pytest
from photo_repository import (
    HAND_PX,
    entries,
    entry,
    git,
    make_repository,
    ramp,
    write_list,
)

from hand_pose_ros.data.gather import (
    decode_pictures,
    fetch_commit,
    find_commits,
    image_path,
    read_file_at,
    read_photo_lists,
)
from hand_pose_ros.types import Side

COMMIT = '0123456789' * 4


@pytest.fixture(scope='module')
def repository(tmp_path_factory):
    """The work tree of a repository, and its commit."""
    folder = tmp_path_factory.mktemp('repositories') / 'made/hands'
    folder.mkdir(parents=True)
    return folder, make_repository(folder)


def read_list(folder, pictures):
    write_list(folder / 'test.json', 'https://localhost/hands', COMMIT, pictures)
    (photos,) = read_photo_lists(folder)
    return photos


def test_a_list_says_where_pictures_are_and_what_is_on_them(tmp_path):
    photos = read_list(tmp_path, entries())
    assert (photos.name, photos.repository) == ('test', 'https://localhost/hands')
    assert (photos.commit, photos.licence) == (COMMIT, 'MIT')
    assert [(each.path, each.frame) for each in photos.pictures] == [
        ('photos/large.png', None),
        ('photos/small.jpg', None),
        ('clip.avi', 1),
        ('clip.avi', 4),
    ]
    small = photos.pictures[1].label
    assert small.image == 'images/test/photos/small.jpg'
    assert (small.height, small.width) == (240, 320)
    assert (small.group, small.complete) == ('test/b', False)
    (hand,) = small.hands
    assert hand.side is Side.LEFT
    np.testing.assert_allclose(hand.keypoints_px, HAND_PX, atol=0.051)
    size = HAND_PX.max(axis=0) - HAND_PX.min(axis=0)
    np.testing.assert_allclose(hand.box_px[2:] - hand.box_px[:2], 1.3 * size, atol=0.2)


def test_lists_come_in_the_order_of_their_names(tmp_path):
    for name in ('b', 'a', 'c'):
        write_list(tmp_path / f'{name}.json', 'https://localhost', COMMIT, [])
    assert [photos.name for photos in read_photo_lists(tmp_path)] == ['a', 'b', 'c']


@pytest.mark.parametrize(
    ('path', 'frame', 'image'),
    [
        ('a/b.jpg', None, 'images/test/a/b.jpg'),
        ('a/b.png', None, 'images/test/a/b.png.jpg'),
        ('a/b.JPG', None, 'images/test/a/b.JPG.jpg'),
        ('a/b.mp4', 40, 'images/test/a/b.mp4/000040.jpg'),
    ],
)
def test_every_picture_of_a_list_has_a_file_of_its_own(path, frame, image):
    assert image_path('test', path, frame) == image


@pytest.mark.parametrize(
    ('pictures', 'message'),
    [
        ([entry('a.jpg', [320])], "'a.jpg'"),
        ([entry('a.jpg', [320, 240], group=None), {}], "picture 1: KeyError.*'path'"),
        ([entry('a.jpg', [320, 240], hands=[{'side': 'left', 'keypoints': [1, 2]}])], "'a.jpg'"),
        ([entry('a.jpg', [320, 240], hands=[{'side': 'up', 'keypoints': [1] * 42}])], 'UP'),
        ([entry('../a.jpg', [320, 240])], 'inside the repository'),
        ([entry('/a.jpg', [320, 240])], 'inside the repository'),
        ([entry('a.jpg', [320, 240])] * 2, 'listed twice'),
    ],
)
def test_damage_is_named_with_the_picture(tmp_path, pictures, message):
    with pytest.raises(ValueError, match=rf'test\.json.*{message}'):
        read_list(tmp_path, pictures)


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"pictures": []}'])
def test_a_file_in_another_format_is_refused(tmp_path, text):
    (tmp_path / 'test.json').write_text(text)
    with pytest.raises(ValueError, match=r'test\.json is not a list of photographs'):
        read_photo_lists(tmp_path)


@pytest.mark.parametrize('commit', ['main', COMMIT[:8], f'{COMMIT}\n', '--upload-pack=evil'])
def test_a_commit_is_told_in_full(tmp_path, commit):
    write_list(tmp_path / 'test.json', 'https://localhost', commit, [])
    with pytest.raises(ValueError, match='40 hexadecimal digits'):
        read_photo_lists(tmp_path)


def test_a_folder_without_lists_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='no lists of photographs'):
        read_photo_lists(tmp_path)


def decoded(repository, pictures, tmp_path):
    """Reads pictures of the repository; returns them by the label's path, and the problems."""
    folder, commit = repository
    problems = []
    read_file = partial(read_file_at, folder / '.git', commit)
    listed = read_list(tmp_path, pictures).pictures
    found = decode_pictures(read_file, listed, problems)
    return {picture.label.image: rgb for picture, rgb in found}, problems


def test_pictures_are_shrunk_and_frames_counted_from_zero(repository, tmp_path):
    pictures, problems = decoded(repository, entries(), tmp_path)
    assert problems == []
    large = pictures['images/test/photos/large.png.jpg']
    assert large.shape == (480, 640, 3)
    np.testing.assert_allclose(large, ramp(640, 480), atol=2)
    assert pictures['images/test/photos/small.jpg'].shape == (240, 320, 3)
    for number in (1, 4):
        frame = pictures[f'images/test/clip.avi/{number:06d}.jpg']
        assert abs(frame.mean() - 40 * number) < 3


def test_what_cannot_be_read_is_named_and_the_rest_is_read(repository, tmp_path):
    wanted = [
        entry('photos/nowhere.jpg', [320, 240]),
        entry('photos/broken.jpg', [320, 240]),
        *(entry('clip.avi', [64, 48], frame=number) for number in (2, 60)),
        *(entry('photos/broken.jpg', [64, 48], frame=number) for number in (0, 1)),
    ]
    pictures, problems = decoded(repository, wanted, tmp_path)
    assert list(pictures) == ['images/test/clip.avi/000002.jpg']
    assert [problem.split(' in ')[0] for problem in problems] == [
        'photos/nowhere.jpg is not',
        'photos/broken.jpg is not a picture that can be read',
        'clip.avi has no frame 60',
        'photos/broken.jpg has no frame 0',
        'photos/broken.jpg has no frame 1',
    ]


def test_commits_are_found_in_clones_of_any_kind_and_name(repository, tmp_path):
    folder, commit = repository
    git(folder, 'clone', '--quiet', '--bare', str(folder), str(tmp_path / 'bare/repo'))
    fake = tmp_path / 'fake'
    fake.mkdir()
    (fake / 'HEAD').write_text('ref: nowhere')
    assert find_commits(folder.parent, [COMMIT, commit]) == {commit: folder / '.git'}
    assert find_commits(folder.parents[1], [commit]) == {commit: folder / '.git'}
    assert find_commits(tmp_path, [commit]) == {commit: tmp_path / 'bare/repo'}
    assert find_commits(tmp_path / 'nowhere', [commit]) == {}


def test_a_commit_is_fetched_without_history_and_again_does_no_harm(repository, tmp_path):
    folder, commit = repository
    git_dir = tmp_path / 'new/hands.git'
    for _ in range(2):
        fetch_commit(git_dir, folder.as_uri(), commit)
    assert git(git_dir, 'rev-list', '--count', commit) == '1'
    assert read_file_at(git_dir, commit, 'photos/broken.jpg') == b'not a picture'
    assert find_commits(tmp_path, [commit]) == {commit: tmp_path / 'new/hands.git'}


@pytest.mark.parametrize('missing', ['repository', 'commit'])
def test_what_cannot_be_fetched_is_named(repository, tmp_path, missing):
    folder, commit = repository
    url = (tmp_path / 'nowhere').as_uri() if missing == 'repository' else folder.as_uri()
    wanted = commit if missing == 'repository' else COMMIT
    with pytest.raises(OSError, match=f'{wanted} of {url} cannot be fetched: .'):
        fetch_commit(tmp_path / 'hands.git', url, wanted)
