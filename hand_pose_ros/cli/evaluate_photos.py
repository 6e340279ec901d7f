"""`hand-pose evaluate photos RECIPE`: a model on the pictures its recipe keeps from training."""

import argparse
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.cli.inputs import tell_left_out
from hand_pose_ros.cli.outputs import ContactSheet, write_picture
from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.codecs.region_map import keypoint_box
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.photos import split_photos
from hand_pose_ros.data.pictures import background_files, read_background, read_rgb, readable
from hand_pose_ros.evaluation.conditions import CONDITIONS
from hand_pose_ros.evaluation.detection import average_precision
from hand_pose_ros.evaluation.metrics import pck
from hand_pose_ros.evaluation.photos import (
    Photos,
    PhotoScores,
    count_false_hands,
    labelled_photos,
    merge,
    read_photo,
    score_picture,
    single_pictures,
    small_hands,
)
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.drawing import draw_hands
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.training.photo_material import PhotoRecipe
from hand_pose_ros.training.synth_recipes import folders_of
from hand_pose_ros.training.tasks import read_task
from hand_pose_ros.types import Frame, Hand

Pictures = Iterable[tuple[NDArray[np.uint8], ImageLabel]]

Row = tuple[ImageLabel, dict[str, PhotoScores]]
"""A picture's label, and its scores by cycle."""

CYCLES = ('off', 'small', 'full')
BOXES = 'boxes'
NUM_WORST = 12
SMALL_HANDS = 'held out, hands of 10-25 %'
NOTE = """\
PCK counts every labelled keypoint inside its picture, hidden ones too; `seen` is PCK@0.2 of what
the labels call visible, as in data sets that leave the hidden unlabelled (nan where they do not
say). Hands with fewer than 6 visible joints do not count. All but off and small is with the second
pass in full; `boxes` is that pass in labelled regions, however doubtful the hand: what is lost
from there to full was not found, or taken for no hand. Hands of 10-25 % are held-out photos,
shrunk and pasted on held-out backgrounds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument(
        'recipe',
        type=Path,
        help='says which groups and pictures are held out; without --model its name is the model',
    )
    parser.add_argument('--data', type=Path, required=True, help="folder of the recipe's folders")
    parser.add_argument(
        '--labelled',
        type=Path,
        nargs='*',
        default=[],
        help='further labelled data sets, evaluated whole',
    )
    parser.add_argument(
        '--conditions',
        action='store_true',
        help='the held-out photos in worse light, motion and compression, too',
    )
    parser.add_argument(
        '--worst',
        type=Path,
        metavar='FOLDER',
        help=f'draw the {NUM_WORST} worst pictures of each set, labelled keypoints in white',
    )
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints PCK, recall, AP, side accuracy and false hands, with and without the second pass."""
    recipe = photo_recipe(args.recipe)
    settings = {'model.detector': args.recipe.stem, **pipeline_settings(args)}
    config = with_values(PipelineConfig(), settings)
    groups = held_out_photos(recipe, args.data)
    sets = labelled_sets(args.labelled)
    folders = [args.data / name for name in recipe.backgrounds]
    problems: list[str] = []
    files = background_files(folders, held_out=True)
    views = [each for _, each in readable(files, read_background, problems)]
    backgrounds = list(chain.from_iterable(views))
    print(f'{"pictures":32} {"images":>6} {"hands":>6}  PCK@0.2 (off small full boxes)  '
          'PCK@0.1   seen   AP50  recall  side  false/image')  # fmt: skip
    pipelines = {c: open_pipeline(single_pictures(config, c)) for c in CYCLES}
    rows = {
        name: _tell(pipelines, name, _pictures(photos, problems), len(photos))
        for name, photos in groups.items()
    }
    print(_line('all held-out groups', list(chain.from_iterable(rows.values()))))
    everything = [photo for group in groups.values() for photo in group]
    small = small_hands(everything, backgrounds, problems)
    _tell(pipelines, SMALL_HANDS, small, len(everything))
    for name, photos in sets.items():
        rows[name] = _tell(pipelines, name, _pictures(photos, problems), len(photos))
    for name, worsen in CONDITIONS.items() if args.conditions else ():
        worse = ((worsen(rgb), label) for rgb, label in _pictures(everything, problems))
        _tell({'full': pipelines['full']}, f'held out, {name}', worse, len(everything))
    print(NOTE)
    false = count_false_hands(pipelines['full'], backgrounds)
    print(
        f'without hands, held out: {len(false)} pictures, {np.mean(false):.3f} false per picture'
    )
    print(pipelines['full'].runtime)
    tell_left_out(problems)
    for name, photos in (groups | sets).items() if args.worst else ():
        sheet = _draw_worst(pipelines['full'], photos, rows[name])
        write_picture(args.worst / f'{name.replace("/", "_")}.jpg', sheet)
    return 0


