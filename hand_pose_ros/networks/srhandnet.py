"""SRHandNet: keypoint heatmaps and hand regions from one colour image, at four supervised heads.

Y. Wang, B. Zhang, C. Peng, "SRHandNet: Real-Time 2D Hand Pose Estimation With Simultaneous Region
Localization", IEEE Transactions on Image Processing 29, 2020. For an input of S x S pixels and the
`full` plan (S = 352 in the paper):

    stage  layers                                        out
    stem   7x7 stride 2                                  64  x S/2
    e1     max pool, two residual blocks                 128 x S/4
    e2     max pool, two residual blocks                 256 x S/8
    e3     max pool, two residual blocks                 512 x S/16
    h0     e3                    -> two blocks, 1x1      26  x S/16
    h1     e3, h0                -> two blocks, 1x1      26  x S/16
    h2     e2, h1 doubled        -> two blocks, 1x1      26  x S/8
    h3     e1, h2 doubled        -> two blocks, 1x1      26  x S/4

Only the output maps travel upwards, as the paper says: "the 25-channel output maps are upsampled
and concatenated with the feature maps in the encoder part". Channel counts, the second head at
S/16 and the basic residual blocks follow the authors' released model; they fit the paper's text
and its timing. Channel 25 (left or right hand) is ours. `light` and `nano` are the same network
with fewer channels.
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

NUM_MAPS = 26
"""21 keypoints, background, centre, width, height, side: see codecs/region_map.py."""

STRIDES = (16, 16, 8, 4)
"""Input pixels per cell at each head, coarse to fine."""


@dataclass(frozen=True)
class Plan:
    """Channel counts of one size of the network.

    Attributes:
        stem: Channels after the 7x7 convolution.
        blocks: Channels of e1, e2, e3.
        heads: Channels of the residual blocks in h0, h1, h2, h3.
        input_size: Side of the square the full frame is letterboxed to, pixels.
    """

    stem: int
    blocks: tuple[int, int, int]
    heads: tuple[tuple[int, ...], ...]
    input_size: int


PLANS: dict[str, Plan] = {
    'full': Plan(64, (128, 256, 512), ((256, 128), (256, 128), (256, 128), (128, 128)), 352),
    'light': Plan(32, (64, 128, 256), ((128, 96), (128, 96), (128, 64), (64, 64)), 256),
    # Multiples of 16 fill the vector registers of a CPU; one block a head, for the same reason.
    'nano': Plan(16, (32, 80, 160), ((128,), (128,), (64,), (48,)), 256),
}


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: the basic block of He et al. 2016."""

    def __init__(self, channels_in: int, channels_out: int, dilation: int = 1) -> None:
        super().__init__()
        convolution = partial(
            nn.Conv2d, kernel_size=3, padding=dilation, dilation=dilation, bias=False
        )
        self.conv1 = convolution(channels_in, channels_out)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = convolution(channels_out, channels_out)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = (
            nn.Identity()
            if channels_in == channels_out
            else nn.Conv2d(channels_in, channels_out, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, channels_in, H, W) to (N, channels_out, H, W)."""
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def _head(channels_in: int, channels: tuple[int, ...]) -> nn.Sequential:
    steps = pairwise((channels_in, *channels))
    # Linear at the end: with a ReLU a map that starts below zero would never learn.
    return nn.Sequential(
        *(ResidualBlock(before, after) for before, after in steps),
        nn.Conv2d(channels[-1], NUM_MAPS, 1),
    )


class SRHandNet(nn.Module):
    """The network of one plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        c1, c2, c3 = plan.blocks
        self.stem = nn.Sequential(
            nn.Conv2d(3, plan.stem, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(plan.stem),
            nn.ReLU(inplace=True),
        )
        self.e1 = nn.Sequential(ResidualBlock(plan.stem, c1), ResidualBlock(c1, c1))
        self.e2 = nn.Sequential(ResidualBlock(c1, c2), ResidualBlock(c2, c2))
        self.e3 = nn.Sequential(ResidualBlock(c2, c3), ResidualBlock(c3, c3))
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode='nearest')
        self.h0 = _head(c3, plan.heads[0])
        self.h1 = _head(c3 + NUM_MAPS, plan.heads[1])
        self.h2 = _head(c2 + NUM_MAPS, plan.heads[2])
        self.h3 = _head(c1 + NUM_MAPS, plan.heads[3])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predicts the maps of all heads.

        Args:
            image: (N, 3, H, W) float32, channels R, G, B, (value - 128) / 256; H and W are
                multiples of 16.

        Returns:
            Four tensors (N, 26, H/t, W/t) for the strides t of `STRIDES`; the last is the result.
        """
        e1 = self.e1(self.pool(self.stem(image)))  # (N, c1, H/4, W/4)
        e2 = self.e2(self.pool(e1))  # (N, c2, H/8, W/8)
        e3 = self.e3(self.pool(e2))  # (N, c3, H/16, W/16)
        o0 = self.h0(e3)
        o1 = self.h1(torch.cat((e3, o0), 1))
        o2 = self.h2(torch.cat((e2, self.upsample(o1)), 1))
        o3 = self.h3(torch.cat((e1, self.upsample(o2)), 1))
        return o0, o1, o2, o3

    def predict(self, image: Tensor) -> Tensor:
        """Predicts the maps of the last head from a picture as a camera gives it.

        Args:
            image: (N, H, W, 3) uint8, channels R, G, B; H and W are multiples of 16.

        Returns:
            (N, 26, H/4, W/4) float32.
        """
        maps: Tensor = self(normalise(image))[-1]
        return maps


def normalise(image: Tensor) -> Tensor:
    """Turns (N, H, W, 3) uint8 into the (N, 3, H, W) float32 that the network wants.

    SRHandNet section III-C: subtract 128, divide by 256.
    """
    return ((image.to(torch.float32) - 128.0) / 256.0).permute(0, 3, 1, 2)
