"""MobileNetV2 keypoints: the heatmaps of one hand, for machines without a large GPU.

F. Gouidis, P. Panteleris, I. Oikonomidis, A. Argyros, "Accurate Hand Keypoint Localization on
Mobile Devices", MVA 2019. For an input of S x S pixels and the `full` plan (S = 224; the paper's
telephones run 112, `full_112`):

    stage   layers                                                 out
    stem    3x3 stride 2                                           32   x S/2
    b1      inverted residual block                                16   x S/2
    b2-3    inverted residual blocks, expansion 6, stride 2        24   x S/4
    b4-6    the same                                               32   x S/8
    b7-10   the same                                               64   x S/16
    b11-13  the same, stride 1                                     96   x S/16
    b14-16  the same, stride 1 in place of MobileNetV2's 2         160  x S/16
    b17     the same, stride 1                                     320  x S/16
    wide    1x1 512, depthwise 3x3, 1x1  +  1x1; leaky ReLU        1024 x S/16
    narrow  1x1 256, depthwise 3x3, 1x1                            256  x S/16
    rise    two 4x4 transposed convolutions, stride 2              128  x S/4
    head    depthwise 3x3, 1x1                                     22   x S/4

The order of the decoder's layers is that of the authors' figure (FORTH-ModelBasedTracker/
MonocularRGB_2D_Handjoints_MVA19); its channels are VNect's, whose decoder the paper adapts. That
is 3.96 M parameters and 1.04 G multiply-adds at 224: no plan of this shape has the stated 7.98 M,
and 16.3 MFLOPs is what a profiler says of a graph without a size. The paper starts from ImageNet;
here every weight starts at random. `slim` is ours: half the channels, for CPUs.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from hand_pose_ros.networks.inverted_residual import InvertedResidual, convolution, depthwise
from hand_pose_ros.networks.srhandnet import normalise
from hand_pose_ros.skeleton import NUM_KEYPOINTS

NUM_MAPS = NUM_KEYPOINTS + 1
"""21 keypoints and the background."""

STRIDE = 4
"""Input pixels per cell of the maps."""

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
"""Expansion, channels, blocks and first stride of blocks 1 to 13 of MobileNetV2 (its table 2)."""

LAST_STAGES = ((6, 160, 3, 1), (6, 320, 1, 1))
"""The same of blocks 14 to 17; block 14 keeps the resolution here."""

LEAK = 0.3
"""Slope of the leaky ReLU below zero: the default of Keras, which the authors used."""


@dataclass(frozen=True)
class Plan:
    """Sizes of the network.

    Attributes:
        width: Factor on the channels of MobileNetV2, which stay multiples of 8.
        wide: Channels within and after the first part of the decoder.
        narrow: Channels after its second part.
        rise: Channels after each transposed convolution.
        input_size: Side of the crop, pixels; a multiple of 16.
    """

    width: float
    wide: tuple[int, int]
    narrow: int
    rise: int
    input_size: int


PLANS: dict[str, Plan] = {
    'full': Plan(1.0, (512, 1024), 256, 128, 224),
    'full_112': Plan(1.0, (512, 1024), 256, 128, 112),
    'slim': Plan(0.5, (256, 512), 128, 64, 112),
}


def _rise(channels_in: int, channels_out: int) -> nn.Module:
    layer = nn.ConvTranspose2d(channels_in, channels_out, 4, 2, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(channels_out), nn.ReLU6(inplace=True))


def _encoder(width: float) -> tuple[nn.Module, int]:
    channels = _scaled(32, width)
    layers: list[nn.Module] = [convolution(3, channels, 3, 2), nn.ReLU6(inplace=True)]
    for expansion, full, blocks, first_stride in (*STAGES, *LAST_STAGES):
        after = _scaled(full, width)
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            layers.append(InvertedResidual(channels, after, expansion, stride))
            channels = after
    return nn.Sequential(*layers), channels


def _scaled(channels: int, width: float) -> int:
    return max(round(channels * width / 8) * 8, 8)


class MobileKeypoints(nn.Module):
    """The network of one plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        inner, wide = plan.wide
        self.encoder, channels = _encoder(plan.width)
        self.wide = nn.Sequential(
            convolution(channels, inner),
            nn.ReLU6(inplace=True),
            depthwise(inner),
            convolution(inner, wide),
        )
        self.beside = convolution(channels, wide)
        self.leaky = nn.LeakyReLU(LEAK, inplace=True)
        self.narrow = nn.Sequential(
            convolution(wide, plan.narrow),
            nn.ReLU6(inplace=True),
            depthwise(plan.narrow),
            convolution(plan.narrow, plan.narrow),
            nn.ReLU6(inplace=True),
        )
        self.rise = nn.Sequential(_rise(plan.narrow, plan.rise), _rise(plan.rise, plan.rise))
        self.head = nn.Sequential(depthwise(plan.rise), nn.Conv2d(plan.rise, NUM_MAPS, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Predicts the maps.

        Args:
            image: (N, 3, S, S) float32, channels R, G, B, (value - 128) / 256, of a right hand or
                a mirrored left one.

        Returns:
            (N, 22, S/4, S/4): 21 keypoints and the background.
        """
        x = self.encoder(image)  # (N, 320, S/16, S/16)
        x = self.leaky(self.wide(x) + self.beside(x))  # (N, 1024, S/16, S/16)
        return (self.head(self.rise(self.narrow(x))),)

    def predict(self, image: Tensor) -> Tensor:
        """Predicts the maps of pictures as a camera gives them.

        Args:
            image: (N, S, S, 3) uint8, channels R, G, B.

        Returns:
            (N, 22, S/4, S/4) float32.
        """
        return self(normalise(image))[0]
