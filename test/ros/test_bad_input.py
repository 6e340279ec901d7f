"""What is wrong is said once and clearly, and the node goes on with whatever still makes sense."""

from dataclasses import replace

import numpy as np
import pytest
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

GREY = np.full((48, 64, 3), 128, np.uint8)
NO_DEPTH = ('-p', 'input.use_depth:=false')


def goes_on(rig):
    """Good images are answered, and the diagnostics are good again."""
    count = len(rig.keypoints)
    rig.until(lambda: len(rig.keypoints) > count + 1, repeat=rig.send_image)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'encoding': 'nv99'}, ('encoding', 'rgb8', 'nv99')),
        ({'step': 100}, ('step', '192', '100')),
        ({'data': bytes(100)}, ('data', '9216', '100')),
        ({'width': 0, 'height': 0, 'step': 0, 'data': b''}, ('size', '1x1', '0x0')),
    ],
)
def test_an_image_that_is_not_one_costs_that_frame_only(start, pipeline, changes, words):
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.tells('expected', *words), repeat=lambda: rig.send_image(**changes))
    assert pipeline.frames == []
    assert rig.statuses[-1].level == b'\x02'
    # Sent ten times a second for a second or two, said once.
    assert sum(words[0] in text for text in rig.logs) == 1
    goes_on(rig)


def test_an_error_in_the_pipeline_costs_that_frame_only(start, pipeline):
    rig = start(*NO_DEPTH)
    pipeline.error = RuntimeError('the runtime ran out of memory')
    rig.until(lambda: rig.tells('ran out of memory'), repeat=rig.send_image)
    pipeline.error = None
    goes_on(rig)


@pytest.mark.parametrize(
    ('send', 'words'),
    [
        ({'depth': np.ones((24, 32), np.uint16)}, ('size', '64x48', '32x24')),
        ({'depth': np.ones((48, 64), np.uint16), 'encoding': '8UC2'}, ('16UC1', '8UC2')),
        # Metres in whole numbers, and millimetres as 32FC1.
        ({'depth': np.ones((48, 64), np.uint16)}, ('unit', '0.05 to 50 m', '0.001 m')),
        (
            {'depth': np.full((48, 64), 612, np.float32), 'encoding': '32FC1'},
            ('unit', '0.05 to 50 m', '612 m', '32FC1 metres'),
        ),
    ],
)
def test_depth_that_cannot_be_used_is_left_out(start, pipeline, send, words):
    rig = start()
    rig.until(
        lambda: rig.tells('depth', 'expected', *words), repeat=lambda: rig.send_frame(**send)
    )
    assert rig.statuses[-1].level == b'\x01'
    assert all(each.depth_m is None for each in pipeline.frames)
    assert rig.keypoints


def test_depth_of_another_frame_is_left_out(start, pipeline, image):
    rig = start()

    def send():
        header = rig.header()
        rig.send(
            image=image(np.zeros((48, 64, 3), np.uint8), 'rgb8', header),
            depth=image(np.ones((48, 64), np.uint16), '16UC1', rig.header(0, 'depth_optical')),
        )

    rig.until(lambda: rig.tells('camera_color_optical_frame', 'depth_optical'), repeat=send)
    assert all(each.depth_m is None for each in pipeline.frames)
    assert rig.keypoints


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'k': [float('nan')] * 9}, ('camera matrix', 'nan')),
        ({'k': [0.0] * 9}, ('camera matrix', '0.0')),
        ({'width': 32}, ('64x48', '32x48')),
    ],
)
def test_a_camera_that_cannot_be_used_is_left_out(start, pipeline, changes, words):
    rig = start()
    rig.until(
        lambda: rig.tells('camera_info', 'expected', *words),
        repeat=lambda: rig.send_frame(**changes),
    )
    assert all(each.camera is None for each in pipeline.frames)
    assert rig.keypoints


def test_the_calibration_of_another_camera_is_left_out(start, pipeline, camera_info):
    rig = start()

    def send():
        rig.send_image()
        rig.send(camera_info=camera_info(Header(frame_id='depth_optical')))

    rig.until(lambda: rig.tells('camera_color_optical_frame', 'depth_optical'), repeat=send)
    assert all(each.camera is None for each in pipeline.frames)
    rig.send(camera_info=camera_info(Header()))
    rig.until(lambda: pipeline.frames[-1].camera is not None, repeat=rig.send_image)


def test_depth_without_any_measurement_reaches_the_pipeline_as_nan(start, pipeline):
    rig = start()
    nothing = np.zeros((48, 64), np.uint16)
    rig.until(
        lambda: pipeline.frames and pipeline.frames[-1].depth_m is not None,
        repeat=lambda: rig.send_frame(depth=nothing),
    )
    assert np.isnan(pipeline.frames[-1].depth_m).all()
    rig.until(lambda: rig.keypoints)


def test_negative_depth_and_infinity_reach_the_pipeline_as_nan(start, pipeline):
    rig = start()
    depth_m = np.full((48, 64), 0.5, np.float32)
    depth_m[:24] = -0.5
    depth_m[24:30] = np.inf
    rig.until(
        lambda: pipeline.frames and pipeline.frames[-1].depth_m is not None,
        repeat=lambda: rig.send_frame(depth=depth_m, encoding='32FC1'),
    )
    assert np.isnan(pipeline.frames[-1].depth_m[:30]).all()
    assert (pipeline.frames[-1].depth_m[30:] == 0.5).all()


def test_why_a_hand_has_no_positions_is_told(start, pipeline, hand):
    rig = start()
    nowhere = replace(hand(), joints_cam=np.full((21, 3), np.nan, np.float32))
    pipeline.hands, pipeline.depth_refusals = (nowhere,), 'a flat surface'
    rig.until(
        lambda: rig.keypoints and rig.value('hands without depth') == 'a flat surface',
        repeat=rig.send_frame,
    )
    (sent,) = rig.keypoints[-1].hands
    assert all(np.isnan(keypoint.position.z) for keypoint in sent.keypoints)


