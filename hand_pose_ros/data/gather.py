"""Labelled photographs in public git repositories: the labels are listed here, the pictures there.

A list is a JSON file whose name is that of its pictures' folder: `repository` (URL), `commit`,
`licence` and perhaps `licence_note` (of the pictures), `people` (who is seen), `labels` (who or
what labelled), and `pictures`, one a line. Per picture: `path` in the repository, for a video
`frame` (from 0), `group`, `complete` (every visible hand is listed), `size` ([width, height], the
longer side at most MAX_SIDE_PX) and `hands`. Per hand: `side`, and as `keypoints` x, y of the 21
in a row, in pixels of that size. Pictures are upright, turned by their EXIF orientation.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.data.pictures import decode_picture, shrunk
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Side

MAX_SIDE_PX = 640
"""Larger pictures are shrunk: the labels are in pixels of these."""

COMMIT = re.compile('[0-9a-f]{40}')

ReadFile = Callable[[str], bytes]
"""Returns the content of a file of a repository."""


@dataclass(frozen=True)
class ListedPicture:
    """A labelled picture in a repository.

    Attributes:
        path: Path in the repository, of a picture or a video.
        frame: Number of the video's frame, from 0; None for a picture.
        label: Its label, once it is gathered.
    """

    path: str
    frame: int | None
    label: ImageLabel


@dataclass(frozen=True)
class PhotoList:
    """The labelled pictures of one repository.

    Attributes:
        name: Name of the list, and of the folder of its pictures.
        repository: URL to fetch from.
        commit: The commit whose pictures were labelled, 40 hexadecimal digits.
        licence: Of the pictures.
        pictures: The pictures, each once.
    """

    name: str
    repository: str
    commit: str
    licence: str
    pictures: tuple[ListedPicture, ...]


def read_photo_lists(folder: Path) -> list[PhotoList]:
    """Reads all lists of a folder, in the order of their names.

    Raises:
        FileNotFoundError: There is none.
        OSError: A list cannot be read.
        ValueError: A list is not in the format; the message names the file and the picture.
    """
    paths = sorted(folder.glob('*.json'))
    if not paths:
        raise FileNotFoundError(f'{folder} has no lists of photographs (.json)')
    return [_read_photo_list(path) for path in paths]


def _read_photo_list(path: Path) -> PhotoList:
    try:
        document = json.loads(path.read_text())
        entries = document['pictures']
        commit = str(document['commit'])
        repository, licence = str(document['repository']), str(document['licence'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path} is not a list of photographs: {error!r}') from error
    if not COMMIT.fullmatch(commit):
        raise ValueError(f'{path}: commit must be 40 hexadecimal digits, got {commit!r}')
    pictures: dict[str, ListedPicture] = {}
    for index, entry in enumerate(entries):
        try:
            picture = _listed_picture(path.stem, entry)
            if picture.label.image in pictures:
                raise ValueError('it is listed twice')
        except (KeyError, TypeError, ValueError) as error:
            name = entry.get('path', index) if isinstance(entry, dict) else index
            raise ValueError(f'{path}, picture {name!r}: {error!r}') from error
        pictures[picture.label.image] = picture
    return PhotoList(path.stem, repository, commit, licence, tuple(pictures.values()))


def _listed_picture(name: str, entry: dict[str, Any]) -> ListedPicture:
    path, frame = entry['path'], entry.get('frame')
    width, height = entry['size']
    hands = tuple(_listed_hand(hand) for hand in entry['hands'])
    label = ImageLabel(
        image_path(name, path, frame),
        int(height),
        int(width),
        hands,
        entry['group'],
        bool(entry['complete']),
    )
    return ListedPicture(path, frame, label)


def _listed_hand(entry: dict[str, Any]) -> HandLabel:
    keypoints_px = np.asarray(entry['keypoints'], np.float32).reshape(NUM_KEYPOINTS, 2)
    return HandLabel(keypoints_px, keypoint_box(keypoints_px), Side[entry['side'].upper()])


def image_path(name: str, path: str, frame: int | None = None) -> str:
    """Returns where a picture of a list lies below the folder of the gathered data set.

    Args:
        name: Name of the list.
        path: Path in the repository.
        frame: Number of a video's frame.

    Raises:
        ValueError: The path leads out of the repository.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or '..' in parts.parts:
        raise ValueError(f'expected a path inside the repository, got {path!r}')
    if frame is not None:
        return f'images/{name}/{parts}/{frame:06d}.jpg'
    # Pictures of one name and two kinds lie beside each other: the suffix stays.
    return f'images/{name}/{parts}' + ('' if parts.suffix == '.jpg' else '.jpg')


