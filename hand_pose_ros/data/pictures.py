"""Pictures from files; pictures in memory to train on, with labelled hands and without any."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.geometry.arrays import check_shape
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.skeleton import BONES
from hand_pose_ros.types import Side

Item = TypeVar('Item')
Content = TypeVar('Content')

LEVELS = 4
"""Pictures are kept at full, half, quarter and eighth size, so that shrinking never aliases."""

THUMBNAIL_PX = 16
SAME_GREY = 4.0
"""Two files are one picture if no pixel of their thumbnails, 0..255, differs by more: one of them
may have been compressed again."""

MIN_VISIBLE = 6
"""A hand that shows fewer joints, behind another or a body, is not a training target."""


@dataclass(frozen=True)
class Picture:
    """A picture with labelled hands.

    Attributes:
        levels: (H, W, 4) uint8 R, G, B, alpha at full, half, quarter ... size; alpha 0 is what
            compositing replaces.
        keypoints_px: (M, 21, 2) float32 pixels at full size; NaN where unlabelled.
        sides: (M,) uint8, a Side for each hand.
        opaque: Nothing of it is replaced: it is a whole photograph.
        complete: All its visible hands are labelled.
    """

    levels: tuple[NDArray[np.uint8], ...]
    keypoints_px: NDArray[np.float32]
    sides: NDArray[np.uint8]
    opaque: bool
    complete: bool = True

    def steps(self, level: int) -> NDArray[np.float64]:
        """Returns how many pixels of the picture one of a level is wide and high, (2,)."""
        full, small = (np.array(self.levels[each].shape[1::-1]) for each in (0, level))
        return full / small


def make_picture(
    rgba: NDArray[np.uint8],
    keypoints_px: NDArray[np.float32],
    sides: Iterable[Side],
    complete: bool = True,
) -> Picture:
    """Builds the smaller sizes of a picture.

    Args:
        rgba: (H, W, 4) uint8.
        keypoints_px: (M, 21, 2) float32.
        sides: M sides.
        complete: All its visible hands are labelled.

    Returns:
        The picture.
    """
    levels = [rgba]
    while len(levels) < LEVELS:
        height, width = levels[-1].shape[:2]
        half = (max(width // 2, 1), max(height // 2, 1))
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    opaque = bool(rgba[..., 3].min() == 255)
    known_sides = np.asarray(list(sides), np.uint8)
    return Picture(tuple(levels), keypoints_px, known_sides, opaque, complete)


def load_picture(folder: Path, label: ImageLabel, matte: bool) -> Picture:
    """Reads a labelled picture.

    A keypoint outside the picture counts as unlabelled, and so does a hand hardly to be seen.

    Args:
        folder: Folder of the data set.
        label: The picture's label.
        matte: Cut the hands out of their (plain) background; else the whole picture is kept.

    Returns:
        The picture. Four channels on file keep their own alpha.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a colour picture, or has another size than its label.
    """
    path = folder / label.image
    image = _read_colour(path)
    check_shape(str(path), image[..., :3], (label.height, label.width, 3))
    if image.shape[2] == 4:
        alpha = image[..., 3]
    elif matte:
        seen = [hand for hand in label.hands if is_seen(hand)]
        alpha = hand_matte(image, _inside(seen, image.shape))
    else:
        alpha = np.full(image.shape[:2], 255, np.uint8)
    rgba = np.dstack((image[..., 2::-1], alpha))
    return labelled_picture(rgba, label.hands, label.complete)


def labelled_picture(
    rgba: NDArray[np.uint8], hands: Sequence[HandLabel], complete: bool = True
) -> Picture:
    """Builds a picture of its pixels and its labels; see `load_picture`.

    Args:
        rgba: (H, W, 4) uint8.
        hands: Those of its hands that are labelled.
        complete: They are all there are.
    """
    seen = [hand for hand in hands if is_seen(hand)]
    keypoints_px = _inside(seen, rgba.shape)
    kept = np.isfinite(keypoints_px).all(axis=2).sum(axis=1) >= MIN_VISIBLE
    sides = [hand.side for hand, keep in zip(seen, kept, strict=True) if keep]
    return make_picture(rgba, keypoints_px[kept], sides, complete)


def _inside(hands: Sequence[HandLabel], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Returns the (M, 21, 2) keypoints of hands, NaN outside of a picture of that shape."""
    keypoints_px = np.array([hand.keypoints_px for hand in hands], np.float32).reshape(-1, 21, 2)
    keypoints_px[~inside_image(keypoints_px, shape[:2])] = np.nan
    return keypoints_px


