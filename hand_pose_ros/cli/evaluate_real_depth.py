"""`hand-pose evaluate real_depth FOLDER BOXES`: joints in real depth that nobody has labelled."""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.outputs import write_picture
from hand_pose_ros.data.boxed_depth import BoxedDepth, read_boxed_depth
from hand_pose_ros.estimators.local_regression_hourglass import LocalRegressionHourglassEstimator
from hand_pose_ros.evaluation.real_depth import bone_spread, read_in_box, within_hand
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.drawing import draw_hands
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.types import Hand

TILE_PX = 200
COLUMNS = 7
BOXES_PER_TILE = 1.6
"""Side of a tile over the longer side of the box in its middle."""
SHADED_M = 0.5
"""What is so much farther than the nearest part of a box is as dark as what is not measured."""
BRIGHTEST = 190


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument('folder', type=Path, help='what the paths in BOXES are below')
    parser.add_argument(
        'boxes', type=Path, help='a box for each hand, such as config/sr305_boxes.json'
    )
    parser.add_argument('--model', help='depth network (default: that of the pipeline)')
    parser.add_argument('--out', type=Path, help='write all hands as one picture')


def run(args: argparse.Namespace) -> int:
    """Prints what can be said without labels, and draws the hands."""
    frames = read_boxed_depth(args.folder, args.boxes)
    model = PipelineConfig().model
    runtime, reason = open_runtime(args.model or model.depth, model.runtime, model.threads)
    print(reason)
    estimator = LocalRegressionHourglassEstimator(runtime)
    hands = [read_in_box(estimator, each.depth_m, each.camera, each.box_px) for each in frames]
    known = [(hand, each) for hand, each in zip(hands, frames, strict=True) if hand is not None]
    print(f'{len(known)} of {len(frames)} hands read')
    if known:
        marks = [within_hand(hand.joints_cam, each.depth_m, each.camera) for hand, each in known]
        spread = bone_spread([hand.joints_cam for hand, _ in known])
        print(f'{np.mean(marks):.3f} of the joints lie within the surface at their pixel')
        print(f'lengths of bones differ by {spread:.1%} (standard deviation) between the images')
    if args.out is not None:
        write_picture(args.out, _sheet(hands, frames))
        print(args.out)
    return 0


def _sheet(hands: list[Hand | None], frames: list[BoxedDepth]) -> NDArray[np.uint8]:
    tiles = [_tile(hand, each) for hand, each in zip(hands, frames, strict=True)]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [tiles[first : first + COLUMNS] for first in range(0, len(tiles), COLUMNS)]
    return np.vstack([np.hstack(row) for row in rows])


def _tile(hand: Hand | None, frame: BoxedDepth) -> NDArray[np.uint8]:
    """Paints the surroundings of a box, near bright, with what was read of the hand."""
    low, high = frame.box_px[:2], frame.box_px[2:]
    scale = TILE_PX / (BOXES_PER_TILE * float((high - low).max()))
    shift = TILE_PX / 2 - scale * (low + high) / 2
    (x0, y0), (x1, y1) = low.astype(int), high.astype(int)
    nearest_m = np.nanpercentile(frame.depth_m[y0:y1, x0:x1], 2)
    shade = np.nan_to_num(1 - np.clip((frame.depth_m - nearest_m) / SHADED_M, 0, 1))
    grey = (BRIGHTEST * shade).astype(np.uint8)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    tile = cv2.warpAffine(np.dstack([grey] * 3), matrix, (TILE_PX, TILE_PX))
    if hand is None:
        return tile
    seen = replace(
        hand,
        keypoints_px=(hand.keypoints_px * scale + shift).astype(np.float32),
        box_px=(hand.box_px * scale + np.tile(shift, 2)).astype(np.float32),
    )
    return draw_hands(tile, [seen], skeletons_only=True)
