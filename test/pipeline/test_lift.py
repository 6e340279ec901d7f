import os
from dataclasses import replace
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from depth_oracle import CAMERA, DepthOracle, as_hand, depth_image, open_hand

from hand_pose_ros.estimators.local_regression_hourglass import (
    DepthReading,
    LocalRegressionHourglassEstimator,
)
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.pipeline.config import LiftConfig
from hand_pose_ros.pipeline.lift import SKIN_M, join, lift_hand, lift_hands
from hand_pose_ros.skeleton import BONES, FINGERS, PALM
from hand_pose_ros.types import Camera, Hand, PositionSource, Side

CONFIG = LiftConfig()
MIDDLE_TIP = FINGERS[2][3]


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


def test_what_hides_most_of_a_hand_is_not_the_hand_where_that_would_be_tiny():
    joints_cam = open_hand(1.2)
    hand, depth_m = as_hand(joints_cam), depth_image(joints_cam, 2.0)
    behind = np.argsort(hand.keypoints_px[:, 0])[:14]
    depth_m[:, : int(hand.keypoints_px[behind, 0].max()) + 5] = 0.5
    lifted = lift_hand(hand, depth_m, CAMERA, CONFIG)
    measured = np.isfinite(lifted.joints_cam).all(axis=1)
    assert measured.sum() >= 5
    assert lifted.joints_cam[measured, 2].min() > 1.1
    # Keypoints that nobody is sure of do not tell size: most joints are in front.
    unsure = replace(hand, scores=np.full(21, 0.1, np.float32))
    assert np.nanmax(lift_hand(unsure, depth_m, CAMERA, CONFIG).joints_cam[:, 2]) < 0.6


def test_what_hides_all_of_a_hand_is_not_the_hand_where_that_would_be_tiny():
    joints_cam = open_hand(1.2)
    before_it = np.full((CAMERA.height, CAMERA.width), 0.5, np.float32)
    hand = lift_hand(as_hand(joints_cam), before_it, CAMERA, CONFIG)
    assert np.isnan(hand.joints_cam).all()
    # Of three quarters of the size it may be that of a child.
    child = lift_hand(as_hand(joints_cam), before_it + 0.4, CAMERA, CONFIG)
    np.testing.assert_allclose(child.joints_cam[:, 2], 0.9, rtol=1e-6)


def test_of_a_hand_torn_into_halves_the_one_of_ordinary_size_is_kept_if_there_is_one():
    joints_cam = open_hand(0.6)
    depth_m = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    hand = as_hand(joints_cam)
    for index, (x, y) in enumerate(hand.keypoints_px[:20].round().astype(int)):
        depth_m[y - 4 : y + 5, x - 4 : x + 5] = 0.6 if index < 10 else 0.9
    joints_m = lift_hand(hand, depth_m, CAMERA, CONFIG).joints_cam[:, 2]
    np.testing.assert_allclose(joints_m[:10], 0.6)
    assert np.isnan(joints_m[10:]).all()
    untold = replace(hand, scores=np.zeros(21, np.float32))
    assert np.isnan(lift_hand(untold, depth_m, CAMERA, CONFIG).joints_cam).all()


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


JOINTS_CAM = open_hand(0.6)


def skin_image(joints_cam: np.ndarray = JOINTS_CAM, but: int | None = None) -> np.ndarray:
    """A depth image of patches of skin before each joint, but for one of them."""
    depth_m = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    for joint, (x, y) in enumerate(project(joints_cam, CAMERA).round().astype(int)):
        if joint != but:
            depth_m[y - 9 : y + 10, x - 9 : x + 10] = joints_cam[joint, 2] - SKIN_M[joint]
    return depth_m


def joined(joints_cam: np.ndarray, depth_m: np.ndarray, hand: Hand | None = None) -> Hand:
    """Joins what a network says, and a side of 0.9, with depth, at the keypoints of JOINTS_CAM."""
    reading = DepthReading(joints_cam.astype(np.float32), 0.9)
    return join(hand or as_hand(JOINTS_CAM), reading, depth_m, CAMERA, CONFIG)


def test_depth_that_fits_the_network_counts_moved_from_the_skin_to_the_joint():
    hand = joined(JOINTS_CAM + np.array((0.004, 0, 0.01)), skin_image())
    assert (hand.position_sources == PositionSource.MEASURED).all()
    assert np.linalg.norm(hand.joints_cam - JOINTS_CAM, axis=1).max() < 0.001
    assert hand.joints_cam.dtype == np.float32
    assert hand.position_sources.dtype == np.uint8
    np.testing.assert_array_equal(hand.scores, np.ones(21))
    assert hand.score == 0.9


def test_joints_without_depth_are_predicted():
    hand = joined(JOINTS_CAM, skin_image(but=MIDDLE_TIP))
    predicted = hand.position_sources == PositionSource.MODEL
    np.testing.assert_array_equal(np.flatnonzero(predicted), [MIDDLE_TIP])
    np.testing.assert_allclose(hand.joints_cam[MIDDLE_TIP], JOINTS_CAM[MIDDLE_TIP], atol=1e-6)
    assert hand.scores[MIDDLE_TIP] == 1


