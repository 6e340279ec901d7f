"""Pictures, videos, bags and cameras as one thing: named frames, in order."""

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.ros_modules import import_with_ros
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.pictures import read_rgb
from hand_pose_ros.types import Frame

PICTURE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm')
BAG_SUFFIXES = ('.db3', '.mcap')

CAMERA_RATE_HZ = 30.0
"""Of a camera or a video that does not tell its rate."""

COMPLETE = 0.98
"""A video of which less can be read than this share of what it says of its length breaks off."""

MAX_PROBLEMS_TOLD = 10


@dataclass(frozen=True)
class NamedFrame:
    """One frame of a source.

    Attributes:
        name: What it is called in results, such as `folder/picture.jpg` or `clip/000012`.
        frame: The frame.
        truth: Its labels, where the source has them.
    """

    name: str
    frame: Frame
    truth: ImageLabel | None = None


@dataclass(frozen=True)
class Source:
    """Frames that belong together.

    Attributes:
        name: What it is called in results: a path below the results' folder, without suffix.
        frames: The frames, read one by one.
        length: How many there are, as far as that is known before.
        rate_hz: Frames per second; None for unrelated pictures.
        has_depth: Frames have depth and a camera.
        problems: One sentence for each thing that could not be read, filled while frames are.
    """

    name: str
    frames: Iterator[NamedFrame]
    length: int | None = None
    rate_hz: float | None = None
    has_depth: bool = False
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Topics:
    """What of a bag is to be read.

    Attributes:
        image: The topic; None to choose by type, encoding and frame.
        depth: The same.
        camera_info: The same.
        rectified: The images are rectified; see `camera_from_msg`.
    """

    image: str | None = None
    depth: str | None = None
    camera_info: str | None = None
    rectified: bool = False


def add_input_arguments(parser: argparse.ArgumentParser, required: bool) -> None:
    """Declares the arguments that `open_sources` and `topics_from` read."""
    parser.add_argument(
        'inputs',
        nargs='+' if required else '*',
        metavar='INPUT',
        help='picture, folder of pictures, video, ROS 2 bag or number of a camera',
    )
    for name in ('image', 'depth', 'camera-info'):
        parser.add_argument(f'--{name}-topic', metavar='TOPIC', help=f'{name} topic of a bag')
    parser.add_argument(
        '--rectified', action='store_true', help='the images of bags are rectified (image_rect)'
    )


def topics_from(args: argparse.Namespace) -> Topics:
    """Reads what a user says of the topics."""
    return Topics(args.image_topic, args.depth_topic, args.camera_info_topic, args.rectified)


def open_sources(inputs: Sequence[str], topics: Topics) -> list[Source]:
    """Opens inputs.

    Args:
        inputs: Paths, and numbers of cameras.
        topics: The topics to read from bags.

    Returns:
        One source for all pictures together, if there are any, then one for each video, bag and
        camera.

    Raises:
        FileNotFoundError: There is nothing at a path, or no picture in a folder.
        ValueError: A file is not what its name says, a bag has no images or a camera does not
            open.
    """
    cameras = [text for text in inputs if text.isdecimal() and not Path(text).exists()]
    paths = [Path(os.path.abspath(text)) for text in inputs if text not in cameras]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'{os.path.relpath(path)} does not exist')
    root = Path(os.path.commonpath([_folder_of(path) for path in paths])) if paths else Path()
    pictures: dict[Path, None] = {}  # A set that keeps the order.
    streams = [_open_camera(int(number)) for number in cameras]
    for path in paths:
        if _is_bag(path):
            streams.append(import_with_ros('bags').open_bag(path, _name(path, root), topics))
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            streams.append(_open_video(path, _name(path, root)))
        else:
            pictures.update(dict.fromkeys(_pictures_at(path)))
    for name, number in Counter(each.name for each in streams).items():
        if number > 1:
            raise ValueError(f'{number} inputs are called {name}: give them one by one')
    return ([_open_pictures(list(pictures), root)] if pictures else []) + streams


