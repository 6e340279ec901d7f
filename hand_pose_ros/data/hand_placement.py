"""Where a labelled picture comes to lie in a training sample: homographies about its hands."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hand_pose_ros.data.pictures import Picture

BESIDE_TRIES = 8
"""How often a part of a picture beside its hands is looked for."""

TURNED_SHARE = 0.25
"""Share of hands that are turned in any direction, as cameras above a table see them."""

Matrix = NDArray[np.float64]


def cover_frame(rng: Generator, picture: Picture, width: int, height: int) -> Matrix:
    """Fills the frame with a part of a photograph, its own surroundings kept, as (3, 3)."""
    source = np.array(picture.levels[0].shape[1::-1])
    scale = max(width / source[0], height / source[1]) * rng.uniform(1, 1.6)
    start = rng.uniform(0, source - np.array([width, height]) / scale)
    matrix = similarity(scale, start, np.zeros(2))
    if rng.random() < 0.5:
        matrix = np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1.0]]) @ matrix
    return matrix


def beside_hands(rng: Generator, picture: Picture, frame_wh: tuple[int, int]) -> Matrix | None:
    """Fills the frame with a part of a picture that shows no hand: a face, an arm, clothes.

    Returns:
        The placement (3, 3); None where a few tries found no such part.
    """
    rows, columns = np.nonzero(picture.levels[-1][..., 3] > 128)
    size = max(extent_of(hand) for hand in picture.keypoints_px)
    for _ in range(BESIDE_TRIES if len(rows) else 0):
        chosen = rng.integers(len(rows))
        middle = np.array([columns[chosen], rows[chosen]]) * picture.steps(-1)
        scale = max(frame_wh) / (size * np.exp(rng.uniform(-0.4, 0.9)))
        matrix = similarity(scale, middle, np.array(frame_wh) / 2)
        moved = transformed(matrix, picture.keypoints_px.reshape(-1, 2))
        margin = 0.1 * max(frame_wh)
        with np.errstate(invalid='ignore'):
            inside = ((moved > -margin) & (moved < np.array(frame_wh) + margin)).all(axis=1)
        if not inside.any():
            return matrix
    return None


def shape_matrix(
    rng: Generator, hand: NDArray[np.floating], rotation_deg: float, homography: float
) -> Matrix:
    """Rotates, mirrors and tilts about a hand, at unit size.

    Args:
        rng: Draws it.
        hand: (21, 2) keypoints, NaN where unknown.
        rotation_deg: Standard deviation of the in-plane rotation, but of TURNED_SHARE of all.
        homography: Largest shift of a corner of the square around the hand, twice as large as it,
            as a share of the hand's size; every other hand has none.

    Returns:
        (3, 3), which moves the hand's middle to the origin.
    """
    angle = np.radians(rng.normal(0, rotation_deg))
    if rng.random() < TURNED_SHARE:
        angle = rng.uniform(-np.pi, np.pi)
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos * mirror, -sin, 0], [sin * mirror, cos, 0], [0, 0, 1.0]])
    matrix = turn @ similarity(1 / extent_of(hand), middle_of(hand), np.zeros(2))
    if rng.random() < 0.5:
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
        moved = corners + rng.uniform(-homography, homography, (4, 2)).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(corners, moved) @ matrix
    return matrix


def extent_of(points: NDArray[np.floating]) -> float:
    """Returns the longer side of the box around points (N, 2), NaN where unknown."""
    size = np.nanmax(points, axis=0) - np.nanmin(points, axis=0)
    return max(float(size.max()), 1e-6)


def middle_of(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns the middle (2,) of the box around points (N, 2), NaN where unknown."""
    return (np.nanmin(points, axis=0) + np.nanmax(points, axis=0)) / 2


def similarity(scale: float, start: NDArray, end: NDArray) -> Matrix:
    """Scales by `scale` and moves the point `start` to `end`."""
    shift = end - scale * start
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])


def transformed(matrix: Matrix, points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Maps points (..., 2) by a homography."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return (mapped[..., :2] / mapped[..., 2:]).astype(np.float32)
