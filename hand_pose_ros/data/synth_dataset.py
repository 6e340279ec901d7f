"""Writes data sets of rendered hands: pictures, depth and labels, from a recipe and a seed.

A folder holds `images/000000.jpg` (unless the recipe wants no colour), `depth/000000.png` (16 bit,
mm, 0 = not measured), `masks/000000.png` (8 bit, 0 = no hand), `labels.json` (see `labels`) and
`recipe.json`. Picture i depends on the recipe, the surroundings and seed + i alone, so that an
interrupted run continues where it stopped and ends with the same bytes.
"""

import fcntl
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.depth_sensors import (
    SENSORS,
    at_scale,
    measure_depth_image,
    skin_range_m,
)
from hand_pose_ros.data.labels import HandLabel, ImageLabel, read_labels, write_labels
from hand_pose_ros.data.pictures import encode_jpeg
from hand_pose_ros.data.rendering.render import RenderedBatch, SceneConfig
from hand_pose_ros.types import Camera, Side

BATCH_SIZE = 16
CHECKPOINT_EVERY = 256
"""Pictures after which the labels are written, sooner at first; a killed run loses no more."""
JPEG_QUALITY = 95
PNG_COMPRESSION = 4
"""Depth with noise takes a twentieth of the time that level 9 takes, and a tenth more room."""

ATTEMPTS = 4
"""A scene that shows fewer hands than it should is drawn again, at most this often in all."""
ATTEMPT_SEEDS = 1_000_000_000
"""Added to a seed that is drawn again, beyond those of any set."""

PARTS = ('images', 'depth', 'masks')
"""Folders of a set."""

Render = Callable[[SceneConfig, Sequence[int]], RenderedBatch]


@dataclass(frozen=True)
class Recipe:
    """What a data set is made of.

    Attributes:
        scene: What the pictures show.
        count: Number of pictures.
        seed: Seed of the first picture; picture i has seed + i.
        sensors: Keys of SENSORS, taken in turn among those that measure skin at the distance of
            the hands; exact depth if there is none.
        sensor_focal_px: Focal length of the sensors, in their pixels, where the pictures show a
            part of what they see at another scale; 0 takes the pictures' pixels for theirs.
        colour: Write colour pictures; without them rendering is several times faster.
        note: What the set is for.
    """

    scene: SceneConfig
    count: int
    seed: int
    sensors: tuple[str, ...] = ()
    sensor_focal_px: float = 0.0
    colour: bool = True
    note: str = ''

    def __post_init__(self) -> None:
        """Refuses what cannot be rendered."""
        if self.count < 1:
            raise ValueError(f'count must be at least 1, got {self.count}')
        if not 0 <= self.seed < ATTEMPT_SEEDS:
            raise ValueError(f'seed must be 0 to {ATTEMPT_SEEDS - 1}, got {self.seed}')
        if not 0 <= self.sensor_focal_px < math.inf:
            raise ValueError(
                f'sensor_focal_px must be a length or 0, got {self.sensor_focal_px:g}'
            )
        if not self.colour and self.scene.background == 'transparent':
            raise ValueError('cut-outs without colour would show nothing')
        unknown = set(self.sensors) - set(SENSORS)
        if unknown:
            raise ValueError(f'sensors must be among {sorted(SENSORS)}, got {sorted(unknown)}')


def load_recipe(path: Path) -> Recipe:
    """Reads a recipe: the fields of Recipe, those of SceneConfig below `scene`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a recipe; names the file and what is wrong.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
        if not isinstance(document, dict):
            raise ValueError(f'expected keys and values, got {type(document).__name__}')
        scene = _build(SceneConfig, document.get('scene', {}))
        return _build(Recipe, {**document, 'scene': scene})
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise ValueError(f'{path} is not a recipe: {error}') from error


def _build(kind: type, values: Any) -> Any:
    """Makes a dataclass from YAML, whose lists stand for tuples."""
    hints = get_type_hints(kind)
    if not isinstance(values, dict) or set(values) - set(hints):
        raise ValueError(f'{kind.__name__} must hold keys among {sorted(hints)}, got {values!r}')
    for name, value in values.items():
        if not _fits(value, hints[name]):
            wanted = getattr(hints[name], '__name__', '') or str(hints[name])
            raise ValueError(f'{name} must be {wanted}, got {value!r}')
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _fits(value: Any, hint: Any) -> bool:
    """Says whether a value from YAML is of the type that a field declares."""
    parts = get_args(hint)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            return False
        kinds = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    if parts:
        return any(_fits(value, part) for part in parts)
    accepted = (int, float) if hint is float else hint
    return isinstance(value, accepted) and isinstance(value, bool) == (hint is bool)


def write_dataset(folder: Path, recipe: Recipe, render: Render, surroundings: str = '') -> None:
    """Renders and writes a data set, or what is still missing of it.

    Args:
        folder: Where to; made if it does not exist.
        recipe: What to render.
        render: Renders scenes from their seeds, such as HandRenderer.render.
        surroundings: Stands for the backgrounds and panoramas that `render` uses, such as a hash;
            two sets are the same only if it is.

    Raises:
        ValueError: The folder holds a set made from another recipe or with other surroundings, or
            another run is writing to it; or the recipe's scenes show no hands.
        OSError: The folder cannot be written or the disk is full. What `labels.json` names is
            complete, and the next call continues after it.
    """
    with _locked(folder):
        labels = _begin(folder, recipe, surroundings)
        _continue(folder, recipe, render, labels)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other runs away; the lock is on `recipe.json`, and goes with the process."""
    path = folder / 'recipe.json'
    if not path.exists() and (folder / 'labels.json').exists():
        raise ValueError(f'{folder} holds another data set; name another folder')
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    with path.open('a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f'another run is writing to {folder}; wait for its end or name another folder'
            ) from error
        yield


