"""The MobileNetV2 keypoint network as a second pass: right hands, and left ones mirrored."""

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import heatmap
from hand_pose_ros.estimators.srhandnet import make_hand
from hand_pose_ros.geometry.crop import letterbox
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME, KeypointSpec, Runtime, spec_of
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Hand

SURE = 0.2
"""Least peak of a keypoint that tells where those that are less sure lie."""


class MobileKeypointsReader:
    """Reads regions with the network of Gouidis et al. 2019, see `Reader`.

    Where the paper tracks a single hand, each next region comes from the keypoints read here, by
    pipeline/tracking.py. Where it is told the side, a hand is read as it is and mirrored, and the
    surer reading counts: a wrong side costs more than a second look.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Takes a runtime.

        Raises:
            ValueError: It executes another network.
        """
        self._runtime = runtime
        self._spec = spec_of(runtime, KeypointSpec)

    def read(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        sides: NDArray[np.floating],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Finds one hand in each region, all in one batch; see `Reader.read`.

        An unsure keypoint keeps its low score: it lies where the sure ones make it likely.
        """
        parts = [letterbox(rgb, self._spec.input_size, box) for box in boxes_px]
        squares = [square for square, _ in parts]
        squares += [square[:, ::-1] for square in squares]
        batch = self._runtime.run({INPUT_NAME: np.stack(squares)})[OUTPUT_NAME]  # (2 R, 22, h, w)
        hands = []
        for place, maps in enumerate(batch[:, :NUM_KEYPOINTS]):
            points, scores = self._keypoints(maps, threshold, refine)
            if place >= len(parts):
                points[:, 0] = self._spec.input_size - 1 - points[:, 0]
            points = parts[place % len(parts)][1].to_image(points)
            hands.append(make_hand(points, scores, 0.0, rgb.shape[:2]))
        both = zip(hands[: len(parts)], hands[len(parts) :], strict=True)
        return [max(readings, key=lambda hand: float(hand.scores.sum())) for readings in both]

    def _keypoints(
        self, maps: NDArray[np.float32], threshold: float, refine: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns (21, 2) network pixels, NaN where not seen, and (21,) scores."""
        cells = heatmap.consistent_cells(maps, max(threshold, SURE))
        points = heatmap.decode(maps, cells, self._spec.stride, refine)
        scores = heatmap.values_at(maps, cells)
        lost = scores < threshold
        if NUM_KEYPOINTS - lost.sum() < heatmap.MIN_CONFIDENT:
            points[lost], scores[lost] = np.nan, 0
        return points, scores
