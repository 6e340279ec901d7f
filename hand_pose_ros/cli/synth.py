"""`hand-pose synth`: render data sets and the demo clip, hold simulated depth against real."""

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.cli.outputs import write_picture
from hand_pose_ros.data.dataset_report import draw_contact_sheet, plot_statistics
from hand_pose_ros.data.demo_clip import render_clip, simulate_sr305_frames
from hand_pose_ros.data.depth_comparison import (
    describe,
    draw_comparison,
    measure_errors,
    read_sr305_frames,
)
from hand_pose_ros.data.labels import read_labels
from hand_pose_ros.data.pictures import read_picture
from hand_pose_ros.data.rendering.render import HandRenderer
from hand_pose_ros.data.synth_dataset import load_recipe, write_dataset
from hand_pose_ros.runtimes.torch_runtime import torch_device

SIMULATED_FRAMES = 10
PICTURES = ('.jpg', '.jpeg', '.png')
PANORAMAS = ('.hdr',)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('recipe', type=Path, nargs='?', help='such as config/synth/sh.yaml')
    parser.add_argument('out', type=Path, nargs='?', help='folder of the data set')
    parser.add_argument('--count', type=int, help='pictures (default: as in the recipe)')
    parser.add_argument('--seed', type=int, help='seed (default: that of the recipe)')
    parser.add_argument('--clip', type=Path, metavar='OUT', help='write the demo clip, a bag')
    parser.add_argument(
        '--compare-depth',
        type=Path,
        nargs=2,
        metavar=('FOLDER', 'OUT.png'),
        help='show frames of an SR305 (PNG, units of 0.125 mm) beside rendered ones',
    )
    parser.add_argument('--assets', type=Path, help='hand assets (default: $HAND_POSE_ASSETS)')
    parser.add_argument('--backgrounds', type=Path, help='folder of photographs without hands')
    parser.add_argument('--panoramas', type=Path, help='folder of panoramas (.hdr) to light by')
    parser.add_argument('--device', default='cpu', help='cpu or cuda (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Renders what was asked for."""
    if args.compare_depth:
        _compare_depth(args)
    elif args.clip:
        render_clip(_renderer(args, *_read_surroundings(args)), args.clip)
    elif args.recipe and args.out:
        _write_dataset(args)
    else:
        raise ValueError('synth needs RECIPE and OUT, or --clip, or --compare-depth')
    return 0


def _write_dataset(args: argparse.Namespace) -> None:
    recipe = load_recipe(args.recipe)
    recipe = replace(
        recipe,
        count=recipe.count if args.count is None else args.count,
        seed=recipe.seed if args.seed is None else args.seed,
    )
    # Before the assets load, which takes a while: a folder that cannot be written is told at once.
    args.out.mkdir(parents=True, exist_ok=True)
    surroundings = _read_surroundings(args)
    renderer = _renderer(args, *surroundings)
    write_dataset(args.out, recipe, renderer.render_for(recipe.colour), _digest(*surroundings))
    # As the file has them, rounded, so that a resumed run draws the very same report.
    labels = read_labels(args.out)
    write_picture(args.out / 'contact_sheet.jpg', draw_contact_sheet(args.out, labels))
    plot_statistics(labels, args.out / 'statistics.png')
    hands = sum(len(label.hands) for label in labels)
    print(f'{len(labels)} pictures with {hands} hands in {args.out}')


def _compare_depth(args: argparse.Namespace) -> None:
    folder, out = args.compare_depth
    real_m = read_sr305_frames(folder)
    renderer = _renderer(args, *_read_surroundings(args))
    simulated_m = simulate_sr305_frames(renderer, SIMULATED_FRAMES)
    print(f'real      {describe(measure_errors(real_m))}')
    print(f'simulated {describe(measure_errors(simulated_m))}')
    write_picture(out, draw_comparison(real_m, simulated_m))


def _read_surroundings(args: argparse.Namespace) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Reads the backgrounds and the panoramas that were named."""
    return _read_pictures(args.backgrounds, PICTURES), _read_pictures(args.panoramas, PANORAMAS)


def _renderer(
    args: argparse.Namespace, backgrounds: list[NDArray[Any]], panoramas: list[NDArray[Any]]
) -> HandRenderer:
    device = torch_device(args.device)
    return HandRenderer(args.assets, device, backgrounds=backgrounds, panoramas=panoramas)


def _digest(*pictures: list[NDArray[Any]]) -> str:
    """Stands for lists of pictures in the recipe of a set that was made with them."""
    digest = hashlib.sha256()
    for group in pictures:
        for picture in group:
            digest.update(f'{picture.shape} {picture.dtype}'.encode())
            digest.update(picture.tobytes())
        digest.update(b'end')
    return digest.hexdigest()[:16]


def _read_pictures(folder: Path | None, suffixes: tuple[str, ...]) -> list[NDArray[Any]]:
    """Reads all (h, w, 3) RGB pictures of a folder, in the order of their names."""
    if folder is None:
        return []
    paths = sorted(path for path in folder.rglob('*') if path.suffix.lower() in suffixes)
    if not paths:
        raise FileNotFoundError(f'no {" or ".join(suffixes)} below {folder}')
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR
    return [np.ascontiguousarray(read_picture(path, flags)[..., ::-1]) for path in paths]
