"""Every kind of input gives the same: named frames in order."""

import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from hand_pose_ros.cli.inputs import Topics, check_out, open_sources
from hand_pose_ros.cli.ros_modules import import_with_ros

ANY = Topics()
TOPIC = '/camera/color/image_raw'


def one(*inputs, topics=ANY):
    (source,) = open_sources([str(each) for each in inputs], topics)
    return source


def test_pictures_are_named_below_the_folder_that_they_share(folder, picture):
    source = one(folder)
    frames = list(source.frames)
    assert [each.name for each in frames] == ['a.png', 'more/b.png']
    assert (source.length, source.rate_hz) == (2, None)
    np.testing.assert_array_equal(frames[1].frame.rgb, picture)
    names = [each.name for each in one(folder / 'a.png', folder / 'more').frames]
    assert names == ['a.png', 'more/b.png']


def test_a_broken_picture_is_passed_over_and_told(folder):
    (folder / 'c.jpg').write_bytes(b'not a picture')
    (folder / 'd.jpg').write_bytes(b'')
    source = one(folder)
    assert len(list(source.frames)) == 2
    assert [text.rsplit('/')[-1] for text in source.problems] == [
        'c.jpg is not a picture that can be read',
        'd.jpg is not a picture that can be read',
    ]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.png does not exist'):
        one(tmp_path / 'nothing.png')
    with pytest.raises(FileNotFoundError, match='has no pictures'):
        one(tmp_path)
    with pytest.raises(ValueError, match='camera 77 cannot be opened'):
        one('77')


def test_a_video_has_a_rate_and_stamps(tmp_path, picture):
    path = tmp_path / 'clip.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 10, picture.shape[1::-1])
    for _ in range(4):
        writer.write(picture[..., ::-1])
    writer.release()
    source = one(path)
    frames = list(source.frames)
    assert (source.name, source.length, source.rate_hz) == ('clip', 4, 10)
    assert [each.frame.stamp_s for each in frames] == [0.0, 0.1, 0.2, 0.3]
    assert [each.name for each in frames][-1] == 'clip/000003'
    assert np.abs(frames[0].frame.rgb.astype(int) - picture).mean() < 5


def test_a_video_that_breaks_off_is_told(tmp_path, picture):
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, picture.shape[1::-1])
    for index in range(20):
        writer.write(np.roll(picture, index, axis=0))
    writer.release()
    assert list(one(path).frames)
    assert one(path).problems == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = one(path)
    count = len(list(source.frames))
    assert 0 < count < 20
    assert source.problems == [f'{path} cannot be read beyond frame {count} of 20']


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / 'clip.mp4').write_bytes(b'not a video')
    with pytest.raises(ValueError, match=r'clip\.mp4 is not a video'):
        one(tmp_path / 'clip.mp4')


def test_two_inputs_of_one_name_are_refused(tmp_path, picture):
    for name in ('clip.mp4', 'clip.avi'):
        size = picture.shape[1::-1]
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter.fourcc(*'mp4v'), 10, size)
        writer.write(picture)
        writer.release()
    with pytest.raises(ValueError, match='2 inputs are called clip'):
        open_sources([str(tmp_path / 'clip.mp4'), str(tmp_path / 'clip.avi')], ANY)


