"""Training samples: hands composed over backgrounds, in the two views a network meets.

A *scene* is what the full-frame pass sees: zero to three hands of any size. A *region* is what the
second pass sees: one hand that fills the input, letterboxed to the box that the first pass would
give. Augmentation of SRHandNet (section III-C): gamma, blur, homography, rotation, scale down to
tiny hands, cropping, mirroring; and noise, white balance, motion blur, JPEG, grey, occlusion.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import BOX_MARGIN, keypoint_box
from hand_pose_ros.data.hand_placement import (
    Matrix,
    beside_hands,
    cover_frame,
    extent_of,
    middle_of,
    shape_matrix,
    similarity,
    transformed,
)
from hand_pose_ros.data.photometric import photometric, relit
from hand_pose_ros.data.pictures import Picture
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.geometry.crop import FILL
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import MIRRORED, Side

MIN_KEYPOINTS = 6
"""A hand with fewer keypoints in the frame is not a target."""

OCCLUDED = 0.35
"""Share of pictures with a thing before a hand."""

BOX_ASPECT_SIGMA = 0.4
"""Standard deviation of the logarithm of width over height of a hand's box."""

BAD_BOX = 3.0
"""The first pass is not always nearly right."""


@dataclass(frozen=True)
class Sample:
    """One training picture.

    Attributes:
        image: (S, S, 3) uint8 R, G, B.
        keypoints_px: (M, 21, 2) float32; NaN where not in the frame, covered or unlabelled.
        outline_px: (M, 21, 2) float32, the same with those that are not in the frame: what is in
            the frame between a joint inside and one outside belongs to the hand.
        sides: (M,) uint8, a Side for each hand.
        coverage: (S, S) float32 in 0..1 of a region: how much of each pixel is the labelled
            picture (hands, and what belongs to them), not background. None for a scene.
    """

    image: NDArray[np.uint8]
    keypoints_px: NDArray[np.float32]
    outline_px: NDArray[np.float32]
    sides: NDArray[np.uint8]
    coverage: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Augmentation:
    """How far samples are varied; the defaults are for what recipes do not say.

    Attributes:
        rotation_deg: Standard deviation of the in-plane rotation; see `shape_matrix`.
        homography: Largest shift of a corner, as a share of the hand's size.
        scene_hand_share: Smallest and largest hand in a scene, as a share of its side.
        negatives: Share of scenes without a hand.
        region_negatives: Share of regions without a hand, as a false first pass gives them: parts
            of people, mostly, and of backgrounds.
        box_jitter: Standard deviation of a region's shift and log-size, as a share of its size;
            of one region in five it is BAD_BOX times as large.
    """

    rotation_deg: float = 40.0
    homography: float = 0.12
    scene_hand_share: tuple[float, float] = (0.06, 0.95)
    negatives: float = 0.15
    region_negatives: float = 0.2
    box_jitter: float = 0.08


def scene_sample(
    rng: Generator,
    pictures: list[Picture],
    backgrounds: list[NDArray[np.uint8]],
    size: int,
    augmentation: Augmentation,
) -> Sample:
    """Composes hands of any size over a background, letterboxed as a camera's frame would be."""
    width, height = _frame_shape(rng, size)
    canvas = random_background(rng, backgrounds, height, width).astype(np.float32)
    hands: list[NDArray[np.float32]] = []
    sides: list[NDArray[np.uint8]] = []
    count = (
        0 if rng.random() < augmentation.negatives else rng.choice((1, 2, 3), p=(0.5, 0.35, 0.15))
    )
    for _ in range(count):
        picture = pictures[rng.integers(len(pictures))]
        if picture.opaque and not hands and rng.random() < 0.45:
            matrix = cover_frame(rng, picture, width, height)
        else:
            matrix = _place_hand(rng, picture, (width, height), augmentation)
        canvas, matte, new, new_sides = _paste(rng, canvas, picture, matrix)
        hands = [_hide(known, matte) for known in hands]
        hands.append(new)
        sides.append(new_sides)
    if hands:
        hidden = hands[-1][0]
    else:
        extent = _hand_share(rng, augmentation) * max(width, height)
        hidden = _spread(rng, rng.uniform((0, 0), (width, height)), extent)
    canvas, _ = _occlude(rng, canvas, hidden, backgrounds)
    image = _letterboxed(photometric(rng, canvas), size)
    return _finish(image, hands, sides, (width, height))


