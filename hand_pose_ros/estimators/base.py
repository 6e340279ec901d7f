"""What the pipeline asks of an estimator, and an estimator of the network behind it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.types import Hand


class Reader(Protocol):
    """Reads the hand in each region of a picture: the second pass of an estimator."""

    def read(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        sides: NDArray[np.floating],
        threshold: float,
        refine: bool,
    ) -> list[Hand]:
        """Finds one hand in each of some regions, all in one batch.

        Args:
            rgb: (H, W, 3) uint8.
            boxes_px: (R, 4) regions (x0, y0, x1, y1) in image pixels, R at least 1: the keypoints'
                box and the margin of codecs/region_map.py. They may reach over the image's border.
            sides: (R,) what is known of the hand's side, -1 (left) to +1 (right), 0 for unknown.
            threshold: Smallest peak that counts.
            refine: Locate peaks between cells.

        Returns:
            R hands; a region without a hand gives one without keypoints. A network that does not
            tell the sides apart leaves them unknown.
        """
        ...


class Estimator(Protocol):
    """Finds the hands of a picture.

    Attributes:
        reader: Makes the second pass.
    """

    reader: Reader

    def detect(
        self,
        rgb: NDArray[np.uint8],
        threshold: float,
        cycle: str,
        refine: bool,
        tracked_px: NDArray[np.floating] | None = None,
        tracked_sides: NDArray[np.floating] | None = None,
        reach: str = 'all',
    ) -> list[Hand]:
        """Finds all hands of a frame.

        Args:
            rgb: (H, W, 3) uint8.
            threshold: Smallest peak that counts.
            cycle: Which hands get a second pass: `off`, `small` (SRHandNet's paper) or `full`.
            refine: Locate peaks between cells.
            tracked_px: (T, 4) regions (x0, y0, x1, y1) in image pixels where hands were in the
                last frame; those that the first pass misses are looked at as well.
            tracked_sides: (T,) their sides, as in `Reader.read`; None for unknown.
            reach: Which hands the full cycle looks for: those `near` enough to be seen well in
                the frame as the network takes it, those that are `far`, or `all`.

        Returns:
            The hands, best first.
        """
        ...

    def look_again(
        self,
        rgb: NDArray[np.uint8],
        boxes_px: NDArray[np.floating],
        threshold: float,
        refine: bool,
        sides: NDArray[np.floating] | None = None,
    ) -> list[Hand]:
        """Finds one hand in each of some regions, R or none.

        Args:
            rgb: (H, W, 3) uint8.
            boxes_px: (R, 4) regions (x0, y0, x1, y1) in image pixels.
            threshold: Smallest peak that counts.
            refine: Locate peaks between cells.
            sides: (R,) their sides, as in `Reader.read`; None for unknown.

        Returns:
            R hands; a region without a hand gives one without keypoints.
        """
        if len(boxes_px) == 0:
            return []
        if sides is None:
            sides = np.zeros(len(boxes_px), np.float32)
        return self.reader.read(rgb, boxes_px, sides, threshold, refine)
