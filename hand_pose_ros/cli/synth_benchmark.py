"""How fast hands are rendered here, and what takes the time: `hand-pose benchmark --synth`."""

import cProfile
import pstats
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import multiprocessing

from hand_pose_ros.data.rendering.render import HandRenderer
from hand_pose_ros.data.rendering.sampling import SceneConfig

MODES = {
    'arm, 1x1': SceneConfig(body=False, supersampling=1, distance_m=(0.2, 0.8)),
    'body, 2x2': SceneConfig(),
    'arm, depth only': SceneConfig(body=False, distance_m=(0.2, 0.8)),
    'body, depth only': SceneConfig(),
}
STAGES = {
    'draw scenes': ('sampling.py', 'sample'),
    'pose and skin': ('bodies.py', 'build_bodies'),
    'rasterise': ('raster.py', 'rasterise'),
    'shadows': ('shadows.py', 'cast_shadows'),
    'shade, with shadows': ('drawing.py', 'shade'),
    'label': ('view.py', 'label_hands'),
    'develop': ('lens.py', 'develop'),
}
"""Function that a stage is the time in; a stage may be inside another."""

BATCH_SIZE = 16
WARM_UP = 1


@dataclass(frozen=True)
class Throughput:
    """What one mode costs.

    Attributes:
        images_per_s: Pictures of 256 x 256 a second, all processes together.
        shares: Share of one process's time in each stage, 0..1.
    """

    images_per_s: float
    shares: dict[str, float]


def measure_modes(
    assets: Path | None, device: str, processes: int, batches: int
) -> Iterator[tuple[str, Throughput]]:
    """Renders batches of pictures in every mode.

    Args:
        assets: Folder of the assets; None takes HAND_POSE_ASSETS.
        device: `cpu` or `cuda`.
        processes: CPU processes that render side by side, one thread each; 1 on a GPU.
        batches: Batches that each process renders.

    Yields:
        Name of the mode and what it costs.
    """
    renderer = HandRenderer(assets, device)
    # One thread each, before the first is started: what is forked could not use the others.
    torch.set_num_threads(1)
    for mode, config in MODES.items():
        shaded = 'depth' not in mode
        _render(renderer, config, shaded, WARM_UP)
        profile = cProfile.Profile()
        profile.runcall(_render, renderer, config, shaded, batches)
        start = time.perf_counter()
        if processes > 1:
            multiprocessing.start_processes(
                _render_alone, (renderer, config, shaded, batches), processes, start_method='fork'
            )
        else:
            _render(renderer, config, shaded, batches)
        elapsed_s = time.perf_counter() - start
        yield mode, Throughput(processes * batches * BATCH_SIZE / elapsed_s, _shares(profile))


def _render_alone(
    rank: int, renderer: HandRenderer, config: SceneConfig, shaded: bool, batches: int
) -> None:
    _render(renderer, config, shaded, batches)


def _render(renderer: HandRenderer, config: SceneConfig, shaded: bool, batches: int) -> None:
    render = renderer.render_for(shaded)
    for batch in range(batches):
        result = render(config, range(batch * BATCH_SIZE, (batch + 1) * BATCH_SIZE))
    if result.mask.is_cuda:
        torch.cuda.synchronize()


def _shares(profile: cProfile.Profile) -> dict[str, float]:
    statistics = pstats.Stats(profile)
    total_s = statistics.total_tt  # type: ignore[attr-defined]
    shares: dict[str, float] = {}
    for stage, (file, function) in STAGES.items():
        shares[stage] = sum(
            cumulative_s / total_s
            for (path, _, name), (_, _, _, cumulative_s, _) in statistics.stats.items()  # type: ignore[attr-defined]
            if path.endswith(f'/{file}') and name == function
        )
    return shares