def is_seen(hand: HandLabel) -> bool:
    """Tells whether the camera sees enough of a hand, or nobody says how much it sees."""
    return hand.visible is None or int(hand.visible.sum()) >= MIN_VISIBLE


def hand_matte(bgr: NDArray[np.uint8], keypoints_px: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Separates hands from a plain background by GrabCut, seeded with the bones.

    Args:
        bgr: (H, W, 3) uint8.
        keypoints_px: (M, 21, 2) float32; NaN where not known.

    Returns:
        (H, W) uint8 alpha, soft at the edge; 0 without hands.
    """
    sure = np.zeros(bgr.shape[:2], np.uint8)
    known_px = keypoints_px[np.isfinite(keypoints_px).any(axis=(1, 2))]
    if not len(known_px):
        return sure
    size = (np.nanmax(known_px, axis=1) - np.nanmin(known_px, axis=1)).max()
    for hand in known_px:
        for bone in BONES:
            if np.isfinite(hand[list(bone)]).all():
                start, end = np.rint(hand[list(bone)]).astype(int).tolist()
                cv2.line(sure, start, end, 255, max(int(size * 0.06), 1))
    probable = cv2.dilate(sure, np.ones((int(size * 0.25) | 1,) * 2, np.uint8))
    mask = np.full(bgr.shape[:2], cv2.GC_PR_BGD, np.uint8)
    mask[probable > 0] = cv2.GC_PR_FGD
    mask[sure > 0] = cv2.GC_FGD
    # Corners of a plain background belong to it unless the hand covers them.
    mask[:4][probable[:4] == 0] = cv2.GC_BGD
    cv2.grabCut(bgr, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    alpha = np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    return cv2.GaussianBlur(cv2.erode(alpha, np.ones((3, 3), np.uint8)), (3, 3), 0)


def load_backgrounds(folders: Iterable[Path], held_out: bool | None) -> list[NDArray[np.uint8]]:
    """Reads pictures without hands: photographs, and views into panoramas (.hdr).

    Args:
        folders: As `background_files` takes them.
        held_out: As `background_files` takes it.

    Returns:
        (H, W, 3) uint8 R, G, B pictures.

    Raises:
        FileNotFoundError: No picture was found.
        ValueError: A file is not a colour picture.
    """
    files = background_files(folders, held_out)
    return [picture for path in files for picture in read_background(path)]


def background_files(folders: Iterable[Path], held_out: bool | None) -> list[Path]:
    """Finds pictures without hands.

    Every fourth file of a folder, in the order of the names, is held out to count false hands on,
    unless the same picture is among the others under another name.

    Args:
        folders: Folders searched with all below them.
        held_out: The held-out files instead of the others; None for all.

    Raises:
        FileNotFoundError: No picture was found.
    """
    folders = list(folders)
    trained, kept = [], []
    for folder in folders:
        suffixes = ('.jpg', '.jpeg', '.png', '.hdr')
        files = sorted(p for p in folder.rglob('*') if p.suffix.lower() in suffixes)
        kept += files[3::4]
        trained += [path for index, path in enumerate(files) if index % 4 != 3]
    if held_out:
        known = np.array([_thumbnail(path) for path in trained]).reshape(-1, THUMBNAIL_PX**2)
        kept = [path for path in kept if not _is_among(_thumbnail(path), known)]
    found = {None: trained + kept, True: kept, False: trained}[held_out]
    if not found:
        raise FileNotFoundError(f'no pictures below {", ".join(map(str, folders))}')
    return found


def _thumbnail(path: Path) -> NDArray[np.float32]:
    """Returns a picture in a few grey pixels; NaN where that is not to be had cheaply."""
    grey = None
    if path.suffix.lower() != '.hdr':
        grey = cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    if grey is None:
        return np.full(THUMBNAIL_PX**2, np.nan, np.float32)
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


def _is_among(thumbnail: NDArray[np.float32], known: NDArray[np.float32]) -> bool:
    return bool((np.abs(known - thumbnail).max(axis=1, initial=0) < SAME_GREY).any())


def read_background(path: Path) -> list[NDArray[np.uint8]]:
    """Reads a photograph, or six views into a panorama (.hdr): (H, W, 3) uint8 R, G, B.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a colour picture.
    """
    image = _read_colour(path)
    if path.suffix.lower() == '.hdr':
        return panorama_views(image[..., ::-1])
    return [np.ascontiguousarray(image[..., 2::-1])]


def _read_colour(path: Path) -> NDArray[Any]:
    """Reads a picture as it is on file: B, G, R, perhaps alpha, perhaps radiance."""
    # OpenCV turns a camera's JPEG upright, as its labels are, but not where it asks for the file's
    # own channels.
    is_jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
    image = read_picture(path, cv2.IMREAD_COLOR if is_jpeg else cv2.IMREAD_UNCHANGED)
    if image.ndim != 3:
        raise ValueError(f'{path} is not a colour picture')
    return image


def panorama_views(radiance: NDArray[np.float32], size: int = 384) -> list[NDArray[np.uint8]]:
    """Looks around in an equirectangular panorama: six views of 75 degrees, tone-mapped.

    Args:
        radiance: (H, 2H, 3) float32, linear R, G, B.
        size: Side of a view in pixels.

    Returns:
        Six (size, size, 3) uint8 pictures.
    """
    height, width = radiance.shape[:2]
    ramp = np.linspace(-1, 1, size) * np.tan(np.radians(37.5))
    x, y = np.meshgrid(ramp, ramp)
    views = []
    for heading in np.arange(6) * np.pi / 3:
        longitude = np.arctan2(x, 1) + heading
        latitude = np.arctan2(y, np.hypot(x, 1))
        u = (longitude / (2 * np.pi) % 1) * (width - 1)
        v = (latitude / np.pi + 0.5) * (height - 1)
        view = cv2.remap(radiance, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
        exposed = view / max(float(np.percentile(view, 90)), 1e-6)
        views.append((255 * np.clip(exposed, 0, 1) ** (1 / 2.2)).astype(np.uint8))
    return views


def read_picture(path: Path, flags: int) -> NDArray[Any]:
    """Reads a picture file as OpenCV does, but never silently.

    Args:
        path: The file.
        flags: As `cv2.imread` takes them.

    Returns:
        (H, W) or (H, W, channels); B, G, R.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: The file cannot be read.
        ValueError: It is not a picture.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path} is missing') from error
    return decode_picture(data, str(path), flags)


