"""`hand-pose benchmark --networks`: every network in every runtime, precision and batch size."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hand_pose_ros.cli.build_engine import open_engine
from hand_pose_ros.evaluation.network_benchmark import Row, measure_limits, measure_network
from hand_pose_ros.pipeline.config import ModelConfig
from hand_pose_ros.pipeline.networks import engine_options
from hand_pose_ros.runtimes.base import Runtime
from hand_pose_ros.runtimes.engine_gpu import find_gpu
from hand_pose_ros.runtimes.engine_options import EngineError
from hand_pose_ros.runtimes.engine_precision import is_quantised
from hand_pose_ros.runtimes.open import find_model, open_runtime
from hand_pose_ros.runtimes.tensorrt_opening import find_tools

KINDS = (
    ('tensorrt', 'fp16'),
    ('tensorrt', 'fp32'),
    ('tensorrt', 'int8'),
    ('onnx_cuda', 'fp32'),
    ('torch', 'fp32'),
    ('onnx', 'fp32'),
)
"""Runtimes and precisions, in the order of the table."""

LAYOUT = '{:24} {:10} {:9} {:>12} {:>5} {:>9} {:>9} {:>9} {:>6} {:>6} {:>7}'
HEAD = (
    *('model', 'runtime', 'precision', 'input', 'batch', 'median ms', 'p95 ms', 'per s'),
    *('MAC/s', 'B/s', 'GPU MB'),
)


def measure_networks(
    models: Sequence[str], settings: ModelConfig, count: int, plot: Path
) -> dict[str, Any]:
    """Measures, prints a table, and draws it.

    Args:
        models: Names of models, as for `find_model`.
        settings: Threads, and how engines are built.
        count: Timed runs of each batch.
        plot: The picture to write.

    Returns:
        Limits of this processor and all rows, as JSON's types.
    """
    limits = measure_limits()
    print(f'this processor: {limits.gmac_per_s:.0f} GMAC/s, {limits.gb_per_s:.1f} GB/s, measured;')
    print(
        'MAC/s and B/s are the shares of these that a network on it reaches; more than 100% means'
    )
    print('that other programs ran meanwhile')
    print(LAYOUT.format(*HEAD))
    rows: list[Row] = []
    names: list[str] = []
    for model in models:
        path = find_model(model)
        for kind, precision in KINDS:
            before_mb = _gpu_used_mb()
            try:
                runtime = _open(path, kind, precision, settings)
            except (ValueError, ImportError) as error:
                print(f'{path.stem} in {kind} {precision} is left out: {error}')
                continue
            used_mb = _gpu_used_mb()
            gpu_mb = None if used_mb is None or before_mb is None else used_mb - before_mb
            own = limits if kind == 'onnx' or not _has_gpu() else None
            batch = settings.engine_max_regions
            shown = 'int8' if is_quantised(path) else precision
            for row in measure_network(path, runtime, shown, batch, count, own, gpu_mb):
                print(_line(kind, row))
                rows.append(row)
                names.append(f'{kind} {shown}')
            close: Callable[[], None] = getattr(runtime, 'close', lambda: None)
            close()
    _draw(rows, names, plot)
    return {'limits': asdict(limits), 'rows': [asdict(row) for row in rows]}


def _open(path: Path, kind: str, precision: str, settings: ModelConfig) -> Runtime:
    if kind != 'tensorrt':
        return open_runtime(str(path), kind, settings.threads)[0]
    try:
        tools = find_tools()
    except EngineError as error:
        raise ValueError(str(error)) from error
    return open_engine(tools, path, engine_options(replace(settings, engine_precision=precision)))


def _has_gpu() -> bool:
    try:
        find_gpu()
    except EngineError:
        return False
    return True


def _gpu_used_mb() -> float | None:
    try:
        cudart = find_tools().cudart
    except EngineError:
        return None
    status, free, total = cudart.cudaMemGetInfo()
    return (total - free) / 2**20 if int(status) == 0 else None


def _line(kind: str, row: Row) -> str:
    shares = [f'{share:.0%}' if share else '-' for share in (row.gmac_share, row.gb_share)]
    gpu = '-' if row.gpu_mb is None else f'{row.gpu_mb:.0f}'
    times = (f'{row.timing.median_ms:.2f}', f'{row.timing.p95_ms:.2f}', f'{row.per_s:.1f}')
    return LAYOUT.format(
        row.model, kind, row.precision, row.shapes, row.batch, *times, *shares, gpu
    )


def _draw(rows: Sequence[Row], names: Sequence[str], path: Path) -> None:
    """Draws throughput over the batch size, a panel for each model and shape of its input."""
    try:
        # Only training's machines need it otherwise.
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        print('no plot: pip install matplotlib')
        return
    panels = list(dict.fromkeys((row.model, row.shapes) for row in rows))
    figure = Figure(figsize=(4 * max(len(panels), 1), 4), layout='constrained')
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), index + 1, title='\n'.join(panel))
        for name in dict.fromkeys(names):
            pairs = zip(rows, names, strict=True)
            found = [r for r, n in pairs if n == name and (r.model, r.shapes) == panel]
            if found:
                x, y = [row.batch for row in found], [row.per_s for row in found]
                axes.plot(x, y, marker='o', label=name)
        batches = sorted({row.batch for row in rows if (row.model, row.shapes) == panel})
        axes.set(xlabel='batch', xticks=batches, ylabel='per second', ylim=(0, None))
        axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
