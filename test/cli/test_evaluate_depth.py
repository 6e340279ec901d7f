"""`hand-pose evaluate depth` from rendered folders to tables, plots and numbers."""

import json

import cv2
import numpy as np
import pytest
import yaml
from depth_oracle import CAMERA, depth_image, open_hand, write_depth_model

from hand_pose_ros.cli.main import main
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, write_labels
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.types import Side

RECIPE = 'config/models/local_regression_hourglass_small.yaml'


def write_set(folder, count, colour):
    (folder / 'depth').mkdir(parents=True)
    joints_cam = open_hand(0.6).astype(np.float32)
    keypoints_px = project(joints_cam, CAMERA).astype(np.float32)
    hand = HandLabel(
        keypoints_px, keypoint_box(keypoints_px), Side.RIGHT, np.ones(21, bool), joints_cam
    )
    depth_mm = (1000 * depth_image(joints_cam, 1.5)).round().astype(np.uint16)
    labels = []
    for index in range(count):
        depth, image = f'depth/{index}.png', f'{index}.png' if colour else f'depth/{index}.png'
        cv2.imwrite(str(folder / depth), depth_mm)
        if colour:
            cv2.imwrite(str(folder / image), np.full((480, 640, 3), 90, np.uint8))
        labels.append(ImageLabel(image, 480, 640, (hand,), 'sr305', depth=depth, camera=CAMERA))
    write_labels(folder, labels, 'test')


@pytest.fixture
def arguments(tmp_path, request):
    pytest.importorskip('torch')
    root = request.config.rootpath
    recipe = yaml.safe_load((root / RECIPE).read_text())
    recipe |= {'renders': ['a'], 'held_out_share': 0.5}
    (tmp_path / 'recipe.yaml').write_text(yaml.safe_dump(recipe))
    write_set(tmp_path / 'a', 4, colour=False)
    # The reading that counts is that of the mirror image: there a right hand is a left one.
    write_depth_model(tmp_path / 'm.onnx', np.zeros((21, 3)), -1.0)
    return ['evaluate', 'depth', str(tmp_path / 'recipe.yaml'), '--data', str(tmp_path)]


def test_tables_curves_and_numbers_of_held_out_hands_and_of_another_set(
    arguments, tmp_path, capsys
):
    write_set(tmp_path / 'more', 1, colour=True)
    more = ['--validation', str(tmp_path / 'more'), '--out', str(tmp_path / 'out')]
    assert main([*arguments, '--model', str(tmp_path / 'm.onnx'), *more]) == 0
    out = capsys.readouterr().out
    assert 'a, held out, at the true 2D keypoints: 2 hands, 100% of their joints visible' in out
    assert 'more, through the whole pipeline: 1 hands' in out
    assert 'side by network: 1.000 right of 100% of the hands' in out
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    look_up = results['a, held out']['look-up']
    assert look_up['mean error (mm)'] == pytest.approx(0, abs=0.2)
    assert look_up['sensor sr305'] == pytest.approx(0, abs=0.2)
    # Nobody is on the grey picture.
    plain = results['more, pipeline']['pipeline without depth network']
    assert plain['joints with a position'] == 0
    assert plain['mean error (mm)'] is None
    assert cv2.imread(str(tmp_path / 'out' / 'a.png')).std() > 0


def test_two_data_sets_of_one_name_are_refused(arguments, tmp_path, capsys):
    model = ['--model', str(tmp_path / 'm.onnx')]
    assert main([*arguments, *model, '--validation', str(tmp_path / 'a')]) == 1
    assert "two data sets are named 'a'" in capsys.readouterr().err


def test_a_damaged_depth_image_is_passed_over_and_told(arguments, tmp_path, capsys):
    (tmp_path / 'a' / 'depth' / '3.png').write_text('no picture')
    assert main([*arguments, '--model', str(tmp_path / 'm.onnx')]) == 0
    told = capsys.readouterr()
    assert 'a, held out, at the true 2D keypoints: 1 hands' in told.out
    assert '1 pictures left out' in told.out
    assert '3.png is not a picture that can be read' in told.err
    (tmp_path / 'a' / 'depth' / '2.png').unlink()
    assert main([*arguments, '--model', str(tmp_path / 'm.onnx')]) == 1
    assert 'none of 2 pictures can be read' in capsys.readouterr().err


def test_a_set_with_depth_in_the_wrong_unit_is_refused(arguments, tmp_path, capsys):
    path = tmp_path / 'a' / 'depth' / '3.png'
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) // 1000)
    assert main([*arguments, '--model', str(tmp_path / 'm.onnx')]) == 1
    told = '3.png: depth unit: expected a median distance of 0.05 to 50 m, got 0.001 m'
    assert told in capsys.readouterr().err


def test_another_networks_recipe_is_refused(arguments, capsys, request):
    arguments[2] = str(request.config.rootpath / 'config' / 'models' / 'srhandnet_nano.yaml')
    assert main(arguments) == 1
    assert 'trains on no depth' in capsys.readouterr().err
