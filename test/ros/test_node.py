"""The node over real topics: images in, hands out."""

import array
import struct

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from visualization_msgs.msg import Marker, MarkerArray

from hand_pose_ros.types import Camera

NO_DEPTH = ('-p', 'input.use_depth:=false')
RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
DEPTH_MM = np.random.default_rng(1).integers(0, 3000, (48, 64), np.uint16)
DEPTH_M = np.where(DEPTH_MM > 0, DEPTH_MM / 1000, np.nan)


def png(pixels):
    return array.array('B', cv2.imencode('.png', pixels)[1].tobytes())


def test_every_image_is_answered_under_its_own_header_also_without_hands(start):
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)
    rig.keypoints.clear()
    for count in range(1, 6):
        header = rig.send_image()
        rig.until(lambda wanted=count: len(rig.keypoints) == wanted)
        assert rig.keypoints[-1].header == header
        assert rig.keypoints[-1].hands == []


def test_hands_of_the_pipeline_are_published(start, pipeline, hand):
    pipeline.hands = (hand('1'), hand('2'))
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)
    first, second = rig.keypoints[0].hands
    assert (first.id, second.id) == ('1', '2')
    assert first.keypoints[8].u == 18.25


@pytest.mark.parametrize(
    ('encoding', 'pixels'),
    [
        ('rgb8', RGB),
        ('bgr8', RGB[..., ::-1]),
        ('bgra8', np.dstack([RGB[..., ::-1], RGB[..., :1]])),
    ],
)
def test_raw_images_reach_the_pipeline_pixel_by_pixel(start, pipeline, image, encoding, pixels):
    rig = start(*NO_DEPTH)
    rig.until(
        lambda: pipeline.frames,
        repeat=lambda: rig.send(image=image(pixels, encoding, rig.header())),
    )
    np.testing.assert_array_equal(pipeline.frames[0].rgb, RGB)
    assert pipeline.frames[0].stamp_s == pytest.approx(rig.stamp_s, abs=1.0)


def test_depth_and_camera_come_with_their_image(start, pipeline):
    rig = start()
    rig.until(
        lambda: pipeline.frames and pipeline.frames[-1].depth_m is not None,
        repeat=lambda: rig.send_frame(depth=DEPTH_MM),
    )
    frame = pipeline.frames[-1]
    np.testing.assert_allclose(frame.depth_m, DEPTH_M, rtol=1e-6)
    assert frame.camera == Camera(48, 64, 50.0, 51.0, 31.5, 23.5, (0.1, 0.0, 0.0, 0.0, 0.0))


@pytest.mark.parametrize('head', [b'', struct.pack('<iff', 0, 0.0, 0.0)])
def test_compressed_image_and_depth_are_heard_on_the_topics_of_image_transport(
    start, pipeline, head
):
    rig = start(
        '-p', 'input.image_transport:=compressed', '-p', 'input.depth_transport:=compressedDepth'
    )

    def send():
        header = rig.header()
        depth = array.array('B', head) + png(DEPTH_MM)
        rig.send(
            depth__compressedDepth=CompressedImage(
                header=header, format='16UC1; compressedDepth png', data=depth
            ),
            image__compressed=CompressedImage(
                header=header, format='png', data=png(RGB[..., ::-1])
            ),
        )

    rig.until(lambda: pipeline.frames and pipeline.frames[-1].depth_m is not None, repeat=send)
    np.testing.assert_array_equal(pipeline.frames[-1].rgb, RGB)
    np.testing.assert_allclose(pipeline.frames[-1].depth_m, DEPTH_M, rtol=1e-6)


def test_remapped_inputs_are_heard_compressed_too(start, pipeline):
    rig = start(
        *NO_DEPTH, '-p', 'input.image_transport:=compressed', '-r', 'image:=/camera/color/image'
    )
    publisher = rig.peer.create_publisher(CompressedImage, '/camera/color/image/compressed', 10)
    message = CompressedImage(format='png', data=png(RGB))
    rig.until(lambda: pipeline.frames, repeat=lambda: publisher.publish(message))