def check_out(out: Path, inputs: Sequence[str]) -> None:
    """Refuses a folder in which results would replace inputs, or be inputs of the next run.

    Args:
        out: Folder for the results.
        inputs: As `open_sources` takes them.

    Raises:
        ValueError: The folder is inside of an input, or holds it.
    """
    for path in map(Path, inputs):
        inside = out.resolve().is_relative_to(path.resolve())
        if path.exists() and (inside or path.resolve().is_relative_to(out.resolve())):
            raise ValueError(f'results need a folder away from the input {path}, got {out}')


def tell_problems(sources: Sequence[Source]) -> None:
    """Says what could not be read, on the standard error stream."""
    _tell(Counter(text for source in sources for text in source.problems))


def tell_left_out(problems: Sequence[str]) -> None:
    """Says how many pictures do not count, and on the standard error stream why."""
    # A picture may have been asked for more than once.
    reasons = Counter(dict.fromkeys(problems, 1))
    if reasons:
        print(f'{len(reasons)} pictures left out: they cannot be read, and do not count')
        _tell(reasons)


def _tell(problems: Counter[str]) -> None:
    for text, number in problems.most_common(MAX_PROBLEMS_TOLD):
        print(text + (f' ({number} times)' if number > 1 else ''), file=sys.stderr)
    if len(problems) > MAX_PROBLEMS_TOLD:
        print(f'and {len(problems) - MAX_PROBLEMS_TOLD} more such problems', file=sys.stderr)


def _is_bag(path: Path) -> bool:
    if path.is_dir():
        return any(each.suffix in BAG_SUFFIXES for each in path.iterdir())
    return path.suffix in BAG_SUFFIXES


def _folder_of(path: Path) -> Path:
    """Returns the folder below which a path's results are named."""
    return path if path.is_dir() and not _is_bag(path) else path.parent


def _name(path: Path, root: Path) -> str:
    return str(path.relative_to(root).with_suffix(''))


def _pictures_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.rglob('*') if each.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        endings = ' '.join(PICTURE_SUFFIXES)
        raise FileNotFoundError(f'{path} has no pictures ({endings}) and is no ROS 2 bag')
    return found


def _open_pictures(paths: list[Path], root: Path) -> Source:
    problems: list[str] = []

    def frames() -> Iterator[NamedFrame]:
        for path in paths:
            try:
                rgb = read_rgb(path)
            except (ValueError, OSError) as error:
                problems.append(str(error))
            else:
                yield NamedFrame(str(path.relative_to(root)), Frame(rgb, 0.0))

    return Source('pictures', frames(), len(paths), problems=problems)


def _open_video(path: Path, name: str) -> Source:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise ValueError(f'{path} is not a video that can be read')
    rate_hz = _rate_hz(capture)
    length = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    problems: list[str] = []

    def frames() -> Iterator[NamedFrame]:
        count = 0
        for index, rgb in enumerate(_captured(capture)):
            yield NamedFrame(f'{name}/{index:06d}', Frame(rgb, index / rate_hz))
            count = index + 1
        # What a file says of its length is often wrong by a frame or two.
        if count < COMPLETE * length:
            problems.append(f'{path} cannot be read beyond frame {count} of {length}')

    return Source(name, frames(), length if length > 0 else None, rate_hz, problems=problems)


def _open_camera(number: int) -> Source:
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise ValueError(f'camera {number} cannot be opened')
    name = f'camera{number}'
    problems: list[str] = []

    def frames() -> Iterator[NamedFrame]:
        for index, rgb in enumerate(_captured(capture)):
            yield NamedFrame(f'{name}/{index:06d}', Frame(rgb, time.time()))
        problems.append(f'camera {number} sends no more pictures')

    return Source(name, frames(), rate_hz=_rate_hz(capture), problems=problems)


def _rate_hz(capture: cv2.VideoCapture) -> float:
    """Returns what a stream says of its rate, or that of a usual camera where that is nonsense."""
    rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
    return rate_hz if math.isfinite(rate_hz) and rate_hz > 0 else CAMERA_RATE_HZ


def _captured(capture: cv2.VideoCapture) -> Iterator[NDArray[np.uint8]]:
    try:
        while True:
            more, bgr = capture.read()
            if not more:
                return
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()
