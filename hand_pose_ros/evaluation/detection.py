"""How well hands are found: box AP, mask AP, and pictures with a hand against those without."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.geometry.boxes import pairwise_iou
from hand_pose_ros.types import Hand

ROC_AUC, ACCURACY, PRECISION = 'ROC AUC', 'accuracy', 'precision'
RECALL, F1 = 'recall', 'F1'


@dataclass(frozen=True)
class FoundBoxes:
    """Boxes of one picture.

    Attributes:
        boxes_px: (P, 4) found, x0, y0, x1, y1.
        scores: (P,) their scores.
        labels_px: (L, 4) labelled.
    """

    boxes_px: NDArray[np.floating]
    scores: NDArray[np.floating]
    labels_px: NDArray[np.floating]


def found_boxes(
    hands: Sequence[Hand], points_px: NDArray[np.floating], image_hw: tuple[int, ...]
) -> FoundBoxes:
    """Compares found with labelled boxes, both around keypoints, enlarged and inside the picture.

    Args:
        hands: What was found.
        points_px: (L, 21, 2) labels; NaN where unlabelled or outside of the picture. A hand of
            which the picture shows fewer than two keypoints has no box.
        image_hw: Size of the picture.
    """
    seen = [points for points in points_px if np.isfinite(points[:, 0]).sum() > 1]
    last_px = np.array([image_hw[1], image_hw[0]] * 2) - 1
    labels = np.array([keypoint_box(points) for points in seen]).reshape(-1, 4)
    return FoundBoxes(
        np.array([hand.box_px for hand in hands]).reshape(-1, 4),
        np.array([hand.score for hand in hands]),
        np.clip(labels, 0, last_px),
    )


def average_precision(pictures: Sequence[FoundBoxes], min_iou: float = 0.5) -> float:
    """Returns the average precision of PASCAL VOC (2010 and later), AP50 with `min_iou` 0.5.

    In the order of their scores, found boxes claim the labelled box of their picture that they
    overlap most; a claim on one that is taken is false. The area under precision over recall,
    precision made non-increasing.

    Args:
        pictures: All pictures of a test set.
        min_iou: Smallest intersection over union of a true claim.

    Returns:
        0..1; NaN if nothing is labelled.
    """
    labelled = sum(len(picture.labels_px) for picture in pictures)
    if labelled == 0:
        return float('nan')
    claims = [
        (float(score), index, box)
        for index, picture in enumerate(pictures)
        for box, score in enumerate(picture.scores)
    ]
    overlaps = [pairwise_iou(picture.boxes_px, picture.labels_px) for picture in pictures]
    taken = [np.zeros(len(picture.labels_px), bool) for picture in pictures]
    true = np.zeros(len(claims), bool)
    for rank, (_, index, box) in enumerate(sorted(claims, key=lambda claim: -claim[0])):
        if not len(taken[index]):
            continue
        best = int(overlaps[index][box].argmax())
        true[rank] = overlaps[index][box, best] >= min_iou and not taken[index][best]
        taken[index][best] |= true[rank]
    precision = np.cumsum(true) / np.arange(1, len(true) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[true].sum() / labelled)


def mean_iou(pictures: Sequence[FoundBoxes]) -> float:
    """Returns the mean over labelled boxes of the best IoU of a found one; NaN without labels."""
    best = [
        pairwise_iou(picture.labels_px, picture.boxes_px).max(axis=1, initial=0)
        for picture in pictures
    ]
    return float(np.concatenate(best).mean()) if sum(map(len, best)) else float('nan')


def mask_iou(found: NDArray[np.bool_], label: NDArray[np.bool_]) -> float:
    """Returns the intersection over union of two (H, W) masks; 0 if both are empty."""
    union = np.count_nonzero(found | label)
    return np.count_nonzero(found & label) / union if union else 0.0


def mask_average_precision(ious: NDArray[np.floating], min_iou: float) -> float:
    """Returns the mask AP of pictures with one hand each: the share with at least this IoU.

    With one mask and one label a picture, and no scores to rank them by, precision and recall are
    both this share (mask-pose cascaded CNN, table of AP50, AP75 and AP80).

    Args:
        ious: (pictures,) from `mask_iou`; 0 where no mask was found.
        min_iou: 0.5 for AP50.
    """
    return float((np.asarray(ious) >= min_iou).mean())


def roc_curve(
    with_hand: NDArray[np.floating], without: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the ROC curve of scores.

    Args:
        with_hand: (P,) scores of pictures with a hand, 0 where none is found.
        without: (N,) scores of pictures without.

    Returns:
        False and true positive rates at every threshold, from none to all, each (T,).
    """
    thresholds = np.unique(np.concatenate((with_hand, without)))[::-1]
    rates = [
        np.concatenate(([0.0], (scores[None] >= thresholds[:, None]).mean(axis=1)))
        for scores in (without, with_hand)
    ]
    return rates[0], rates[1]


def presence_measures(
    with_hand: NDArray[np.floating], without: NDArray[np.floating], threshold: float
) -> dict[str, float]:
    """Sums up how well scores tell pictures with a hand from those without.

    The measures of Kourbane and Genc (section IV-A).

    Args:
        with_hand: (P,) scores of pictures with a hand, 0 where none is found; one at least.
        without: (N,) scores of pictures without; one at least.
        threshold: Score from which on there is a hand.

    Returns:
        By the names above: the area under the ROC curve, which is the chance that a picture with
        a hand scores higher; and at the threshold the share of all pictures told right, the
        precision (NaN if no hand is found), the recall, and their harmonic mean (0 if no hand is
        found).
    """
    false_rate, true_rate = roc_curve(with_hand, without)
    steps = np.diff(false_rate) * (true_rate[1:] + true_rate[:-1]) / 2
    true = int((with_hand >= threshold).sum())
    false = int((without >= threshold).sum())
    found = true + false
    right = true + len(without) - false
    return {
        ROC_AUC: float(steps.sum()),
        ACCURACY: right / (len(with_hand) + len(without)),
        PRECISION: true / found if found else float('nan'),
        RECALL: true / len(with_hand),
        F1: 2 * true / (found + len(with_hand)),
    }
