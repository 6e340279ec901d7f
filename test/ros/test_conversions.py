"""Messages to arrays and back, value by value."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, RegionOfInterest
from std_msgs.msg import Header

from hand_pose_ros.geometry.camera import project, unproject
from hand_pose_ros.msg import HandKeypoint, HandPose
from hand_pose_ros.ros.conversions import (
    camera_from_msg,
    depth_from_msg,
    hands_to_msg,
    rgb_from_msg,
    rgb_to_msg,
)
from hand_pose_ros.types import Camera, PositionSource, Side

# OpenCV raises on a picture that claims to be larger than 2**30 pixels.
HUGE_PNG = b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + struct.pack(
    '>IIBBBBB', 100_000, 100_000, 8, 2, 0, 0, 0
)
HUGE_PNG += struct.pack('>I', zlib.crc32(HUGE_PNG[12:]))

RED, GREEN, BLUE = 200, 100, 50
RGB = np.full((4, 6, 3), (RED, GREEN, BLUE), np.uint8)


def compressed(data: bytes, form: str) -> CompressedImage:
    return CompressedImage(format=form, data=list(data))


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


@pytest.mark.parametrize(
    ('encoding', 'channels'),
    [
        ('rgb8', (RED, GREEN, BLUE)),
        ('rgba8', (RED, GREEN, BLUE, 7)),
        ('bgr8', (BLUE, GREEN, RED)),
        ('bgra8', (BLUE, GREEN, RED, 7)),
        ('8UC3', (BLUE, GREEN, RED)),
    ],
)
def test_colour_channels_come_out_as_rgb(image, encoding, channels):
    pixels = np.full((4, 6, len(channels)), channels, np.uint8)
    np.testing.assert_array_equal(rgb_from_msg(image(pixels, encoding)), RGB)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_grey_is_spread_over_three_channels(image, encoding):
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)
    rgb = rgb_from_msg(image(grey, encoding))
    np.testing.assert_array_equal(rgb, np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize('order', ['<', '>'])
def test_sixteen_bits_keep_their_high_byte_in_either_byte_order(image, order):
    pixels = (RGB.astype(np.uint16) << 8 | 0x7F).astype(f'{order}u2')
    message = image(pixels, 'rgb16', is_bigendian=order == '>')
    np.testing.assert_array_equal(rgb_from_msg(message), RGB)


def test_yuv422_of_both_byte_orders_gives_the_same_colour(image):
    y, u, v = 120, 90, 180
    uyvy = np.tile(np.array([[u, y], [v, y]], np.uint8), (4, 3, 1))
    yuyv = uyvy[:, :, ::-1]
    rgb = rgb_from_msg(image(uyvy, 'yuv422'))
    np.testing.assert_array_equal(rgb, rgb_from_msg(image(yuyv, 'yuv422_yuy2')))
    # ITU-R BT.601, limited range.
    expected = 1.164 * (y - 16) + np.array([1.596 * 52, -0.813 * 52 + 0.391 * 38, -2.018 * 38])
    np.testing.assert_allclose(rgb[0, 0], expected, atol=2)


@pytest.mark.parametrize(
    ('encoding', 'pattern'),
    [
        ('bayer_rggb8', 'RGGB'),
        ('bayer_bggr8', 'BGGR'),
        ('bayer_gbrg8', 'GBRG'),
        ('bayer_grbg8', 'GRBG'),
    ],
)
def test_bayer_patterns_are_those_of_ros(image, encoding, pattern):
    values = {'R': RED, 'G': GREEN, 'B': BLUE}
    tile = np.array([values[letter] for letter in pattern], np.uint8).reshape(2, 2)
    rgb = rgb_from_msg(image(np.tile(tile, (8, 8)), encoding))
    np.testing.assert_array_equal(rgb[4:-4, 4:-4], np.broadcast_to((RED, GREEN, BLUE), (8, 8, 3)))


def test_a_compressed_bayer_image_is_read_like_a_raw_one(image):
    tile = np.array([RED, GREEN, GREEN, BLUE], np.uint8).reshape(2, 2)
    mosaic = np.tile(tile, (8, 8))
    expected = rgb_from_msg(image(mosaic, 'bayer_rggb8'))
    message = compressed(png(mosaic), 'bayer_rggb8; png compressed ')
    np.testing.assert_array_equal(rgb_from_msg(message), expected)
    grey = rgb_from_msg(compressed(png(mosaic), 'mono8; png compressed '))
    np.testing.assert_array_equal(grey, np.repeat(mosaic[..., None], 3, axis=2))


def test_padding_at_the_end_of_rows_is_left_out(image):
    padded = np.concatenate([RGB.reshape(4, 18), np.full((4, 5), 9, np.uint8)], axis=1)
    message = image(padded, 'rgb8', width=6)
    assert message.step == 23
    np.testing.assert_array_equal(rgb_from_msg(message), RGB)


def test_rgb8_is_not_copied(image):
    message = image(RGB, 'rgb8')
    assert np.shares_memory(rgb_from_msg(message), np.frombuffer(message.data, np.uint8))


def test_png_and_jpeg_come_out_as_rgb():
    bgr = RGB[..., ::-1]
    message = compressed(png(bgr), 'rgb8; png compressed bgr8')
    np.testing.assert_array_equal(rgb_from_msg(message), RGB)
    jpeg = cv2.imencode('.jpg', bgr)[1].tobytes()
    np.testing.assert_allclose(rgb_from_msg(compressed(jpeg, 'jpeg')), RGB, atol=3)


def test_depth_in_millimetres_is_metres_and_zero_is_unknown(image):
    depth_mm = np.array([[0, 1, 1500], [65535, 500, 0]], np.uint16)
    expected = [[np.nan, 0.001, 1.5], [65.535, 0.5, np.nan]]
    for order in '<>':
        message = image(depth_mm.astype(f'{order}u2'), '16UC1', is_bigendian=order == '>')
        depth_m = depth_from_msg(message)
        assert depth_m.dtype == np.float32
        np.testing.assert_allclose(depth_m, expected, rtol=1e-6)


def test_depth_in_metres_stays_and_what_is_not_a_distance_is_unknown(image):
    depth = np.array([[np.nan, np.inf, -np.inf], [0.0, -1.0, 1.25]], np.float32)
    expected = [[np.nan, np.nan, np.nan], [np.nan, np.nan, 1.25]]
    np.testing.assert_array_equal(depth_from_msg(image(depth, '32FC1')), expected)


@pytest.mark.parametrize('head', [b'', bytes(12)])
def test_compressed_millimetres_are_read_with_and_without_their_head(head):
    depth_mm = np.array([[0, 750], [1500, 40]], np.uint16)
    message = compressed(head + png(depth_mm), '16UC1; compressedDepth png')
    np.testing.assert_allclose(depth_from_msg(message), [[np.nan, 0.75], [1.5, 0.04]], rtol=1e-6)


def test_compressed_metres_are_read_by_the_two_numbers_of_their_head():
    # compressed_depth_image_transport: 1 / depth, scaled by A and moved by B.
    a, b = 100.0, -20.0
    depth_m = np.array([[0.5, 1.0], [2.0, 4.0]])
    values = np.rint(a / depth_m + b).astype(np.uint16)
    values[0, 0] = 0
    message = compressed(struct.pack('<iff', 0, a, b) + png(values), '32FC1; compressedDepth')
    expected = [[np.nan, 1.0], [2.0, 4.0]]
    np.testing.assert_allclose(depth_from_msg(message), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'encoding': 'nv99'}, ('rgb8', 'nv99')),
        ({'step': 17}, ('18', '17')),
        ({'data': bytes(71)}, ('72', '71')),
        ({'data': bytes(73)}, ('72', '73')),
        ({'height': 0, 'data': b''}, ('1x1', '6x0')),
        ({'width': 0}, ('1x1', '0x4')),
    ],
)
def test_an_image_that_is_not_one_is_refused_with_what_was_expected_and_what_came(
    image, changes, words
):
    with pytest.raises(ValueError, match='expected') as error:
        rgb_from_msg(image(RGB, **{'encoding': 'rgb8', **changes}))
    assert all(word in str(error.value) for word in words)


def test_a_yuv_image_of_odd_width_is_refused(image):
    with pytest.raises(ValueError, match='yuv422 pixels, got 5x4'):
        rgb_from_msg(image(np.zeros((4, 5, 2), np.uint8), 'yuv422'))


@pytest.mark.parametrize('data', [b'', b'no picture', png(RGB)[:40], HUGE_PNG])
def test_compressed_data_that_do_not_decode_are_refused(data):
    with pytest.raises(ValueError, match=f'expected JPEG or PNG data, got {len(data)} bytes'):
        rgb_from_msg(compressed(data, 'jpeg'))


@pytest.mark.parametrize(
    ('data', 'form', 'words'),
    [
        (png(np.ones((2, 2), np.uint16)), 'mono16; compressedDepth', 'mono16'),
        (bytes(12) + b'RVL data', '16UC1; compressedDepth rvl', 'expected a PNG'),
        (b'', '16UC1; compressedDepth png', 'expected a PNG'),
        (png(np.ones((2, 2), np.uint16)), '32FC1; compressedDepth png', 'expected a PNG'),
        (png(np.ones((2, 2), np.uint8)), '16UC1; compressedDepth png', '16-bit'),
    ],
)
def test_compressed_depth_that_is_none_is_refused(data, form, words):
    with pytest.raises(ValueError, match=words):
        depth_from_msg(compressed(data, form))


def test_depth_of_an_encoding_without_a_unit_is_refused(image):
    with pytest.raises(ValueError, match=r"16UC1 \(mm\) or 32FC1 \(m\), got 'mono16'"):
        depth_from_msg(image(np.ones((2, 2), np.uint16), 'mono16'))


def test_the_camera_is_read_with_its_distortion(camera_info):
    expected = Camera(48, 64, 50.0, 51.0, 31.5, 23.5, (0.1, 0.0, 0.0, 0.0, 0.0))
    assert camera_from_msg(camera_info()) == expected


def test_a_rectified_image_has_the_projection_matrix_and_no_distortion(camera_info):
    projection = [55.0, 0.0, 30.5, 0.0, 0.0, 56.0, 22.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    message = camera_info(p=projection)
    assert camera_from_msg(message, True) == Camera(48, 64, 55.0, 56.0, 30.5, 22.5)
    with pytest.raises(ValueError, match='expected a camera matrix'):
        camera_from_msg(camera_info(), True)


def test_a_camera_that_bins_pixels_of_a_part_of_its_sensor_is_that_of_its_image(camera_info):
    """A point seen at sensor pixel (s, t) is seen at ((s - 8) / 2, (t - 4) / 4) of the image."""
    roi = RegionOfInterest(x_offset=8, y_offset=4, width=40, height=32)
    found = camera_from_msg(camera_info(binning_x=2, binning_y=4, roi=roi))
    assert (found.width, found.height) == (20, 8)
    point = np.array([[0.1, -0.05, 0.5]])
    whole = project(point, camera_from_msg(camera_info()))
    np.testing.assert_allclose(project(point, found), (whole - [8, 4]) / [2, 4], atol=1e-9)
    assert camera_from_msg(camera_info(binning_x=2, binning_y=2)).width == 32


@pytest.mark.parametrize('count', [4, 5, 8, 12, 14])
def test_every_length_of_distortion_that_is_let_in_can_be_used(camera_info, count):
    message = camera_info(d=[0.01] * count, distortion_model='rational_polynomial')
    pixels = np.array([[10.0, 20.0]])
    assert np.isfinite(unproject(pixels, np.ones(1), camera_from_msg(message))).all()


def test_a_distortion_of_zeros_is_none_whatever_its_model(camera_info):
    message = camera_info(distortion_model='equidistant', d=[0.0] * 4)
    assert camera_from_msg(message).distortion == ()


@pytest.mark.parametrize(
    'changes',
    [
        {'k': [0.0] * 9},
        {'k': [float('nan'), 0.0, 31.5, 0.0, 51.0, 23.5, 0.0, 0.0, 1.0]},
        {'k': [50.0, 0.0, float('inf'), 0.0, 51.0, 23.5, 0.0, 0.0, 1.0]},
        {'k': [-50.0, 0.0, 31.5, 0.0, 51.0, 23.5, 0.0, 0.0, 1.0]},
        {'distortion_model': 'equidistant', 'd': [0.1, 0.0, 0.0, 0.0]},
        {'d': [float('nan'), 0.0, 0.0, 0.0, 0.0]},
        {'d': [0.1, 0.0, 0.0]},
        {'d': [0.1] * 6},
        {'d': [0.1] * 10},
    ],
)
def test_a_camera_that_cannot_be_used_is_refused(camera_info, changes):
    with pytest.raises(ValueError, match=r'expected .*, got '):
        camera_from_msg(camera_info(**changes))


def test_a_hand_is_written_field_by_field(hand):
    header = Header(frame_id='optical')
    message = hands_to_msg((hand('7'),), header)
    assert message.header == header
    (written,) = message.hands
    assert (written.id, written.side, written.side_score, written.score) == (
        '7',
        HandPose.RIGHT,
        0.625,
        0.75,
    )
    box = (written.box_x, written.box_y, written.box_width, written.box_height)
    assert box == (8.0, 16.0, 32.0, 28.0)
    assert len(written.keypoints) == 21
    middle_tip = written.keypoints[HandPose.MIDDLE_TIP]
    assert (middle_tip.u, middle_tip.v) == (22.25, 32.5)
    assert middle_tip.score == pytest.approx(0.8)
    position = middle_tip.position
    assert (position.x, position.y, position.z) == (12 / 64, 12 / 32, 0.5 + 12 / 128)
    assert middle_tip.position_source == HandKeypoint.MEASURED


def test_message_constants_are_the_numbers_of_the_types():
    assert [each.value for each in Side] == [HandPose.UNKNOWN, HandPose.LEFT, HandPose.RIGHT]
    sources = [HandKeypoint.NONE, HandKeypoint.MEASURED, HandKeypoint.MODEL]
    assert sources == [each.value for each in PositionSource]


def test_an_image_that_is_written_reads_back():
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(rgb_from_msg(rgb_to_msg(rgb, Header())), rgb)
