"""Depth images with boxes come in metres; what is no such file is told in one sentence."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.boxed_depth import read_boxed_depth

CAMERA = {'height': 6, 'width': 8, 'fx': 9.0, 'fy': 9.0, 'cx': 3.5, 'cy': 2.5}
DOCUMENT = {'unit_m': 0.000125, 'camera': CAMERA, 'boxes_px': {'a/1.png': [1, 2, 5, 6]}}
SHIPPED = Path(__file__).parents[2] / 'config' / 'sr305_boxes.json'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'a').mkdir()
    cv2.imwrite(str(tmp_path / 'a' / '1.png'), np.full((6, 8), 4000, np.uint16))
    return tmp_path


def write_boxes(folder, **changes):
    path = folder / 'boxes.json'
    path.write_text(json.dumps(DOCUMENT | changes))
    return path


def test_units_become_metres_and_zero_is_not_measured(folder):
    raw = np.full((6, 8), 4000, np.uint16)
    raw[0, 0] = 0
    cv2.imwrite(str(folder / 'a' / '1.png'), raw)
    (frame,) = read_boxed_depth(folder, write_boxes(folder))
    assert np.isnan(frame.depth_m[0, 0])
    assert frame.depth_m[1, 1] == pytest.approx(0.5)
    assert frame.camera.fx == 9
    assert frame.box_px.tolist() == [1, 2, 5, 6]


@pytest.mark.parametrize(
    'changes',
    [
        {'unit_m': 'mm'},
        {'camera': {'fx': 1}},
        {'camera': None},
        {'boxes_px': [[1, 2, 3, 4]]},
        {'boxes_px': {'a/1.png': [1, 2, 3]}},
    ],
)
def test_a_file_that_holds_something_else_is_refused(folder, changes):
    with pytest.raises(ValueError, match=r'boxes\.json must hold unit_m, camera and boxes_px'):
        read_boxed_depth(folder, write_boxes(folder, **changes))


def test_images_of_another_size_are_refused(folder):
    camera = CAMERA | {'width': 9}
    with pytest.raises(ValueError, match=r'must be 9x6 as .* says, got 8x6'):
        read_boxed_depth(folder, write_boxes(folder, camera=camera))


def test_a_missing_image_is_named(folder):
    boxes = write_boxes(folder, boxes_px={'a/2.png': [1, 2, 5, 6]})
    with pytest.raises(FileNotFoundError, match=r'a/2\.png is missing'):
        read_boxed_depth(folder, boxes)


def test_the_shipped_boxes_lie_within_their_frames():
    document = json.loads(SHIPPED.read_text())
    boxes_px = np.array(list(document['boxes_px'].values()))
    assert boxes_px.shape == (19, 4)
    assert (boxes_px >= 0).all()
    assert (boxes_px <= [640, 480, 640, 480]).all()
    assert (boxes_px[:, 2:] - boxes_px[:, :2] > 80).all()