def test_rgb_without_depth_and_camera_info_goes_on_and_is_said(start):
    rig = start()
    rig.until(
        lambda: rig.tells(f'/{rig.name}/depth') and rig.tells(f'/{rig.name}/camera_info'),
        repeat=rig.send_image,
    )
    assert rig.statuses[-1].level == b'\x01'
    assert rig.keypoints


def test_depth_of_other_times_is_said_and_left_out(start, pipeline, image, camera_info):
    rig = start('-p', 'sync.slop_s:=0.005')

    def send():
        header = rig.send_image()
        other_s = rig.header(step_s=0.015)
        rig.send(
            camera_info=camera_info(header),
            depth=image(np.ones((48, 64), np.uint16), '16UC1', other_s),
        )

    rig.until(lambda: rig.tells('depth', 'expected', '5 ms', 'sync.slop_s'), repeat=send)
    assert all(each.depth_m is None for each in pipeline.frames)


def test_images_without_stamps_are_said_and_get_that_of_their_arrival(start, image):
    rig = start(*NO_DEPTH)
    rig.until(
        lambda: rig.tells('image stamps', 'expected', 'got 0') and len(rig.keypoints) > 1,
        repeat=lambda: rig.send(image=image(GREY, 'rgb8', Header(frame_id='optical'))),
    )
    first, second = (each.header.stamp for each in rig.keypoints[:2])
    assert first.sec > 0
    assert (second.sec, second.nanosec) > (first.sec, first.nanosec)


def test_a_camera_info_that_comes_once_is_enough(start, camera_info, pipeline):
    rig = start('-p', 'input.depth_transport:=raw')
    rig.until(lambda: rig.publishers['camera_info'].get_subscription_count() > 0)
    rig.until(
        lambda: pipeline.frames and pipeline.frames[-1].camera is not None, repeat=rig.send_frame
    )
    count = len(rig.statuses)
    rig.until(lambda: len(rig.statuses) > count + 4, repeat=rig.send_image)
    assert 'camera_info' not in rig.statuses[-1].message
    rig.node.trigger_deactivate()
    rig.node.trigger_activate()
    pipeline.frames.clear()
    rig.until(lambda: pipeline.frames, repeat=rig.send_image)
    assert pipeline.frames[0].camera is not None


def test_an_image_whose_stamp_is_a_little_early_ends_no_track(start, pipeline):
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)
    rig.stamp_s -= 0.04
    early = rig.send_image()
    rig.until(lambda: rig.tells('stamps', 'expected', 'earlier'))
    before = len(rig.keypoints)
    rig.stamp_s += 0.04
    rig.until(lambda: len(rig.keypoints) > before, repeat=rig.send_image)
    assert pipeline.resets == 0
    assert all(each.header != early for each in rig.keypoints)


def test_an_input_that_is_silent_is_said_by_its_resolved_name(start):
    rig = start(*NO_DEPTH, '-r', 'image:=/somewhere/else')
    rig.until(lambda: rig.tells('/somewhere/else', 'got none'))


def test_stamps_that_go_back_are_said_and_reset_the_tracks(start, pipeline):
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)
    rig.stamp_s -= 50.0
    before = len(rig.keypoints)
    rig.until(lambda: len(rig.keypoints) > before + 2, repeat=rig.send_image)
    assert pipeline.resets == 1
    rig.until(lambda: rig.tells('stamps', 'expected', 'earlier'))
    assert sum('stamps' in text for text in rig.logs) == 1


@pytest.mark.parametrize('change', ['frame', 'size'])
def test_images_of_another_camera_or_size_end_the_tracks(start, pipeline, image, change):
    rig = start(*NO_DEPTH)
    rig.until(lambda: len(pipeline.frames) > 1, repeat=rig.send_image)
    assert pipeline.resets == 0

    def send():
        if change == 'frame':
            rig.send(image=image(GREY, 'rgb8', rig.header(frame_id='wrist_optical_frame')))
        else:
            rig.send(image=image(GREY[:24], 'rgb8', rig.header()))

    count = len(pipeline.frames)
    rig.until(lambda: len(pipeline.frames) > count + 2, repeat=send)
    assert pipeline.resets == 1


def test_a_parameter_out_of_range_at_start_is_said_and_the_default_holds(start, pipeline):
    rig = start(*NO_DEPTH, '-p', 'detector.threshold:=7.0')
    rig.until(lambda: rig.tells('detector.threshold', 'from 0.01 to 1.0', '7.0'))
    assert rig.node.get_parameter('detector.threshold').value == 0.2
    goes_on(rig)


def test_a_publisher_whose_qos_does_not_fit_is_said(start):
    override = 'qos_overrides./not/reliable.subscription.reliability:=reliable'
    rig = start(*NO_DEPTH, '-r', 'image:=/not/reliable', '-p', override)
    best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    rig.peer.create_publisher(Image, '/not/reliable', best_effort)
    rig.until(lambda: rig.tells('/not/reliable', 'RELIABILITY', 'qos_overrides'))
    count = len(rig.statuses)
    rig.until(lambda: len(rig.statuses) > count + 3)
    assert 'RELIABILITY' in rig.statuses[-1].message


def test_a_listener_whose_qos_does_not_fit_is_said(start):
    rig = start(*NO_DEPTH)
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    rig.peer.create_subscription(MarkerArray, 'markers', rig.markers.append, latched)
    rig.until(lambda: rig.tells(f'/{rig.name}/markers', 'DURABILITY', 'qos_overrides'))
