"""Writes RGB-D frames with their ground truth as a ROS 2 bag (MCAP).

Topics, types and compression are those of a RealSense camera with image_transport: JPEG colour,
16-bit PNG depth in millimetres aligned with it, camera_info. `/ground_truth` holds one
std_msgs/String per frame: the JSON of that picture in the format of `labels`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from hand_pose_ros.data.labels import ImageLabel, image_to_json
from hand_pose_ros.data.pictures import encode_jpeg
from hand_pose_ros.data.synth_dataset import encode_depth_png
from hand_pose_ros.types import Camera

COLOUR_TOPIC = '/camera/camera/color/image_raw/compressed'
DEPTH_TOPIC = '/camera/camera/aligned_depth_to_color/image_raw/compressedDepth'
CAMERA_TOPIC = '/camera/camera/color/camera_info'
TRUTH_TOPIC = '/ground_truth'
TOPICS = {
    COLOUR_TOPIC: 'sensor_msgs/msg/CompressedImage',
    DEPTH_TOPIC: 'sensor_msgs/msg/CompressedImage',
    CAMERA_TOPIC: 'sensor_msgs/msg/CameraInfo',
    TRUTH_TOPIC: 'std_msgs/msg/String',
}
FRAME_ID = 'camera_color_optical_frame'
COLOUR_FORMAT = 'rgb8; jpeg compressed bgr8'
DEPTH_FORMAT = '16UC1; compressedDepth png'
DEPTH_HEADER = bytes(12)
"""ConfigHeader of compressed_depth_image_transport: format 0 and two floats that 16UC1 ignores."""
BAG_VERSION: Final = 8
"""The last that Humble reads too."""
JPEG_QUALITY = 52
PNG_COMPRESSION = 9
"""So small that 180 frames of it and of JPEG_QUALITY fit into the 12 MB of the bag."""


@dataclass(frozen=True)
class BagFrame:
    """One frame of a bag.

    Attributes:
        stamp_ns: Acquisition time in nanoseconds.
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 metres, NaN where missing.
        label: Ground truth; its camera goes to camera_info.
    """

    stamp_ns: int
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    label: ImageLabel


def write_bag(folder: Path, frames: Iterable[BagFrame]) -> None:
    """Writes a bag: `<folder>/<name>.mcap` and `metadata.yaml`.

    Args:
        folder: Folder to make.
        frames: Frames in the order of their stamps.

    Raises:
        FileExistsError: The folder exists.
        OSError: It cannot be written.
        ValueError: A frame has no camera.
    """
    if folder.exists():
        raise FileExistsError(f'{folder} exists already; name a new folder')
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(folder, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP) as bag:
        connections = {
            topic: bag.add_connection(topic, kind, typestore=store)
            for topic, kind in TOPICS.items()
        }
        for frame in frames:
            for topic, message in _messages(store, frame).items():
                data = store.serialize_cdr(message, TOPICS[topic])
                bag.write(connections[topic], frame.stamp_ns, data)


def _messages(store: Typestore, frame: BagFrame) -> dict[str, Any]:
    if frame.label.camera is None:
        raise ValueError(f'frame {frame.label.image} has no camera')
    kinds = store.types
    seconds, nanoseconds = divmod(frame.stamp_ns, 10**9)
    stamp = kinds['builtin_interfaces/msg/Time'](seconds, nanoseconds)
    header = kinds['std_msgs/msg/Header'](stamp, FRAME_ID)
    image = kinds['sensor_msgs/msg/CompressedImage']
    colour = np.frombuffer(encode_jpeg(frame.rgb, JPEG_QUALITY), np.uint8)
    depth = np.frombuffer(
        DEPTH_HEADER + encode_depth_png(frame.depth_m, PNG_COMPRESSION), np.uint8
    )
    return {
        COLOUR_TOPIC: image(header, COLOUR_FORMAT, colour),
        DEPTH_TOPIC: image(header, DEPTH_FORMAT, depth),
        CAMERA_TOPIC: _camera_info(store, header, frame.label.camera),
        TRUTH_TOPIC: kinds['std_msgs/msg/String'](json.dumps(image_to_json(frame.label))),
    }


def _camera_info(store: Typestore, header: Any, camera: Camera) -> Any:
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return store.types['sensor_msgs/msg/CameraInfo'](
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model='plumb_bob',
        d=np.array(camera.distortion or [0.0] * 5),
        k=np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1], np.float64),
        r=np.eye(3).ravel(),
        p=np.array([fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0], np.float64),
        binning_x=0,
        binning_y=0,
        roi=store.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False),
    )
