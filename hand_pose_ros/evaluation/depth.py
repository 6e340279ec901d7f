"""How well the joints of hands are found in metres: by depth look-up, by the network, by both."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.depth_hands import MIN_VISIBLE
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import read_depth_picture, readable
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.evaluation.joints_3d import area_under_success, success_rate
from hand_pose_ros.evaluation.metrics import match_hands, normalised_errors, pck
from hand_pose_ros.evaluation.photos import FindHands, read_photo
from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.geometry.camera import project
from hand_pose_ros.geometry.depth import check_depth_unit
from hand_pose_ros.pipeline.config import LiftConfig
from hand_pose_ros.pipeline.lift import lift_hand, lift_hands, under_skin
from hand_pose_ros.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Frame, Hand, Side

LOOK_UP, UNDER_SKIN, NETWORK, BOTH = (
    'look-up',
    'look-up, under the skin',
    'network',
    'both',
)
"""The second is the first without its bias: a camera sees the skin, and joints lie deeper. The
last is what the pipeline publishes."""

BOX_M = 0.24
"""Side of the box of a hand of which only the middle is known."""

DISTANCES_M = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
"""Edges of the bins of distance."""


def joints_around(
    estimator: LocalRegressionHourglassEstimator,
    depth_m: NDArray[np.float32],
    camera: Camera,
    centre_cam: NDArray[np.floating],
) -> NDArray[np.float32] | None:
    """Reads a hand of which only depth is known, and the middle of it, as the field's papers do.

    Args:
        estimator: The depth network.
        depth_m: (H, W) float32 metres.
        camera: Its intrinsics.
        centre_cam: (3,) metres in the optical frame: the box is that of a cube around it.

    Returns:
        (21, 3) float32 metres; None where the network refuses.
    """
    x, y, z = centre_cam
    corners_cam = np.array([[x - BOX_M / 2, y - BOX_M / 2, z], [x + BOX_M / 2, y + BOX_M / 2, z]])
    box_px = project(corners_cam, camera).reshape(4).astype(np.float32)
    unseen = np.full((NUM_KEYPOINTS, 2), np.nan, np.float32)
    hand = Hand(unseen, np.zeros(NUM_KEYPOINTS, np.float32), box_px, 0.0)
    (reading,) = estimator.read(depth_m, camera, [hand])
    return None if reading.refusal else reading.joints_cam


@dataclass(frozen=True)
class DepthScores:
    """Errors on labelled hands.

    Attributes:
        errors_mm: (H, 21) by method; NaN where it gives no position.
        keypoint_errors: (H, 21) by method, those in the picture over the size of the hand, see
            `metrics.normalised_errors`; infinite where it gives no keypoint.
        sides: (H,) by method, the values of Side that it tells.
        true_sides: (H,) those of the labels.
        visible: (H, 21) bool, the camera sees the joint.
        distances_m: (H,) medians of the joints.
        sensors: H names of what measured the depth.
    """

    errors_mm: dict[str, NDArray[np.float64]]
    keypoint_errors: dict[str, NDArray[np.float64]]
    sides: dict[str, NDArray[np.int_]]
    true_sides: NDArray[np.int_]
    visible: NDArray[np.bool_]
    distances_m: NDArray[np.float64]
    sensors: list[str]


@dataclass(frozen=True)
class _Labelled:
    """A picture with depth, and those of its hands that count."""

    label: ImageLabel
    depth: Path
    camera: Camera
    hands: list[HandLabel]


@dataclass(frozen=True)
class _Found:
    """A labelled hand, and by method what was found of it, None for nothing."""

    picture: ImageLabel
    label: HandLabel
    hands: Mapping[str, Hand | None]


def as_seen(label: HandLabel, height: int, width: int) -> Hand:
    """Returns what a perfect 2D network says of a hand: all of its keypoints in the picture."""
    last_px = np.array([width - 1, height - 1], np.float32)
    inside = inside_image(label.keypoints_px, (height, width))
    keypoints_px = np.where(inside[:, None], label.keypoints_px, np.float32(np.nan))
    box_px = np.clip(keypoint_box(keypoints_px), 0, np.tile(last_px, 2)).astype(np.float32)
    return Hand(keypoints_px, inside.astype(np.float32), box_px, 1.0)


def score_at_keypoints(
    folder: Path,
    labels: Iterable[ImageLabel],
    estimator: LocalRegressionHourglassEstimator,
    config: LiftConfig,
    problems: list[str],
) -> DepthScores:
    """Measures each method at the true 2D keypoints; the centre is estimated from depth.

    Args:
        folder: Folder of the data set.
        labels: Its pictures; hands of which too little is seen are left out, as in training.
        estimator: The depth network.
        config: Which depths are believed.
        problems: Gets a sentence for each picture that cannot be read, and so does not count.

    Raises:
        ValueError: Depth is in a wrong unit, or no picture can be read, or no hand be used.
    """
    found = []
    for picture, depth_mm in readable(_with_depth(folder, labels), _read_depth_mm, problems):
        label, camera, depth_m = picture.label, picture.camera, _in_metres(picture, depth_mm)
        seen = [as_seen(hand, label.height, label.width) for hand in picture.hands]
        measured = [lift_hand(hand, depth_m, camera, config) for hand in seen]
        deeper = [replace(hand, joints_cam=under_skin(hand.joints_cam)) for hand in measured]
        readings = estimator.read(depth_m, camera, measured)
        read = [
            replace(
                hand,
                keypoints_px=project(reading.joints_cam, camera).astype(np.float32),
                joints_cam=reading.joints_cam,
                side=_side_of(reading.side),
            )
            for hand, reading in zip(seen, readings, strict=True)
        ]
        both, _ = lift_hands(seen, depth_m, camera, config, estimator)
        for truth, *hands in zip(picture.hands, measured, deeper, read, both, strict=True):
            methods = (LOOK_UP, UNDER_SKIN, NETWORK, BOTH)
            found.append(_Found(label, truth, dict(zip(methods, hands, strict=True))))
    return _scores(found)


def score_pipelines(
    folder: Path,
    labels: Iterable[ImageLabel],
    pipelines: Mapping[str, FindHands],
    problems: list[str],
) -> DepthScores:
    """Measures whole pipelines on colour and depth.

    Args:
        folder: Folder of the data set.
        labels: Its pictures; those without colour are left out.
        pipelines: Pipelines that do not track, by the name of the method.
        problems: Gets a sentence for each picture that cannot be read, and so does not count.

    Raises:
        ValueError: Depth is in a wrong unit, or no picture can be read, or no hand be used.
    """
    coloured = (
        picture
        for picture in _with_depth(folder, labels)
        if picture.label.image != picture.label.depth
    )

    def read(picture: _Labelled) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        return read_photo((folder / picture.label.image, picture.label)), _read_depth_mm(picture)

    found = []
    for picture, (rgb, depth_mm) in readable(coloured, read, problems):
        frame = Frame(rgb, 0.0, _in_metres(picture, depth_mm), picture.camera)
        points_px = [hand.keypoints_px for hand in picture.hands]
        matches = {
            name: match_hands(find_hands(frame), points_px)
            for name, find_hands in pipelines.items()
        }
        for index, truth in enumerate(picture.hands):
            hands = {name: each[index] for name, each in matches.items()}
            found.append(_Found(picture.label, truth, hands))
    return _scores(found)


def measures(scores: DepthScores, method: str, hands: NDArray[np.bool_]) -> dict[str, float]:
    """Returns the numbers of a method, by name.

    A joint without a position has no error, and is outside of every threshold.

    Args:
        scores: From `score_at_keypoints` or `score_pipelines`.
        method: A key of `scores.errors_mm`.
        hands: (H,) which hands count.
    """
    errors = scores.errors_mm[method][hands]
    known = np.isfinite(errors)
    hidden = ~scores.visible[hands]
    endless = np.where(known, errors, np.inf)
    within = success_rate(endless, [20, 30, 40])
    return {
        'joints with a position': float(known.mean()),
        'mean error (mm)': _mean(errors),
        'of visible joints': _mean(errors[~hidden]),
        'of hidden joints': _mean(errors[hidden]),
        'median': float(np.median(endless)),
        'joints <= 20 mm': float((endless <= 20).mean()),
        'hands <= 20 mm': float(within[0]),
        'hands <= 30 mm': float(within[1]),
        'hands <= 40 mm': float(within[2]),
        'AUC 0-80 mm': area_under_success(endless),
        'PCK@0.2': pck(scores.keypoint_errors[method][hands], 0.2),
    }


def hard_joints(scores: DepthScores) -> NDArray[np.bool_]:
    """Marks the (H, 21) joints that look-up cannot answer rightly: hidden, or without depth."""
    return ~scores.visible | np.isnan(scores.errors_mm[LOOK_UP])


def mean_by_part(
    scores: DepthScores, method: str, parts: Mapping[str, NDArray[np.bool_]]
) -> dict[str, float]:
    """Returns the mean error in mm of parts of all joints, NaN where a part has no position.

    Args:
        scores: From `score_at_keypoints` or `score_pipelines`.
        method: A key of `scores.errors_mm`.
        parts: (H, 21) bool by name.
    """
    return {name: _mean(scores.errors_mm[method][part]) for name, part in parts.items()}


def parts_of(scores: DepthScores) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Splits all joints by distance, by sensor and by joint: (H, 21) bool by name."""

    def whole_hands(chosen: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.repeat(np.asarray(chosen)[:, None], NUM_KEYPOINTS, axis=1)

    distances_m = scores.distances_m
    every = np.ones((len(distances_m), NUM_KEYPOINTS), bool)
    return {
        'distance': {
            f'{low:g} to {high:g} m': whole_hands((distances_m >= low) & (distances_m < high))
            for low, high in pairwise(DISTANCES_M)
        },
        'sensor': {
            name or 'exact': whole_hands([each == name for each in scores.sensors])
            for name in sorted(set(scores.sensors))
        },
        'joint': {
            name: every & (np.arange(NUM_KEYPOINTS) == joint)
            for joint, name in enumerate(KEYPOINT_NAMES)
        },
    }


def side_accuracy(scores: DepthScores, method: str) -> tuple[float, float]:
    """Returns of the hands whose side a method tells the share told right, and their share."""
    told = scores.sides[method] != Side.UNKNOWN
    right = scores.sides[method][told] == scores.true_sides[told]
    return float(right.mean()) if told.any() else float('nan'), float(told.mean())


def _usable(label: ImageLabel) -> list[HandLabel]:
    return [
        hand
        for hand in label.hands
        if hand.joints_cam is not None
        and hand.visible is not None
        and hand.visible.sum() >= MIN_VISIBLE
        and as_seen(hand, label.height, label.width).scores.any()
    ]


def _with_depth(folder: Path, labels: Iterable[ImageLabel]) -> Iterator[_Labelled]:
    for label in labels:
        hands = _usable(label)
        if hands and label.depth is not None and label.camera is not None:
            yield _Labelled(label, folder / label.depth, label.camera, hands)


def _read_depth_mm(picture: _Labelled) -> NDArray[np.uint16]:
    depth_mm = read_depth_picture(picture.depth)
    check_shape(str(picture.depth), depth_mm, (picture.label.height, picture.label.width))
    return depth_mm


def _in_metres(picture: _Labelled, depth_mm: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Returns depth in metres, NaN where not measured; a wrong unit is that of the whole set."""
    depth_m = np.where(depth_mm > 0, depth_mm * np.float32(0.001), np.float32(np.nan))
    try:
        check_depth_unit(depth_m)
    except ValueError as error:
        raise ValueError(f'{picture.depth}: depth {error}') from error
    return depth_m


def _side_of(value: float) -> Side:
    if value == 0:
        return Side.UNKNOWN
    return Side.RIGHT if value > 0 else Side.LEFT


def _scores(found: Sequence[_Found]) -> DepthScores:
    if not found:
        raise ValueError('no hand with depth, camera and joints in metres, enough of it visible')
    nothing = np.full((NUM_KEYPOINTS, 3), np.nan)
    truths = np.array([each.label.joints_cam for each in found], np.float64)  # (H, 21, 3)
    labels_px = [
        as_seen(each.label, each.picture.height, each.picture.width).keypoints_px for each in found
    ]
    errors_mm, keypoint_errors, sides = {}, {}, {}
    for method in found[0].hands:
        hands = [each.hands[method] for each in found]
        joints = np.array([hand.joints_cam if hand else nothing for hand in hands])
        errors_mm[method] = 1000 * np.linalg.norm(joints - truths, axis=2)
        keypoint_errors[method] = normalised_errors(hands, labels_px)
        sides[method] = np.array([hand.side if hand else Side.UNKNOWN for hand in hands], int)
    return DepthScores(
        errors_mm,
        keypoint_errors,
        sides,
        np.array([each.label.side for each in found], int),
        np.array([each.label.visible for each in found], bool),
        np.median(truths[:, :, 2], axis=1),
        [each.picture.group for each in found],
    )


def _mean(errors_mm: NDArray[np.float64]) -> float:
    known = errors_mm[np.isfinite(errors_mm)]
    return float(known.mean()) if len(known) else float('nan')
