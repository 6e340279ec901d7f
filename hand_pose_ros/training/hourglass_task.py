"""How the local regression hourglass is trained: rendered hands as depth cameras see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.codecs.depth_crop import decode_joints
from hand_pose_ros.data.depth_hands import (
    AS_AT_RUN_TIME,
    DepthHands,
    DepthSample,
    Jitter,
    draw_sample,
    joined,
    load_depth_hands,
)
from hand_pose_ros.data.fresh_renders import FreshRenders, fresh_depth
from hand_pose_ros.networks.local_regression_hourglass import PLANS
from hand_pose_ros.runtimes.base import CROP_NAME, DepthSpec
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.training.losses import JOINT_LOSSES, check_loss, max_out_loss
from hand_pose_ros.training.recipes import Recipe, number
from hand_pose_ros.training.synth_recipes import open_renders
from hand_pose_ros.training.task import loaded, step_rngs

SIDE_WEIGHT = 0.05
"""Of the cross entropy of the side, beside the mean loss of a coordinate."""
VALIDATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class HourglassRecipe(Recipe):
    """A recipe of the local regression hourglass.

    Attributes:
        renders: Folders of rendered depth, as `hand-pose synth` writes them; or recipes of it
            (paths that end in .yaml), rendered while the network trains; each is drawn from as
            often as a folder is on average.
        held_out_share: Share of the pictures of each folder kept for validation.
        batch: Hands per step and process.
        cube_m: Side of the cube around a hand, metres.
        loss: A key of losses.JOINT_LOSSES.
        knee: Error at which smooth L1 turns from a square into a line; 1 is half a cube.
        fine_tune_share: Share of the steps, at the end, that use the max-out loss instead.
    """

    renders: tuple[str, ...]
    held_out_share: float
    batch: int = number(1)
    cube_m: float = number(0.01)
    loss: str
    knee: float = number(0)
    fine_tune_share: float = number(0, 1)


class HourglassTask:
    """See `Task`."""

    def __init__(self, recipe: HourglassRecipe) -> None:
        check_loss(recipe.loss, JOINT_LOSSES)
        if not 0 < recipe.held_out_share < 1:
            # Without validation there would be no best checkpoint.
            raise ValueError(
                f'held_out_share must lie between 0 and 1, got {recipe.held_out_share:g}'
            )
        self.recipe = recipe
        size = PLANS[recipe.plan].input_size
        self.spec = DepthSpec(recipe.network, recipe.plan, size, recipe.cube_m, NUM_KEYPOINTS)
        self._hands = DepthHands([], [])
        self._renders: list[FreshRenders[DepthHands]] = []
        self._held_out: DepthHands | None = None

    def load(self, data: Path) -> None:
        """Reads rendered depth, and renders what to validate on; see `Task.load`."""
        share = self.recipe.held_out_share
        renders = open_renders(self.recipe.renders, fresh_depth)
        folders = [data / name for name in self.recipe.renders if name not in renders]
        self._renders = list(renders.values())
        held_out = [hands for pool in self._renders for hands in pool.held_out(share)]
        if folders:
            self._hands, written = load_depth_hands(folders, share)
            held_out.append(written)
        self._held_out = joined(held_out)

    def batch(self, step: int, rank: int) -> tuple[list[Tensor], list[Tensor]]:
        """Draws hands; the last target says whether the step is one of fine-tuning."""
        recipe = self.recipe
        _, own = step_rngs(recipe.seed, step, rank)
        pools = [pool.at(step, rank) for pool in self._renders]
        samples = []
        for source in own.integers(0, len(recipe.renders), recipe.batch).tolist():
            pool = pools[source] if source < len(pools) else [self._hands]
            hands = pool[own.integers(len(pool))]
            index = int(own.integers(len(hands.hands)))
            samples.append(self._sample(own, hands, index, Jitter()))
        fine_tuning = step >= recipe.steps * (1 - recipe.fine_tune_share)
        joints = torch.from_numpy(np.stack([sample.joints for sample in samples]))
        is_right = torch.tensor([float(sample.is_right) for sample in samples])
        return [_stacked(samples)], [joints, is_right, torch.tensor(float(fine_tuning))]

    def loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Compares joints and side."""
        (joints, side_logit), (wanted, is_right, fine_tuning) = outputs, targets
        regress = max_out_loss if bool(fine_tuning) else JOINT_LOSSES[self.recipe.loss]
        joint_loss = regress(joints, wanted, self.recipe.knee) / wanted[0].numel()
        side_loss = functional.binary_cross_entropy_with_logits(side_logit, is_right)
        return joint_loss + SIDE_WEIGHT * side_loss

    def validate(self, net: nn.Module, device: str) -> dict[str, float]:
        """Measures errors on held-out hands, with centres as wrong as at run time."""
        hands = loaded(self._held_out)
        net.eval()
        errors_m, sides_right = [], []
        for first in range(0, len(hands.hands), VALIDATION_BATCH):
            part = range(first, min(first + VALIDATION_BATCH, len(hands.hands)))
            samples = [
                self._sample(np.random.default_rng(index), hands, index, AS_AT_RUN_TIME)
                for index in part
            ]
            with torch.inference_mode():
                joints, side_logit = net(_stacked(samples).to(device))
            rows = zip(samples, joints.cpu().numpy(), side_logit.tolist(), strict=True)
            for sample, found, logit in rows:
                errors_m.append(_errors_m(found, sample))
                sides_right.append((logit > 0) == sample.is_right)
        errors = np.stack(errors_m)
        return {
            'joints_within_20mm': float((errors < 0.02).mean()),
            'hands_within_20mm': float((errors.max(axis=1) < 0.02).mean()),
            'side_accuracy': float(np.mean(sides_right)),
            'mean_error_cm': float(errors.mean() * 100),
        }

    def examples(self) -> list[dict[str, NDArray]]:
        """Makes crops for batches of one and of three."""
        rng = np.random.default_rng(0)
        size = self.spec.input_size
        return [
            {CROP_NAME: rng.uniform(-1, 1, (count, size, size)).astype(np.float32)}
            for count in (1, 3)
        ]

    def _sample(
        self, rng: np.random.Generator, hands: DepthHands, index: int, jitter: Jitter
    ) -> DepthSample:
        return draw_sample(rng, hands, index, self.recipe.cube_m, self.spec.input_size, jitter)


def _errors_m(found: NDArray[np.float32], sample: DepthSample) -> NDArray[np.float64]:
    """Returns the (21,) errors in metres of what the network says of a sample."""
    found_m = decode_joints(found, sample.view)
    wanted_m = decode_joints(sample.joints, sample.view)
    return np.linalg.norm(found_m - wanted_m, axis=1)


def _stacked(samples: Sequence[DepthSample]) -> Tensor:
    return torch.from_numpy(np.stack([sample.crop for sample in samples]))
