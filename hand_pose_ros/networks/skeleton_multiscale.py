"""Skeleton-aware multi-scale heatmaps: the skeleton of a hand first, then its keypoints.

I. Kourbane, Y. Genc, "Skeleton-aware multi-scale heatmap regression for 2D hand pose estimation",
2021. Two networks. The first (section II) is the U-Net of Ronneberger et al. 2015, which draws the
skeleton of a hand into a picture of S x S pixels; the `full` plan:

    stage  layers                                          out
    d0     two convolutions                                64   x S
    d1..4  max pool, two convolutions                      128 x S/2 ... 1024 x S/16
    u3..0  transposed convolution, skip, two convolutions  512 x S/8 ... 64 x S
    head   1x1, sigmoid                                    1    x S

The second (section III) reads keypoints from the picture and its skeleton, S = 128:

    stage  layers                                          out           heatmaps, weight
    stem   3x3 on R, G, B, skeleton                        64  x 128
    d1     residual block, stride 2; residual block        128 x 64      21 x 64    1/2
    d2     residual block, stride 2; residual block        256 x 32      21 x 32    1/4
    u1     residual block, transposed; residual block      128 x 64      21 x 64    1/2
    u2     residual block, transposed; residual block      64  x 128     21 x 128   1
    final  3x3 transposed convolution, stride 1                          21 x 128   1

Every output is a sigmoid, and all five are supervised. The paper gives no channel counts and no
stem; weights for three sizes and five outputs leave no place for a stem with a stride. Its
ablations are plans: without the skeleton, and with the final output alone (the paper compares with
a U-Net there; here only the supervision changes). `slim` is ours, for CPUs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from hand_pose_ros.networks.srhandnet import ResidualBlock, normalise
from hand_pose_ros.skeleton import NUM_KEYPOINTS

STRIDES = (2, 4, 2, 1, 1)
"""Input pixels per cell of the heatmaps of d1, d2, u1, u2 and the final layer."""

FIRST_LOGIT = -4.0
"""Maps are nearly empty: sigmoids that start at a half would only unlearn that at first."""


@dataclass(frozen=True)
class UNetPlan:
    """Sizes of the network that draws skeletons.

    Attributes:
        channels: Channels at S, S/2, S/4, S/8 and S/16.
        input_size: Side of the square the full frame is letterboxed to, pixels.
    """

    channels: tuple[int, int, int, int, int]
    input_size: int = 256


UNET_PLANS: dict[str, UNetPlan] = {
    'full': UNetPlan((64, 128, 256, 512, 1024)),
    # The wide maps of the first levels cost most and carry least.
    'slim': UNetPlan((8, 16, 32, 64, 128), input_size=192),
}


@dataclass(frozen=True)
class MultiScalePlan:
    """Sizes of the network that reads keypoints.

    Attributes:
        stem: Channels at S.
        blocks: Channels at S/2 and S/4.
        depth: Residual blocks in each of d1, d2, u1, u2.
        dilations: Of further residual blocks in d2; the paper has none.
        uses_skeleton: The skeleton is looked at; else it is blanked.
        multi_scale: All five outputs are supervised and averaged; else there is only the last.
        input_size: Side of the crop, pixels.
    """

    stem: int
    blocks: tuple[int, int]
    depth: int
    dilations: tuple[int, ...] = ()
    uses_skeleton: bool = True
    multi_scale: bool = True
    input_size: int = 128


FULL = MultiScalePlan(64, (128, 256), 2)
# So short a network would tell fingers by the third of a hand that is near.
SLIM = MultiScalePlan(16, (32, 64), 1, dilations=(2, 4), input_size=96)
MULTISCALE_PLANS: dict[str, MultiScalePlan] = {
    'full': FULL,
    'full_no_skeleton': replace(FULL, uses_skeleton=False),
    'full_single_scale': replace(FULL, multi_scale=False),
    'slim': SLIM,
    'slim_no_skeleton': replace(SLIM, uses_skeleton=False),
    'slim_single_scale': replace(SLIM, multi_scale=False),
}


def _two_convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (channels_in, channels_out):
        layers += [
            nn.Conv2d(before, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class SkeletonUNet(nn.Module):
    """The network that draws skeletons, of one plan."""

    def __init__(self, plan: UNetPlan) -> None:
        super().__init__()
        channels = plan.channels
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(_two_convolutions(a, b) for a, b in pairwise((3, *channels)))
        steps = list(pairwise(channels[::-1]))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in steps)
        self.up = nn.ModuleList(_two_convolutions(2 * b, b) for _, b in steps)
        self.head = _logits(nn.Conv2d(channels[0], 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Draws skeletons.

        Args:
            image: (N, 3, H, W) float32, channels R, G, B, (value - 128) / 256; H and W are
                multiples of 16.

        Returns:
            (N, H, W) float32 in 0..1.
        """
        skips: list[Tensor] = []
        x = image
        for level, down in enumerate(self.down):
            x = down(self.pool(x) if level else x)
            skips.append(x)  # (N, channels[level], H / 2 ** level, W / 2 ** level)
        for skip, rise, up in zip(skips[-2::-1], self.rise, self.up, strict=True):
            x = up(torch.cat((skip, rise(x)), 1))
        return (torch.sigmoid(self.head(x)[:, 0].float()),)

    def predict(self, image: Tensor) -> Tensor:
        """Draws skeletons into pictures as a camera gives them.

        Args:
            image: (N, H, W, 3) uint8, channels R, G, B; H and W are multiples of 16.

        Returns:
            (N, H, W) float32 in 0..1.
        """
        (skeleton,) = self(normalise(image))
        return skeleton


