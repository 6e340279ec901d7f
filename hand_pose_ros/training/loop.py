"""The training loop: one process per core, or a GPU that as many processes make samples for.

On a CPU, single-threaded processes with averaged gradients (over gloo) are several times faster
than one process with as many threads: the small layers of these networks do not fill a thread
pool. With a GPU the same processes make the samples and nothing else, and a step is one batch of
all of them. Either way a step sees the recipe's batch times the number of processes.
"""

import copy
import csv
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException
from tqdm import tqdm

from hand_pose_ros.networks.deployed import build
from hand_pose_ros.training import checkpoint
from hand_pose_ros.training.batches import batches
from hand_pose_ros.training.curves import plot_curves
from hand_pose_ros.training.imagenet import load_trunks
from hand_pose_ros.training.recipes import Recipe
from hand_pose_ros.training.task import Task, step_rngs

LOG_COLUMNS = ('step', 'seconds', 'images', 'learning_rate', 'loss')
"""Of log.csv, before those of the validation."""
CLIP_NORM = 5.0
SAVE_SECONDS = 120.0
"""At most this much training is lost with a kill."""


@dataclass(frozen=True)
class Job:
    """What every process of a run is told.

    Attributes:
        task: What to train and how, with its data loaded.
        out: Folder for checkpoint, log and curves.
        device: `cpu` or `cuda`.
        processes: CPU processes that share the work, or make the samples for a GPU.
        port: TCP port on this machine where they meet.
        start: An .onnx model whose weights a new run starts from; None starts at random, but for
            trunks that come trained on ImageNet.
    """

    task: Task
    out: Path
    device: str
    processes: int
    port: int
    start: Path | None = None

    @property
    def peers(self) -> int:
        """How many processes hold a copy of the network, and average their gradients."""
        return self.processes if self.device == 'cpu' else 1


