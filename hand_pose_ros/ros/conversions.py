"""Messages to arrays and back: the border at which every input is checked.

Images are read with NumPy and OpenCV alone, not with cv_bridge: its binary is bound to one NumPy
major version (ros-perception/vision_opencv#535), and a view of the message costs no copy.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from hand_pose_ros.msg import HandKeypoint, HandPose, HandPoseArray
from hand_pose_ros.types import Camera, Hand

BAYER_PATTERNS = {
    'bayer_rggb8': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr8': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg8': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg8': cv2.COLOR_BayerGB2RGB,
}
"""OpenCV names a Bayer pattern by its second row, ROS by its first."""

RGB_ENCODINGS: dict[str, tuple[str, int, int | None]] = {
    'rgb8': ('u1', 3, None),
    'rgba8': ('u1', 4, cv2.COLOR_RGBA2RGB),
    'rgb16': ('u2', 3, None),
    'bgr8': ('u1', 3, cv2.COLOR_BGR2RGB),
    'bgra8': ('u1', 4, cv2.COLOR_BGRA2RGB),
    'bgr16': ('u2', 3, cv2.COLOR_BGR2RGB),
    '8UC3': ('u1', 3, cv2.COLOR_BGR2RGB),
    'mono8': ('u1', 1, cv2.COLOR_GRAY2RGB),
    '8UC1': ('u1', 1, cv2.COLOR_GRAY2RGB),
    'mono16': ('u2', 1, cv2.COLOR_GRAY2RGB),
    'yuv422': ('u1', 2, cv2.COLOR_YUV2RGB_UYVY),
    'uyvy': ('u1', 2, cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': ('u1', 2, cv2.COLOR_YUV2RGB_YUYV),
    'yuyv': ('u1', 2, cv2.COLOR_YUV2RGB_YUYV),
    **{name: ('u1', 1, conversion) for name, conversion in BAYER_PATTERNS.items()},
}
"""Encoding (sensor_msgs/image_encodings.hpp) to element type, channels, OpenCV conversion."""

DEPTH_ENCODINGS = {'16UC1': 'u2', '32FC1': 'f4'}
"""The two depth encodings of REP 118: millimetres with 0, and metres with NaN, for no value."""

DISTORTION_MODELS = ('plumb_bob', 'rational_polynomial')
"""The models of sensor_msgs/distortion_models.hpp whose coefficients are OpenCV's, in order."""

DISTORTION_LENGTHS = (4, 5, 8, 12, 14)
"""Numbers of coefficients that OpenCV takes."""

PNG_MAGIC = b'\x89PNG'
DEPTH_HEADER = struct.Struct('<iff')
"""Head of a compressedDepth message: format, then A and B of depth = A / (value - B)."""


def stamp_s_of(header: Header) -> float:
    """Returns the acquisition time in seconds."""
    return header.stamp.sec + header.stamp.nanosec * 1e-9


