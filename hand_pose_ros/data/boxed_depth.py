"""Real depth images of hands that nobody has labelled, but for a box around each hand."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.pictures import read_depth_picture
from hand_pose_ros.types import Camera


@dataclass(frozen=True)
class BoxedDepth:
    """A depth image with one hand.

    Attributes:
        name: Path of the image below the folder of all.
        depth_m: (H, W) float32 metres, NaN where not measured.
        camera: Its intrinsics.
        box_px: (4,) float32 x0, y0, x1, y1 around the hand.
    """

    name: str
    depth_m: NDArray[np.float32]
    camera: Camera
    box_px: NDArray[np.float32]


def read_boxed_depth(folder: Path, boxes: Path) -> list[BoxedDepth]:
    """Reads the images that a file of boxes names.

    Args:
        folder: What the file's paths are below.
        boxes: JSON with `unit_m` (metres per unit of the images), `camera` (the fields of Camera)
            and `boxes_px` (x0, y0, x1, y1 by path), such as config/sr305_boxes.json.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The file of boxes is not one, or an image is not a 16-bit picture of the
            camera's size.
    """
    try:
        document = json.loads(boxes.read_text())
        unit_m, camera = float(document['unit_m']), Camera(**document['camera'])
        boxes_px = {
            name: np.array(box_px, np.float32).reshape(4)
            for name, box_px in document['boxes_px'].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f'{boxes} must hold unit_m, camera and boxes_px as config/sr305_boxes.json does: '
            f'{error!r}'
        ) from error
    frames = []
    for name, box_px in boxes_px.items():
        raw = read_depth_picture(folder / name)
        if raw.shape != (camera.height, camera.width):
            raise ValueError(
                f'{folder / name} must be {camera.width}x{camera.height} as {boxes} says, '
                f'got {raw.shape[1]}x{raw.shape[0]}'
            )
        depth_m = np.where(raw > 0, raw * np.float32(unit_m), np.float32(np.nan))
        frames.append(BoxedDepth(name, depth_m, camera, box_px))
    return frames
