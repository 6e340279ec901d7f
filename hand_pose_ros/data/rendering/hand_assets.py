"""Reads the free assets that rendered hands are made of.

The MakeHuman body `hm08` with its rig, skin weights, shape targets and skin pictures (CC0), and
the recorded hand poses of Intel's hand_tracking_samples (Apache-2.0). Bodies are in metres, x to
the body's left, y up, z to the front.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ASSETS_VARIABLE = 'HAND_POSE_ASSETS'
DOWNLOAD_HELP = """Get them once (about 60 MB) and keep this layout:
  <assets>/makehuman/base.obj, default.mhskel, default_weights.mhw
  <assets>/makehuman/targets/macrodetails/*.target, <assets>/makehuman/targets/armslegs/*.target
      from https://github.com/makehumancommunity/makehuman, folder makehuman/data
      (3dobjs/base.obj, rigs/default.mhskel, rigs/default_weights.mhw, targets/); CC0
  <assets>/makehuman/skins/*_diffuse*.png (or .jpg), 2048 x 2048
      from https://github.com/makehumancommunity/makehuman-assets, folder base/skins; CC0
  <assets>/intel_hand_poses/animbank.pose
      from https://github.com/IntelRealSense/hand_tracking_samples; Apache-2.0
and name the folder by the `assets` argument or the variable HAND_POSE_ASSETS."""

BODY_VERTICES = 13380
ALL_VERTICES = 19158
BODY_QUADS = 13378
SKIN_SIZE = 2048
RECORDED_BONES = 17
METRES_PER_UNIT = 0.1

AGES = ('child', 'young', 'old')
GENDERS = ('female', 'male')
RACES = ('african', 'asian', 'caucasian')
LEVELS = ('min', 'average', 'max')
MACRO_TARGETS = tuple(
    f'{race}-{gender}-{age}' for race in RACES for gender in GENDERS for age in AGES
)
BUILD_TARGETS = tuple(
    f'universal-{gender}-{age}-{muscle}muscle-{weight}weight'
    for gender in GENDERS
    for age in AGES
    for muscle in LEVELS
    for weight in LEVELS
)
HAND_TARGETS = tuple(
    f'{part}-{direction}'
    for part in (
        'hand-fingers-diameter',
        'hand-fingers-length',
        'hand-scale',
        'lowerarm-fat',
        'lowerarm-muscle',
    )
    for direction in ('decr', 'incr')
)
"""Targets of the arms; each is the sum of the file for the left and the file for the right."""
TARGETS = MACRO_TARGETS + BUILD_TARGETS + HAND_TARGETS


@dataclass(frozen=True)
class HandAssets:
    """A body at rest with everything that can change it.

    Attributes:
        vertices: (V, 3) float64 metres, the skin of the body.
        triangles: (F, 3) int64 vertex indices, counter-clockwise seen from outside.
        uv: (T, 2) float32, picture coordinates in 0..1, y down.
        triangle_uv: (F, 3) int64 indices into `uv`.
        bone_names: Names of the bones of the rig.
        heads: (B, 3) float64 metres, where each bone begins.
        tails: (B, 3) float64 metres, where each bone ends.
        weights: (V, B) float32 skin weights; rows sum to 1.
        target_vertices: (K, V, 3) float32 metres, what each of TARGETS adds to `vertices`.
        target_heads: (K, B, 3) float64 metres, what it adds to `heads`.
        target_tails: (K, B, 3) float64 metres, what it adds to `tails`.
        skins: (S, 2048, 2048, 3) uint8 RGB.
        skin_names: File stems of the skins.
        recorded_rotations: (R, 17, 4) float64 quaternions (x, y, z, w) of Intel's hand bones.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    uv: NDArray[np.float32]
    triangle_uv: NDArray[np.int64]
    bone_names: tuple[str, ...]
    heads: NDArray[np.float64]
    tails: NDArray[np.float64]
    weights: NDArray[np.float32]
    target_vertices: NDArray[np.float32]
    target_heads: NDArray[np.float64]
    target_tails: NDArray[np.float64]
    skins: NDArray[np.uint8]
    skin_names: tuple[str, ...]
    recorded_rotations: NDArray[np.float64]


def find_hand_assets(folder: Path | None = None) -> Path:
    """Returns the folder of the assets, from the argument or from HAND_POSE_ASSETS.

    Raises:
        FileNotFoundError: No folder was named or it lacks the body; says how to download.
    """
    named = folder or (
        Path(os.environ[ASSETS_VARIABLE]) if ASSETS_VARIABLE in os.environ else None
    )
    if named is None:
        raise FileNotFoundError(
            f'rendering needs the hand assets, and neither the argument nor {ASSETS_VARIABLE} '
            f'names their folder. {DOWNLOAD_HELP}'
        )
    if not (named / 'makehuman' / 'base.obj').is_file():
        raise FileNotFoundError(f'no makehuman/base.obj in {named}. {DOWNLOAD_HELP}')
    return named


def load_hand_assets(folder: Path | None = None) -> HandAssets:
    """Loads the body, its rig, shapes, skins and the recorded poses.

    Args:
        folder: The assets' folder; None takes HAND_POSE_ASSETS.

    Raises:
        FileNotFoundError: A file is missing; says how to download the assets.
        ValueError: A file is damaged or is not the expected one; names it.
    """
    root = find_hand_assets(folder)
    makehuman = root / 'makehuman'
    vertices, uv, triangles, triangle_uv = _read_obj(makehuman / 'base.obj')
    names, head_joints, tail_joints = _read_rig(makehuman / 'default.mhskel')
    weights = _read_weights(makehuman / 'default_weights.mhw', names)
    recorded = _read_recorded(root / 'intel_hand_poses' / 'animbank.pose')
    deltas = _read_targets(makehuman / 'targets')
    skins, skin_names = _read_skins(makehuman / 'skins')
    return HandAssets(
        vertices=vertices[:BODY_VERTICES],
        triangles=triangles,
        uv=uv,
        triangle_uv=triangle_uv,
        bone_names=names,
        heads=_means(vertices, head_joints),
        tails=_means(vertices, tail_joints),
        weights=weights,
        target_vertices=deltas[:, :BODY_VERTICES].astype(np.float32),
        target_heads=np.stack([_means(delta, head_joints) for delta in deltas]),
        target_tails=np.stack([_means(delta, tail_joints) for delta in deltas]),
        skins=skins,
        skin_names=skin_names,
        recorded_rotations=recorded,
    )


def _means(points: NDArray[np.float64], groups: list[list[int]]) -> NDArray[np.float64]:
    """Mean of each group of points: (P, 3) -> (groups, 3)."""
    return np.stack([points[group].mean(axis=0) for group in groups])


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path} is missing. {DOWNLOAD_HELP}') from error
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not a text file: {error}') from error


def _read_obj(
    path: Path,
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Vertices of all groups, uv, and the triangles of group `body` (each quad split in two)."""
    vertices, uv, quads, group = [], [], [], ''
    try:
        for line in _read_text(path).splitlines():
            kind, _, rest = line.partition(' ')
            if kind == 'v':
                vertices.append([float(value) for value in rest.split()])
            elif kind == 'vt':
                uv.append([float(value) for value in rest.split()[:2]])
            elif kind == 'g':
                group = rest.strip()
            elif kind == 'f' and group == 'body':
                quads.append([[int(index) for index in c.split('/')[:2]] for c in rest.split()])
        corners = np.asarray(quads, np.int64) - 1
        points = np.asarray(vertices, np.float64)
        texture = np.asarray(uv, np.float32)
    except ValueError as error:
        raise ValueError(f'{path} is damaged: {error}') from error
    if points.shape != (ALL_VERTICES, 3) or corners.shape != (BODY_QUADS, 4, 2):
        raise ValueError(
            f'{path} must be the MakeHuman body hm08 with {ALL_VERTICES} vertices and '
            f'{BODY_QUADS} quads in group body, got {points.shape} and {corners.shape}'
        )
    if not (np.isfinite(points).all() and np.isfinite(texture).all()):
        raise ValueError(f'{path} is damaged: a coordinate is no number')
    if (
        corners.min() < 0
        or corners[..., 0].max() >= BODY_VERTICES
        or corners[..., 1].max() >= len(texture)
    ):
        raise ValueError(f'{path} is damaged: a face names a vertex that is not there')
    triangles = corners[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3, 2)
    texture[:, 1] = 1.0 - texture[:, 1]
    return points * METRES_PER_UNIT, texture, triangles[..., 0], triangles[..., 1]


def _read_rig(path: Path) -> tuple[tuple[str, ...], list[list[int]], list[list[int]]]:
    """Bone names, and the vertices whose means are each bone's head and tail."""
    try:
        document = json.loads(_read_text(path))
        bones, joints = document['bones'], document['joints']
        names = tuple(sorted(bones))
        heads = [joints[bones[name]['head']] for name in names]
        tails = [joints[bones[name]['tail']] for name in names]
        inside = [0 <= index < ALL_VERTICES for group in heads + tails for index in group]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is not the MakeHuman default rig: {error!r}') from error
    if not all(heads + tails):
        raise ValueError(f'{path} is not the MakeHuman default rig: a joint has no vertices')
    if not all(inside):
        raise ValueError(f'{path} names vertices beyond {ALL_VERTICES - 1}')
    return names, heads, tails


def _read_weights(path: Path, names: tuple[str, ...]) -> NDArray[np.float32]:
    weights = np.zeros((BODY_VERTICES, len(names)), np.float32)
    try:
        for name, pairs in json.loads(_read_text(path))['weights'].items():
            rows: NDArray[np.float64] = np.asarray(pairs, np.float64).reshape(-1, 2)
            rows = rows[(rows[:, 0] >= 0) & (rows[:, 0] < BODY_VERTICES)]
            weights[rows[:, 0].astype(np.int64), names.index(name)] = rows[:, 1]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f'{path} does not hold the weights of the rig: {error!r}') from error
    total = weights.sum(axis=1, keepdims=True)
    if not (np.abs(total - 1) < 0.1).all():
        raise ValueError(
            f'{path}: the weights of each vertex must sum to 1, '
            f'got {total.min():.3f} to {total.max():.3f}'
        )
    return weights / total


def _read_targets(folder: Path) -> NDArray[np.float64]:
    """(K, ALL_VERTICES, 3) metres in the order of TARGETS."""
    deltas = np.zeros((len(TARGETS), ALL_VERTICES, 3))
    for delta, name in zip(deltas, TARGETS, strict=True):
        if name in HAND_TARGETS:
            paths = [folder / 'armslegs' / f'{side}-{name}.target' for side in 'lr']
        else:
            paths = [folder / 'macrodetails' / f'{name}.target']
        for path in paths:
            rows = _read_target(path)
            delta[rows[:, 0].astype(np.int64)] += rows[:, 1:] * METRES_PER_UNIT
    return deltas


def _read_target(path: Path) -> NDArray[np.float64]:
    """(n, 4) rows: vertex, dx, dy, dz in the units of the file."""
    lines = [line for line in _read_text(path).splitlines() if line and not line.startswith('#')]
    try:
        rows = np.array(' '.join(lines).split(), np.float64).reshape(-1, 4)
    except ValueError as error:
        raise ValueError(f'{path} must hold lines of vertex dx dy dz: {error}') from error
    if not np.isfinite(rows).all():
        raise ValueError(f'{path} must hold lines of vertex dx dy dz, all of them numbers')
    if len(rows) and not (rows[:, 0].min() >= 0 and rows[:, 0].max() < ALL_VERTICES):
        raise ValueError(f'{path} names vertices beyond {ALL_VERTICES - 1}')
    return rows


def _read_skins(folder: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    paths = sorted([*folder.glob('*.jpg'), *folder.glob('*.png')])
    # This one shows a drawn suit, not skin.
    paths = [path for path in paths if 'special_suit' not in path.name]
    if not paths:
        raise FileNotFoundError(f'no skins (*.jpg, *.png) in {folder}. {DOWNLOAD_HELP}')
    skins = np.empty((len(paths), SKIN_SIZE, SKIN_SIZE, 3), np.uint8)
    for skin, path in zip(skins, paths, strict=True):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError(f'{path} is not a picture that can be read')
        if picture.shape != skin.shape:
            raise ValueError(f'{path} must be {SKIN_SIZE} x {SKIN_SIZE}, got {picture.shape[:2]}')
        skin[:] = picture[..., ::-1]
    return skins, tuple(path.stem for path in paths)


def _read_recorded(path: Path) -> NDArray[np.float64]:
    try:
        rows = np.array(_read_text(path).split(), np.float64).reshape(-1, RECORDED_BONES, 7)
    except ValueError as error:
        raise ValueError(
            f'{path} must hold {RECORDED_BONES * 7} numbers per pose: {error}'
        ) from error
    rotations = rows[..., 3:]
    if len(rows) == 0 or not (np.abs(np.linalg.norm(rotations, axis=-1) - 1) < 0.01).all():
        raise ValueError(f'{path} must hold quaternions of length 1 after each position')
    return rotations
