"""Pictures read for training."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import (
    background_files,
    hand_matte,
    load_backgrounds,
    load_picture,
    panorama_views,
    read_depth_picture,
    read_picture,
    read_rgb,
    readable,
    shrunk,
)
from hand_pose_ros.types import Side


def label_of(name, hw=(100, 100)):
    points = np.stack((np.linspace(40, 60, 21), np.linspace(20, 90, 21)), axis=1)
    hand = HandLabel(points.astype(np.float32), np.array([30, 10, 70, 100], np.float32), Side.LEFT)
    return ImageLabel(name, *hw, (hand,))


def test_a_matte_keeps_the_hand_and_drops_a_plain_background(tmp_path):
    image = np.full((100, 100, 3), (200, 205, 210), np.uint8)
    cv2.line(image, (40, 20), (60, 90), (90, 120, 190), 16)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    picture = load_picture(tmp_path, label_of('a.png'), matte=True)
    alpha = picture.levels[0][..., 3]
    assert alpha[55, 50] > 200
    assert alpha[5, 5] == 0
    assert not picture.opaque


def test_a_matte_needs_no_more_than_some_keypoints():
    image = np.full((100, 100, 3), (200, 205, 210), np.uint8)
    cv2.line(image, (40, 20), (60, 90), (90, 120, 190), 16)
    points = label_of('a.png').hands[0].keypoints_px[None].repeat(2, axis=0)
    points[0, :2] = points[1] = np.nan
    alpha = hand_matte(image, points)
    assert alpha[55, 50] > 200
    assert alpha[5, 5] == 0
    assert not hand_matte(image, points[1:]).any()
    assert not hand_matte(image, points[:0]).any()


def test_a_whole_photo_is_opaque_and_its_levels_halve(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((100, 100, 3), np.uint8))
    picture = load_picture(tmp_path, label_of('a.png'), matte=False)
    assert picture.opaque
    assert [level.shape[0] for level in picture.levels] == [100, 50, 25, 12]


def test_channels_are_red_green_blue(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((8, 8, 3), (255, 0, 0), np.uint8))
    picture = load_picture(tmp_path, label_of('a.png', hw=(8, 8)), matte=False)
    assert picture.levels[0][0, 0].tolist() == [0, 0, 255, 255]


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / 'a.png').write_text('not a picture')
    with pytest.raises(ValueError, match=r'a\.png is not a picture that can be read'):
        load_picture(tmp_path, label_of('a.png'), matte=False)


@pytest.mark.parametrize(
    ('hw', 'expected'),
    [((480, 640), (480, 640)), ((960, 1280), (480, 640)), ((2000, 1), (640, 1))],
)
def test_a_picture_is_shrunk_until_no_side_is_too_long_and_never_enlarged(hw, expected):
    assert shrunk(np.zeros((*hw, 3), np.uint8), 640).shape == (*expected, 3)


def test_a_camera_jpeg_that_lies_on_its_side_is_trained_on_upright(tmp_path):
    """Its EXIF says turn by 90 degrees, and labels are in pixels of what people see."""
    code = cv2.imencode('.jpg', np.zeros((8, 6, 3), np.uint8))[1].tobytes()
    entry = struct.pack('>HHIHH', 0x112, 3, 1, 6, 0)
    exif = b'Exif\0\0MM' + struct.pack('>HIH', 42, 8, 1) + entry + bytes(4)
    segment = struct.pack('>HH', 0xFFE1, len(exif) + 2) + exif
    (tmp_path / 'a.jpg').write_bytes(code[:2] + segment + code[2:])
    picture = load_picture(tmp_path, label_of('a.jpg', hw=(6, 8)), matte=False)
    assert picture.levels[0].shape == (6, 8, 4)


def test_a_label_of_another_size_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(ValueError, match=r'a\.png .*\(8, 8, 3\).*\(8, 9, 3\)'):
        load_picture(tmp_path, label_of('a.png', hw=(8, 8)), matte=False)


def test_every_fourth_background_is_held_out(tmp_path):
    for index in range(8):
        cv2.imwrite(str(tmp_path / f'{index}.png'), np.full((8, 8, 3), 30 * index, np.uint8))
    values = [
        sorted(int(p[0, 0, 0]) // 30 for p in load_backgrounds([tmp_path], held_out))
        for held_out in (False, True, None)
    ]
    assert values == [[0, 1, 2, 4, 5, 6], [3, 7], [*range(8)]]


def test_no_background_is_held_out_and_trained_on_under_another_name(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (64, 64)) for _ in range(8)]
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f'{index}.png'), picture)
    (tmp_path / 'z').mkdir()
    # The fourth of the first folder, compressed, is the first of the second one.
    cv2.imwrite(str(tmp_path / 'z' / '3.jpg'), pictures[3], [cv2.IMWRITE_JPEG_QUALITY, 80])
    (tmp_path / 'a').mkdir()
    for path in tmp_path.glob('*.png'):
        path.rename(tmp_path / 'a' / path.name)
    files = background_files([tmp_path / 'a', tmp_path / 'z'], held_out=True)
    assert [path.name for path in files] == ['7.png']


def test_no_backgrounds_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        load_backgrounds([tmp_path], held_out=False)


def test_the_middle_of_a_view_looks_at_the_horizon():
    panorama = np.zeros((100, 200, 3), np.float32)
    panorama[45:55] = 1
    for view in panorama_views(panorama, 64):
        assert view[32, 32].min() > 200
        assert view[0].max() < 50


def test_a_damaged_background_is_named(tmp_path):
    (tmp_path / '0.jpg').write_text('no picture')
    with pytest.raises(ValueError, match=r'0\.jpg is not a picture'):
        load_backgrounds([tmp_path], held_out=False)


def test_a_picture_is_read_as_red_green_blue(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((2, 3, 3), (255, 128, 0), np.uint8))
    rgb = read_rgb(tmp_path / 'a.png')
    assert (rgb.shape, rgb[0, 0].tolist()) == ((2, 3, 3), [0, 128, 255])


def test_a_depth_picture_keeps_its_sixteen_bits(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 300, 65535]], np.uint16))
    assert read_depth_picture(tmp_path / 'a.png').tolist() == [[0, 300, 65535]]
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((2, 3), np.uint8))
    with pytest.raises(ValueError, match=r'a\.png is not a 16-bit depth picture'):
        read_depth_picture(tmp_path / 'a.png')


def png_that_says_it_is_huge():
    def chunk(kind, data):
        code = struct.pack('>I', zlib.crc32(kind + data))
        return struct.pack('>I', len(data)) + kind + data + code

    header = struct.pack('>IIBBBBB', 100000, 100000, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IEND', b'')


@pytest.mark.parametrize('data', [b'', b'no picture', png_that_says_it_is_huge()])
def test_no_damage_to_a_picture_goes_unnoticed(tmp_path, data):
    (tmp_path / 'a.png').write_bytes(data)
    with pytest.raises(ValueError, match=r'a\.png is not a picture that can be read'):
        read_picture(tmp_path / 'a.png', cv2.IMREAD_COLOR)


def test_a_missing_picture_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.png is missing'):
        read_picture(tmp_path / 'a.png', cv2.IMREAD_COLOR)


def halve_even(number):
    if number % 2:
        raise ValueError(f'{number} is odd')
    return number // 2


def test_what_cannot_be_read_is_passed_over_and_told():
    problems = ['before']
    assert list(readable([1, 2, 3, 4], halve_even, problems)) == [(2, 1), (4, 2)]
    assert problems == ['before', '1 is odd', '3 is odd']


def test_if_nothing_can_be_read_that_is_an_error():
    assert list(readable([], halve_even, [])) == []
    with pytest.raises(ValueError, match='none of 2 pictures can be read, the first: 1 is odd'):
        list(readable([1, 3], halve_even, []))


def test_an_error_of_whoever_uses_a_picture_is_not_taken_for_a_damaged_one():
    problems = []

    def use():
        for number, _ in readable([2, 4], halve_even, problems):
            raise ValueError(f'{number} is of no use')

    with pytest.raises(ValueError, match='2 is of no use'):
        use()
    assert problems == []