def photo_recipe(path: Path) -> PhotoRecipe:
    """Reads a recipe that trains on photos.

    Raises:
        ValueError: It trains on none, or is not a recipe.
        FileNotFoundError: There is no such file.
    """
    recipe = read_task(path).recipe
    if not isinstance(recipe, PhotoRecipe):
        raise ValueError(f'{path} trains on no photos, so it holds none out')
    return recipe


def held_out_photos(recipe: PhotoRecipe, data: Path) -> dict[str, list[tuple[Path, ImageLabel]]]:
    """Returns path and label of the photos that a recipe keeps from training, by group.

    Raises:
        ValueError: None of its folders holds such a photo.
    """
    groups: dict[str, list[tuple[Path, ImageLabel]]] = {}
    for folder in (data / name for name in folders_of(recipe.photos)):
        _, held_out = split_photos(folder, recipe.held_out_groups)
        for label in held_out:
            groups.setdefault(label.group, []).append((folder / label.image, label))
    if not groups:
        raise ValueError(
            f'{data} holds no photo of the held_out_groups of the recipe: nothing to evaluate'
        )
    return groups


def labelled_sets(folders: Iterable[Path]) -> dict[str, Photos]:
    """Returns path and label of the pictures of some data sets, by the names of their folders.

    Raises:
        ValueError: Two have the same name, or one labels no picture.
    """
    sets: dict[str, Photos] = {}
    for folder in folders:
        if folder.name in sets:
            raise ValueError(f'--labelled: two data sets are named {folder.name!r}, rename one')
        sets[folder.name] = labelled_photos(folder)
    return sets


def _pictures(photos: Photos, problems: list[str]) -> Pictures:
    """Returns those pictures that can be read, one by one, with their labels."""
    return ((rgb, label) for (_, label), rgb in readable(photos, read_photo, problems))


def _tell(
    pipelines: dict[str, HandPipeline], name: str, pictures: Pictures, count: int
) -> list[Row]:
    """Scores every pipeline on a set of pictures, and prints its row."""
    # A log keeps the rows only: the bar is for terminals.
    rows = []
    for rgb, label in tqdm(pictures, name, count, leave=False, disable=None):
        scores = {cycle: score_picture(each, rgb, label) for cycle, each in pipelines.items()}
        in_boxes = partial(_read_labelled, pipelines['full'], label)
        rows.append((label, scores | {BOXES: score_picture(in_boxes, rgb, label)}))
    print(_line(name, rows))
    return rows


def _read_labelled(pipeline: HandPipeline, label: ImageLabel, frame: Frame) -> tuple[Hand, ...]:
    """Reads the labelled hands of a picture without looking for them."""
    boxes_px = np.array([keypoint_box(hand.keypoints_px) for hand in label.hands]).reshape(-1, 4)
    return tuple(pipeline.read_regions(frame.rgb, boxes_px, np.zeros(len(boxes_px), np.float32)))


def _line(name: str, rows: Sequence[Row]) -> str:
    scores = {cycle: merge([row[cycle] for _, row in rows]) for cycle in rows[0][1]}
    full = scores['full']
    values = ' '.join(
        f'{pck(scores[cycle].errors, 0.2):.3f}' if cycle in scores else '    -'
        for cycle in (*CYCLES, BOXES)
    )
    side = full.side_right[full.side_known].mean() if full.side_known.any() else np.nan
    seen = pck(full.visible_errors, 0.2) if full.hidden.any() else np.nan
    false = full.false_hands / len(full.boxes) if full.boxes else np.nan
    return (
        f'{name:32} {full.images:6} {len(full.errors):6}  {values:>30}  '
        f'{pck(full.errors, 0.1):7.3f} {seen:6.3f} {average_precision(full.boxes):6.3f} '
        f'{full.found.mean():7.3f} {side:5.3f} {false:12.3f}'
    )


def _draw_worst(pipeline: HandPipeline, photos: Photos, rows: Sequence[Row]) -> NDArray[np.uint8]:
    """Draws what is found on the pictures with the lowest PCK@0.2, over what should be."""
    paths = {label.image: path for path, label in photos}
    worst = sorted(rows, key=lambda row: np.nan_to_num(pck(row[1]['full'].errors, 0.2), nan=1))
    sheet = ContactSheet()
    for label, _ in worst[:NUM_WORST]:
        rgb = read_rgb(paths[label.image])
        drawn = draw_hands(rgb, pipeline(Frame(rgb, 0.0)))
        points = np.reshape([hand.keypoints_px for hand in label.hands], (-1, 2))
        for point in np.rint(points[np.isfinite(points).all(axis=1)]).astype(int):
            cv2.circle(drawn, point.tolist(), max(1, min(rgb.shape[:2]) // 160), (255,) * 3, -1)
        sheet.add(drawn)
    return sheet.draw()
