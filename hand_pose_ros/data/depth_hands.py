"""Hands in depth images, cut out and varied for training: the samples of the depth network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.depth_crop import (
    EMPTY,
    MIRRORED,
    CropView,
    encode_depth,
    encode_joints,
    look_at,
    upright_roll,
)
from hand_pose_ros.data.labels import HandLabel, ImageLabel, read_labels
from hand_pose_ros.data.pictures import read_depth_picture
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.geometry.camera import unproject
from hand_pose_ros.types import Camera, Side

MIN_VISIBLE = 7
"""Hands with fewer visible joints are not found by anybody, so nobody asks for their depth."""
SKIN_M = 0.008
"""The surface that is measured lies about so much before the joints."""


@dataclass(frozen=True)
class DepthHand:
    """A hand in a depth image.

    Attributes:
        picture: Index of the image.
        camera: Its intrinsics.
        keypoints_px: (21, 2) float32; NaN outside of the image.
        joints_cam: (21, 3) float32 metres.
        visible: (21,) bool.
        side: Left or right.
        centre_cam: (3,) metres; where a perfect detector and depth would put the hand's centre.
        sensor: What measured the depth; empty if it is exact.
    """

    picture: int
    camera: Camera
    keypoints_px: NDArray[np.float32]
    joints_cam: NDArray[np.float32]
    visible: NDArray[np.bool_]
    side: Side
    centre_cam: NDArray[np.float64]
    sensor: str


@dataclass(frozen=True)
class DepthHands:
    """Labelled hands with their depth images.

    Attributes:
        depth_mm: Per picture (H, W) uint16, 0 where not measured.
        hands: The hands.
    """

    depth_mm: list[NDArray[np.uint16]]
    hands: list[DepthHand]


@dataclass(frozen=True)
class DepthSample:
    """What the network is shown, and what it should answer.

    Attributes:
        crop: (S, S) float32 in -1..1.
        joints: (21, 3) float32 x, y, depth in the crop.
        is_right: Whether it shows a right hand.
        view: Where the crop lies; if mirrored, a mirrored hand's.
    """

    crop: NDArray[np.float32]
    joints: NDArray[np.float32]
    is_right: bool
    view: CropView


@dataclass(frozen=True)
class Jitter:
    """How much samples vary; the defaults are for training.

    Attributes:
        centre_m: Standard deviation of the error of the centre across the line of sight.
        distance_m: That along it.
        outlier_share: Share of the samples whose error is three times as large.
        keypoints: Standard deviation of the error of the keypoints that tell where up is, over
            the extent of the hand.
        roll_deg: Standard deviation of a further rotation in the picture.
        lost_share: Share of the samples turned anyhow, as where keypoints are all wrong.
        log_scale: Standard deviation of the logarithm of the hand's size.
        mirror: Show half of all hands mirrored.
        damage: Share of the samples that lose blobs, their background, or become noisier.
    """

    centre_m: float = 0.010
    distance_m: float = 0.015
    outlier_share: float = 0.1
    keypoints: float = 0.06
    roll_deg: float = 12.0
    lost_share: float = 0.08
    log_scale: float = 0.08
    mirror: bool = True
    damage: float = 0.3


AS_AT_RUN_TIME = Jitter(roll_deg=0.0, lost_share=0.0, log_scale=0.0, mirror=False, damage=0.0)
"""Only the errors of the centre and of the keypoints."""


def load_depth_hands(
    folders: Sequence[Path], held_out_share: float
) -> tuple[DepthHands, DepthHands]:
    """Reads rendered depth into memory.

    Args:
        folders: Data sets with depth, cameras and 3D joints, as `hand-pose synth` writes them.
        held_out_share: Share of the pictures, the last ones of each folder, to validate on.

    Returns:
        Hands to train on, hands held out.

    Raises:
        FileNotFoundError: A folder has no labels or lacks a depth image.
        ValueError: A depth image is not a 16-bit picture, or no hand can be used.
    """
    train, held_out = DepthHands([], []), DepthHands([], [])
    for folder in folders:
        for hands, labels in zip(
            (train, held_out), split_labels(read_labels(folder), held_out_share), strict=True
        ):
            for label in labels:
                _add(hands, folder, label)
    if not train.hands:
        raise ValueError(f'no hand with depth and 3D joints in {", ".join(map(str, folders))}')
    return train, held_out


def split_labels(
    labels: list[ImageLabel], held_out_share: float
) -> tuple[list[ImageLabel], list[ImageLabel]]:
    """Returns the labels of a folder to train on, and those held out: the last ones."""
    first_held_out = round(len(labels) * (1 - held_out_share))
    return labels[:first_held_out], labels[first_held_out:]


def joined(parts: Sequence[DepthHands]) -> DepthHands:
    """Puts hands together, and their depth images."""
    depth_mm: list[NDArray[np.uint16]] = []
    hands = []
    for part in parts:
        hands += [replace(hand, picture=hand.picture + len(depth_mm)) for hand in part.hands]
        depth_mm += part.depth_mm
    return DepthHands(depth_mm, hands)


def draw_sample(
    rng: np.random.Generator,
    hands: DepthHands,
    index: int,
    cube_m: float,
    size: int,
    jitter: Jitter,
) -> DepthSample:
    """Cuts out a hand and varies it.

    Args:
        rng: Source of all randomness.
        hands: The hands.
        index: Which of them.
        cube_m: Side of the cube around the hand.
        size: Side of the crop in pixels.
        jitter: How much it varies.
    """
    hand = hands.hands[index]
    error_m = rng.normal(0, (jitter.centre_m, jitter.centre_m, jitter.distance_m))
    if rng.random() < jitter.outlier_share:
        error_m *= 3
    centre_cam = hand.centre_cam + error_m
    centre_cam[2] = max(centre_cam[2], 0.05)
    # A larger cube shows the hand smaller, as a smaller hand would look.
    cube_m *= float(np.exp(rng.normal(0, jitter.log_scale)))
    view = look_at(centre_cam, cube_m, size, _roll(rng, hand.keypoints_px, jitter))
    depth_m = hands.depth_mm[hand.picture] * np.float32(0.001)
    crop = encode_depth(depth_m, hand.camera, view)
    joints, is_right = encode_joints(hand.joints_cam, view), hand.side == Side.RIGHT
    if jitter.mirror and rng.random() < 0.5:
        crop, joints, is_right = crop[:, ::-1], joints * MIRRORED, not is_right
    if rng.random() < jitter.damage:
        crop = _damaged(rng, crop)
    return DepthSample(np.ascontiguousarray(crop), joints, is_right, view)


def _roll(rng: np.random.Generator, keypoints_px: NDArray[np.float32], jitter: Jitter) -> float:
    if rng.random() < jitter.lost_share:
        return float(rng.uniform(-np.pi, np.pi))
    extent_px = np.ptp(keypoints_px[np.isfinite(keypoints_px[:, 0])], axis=0).max()
    found_px = keypoints_px + rng.normal(0, jitter.keypoints * extent_px, keypoints_px.shape)
    return upright_roll(found_px) + float(np.radians(rng.normal(0, jitter.roll_deg)))


def _damaged(rng: np.random.Generator, crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """Does to a crop what cameras and segmentation do to some, beyond the noise it has."""
    crop, size = crop.copy(), len(crop)
    kind = rng.integers(3)
    if kind == 0:  # blobs without depth
        for _ in range(rng.integers(1, 6)):
            centre = rng.integers(0, size, 2).tolist()
            axes = rng.integers(2, size // 12 + 3, 2).tolist()
            cv2.ellipse(crop, centre, axes, float(rng.uniform(0, 180)), 0, 360, EMPTY, -1)
    elif kind == 1:  # nothing behind the hand
        crop[crop > rng.uniform(0.2, 0.9)] = EMPTY
    else:  # noise, sometimes of a grain of several pixels
        grain = int(rng.integers(1, 4))
        noise = rng.normal(0, rng.uniform(0, 0.03), (size // grain + 1,) * 2).astype(np.float32)
        noise = np.kron(noise, np.ones((grain, grain), np.float32))[:size, :size]
        crop = np.where(crop < EMPTY, np.clip(crop + noise, -1, 1), crop)
    return crop


def _add(hands: DepthHands, folder: Path, label: ImageLabel) -> None:
    usable = usable_hands(label, len(hands.depth_mm))
    if label.depth is not None and usable:
        hands.depth_mm.append(read_depth_picture(folder / label.depth))
        hands.hands.extend(usable)


def usable_hands(label: ImageLabel, picture: int = 0) -> list[DepthHand]:
    """Puts together what is known of those hands of a picture of which enough is seen.

    Args:
        label: The picture's label; without its camera no hand can be used.
        picture: Index of its depth image among the others.
    """
    camera = label.camera
    if camera is None:
        return []
    found = [_depth_hand(hand, camera, picture, label) for hand in label.hands]
    return [hand for hand in found if hand is not None]


def _depth_hand(
    hand: HandLabel, camera: Camera, picture: int, label: ImageLabel
) -> DepthHand | None:
    """Puts together what is known of a hand; None if too little of it is seen."""
    if hand.joints_cam is None or hand.visible is None or hand.visible.sum() < MIN_VISIBLE:
        return None
    points_px = hand.keypoints_px
    inside = inside_image(points_px, (label.height, label.width))
    low, high = points_px[inside].min(axis=0), points_px[inside].max(axis=0)
    distance_m = np.median(hand.joints_cam[hand.visible, 2]) - SKIN_M
    centre_cam = unproject((low + high)[None] / 2, np.array([distance_m]), camera)[0]
    return DepthHand(
        picture,
        camera,
        np.where(inside[:, None], points_px, np.float32(np.nan)),
        hand.joints_cam,
        hand.visible,
        hand.side,
        centre_cam,
        label.group,
    )