def train(job: Job) -> None:
    """Trains until the recipe's steps are done, from the checkpoint in `job.out` if there is one.

    Raises:
        ValueError: The weights to start from do not fit the recipe.
        OSError: `job.out` cannot be written.
        RuntimeError: One of several processes has raised one of these, or was killed.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    if job.peers == 1:
        _Worker(0, job).run()
    else:
        # Forked processes share the data in memory instead of holding it twice.
        try:
            multiprocessing.start_processes(
                _run_worker, (job,), nprocs=job.processes, start_method='fork'
            )
        except (ProcessRaisedException, ProcessExitedException) as error:
            # Neither is a RuntimeError.
            raise RuntimeError(_without_frames(str(error))) from error


def _run_worker(rank: int, job: Job) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(job.port))
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', rank=rank, world_size=job.processes)
    _Worker(rank, job).run()
    distributed.destroy_process_group()


class _Worker:
    """One process of a run."""

    def __init__(self, rank: int, job: Job) -> None:
        recipe = job.task.recipe
        torch.manual_seed(recipe.seed)
        self.rank, self.job, self.task, self.recipe = rank, job, job.task, recipe
        self.net = build(recipe.network, recipe.plan).to(job.device)
        if job.start is not None:
            self.net.load_state_dict(checkpoint.weights_of(job.start, recipe))
        elif not (job.out / 'checkpoint.pt').exists():
            load_trunks(self.net)
        nn.utils.convert_conv2d_weight_memory_format(self.net, torch.channels_last)
        self.averaged = copy.deepcopy(self.net).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.is_bf16_fast = is_bf16_fast(job.device)
        self.step, self.seconds, self.images, self.best_score = 0, 0.0, 0, -math.inf
        if (job.out / 'checkpoint.pt').exists():
            self._resume()
        self.saved_s = self.seconds

    def run(self) -> None:
        """Trains to the end of the recipe."""
        bar = tqdm(total=self.recipe.steps, initial=self.step, unit='step', disable=self.rank > 0)
        losses: list[float] = []
        if self.job.device == 'cpu':
            ranks, workers = range(self.rank, self.rank + 1), 0
        else:
            ranks, workers = range(self.job.processes), self.job.processes
        left = range(self.step, self.recipe.steps)
        start = time.monotonic()
        for inputs, targets in batches(self.task, left, ranks, workers):
            losses.append(self._train_step(inputs, targets))
            self.step += 1
            self.seconds += time.monotonic() - start
            bar.update()
            if self.step % 20 == 0:
                bar.set_postfix(
                    loss=f'{np.mean(losses[-100:]):.4f}', best=f'{self.best_score:.3f}'
                )
            if self.step % self.recipe.validate_every == 0 or self.step == self.recipe.steps:
                if self.rank == 0:
                    self._validate(float(np.mean(losses)))
                losses.clear()
            elif self.rank == 0 and self.seconds - self.saved_s > SAVE_SECONDS:
                self._save('checkpoint.pt')
            start = time.monotonic()
        bar.close()

    def _train_step(self, inputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        for group in self.optimiser.param_groups:
            group['lr'] = learning_rate(self.recipe, self.step)
        # What a layer drops differs by step and process, and is the same after a resume.
        _, own = step_rngs(self.recipe.seed, self.step, self.rank)
        torch.manual_seed(int(own.integers(2**63)))
        self.net.train()
        with torch.autocast(self.job.device, torch.bfloat16, enabled=self.is_bf16_fast):
            outputs = self.net(*(self._moved(tensor) for tensor in inputs))
        outputs = [output.float() for output in outputs]
        loss = self.task.loss(outputs, [target.to(self.job.device) for target in targets])
        self.optimiser.zero_grad()
        loss.backward()
        if self.job.peers > 1:
            _average_gradients(self.net, self.job.peers)
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP_NORM)
        self.optimiser.step()
        self._update_average()
        self.images += len(inputs[0]) * self.job.peers
        return float(loss.detach())

    def _moved(self, tensor: Tensor) -> Tensor:
        tensor = tensor.to(self.job.device)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at first, or the random start would linger.
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
        states = zip(
            self.averaged.state_dict().values(), self.net.state_dict().values(), strict=True
        )
        for mean, value in states:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def _validate(self, loss: float) -> None:
        values = self.task.validate(self.averaged, self.job.device)
        rate = learning_rate(self.recipe, self.step)
        row = (self.step, round(self.seconds), self.images, rate, round(loss, 6))
        log = self.job.out / 'log.csv'
        is_new = not log.exists()
        with log.open('a', newline='') as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow([*LOG_COLUMNS, *values])
            writer.writerow([*row, *(round(value, 4) for value in values.values())])
        plot_curves(log, self.job.out / 'curves.png')
        score = next(iter(values.values()))
        is_best = score >= self.best_score
        self.best_score = max(self.best_score, score)
        # First, or a run that is killed in between would take an older one for the best.
        if is_best:
            self._save('best.pt')
        self._save('checkpoint.pt')

    def _save(self, name: str) -> None:
        state = checkpoint.Checkpoint(
            self.step,
            self.seconds,
            self.images,
            self.net.state_dict(),
            self.averaged.state_dict(),
            self.optimiser.state_dict(),
            self.best_score,
        )
        checkpoint.save(state, self.job.out / name)
        self.saved_s = self.seconds

    def _resume(self) -> None:
        state = checkpoint.load(self.job.out / 'checkpoint.pt')
        self.step, self.seconds, self.images = state.step, state.seconds, state.images
        self.best_score = state.best_score
        self.net.load_state_dict(state.network)
        self.averaged.load_state_dict(state.averaged)
        self.optimiser.load_state_dict(state.optimiser)


def _without_frames(trace: str) -> str:
    """Returns what a traceback says after its last frame: what was raised."""
    lines = trace.strip().splitlines()
    frames = [i for i, line in enumerate(lines) if line.startswith('  File ')]
    after = lines[frames[-1] + 1 :] if frames else lines
    return '\n'.join(line for line in after if not line.startswith('    '))


def is_bf16_fast(device: str) -> bool:
    """Tells whether bfloat16 is faster than float32 on `cpu` or `cuda`.

    A CPU without AVX-512 has no bfloat16 convolution of oneDNN's: PyTorch's own loops take eleven
    times as long as float32 (AMD EPYC of Zen 3, SRHandNet nano, forward and backward).
    """
    return device != 'cpu' or torch.backends.cpu.get_cpu_capability() == 'AVX512'


def learning_rate(recipe: Recipe, step: int) -> float:
    """Returns the rate of a step: a short rise, a plateau, a cosine fall to zero at the end."""
    rise = min(1.0, (step + 1) / max(recipe.warmup_steps, 1))
    decay_steps = recipe.steps * recipe.decay_share
    into_decay = (step - (recipe.steps - decay_steps)) / max(decay_steps, 1)
    fall = 0.5 * (1 + math.cos(math.pi * min(max(into_decay, 0.0), 1.0)))
    return recipe.learning_rate * rise * fall


def _average_gradients(net: nn.Module, processes: int) -> None:
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= processes
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()