def region_sample(
    rng: Generator,
    pictures: list[Picture],
    backgrounds: list[NDArray[np.uint8]],
    size: int,
    augmentation: Augmentation,
) -> Sample:
    """Composes one hand as the second pass sees it: its box, letterboxed.

    Other hands in the same picture stay; the one the box is around comes first.
    """
    if rng.random() < augmentation.region_negatives:
        return empty_region_sample(rng, pictures, backgrounds, size)
    picture = pictures[rng.integers(len(pictures))]
    chosen = rng.integers(len(picture.keypoints_px))
    hand = picture.keypoints_px[chosen]
    shape = shape_matrix(rng, hand, augmentation.rotation_deg, augmentation.homography)
    box = keypoint_box(transformed(shape, hand), BOX_MARGIN)
    jitter = augmentation.box_jitter * (BAD_BOX if rng.random() < 0.2 else 1)
    extent = box[2:] - box[:2]
    # The first pass errs by a share of the hand, along the short side of a box, too.
    centre = (box[:2] + box[2:]) / 2 + extent.max() * rng.normal(0, jitter, 2)
    grown = extent * np.exp(rng.normal(0, jitter)) + extent.max() * rng.normal(0, jitter, 2)
    extent = np.maximum(grown, extent / 2)
    scale = size / extent.max()
    width, height = np.clip(np.rint(extent * scale), 8, size).astype(int)
    matrix = similarity(scale, centre, np.array([width, height]) / 2) @ shape
    hand = transformed(matrix, hand)
    if inside_image(hand, (height, width)).sum() < MIN_KEYPOINTS:
        return empty_region_sample(rng, pictures, backgrounds, size)
    canvas = random_background(rng, backgrounds, height, width).astype(np.float32)
    canvas, matte, hands, sides = _paste(rng, canvas, picture, matrix)
    hands, sides = np.roll(hands, -chosen, axis=0), np.roll(sides, -chosen)
    canvas, before = _occlude(rng, canvas, hand, backgrounds)
    image = _letterboxed(photometric(rng, canvas), size)
    sample = _finish(image, [hands], [sides], (width, height))
    coverage = np.zeros((size, size), np.float32)
    coverage[:height, :width] = matte * (1 - before)
    return replace(sample, coverage=coverage)


def empty_region_sample(
    rng: Generator,
    pictures: list[Picture],
    backgrounds: list[NDArray[np.uint8]],
    size: int,
    least_share: float = 0.15,
) -> Sample:
    """Composes a region without a hand, as a false first pass gives it.

    Args:
        rng: Draws it.
        pictures: Parts of these that show no hand are pasted, as far as all their hands are
            labelled; none for the background alone.
        backgrounds: As for `random_background`.
        size: Side of the square, pixels.
        least_share: As for `random_background`.
    """
    width, height = _box_shape(rng, size)
    canvas = random_background(rng, backgrounds, height, width, least_share).astype(np.float32)
    if pictures:
        picture = pictures[rng.integers(len(pictures))]
        matrix = beside_hands(rng, picture, (width, height)) if picture.complete else None
        if matrix is not None:
            canvas, *_ = _paste(rng, canvas, picture, matrix)
    where = _spread(rng, np.array([width, height]) / 2, max(width, height) / BOX_MARGIN)
    canvas, _ = _occlude(rng, canvas, where, backgrounds)
    image = _letterboxed(photometric(rng, canvas), size)
    sample = _finish(image, [], [], (width, height))
    return replace(sample, coverage=np.zeros((size, size), np.float32))


