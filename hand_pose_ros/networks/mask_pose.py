"""Mask-pose cascaded CNN: the mask of a hand first, then its keypoints in five stages.

Y. Wang, C. Peng, Y. Liu, "Mask-pose Cascaded CNN for 2D Hand Pose Estimation from Single Color
Image", IEEE Transactions on Circuits and Systems for Video Technology 29, 2019. For an input of
S x S pixels and the `full` plan (S = 368):

    stage     layers                                           out
    trunk     VGG-19: 2 x 64, pool, 2 x 128, pool, 4 x 256,    512 x S/8
              pool, 4 x 512, all 3x3
    features  3x3 512, 3x3 512, 3x3 128                        128 x S/8
    mask      1x1 512, 1x1 2                                   2   x S/8
    pose 1    features, mask         -> five 7x7 128, 1x1 128, 22  x S/8
    pose 2-5  features, mask, pose   -> 1x1 22                 22  x S/8

The paper shortens the trunk to "VGG-19 up to conv4_4 to produce 128-channel feature F", as the
network does that it is built on (Simon et al. 2017); the features and the widths here are that
network's. 36.7 M parameters, 103 G multiply-adds at 368. What enters the pose stages is the
softmax of the mask, which is bounded, and the background is one minus the largest map, not the sum
of all maps. `full_no_mask` is the paper's ablation. `slim` is ours, for CPUs: fewer channels and
smaller kernels, with batch norms, which make a network this deep learn from a random start.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.skeleton import NUM_KEYPOINTS

NUM_MAPS = NUM_KEYPOINTS + 1
"""21 keypoints and the background."""

NUM_STAGES = 5

STRIDE = 8
"""Input pixels per cell of the maps and of the mask."""


@dataclass(frozen=True)
class Plan:
    """Sizes of the network.

    Attributes:
        trunk: Channels of each 3x3 convolution of the trunk, a group between pools.
        features: Channels of the three convolutions after it.
        mask: Channels within the mask head; 0 for none.
        pose: Channels of each convolution within a pose stage.
        kernel: Side of these convolutions.
        norm: Each convolution but the last of a head is followed by a batch norm.
        input_size: Side of the crop, pixels; a multiple of 8.
    """

    trunk: tuple[tuple[int, ...], ...]
    features: tuple[int, ...]
    mask: int
    pose: tuple[int, ...]
    kernel: int
    norm: bool
    input_size: int


FULL = Plan(
    trunk=((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4),
    features=(512, 512, 128),
    mask=512,
    pose=(128,) * 5,
    kernel=7,
    norm=False,
    input_size=368,
)
SLIM = Plan(
    trunk=((16,) * 2, (32,) * 2, (48,) * 3, (64,) * 3),
    features=(64, 48),
    mask=64,
    pose=(32,) * 3,
    kernel=5,
    norm=True,
    input_size=128,
)
PLANS: dict[str, Plan] = {
    'full': FULL,
    'full_no_mask': replace(FULL, mask=0),
    'slim': SLIM,
    'slim_no_mask': replace(SLIM, mask=0),
}


def _convolutions(channels: Sequence[int], kernel: int, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layer = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=not norm)
        # Without norms, the signal would die away over thirty layers of the usual start.
        nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        layers += [layer, *([nn.BatchNorm2d(after)] if norm else ()), nn.ReLU(inplace=True)]
    return layers


def _trunk(plan: Plan) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for group in plan.trunk:
        pool = [nn.MaxPool2d(2)] if layers else []
        layers += [*pool, *_convolutions((channels, *group), 3, plan.norm)]
        channels = group[-1]
    return nn.Sequential(*layers, *_convolutions((channels, *plan.features), 3, plan.norm))


def _pose_stage(plan: Plan, channels: int) -> nn.Sequential:
    last = plan.pose[-1]
    return nn.Sequential(
        *_convolutions((channels, *plan.pose), plan.kernel, plan.norm),
        *_convolutions((last, last), 1, plan.norm),
        nn.Conv2d(last, NUM_MAPS, 1),
    )


class MaskPose(nn.Module):
    """The network of one plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        features = plan.features[-1]
        self.trunk = _trunk(plan)
        self.mask: nn.Module | None = None
        if plan.mask:
            head = _convolutions((features, plan.mask), 1, plan.norm)
            self.mask = nn.Sequential(*head, nn.Conv2d(plan.mask, 2, 1))
            features += 2
        later = (features + NUM_MAPS,) * (NUM_STAGES - 1)
        self.stages = nn.ModuleList(_pose_stage(plan, n) for n in (features, *later))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Predicts the mask and the maps of all stages.

        Args:
            image: (N, 3, S, S) float32, channels R, G, B, (value - 128) / 256.

        Returns:
            Logits (N, 2, S/8, S/8) of background and hand, but not without a mask head; then per
            stage (N, 22, S/8, S/8): 21 keypoints and the background. The last is the result.
        """
        features = self.trunk(image)  # (N, 128, S/8, S/8)
        outputs: list[Tensor] = []
        if self.mask is not None:
            outputs.append(self.mask(features))
            features = torch.cat((features, torch.softmax(outputs[0], 1)), 1)  # (N, 130, ...)
        maps = self.stages[0](features)
        outputs.append(maps)
        for stage in list(self.stages)[1:]:
            maps = stage(torch.cat((features, maps), 1))
            outputs.append(maps)
        return tuple(outputs)

    def predict(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts keypoints and mask of pictures as a camera gives them.

        Args:
            image: (N, S, S, 3) uint8, channels R, G, B.

        Returns:
            (N, 22, S/8, S/8) maps of the last stage, and (N, S/8, S/8) how likely each cell is
            hand, 0..1; 0 without a mask head.
        """
        outputs = self(normalise(image))
        maps = outputs[-1]
        if self.mask is None:
            return maps, torch.zeros_like(maps[:, 0])
        return maps, torch.softmax(outputs[0], 1)[:, 1]
