"""`hand-pose label PICTURES OUT`: a data set out of pictures that nobody has labelled."""

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.cli.inputs import (
    NamedFrame,
    Source,
    Topics,
    check_out,
    open_sources,
    tell_problems,
)
from hand_pose_ros.cli.outputs import write_picture
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.data.labels import ImageLabel, write_labels
from hand_pose_ros.data.pictures import shrunk
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.training.pseudo_labels import PictureLabels, label_picture

MAX_SIDE_PX = 1280
"""Larger pictures are shrunk: training keeps all in memory, and sees hands of 100 pixels or so."""


@dataclass
class Results:
    """What was labelled so far.

    Attributes:
        labels: The pictures with a label, one hand at least.
        without_hands: Pictures on which no view shows a hand.
        without_labels: Pictures of which no hand was kept.
        refusals: How many hands were not kept, by the reason.
        interrupted: The user has ended the run.
    """

    labels: list[ImageLabel] = field(default_factory=list)
    without_hands: int = 0
    without_labels: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument(
        'pictures', type=Path, help='folder of pictures; each folder in it becomes a group'
    )
    parser.add_argument('out', type=Path, help='new folder for the data set')
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Labels; Ctrl-C ends early and keeps what is labelled."""
    config = with_values(PipelineConfig(), pipeline_settings(args))
    source = _open_folder(args.pictures)
    check_out(args.out, [str(args.pictures)])
    if (args.out / 'labels.json').exists():
        raise ValueError(f'{args.out} holds labels already: a new folder was expected')
    full, first = (open_pipeline(single_pictures(config, cycle)) for cycle in ('full', 'off'))
    print(full.runtime)
    results = Results()
    _label(source, lambda rgb: label_picture(full, first, rgb), args.out, results)
    tell_problems([source])
    _tell(results, len(source.problems))
    if results.labels:
        note = f'machine-made: where views of a picture agree (hand-pose label); {full.runtime}'
        write_labels(args.out, results.labels, note)
        print(f'see {args.out / "labels.json"}')
    elif not results.interrupted:
        raise ValueError(f'no hand below {args.pictures} became a label')
    return 130 if results.interrupted else 0


def _open_folder(folder: Path) -> Source:
    if not folder.is_dir():
        raise ValueError(f'expected a folder of pictures, got {folder}')
    sources = open_sources([str(folder)], Topics())
    if sources[0].rate_hz is not None:
        raise ValueError(f'expected a folder of pictures, got the bag {folder}')
    return sources[0]


def _label(
    source: Source,
    find_labels: Callable[[NDArray[np.uint8]], PictureLabels],
    out: Path,
    results: Results,
) -> None:
    try:
        for named in tqdm(source.frames, source.name, source.length, unit='picture'):
            rgb = shrunk(named.frame.rgb, MAX_SIDE_PX)
            found = find_labels(rgb)
            results.refusals.update(found.refusals)
            if found.hands:
                label = _image_label(named, rgb, found)
                write_picture(out / label.image, rgb)
                results.labels.append(label)
            elif found.refusals:
                results.without_labels += 1
            else:
                results.without_hands += 1
    except KeyboardInterrupt:
        results.interrupted = True


def _image_label(named: NamedFrame, rgb: NDArray[np.uint8], found: PictureLabels) -> ImageLabel:
    group = PurePath(named.name).parent
    return ImageLabel(
        image=f'images/{named.name}',
        height=rgb.shape[0],
        width=rgb.shape[1],
        hands=found.hands,
        group='' if group == PurePath() else str(group),
        complete=not found.refusals,
    )


def _tell(results: Results, unread: int) -> None:
    labels = results.labels
    complete = [label for label in labels if label.complete]
    print(
        f'{"interrupted: " if results.interrupted else ""}'
        f'{len(labels)} pictures kept, {_hands(labels)} hands; on {len(complete)} of them, '
        f'{_hands(complete)} hands, nothing else was found: training takes these whole'
    )
    print(
        f'not kept: {results.without_hands} pictures without hands, {results.without_labels} '
        f'with doubtful ones only, {unread} that could not be read'
    )
    print(f'{results.refusals.total()} hands were not kept:')
    for reason, count in results.refusals.most_common():
        print(f'{count:7} {reason}')


def _hands(labels: list[ImageLabel]) -> int:
    return sum(len(label.hands) for label in labels)
