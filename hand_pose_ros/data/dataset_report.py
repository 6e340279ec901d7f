"""What is in a data set, at a glance: a contact sheet and histograms."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import read_picture
from hand_pose_ros.skeleton import BONES, FINGERS, WRIST
from hand_pose_ros.types import Side

SHEET_PAIRS = 24
SHEET_COLUMNS = 8
TILE_PX = 240
SIDE_COLOURS = {
    Side.UNKNOWN: (200, 200, 200),
    Side.LEFT: (255, 140, 60),
    Side.RIGHT: (80, 255, 80),
}
"""R, G, B."""


def draw_contact_sheet(folder: Path, labels: list[ImageLabel]) -> NDArray[np.uint8]:
    """Shows pictures from all over a data set, each with its labels and, if any, its depth.

    Args:
        folder: Folder of the data set.
        labels: Its labels, at least one.

    Returns:
        (H, W, 3) uint8 R, G, B.

    Raises:
        ValueError: A picture is missing or damaged.
    """
    pairs = min(SHEET_PAIRS, len(labels))
    tiles = []
    for label in (labels[i * len(labels) // pairs] for i in range(pairs)):
        image = read_picture(folder / label.image, cv2.IMREAD_UNCHANGED)
        if label.image == label.depth:
            image = colour_depth(image * np.float32(0.001))
        else:
            # Cut-outs have a fourth channel; what it hides is black.
            image = np.ascontiguousarray(image[..., 2::-1])
        tiles.append(_tile(draw_hands(image, label.hands)))
        if label.depth is None:
            tiles.append(_tile(image))
        else:
            depth_mm = read_picture(folder / label.depth, cv2.IMREAD_UNCHANGED)
            tiles.append(_tile(colour_depth(depth_mm * np.float32(0.001))))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % SHEET_COLUMNS)
    rows = [tiles[i : i + SHEET_COLUMNS] for i in range(0, len(tiles), SHEET_COLUMNS)]
    return np.vstack([np.hstack(row) for row in rows])


def draw_hands(image: NDArray[np.uint8], hands: tuple[HandLabel, ...]) -> NDArray[np.uint8]:
    """Draws labelled hands over a copy of a picture: left ones orange, right ones green.

    Args:
        image: (H, W, 3) uint8 R, G, B.
        hands: The hands; hidden keypoints are drawn hollow.

    Returns:
        (H, W, 3) uint8 R, G, B.
    """
    drawn = image.copy()
    size = max(1, image.shape[0] // 240)
    for hand in hands:
        colour = SIDE_COLOURS[hand.side]
        # OpenCV draws no farther than 16 bits reach.
        points = np.clip(np.nan_to_num(hand.keypoints_px, nan=-9999), -9999, 9999).astype(int)
        known = np.flatnonzero(np.isfinite(hand.keypoints_px).all(axis=1))
        for start, end in BONES:
            if start in known and end in known:
                cv2.line(drawn, points[start].tolist(), points[end].tolist(), colour, size)
        for i in known:
            seen = hand.visible is None or hand.visible[i]
            cv2.circle(drawn, points[i].tolist(), 2 * size, colour, -1 if seen else 1)
    return drawn


def colour_depth(
    depth_m: NDArray[np.float32], range_m: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """Paints depth: near red, far blue, missing black.

    Args:
        depth_m: (H, W) metres; 0 or NaN where missing.
        range_m: Distances of red and blue; None takes the picture's own, outliers aside.

    Returns:
        (H, W, 3) uint8 R, G, B.
    """
    valid = np.isfinite(depth_m) & (depth_m > 0)
    if not valid.any():
        return np.zeros((*depth_m.shape, 3), np.uint8)
    near, far = range_m or np.percentile(depth_m[valid], (2, 98))
    share = np.clip((np.nan_to_num(depth_m) - near) / max(far - near, 1e-3), 0, 1)
    painted = cv2.applyColorMap((255 * (1 - share)).astype(np.uint8), cv2.COLORMAP_TURBO)
    painted[~valid] = 0
    return np.ascontiguousarray(painted[..., ::-1])


def plot_statistics(labels: list[ImageLabel], path: Path) -> None:
    """Plots what hands a data set holds: how many, which, how large, how far, how posed.

    Args:
        labels: Labels with sides, visibility and 3D joints.
        path: Picture to write.

    Raises:
        OSError: It cannot be written.
    """
    hands = [hand for label in labels for hand in label.hands]
    joints_cam = np.array([h.joints_cam for h in hands if h.joints_cam is not None])
    joints_cam = joints_cam.reshape(-1, 21, 3)
    visible = np.array([hand.visible for hand in hands if hand.visible is not None])
    figure = Figure(figsize=(13, 7), layout='constrained')
    axes = figure.subplots(2, 4).ravel()
    _bars(axes[0], [str(len(label.hands)) for label in labels], 'hands per picture')
    _bars(axes[1], [hand.side.name.lower() for hand in hands], 'side')
    sizes = [box_share(hand, label) for label in labels for hand in label.hands]
    _histogram(axes[2], sizes, 'box / longer side of the picture')
    _histogram(axes[3], joints_cam[:, WRIST, 2], 'distance of the wrist (m)')
    _histogram(axes[4], visible.reshape(-1, 21).mean(axis=1), 'visible share of the keypoints')
    _histogram(axes[5], finger_bend_deg(joints_cam), 'bend of the four fingers (deg)')
    _histogram(axes[6], palm_tilt_deg(joints_cam), 'palm normal to viewing ray (deg)')
    centres = [
        hand.keypoints_px.mean(axis=0) / (label.width, label.height)
        for label in labels
        for hand in label.hands
    ]
    _scatter(axes[7], np.array(centres).reshape(-1, 2), 'place in the picture')
    figure.suptitle(f'{len(labels)} pictures, {len(hands)} hands')
    figure.savefig(path, dpi=90)


def box_share(hand: HandLabel, label: ImageLabel) -> float:
    """Longer side of a hand's box over the longer side of its picture."""
    extent = hand.box_px[2:] - hand.box_px[:2]
    return float(extent.max() / max(label.width, label.height))


