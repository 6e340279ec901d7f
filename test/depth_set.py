"""A small data set of depth images, in which little squares are where joints should be."""

import cv2
import numpy as np

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel, write_labels
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.types import Camera, Side

CAMERA = Camera(120, 160, 200.0, 200.0, 79.5, 59.5)


def joints_cam():
    """A hand of two rows of joints, 10 cm wide, half a metre away and off the axis."""
    joints = np.zeros((21, 3), np.float32)
    joints[:, 0] = np.linspace(-0.05, 0.05, 21)
    joints[:, 1] = np.where(np.arange(21) % 2, 0.03, -0.03)
    return joints + np.float32((0.06, -0.03, 0.5))


def write_set(folder, count=10, visible=21):
    """Every picture holds little squares at the joints, on the skin 8 mm before them."""
    (folder / 'depth').mkdir(parents=True)
    labels = []
    for index in range(count):
        points_px = project(joints_cam(), CAMERA).astype(np.float32)
        depth_mm = np.zeros((120, 160), np.uint16)
        for x, y in points_px.round().astype(int):
            depth_mm[y - 1 : y + 2, x - 1 : x + 2] = 492
        name = f'depth/{index}.png'
        cv2.imwrite(str(folder / name), depth_mm)
        seen = np.arange(21) < visible
        box_px = keypoint_box(points_px)
        hand = HandLabel(points_px, box_px, Side(1 + index % 2), seen, joints_cam())
        labels.append(ImageLabel(name, 120, 160, (hand,), 'sr305', depth=name, camera=CAMERA))
    write_labels(folder, labels, 'test')
    return folder
