"""`hand-pose gather LISTS OUT`: a data set out of labels and the repositories of its pictures."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from hand_pose_ros.data.gather import (
    ListedPicture,
    PhotoList,
    decode_pictures,
    fetch_commit,
    find_commits,
    read_file_at,
    read_photo_lists,
)
from hand_pose_ros.data.labels import ImageLabel, read_labels, write_labels
from hand_pose_ros.data.pictures import encode_jpeg, read_rgb

JPEG_QUALITY = 92


@dataclass
class Results:
    """What was gathered so far.

    Attributes:
        labels: The pictures that are there.
        problems: One sentence for each picture that cannot be had.
        unreached: Names of the lists whose repository cannot be reached.
    """

    labels: list[ImageLabel] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('lists', type=Path, help='folder of lists, such as config/photos')
    parser.add_argument(
        'out', type=Path, help='folder for the data set; what an earlier run has left is kept'
    )
    parser.add_argument(
        '--repositories',
        type=Path,
        metavar='FOLDER',
        help='clones that are used if they hold what is needed, and where others are put; '
        'without it they are temporary',
    )


def run(args: argparse.Namespace) -> int:
    """Gathers; a repository that cannot be reached keeps none of the others from it."""
    lists = read_photo_lists(args.lists)
    _check_out(args.out, lists)
    clones = {}
    if args.repositories is not None:
        clones = find_commits(args.repositories, [photos.commit for photos in lists])
    results = Results()
    for photos in lists:
        with TemporaryDirectory() as scratch:
            _gather(photos, clones, args.repositories or Path(scratch), args.out, results)
    _tell(results, len(lists))
    if not results.labels:
        raise ValueError(f'no picture of {args.lists} was gathered')
    note = f'hand-pose gather {args.lists}: who labelled, and licences, stand in these lists'
    write_labels(args.out, results.labels, note)
    print(f'see {args.out / "labels.json"}')
    return 1 if results.unreached else 0


def _check_out(out: Path, lists: list[PhotoList]) -> None:
    if (out / 'labels.json').exists():
        listed = {picture.label.image for photos in lists for picture in photos.pictures}
        if listed.isdisjoint(label.image for label in read_labels(out)):
            raise ValueError(
                f'{out} holds other labels: a new folder, or that of an earlier run, was expected'
            )


def _gather(
    photos: PhotoList, clones: Mapping[str, Path], folder: Path, out: Path, results: Results
) -> None:
    """Adds the pictures of one list; a new clone is put into `folder`."""
    missing = [each for each in photos.pictures if not _is_gathered(out, each.label)]
    if missing:
        try:
            git_dir = _git_dir(photos, clones, folder)
        except OSError as error:
            print(error, file=sys.stderr)
            results.unreached.append(photos.name)
        else:
            problems = _write_pictures(photos, git_dir, missing, out)
            results.problems += [f'{photos.name}: {problem}' for problem in problems]
    labels = [each.label for each in photos.pictures if _is_gathered(out, each.label)]
    print(f'{photos.name}: {len(labels)} of {len(photos.pictures)} pictures ({photos.licence})')
    results.labels += labels


def _is_gathered(out: Path, label: ImageLabel) -> bool:
    try:
        return read_rgb(out / label.image).shape[:2] == (label.height, label.width)
    except (OSError, ValueError):
        return False


def _git_dir(photos: PhotoList, clones: Mapping[str, Path], folder: Path) -> Path:
    if photos.commit in clones:
        return clones[photos.commit]
    print(f'{photos.name}: fetching {photos.repository}')
    # With this suffix it stands beside a clone with files that the user has under the name.
    git_dir = folder / f'{photos.name}.git'
    fetch_commit(git_dir, photos.repository, photos.commit)
    return git_dir


def _write_pictures(
    photos: PhotoList, git_dir: Path, pictures: list[ListedPicture], out: Path
) -> list[str]:
    """Writes pictures of a repository, and says which cannot be had, and why."""
    problems: list[str] = []
    decoded = decode_pictures(partial(read_file_at, git_dir, photos.commit), pictures, problems)
    for picture, rgb in tqdm(decoded, photos.name, len(pictures), unit='picture'):
        label = picture.label
        if rgb.shape[:2] == (label.height, label.width):
            _write_whole(out / label.image, encode_jpeg(rgb, JPEG_QUALITY))
        else:
            problems.append(
                f'{label.image} has {rgb.shape[1]}x{rgb.shape[0]} pixels, was labelled with '
                f'{label.width}x{label.height}'
            )
    return problems


def _write_whole(path: Path, data: bytes) -> None:
    """Writes a file in one step: half a JPEG can be read, and would stay after an interruption."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'{path.name}.partial')
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _tell(results: Results, repositories: int) -> None:
    hands = sum(len(label.hands) for label in results.labels)
    print(f'{len(results.labels)} pictures gathered, {hands} hands')
    if results.problems:
        print(f'{len(results.problems)} pictures left out:')
        for problem in dict.fromkeys(results.problems):
            print(problem, file=sys.stderr)
    if results.unreached:
        print(
            f'{len(results.unreached)} of {repositories} repositories cannot be reached: '
            f'{", ".join(results.unreached)}; the next run fetches these alone',
            file=sys.stderr,
        )