def finger_bend_deg(joints_cam: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean angle between the first and the last bone of the four fingers.

    Args:
        joints_cam: (M, 21, 3) metres.

    Returns:
        (M,) degrees: 0 for a flat hand, about 160 for a fist.
    """
    bases, middles, ends, tips = np.array(FINGERS[1:]).T
    first = joints_cam[:, middles] - joints_cam[:, bases]
    last = joints_cam[:, tips] - joints_cam[:, ends]
    return _angle_deg(first, last).mean(axis=1)


def palm_tilt_deg(joints_cam: NDArray[np.float32]) -> NDArray[np.float64]:
    """Angle between the palm's plane normal and the ray to the wrist, 0..90.

    Args:
        joints_cam: (M, 21, 3) metres.

    Returns:
        (M,) degrees: 0 for a hand seen flat, 90 for one seen edge-on.
    """
    wrist = joints_cam[:, WRIST]
    index, little = joints_cam[:, FINGERS[1][0]], joints_cam[:, FINGERS[4][0]]
    angle = _angle_deg(np.cross(index - wrist, little - wrist), wrist)
    return np.minimum(angle, 180 - angle)


def _angle_deg(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=-1) / lengths, -1, 1)))


def _tile(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fits a picture into a square, aspect kept."""
    height, width = image.shape[:2]
    scale = TILE_PX / max(height, width)
    size = (round(width * scale), round(height * scale))
    square = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return square


def _bars(axes: Axes, values: list[str], title: str) -> None:
    names, counts = np.unique(values, return_counts=True)
    axes.bar(names, counts)
    axes.set_title(title)


def _histogram(axes: Axes, values: NDArray[np.floating] | list[float], title: str) -> None:
    axes.hist(values, bins=30)
    axes.set_title(title)


def _scatter(axes: Axes, points: NDArray[np.floating], title: str) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=2)
    axes.set(xlim=(-0.2, 1.2), ylim=(1.2, -0.2), title=title)
