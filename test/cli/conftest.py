"""A model that sees the same hand in every picture, and bags to show it."""

import json

import cv2
import numpy as np
import pytest
from oracle import open_hand

from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.runtimes.base import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelSpec

SIZE = 256
"""Side of every picture here, and of the network's input: one pixel is one pixel."""

HAND_PX = open_hand((120, 130), 150)
DEPTH_M = 0.5
FOCAL_PX = 300.0
CENTRE_PX = 127.5
FRAME_ID = 'camera_color_optical_frame'
IMAGE_TOPIC = '/camera/color/image_raw'
DEPTH_TOPIC = '/camera/aligned_depth_to_color/image_raw'
CAMERA_TOPIC = '/camera/color/camera_info'
RECTIFIED_ZOOM = 0.9
"""Focal length of rectified images of a bag over that of the others."""


def hand_maps():
    """What a perfect network says of a picture with HAND_PX, (26, 64, 64) float32."""
    keypoints = heatmap.encode(HAND_PX[None], (64, 64), 4, 2.5)
    box = region_map.keypoint_box(HAND_PX)[None]
    regions = region_map.encode(box, np.ones(1), (64, 64), 4, 2.5, SIZE)
    return np.concatenate((keypoints, heatmap.background(keypoints)[None], regions))


def write_model(path, maps):
    """Writes a network that answers with the same maps whatever it is shown."""
    onnx = pytest.importorskip('onnx')
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            node('Cast', [INPUT_NAME], ['floats'], to=onnx.TensorProto.FLOAT),
            node('ReduceMean', ['floats'], ['means'], axes=[1, 2, 3], keepdims=1),
            node('Mul', ['means', 'zero'], ['zeros']),
            node('Add', ['zeros', 'answer'], [OUTPUT_NAME]),
        ],
        'constant',
        [info(INPUT_NAME, onnx.TensorProto.UINT8, ['batch', 'height', 'width', 3])],
        [info(OUTPUT_NAME, onnx.TensorProto.FLOAT, ['batch', len(maps), 64, 64])],
        [
            onnx.numpy_helper.from_array(np.zeros(1, np.float32), 'zero'),
            onnx.numpy_helper.from_array(maps[None].astype(np.float32), 'answer'),
        ],
    )
    opsets = [onnx.helper.make_opsetid('', 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    spec = ModelSpec('srhandnet', 'nano', SIZE, SIZE, SIZE, 4)
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, path)


@pytest.fixture(scope='session')
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp('model') / 'constant.onnx'
    write_model(path, hand_maps())
    return path


@pytest.fixture
def model(model_path):
    """Arguments for a verb: the model that always sees a hand, one pass of it, and no judge."""
    settings = ['detector.cycle=off', 'model.presence=']
    return ['--model', str(model_path), *(f'--set={setting}' for setting in settings)]


@pytest.fixture
def picture():
    """(256, 256, 3) uint8 RGB, smooth so that JPEG keeps it."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.stack((x, y, 255 - x), axis=2).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, picture):
    """A folder with two pictures, one of them deeper."""
    path = tmp_path / 'pictures'
    (path / 'more').mkdir(parents=True)
    for name in ('a.png', 'more/b.png'):
        cv2.imwrite(str(path / name), picture[..., ::-1])
    return path


def truth():
    """The label of a picture with HAND_PX, and of its joints at DEPTH_M."""
    joints = np.concatenate(
        ((HAND_PX - CENTRE_PX) * DEPTH_M / FOCAL_PX, np.full((21, 1), DEPTH_M)), 1
    )
    return {
        'image': 'a.png',
        'width': SIZE,
        'height': SIZE,
        'hands': [
            {
                'keypoints': [[*point, 1] for point in HAND_PX.tolist()],
                'side': 'right',
                'box': [45.0, 55.0, 195.0, 205.0],
                'joints_m': joints.tolist(),
            }
        ],
    }


class BagWriter:
    """Writes messages to a bag without ROS."""

    def __init__(self, path, storage='MCAP'):
        rosbag2 = pytest.importorskip('rosbags.rosbag2')
        from rosbags.typesys import Stores, get_typestore

        self.store = get_typestore(Stores.ROS2_JAZZY)
        self.types = self.store.types
        plugin = rosbag2.StoragePlugin[storage]
        self.bag = rosbag2.Writer(path, version=8, storage_plugin=plugin)
        self.connections = {}

    def __enter__(self):
        self.bag.open()
        return self

    def __exit__(self, *_):
        self.bag.close()

    def write(self, topic, kind, logged_ns, *fields):
        if topic not in self.connections:
            self.connections[topic] = self.bag.add_connection(topic, kind, typestore=self.store)
        data = self.store.serialize_cdr(self.types[kind](*fields), kind)
        self.bag.write(self.connections[topic], logged_ns, data)

    def header(self, stamp_ns, frame_id=FRAME_ID):
        stamp = self.types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
        return self.types['std_msgs/msg/Header'](stamp, frame_id)

    def image(self, topic, stamp_ns, encoding, pixels, frame_id=FRAME_ID, logged_ns=None):
        height, width = pixels.shape[:2]
        step = pixels.nbytes // height
        data = np.frombuffer(pixels.tobytes(), np.uint8)
        header = self.header(stamp_ns, frame_id)
        kind = 'sensor_msgs/msg/Image'
        logged_ns = stamp_ns if logged_ns is None else logged_ns
        self.write(topic, kind, logged_ns, header, height, width, encoding, 0, step, data)

    def compressed(self, topic, stamp_ns, form, data):
        kind = 'sensor_msgs/msg/CompressedImage'
        pixels = np.frombuffer(data, np.uint8)
        self.write(topic, kind, stamp_ns, self.header(stamp_ns), form, pixels)

    def camera_info(self, topic, stamp_ns, frame_id=FRAME_ID):
        roi = self.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
        k = np.array([FOCAL_PX, 0, CENTRE_PX, 0, FOCAL_PX, CENTRE_PX, 0, 0, 1])
        p = np.hstack(
            (k.reshape(3, 3) * [[RECTIFIED_ZOOM], [RECTIFIED_ZOOM], [1]], np.zeros((3, 1)))
        )
        rest = (np.zeros(5), k, np.eye(3).ravel(), p.ravel(), 0, 0, roi)
        header = self.header(stamp_ns, frame_id)
        kind = 'sensor_msgs/msg/CameraInfo'
        self.write(topic, kind, stamp_ns, header, SIZE, SIZE, 'plumb_bob', *rest)


@pytest.fixture
def bag_writer():
    return BagWriter


@pytest.fixture
def bag(tmp_path, picture):
    """Writes an RGB-D bag of HAND_PX, with its ground truth."""

    def write(frames=6, storage='MCAP', rate_hz=15, depth_mm=DEPTH_M * 1000):
        path = tmp_path / 'clip'
        depth_mm = np.full((SIZE, SIZE), depth_mm, np.uint16)
        with BagWriter(path, storage) as writer:
            for index in range(frames):
                stamp_ns = 10**18 + index * 10**9 // rate_hz
                writer.camera_info(CAMERA_TOPIC, stamp_ns)
                writer.image(DEPTH_TOPIC, stamp_ns, '16UC1', depth_mm)
                writer.image(IMAGE_TOPIC, stamp_ns, 'rgb8', picture)
                writer.write('/ground_truth', 'std_msgs/msg/String', stamp_ns, json.dumps(truth()))
        return path

    return write