@pytest.mark.parametrize('behind', [1, -1], ids=['behind', 'before'])
def test_a_joint_behind_or_before_what_is_seen_is_predicted_and_less_sure(behind):
    scores = []
    for apart_m in (0.05, 0.07):
        said = JOINTS_CAM.copy()
        said[MIDDLE_TIP] *= (0.6 + behind * apart_m) / 0.6  # along its ray
        hand = joined(said, skin_image())
        assert hand.position_sources[MIDDLE_TIP] == PositionSource.MODEL
        np.testing.assert_allclose(hand.joints_cam[MIDDLE_TIP], said[MIDDLE_TIP], atol=1e-6)
        assert (np.delete(hand.scores, MIDDLE_TIP) == 1).all()
        scores.append(hand.scores[MIDDLE_TIP])
    assert 0.9 > scores[0] > 1.3 * scores[1] > 0


def test_predicted_joints_project_onto_keypoints_near_them():
    before = as_hand(JOINTS_CAM)
    before.keypoints_px[MIDDLE_TIP] = np.nan
    said = JOINTS_CAM + np.array((0.02, -0.01, 0.02))
    hand = joined(said, np.full((CAMERA.height, CAMERA.width), np.nan, np.float32), before)
    assert (hand.position_sources == PositionSource.MODEL).all()
    gaps_px = np.linalg.norm(project(hand.joints_cam, CAMERA) - before.keypoints_px, axis=1)
    assert np.nanmax(gaps_px) < 0.01
    np.testing.assert_allclose(hand.joints_cam[:, 2], said[:, 2], atol=1e-6)
    np.testing.assert_allclose(hand.joints_cam[MIDDLE_TIP], said[MIDDLE_TIP], atol=1e-6)


@pytest.mark.parametrize(('off_m', 'kept'), [(0.02, 1), (0.06, 0.5), (0.12, 0.25)])
def test_joints_far_from_the_keypoints_cost_the_hand_its_score(off_m, kept):
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    hand = joined(JOINTS_CAM + np.array((off_m, 0, 0)), nothing)
    assert hand.score == pytest.approx(as_hand(JOINTS_CAM).score * kept, rel=0.01)


def test_keypoints_are_where_the_joints_are_seen_but_for_those_that_are_not():
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    said = JOINTS_CAM + np.array((0.02, 0, 0))
    before = as_hand(JOINTS_CAM)
    before.scores[:] = np.linspace(0, 1, 21)
    before.keypoints_px[MIDDLE_TIP] = np.nan
    hand = joined(said, nothing, before)
    unseen = np.isnan(hand.keypoints_px).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(unseen), [MIDDLE_TIP])
    gaps_px = np.linalg.norm(project(hand.joints_cam, CAMERA) - hand.keypoints_px, axis=1)
    assert np.nanmax(gaps_px) < 0.01
    steps_px = np.linalg.norm(hand.keypoints_px - before.keypoints_px, axis=1)
    assert steps_px[20] < 0.01  # of a sure one
    assert steps_px[0] == pytest.approx(0.016 / 0.6 * CAMERA.fx, rel=0.02)  # of an unsure one
    assert hand.keypoints_px.dtype == np.float32


def test_unsure_keypoints_move_the_joints_less():
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    said = JOINTS_CAM + np.array((0.02, 0, 0))
    before = as_hand(JOINTS_CAM)
    before.scores[:] = np.linspace(0, 1, 21)
    hand = joined(said, nothing, before)
    steps_m = np.linalg.norm(hand.joints_cam - said, axis=1)
    np.testing.assert_allclose(steps_m, np.linspace(0.004, 0.02, 21), rtol=0.01)


@pytest.mark.parametrize(
    ('seen', 'expected'),
    [
        ((Side.UNKNOWN, 0.0), (Side.RIGHT, 0.9)),
        ((Side.RIGHT, 0.5), (Side.RIGHT, 0.7)),
        ((Side.LEFT, 0.6), (Side.RIGHT, 0.15)),
        ((Side.LEFT, 1.0), (Side.LEFT, 0.05)),
    ],
)
def test_the_side_is_the_surer_one_of_picture_and_depth(seen, expected):
    side, score = seen
    hand = replace(as_hand(JOINTS_CAM), side=side, side_score=score)
    told = joined(JOINTS_CAM, skin_image(), hand)
    assert (told.side, told.side_score) == (expected[0], pytest.approx(expected[1]))


def test_depth_that_tells_no_side_changes_none():
    hand = replace(as_hand(JOINTS_CAM), side=Side.LEFT, side_score=0.6)
    reading = DepthReading(JOINTS_CAM.astype(np.float32), 0.0)
    told = join(hand, reading, skin_image(), CAMERA, CONFIG)
    assert (told.side, told.side_score) == (Side.LEFT, 0.6)


