"""The plot of a training run."""

import csv
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot


def plot_curves(log: Path, out: Path) -> None:
    """Draws the loss and what validation measured over the samples seen.

    Args:
        log: CSV written by the training loop.
        out: PNG to write.
    """
    with log.open() as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])
    images = [int(row['images']) / 1000 for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    left.semilogy(images, [float(row['loss']) for row in rows])
    left.set(xlabel='thousand samples seen', ylabel='training loss')
    for name in names[names.index('loss') + 1 :]:
        right.plot(images, [float(row[name]) for row in rows], label=name)
    right.set(xlabel='thousand samples seen', ylabel='validation')
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, dpi=100)
    pyplot.close(figure)
