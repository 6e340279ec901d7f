import os
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest

from hand_pose_ros.geometry.camera import project
from hand_pose_ros.pipeline.config import LiftConfig
from hand_pose_ros.pipeline.lift import lift_hand
from hand_pose_ros.skeleton import BONES, FINGERS
from hand_pose_ros.types import Camera, Hand, PositionSource

CAMERA = Camera(height=480, width=640, fx=600, fy=600, cx=319.5, cy=239.5)
CONFIG = LiftConfig()
MIDDLE_TIP = FINGERS[2][3]


def open_hand(depth_m: float) -> np.ndarray:
    """The joints of an open hand of 19 cm that faces the camera, (21, 3) metres."""
    joints_cam = np.zeros((21, 3))
    angles = np.deg2rad([-50, -15, 0, 13, 27])
    for angle, palm, finger in zip(angles, (0.03, 0.09, 0.09, 0.085, 0.08), FINGERS, strict=True):
        reach = palm + np.array([0, 0.045, 0.075, 0.1])
        joints_cam[list(finger), 0] = reach * np.sin(angle)
        joints_cam[list(finger), 1] = -reach * np.cos(angle)
    return joints_cam + np.array([0, 0.08, depth_m])


def as_hand(joints_cam: np.ndarray) -> Hand:
    keypoints_px = project(joints_cam, CAMERA).astype(np.float32)
    box_px = np.concatenate((keypoints_px.min(axis=0) - 10, keypoints_px.max(axis=0) + 10))
    return Hand(keypoints_px, np.ones(21, np.float32), box_px, score=0.9)


def depth_image(joints_cam: np.ndarray, background_m: float) -> np.ndarray:
    """Fingers 16 mm thick and a palm, at the depth of their joints, before a wall."""
    depth_m = np.full((CAMERA.height, CAMERA.width), background_m, np.float32)
    for parent, child in BONES:
        for share in np.linspace(0, 1, 40):
            point = (1 - share) * joints_cam[parent] + share * joints_cam[child]
            radius_m = 0.012 if parent == 0 else 0.008
            centre = project(point[None], CAMERA)[0].round().astype(int)
            radius_px = round(radius_m / point[2] * CAMERA.fx)
            cv2.circle(depth_m, centre.tolist(), radius_px, float(point[2]), -1)
    return depth_m


def test_joints_are_measured_to_a_millimetre_before_a_wall():
    joints_cam = open_hand(0.6)
    hand = lift_hand(as_hand(joints_cam), depth_image(joints_cam, 1.5), CAMERA, CONFIG)
    assert np.linalg.norm(hand.joints_cam - joints_cam, axis=1).max() < 0.001
    assert (hand.position_sources == PositionSource.MEASURED).all()
    assert hand.joints_cam.dtype == np.float32
    assert hand.position_sources.dtype == np.uint8


def test_only_positions_and_their_sources_change():
    before = as_hand(open_hand(0.6))
    after = lift_hand(before, depth_image(open_hand(0.6), 1.5), CAMERA, CONFIG)
    assert after.score == before.score
    np.testing.assert_array_equal(after.keypoints_px, before.keypoints_px)
    np.testing.assert_array_equal(after.scores, before.scores)
    assert np.isnan(before.joints_cam).all()


def test_a_joint_in_a_hole_is_unknown_and_alone():
    joints_cam = open_hand(0.6)
    hand, depth_m = as_hand(joints_cam), depth_image(joints_cam, 1.5)
    x, y = hand.keypoints_px[MIDDLE_TIP].round().astype(int)
    depth_m[y - 14 : y + 15, x - 14 : x + 15] = np.nan
    hand = lift_hand(hand, depth_m, CAMERA, CONFIG)
    unknown = np.isnan(hand.joints_cam).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(unknown), [MIDDLE_TIP])
    np.testing.assert_array_equal(hand.position_sources == PositionSource.NONE, unknown)


def test_a_keypoint_that_is_not_seen_has_no_position():
    joints_cam = open_hand(0.6)
    hand = as_hand(joints_cam)
    hand.keypoints_px[MIDDLE_TIP] = np.nan
    hand = lift_hand(hand, depth_image(joints_cam, 1.5), CAMERA, CONFIG)
    assert np.isnan(hand.joints_cam[MIDDLE_TIP]).all()
    assert np.isfinite(hand.joints_cam).all(axis=1).sum() == 20


@pytest.mark.parametrize('behind_m', [0.08, 0.12, 0.2, 0.5, 2.0])
def test_background_beside_a_finger_is_not_a_joint(behind_m):
    joints_cam = open_hand(0.6)
    hand = as_hand(joints_cam)
    beside = [FINGERS[0][3], FINGERS[2][2], FINGERS[2][3], FINGERS[4][3]]
    hand.keypoints_px[beside] += (-22, 0)
    hand = lift_hand(hand, depth_image(joints_cam, 0.6 + behind_m), CAMERA, CONFIG)
    assert np.isnan(hand.joints_cam[beside]).all()
    assert np.isfinite(hand.joints_cam).all(axis=1).sum() == 21 - len(beside)


