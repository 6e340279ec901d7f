"""Training targets of the heatmap networks, from the codecs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.data.augment import Sample
from hand_pose_ros.types import Side


def srhandnet_targets(
    samples: Sequence[Sample],
    strides: Sequence[int],
    sigmas_cells: Sequence[float],
    reference_px: float,
) -> list[NDArray[np.float32]]:
    """Draws the maps of every head (SRHandNet section III-B).

    In a region the keypoint maps show the hand that it is of, and no other: what reads them takes
    one peak a map.

    Args:
        samples: N pictures of one size S.
        strides: Network pixels per cell of each head.
        sigmas_cells: Standard deviation of the Gaussians of each head, cells; 3 in the paper.
        reference_px: Size that a width or height of 1 stands for, pixels.

    Returns:
        Per head (N, 26, S/stride, S/stride) float32.
    """
    targets: list[NDArray[np.float32]] = []
    for index, (stride, sigma) in enumerate(zip(strides, sigmas_cells, strict=True)):
        if index and (stride, sigma) == (strides[index - 1], sigmas_cells[index - 1]):
            targets.append(targets[-1])
        else:
            maps = [_maps(sample, stride, sigma, reference_px) for sample in samples]
            targets.append(np.stack(maps))
    return targets


def keypoint_targets(
    samples: Sequence[Sample], stride: int, sigma_cells: float
) -> NDArray[np.float32]:
    """Draws the keypoints of one hand in each picture, and their background.

    Args:
        samples: N regions of one size S; the first hand of each is the one to read.
        stride: Network pixels per cell.
        sigma_cells: Standard deviation of the Gaussians, cells.

    Returns:
        (N, 22, S/stride, S/stride) float32.
    """
    size = samples[0].image.shape[0] // stride
    maps = [
        heatmap.encode(sample.keypoints_px[:1], (size, size), stride, sigma_cells)
        for sample in samples
    ]
    return np.stack([np.concatenate((each, heatmap.background(each)[None])) for each in maps])


def _maps(
    sample: Sample, stride: int, sigma_cells: float, reference_px: float
) -> NDArray[np.float32]:
    map_hw = (sample.image.shape[0] // stride, sample.image.shape[1] // stride)
    read_px = sample.keypoints_px if sample.coverage is None else sample.keypoints_px[:1]
    keypoints = heatmap.encode(read_px, map_hw, stride, sigma_cells)
    boxes = [region_map.keypoint_box(hand) for hand in sample.keypoints_px]
    sides = [region_map.SIDE_VALUES[Side(side)] for side in sample.sides]
    regions = region_map.encode(
        np.reshape(boxes, (-1, 4)), np.array(sides), map_hw, stride, sigma_cells, reference_px
    )
    return np.concatenate((keypoints, heatmap.background(keypoints)[None], regions))
