"""Pictures read for training."""

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import load_backgrounds, load_picture, panorama_views
from hand_pose_ros.types import Side


def label_of(name):
    points = np.stack((np.linspace(40, 60, 21), np.linspace(20, 90, 21)), axis=1)
    hand = HandLabel(points.astype(np.float32), np.array([30, 10, 70, 100], np.float32), Side.LEFT)
    return ImageLabel(name, 100, 100, (hand,))


def test_a_matte_keeps_the_hand_and_drops_a_plain_background(tmp_path):
    image = np.full((100, 100, 3), (200, 205, 210), np.uint8)
    cv2.line(image, (40, 20), (60, 90), (90, 120, 190), 16)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    picture = load_picture(tmp_path, label_of('a.png'), matte=True)
    alpha = picture.levels[0][..., 3]
    assert alpha[55, 50] > 200
    assert alpha[5, 5] == 0
    assert not picture.opaque


def test_a_whole_photo_is_opaque_and_its_levels_halve(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((100, 100, 3), np.uint8))
    picture = load_picture(tmp_path, label_of('a.png'), matte=False)
    assert picture.opaque
    assert [level.shape[0] for level in picture.levels] == [100, 50, 25, 12]


def test_channels_are_red_green_blue(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((8, 8, 3), (255, 0, 0), np.uint8))
    picture = load_picture(tmp_path, label_of('a.png'), matte=False)
    assert picture.levels[0][0, 0].tolist() == [0, 0, 255, 255]


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / 'a.png').write_text('not a picture')
    with pytest.raises(ValueError, match=r'a\.png is not a colour picture'):
        load_picture(tmp_path, label_of('a.png'), matte=False)


def test_every_fourth_background_is_held_out(tmp_path):
    for index in range(8):
        cv2.imwrite(str(tmp_path / f'{index}.png'), np.full((8, 8, 3), index, np.uint8))
    values = [
        sorted(int(p[0, 0, 0]) for p in load_backgrounds([tmp_path], held_out))
        for held_out in (False, True, None)
    ]
    assert values == [[0, 1, 2, 4, 5, 6], [3, 7], [*range(8)]]


def test_no_backgrounds_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        load_backgrounds([tmp_path], held_out=False)


def test_the_middle_of_a_view_looks_at_the_horizon():
    panorama = np.zeros((100, 200, 3), np.float32)
    panorama[45:55] = 1
    for view in panorama_views(panorama, 64):
        assert view[32, 32].min() > 200
        assert view[0].max() < 50
