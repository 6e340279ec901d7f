"""The clip that comes with the package, and the scenes that it is rendered from."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from hand_pose_ros.data.clip_bag import TOPICS
from hand_pose_ros.data.demo_clip import INTRINSICS, clip_scene, simulate_sr305_frames
from hand_pose_ros.data.depth_comparison import measure_errors
from hand_pose_ros.data.rendering.render import HandRenderer

CLIP = Path(__file__).parents[2] / 'hand_pose_ros' / 'demo' / 'clip'
COLOUR, DEPTH, CAMERA, TRUTH = TOPICS


@pytest.fixture(scope='module')
def clip():
    """Decoded messages of the committed clip: topic -> list in the order of time."""
    store = get_typestore(Stores.ROS2_JAZZY)
    messages = {topic: [] for topic in TOPICS}
    with Reader(CLIP) as bag:
        for connection, _, data in bag.messages():
            messages[connection.topic].append(store.deserialize_cdr(data, connection.msgtype))
    return messages


@pytest.fixture(scope='module')
def truth(clip):
    return [json.loads(message.data) for message in clip[TRUTH]]


@pytest.fixture(scope='module')
def depths_m(clip):
    images = [cv2.imdecode(message.data[12:], cv2.IMREAD_UNCHANGED) for message in clip[DEPTH]]
    return np.where(np.array(images) > 0, np.array(images) / 1000, np.nan)


@pytest.fixture(scope='module')
def renderer(shared_dir):
    return HandRenderer(shared_dir / 'data/hand_assets')


def test_the_clip_is_twelve_seconds_at_15_hz_and_under_12_mb(clip):
    assert {topic: len(messages) for topic, messages in clip.items()} == dict.fromkeys(TOPICS, 180)
    stamps = [m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 for m in clip[COLOUR]]
    np.testing.assert_allclose(np.diff(stamps), 1 / 15, atol=1e-6)
    assert sum(path.stat().st_size for path in CLIP.iterdir()) < 12e6
    assert (CLIP / 'metadata.yaml').is_file()


def test_colour_and_depth_are_640_by_480_and_aligned_with_camera_info(clip, depths_m):
    assert depths_m.shape == (180, 480, 640)
    for message in clip[COLOUR][::30]:
        assert cv2.imdecode(message.data, cv2.IMREAD_COLOR).shape == (480, 640, 3)
    info = clip[CAMERA][0]
    assert (info.height, info.width) == (480, 640)
    assert [info.k[i] for i in (0, 4, 2, 5)] == list(INTRINSICS)


def test_nobody_is_there_at_first_and_at_last_and_four_hands_in_between(truth):
    assert truth[0]['hands'] == truth[-1]['hands'] == []
    counts = [len(image['hands']) for image in truth]
    assert max(counts) == 4
    assert np.mean(np.array(counts) == 4) > 0.2
    sides = {hand['side'] for image in truth for hand in image['hands']}
    assert sides == {'left', 'right'}


def test_a_hand_of_each_person_crosses_the_other_in_the_picture(truth):
    # Labels come person by person, left hand first.
    four = [
        [hand['keypoints'][0][0] for hand in i['hands']] for i in truth if len(i['hands']) == 4
    ]
    ahead = [first_left < second_right for first_left, _, _, second_right in four]
    assert 0.2 < np.mean(ahead) < 0.95
    assert np.abs(np.diff(ahead)).sum() == 2


def test_keypoints_are_the_projections_of_the_joints(truth):
    fx, fy, cx, cy = INTRINSICS
    for image in truth:
        for hand in image['hands']:
            x, y, z = np.array(hand['joints_m']).T
            seen_at = np.stack((fx * x / z + cx, fy * y / z + cy), axis=1)
            np.testing.assert_allclose(np.array(hand['keypoints'])[:, :2], seen_at, atol=0.03)


def test_depth_at_visible_joints_is_that_of_the_skin_before_them(truth, depths_m):
    before_m = []
    for image, depth_m in zip(truth, depths_m, strict=True):
        for hand in image['hands']:
            pixels = np.rint(np.array(hand['keypoints'])[:, :2]).astype(int)
            joints = np.array(hand['joints_m'])[:, 2]
            for (x, y), z, seen in zip(pixels, joints, hand['visible'], strict=True):
                if seen:
                    before_m.append(z - depth_m[y, x])
    before_m = np.array(before_m)
    measured = np.isfinite(before_m)
    assert measured.mean() > 0.9
    assert 0.002 < np.median(before_m[measured]) < 0.02
    assert np.mean(np.abs(before_m[measured]) < 0.035) > 0.97


def test_hands_keep_clear_of_each_other(renderer):
    times_s = torch.arange(0, 12, 0.2)
    scene = clip_scene(renderer, times_s)
    tiny = replace(
        scene,
        height=24,
        width=32,
        supersampling=1,
        background=None,
        lens=replace(scene.lens, intrinsics=scene.lens.intrinsics / 20),
    )
    joints = renderer.render_scene(tiny, shaded=False).joints_cam
    for a, b in combinations(range(joints.shape[1]), 2):
        gaps_m = torch.cdist(joints[:, a], joints[:, b])
        # NaN where a hand is out of the picture.
        assert gaps_m.nan_to_num(nan=1.0).min() > 0.035


def test_simulated_frames_measure_like_those_of_a_real_sr305(renderer, shared_dir):
    simulated = measure_errors(simulate_sr305_frames(renderer, 3))
    assert simulated.noise_per_m == pytest.approx(0.29e-3, rel=0.3)
    assert simulated.raggedness_px == pytest.approx(1.29, rel=0.2)
    assert simulated.grain == pytest.approx(0.60, abs=0.1)
    assert simulated.jump_share < 0.001
    assert simulated.hole_share == pytest.approx(0.049, abs=0.021)
