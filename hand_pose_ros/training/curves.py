"""The plot of a training run."""

import csv
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot


def plot_curves(log: Path, out: Path) -> None:
    """Draws loss and validation PCK over pictures seen.

    Args:
        log: CSV written by the training loop.
        out: PNG to write.
    """
    with log.open() as file:
        rows = list(csv.DictReader(file))
    images = [int(row['images']) / 1000 for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    left.semilogy(images, [float(row['loss']) for row in rows])
    left.set(xlabel='thousand pictures seen', ylabel='training loss')
    right.plot(images, [float(row['pck']) for row in rows], label='two passes')
    right.plot(images, [float(row['pck_first_pass']) for row in rows], label='first pass only')
    right.set(xlabel='thousand pictures seen', ylabel='PCK@0.2, held-out groups', ylim=(0, 1))
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, dpi=100)
    pyplot.close(figure)
