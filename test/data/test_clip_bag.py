import json

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from hand_pose_ros.data.clip_bag import TOPICS, BagFrame, write_bag
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.types import Camera, Side

CAMERA = Camera(48, 64, 60.0, 61.0, 31.5, 23.5)
START_NS = 1_700_000_000_123_456_789
COLOUR, DEPTH, INFO, TRUTH = TOPICS


def frames(count):
    for index in range(count):
        rgb = np.zeros((48, 64, 3), np.uint8)
        rgb[..., 0] = 200
        depth_m = np.full((48, 64), 0.5 + 0.1 * index, np.float32)
        depth_m[:, :10] = np.nan
        hand = HandLabel(
            np.full((21, 2), 7.25, np.float32), np.array([1, 2, 30, 40], np.float32), Side.RIGHT
        )
        label = ImageLabel(f'{index:06d}', 48, 64, (hand,), camera=CAMERA)
        yield BagFrame(START_NS + index * 10**8, rgb, depth_m, label)


@pytest.fixture(scope='module')
def messages(tmp_path_factory):
    """All messages of a bag of three frames: topic -> [(time in ns, message)]."""
    folder = tmp_path_factory.mktemp('bags') / 'clip'
    write_bag(folder, frames(3))
    store = get_typestore(Stores.ROS2_JAZZY)
    found = {topic: [] for topic in TOPICS}
    with Reader(folder) as bag:
        assert {c.topic: c.msgtype for c in bag.connections} == TOPICS
        for connection, time_ns, data in bag.messages():
            message = store.deserialize_cdr(data, connection.msgtype)
            found[connection.topic].append((time_ns, message))
    return found


def test_every_frame_is_one_message_per_topic_at_its_stamp(messages):
    for topic, pairs in messages.items():
        assert [time_ns for time_ns, _ in pairs] == [START_NS + i * 10**8 for i in range(3)]
        if topic != TRUTH:
            assert {m.header.frame_id for _, m in pairs} == {'camera_color_optical_frame'}
            stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m in pairs]
            assert stamps == [time_ns for time_ns, _ in pairs]


def test_colour_is_jpeg_that_opencv_reads_as_bgr(messages):
    image = messages[COLOUR][0][1]
    assert image.format == 'rgb8; jpeg compressed bgr8'
    bgr = cv2.imdecode(image.data, cv2.IMREAD_COLOR)
    np.testing.assert_allclose(bgr.mean(axis=(0, 1)), [0, 0, 200], atol=3)


def test_depth_is_a_header_of_twelve_bytes_and_a_png_in_millimetres(messages):
    image = messages[DEPTH][2][1]
    assert image.format == '16UC1; compressedDepth png'
    assert bytes(image.data[12:16]) == b'\x89PNG'
    depth_mm = cv2.imdecode(image.data[12:], cv2.IMREAD_UNCHANGED)
    assert depth_mm.dtype == np.uint16
    assert (depth_mm[:, :10] == 0).all()
    assert (depth_mm[:, 10:] == 700).all()


def test_camera_info_is_that_of_the_labels(messages):
    info = messages[INFO][0][1]
    assert (info.height, info.width, info.distortion_model) == (48, 64, 'plumb_bob')
    np.testing.assert_array_equal(info.k, [60, 0, 31.5, 0, 61, 23.5, 0, 0, 1])
    np.testing.assert_array_equal(info.p, [60, 0, 31.5, 0, 0, 61, 23.5, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(info.d, np.zeros(5))


def test_ground_truth_is_the_label_of_the_picture(messages):
    truth = json.loads(messages[TRUTH][1][1].data)
    assert (truth['image'], truth['width'], truth['camera']['fy']) == ('000001', 64, 61.0)
    assert truth['hands'][0]['side'] == 'right'
    assert truth['hands'][0]['keypoints'][20] == [7.25, 7.25, 1]


def test_equal_frames_make_equal_bags(tmp_path):
    for name in ('a', 'b'):
        write_bag(tmp_path / name / 'clip', frames(2))
    first, second = (tmp_path / name / 'clip/clip.mcap' for name in ('a', 'b'))
    assert first.read_bytes() == second.read_bytes()


def test_an_existing_folder_is_left_alone(tmp_path):
    with pytest.raises(FileExistsError, match='exists already'):
        write_bag(tmp_path, frames(1))
    assert list(tmp_path.iterdir()) == []


def test_a_frame_without_camera_is_refused(tmp_path):
    (frame,) = frames(1)
    label = ImageLabel('000000', 48, 64, ())
    with pytest.raises(ValueError, match='000000 has no camera'):
        write_bag(tmp_path / 'clip', [BagFrame(0, frame.rgb, frame.depth_m, label)])
