"""The one label format of all our image data sets: a folder with images and a `labels.json`.

`labels.json` is `{order, note, images: [...]}`. Per image: `image` (path below the folder),
`width`, `height`, `group` (pictures that resemble each other; splits keep groups whole),
`complete` (every visible hand is labelled), `hands`, for RGB-D also `depth` (path of a 16-bit PNG
in millimetres) and `camera`, and where known `mask` (path of an 8-bit PNG: 0 is no hand, i + 1 is
hand i of `hands`). Per hand: `keypoints` (21 x [x, y] or [x, y, v], pixels; v = 0 means not
labelled), `side`, `box` (x0, y0, x1, y1), and where known `visible` (21 flags) and `joints_m`
(21 x [x, y, z], metres in the camera's optical frame).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Side

ORDER = 'wrist, thumb 1-4, index 1-4, middle 1-4, ring 1-4, little 1-4 (base to tip)'


@dataclass(frozen=True)
class HandLabel:
    """What is known of one hand in one picture.

    Attributes:
        keypoints_px: (21, 2) float32, (x, y) pixels; NaN where unlabelled.
        box_px: (4,) float32, (x0, y0, x1, y1) pixels; may reach over the picture's border.
        side: Left or right hand of the person.
        visible: (21,) bool, the camera sees the joint; None where not known.
        joints_cam: (21, 3) float32 metres in the optical frame; None where not known.
    """

    keypoints_px: NDArray[np.float32]
    box_px: NDArray[np.float32]
    side: Side = Side.UNKNOWN
    visible: NDArray[np.bool_] | None = None
    joints_cam: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ImageLabel:
    """One picture of a data set.

    Attributes:
        image: Path of the picture below the data set's folder.
        height: Height in pixels.
        width: Width in pixels.
        hands: The labelled hands.
        group: Pictures of one group resemble each other.
        complete: Every visible hand is in `hands`.
        depth: Path of the depth picture below the folder, or None.
        camera: Intrinsics, or None.
        mask: Path of the picture of the hands' masks below the folder, or None.
    """

    image: str
    height: int
    width: int
    hands: tuple[HandLabel, ...]
    group: str = ''
    complete: bool = True
    depth: str | None = None
    camera: Camera | None = None
    mask: str | None = None


def read_labels(folder: Path) -> list[ImageLabel]:
    """Reads `labels.json` of a data set.

    Args:
        folder: Folder of the data set.

    Returns:
        One label per picture, in the file's order.

    Raises:
        FileNotFoundError: The folder has no `labels.json`.
        ValueError: The file is not in the format; the message names the picture.
    """
    path = folder / 'labels.json'
    try:
        document = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is not JSON: {error}') from error
    if not isinstance(document, dict) or not isinstance(document.get('images'), list):
        raise ValueError(f"{path} must hold an object with a list 'images'")
    labels = []
    for index, entry in enumerate(document['images']):
        try:
            labels.append(image_from_json(entry))
        except (KeyError, TypeError, ValueError) as error:
            name = entry.get('image', index) if isinstance(entry, dict) else index
            raise ValueError(f'{path}, picture {name!r}: {error!r}') from error
    return labels


def write_labels(folder: Path, labels: list[ImageLabel], note: str) -> None:
    """Writes `labels.json`, replacing the old one in one step.

    Args:
        folder: Folder of the data set.
        labels: One label per picture.
        note: Where the labels come from, for the reader of the file.

    Raises:
        OSError: The folder cannot be written, or the disk is full; the old file then stays.
    """
    document = {
        'order': ORDER,
        'note': note,
        'images': [image_to_json(label) for label in labels],
    }
    partial = folder / 'labels.json.partial'
    try:
        partial.write_text(json.dumps(document))
        partial.replace(folder / 'labels.json')
    finally:
        # On a full disk the old labels stay, and half of the new ones would only take room.
        partial.unlink(missing_ok=True)


def image_from_json(entry: dict[str, Any]) -> ImageLabel:
    """Reads one entry of `images`.

    Raises:
        KeyError: A key is missing.
        TypeError: A value is of the wrong type.
        ValueError: A value is of the wrong shape.
    """
    camera = entry.get('camera')
    if camera is not None:
        camera = Camera(**{**camera, 'distortion': tuple(camera.get('distortion', ()))})
    hands = [_hand_from_json(hand) for hand in entry['hands']]
    labelled = [hand for hand in hands if np.isfinite(hand.keypoints_px).any()]
    return ImageLabel(
        image=entry['image'],
        height=int(entry['height']),
        width=int(entry['width']),
        hands=tuple(labelled),
        group=entry.get('group', ''),
        # A hand without a keypoint is there, and not labelled.
        complete=bool(entry.get('complete', True)) and len(labelled) == len(hands),
        depth=entry.get('depth'),
        camera=camera,
        mask=entry.get('mask'),
    )


def _hand_from_json(entry: dict[str, Any]) -> HandLabel:
    points = np.asarray(entry['keypoints'], np.float32)
    if points.shape not in ((NUM_KEYPOINTS, 2), (NUM_KEYPOINTS, 3)):
        raise ValueError(f'keypoints must be 21 x [x, y] or [x, y, v], got {points.shape}')
    keypoints_px = points[:, :2].copy()
    if points.shape[1] == 3:
        keypoints_px[points[:, 2] == 0] = np.nan
    visible = entry.get('visible')
    joints = entry.get('joints_m')
    return HandLabel(
        keypoints_px=keypoints_px,
        box_px=np.asarray(entry['box'], np.float32).reshape(4),
        side=Side[(entry.get('side') or 'unknown').upper()],
        visible=None if visible is None else np.asarray(visible, bool).reshape(NUM_KEYPOINTS),
        joints_cam=None if joints is None else np.asarray(joints, np.float32).reshape(-1, 3),
    )


def image_to_json(label: ImageLabel) -> dict[str, Any]:
    """Returns one entry of `images`, in JSON's types."""
    entry: dict[str, Any] = {
        'image': label.image,
        'width': label.width,
        'height': label.height,
        'group': label.group,
        'complete': label.complete,
        'hands': [_hand_to_json(hand) for hand in label.hands],
    }
    if label.depth is not None:
        entry['depth'] = label.depth
    if label.camera is not None:
        entry['camera'] = asdict(label.camera)
    if label.mask is not None:
        entry['mask'] = label.mask
    return entry


def _hand_to_json(hand: HandLabel) -> dict[str, Any]:
    seen = np.all(np.isfinite(hand.keypoints_px), axis=1)
    points = np.nan_to_num(hand.keypoints_px)
    entry: dict[str, Any] = {
        'keypoints': [
            [*(round(float(v), 2) for v in point), int(flag)]
            for point, flag in zip(points, seen, strict=True)
        ],
        'box': [round(float(v), 2) for v in hand.box_px],
        'side': hand.side.name.lower(),
    }
    if hand.visible is not None:
        entry['visible'] = [int(flag) for flag in hand.visible]
    if hand.joints_cam is not None:
        entry['joints_m'] = [[round(float(v), 5) for v in joint] for joint in hand.joints_cam]
    return entry