def test_pictures_need_no_ros(folder):
    lines = [
        'import sys',
        "sys.modules['rclpy'] = sys.modules['rosbags'] = None",
        'from hand_pose_ros.cli.inputs import Topics, open_sources',
        f'print(len(list(open_sources([{str(folder)!r}], Topics())[0].frames)))',
    ]
    command = [sys.executable, '-c', '\n'.join(lines)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b'2\n'


def test_a_bag_without_ros_says_how_to_get_it(bag, monkeypatch):
    path = bag()
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    with pytest.raises(ValueError, match='needs ROS 2'):
        one(path)


@pytest.mark.parametrize('sourced', ['', '/opt/ros/jazzy', sys.prefix])
def test_the_prefix_of_this_python_comes_first_and_once(ros, monkeypatch, sourced):
    monkeypatch.setenv('AMENT_PREFIX_PATH', sourced)
    for _ in range(2):
        import_with_ros('bags')
    prefixes = os.environ['AMENT_PREFIX_PATH'].split(os.pathsep)
    assert prefixes.count(sys.prefix) == 1
    assert prefixes == list(dict.fromkeys(filter(None, (sys.prefix, sourced))))


@pytest.fixture
def ros():
    pytest.importorskip('rclpy')


@pytest.mark.parametrize('storage', ['MCAP', 'SQLITE3'])
@pytest.mark.parametrize('whole', [True, False])
def test_a_bag_gives_colour_depth_camera_and_truth(bag, picture, ros, storage, whole):
    path = bag(storage=storage)
    if not whole:
        (path / 'metadata.yaml').unlink()
    source = one(path)
    frames = list(source.frames)
    assert (source.name, source.length, len(frames), source.has_depth) == ('clip', 6, 6, True)
    assert source.rate_hz == pytest.approx(15, abs=0.01)
    assert source.problems == []
    for each in frames:
        np.testing.assert_array_equal(each.frame.rgb, picture)
        assert each.truth.hands[0].joints_cam.shape == (21, 3)
    np.testing.assert_allclose([each.frame.depth_m.mean() for each in frames], 0.5, rtol=1e-5)
    assert frames[0].frame.camera.fx == 300
    assert np.diff([each.frame.stamp_s for each in frames]) == pytest.approx(1 / 15, abs=1e-6)


@pytest.mark.parametrize(('rectified', 'focal_px'), [(False, 300), (True, 270)])
def test_rectified_images_of_a_bag_have_a_camera_of_their_own(bag, ros, rectified, focal_px):
    frames = one(bag(), topics=Topics(rectified=rectified)).frames
    assert next(frames).frame.camera.fx == pytest.approx(focal_px)


def test_one_file_of_a_bag_is_a_bag(bag, ros):
    (path,) = bag().glob('*.mcap')
    assert len(list(one(path).frames)) == 6


def test_compressed_topics_are_read(tmp_path, bag_writer, picture, ros):
    depth_mm = np.full((256, 256), 800, np.uint16)
    with bag_writer(tmp_path / 'clip') as writer:
        for stamp_ns in (10**18, 10**18 + 10**8):
            jpeg = cv2.imencode('.jpg', picture[..., ::-1])[1].tobytes()
            png = cv2.imencode('.png', depth_mm)[1].tobytes()
            head = struct.pack('<iff', 0, 0, 0)
            form = '16UC1; compressedDepth'
            writer.compressed('/depth/image_raw/compressedDepth', stamp_ns, form, head + png)
            writer.compressed(f'{TOPIC}/compressed', stamp_ns, 'rgb8; jpeg compressed bgr8', jpeg)
    frames = [each.frame for each in one(tmp_path / 'clip').frames]
    assert np.abs(frames[1].rgb.astype(int) - picture).mean() < 3
    np.testing.assert_allclose(frames[1].depth_m, 0.8, rtol=1e-5)


def test_a_bag_without_images_names_its_topics(tmp_path, bag_writer, ros):
    with bag_writer(tmp_path / 'clip') as writer:
        writer.camera_info('/camera_info', 10**18)
        writer.image('/depth', 10**18, '16UC1', np.zeros((4, 4), np.uint16))
    with pytest.raises(ValueError, match=r'has no image topic.*/camera_info.*/depth'):
        one(tmp_path / 'clip')


def test_of_several_image_topics_the_user_chooses(tmp_path, bag_writer, picture, ros):
    with bag_writer(tmp_path / 'clip') as writer:
        writer.image('/left', 10**18, 'rgb8', picture)
        writer.image('/right', 10**18, 'rgb8', picture[::-1].copy())
        writer.image('/grey', 10**18, 'mono8', picture[..., 0].copy())
    with pytest.raises(ValueError, match=r'several image topics.*--image-topic: /left, /right'):
        one(tmp_path / 'clip')
    (named,) = one(tmp_path / 'clip', topics=Topics(image='/right')).frames
    np.testing.assert_array_equal(named.frame.rgb, picture[::-1])
    with pytest.raises(ValueError, match=r'no image or camera_info topic /front.*/left'):
        one(tmp_path / 'clip', topics=Topics(image='/front'))


def test_depth_of_another_frame_is_left_out_and_told(tmp_path, bag_writer, picture, ros):
    with bag_writer(tmp_path / 'clip') as writer:
        depth_mm = np.full((256, 256), 800, np.uint16)
        writer.image('/depth/image_rect_raw', 10**18, '16UC1', depth_mm, 'depth_frame')
        writer.image(TOPIC, 10**18, 'rgb8', picture)
    source = one(tmp_path / 'clip')
    (named,) = source.frames
    assert named.frame.depth_m is None
    assert not source.has_depth
    (problem,) = source.problems
    assert '/depth/image_rect_raw' in problem
    assert 'camera_color_optical_frame' in problem


@pytest.mark.parametrize('frame_id', ['', 'depth_frame', None])
def test_a_camera_without_a_frame_will_do_and_none_is_told(
    tmp_path, bag_writer, picture, ros, frame_id
):
    with bag_writer(tmp_path / 'clip') as writer:
        writer.image('/depth', 10**18, '16UC1', np.full((256, 256), 800, np.uint16))
        if frame_id is not None:
            writer.camera_info('/camera_info', 10**18, frame_id)
        writer.image(TOPIC, 10**18, 'rgb8', picture)
    source = one(tmp_path / 'clip')
    (named,) = source.frames
    assert source.has_depth == (frame_id == '') == (named.frame.camera is not None)
    if frame_id != '':
        assert 'without it depth gives no metres' in source.problems[0]


def test_every_image_is_read_where_depth_comes_late(tmp_path, bag_writer, picture, ros):
    depth_mm = np.full((256, 256), 800, np.uint16)
    times = [('image', index / 30, index / 30) for index in range(10)]
    times += [('depth', index / 30 + 0.08, index / 30) for index in range(8)]
    with bag_writer(tmp_path / 'clip') as writer:
        for kind, logged_s, stamp_s in sorted(times, key=lambda each: each[1]):
            stamp_ns, logged_ns = (10**18 + int(each * 1e9) for each in (stamp_s, logged_s))
            if kind == 'image':
                writer.image(TOPIC, stamp_ns, 'rgb8', picture, logged_ns=logged_ns)
            else:
                writer.image('/depth', stamp_ns, '16UC1', depth_mm, logged_ns=logged_ns)
    frames = list(one(tmp_path / 'clip').frames)
    assert len(frames) == 10
    # No image waits before the first depth, and none came for the last two.
    assert sum(each.frame.depth_m is not None for each in frames) == 5


def test_an_image_that_cannot_be_read_costs_itself_alone(tmp_path, bag_writer, picture, ros):
    with bag_writer(tmp_path / 'clip') as writer:
        writer.compressed('/image/compressed', 10**18, 'jpeg', b'nothing')
        jpeg = cv2.imencode('.jpg', picture)[1].tobytes()
        writer.compressed('/image/compressed', 10**18 + 10**8, 'jpeg', jpeg)
    source = one(tmp_path / 'clip')
    assert [each.name for each in source.frames] == ['clip/000001']
    assert 'expected JPEG or PNG data' in source.problems[0]


@pytest.mark.parametrize('name', ['clip.mcap', 'clip.db3'])
def test_a_damaged_bag_is_refused(tmp_path, name, ros):
    (tmp_path / name).write_bytes(b'damaged' * 100)
    with pytest.raises(ValueError, match=f'{name} is not a ROS 2 bag that can be read'):
        one(tmp_path / name)


def test_a_bag_that_breaks_off_gives_what_comes_before(tmp_path, bag_writer, picture, ros):
    with bag_writer(tmp_path / 'clip') as writer:
        for index in range(3):
            writer.image(TOPIC, 10**18 + index * 10**8, 'rgb8', picture)
    (path,) = (tmp_path / 'clip').glob('*.mcap')
    data = bytearray(path.read_bytes())
    source = one(path)
    last = data.rindex(picture.tobytes()) - 60
    # The length of the frame's name: no string can be so long.
    data[last : last + 40] = b'\xff' * 40
    path.write_bytes(data)
    assert [each.name for each in source.frames] == ['clip/000000', 'clip/000001']
    assert 'cannot be read beyond image 2' in source.problems[0]


@pytest.mark.parametrize('out', ['.', 'more', 'more/deep'])
def test_results_go_neither_into_an_input_nor_around_it(tmp_path, out):
    (tmp_path / 'more' / 'deep').mkdir(parents=True)
    with pytest.raises(ValueError, match='results need a folder away from the input'):
        check_out(tmp_path / out, [str(tmp_path / 'more')])
    check_out(tmp_path / 'out', [str(tmp_path / 'more')])
