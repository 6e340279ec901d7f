"""From the messages that belong together to a `Frame`, with whatever of them makes sense."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hand_pose_ros.geometry.depth import check_depth_unit
from hand_pose_ros.ros.conversions import (
    camera_from_msg,
    depth_from_msg,
    rgb_from_msg,
    stamp_s_of,
)
from hand_pose_ros.ros.synchroniser import FrameMessages
from hand_pose_ros.ros.topics import Report
from hand_pose_ros.types import Camera, Frame

AnyImage: TypeAlias = Image | CompressedImage


def frame_from_msgs(messages: FrameMessages, rectified: bool, report: Report) -> Frame:
    """Reads one frame; depth or camera that cannot be used are left out.

    Args:
        messages: The messages of the frame.
        rectified: The image is rectified.
        report: Hears of depth and camera that are left out, and why.

    Returns:
        The frame.

    Raises:
        ValueError: If the image itself cannot be read.
    """
    rgb, depth, camera_info = messages.rgb, messages.depth, messages.camera_info
    depth_m = None
    camera = None
    try:
        pixels = rgb_from_msg(rgb)
    except ValueError as error:
        raise ValueError(f'image {error}') from error
    try:
        if depth is not None:
            depth_m = _aligned_depth(rgb, depth, pixels.shape[:2])
    except ValueError as error:
        report('depth', f'depth {error}; going on without it')
    try:
        if camera_info is not None:
            camera = _matching_camera(rgb, camera_info, rectified, pixels.shape[:2])
    except ValueError as error:
        report('camera_info', f'camera_info {error}; going on without 3D positions')
    return Frame(pixels, stamp_s_of(rgb.header), depth_m, camera)


def _aligned_depth(
    rgb: AnyImage, depth: AnyImage, expected_hw: tuple[int, ...]
) -> NDArray[np.float32]:
    """Reads depth; alignment with the image is checked as far as messages can tell."""
    if depth.header.frame_id != rgb.header.frame_id:
        raise ValueError(
            f'frame_id: expected that of the image, {rgb.header.frame_id!r}, '
            f'got {depth.header.frame_id!r} (is it the aligned depth?)'
        )
    depth_m = depth_from_msg(depth)
    if depth_m.shape != expected_hw:
        raise ValueError(
            f'size: expected that of the image, {expected_hw[1]}x{expected_hw[0]}, '
            f'got {depth_m.shape[1]}x{depth_m.shape[0]} (is it the aligned depth?)'
        )
    check_depth_unit(depth_m)
    return depth_m


def _matching_camera(
    rgb: AnyImage, camera_info: CameraInfo, rectified: bool, expected_hw: tuple[int, ...]
) -> Camera:
    """Reads the calibration; some drivers leave its frame empty."""
    if camera_info.header.frame_id not in ('', rgb.header.frame_id):
        raise ValueError(
            f'frame_id: expected that of the image, {rgb.header.frame_id!r}, '
            f'got {camera_info.header.frame_id!r} (is it of another camera?)'
        )
    camera = camera_from_msg(camera_info, rectified)
    if (camera.height, camera.width) != expected_hw:
        raise ValueError(
            f'size: expected that of the image, {expected_hw[1]}x{expected_hw[0]}, '
            f'got {camera.width}x{camera.height}'
        )
    return camera
