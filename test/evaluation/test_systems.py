"""Systems side by side: which there are, what they cost, what is timed."""

import cv2
import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.estimators.readers import ESTIMATORS
from hand_pose_ros.evaluation.network_benchmark import cost_of
from hand_pose_ros.evaluation.systems import MeasuredSystem, count_parameters, systems_of
from hand_pose_ros.networks.deployed import build
from hand_pose_ros.runtimes.base import INPUT_NAME
from hand_pose_ros.runtimes.open import WEIGHTS

NANO = 'srhandnet_nano'


@pytest.fixture
def photos(tmp_path):
    """A grey picture, labelled with one hand, and then with two."""
    path = tmp_path / 'grey.png'
    cv2.imwrite(str(path), np.full((120, 160, 3), 128, np.uint8))
    points = open_hand((80, 60), 70)
    hand = HandLabel(points, keypoint_box(points))
    return [(path, ImageLabel('grey.png', 120, 160, (hand,) * count)) for count in (1, 2)]


def test_every_estimator_is_a_system_beside_the_baselines_without_a_second_pass():
    systems = systems_of([NANO])
    assert {system.model.estimator for system in systems} == set(ESTIMATORS)
    assert [s.cycle for s in systems if s.model.estimator == 'srhandnet'] == [
        'off',
        'small',
        'full',
    ]
    assert len({system.name for system in systems}) == len(systems)


def test_a_judge_among_the_models_judges_all_systems_but_one(photos):
    assert {system.model.presence for system in systems_of([NANO])} == {''}
    systems = systems_of([NANO, 'hand_presence'])
    unjudged = [system.name for system in systems if not system.model.presence]
    assert unjudged == [f'{NANO}, two passes, not judged']
    parameters = MeasuredSystem(systems[2]).measure({'grey': photos}, []).million_parameters
    # Batch norms of its own count, too.
    assert parameters == pytest.approx(1.958 + 2.354, abs=0.001)


def test_a_model_stands_where_its_network_does(tmp_path):
    copy = tmp_path / 'other.onnx'
    copy.write_bytes((WEIGHTS / f'{NANO}.onnx').read_bytes())
    names = [system.name for system in systems_of([str(copy), NANO])]
    assert names[:6:3] == ['other, first pass alone', f'{NANO}, first pass alone']
    assert names[6] == 'other + mask_pose_slim'
    with pytest.raises(FileNotFoundError, match='no model'):
        systems_of(['nowhere.onnx'])


def test_the_parameters_of_a_file_are_those_of_its_network():
    pytest.importorskip('onnx')
    expected = sum(p.numel() for p in build('srhandnet', 'nano').parameters())
    assert count_parameters(WEIGHTS / f'{NANO}.onnx') == expected


def test_a_picture_without_a_find_costs_the_searches_of_the_frame_and_of_it_turned(photos):
    pytest.importorskip('onnx')
    scores = MeasuredSystem(systems_of([NANO])[2]).measure({'grey': photos}, [])
    searches = [
        cost_of(WEIGHTS / f'{NANO}.onnx', {INPUT_NAME: (1, size, size, 3)})
        for size in (256, 128, 384, *(256, 128) * 3)
    ]
    assert scores.gmac == pytest.approx(sum(each.gmac for each in searches))
    assert scores.million_parameters == pytest.approx(1.958, abs=0.001)
    assert scores.median_ms > 0
    assert scores.pck == {'grey': 0}


def test_pictures_of_several_hands_are_not_timed(photos):
    scores = MeasuredSystem(systems_of([NANO])[0]).measure({'two': photos[1:]}, [])
    assert np.isnan([scores.gmac, scores.median_ms]).all()


def test_a_missing_picture_is_passed_over_even_if_it_is_the_first(photos, tmp_path):
    missing = (tmp_path / 'gone.png', photos[0][1])
    system = MeasuredSystem(systems_of([NANO])[0])
    problems = []
    scores = system.measure({'grey': [missing, *photos]}, problems)
    assert scores.pck == {'grey': 0}
    assert problems == [f'{missing[0]} is missing']
    with pytest.raises(ValueError, match='none of 1 pictures can be read'):
        system.measure({'gone': [missing]}, [])
