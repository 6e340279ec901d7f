import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.data.labels import HandLabel, ImageLabel, read_labels, write_labels
from hand_pose_ros.types import Camera, Side

CAMERA = Camera(480, 640, 600.0, 601.0, 319.5, 239.5, (0.1, -0.2, 0.0, 0.0, 0.05))


def hand(**changes):
    rng = np.random.default_rng(0)
    label = HandLabel(
        keypoints_px=rng.uniform(0, 400, (21, 2)).astype(np.float32),
        box_px=np.array([-5.25, 10.5, 300, 410], np.float32),
        side=Side.LEFT,
        visible=rng.random(21) < 0.5,
        joints_cam=rng.uniform(-1, 1, (21, 3)).astype(np.float32),
    )
    return replace(label, **changes)


def picture(*hands, **changes):
    label = ImageLabel(
        'images/0.jpg',
        480,
        640,
        tuple(hands),
        'a',
        depth='depth/0.png',
        camera=CAMERA,
        mask='masks/0.png',
    )
    return replace(label, **changes)


def written_document(folder):
    return json.loads((folder / 'labels.json').read_text())


def test_what_is_written_is_read_back_to_a_hundredth_of_a_pixel_and_a_hundredth_of_a_millimetre(
    tmp_path,
):
    write_labels(tmp_path, [picture(hand(), hand(side=Side.RIGHT))], 'note')
    (read,) = read_labels(tmp_path)
    assert (read.image, read.height, read.width) == ('images/0.jpg', 480, 640)
    assert (read.group, read.complete, read.depth) == ('a', True, 'depth/0.png')
    assert (read.camera, read.mask) == (CAMERA, 'masks/0.png')
    assert [one.side for one in read.hands] == [Side.LEFT, Side.RIGHT]
    expected, got = hand(), read.hands[0]
    np.testing.assert_allclose(got.keypoints_px, expected.keypoints_px, atol=0.0051)
    np.testing.assert_allclose(got.joints_cam, expected.joints_cam, atol=0.51e-5)
    np.testing.assert_array_equal(got.box_px, expected.box_px)
    np.testing.assert_array_equal(got.visible, expected.visible)
    assert got.keypoints_px.dtype == got.joints_cam.dtype == np.float32


def test_unlabelled_keypoints_stay_unlabelled(tmp_path):
    points = hand().keypoints_px.copy()
    points[[0, 20]] = np.nan
    write_labels(tmp_path, [picture(hand(keypoints_px=points))], '')
    entry = written_document(tmp_path)['images'][0]['hands'][0]['keypoints']
    assert [row[2] for row in entry] == [0] + [1] * 19 + [0]
    got = read_labels(tmp_path)[0].hands[0].keypoints_px
    np.testing.assert_array_equal(np.isnan(got).all(axis=1), np.isnan(points).all(axis=1))


def test_what_is_not_known_is_left_out_of_the_file_and_read_as_none(tmp_path):
    bare = picture(hand(visible=None, joints_cam=None), depth=None, camera=None, mask=None)
    write_labels(tmp_path, [bare], '')
    entry = written_document(tmp_path)['images'][0]
    assert entry.keys() == {'image', 'width', 'height', 'group', 'complete', 'hands'}
    assert entry['hands'][0].keys() == {'keypoints', 'box', 'side'}
    (read,) = read_labels(tmp_path)
    assert read.depth is None
    assert read.camera is None
    assert read.hands[0].visible is None
    assert read.hands[0].joints_cam is None


def test_a_hand_without_a_keypoint_is_there_and_not_labelled(tmp_path):
    nowhere = np.full((21, 2), np.nan, np.float32)
    write_labels(tmp_path, [picture(hand(), hand(keypoints_px=nowhere)), picture(hand())], '')
    both, one = read_labels(tmp_path)
    assert (len(both.hands), both.complete) == (1, False)
    assert (len(one.hands), one.complete) == (1, True)


def test_a_picture_without_hands_and_a_set_without_pictures_are_fine(tmp_path):
    write_labels(tmp_path, [picture()], '')
    assert read_labels(tmp_path)[0].hands == ()
    write_labels(tmp_path, [], '')
    assert read_labels(tmp_path) == []


def test_two_numbers_per_keypoint_are_all_labelled(tmp_path):
    document = {'images': [{'image': 'a', 'width': 4, 'height': 3, 'hands': [{}]}]}
    document['images'][0]['hands'][0] = {'keypoints': [[1, 2]] * 21, 'box': [0, 0, 3, 3]}
    (tmp_path / 'labels.json').write_text(json.dumps(document))
    (read,) = read_labels(tmp_path)
    assert np.isfinite(read.hands[0].keypoints_px).all()
    assert read.hands[0].side is Side.UNKNOWN
    assert read.complete


def test_a_failed_write_leaves_the_old_labels_and_nothing_else(tmp_path, monkeypatch):
    write_labels(tmp_path, [picture(hand())], 'first')
    original = Path.write_text

    def write_text(path, text):
        original(path, text[:20])
        raise OSError(errno.ENOSPC, 'No space left on device', str(path))

    monkeypatch.setattr(Path, 'write_text', write_text)
    with pytest.raises(OSError, match='No space left'):
        write_labels(tmp_path, [], 'second')
    assert written_document(tmp_path)['note'] == 'first'
    assert [path.name for path in tmp_path.iterdir()] == ['labels.json']


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda image: image.pop('width'), r"'images/0.jpg'.*width"),
        (lambda image: image['hands'][0].update(side='middle'), 'MIDDLE'),
        (
            lambda image: image['hands'][0].update(keypoints=[[1, 2]] * 20),
            r'21 x .* got \(20, 2\)',
        ),
        (lambda image: image['hands'][0].update(visible=[1] * 20), 'images/0.jpg'),
        (lambda image: image['hands'][0].update(box=[1, 2, 3]), 'images/0.jpg'),
        (lambda image: image.update(camera={'fx': 1}), 'images/0.jpg'),
        (lambda image: image.update(hands=None), 'images/0.jpg'),
    ],
)
def test_damage_is_named_with_the_picture(tmp_path, change, message):
    write_labels(tmp_path, [picture(hand())], '')
    document = written_document(tmp_path)
    change(document['images'][0])
    (tmp_path / 'labels.json').write_text(json.dumps(document))
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path)


@pytest.mark.parametrize('text', ['{', '[]', '{"images": 3}', '{}'])
def test_a_file_in_another_format_is_refused(tmp_path, text):
    (tmp_path / 'labels.json').write_text(text)
    with pytest.raises(ValueError, match=r'labels\.json'):
        read_labels(tmp_path)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'labels\.json'):
        read_labels(tmp_path)


def test_the_shared_photographs_are_in_the_format(shared_dir):
    photos = shared_dir / 'data/photos'
    labels = read_labels(photos)
    hands = [one for label in labels for one in label.hands]
    assert len(labels) > 50
    assert all((photos / label.image).is_file() for label in labels)
    assert {one.side for one in hands} >= {Side.LEFT, Side.RIGHT}
    for one in hands:
        seen = one.keypoints_px[np.isfinite(one.keypoints_px).all(axis=1)]
        assert (seen >= one.box_px[:2] - 1).all()
        assert (seen <= one.box_px[2:] + 1).all()
