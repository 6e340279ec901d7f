"""All published data sets that can be read, by the names of the command line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from hand_pose_ros.data.benchmarks import (
    cmu_hands,
    coco_wholebody,
    dexter_object,
    freihand,
    icvl,
    interhand,
    lsmv,
    msra,
    nyu,
    onehand10k,
    rhd,
    stb,
)
from hand_pose_ros.data.benchmarks.image_sets import ImageBenchmark

Item = TypeVar('Item')

IMAGE_SETS: dict[str, Callable[[Path], ImageBenchmark]] = {
    'onehand10k': onehand10k.read,
    'freihand': freihand.read,
    'rhd': rhd.read,
    'cmu': cmu_hands.read,
    'stb': stb.read,
    'lsmv': lsmv.read,
    'dexter_object': dexter_object.read,
    'interhand': interhand.read,
    'coco_wholebody': coco_wholebody.read,
}

DEPTH_SETS: dict[str, ModuleType] = {'nyu': nyu, 'icvl': icvl, 'msra': msra}
"""Each has a BENCHMARK, reads its labels by `read`, and a picture by `read_depth_m`."""


def read_image_set(name: str, folder: Path) -> ImageBenchmark:
    """Reads an image data set, of which a hand at least is labelled.

    Args:
        name: A key of IMAGE_SETS.
        folder: Folder of the data set, as published.

    Raises:
        FileNotFoundError: The folder is not the data set; the message says what is missing.
        ValueError: A file is damaged, or no hand is labelled.
    """
    benchmark = IMAGE_SETS[name](folder)
    if not benchmark.labels:
        why = '; '.join(
            (f'{folder} has no labelled hand of {benchmark.title}', *benchmark.problems)
        )
        raise ValueError(why)
    return benchmark


def spread(items: Sequence[Item], count: int | None) -> list[Item]:
    """Picks pictures from all over a data set.

    Args:
        items: Its labels, in its order.
        count: How many; None for all of them.

    Raises:
        ValueError: There are none, or the count is not positive.
    """
    if not items:
        raise ValueError('the data set has no labelled hands')
    if count is None or count >= len(items):
        return list(items)
    if count < 1:
        raise ValueError(f'--pictures: expected at least 1, got {count}')
    return [items[index * len(items) // count] for index in range(count)]