def rgb_from_msg(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Reads a colour image.

    Args:
        message: A raw or compressed image; 16-bit channels lose their low byte.

    Returns:
        (H, W, 3) uint8, channels R, G, B; possibly a read-only view of the message.

    Raises:
        ValueError: If the encoding is not known, the data do not fill the image or a compressed
            image cannot be decoded.
    """
    if isinstance(message, CompressedImage):
        # The camera's matrix belongs to the pixels as they were stored, not as EXIF turns them.
        flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
        decoded = _decode(message, message.data, flags)
        if decoded.ndim == 3:
            return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
        # image_transport compresses what a Bayer sensor gives as one channel.
        encoding = message.format.split(';')[0].strip()
        return cv2.cvtColor(decoded, BAYER_PATTERNS.get(encoding, cv2.COLOR_GRAY2RGB))
    if message.encoding not in RGB_ENCODINGS:
        raise ValueError(
            f'encoding: expected one of {", ".join(RGB_ENCODINGS)}, got {message.encoding!r}'
        )
    dtype, channels, conversion = RGB_ENCODINGS[message.encoding]
    pixels = _pixels_from_msg(message, dtype, channels)
    if pixels.dtype != np.uint8:
        pixels = (pixels >> 8).astype(np.uint8)
    try:
        return pixels if conversion is None else cv2.cvtColor(pixels, conversion)
    except cv2.error as error:
        raise ValueError(
            f'size: expected {message.encoding} pixels, '
            f'got {message.width}x{message.height} that OpenCV refuses ({error.err})'
        ) from error


def depth_from_msg(message: Image | CompressedImage) -> NDArray[np.float32]:
    """Reads a depth image; the unit follows from the encoding alone (REP 118).

    Args:
        message: A raw image or a compressedDepth one (PNG, with or without its 12-byte head).

    Returns:
        (H, W) float32 metres along z; NaN where not measured.

    Raises:
        ValueError: If the encoding is not known, the data do not fill the image or a compressed
            image cannot be decoded.
    """
    compressed = isinstance(message, CompressedImage)
    encoding = message.format.split(';')[0].strip() if compressed else message.encoding
    if encoding not in DEPTH_ENCODINGS:
        raise ValueError(f'encoding: expected 16UC1 (mm) or 32FC1 (m), got {encoding!r}')
    if compressed:
        return _depth_from_compressed(message, encoding)
    depth = _pixels_from_msg(message, DEPTH_ENCODINGS[encoding], 1)
    return _metres_from_mm(depth) if encoding == '16UC1' else _finite_or_nan(depth)


def camera_from_msg(message: CameraInfo, rectified: bool = False) -> Camera:
    """Reads a camera's intrinsics, for the pixels of its images.

    Its matrices are of the whole sensor; an image may show a part of it (`roi`), and one pixel in
    place of several (`binning_x`, `binning_y`).

    Args:
        message: Calibration of the camera.
        rectified: Of its rectified image, which has a matrix of its own and no distortion.

    Returns:
        The pinhole camera, with its distortion where there is one.

    Raises:
        ValueError: If the camera matrix is not one (a driver without calibration sends zeros), or
            the distortion is of a model, or has a number of coefficients, that the pinhole camera
            does not carry.
    """
    matrix = [float(value) for value in (message.p if rectified else message.k)]
    row = len(matrix) // 3
    fx, cx, fy, cy = matrix[0], matrix[2], matrix[row + 1], matrix[row + 2]
    if not (all(map(math.isfinite, matrix)) and fx > 0.0 and fy > 0.0):
        raise ValueError(
            f'expected a camera matrix with finite values and focal lengths above 0, got {matrix}'
        )
    distortion = tuple(float(value) for value in message.d)
    if rectified or not any(distortion):
        distortion = ()
    elif (
        message.distortion_model not in DISTORTION_MODELS
        or len(distortion) not in DISTORTION_LENGTHS
        or not all(map(math.isfinite, distortion))
    ):
        raise ValueError(
            f'expected {" or ".join(map(str, DISTORTION_LENGTHS))} finite coefficients of '
            f'{" or ".join(DISTORTION_MODELS)}, '
            f'got {message.distortion_model!r} with {list(distortion)}'
        )
    roi, across, down = message.roi, message.binning_x or 1, message.binning_y or 1
    return Camera(
        (roi.height or message.height) // down,
        (roi.width or message.width) // across,
        fx / across,
        fy / down,
        (cx - roi.x_offset) / across,
        (cy - roi.y_offset) / down,
        distortion,
    )


def hands_to_msg(hands: Sequence[Hand], header: Header) -> HandPoseArray:
    """Writes the hands of one frame under the header of its RGB image."""
    return HandPoseArray(header=header, hands=[_hand_to_msg(hand) for hand in hands])


def rgb_to_msg(rgb: NDArray[np.uint8], header: Header) -> Image:
    """Writes an (H, W, 3) uint8 RGB image."""
    height, width = rgb.shape[:2]
    message = Image(header=header, height=height, width=width, encoding='rgb8', step=3 * width)
    # The setter takes an array.array as it is, and checks every element of anything else.
    message.data.frombytes(np.ascontiguousarray(rgb).data)
    return message


def _hand_to_msg(hand: Hand) -> HandPose:
    x0, y0, x1, y1 = hand.box_px.tolist()
    rows = zip(
        hand.keypoints_px.tolist(),
        hand.scores.tolist(),
        hand.joints_cam.tolist(),
        hand.position_sources.tolist(),
        strict=True,
    )
    return HandPose(
        id=hand.id,
        side=int(hand.side),
        side_score=float(hand.side_score),
        score=float(hand.score),
        box_x=x0,
        box_y=y0,
        box_width=x1 - x0,
        box_height=y1 - y0,
        keypoints=[
            HandKeypoint(
                u=u, v=v, score=score, position=Point(x=x, y=y, z=z), position_source=source
            )
            for (u, v), score, (x, y, z), source in rows
        ],
    )


def _pixels_from_msg(message: Image, dtype: str, channels: int) -> NDArray[Any]:
    """Views a raw image as (H, W) or (H, W, channels) in the machine's byte order."""
    height, width, step = message.height, message.width, message.step
    element = np.dtype(('>' if message.is_bigendian else '<') + dtype)
    row_bytes = width * channels * element.itemsize
    if height == 0 or width == 0:
        raise ValueError(f'size: expected at least 1x1, got {width}x{height}')
    if step < row_bytes:
        raise ValueError(
            f'step: expected at least {row_bytes} bytes for {width} pixels of '
            f'{message.encoding}, got {step}'
        )
    if len(message.data) != step * height:
        raise ValueError(
            f'data: expected {step * height} bytes ({height} rows of {step}), '
            f'got {len(message.data)}'
        )
    rows = np.frombuffer(message.data, np.uint8).reshape(height, step)[:, :row_bytes]
    pixels = np.ascontiguousarray(rows).view(element).astype(element.newbyteorder('='), copy=False)
    return pixels if channels == 1 else pixels.reshape(height, width, channels)


def _decode(message: CompressedImage, data: Any, flags: int) -> NDArray[Any]:
    image = None
    reason = 'OpenCV cannot decode them'
    try:
        if len(data):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        reason = error.err
    if image is None:
        raise ValueError(
            f'data: expected JPEG or PNG data, got {len(message.data)} bytes of format '
            f'{message.format!r} ({reason})'
        )
    return image


def _depth_from_compressed(message: CompressedImage, encoding: str) -> NDArray[np.float32]:
    data = bytes(message.data)
    start = data.find(PNG_MAGIC, 0, DEPTH_HEADER.size + len(PNG_MAGIC))
    if start not in ((0, DEPTH_HEADER.size) if encoding == '16UC1' else (DEPTH_HEADER.size,)):
        raise ValueError(
            f'data: expected a PNG after a head of {DEPTH_HEADER.size} bytes, got '
            f'{len(data)} bytes of format {message.format!r} (set the publisher to png)'
        )
    values = _decode(message, data[start:], cv2.IMREAD_UNCHANGED)
    if values.dtype != np.uint16 or values.ndim != 2:
        raise ValueError(
            'data: expected a 16-bit PNG of one channel, '
            f'got {values.dtype} of shape {values.shape}'
        )
    if encoding == '16UC1':
        return _metres_from_mm(values)
    _, a, b = DEPTH_HEADER.unpack_from(data)
    with np.errstate(divide='ignore'):
        depth_m = np.float32(a) / (values.astype(np.float32) - np.float32(b))
    depth_m[values == 0] = np.nan
    return _finite_or_nan(depth_m)


def _metres_from_mm(depth_mm: NDArray[np.uint16]) -> NDArray[np.float32]:
    depth_m = depth_mm * np.float32(0.001)
    depth_m[depth_mm == 0] = np.nan
    return depth_m


def _finite_or_nan(depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isfinite(depth_m) & (depth_m > 0.0), depth_m, np.float32(np.nan))
