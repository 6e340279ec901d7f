"""Errors of joints in metres, on hands whose depth and joints are known to a millimetre."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from depth_oracle import CAMERA, DepthOracle, answer, as_hand, depth_image, open_hand

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.evaluation.depth import (
    BOTH,
    LOOK_UP,
    NETWORK,
    UNDER_SKIN,
    hard_joints,
    joints_around,
    mean_by_part,
    measures,
    parts_of,
    score_at_keypoints,
    score_pipelines,
    side_accuracy,
)
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.pipeline.config import LiftConfig
from hand_pose_ros.pipeline.lift import SKIN_M
from hand_pose_ros.types import Side

JOINTS_CAM = open_hand(0.6).astype(np.float32)
HIDDEN, HOLE = 8, 12
SENSORS = ('kinect_azure', 'sr305')


@pytest.fixture
def labels(tmp_path):
    """A left and a right hand; a joint of each is hidden, the depth of another is missing."""
    keypoints_px = project(JOINTS_CAM, CAMERA).astype(np.float32)
    depth_m = depth_image(JOINTS_CAM, 1.5)
    x, y = keypoints_px[HOLE].round().astype(int)
    depth_m[y - 16 : y + 17, x - 16 : x + 17] = 0
    visible = np.arange(21) != HIDDEN
    made = []
    for index, (side, sensor) in enumerate(zip((Side.LEFT, Side.RIGHT), SENSORS, strict=True)):
        cv2.imwrite(str(tmp_path / f'{index}.png'), (depth_m * 1000).round().astype(np.uint16))
        cv2.imwrite(str(tmp_path / f'{index}.jpg'), np.zeros((480, 640, 3), np.uint8))
        box_px = keypoint_box(keypoints_px)
        hand = HandLabel(keypoints_px, box_px, side, visible, JOINTS_CAM)
        name, depth = f'{index}.jpg', f'{index}.png'
        made.append(ImageLabel(name, 480, 640, (hand,), sensor, depth=depth, camera=CAMERA))
    return made


def score(folder, labels, joints_cam=JOINTS_CAM, side=-1.0, problems=None):
    """A network that answers with these joints, whatever it is shown."""
    values = [answer(JOINTS_CAM, joints_cam)]
    estimator = LocalRegressionHourglassEstimator(DepthOracle(values, [side]))
    return score_at_keypoints(
        folder, labels, estimator, LiftConfig(), [] if problems is None else problems
    )


def test_each_method_has_its_errors_in_millimetres(tmp_path, labels):
    scores = score(tmp_path, labels)
    known = np.arange(21) != HOLE
    np.testing.assert_allclose(scores.errors_mm[LOOK_UP][:, known], 0, atol=0.1)
    rays = np.linalg.norm(JOINTS_CAM, axis=1) / JOINTS_CAM[:, 2]
    deeper_mm = np.tile(1000 * SKIN_M * rays, (2, 1))
    np.testing.assert_allclose(
        scores.errors_mm[UNDER_SKIN][:, known], deeper_mm[:, known], atol=0.1
    )
    np.testing.assert_allclose(scores.errors_mm[NETWORK], 0, atol=0.1)
    # Both agree where something is measured; elsewhere it is the network's.
    expected_mm = np.where(known, deeper_mm, 0)
    np.testing.assert_allclose(scores.errors_mm[BOTH], expected_mm, atol=0.1)
    assert np.isnan(scores.errors_mm[LOOK_UP][:, HOLE]).all()
    assert scores.sensors == list(SENSORS)


def test_a_joint_without_position_counts_in_no_mean_and_within_no_threshold(tmp_path, labels):
    scores = score(tmp_path, labels, JOINTS_CAM + np.float32((0.006, 0, 0.008)))
    every = np.ones(2, bool)
    look_up, network = (measures(scores, method, every) for method in (LOOK_UP, NETWORK))
    assert look_up['joints with a position'] == pytest.approx(20 / 21)
    assert look_up['mean error (mm)'] == pytest.approx(0, abs=0.1)
    assert look_up['joints <= 20 mm'] == pytest.approx(20 / 21)
    assert look_up['hands <= 40 mm'] == 0
    assert network['mean error (mm)'] == pytest.approx(10, abs=0.1)
    assert network['of hidden joints'] == pytest.approx(10, abs=0.1)
    assert network['hands <= 20 mm'] == 1
    assert network['AUC 0-80 mm'] == pytest.approx(7 / 8, abs=0.002)


def test_hard_joints_are_the_hidden_ones_and_those_in_holes(tmp_path, labels):
    hard = hard_joints(score(tmp_path, labels))
    assert np.flatnonzero(hard[0]).tolist() == [HIDDEN, HOLE]


def test_errors_are_split_by_distance_sensor_and_joint(tmp_path, labels):
    scores = score(tmp_path, labels, JOINTS_CAM + np.float32((0.006, 0, 0.008)))
    scores.errors_mm[NETWORK][1] = 30
    parts = parts_of(scores)
    by_sensor = mean_by_part(scores, NETWORK, parts['sensor'])
    assert by_sensor == pytest.approx({'kinect_azure': 10, 'sr305': 30}, abs=0.1)
    by_distance = mean_by_part(scores, NETWORK, parts['distance'])
    assert by_distance['0.5 to 0.7 m'] == pytest.approx(20, abs=0.1)
    assert np.isnan(by_distance['1 to 1.5 m'])
    by_joint = mean_by_part(scores, LOOK_UP, parts['joint'])
    assert len(by_joint) == 21
    assert np.isnan(by_joint['middle_tip'])


def test_sides_are_counted_where_they_are_told(tmp_path, labels):
    scores = score(tmp_path, labels, side=-0.4)
    assert side_accuracy(scores, NETWORK) == (0.5, 1.0)
    assert side_accuracy(scores, LOOK_UP)[1] == 0
    assert np.isnan(side_accuracy(scores, LOOK_UP)[0])


def test_hands_that_a_pipeline_does_not_find_have_no_positions(tmp_path, labels):
    seen = []

    def find_hands(frame):
        seen.append(frame)
        if len(seen) == 2:
            return ()
        offset = np.float32((0, 0.02, 0))
        return (replace(as_hand(JOINTS_CAM), joints_cam=JOINTS_CAM + offset, side=Side.LEFT),)

    scores = score_pipelines(tmp_path, labels, {'pipeline': find_hands}, [])
    np.testing.assert_allclose(scores.errors_mm['pipeline'][0], 20, atol=0.01)
    assert np.isnan(scores.errors_mm['pipeline'][1]).all()
    assert side_accuracy(scores, 'pipeline') == (1.0, 0.5)
    assert measures(scores, 'pipeline', np.ones(2, bool))['PCK@0.2'] == 0.5
    assert np.isnan(seen[0].depth_m).sum() == 33 * 33
    assert np.nanmax(seen[0].depth_m) == pytest.approx(1.5)


def test_a_depth_image_that_is_missing_or_of_another_size_is_passed_over(tmp_path, labels):
    (tmp_path / '0.png').unlink()
    problems = []
    scores = score(tmp_path, labels, problems=problems)
    assert scores.sensors == [SENSORS[1]]
    assert problems == [f'{tmp_path / "0.png"} is missing']
    cv2.imwrite(str(tmp_path / '0.png'), np.full((240, 320), 600, np.uint16))
    assert score(tmp_path, labels, problems=problems).sensors == [SENSORS[1]]
    assert problems[1].endswith('0.png must have shape (480, 640), got (240, 320)')
    (tmp_path / '1.png').write_text('no picture')
    with pytest.raises(ValueError, match='none of 2 pictures can be read'):
        score(tmp_path, labels)


def test_a_damaged_colour_picture_is_passed_over_with_its_depth(tmp_path, labels):
    (tmp_path / '1.jpg').write_text('no picture')
    problems = []
    find_hands = {'pipeline': lambda frame: (as_hand(JOINTS_CAM),)}
    scores = score_pipelines(tmp_path, labels, find_hands, problems)
    assert scores.sensors == [SENSORS[0]]
    assert problems == [f'{tmp_path / "1.jpg"} is not a picture that can be read']


def test_a_set_without_hands_in_metres_is_refused(tmp_path, labels):
    with pytest.raises(ValueError, match='no hand with depth'):
        score(tmp_path, [replace(label, hands=()) for label in labels])


def test_a_hand_of_which_only_the_middle_is_known_is_read():
    estimator = LocalRegressionHourglassEstimator(DepthOracle([np.zeros((21, 3))]))
    middle_cam = JOINTS_CAM.mean(axis=0)
    found_cam = joints_around(estimator, depth_image(JOINTS_CAM, np.nan), CAMERA, middle_cam)
    np.testing.assert_allclose(found_cam, np.tile(middle_cam, (21, 1)), atol=0.01)
    nothing = np.full((480, 640), np.nan, np.float32)
    assert joints_around(estimator, nothing, CAMERA, middle_cam) is None


@pytest.mark.parametrize(('off_m', 'pck'), [(0.02, 1), (0.06, 0)])
def test_the_network_says_where_in_the_picture_joints_are_too(tmp_path, labels, off_m, pck):
    # A fifth of this hand of 19 cm are 38 mm.
    scores = score(tmp_path, labels, JOINTS_CAM + np.float32((off_m, 0, 0)))
    assert measures(scores, NETWORK, np.ones(2, bool))['PCK@0.2'] == pck
    assert measures(scores, LOOK_UP, np.ones(2, bool))['PCK@0.2'] == 1