def test_of_a_burst_the_newest_image_is_answered_and_the_others_are_dropped(start, pipeline):
    rig = start(*NO_DEPTH)
    pipeline.gate.clear()
    rig.until(lambda: pipeline.frames, repeat=rig.send_image)
    burst = 30
    for _ in range(burst):
        rig.send_image()
        rig.executor.spin_once(timeout_sec=0.02)
    newest = rig.send_image()
    rig.until(lambda: int(rig.value('dropped') or 0) >= burst // 2)
    pipeline.gate.set()
    rig.until(lambda: rig.keypoints and rig.keypoints[-1].header == newest)
    # The one that was in work, and the newest; at most one slipped in before that.
    assert len(rig.keypoints) <= 3


def test_markers_appear_and_are_deleted_with_their_hand(start, pipeline, hand):
    pipeline.hands = (hand('1'), hand('2'))
    rig = start(*NO_DEPTH)
    rig.peer.create_subscription(MarkerArray, 'markers', rig.markers.append, 10)
    rig.until(lambda: rig.markers, repeat=rig.send_image)
    assert {each.ns for each in rig.markers[0].markers} == {'1', '2'}
    pipeline.hands = (hand('2'),)
    deletions = {('1', 0), ('1', 1)}
    rig.until(
        lambda: any(
            {(m.ns, m.id) for m in each.markers if m.action == Marker.DELETE} == deletions
            for each in rig.markers
        ),
        repeat=rig.send_image,
    )


def test_the_annotated_image_is_drawn_only_for_a_listener(start, pipeline, hand, monkeypatch):
    drawn = []
    draw = 'hand_pose_ros.ros.outputs.draw_hands'
    monkeypatch.setattr(draw, lambda rgb, hands: drawn.append(hands) or rgb)
    pipeline.hands = (hand(),)
    rig = start(*NO_DEPTH)
    rig.until(lambda: len(rig.keypoints) >= 2, repeat=rig.send_image)
    assert drawn == []
    rig.peer.create_subscription(Image, 'image_annotated', rig.annotated.append, 10)
    rig.until(lambda: rig.annotated, repeat=rig.send_image)
    assert drawn[0] == pipeline.hands
    assert (rig.annotated[0].width, rig.annotated[0].encoding) == (64, 'rgb8')


def test_diagnostics_tell_rate_latency_and_runtime(start):
    rig = start(*NO_DEPTH)
    rig.until(lambda: int(rig.value('frames') or 0) >= 5, repeat=rig.send_image)
    assert rig.value('runtime') == 'a fake'
    assert rig.value('state') == 'active'
    assert float(rig.value('rate').split()[0]) > 0
    # The camera's stamps are 100 s after 1970.
    assert 'use_sim_time' in rig.value('latency p50')


def test_latency_is_measured_on_simulated_time(start):
    rig = start(*NO_DEPTH, '-p', 'use_sim_time:=true')
    clock = rig.peer.create_publisher(Clock, '/clock', 10)

    def send():
        message = Clock()
        message.clock = rig.send_image().stamp
        clock.publish(message)

    rig.until(lambda: rig.value('latency p50').endswith('ms'), repeat=send)


def test_a_setting_changes_while_the_node_runs(start, pipeline):
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)
    (result,) = rig.node.set_parameters([Parameter('detector.threshold', value=0.5)])
    assert result.successful
    rig.until(lambda: pipeline.configs, repeat=rig.send_image)
    assert pipeline.configs[-1].detector.threshold == 0.5


def test_an_input_changes_while_the_node_runs(start, pipeline, image):
    rig = start()
    (result,) = rig.node.set_parameters([Parameter('input.image_transport', value='compressed')])
    assert result.successful
    message = CompressedImage(format='png', data=png(RGB))
    rig.until(lambda: pipeline.frames, repeat=lambda: rig.send(image__compressed=message))


def test_an_input_that_cannot_be_subscribed_to_is_refused_and_the_old_one_goes_on(start):
    first = start(*NO_DEPTH, '-p', 'autostart:=false')
    topic = f'/t{int(first.name[1:]) + 1}/image/compressed'
    wrong = f'qos_overrides.{topic}.subscription.reliability:=sometimes'
    rig = start(*NO_DEPTH, '-p', wrong)
    (result,) = rig.node.set_parameters([Parameter('input.image_transport', value='compressed')])
    assert not result.successful
    assert 'reliability' in result.reason
    assert rig.node.get_parameter('input.image_transport').value == 'raw'
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('detector.threshold', 7.0, ('detector.threshold', '0.01', '1.0', '7.0')),
        ('detector.cycle', 'sometimes', ('detector.cycle', 'off, small, full', 'sometimes')),
        ('model.threads', 1, ('model', 'clean')),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_with_the_reason(start, name, value, words):
    rig = start(*NO_DEPTH)
    before = rig.node.get_parameter(name).value
    (result,) = rig.node.set_parameters([Parameter(name, value=value)])
    assert not result.successful
    assert all(word in result.reason for word in words)
    assert rig.node.get_parameter(name).value == before