def find_commits(folder: Path, commits: Iterable[str]) -> dict[str, Path]:
    """Finds the repositories in a folder that hold commits.

    Args:
        folder: Folder of clones, bare or not, at most two folders deep.
        commits: The commits, 40 hexadecimal digits each.

    Returns:
        The git directory for each commit that was found.
    """
    found: dict[str, Path] = {}
    asked = ''.join(f'{commit}\n' for commit in commits)
    paths = sorted([*folder.glob('*'), *folder.glob('*/*')])
    for git_dir in (each for path in paths for each in (path, path / '.git')):
        if not (git_dir / 'HEAD').is_file():
            continue
        try:
            answer = _git(git_dir, 'cat-file', '--batch-check', asked=asked.encode())
        except subprocess.CalledProcessError:
            # It only looks like a repository, or is a damaged one.
            continue
        lines = (line.split() for line in answer.decode().splitlines())
        found |= {name: git_dir for name, kind, *_ in lines if kind == 'commit'}
    return found


def fetch_commit(git_dir: Path, repository: str, commit: str) -> None:
    """Fetches one commit, without history, into a bare repository that is made where needed.

    Raises:
        OSError: The repository cannot be reached, or has no such commit.
    """
    # git makes this folder, but none above it.
    git_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        _git(git_dir, 'init', '--quiet', '--bare')
        _git(git_dir, 'fetch', '--quiet', '--depth', '1', '--', repository, commit)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors='replace').strip().splitlines()
        raise OSError(f'{commit} of {repository} cannot be fetched: {" ".join(reason)}') from error


def read_file_at(git_dir: Path, commit: str, path: str) -> bytes:
    """Reads a file as it is in a commit.

    Raises:
        FileNotFoundError: The commit has no such file, or the repository not its content.
    """
    try:
        return _git(git_dir, 'cat-file', 'blob', f'{commit}:{path}')
    except subprocess.CalledProcessError as error:
        raise FileNotFoundError(f'{path} is not in commit {commit}') from error


def _git(git_dir: Path, *arguments: str, asked: bytes = b'') -> bytes:
    """Runs git, which asks for no password: a repository that is gone would make it wait."""
    command = ['git', f'--git-dir={git_dir}', *arguments]
    environment = {**os.environ, 'GIT_TERMINAL_PROMPT': '0'}
    result = subprocess.run(command, input=asked, capture_output=True, check=True, env=environment)
    return result.stdout


def decode_pictures(
    read_file: ReadFile, pictures: Sequence[ListedPicture], problems: list[str]
) -> Iterator[tuple[ListedPicture, NDArray[np.uint8]]]:
    """Reads pictures and frames of videos.

    Args:
        read_file: Returns the content of a file of the repository.
        pictures: What to read; the frames of a video in a row, or it is decoded again.
        problems: Gets a sentence for each that cannot be read.

    Yields:
        What can be read, and it as (H, W, 3) uint8 R, G, B, neither side over MAX_SIDE_PX.
    """
    for path, of_file in groupby(pictures, lambda picture: picture.path):
        wanted = {picture.frame: picture for picture in of_file}
        try:
            data = read_file(path)
            for frame, rgb in _decode_frames(data, path, wanted):
                yield wanted.pop(frame), shrunk(rgb, MAX_SIDE_PX)
        except (OSError, ValueError) as error:
            problems += [str(error)] * len(wanted)
            continue
        problems += [f'{path} has no frame {frame}' for frame in wanted]


def _decode_frames(
    data: bytes, path: str, frames: Collection[int | None]
) -> Iterator[tuple[int | None, NDArray[np.uint8]]]:
    if None in frames:
        yield None, cv2.cvtColor(decode_picture(data, path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return
    numbers = {frame for frame in frames if frame is not None}
    # OpenCV reads videos from files alone, and goes by their suffix.
    with NamedTemporaryFile(suffix=PurePosixPath(path).suffix) as file:
        file.write(data)
        file.flush()
        capture = cv2.VideoCapture(file.name)
        # Reading on is exact, jumping to a frame is not with every codec.
        for number in range(max(numbers) + 1):
            if not capture.grab():
                break
            seen, bgr = capture.retrieve() if number in numbers else (False, None)
            if seen:
                yield number, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        capture.release()