def random_background(
    rng: Generator,
    backgrounds: list[NDArray[np.uint8]],
    height: int,
    width: int,
    least_share: float = 0.15,
) -> NDArray[np.uint8]:
    """Cuts a random part of a random picture, or mixes colours, to (height, width, 3) uint8.

    Args:
        rng: Draws it.
        backgrounds: (H, W, 3) uint8 pictures.
        height: Of the result, pixels.
        width: Of the result, pixels.
        least_share: Of the sides of the part in those of the picture.
    """
    if rng.random() < 0.15:
        coarse = rng.uniform(0, 255, (*rng.integers(1, 6, 2), 3)).astype(np.float32)
        grey = coarse.mean(axis=2, keepdims=True)
        coarse = (grey + rng.uniform(0, 0.6) * (coarse - grey)).astype(np.float32)
        method = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_NEAREST
        smooth = cv2.resize(coarse, (width, height), interpolation=method)
        return np.clip(smooth, 0, 255).astype(np.uint8)
    source = backgrounds[rng.integers(len(backgrounds))]
    share = np.exp(rng.uniform(np.log(least_share), 0))
    side_y = max(int(source.shape[0] * share), 8)
    side_x = max(int(source.shape[1] * share), 8)
    top = rng.integers(source.shape[0] - side_y + 1)
    left = rng.integers(source.shape[1] - side_x + 1)
    part = source[top : top + side_y, left : left + side_x]
    part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    # Behind a hand it may be a bright window or a dark room.
    part = np.clip(part * np.exp(rng.normal(0, 0.4)), 0, 255).astype(np.uint8)
    return part[:, ::-1] if rng.random() < 0.5 else part


