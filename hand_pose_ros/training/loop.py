"""The training loop: one process per core (or one with a GPU), gradients averaged over gloo.

On a CPU, single-threaded processes with averaged gradients are several times faster than one
process with as many threads: the small layers of these networks do not fill a thread pool.
"""

import copy
import csv
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, multiprocessing, nn
from tqdm import tqdm

from hand_pose_ros.data.augment import Augmentation, region_sample, scene_sample
from hand_pose_ros.data.labels import ImageLabel
from hand_pose_ros.data.photos import load_pictures, split_photos
from hand_pose_ros.data.pictures import Picture, load_backgrounds
from hand_pose_ros.networks.srhandnet import PLANS, STRIDES, SRHandNet
from hand_pose_ros.runtimes.base import ModelSpec
from hand_pose_ros.runtimes.torch_runtime import read_module
from hand_pose_ros.training import checkpoint
from hand_pose_ros.training.curves import plot_curves
from hand_pose_ros.training.losses import LOSSES
from hand_pose_ros.training.recipes import Recipe
from hand_pose_ros.training.targets import srhandnet_targets
from hand_pose_ros.training.validation import validation_pck

LOG_COLUMNS = ('step', 'seconds', 'images', 'learning_rate', 'loss', 'pck', 'pck_first_pass')
CLIP_NORM = 5.0
SAVE_SECONDS = 120.0
"""At most this much training is lost with a kill."""
VALIDATION_STEP = 3
"""Neighbouring photos of a sequence are almost alike: every third tells enough."""


@dataclass(frozen=True)
class Job:
    """What every process of a run is told.

    Attributes:
        recipe: What to train and how.
        data: Folder that the recipe's folders are below.
        out: Folder for checkpoint, log and curves.
        device: `cpu` or `cuda`.
        processes: Processes that share the work.
        port: TCP port on this machine where they meet.
        start: An .onnx model whose weights a new run starts from; None starts at random.
    """

    recipe: Recipe
    data: Path
    out: Path
    device: str
    processes: int
    port: int
    start: Path | None = None


@dataclass(frozen=True)
class Material:
    """The pictures of a run.

    Attributes:
        pictures: Labelled pictures to train on, one list per folder of the recipe.
        backgrounds: (H, W, 3) uint8 pictures without hands.
        validation: Path and label of the held-out pictures.
    """

    pictures: list[list[Picture]]
    backgrounds: list[NDArray[np.uint8]]
    validation: list[tuple[Path, ImageLabel]]


