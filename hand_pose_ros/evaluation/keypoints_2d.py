"""2D keypoints on published image data sets: what is predicted, and all measures of it by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import SIDE_VALUES
from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.pictures import readable
from hand_pose_ros.evaluation.detection import FoundBoxes, average_precision, found_boxes, mean_iou
from hand_pose_ros.evaluation.metrics import (
    area_under_pck,
    auc_mmpose,
    divided,
    end_point_error,
    keypoint_box_sizes,
    keypoints_of,
    match_hands,
    pck,
    pck_below,
    pixel_errors,
    predicted_share,
)
from hand_pose_ros.evaluation.photos import FindHands, read_photo
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.skeleton import DIP_JOINTS, NUM_KEYPOINTS, WRIST
from hand_pose_ros.types import Frame, Hand

ReadRegions = Callable[[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]], list[Hand]]

BOX_MARGIN = 1.25
"""What a labelled box is enlarged by before a hand is looked for in it, as in MMPose."""

PCK_KEYPOINT_BOX = 'PCK@0.2 (keypoint box)'
PCK_DIP = 'PCK@0.2 of the DIP joints (keypoint box)'
PCK_ANNOTATION_BOX = 'PCK@0.2 (annotation box)'
PCKH = 'PCKh@0.7 (head size)'
AUC_HEAD = 'AUC of PCKh over 0..1'
AUC_MMPOSE = 'AUC (MMPose: 0..30 px, 20 steps)'
AUC_30 = 'AUC of PCK over 0..30 px'
EPE = 'mean EPE of what is predicted (px of the picture)'
EPE_CROP = 'mean EPE of what is predicted (px of a crop: {})'
MEDIAN_CROP = 'median EPE of what is predicted (px of a crop: {})'
SHARE = 'labelled keypoints predicted'
AP50 = 'box AP50 (keypoint box x 1.3)'
IOU = 'mean box IoU (keypoint box x 1.3)'


@dataclass(frozen=True)
class CropFrame:
    """The crop that a paper states its pixel errors in.

    Attributes:
        size_px: Side of the square crop.
        factor: Side of the square it is cut from over `of`.
        of: `head`, the longer side of the `keypoints` box, or of the annotation `box`.
        root_aligned: The wrists of label and prediction are laid over each other first.
    """

    size_px: int
    factor: float
    of: str
    root_aligned: bool = False

    def __str__(self) -> str:
        aligned = ', wrists aligned' if self.root_aligned else ''
        return f'{self.size_px} px for {self.factor:g} x {self.of}{aligned}'


@dataclass
class KeypointResults:
    """What was predicted on a data set, hand by hand in the order of the labels.

    Attributes:
        labels_px: (21, 2) of each hand; NaN where unlabelled.
        boxes_px: (4,) annotation box of each hand.
        head_sizes_px: Of each hand's person; NaN where not known.
        whole_px: (21, 2) found on the whole picture and matched; NaN where not seen.
        boxed_px: (21, 2) found inside the labelled box.
        found: Boxes of each picture whose hands are all labelled.
        images: Number of pictures.
        problems: A sentence for each picture that is missing, does not decode or has another size
            than its label.
        outside: Labelled keypoints outside of their picture; they count as unlabelled.
    """

    labels_px: list[NDArray[np.float32]] = field(default_factory=list)
    boxes_px: list[NDArray[np.float32]] = field(default_factory=list)
    head_sizes_px: list[float] = field(default_factory=list)
    whole_px: list[NDArray[np.float32]] = field(default_factory=list)
    boxed_px: list[NDArray[np.float32]] = field(default_factory=list)
    found: list[FoundBoxes] = field(default_factory=list)
    images: int = 0
    problems: list[str] = field(default_factory=list)
    outside: int = 0


def predict_benchmark(
    benchmark: ImageBenchmark,
    folder: Path,
    find_hands: FindHands,
    read_regions: ReadRegions,
    labels: Iterable[ImageLabel],
) -> KeypointResults:
    """Looks for the hands of a data set, on whole pictures and inside their labelled boxes.

    Args:
        benchmark: The data set.
        folder: Folder of its pictures.
        find_hands: A pipeline that does not track.
        read_regions: Finds one hand in each of (R, 4) boxes of a picture, given the (R,) sides
            of the labels, -1 (left) to +1 (right).
        labels: Its labels, or some of them.

    Returns:
        All that the measures need.

    Raises:
        ValueError: No picture can be read.
    """
    results = KeypointResults()
    photos = ((folder / label.image, label) for label in labels)
    for (_, label), rgb in readable(photos, read_photo, results.problems):
        points = np.array([hand.keypoints_px for hand in label.hands])
        inside = inside_image(points, rgb.shape[:2])
        results.outside += int((np.isfinite(points).all(axis=2) & ~inside).sum())
        points[~inside] = np.nan
        boxes = np.array([hand.box_px for hand in label.hands], np.float32)
        hands = find_hands(Frame(rgb, 0.0))
        results.images += 1
        results.labels_px += list(points)
        results.boxes_px += list(boxes)
        results.head_sizes_px += [benchmark.head_sizes_px.get(label.image, np.nan)] * len(boxes)
        results.whole_px += list(keypoints_of(match_hands(hands, list(points))))
        sides = np.array([SIDE_VALUES[hand.side] for hand in label.hands], np.float32)
        boxed = read_regions(rgb, _enlarged(boxes, BOX_MARGIN), sides)
        results.boxed_px += list(keypoints_of(boxed))
        if label.complete:
            results.found.append(found_boxes(hands, points, rgb.shape[:2]))
    return results


def measures(
    results: KeypointResults, mode: str, has_boxes: bool, crop: CropFrame | None
) -> dict[str, float]:
    """Computes all measures of a data set that its labels allow.

    Args:
        results: What was predicted.
        mode: `whole` for hands found on whole pictures, `boxed` for those in labelled boxes.
        has_boxes: The boxes of the labels are the data set's own.
        crop: The crop that a paper on this data set states its errors in.

    Returns:
        Values by the names above.
    """
    labels = np.array(results.labels_px).reshape(-1, NUM_KEYPOINTS, 2)
    predicted = np.array(results.whole_px if mode == 'whole' else results.boxed_px)
    predicted = predicted.reshape(-1, NUM_KEYPOINTS, 2)
    errors_px = pixel_errors(predicted, labels)
    box = divided(errors_px, keypoint_box_sizes(labels))
    values = {PCK_KEYPOINT_BOX: pck(box, 0.2), PCK_DIP: pck(box[:, list(DIP_JOINTS)], 0.2)}
    if has_boxes:
        values[PCK_ANNOTATION_BOX] = pck_below(divided(errors_px, _box_sizes(results)), 0.2)
    heads = np.array(results.head_sizes_px)
    if np.isfinite(heads).any():
        values[PCKH] = pck_below(divided(errors_px, heads), 0.7)
        values[AUC_HEAD] = area_under_pck(divided(errors_px, heads), 1.0)
    values[AUC_MMPOSE] = auc_mmpose(errors_px)
    values[AUC_30] = area_under_pck(errors_px, 30)
    values[EPE] = end_point_error(errors_px)
    if crop is not None:
        in_crop = _crop_errors(results, predicted, labels, crop)
        found = in_crop[np.isfinite(in_crop)]
        values[EPE_CROP.format(crop)] = end_point_error(in_crop)
        values[MEDIAN_CROP.format(crop)] = float(np.median(found)) if len(found) else np.nan
    values[SHARE] = predicted_share(errors_px)
    if mode == 'whole':
        values[AP50] = average_precision(results.found)
        values[IOU] = mean_iou(results.found)
    return values


def _crop_errors(
    results: KeypointResults,
    predicted: NDArray[np.floating],
    labels: NDArray[np.floating],
    crop: CropFrame,
) -> NDArray[np.float64]:
    sides = {
        'head': np.array(results.head_sizes_px),
        'keypoints': keypoint_box_sizes(labels),
        'box': _box_sizes(results),
    }[crop.of]
    if crop.root_aligned:
        predicted = predicted - predicted[:, WRIST, None]
        labels = labels - labels[:, WRIST, None]
    return divided(pixel_errors(predicted, labels), crop.factor * sides / crop.size_px)


def _box_sizes(results: KeypointResults) -> NDArray[np.float64]:
    """Returns the longer side of each annotation box."""
    boxes = np.array(results.boxes_px, np.float64).reshape(-1, 4)
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def _enlarged(boxes_px: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    centres = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    half = (boxes_px[:, 2:] - boxes_px[:, :2]) * factor / 2
    return np.concatenate((centres - half, centres + half), axis=1)
