"""What the verbs write: hands as JSON, pictures, videos, a contact sheet."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.types import Hand

TILE_HW = (240, 320)
TILE_COLUMNS = 4
MAX_TILES = 24


def hand_to_json(hand: Hand) -> dict[str, Any]:
    """Returns a hand as JSON's types: pixels to 0.01, scores to 0.001, metres to 0.1 mm.

    A keypoint that is not seen is [null, null, 0], a joint without position [null, null, null];
    `joints_m` is null if no joint has a position.
    """
    joints = [_rounded(joint, 4) for joint in hand.joints_cam.tolist()]
    return {
        'keypoints': [
            [*_rounded(point, 2), round(score, 3)]
            for point, score in zip(hand.keypoints_px.tolist(), hand.scores.tolist(), strict=True)
        ],
        'box': _rounded(hand.box_px.tolist(), 2),
        'score': round(float(hand.score), 3),
        'side': hand.side.name.lower(),
        'id': hand.id,
        'joints_m': joints if np.isfinite(hand.joints_cam).any() else None,
    }


def without_nan(values: Mapping[str, float]) -> dict[str, float | None]:
    """Returns numbers as JSON's types: null where there is none."""
    return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}


def write_json(path: Path, document: Any) -> None:
    """Writes JSON that is valid everywhere: no NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, allow_nan=False) + '\n')


def write_picture(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Writes an (H, W, 3) uint8 RGB picture; the suffix says how.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OSError(f'a picture of {rgb.shape[1]}x{rgb.shape[0]} pixels does not fit {path}')
    path.write_bytes(data.tobytes())


class VideoFile:
    """An .mp4 video that begins with the first picture written to it.

    Args:
        path: The file.
        rate_hz: Pictures per second.
    """

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._hw = (0, 0)
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> 'VideoFile':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finishes the file, also after an error: what was written can be watched."""
        if self._writer is not None:
            self._writer.release()

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Adds an (H, W, 3) uint8 RGB picture; the size of the first one is the video's.

        Raises:
            OSError: The file cannot be written.
        """
        if self._writer is None:
            self._hw = (rgb.shape[0], rgb.shape[1])
            self._writer = self._open()
        self._writer.write(cv2.cvtColor(fitted(rgb, self._hw), cv2.COLOR_RGB2BGR))

    def _open(self) -> cv2.VideoWriter:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*'mp4v')
        # MPEG-4 tells a rate as a fraction of 16 bits: that of a bag has too many digits for it.
        rate_hz = round(self._rate_hz, 1) or self._rate_hz
        writer = cv2.VideoWriter(str(self._path), code, rate_hz, self._hw[::-1])
        if not writer.isOpened():
            raise OSError(f'cannot write the video {self._path}')
        return writer


class ContactSheet:
    """A few pictures, evenly spread over however many there will be."""

    def __init__(self) -> None:
        self._tiles: list[NDArray[np.uint8]] = []
        self._count = 0
        self._step = 1

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Takes an (H, W, 3) uint8 picture if it is its turn."""
        if self._count % self._step == 0:
            if len(self._tiles) == MAX_TILES:
                self._tiles = self._tiles[::2]
                self._step *= 2
            if self._count % self._step == 0:
                self._tiles.append(fitted(rgb, TILE_HW))
        self._count += 1

    def draw(self) -> NDArray[np.uint8]:
        """Returns the sheet, (H, W, 3) uint8; there must be a picture."""
        rows = math.ceil(len(self._tiles) / TILE_COLUMNS)
        columns = min(TILE_COLUMNS, len(self._tiles))
        height, width = TILE_HW
        sheet = np.zeros((rows, height, columns, width, 3), np.uint8)
        for index, tile in enumerate(self._tiles):
            sheet[index // columns, :, index % columns] = tile
        return sheet.reshape(rows * height, columns * width, 3)


def fitted(rgb: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns a picture, scaled and centred on black, (H, W, 3) uint8 of another size."""
    height, width = rgb.shape[:2]
    if (height, width) == size_hw:
        return rgb
    scale = min(size_hw[0] / height, size_hw[1] / width)
    scaled_wh = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(rgb, scaled_wh, interpolation=interpolation)
    canvas = np.zeros((*size_hw, 3), np.uint8)
    top, left = (size_hw[0] - scaled_wh[1]) // 2, (size_hw[1] - scaled_wh[0]) // 2
    canvas[top : top + scaled_wh[1], left : left + scaled_wh[0]] = scaled
    return canvas


def _rounded(values: Sequence[float], digits: int) -> list[float | None]:
    return [round(value, digits) if math.isfinite(value) else None for value in values]
