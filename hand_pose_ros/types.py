"""What travels between the folders: frozen dataclasses of NumPy arrays.

Pixels are (x, y) with centres at integers, x right and y down; sizes are (height, width).
Positions are metres in the RGB camera's optical frame: x right, y down, z forward (REP 103).
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.skeleton import NUM_KEYPOINTS


class Side(IntEnum):
    """Which hand of the person, in an image that is not mirrored."""

    UNKNOWN = 0
    LEFT = 1
    RIGHT = 2


MIRRORED = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.UNKNOWN: Side.UNKNOWN}
"""The side that a hand shows in a mirrored image."""


class PositionSource(IntEnum):
    """Where a joint's metric position comes from."""

    NONE = 0
    MEASURED = 1
    MODEL = 2


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with the lens distortion that CameraInfo carries.

    Attributes:
        height: Image height in pixels.
        width: Image width in pixels.
        fx: Focal length along x in pixels.
        fy: Focal length along y in pixels.
        cx: Principal point, x in pixels.
        cy: Principal point, y in pixels.
        distortion: Coefficients (k1, k2, p1, p2, k3, ...) in OpenCV's order; empty for none.
    """

    height: int
    width: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One RGB image, with the depth and the camera that belong to it where they are known.

    Attributes:
        rgb: (H, W, 3) uint8, channels R, G, B.
        stamp_s: Acquisition time in seconds.
        depth_m: (H, W) float32 metres along z, aligned with `rgb`; NaN where not measured.
        camera: Intrinsics of `rgb`.
    """

    rgb: NDArray[np.uint8]
    stamp_s: float
    depth_m: NDArray[np.float32] | None = None
    camera: Camera | None = None


@dataclass(frozen=True)
class HandMask:
    """Which pixels are one hand's, on the grid of a network.

    Attributes:
        cells: (h, w) float32 in 0..1, how likely each cell is hand.
        box_px: (4,) float32, (x0, y0, x1, y1) in image pixels: the outer edges of the grid, which
            may reach over the image's border.
    """

    cells: NDArray[np.float32]
    box_px: NDArray[np.float32]


def no_joints() -> NDArray[np.float32]:
    """Returns (21, 3) float32 of NaN: no joint is known."""
    return np.full((NUM_KEYPOINTS, 3), np.nan, np.float32)


def _no_sources() -> NDArray[np.uint8]:
    return np.zeros(NUM_KEYPOINTS, np.uint8)


@dataclass(frozen=True)
class Hand:
    """One hand in one frame.

    Attributes:
        keypoints_px: (21, 2) float32, (x, y) in pixels of the RGB image; NaN where not seen.
        scores: (21,) float32 in 0..1; 0 where not seen.
        box_px: (4,) float32, (x0, y0, x1, y1) in pixels, inside the image.
        score: Confidence that this is a hand, 0..1.
        side: Left or right hand of the person.
        side_score: Confidence of `side`, 0..1.
        joints_cam: (21, 3) float32 metres in the optical frame; NaN where unknown.
        position_sources: (21,) uint8, a PositionSource for each joint.
        id: Name of the track, stable while the hand is tracked; empty when not tracked.
        mask: Its pixels, where the estimator tells.
        turns: Quarters by which the picture was turned, counter-clockwise, to read the hand.
    """

    keypoints_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    box_px: NDArray[np.float32]
    score: float
    side: Side = Side.UNKNOWN
    side_score: float = 0.0
    joints_cam: NDArray[np.float32] = field(default_factory=no_joints)
    position_sources: NDArray[np.uint8] = field(default_factory=_no_sources)
    id: str = ''
    mask: HandMask | None = None
    turns: int = 0