def train(job: Job) -> None:
    """Trains until the recipe's steps are done, from the checkpoint in `job.out` if there is one.

    Raises:
        ValueError: The data or the weights to start from do not fit the recipe.
        OSError: Data is missing, or `job.out` cannot be written.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    material = load_material(job.recipe, job.data)
    if job.processes == 1:
        _Worker(0, job, material).run()
    else:
        # Forked processes share the pictures instead of holding them twice.
        multiprocessing.start_processes(
            _run_worker, (job, material), nprocs=job.processes, start_method='fork'
        )


def load_material(recipe: Recipe, data: Path) -> Material:
    """Reads a recipe's pictures into memory.

    Args:
        recipe: Names the folders.
        data: Folder they are below.
    """
    pictures: list[list[Picture]] = []
    validation: list[tuple[Path, ImageLabel]] = []
    for folder in (data / name for name in recipe.photos):
        labels, held_out = split_photos(folder, recipe.held_out_groups)
        pictures.append(load_pictures(folder, labels, recipe.matte_groups))
        validation += [(folder / label.image, label) for label in held_out]
    folders = [data / name for name in recipe.backgrounds]
    return Material(pictures, load_backgrounds(folders, held_out=False), validation)


def _run_worker(rank: int, job: Job, material: Material) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(job.port))
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', rank=rank, world_size=job.processes)
    _Worker(rank, job, material).run()
    distributed.destroy_process_group()


class _Worker:
    """One process of a run."""

    def __init__(self, rank: int, job: Job, material: Material) -> None:
        recipe = job.recipe
        torch.manual_seed(recipe.seed)
        self.rank, self.job, self.recipe, self.material = rank, job, recipe, material
        self.net = SRHandNet(PLANS[recipe.plan]).to(job.device)
        if job.start is not None:
            self.net.load_state_dict(_start_weights(job.start, recipe))
        nn.utils.convert_conv2d_weight_memory_format(self.net, torch.channels_last)
        self.averaged = copy.deepcopy(self.net).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step, self.seconds, self.images, self.best_pck = 0, 0.0, 0, 0.0
        if (job.out / 'checkpoint.pt').exists():
            self._resume()
        self.saved_s = self.seconds

    def run(self) -> None:
        """Trains to the end of the recipe."""
        bar = tqdm(total=self.recipe.steps, initial=self.step, unit='step', disable=self.rank > 0)
        losses: list[float] = []
        while self.step < self.recipe.steps:
            start = time.monotonic()
            losses.append(self._train_step())
            self.step += 1
            self.seconds += time.monotonic() - start
            bar.update()
            if self.step % 20 == 0:
                bar.set_postfix(loss=f'{np.mean(losses[-100:]):.4f}', best=f'{self.best_pck:.3f}')
            if self.step % self.recipe.validate_every == 0 or self.step == self.recipe.steps:
                if self.rank == 0:
                    self._validate(float(np.mean(losses)))
                losses.clear()
            elif self.rank == 0 and self.seconds - self.saved_s > SAVE_SECONDS:
                self._save('checkpoint.pt')
        bar.close()

    def _train_step(self) -> float:
        images, targets = self._batch()
        for group in self.optimiser.param_groups:
            group['lr'] = learning_rate(self.recipe, self.step)
        self.net.train()
        with torch.autocast(self.job.device, torch.bfloat16):
            outputs = self.net(images)
        outputs = [output.float() for output in outputs]
        loss = LOSSES[self.recipe.loss](outputs, targets)
        self.optimiser.zero_grad()
        loss.backward()
        if self.job.processes > 1:
            _average_gradients(self.net, self.job.processes)
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP_NORM)
        self.optimiser.step()
        self._update_average()
        self.images += len(images) * self.job.processes
        return float(loss.detach())

    def _batch(self) -> tuple[Tensor, list[Tensor]]:
        recipe = self.recipe
        # The kind of a step is drawn alike in all processes, the pictures are not.
        shared = np.random.default_rng((recipe.seed, self.step))
        own = np.random.default_rng((recipe.seed, self.step, self.rank + 1))
        if shared.random() < recipe.region_share:
            make, count, size = region_sample, recipe.region_batch, recipe.region_size
        else:
            make, count, size = scene_sample, recipe.scene_batch, recipe.scene_size
        augmentation = Augmentation()
        sources = own.choice(len(recipe.shares), count, p=recipe.shares)
        samples = [
            make(own, self.material.pictures[i], self.material.backgrounds, size, augmentation)
            for i in sources
        ]
        reference = PLANS[recipe.plan].input_size
        targets = srhandnet_targets(samples, STRIDES, recipe.sigmas_cells, reference)
        images = torch.from_numpy(np.stack([sample.image for sample in samples]))
        images = (images.to(self.job.device).permute(0, 3, 1, 2).float() - 128) / 256
        images = images.contiguous(memory_format=torch.channels_last)
        return images, [torch.from_numpy(target).to(self.job.device) for target in targets]

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
        recipe = self.recipe
        photos = self.material.validation[::VALIDATION_STEP]
        pck = validation_pck(self.averaged, model_spec(recipe), photos, self.job.device)
        row = (self.step, round(self.seconds), self.images, learning_rate(recipe, self.step))
        log = self.job.out / 'log.csv'
        is_new = not log.exists()
        with log.open('a', newline='') as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(LOG_COLUMNS)
            writer.writerow([*row, round(loss, 6), round(pck['full'], 4), round(pck['off'], 4)])
        plot_curves(log, self.job.out / 'curves.png')
        is_best = pck['full'] >= self.best_pck
        self.best_pck = max(self.best_pck, pck['full'])
        self._save('checkpoint.pt')
        if is_best:
            self._save('best.pt')

    def _save(self, name: str) -> None:
        state = checkpoint.Checkpoint(
            self.step,
            self.seconds,
            self.images,
            self.net.state_dict(),
            self.averaged.state_dict(),
            self.optimiser.state_dict(),
            self.best_pck,
        )
        checkpoint.save(state, self.job.out / name)
        self.saved_s = self.seconds

    def _resume(self) -> None:
        state = checkpoint.load(self.job.out / 'checkpoint.pt')
        self.step, self.seconds, self.images = state.step, state.seconds, state.images
        self.best_pck = state.best_pck
        self.net.load_state_dict(state.network)
        self.averaged.load_state_dict(state.averaged)
        self.optimiser.load_state_dict(state.optimiser)


def _start_weights(path: Path, recipe: Recipe) -> dict[str, Tensor]:
    module, spec = read_module(path)
    if (spec.network, spec.plan) != (recipe.network, recipe.plan):
        raise ValueError(
            f'{path} holds a {spec.network} {spec.plan}, '
            f'the recipe trains a {recipe.network} {recipe.plan}'
        )
    return module.net.state_dict()


def model_spec(recipe: Recipe) -> ModelSpec:
    """Returns what a model trained by a recipe says of itself."""
    size = PLANS[recipe.plan].input_size
    return ModelSpec(recipe.network, recipe.plan, size, recipe.region_size, size, STRIDES[-1])


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