def _letterboxed(canvas: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    image = np.full((size, size, 3), FILL, np.float32)
    image[: canvas.shape[0], : canvas.shape[1]] = canvas
    return image


def _frame_shape(rng: Generator, size: int) -> tuple[int, int]:
    aspect = rng.choice((1, 4 / 3, 16 / 9, 3 / 4), p=(0.3, 0.4, 0.2, 0.1))
    return (size, round(size / aspect)) if aspect >= 1 else (round(size * aspect), size)


def _box_shape(rng: Generator, size: int) -> tuple[int, int]:
    """Draws the shape of a region as hands have it, or it would tell those without one."""
    aspect = np.exp(rng.normal(0, BOX_ASPECT_SIGMA))
    width, height = np.clip(
        np.rint(size * np.array([min(1, aspect), min(1, 1 / aspect)])), 8, size
    )
    return int(width), int(height)


def _place_hand(
    rng: Generator, picture: Picture, frame_wh: tuple[int, int], augmentation: Augmentation
) -> Matrix:
    """Puts one of a picture's hands, at a random size and turn, anywhere in the frame."""
    hand = picture.keypoints_px[rng.integers(len(picture.keypoints_px))]
    shape = shape_matrix(rng, hand, augmentation.rotation_deg, augmentation.homography)
    hand = transformed(shape, hand)
    extent = _hand_share(rng, augmentation) * max(frame_wh)
    place = similarity(extent / extent_of(hand), middle_of(hand), rng.uniform((0, 0), frame_wh))
    return place @ shape


def _hand_share(rng: Generator, augmentation: Augmentation) -> float:
    """Draws the size of a hand in a scene, as a share of its longer side."""
    low, high = np.log(augmentation.scene_hand_share)
    return float(np.exp(rng.uniform(low, high)))


def _spread(
    rng: Generator, middle_px: NDArray[np.floating], extent_px: float
) -> NDArray[np.float32]:
    """Draws where the keypoints of a hand of a size about a middle (2,) could be, (21, 2)."""
    offsets_px = extent_px * rng.uniform(-0.5, 0.5, (NUM_KEYPOINTS, 2))
    return (middle_px + offsets_px).astype(np.float32)


def _paste(
    rng: Generator, canvas: NDArray[np.float32], picture: Picture, matrix: Matrix
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """Draws a picture over a canvas.

    Returns:
        The canvas, the (H, W) coverage 0..1, the hands (M, 21, 2) in it, and their sides.
    """
    height, width = canvas.shape[:2]
    # How much the picture shrinks at its first hand chooses the size it is read from.
    jacobian = transformed(
        matrix, middle_of(picture.keypoints_px[0]) + np.array([[0, 0], [1, 0], [0, 1]])
    )
    area = abs(np.linalg.det(jacobian[1:] - jacobian[0]))
    level = int(
        np.clip(np.floor(-0.5 * np.log2(max(area, 1e-6)) + 0.3), 0, len(picture.levels) - 1)
    )
    wide, high = picture.steps(level)
    # Pixel centres: level pixel i covers full-size pixels around (i + 0.5) * wide - 0.5.
    up = np.array([[wide, 0, wide / 2 - 0.5], [0, high, high / 2 - 0.5], [0, 0, 1.0]])
    warped = cv2.warpPerspective(
        picture.levels[level], matrix @ up, (width, height), flags=cv2.INTER_LINEAR
    ).astype(np.float32)
    matte = warped[..., 3:] / 255
    colours = warped[..., :3] if picture.opaque else relit(rng, warped[..., :3])
    canvas = canvas + matte * (colours - canvas)
    sides = picture.sides
    if np.linalg.det(matrix) < 0:
        sides = np.array([MIRRORED[Side(side)] for side in sides], np.uint8)
    return canvas, matte[..., 0], transformed(matrix, picture.keypoints_px), sides


def _hide(hands: NDArray[np.float32], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Marks keypoints of (M, 21, 2) that a later picture covers as not seen."""
    height, width = matte.shape
    cells = np.nan_to_num(np.rint(hands), nan=-1).astype(int)
    inside = (cells >= 0).all(axis=2) & (cells[..., 0] < width) & (cells[..., 1] < height)
    columns, rows = (np.where(inside, cells[..., axis], 0) for axis in (0, 1))
    covered = inside & (matte[rows, columns] > 0.5)
    return np.where(covered[..., None], np.float32(np.nan), hands)


def _finish(
    image: NDArray[np.float32],
    hands: list[NDArray[np.float32]],
    sides: list[NDArray[np.uint8]],
    frame_wh: tuple[int, int],
) -> Sample:
    if not hands:
        empty = np.zeros((0, NUM_KEYPOINTS, 2), np.float32)
        return Sample(image.astype(np.uint8), empty, empty, np.zeros(0, np.uint8))
    outline = np.concatenate(hands)
    inside = inside_image(outline, frame_wh[::-1])
    keypoints = outline.copy()
    keypoints[~inside] = np.nan
    keep = inside.sum(axis=1) >= MIN_KEYPOINTS
    kept_sides = np.concatenate(sides)[keep]
    return Sample(image.astype(np.uint8), keypoints[keep], outline[keep], kept_sides)


def _occlude(
    rng: Generator,
    canvas: NDArray[np.float32],
    hand: NDArray[np.float32],
    backgrounds: list[NDArray[np.uint8]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Puts a thing before a hand; what it hides stays labelled, to be inferred.

    Pictures without a hand get such a thing as often, or it would tell where hands are.

    Args:
        rng: Draws it.
        canvas: (H, W, 3) 0..255.
        hand: (21, 2) pixels of its keypoints, or of where they could be.
        backgrounds: Of which things are made.

    Returns:
        The canvas, and the (H, W) coverage 0..1 of the thing.
    """
    height, width = canvas.shape[:2]
    matte = np.zeros((height, width), np.float32)
    hand = hand[np.isfinite(hand).all(axis=1)]
    if rng.random() > OCCLUDED or not len(hand):
        return canvas, matte
    extent = extent_of(hand)
    middle = hand[rng.integers(len(hand))] + rng.normal(0, 0.15 * extent, 2)
    axes = 2 * extent * np.exp(rng.uniform(np.log(0.05), np.log(0.3), 2))
    # One in three is long: a tool, a rail, a cable.
    axes[0] *= 3 if rng.random() < 1 / 3 else 1
    turned = (middle.tolist(), axes.tolist(), rng.uniform(0, 180))
    if rng.random() < 0.5:
        cv2.ellipse(matte, turned, 1.0, -1)
    else:
        cv2.fillConvexPoly(matte, np.rint(cv2.boxPoints(turned)).astype(np.int32), 1.0)
    matte = cv2.GaussianBlur(matte, (0, 0), 0.7)
    thing = random_background(rng, backgrounds, height, width)
    return canvas + matte[..., None] * (thing - canvas), matte