def test_keypoints_a_third_of_a_finger_off_still_find_the_finger():
    joints_cam = open_hand(0.6)
    hand = as_hand(joints_cam)
    hand.keypoints_px[:] += (5, 0)
    hand = lift_hand(hand, depth_image(joints_cam, 1.5), CAMERA, CONFIG)
    np.testing.assert_allclose(hand.joints_cam[:, 2], 0.6, atol=0.001)


def test_a_finger_towards_the_camera_belongs_to_its_hand():
    joints_cam = open_hand(0.6)
    joints_cam[list(FINGERS[1]), 2] -= np.array([0, 0.035, 0.06, 0.08])
    hand = lift_hand(as_hand(joints_cam), depth_image(joints_cam, 1.5), CAMERA, CONFIG)
    np.testing.assert_allclose(hand.joints_cam[:, 2], joints_cam[:, 2], atol=0.006)


def test_a_hand_too_close_for_the_sensor_does_not_get_the_depth_of_the_wall():
    wall = np.full((CAMERA.height, CAMERA.width), 1.5, np.float32)
    hand = lift_hand(as_hand(open_hand(0.3)), wall, CAMERA, CONFIG)
    assert np.isnan(hand.joints_cam).all()
    assert (hand.position_sources == PositionSource.NONE).all()


def test_a_hand_torn_into_halves_has_no_positions():
    joints_cam = open_hand(0.6)
    depth_m = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    hand = as_hand(joints_cam)
    for index, (x, y) in enumerate(hand.keypoints_px[:20].round().astype(int)):
        depth_m[y - 4 : y + 5, x - 4 : x + 5] = 0.6 if index < 10 else 0.9
    assert np.isnan(lift_hand(hand, depth_m, CAMERA, CONFIG).joints_cam).all()


@pytest.mark.parametrize('depth', [np.nan, 0.05, 9.0])
def test_depth_that_is_missing_or_out_of_range_gives_nothing(depth):
    depth_m = np.full((CAMERA.height, CAMERA.width), depth, np.float32)
    hand = lift_hand(as_hand(open_hand(0.6)), depth_m, CAMERA, CONFIG)
    assert np.isnan(hand.joints_cam).all()


def test_an_old_measurement_does_not_survive():
    joints_cam = open_hand(0.6)
    hand = lift_hand(as_hand(joints_cam), depth_image(joints_cam, 1.5), CAMERA, CONFIG)
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    assert np.isnan(lift_hand(hand, nothing, CAMERA, CONFIG).joints_cam).all()


# By eye on one frame of an SR305, with the body 35 cm behind the hand.
SR305 = Camera(480, 640, 476.007, 476.007, 313.683, 242.755)
SR305_FRAME = 'data/real_depth/frames/20210326-230536/110.png'
SR305_FINGERS_PX = [
    [(250, 275), (278, 290), (305, 297), (330, 307)],
    [(302, 248), (332, 244), (356, 236), (376, 231)],
    [(300, 222), (330, 208), (350, 196), (367, 184)],
    [(290, 208), (317, 190), (334, 178), (350, 168)],
    [(272, 202), (290, 186), (301, 174), (311, 165)],
]
SR305_KEYPOINTS_PX = np.array([(225, 250), *chain(*SR305_FINGERS_PX)], np.float32)


@pytest.fixture
def sr305_depth_m():
    shared = Path(os.environ.get('HAND_POSE_SHARED', Path(__file__).parents[2] / '../shared'))
    path = shared / SR305_FRAME
    if not path.exists():
        pytest.skip(f'no shared data at {path}')
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)  # one unit is 0.125 mm, 0 a hole
    return np.where(raw > 0, raw / 8000, np.nan).astype(np.float32)


def sr305_hand(error_px: np.ndarray | float = 0.0) -> Hand:
    low, high = SR305_KEYPOINTS_PX.min(axis=0), SR305_KEYPOINTS_PX.max(axis=0)
    keypoints_px = (SR305_KEYPOINTS_PX + error_px).astype(np.float32)
    return Hand(keypoints_px, np.ones(21, np.float32), np.concatenate((low, high)), score=0.9)


def test_a_real_hand_has_bones_of_human_length(sr305_depth_m):
    hand = lift_hand(sr305_hand(), sr305_depth_m, SR305, CONFIG)
    ends = hand.joints_cam[np.array(BONES)]  # (20, 2, 3)
    lengths_m = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).reshape(5, 4)
    assert ((lengths_m[1:, 0] > 0.06) & (lengths_m[1:, 0] < 0.11)).all()  # wrist to knuckles
    assert ((lengths_m[:, 1:] > 0.01) & (lengths_m[:, 1:] < 0.06)).all()


def test_keypoints_four_pixels_off_never_lift_the_body_behind_a_real_hand(sr305_depth_m):
    rng = np.random.default_rng(0)
    depths_m = np.array(
        [
            lift_hand(sr305_hand(error_px), sr305_depth_m, SR305, CONFIG).joints_cam[:, 2]
            for error_px in rng.normal(0, 4, (50, 21, 2))
        ]
    )
    assert np.nanmax(depths_m) < 0.55
    assert np.isfinite(depths_m).mean() > 0.98