def _continue(folder: Path, recipe: Recipe, render: Render, labels: list[ImageLabel]) -> None:
    """Renders and writes what is missing of a set after its first labels."""
    seeds = range(recipe.seed, recipe.seed + recipe.count)
    saved = len(labels)
    try:
        with tqdm(total=recipe.count, initial=saved, unit='image', disable=None) as progress:
            while len(labels) < recipe.count:
                first = len(labels)
                pictures, short = _render(recipe, render, seeds[first : first + BATCH_SIZE])
                if first == 0 and short == len(pictures):
                    raise ValueError(
                        f'none of the first {short} scenes shows the {recipe.scene.hands[0]} '
                        f'hands that the recipe wants, drawn {ATTEMPTS} times: distances, '
                        'hand sizes, field of view and bodies do not go together'
                    )
                labels += [
                    _write_picture(folder, index, recipe, batch, row)
                    for index, (batch, row) in enumerate(pictures, first)
                ]
                progress.update(len(pictures))
                if len(labels) - saved > min(saved, CHECKPOINT_EVERY):
                    write_labels(folder, labels, recipe.note)
                    saved = len(labels)
    except OSError as error:
        done = f'{len(labels)} of {recipe.count} pictures are complete'
        raise OSError(error.errno, f'{error.strerror}; {done}', str(folder)) from error
    finally:
        _remove_unlabelled(folder, len(labels))
        write_labels(folder, labels, recipe.note)


def _render(
    recipe: Recipe, render: Render, seeds: Sequence[int]
) -> tuple[list[tuple[RenderedBatch, int]], int]:
    """Renders scenes, and again those that show too few hands.

    Returns:
        Batch and row of each, and how many still show too few.
    """
    pictures: dict[int, tuple[RenderedBatch, int]] = {}
    missing = list(seeds)
    for attempt in range(ATTEMPTS):
        batch = render(recipe.scene, [seed + attempt * ATTEMPT_SEEDS for seed in missing])
        pictures |= {seed: (batch, row) for row, seed in enumerate(missing)}
        shown = [len(label_rendered(batch, row, '').hands) for row in range(len(batch))]
        least = recipe.scene.hands[0]
        missing = [seed for seed, hands in zip(missing, shown, strict=True) if hands < least]
        if not missing:
            break
    return [pictures[seed] for seed in seeds], len(missing)


def _begin(folder: Path, recipe: Recipe, surroundings: str) -> list[ImageLabel]:
    """Finds what an interrupted run of the same recipe left in a folder, mostly nothing."""
    # A longer set begins with the shorter one, so the count may differ.
    made_from = json.loads(json.dumps(asdict(replace(recipe, count=1))))
    made_from['surroundings'] = surroundings
    path = folder / 'recipe.json'
    labels = read_labels(folder) if (folder / 'labels.json').exists() else []
    if not labels:
        # A new folder, or a recipe that gave no picture.
        path.write_text(json.dumps(made_from))
    elif not _holds(path, made_from):
        raise ValueError(
            f'{folder} holds a set made from another recipe or with other surroundings; '
            'name another folder'
        )
    return labels


def _holds(path: Path, document: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(path.read_text()) == document)
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is damaged, name another folder: {error}') from error


def _remove_unlabelled(folder: Path, count: int) -> None:
    """Removes what a batch left that failed; on a full disk the labels need the room."""
    for part in PARTS:
        for path in (folder / part).iterdir():
            if path.stem.isdigit() and int(path.stem) >= count:
                path.unlink()


def _write_picture(
    folder: Path, index: int, recipe: Recipe, batch: RenderedBatch, row: int
) -> ImageLabel:
    rgb = batch.rgb[row].cpu().numpy()
    mask = f'masks/{index:06d}.png'
    (folder / mask).write_bytes(encode_mask_png(_label_mask(batch, row)))
    if recipe.scene.background == 'transparent':
        # Without surroundings there is no depth to speak of: hands to be composed later.
        label = label_rendered(batch, row, f'images/{index:06d}.png')
        alpha = batch.alpha[row].cpu().numpy()
        (folder / label.image).write_bytes(encode_cutout_png(rgb, alpha))
        return replace(label, mask=mask)
    depth = f'depth/{index:06d}.png'
    label = label_rendered(batch, row, f'images/{index:06d}.jpg' if recipe.colour else depth)
    depth_m, name = measured_depth(recipe, index, batch, row, label)
    if recipe.colour:
        (folder / label.image).write_bytes(encode_jpeg(rgb, JPEG_QUALITY))
    (folder / depth).write_bytes(encode_depth_png(depth_m, PNG_COMPRESSION))
    return replace(label, group=name, depth=depth, mask=mask)


