"""`hand-pose evaluate real_depth` says what it can without labels, and draws every hand."""

import json

import cv2
import numpy as np
from depth_oracle import CAMERA, answer, depth_image, open_hand, write_depth_model

from hand_pose_ros.cli.main import main
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.geometry.camera import project

JOINTS_CAM = open_hand(0.6)


def write_frames(folder, hands):
    folder.mkdir()
    boxes_px = {}
    for index, joints_cam in enumerate(hands):
        depth_m = depth_image(joints_cam, 1.5)
        cv2.imwrite(str(folder / f'{index}.png'), (depth_m * 1000).astype(np.uint16))
        boxes_px[f'{index}.png'] = keypoint_box(project(joints_cam, CAMERA)).tolist()
    camera = {name: getattr(CAMERA, name) for name in ('height', 'width', 'fx', 'fy', 'cx', 'cy')}
    document = {'unit_m': 0.001, 'camera': camera, 'boxes_px': boxes_px}
    (folder / 'boxes.json').write_text(json.dumps(document))


def test_every_hand_is_measured_and_drawn(tmp_path, capsys):
    write_frames(tmp_path / 'frames', [JOINTS_CAM, JOINTS_CAM + np.array([0.05, 0, 0])])
    deeper_cam = JOINTS_CAM + np.array([0, 0, 0.01])
    # The same for the mirrored hand: all joints above each other.
    values = answer(JOINTS_CAM, deeper_cam) * (0, 0.8, 1) + (0, 0.2, 0)
    write_depth_model(tmp_path / 'depth.onnx', values, 0.0)
    arguments = ['evaluate', 'real_depth', tmp_path / 'frames', tmp_path / 'frames/boxes.json']
    arguments += ['--model', tmp_path / 'depth.onnx', '--out', tmp_path / 'sheet.png']
    assert main([str(each) for each in arguments]) == 0
    printed = capsys.readouterr().out
    assert '2 of 2 hands read' in printed
    share = float(printed.split(' of the joints')[0].split()[-1])
    assert share > 0.5
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet.shape == (200, 1400, 3)
    # Colours are those of skeletons: depth is grey.
    coloured = np.ptp(sheet.astype(int), axis=2) > 60
    assert coloured[:, :200].sum() > 200
    assert coloured[:, 200:400].sum() > 200
    assert not coloured[:, 400:].any()
