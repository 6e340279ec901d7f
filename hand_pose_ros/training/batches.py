"""The batches of a run: made where they are used, or ahead of time beside a GPU."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hand_pose_ros.training.task import Task

Batch = tuple[list[Tensor], list[Tensor]]
"""Inputs and targets, see `Task.batch`."""


class _Steps(Dataset[Batch]):
    """The batch of each step, put together from those of some ranks."""

    def __init__(self, task: Task, ranks: range) -> None:
        self._task, self._ranks = task, ranks

    def __getitem__(self, step: int) -> Batch:
        parts = [self._task.batch(step, rank) for rank in self._ranks]
        inputs, targets = zip(*parts, strict=True)
        return _joined(inputs), _joined(targets)


def batches(task: Task, steps: range, ranks: range, workers: int) -> Iterator[Batch]:
    """Yields the batch of each step.

    Args:
        task: With its data loaded.
        steps: Which steps.
        ranks: Whose samples make up a batch, see `Task.batch`.
        workers: Processes that make batches ahead of time, which share the task's data in memory;
            0 to make each one when it is asked for.
    """
    loader = DataLoader(
        _Steps(task, ranks),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        # A step of many ranks is large, and there is one in the making per worker.
        prefetch_factor=1 if workers else None,
        multiprocessing_context='fork' if workers else None,
        pin_memory=workers > 0 and torch.cuda.is_available(),
    )
    yield from loader


def _joined(parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Puts the tensors of all ranks together; what has no batch axis is alike in all of them."""
    return [
        torch.cat(tensors) if tensors[0].ndim else tensors[0]
        for tensors in zip(*parts, strict=True)
    ]
