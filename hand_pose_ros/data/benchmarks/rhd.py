"""RHD, rendered hands (Zimmermann and Brox, ICCV 2017): 2,728 evaluation pictures of 320 x 320.

Published layout (RHD_published_v2): `evaluation/anno_evaluation.pickle`, a dictionary by number of
`uv_vis` (42 x [u, v, visible]: left hand, then right), `xyz` (42 x 3 metres) and `K`;
`evaluation/color/00000.png` and `evaluation/mask/00000.png`, where 2-17 is the left hand and 18-33
the right one. With MMPose's `annotations/rhd_test.json` beside, its boxes are taken.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.benchmarks.image_sets import (
    ImageBenchmark,
    flagged,
    label_hand,
    mask_box,
    read_mask,
    read_mmpose,
)
from hand_pose_ros.data.benchmarks.layout import DAMAGED, require
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.skeleton import RHD_ORDER
from hand_pose_ros.types import Side

TITLE = 'RHD evaluation'
MMPOSE = 'annotations/rhd_test.json'
SIZE_PX = 320
HANDS = ((Side.LEFT, 0, 2, 17), (Side.RIGHT, 21, 18, 33))
"""Side, its first row of the labels, and its first and last value in the mask."""

HARMLESS = {
    ('numpy', 'dtype'),
    ('numpy', 'ndarray'),
    ('numpy.core.multiarray', '_reconstruct'),
    ('numpy.core.multiarray', 'scalar'),
    ('numpy._core.multiarray', '_reconstruct'),
    ('numpy._core.multiarray', 'scalar'),
    ('_codecs', 'encode'),
}


class _ArraysOnly(pickle.Unpickler):
    """Reads arrays and plain types: any other pickle could run what its author likes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in HARMLESS:
            raise pickle.UnpicklingError(f'it holds {module}.{name}')
        return super().find_class(module.replace('numpy._core', 'numpy.core'), name)


def read(folder: Path) -> ImageBenchmark:
    """Reads the evaluation set.

    Raises:
        FileNotFoundError: The folder is not the data set.
        ValueError: The labels are damaged.
    """
    if (folder / MMPOSE).exists():
        return read_mmpose(folder, MMPOSE, TITLE, complete=False, order=RHD_ORDER)
    path = require(folder, 'evaluation/anno_evaluation.pickle', TITLE)
    require(folder, 'evaluation/color', TITLE)
    require(folder, 'evaluation/mask', TITLE)
    labels, without_mask = [], 0
    try:
        entries = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding='latin1').load()
        for number in sorted(entries):
            name = f'{int(number):05d}.png'
            mask = read_mask(folder / 'evaluation' / 'mask' / name, (SIZE_PX, SIZE_PX))
            without_mask += mask is None
            labels.append(_label(f'evaluation/color/{name}', entries[number], mask))
    except (*DAMAGED, pickle.UnpicklingError, EOFError, ImportError) as error:
        raise ValueError(f'{path} is not the labels of {TITLE}: {error}') from error
    kept = tuple(label for label in labels if label.hands)
    problems = (f'{without_mask} pictures without a mask: their boxes are those of keypoints',)
    box = 'the tight box of the hand mask'
    return ImageBenchmark(TITLE, kept, box, {}, problems if without_mask else ())


def _label(name: str, entry: dict[str, Any], mask: NDArray[np.uint8] | None) -> ImageLabel:
    points = np.reshape(entry['uv_vis'], (42, 3))
    joints = np.reshape(entry['xyz'], (42, 3))
    hands = [_hand(points, joints, mask, *hand) for hand in HANDS]
    return ImageLabel(name, SIZE_PX, SIZE_PX, tuple(hand for hand in hands if hand is not None))


def _hand(
    points: NDArray[np.floating],
    joints: NDArray[np.floating],
    mask: NDArray[np.uint8] | None,
    side: Side,
    row: int,
    *mask_values: int,
) -> HandLabel | None:
    rows = row + np.array(RHD_ORDER)
    low, high = mask_values
    # A picture whose mask is missing keeps its keypoints' box.
    box = None if mask is None else mask_box((mask >= low) & (mask <= high))
    return label_hand(flagged(points[rows]), side, box, joints[rows])
