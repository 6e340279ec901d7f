"""Mistakes become backgrounds, and hands never do."""

from dataclasses import replace

import numpy as np
import pytest
from oracle import HEIGHT, WIDTH, OracleRuntime, open_hand, ramp

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import read_labels, write_labels
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.training.hard_negatives import false_hands, training_pictures
from hand_pose_ros.training.tasks import read_task

TRUE, FALSE = open_hand((160, 240), 150), open_hand((480, 120), 100)
NO_HANDS = np.zeros((0, 4), np.float32)


@pytest.fixture
def find_hands():
    estimator = SRHandNetEstimator(OracleRuntime([TRUE, FALSE]))
    return HandPipeline(Networks(estimator), single_pictures(PipelineConfig(), 'full'))


def shows(part, points_px):
    """Whether a part of the ramp picture reaches over all of some points."""
    low, high = part.reshape(-1, 3).min(axis=0), part.reshape(-1, 3).max(axis=0)
    inside = (points_px / 2.56 >= low[:2] - 1) & (points_px / 2.56 <= high[:2] + 1)
    return inside.all()


def test_what_is_found_beside_the_hands_is_cut_out_with_its_surroundings(find_hands):
    parts = false_hands(find_hands, ramp(), keypoint_box(TRUE)[None])
    assert len(parts) >= 2  # in the picture and in a quarter of it
    for part in parts:
        assert shows(part, FALSE)
        assert not shows(part, TRUE)
        assert max(part.shape[:2]) > 1.3 * 100


def test_a_part_that_touches_a_hand_is_left_alone(find_hands):
    _, y0, x1, y1 = keypoint_box(FALSE)
    beside = np.array([x1 + 5, y0, x1 + 50, y1])
    hands_px = np.stack([keypoint_box(TRUE), beside]).astype(np.float32)
    assert false_hands(find_hands, ramp(), hands_px) == []


def test_on_a_picture_without_hands_everything_found_is_false(find_hands):
    parts = false_hands(find_hands, ramp(), NO_HANDS)
    assert any(shows(part, TRUE) for part in parts)
    assert any(shows(part, FALSE) for part in parts)
    assert all(part.shape[0] <= HEIGHT and part.shape[1] <= WIDTH for part in parts)


def test_held_out_pictures_are_not_searched(data, recipe_path):
    recipe = read_task(recipe_path).recipe
    pictures = list(training_pictures(recipe, data))
    # Of six backgrounds one is held out; of six photos three are.
    assert [len(boxes) for _, boxes in pictures] == [0] * 5 + [1] * 3


def test_pictures_with_unlabelled_hands_are_not_searched(data, recipe_path):
    labels = read_labels(data / 'photos')
    doubtful = [replace(label, complete=label.image != '0.png') for label in labels]
    write_labels(data / 'photos', doubtful, 'test')
    pictures = list(training_pictures(read_task(recipe_path).recipe, data))
    assert [len(boxes) for _, boxes in pictures] == [0] * 5 + [1] * 2