def measured_depth(
    recipe: Recipe, index: int, batch: RenderedBatch, row: int, label: ImageLabel
) -> tuple[NDArray[np.float32], str]:
    """Measures a rendered picture as one of a recipe's cameras does.

    Args:
        recipe: Names the cameras.
        index: Which picture of the set it is.
        batch: What was rendered.
        row: Which picture of it.
        label: From `label_rendered`; tells the distance of the hands.

    Returns:
        (H, W) float32 metres, NaN where not measured, and the name of the camera; exact depth and
        an empty name where no camera measures skin at that distance.
    """
    depth_m = batch.depth_m[row].cpu().numpy()
    name = _sensor_at_hands(recipe.sensors, index, label)
    if not name:
        return depth_m, ''
    focal_px = float(batch.intrinsics[row, 0])
    scale = focal_px / recipe.sensor_focal_px if recipe.sensor_focal_px else 1.0
    sensor, rgb = at_scale(SENSORS[name], scale), batch.rgb[row].cpu().numpy()
    return measure_depth_image(sensor, depth_m, focal_px, recipe.seed + index, rgb), name


def _sensor_at_hands(names: tuple[str, ...], index: int, label: ImageLabel) -> str:
    """Takes the next camera that measures skin at the distance of a picture's hands."""
    distances_m = [np.median(h.joints_cam[:, 2]) for h in label.hands if h.joints_cam is not None]
    ranges_m = {name: skin_range_m(SENSORS[name]) for name in names}
    usable = [
        name
        for name, (near_m, far_m) in ranges_m.items()
        if all(near_m <= distance_m <= far_m for distance_m in distances_m)
    ]
    return usable[index % len(usable)] if usable else ''


def label_rendered(batch: RenderedBatch, row: int, image: str) -> ImageLabel:
    """Labels one picture of a batch.

    Args:
        batch: What was rendered.
        row: Which picture of it.
        image: Path that the picture gets.

    Returns:
        The label; hands of which no keypoint can be seen are left out.
    """
    height, width = batch.mask.shape[1:]
    fx, fy, cx, cy = (float(value) for value in batch.intrinsics[row])
    hands = []
    for hand in _seen_hands(batch, row):
        visible = batch.visible[row, hand].cpu().numpy()
        points_px = batch.keypoints_px[row, hand].cpu().numpy()
        hands.append(
            HandLabel(
                keypoints_px=points_px,
                box_px=keypoint_box(points_px),
                side=Side(int(batch.side[row, hand])),
                visible=visible,
                joints_cam=batch.joints_cam[row, hand].cpu().numpy(),
            )
        )
    camera = Camera(height, width, fx, fy, cx, cy)
    return ImageLabel(image, height, width, tuple(hands), camera=camera)


def _seen_hands(batch: RenderedBatch, row: int) -> list[int]:
    """Returns which hands of a picture are labelled: of which any keypoint can be seen."""
    return [int(hand) for hand in batch.visible[row].any(dim=1).nonzero()]


def _label_mask(batch: RenderedBatch, row: int) -> NDArray[np.uint8]:
    """Returns the (H, W) mask of a picture, its hands counted as the label counts them."""
    numbers = np.zeros(batch.visible.shape[1] + 1, np.uint8)
    for index, hand in enumerate(_seen_hands(batch, row)):
        numbers[hand + 1] = index + 1
    return numbers[batch.mask[row].cpu().numpy()]


def encode_mask_png(mask: NDArray[np.uint8]) -> bytes:
    """Compresses an (H, W) mask of whole numbers."""
    _, data = cv2.imencode('.png', mask)
    return data.tobytes()


def encode_cutout_png(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> bytes:
    """Compresses an (H, W, 3) RGB picture with its (H, W) alpha."""
    bgra = np.dstack((rgb[..., ::-1], alpha))
    _, data = cv2.imencode('.png', bgra, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()


def in_millimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Turns (H, W) metres into what depth images hold; 0 where NaN or farther than 65.5 m."""
    depth_mm = np.nan_to_num(np.rint(depth_m * 1000), nan=0, posinf=0)
    depth_mm[depth_mm > np.iinfo(np.uint16).max] = 0
    return depth_mm.astype(np.uint16)


def encode_depth_png(depth_m: NDArray[np.float32], compression: int) -> bytes:
    """Compresses (H, W) metres as 16-bit millimetres.

    Args:
        depth_m: (H, W) float32 metres.
        compression: Level of the PNG, 0 to 9.
    """
    # The filtered strategy fits noisy depth better than OpenCV's own choice.
    options = [cv2.IMWRITE_PNG_COMPRESSION, compression]
    options += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED]
    _, data = cv2.imencode('.png', in_millimetres(depth_m), options)
    return data.tobytes()