def decode_picture(data: bytes, name: str, flags: int) -> NDArray[Any]:
    """Decodes a picture file in memory; see `read_picture`.

    Args:
        data: Content of the file.
        name: What errors call it.
        flags: As `cv2.imdecode` takes them.

    Raises:
        ValueError: It is not a picture.
    """
    try:
        picture: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        # An empty file, or one whose damaged header asks for far too much memory.
        picture = None
    if picture is None:
        raise ValueError(f'{name} is not a picture that can be read')
    return picture


def shrunk(rgb: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """Shrinks an (H, W, 3) picture, aspect kept, until no side is longer than max_side pixels."""
    ratio = max_side / max(rgb.shape[:2])
    if ratio >= 1:
        return rgb
    size = [max(round(side * ratio), 1) for side in rgb.shape[1::-1]]
    smaller: NDArray[np.uint8] = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return smaller


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """Compresses an (H, W, 3) picture."""
    _, data = cv2.imencode('.jpg', rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Reads a picture as (H, W, 3) uint8 R, G, B, turned upright by its EXIF orientation.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a picture.
    """
    rgb: NDArray[np.uint8] = cv2.cvtColor(read_picture(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return rgb


def read_depth_picture(path: Path) -> NDArray[np.uint16]:
    """Reads a depth image: (H, W) uint16 in the file's unit, 0 where not measured.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a 16-bit picture.
    """
    raw = read_picture(path, cv2.IMREAD_UNCHANGED)
    if raw.dtype != np.uint16 or raw.ndim != 2:
        raise ValueError(f'{path} is not a 16-bit depth picture')
    return raw


def readable(
    items: Iterable[Item], read: Callable[[Item], Content], problems: list[str]
) -> Iterator[tuple[Item, Content]]:
    """Reads pictures one by one, and passes over those that cannot be read.

    Args:
        items: What is to be read.
        read: Reads one of them.
        problems: Gets a sentence for each that cannot be read.

    Yields:
        Each item that can be read, and what was read.

    Raises:
        ValueError: There are items, and none can be read.
    """
    reasons = []
    any_read = False
    for item in items:
        try:
            content = read(item)
        except (OSError, ValueError) as error:
            reasons.append(str(error))
            problems.append(reasons[-1])
        else:
            any_read = True
            yield item, content
    if reasons and not any_read:
        raise ValueError(f'none of {len(reasons)} pictures can be read, the first: {reasons[0]}')