def lift_with(values: np.ndarray, hand: Hand, depth_m: np.ndarray) -> tuple[Hand, list[str]]:
    estimator = LocalRegressionHourglassEstimator(DepthOracle([values]))
    (lifted_hand,), refusals = lift_hands([hand], depth_m, CAMERA, CONFIG, estimator)
    return lifted_hand, refusals


def test_every_hand_with_depth_gets_all_joints_and_the_others_stay_flat():
    near, far = open_hand(0.6, -0.15), open_hand(0.6, 0.15)
    depth_m = depth_image(near, np.nan)
    depth_m[:, 220] = np.nan  # a cut through the hand
    estimator = LocalRegressionHourglassEstimator(DepthOracle([np.zeros((21, 3))]))
    hands = [as_hand(near), as_hand(far)]
    (first, second), refusals = lift_hands(hands, depth_m, CAMERA, CONFIG, estimator)
    assert np.isfinite(first.joints_cam).all()
    assert (first.position_sources != PositionSource.NONE).all()
    assert np.isnan(second.joints_cam).all()
    np.testing.assert_array_equal(second.keypoints_px, hands[1].keypoints_px)
    assert refusals == ['no depth in its box that fits its size']


@pytest.mark.parametrize(
    ('unseen', 'expected'), [([], 'no depth in its box that fits'), (PALM, 'giant, 1.')]
)
def test_a_hand_at_an_impossible_distance_gets_no_predicted_joints(unseen, expected):
    hand = as_hand(open_hand(0.5))
    hand.keypoints_px[list(unseen)] = np.nan
    # A hand too close for the sensor, before folds of cloth: at their depth it would be a giant.
    folds_m = 1.8 + 0.1 * np.sin(np.arange(CAMERA.width) / 15)
    cloth = np.tile(folds_m.astype(np.float32), (CAMERA.height, 1))
    lifted_hand, (reason,) = lift_with(np.zeros((21, 3)), hand, cloth)
    assert np.isnan(lifted_hand.joints_cam).all()
    assert expected in reason


def test_a_hand_without_keypoints_is_lifted_without_a_warning():
    joints_cam = open_hand(0.6)
    hand = as_hand(joints_cam)
    depth_m = depth_image(joints_cam, 1.5)
    hand.keypoints_px[:] = np.nan
    lifted_hand, _ = lift_with(np.zeros((21, 3)), hand, depth_m)
    assert np.isnan(lifted_hand.keypoints_px).all()


def test_keypoints_on_a_wall_have_no_positions():
    wall_m = np.full((CAMERA.height, CAMERA.width), 0.6, np.float32)
    lifted_hand, refusals = lift_with(np.zeros((21, 3)), as_hand(open_hand(0.6)), wall_m)
    assert refusals == ['a flat surface']
    assert np.isnan(lifted_hand.joints_cam).all()
    assert (lifted_hand.position_sources == PositionSource.NONE).all()
    assert np.isfinite(lifted_hand.keypoints_px).all()


def test_without_an_answer_of_the_network_what_was_measured_stays_moved_to_the_joints():
    lifted_hand, refusals = lift_with(
        np.full((21, 3), np.nan), as_hand(JOINTS_CAM), skin_image(but=MIDDLE_TIP)
    )
    assert refusals == ['the depth network answers with NaN']
    assert np.isnan(lifted_hand.joints_cam[MIDDLE_TIP]).all()
    gaps_m = np.linalg.norm(lifted_hand.joints_cam - JOINTS_CAM, axis=1)
    assert np.nanmax(gaps_m) < 0.002


def test_a_joint_that_would_lie_behind_the_camera_is_unknown():
    near = JOINTS_CAM.copy()
    near[MIDDLE_TIP, 2] = -0.01
    hand = joined(near, np.full((CAMERA.height, CAMERA.width), np.nan, np.float32))
    unknown = np.isnan(hand.joints_cam).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(unknown), [MIDDLE_TIP])
    assert hand.position_sources[MIDDLE_TIP] == PositionSource.NONE


def test_a_hand_out_of_the_range_that_is_believed_gets_no_predicted_joints():
    estimator = LocalRegressionHourglassEstimator(DepthOracle([np.zeros((21, 3))]))
    hand, depth_m = as_hand(open_hand(0.6)), depth_image(open_hand(0.6), np.nan)
    config = replace(CONFIG, max_depth_m=0.5)
    (found,), (reason,) = lift_hands([hand], depth_m, CAMERA, config, estimator)
    assert np.isnan(found.joints_cam).all()
    assert reason == 'it would be 0.6 m away'


def test_without_a_depth_network_hands_without_depth_are_told():
    nothing = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    (hand,), refusals = lift_hands([as_hand(open_hand(0.6))], nothing, CAMERA, CONFIG, None)
    assert np.isnan(hand.joints_cam).all()
    assert refusals == ['no depth at its keypoints']


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