class ResidualDown(nn.Module):
    """A residual block that halves height and width."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, channels_in, H, W) to (N, channels_out, H / 2, W / 2)."""
        return self.relu(self.body(x) + self.shortcut(x))


class ResidualUp(nn.Module):
    """A residual block that doubles height and width."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = nn.ConvTranspose2d(channels_in, channels_out, 2, stride=2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, channels_in, H, W) to (N, channels_out, 2 H, 2 W)."""
        return self.relu(self.body(x) + self.shortcut(x))


def _stage(first: nn.Module, channels: int, dilations: Sequence[int]) -> nn.Sequential:
    return nn.Sequential(first, *(ResidualBlock(channels, channels, each) for each in dilations))


def _logits(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    nn.init.constant_(layer.get_parameter('bias'), FIRST_LOGIT)
    return layer


class SkeletonMultiScale(nn.Module):
    """The network that reads keypoints, of one plan."""

    def __init__(self, plan: MultiScalePlan) -> None:
        super().__init__()
        c0, (c1, c2), depth = plan.stem, plan.blocks, plan.depth
        self.uses_skeleton = plan.uses_skeleton
        self.stem = nn.Sequential(
            nn.Conv2d(4, c0, 3, padding=1, bias=False),
            nn.BatchNorm2d(c0),
            nn.ReLU(inplace=True),
        )
        same = (1,) * (depth - 1)
        self.d1 = _stage(ResidualDown(c0, c1), c1, same)
        self.d2 = _stage(ResidualDown(c1, c2), c2, (*same, *plan.dilations))
        self.u1 = _stage(ResidualUp(c2, c1), c1, same)
        self.u2 = _stage(ResidualUp(c1, c0), c0, same)
        inner = (c1, c2, c1, c0) if plan.multi_scale else ()
        self.heads = nn.ModuleList(_logits(nn.Conv2d(c, NUM_KEYPOINTS, 1)) for c in inner)
        self.final = _logits(nn.ConvTranspose2d(c0, NUM_KEYPOINTS, 3, padding=1))

    def forward(self, image: Tensor, skeleton: Tensor) -> tuple[Tensor, ...]:
        """Predicts the heatmaps of all outputs.

        Args:
            image: (N, 3, S, S) float32, channels R, G, B, (value - 128) / 256.
            skeleton: (N, S, S) float32 in 0..1, what SkeletonUNet draws into the same picture.

        Returns:
            Five tensors (N, 21, S/t, S/t) float32 in 0..1 for the strides t of `STRIDES`; only
            the last of them where the plan is of a single scale.
        """
        if not self.uses_skeleton:
            skeleton = torch.zeros_like(skeleton)
        x = self.stem(torch.cat((image, skeleton[:, None]), 1))
        stages = []
        for stage in (self.d1, self.d2, self.u1, self.u2):
            x = stage(x)
            stages.append(x)
        logits = [head(each) for head, each in zip(self.heads, stages, strict=False)]
        logits.append(self.final(x))
        return tuple(torch.sigmoid(each.float()) for each in logits)

    def predict(self, image: Tensor, skeleton: Tensor) -> Tensor:
        """Averages the heatmaps of all outputs, weighted as in training (section III).

        Args:
            image: (N, S, S, 3) uint8, channels R, G, B.
            skeleton: (N, S, S) float32 in 0..1.

        Returns:
            (N, 21, S, S) float32 in 0..1.
        """
        outputs = self(normalise(image), skeleton)
        strides = STRIDES[-len(outputs) :]
        weighted = [enlarge(maps, t) / t for maps, t in zip(outputs, strides, strict=True)]
        return torch.stack(weighted).sum(dim=0) / sum(1 / t for t in strides)


def enlarge(maps: Tensor, stride: int) -> Tensor:
    """Interpolates maps to network pixels.

    Cell c lies at pixel stride * c (codecs/heatmap.py), which no interpolation of whole maps has
    for a convention: a last cell, repeated, makes the first and the last pixel ends of one.

    Args:
        maps: (N, C, h, w).
        stride: Network pixels per cell.

    Returns:
        (N, C, stride * h, stride * w).
    """
    if stride == 1:
        return maps
    height, width = (stride * side for side in maps.shape[2:])
    padded = nn.functional.pad(maps, (0, 1, 0, 1), mode='replicate')
    larger = nn.functional.interpolate(
        padded, (height + 1, width + 1), mode='bilinear', align_corners=True
    )
    return larger[:, :, :height, :width]
