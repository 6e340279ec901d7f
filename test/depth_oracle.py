"""A hand in front of a wall, its depth image, and networks that know the answer."""

import cv2
import numpy as np
import pytest

from hand_pose_ros.codecs.depth_crop import encode_joints, look_at, upright_roll
from hand_pose_ros.geometry.camera import project, unproject
from hand_pose_ros.runtimes.base import (
    CROP_NAME,
    JOINTS_NAME,
    METADATA_KEY,
    SIDE_NAME,
    DepthSpec,
)
from hand_pose_ros.skeleton import BONES, FINGERS
from hand_pose_ros.types import Camera, Hand

CAMERA = Camera(height=480, width=640, fx=600, fy=600, cx=319.5, cy=239.5)
CUBE_M, SIZE = 0.3, 128
SPEC = DepthSpec('local_regression_hourglass', 'small', SIZE, CUBE_M, 21)


def open_hand(depth_m, x_m=0.0):
    """The joints of an open hand of 19 cm that faces the camera, (21, 3) metres."""
    joints_cam = np.zeros((21, 3))
    angles = np.deg2rad([-50, -15, 0, 13, 27])
    for angle, palm, finger in zip(angles, (0.03, 0.09, 0.09, 0.085, 0.08), FINGERS, strict=True):
        reach = palm + np.array([0, 0.045, 0.075, 0.1])
        joints_cam[list(finger), 0] = reach * np.sin(angle)
        joints_cam[list(finger), 1] = -reach * np.cos(angle)
    return joints_cam + np.array([x_m, 0.08, depth_m])


def as_hand(joints_cam):
    """What a perfect detector says of it; what is outside of the picture is not seen."""
    keypoints_px = project(joints_cam, CAMERA).astype(np.float32)
    last_px = np.array([CAMERA.width - 1, CAMERA.height - 1])
    keypoints_px[~((keypoints_px >= 0) & (keypoints_px <= last_px)).all(axis=1)] = np.nan
    low, high = np.nanmin(keypoints_px, axis=0) - 10, np.nanmax(keypoints_px, axis=0) + 10
    box_px = np.concatenate((low, high)).clip(0, np.tile(last_px, 2)).astype(np.float32)
    scores = np.isfinite(keypoints_px).all(axis=1).astype(np.float32)
    return Hand(keypoints_px, scores, box_px, score=0.9)


def depth_image(joints_cam, background_m):
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


def answer(shown_cam, joints_cam=None):
    """What a network says that sees one hand, all joints measured, and thinks of these joints."""
    points_px = project(shown_cam, CAMERA)
    middle_px = (points_px.min(axis=0) + points_px.max(axis=0)) / 2
    centre_cam = unproject(middle_px[None], np.median(shown_cam[:, 2])[None], CAMERA)[0]
    view = look_at(centre_cam, CUBE_M, SIZE, upright_roll(points_px))
    return encode_joints(shown_cam if joints_cam is None else joints_cam, view)


class DepthOracle:
    """Gives each crop of a batch its answer.

    Attributes:
        values: (N, 21, 3) x, y, depth of the joints in the crops of the next batch.
        sides: (N,) -1 to 1.
        batches: The crops of every batch seen; every second one is mirrored, and so its answer.
    """

    spec = SPEC
    description = 'oracle'

    def __init__(self, values, sides=None):
        self.values = np.asarray(values, np.float32)
        self.sides = np.asarray(np.ones(len(values)) if sides is None else sides, np.float32)
        self.batches = []

    def run(self, inputs):
        self.batches.append(inputs[CROP_NAME])
        sign = -1 if len(self.batches) % 2 == 0 else 1
        return {JOINTS_NAME: self.values * np.float32((sign, 1, 1)), SIDE_NAME: sign * self.sides}


def write_depth_model(path, values, side):
    """Writes a network that answers (21, 3) values and a side whatever it is shown."""
    onnx = pytest.importorskip('onnx')
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            node('ReduceMean', [CROP_NAME], ['means'], axes=[1, 2], keepdims=1),
            node('Mul', ['means', 'zero'], ['zeros']),
            node('Add', ['zeros', 'joints_answer'], [JOINTS_NAME]),
            node('ReduceMean', ['zeros'], ['flat_zeros'], axes=[1, 2], keepdims=0),
            node('Add', ['flat_zeros', 'side_answer'], [SIDE_NAME]),
        ],
        'constant',
        [info(CROP_NAME, onnx.TensorProto.FLOAT, ['batch', SIZE, SIZE])],
        [
            info(JOINTS_NAME, onnx.TensorProto.FLOAT, ['batch', 21, 3]),
            info(SIDE_NAME, onnx.TensorProto.FLOAT, ['batch']),
        ],
        [
            onnx.numpy_helper.from_array(np.zeros(1, np.float32), 'zero'),
            onnx.numpy_helper.from_array(np.float32(values)[None], 'joints_answer'),
            onnx.numpy_helper.from_array(np.float32([side]), 'side_answer'),
        ],
    )
    opsets = [onnx.helper.make_opsetid('', 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.helper.set_model_props(model, {METADATA_KEY: SPEC.to_json()})
    onnx.save(model, path)
