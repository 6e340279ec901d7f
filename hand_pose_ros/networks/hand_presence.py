"""Hand presence: is there a hand in this region?

Not one of the five papers. SRHandNet's heatmaps tell where keypoints are, if there is a hand; a
small network from random weights knows little of all that is no hand. This one asks nothing else,
starts from what ImageNet taught (M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks", ICML 2019, in the Lite form of Google 2020: ReLU6, no squeeze and
excitation), and judges each region that SRHandNet has found. MediaPipe Hands has such a score.
For S x S pixels and the `lite0` plan (S = 96):

    stage   layers                                                 out
    stem    3x3 stride 2                                           32  x S/2
    e1      inverted residual blocks, 3x3                          24  x S/4
    e2      the same, 5x5                                          40  x S/8
    e3      the same, 3x3 and 5x5                                  112 x S/16
    e4      the same, 5x5                                          192 x S/32
    head    mean over all cells, linear                            1

EfficientNet's last block and its classifier are left out. It pads a stride of 2 to one side and
this one to both, which moves all maps alike by a part of a cell.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from hand_pose_ros.networks.inverted_residual import InvertedResidual, convolution
from hand_pose_ros.networks.srhandnet import normalise

FEATURES = 192
"""Channels of the last stage."""

DROPPED = 0.2
"""Share of them that training hides from the head."""


@dataclass(frozen=True)
class Plan:
    """Sizes of the network.

    Attributes:
        input_size: Side of the crop, pixels; a multiple of 32.
    """

    input_size: int


PLANS: dict[str, Plan] = {'lite0': Plan(96)}


def _stage(*blocks: tuple[int, int, int, int, int, int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels_in, channels_out, expansion, stride, size, count in blocks:
        layers.append(InvertedResidual(channels_in, channels_out, expansion, stride, size))
        layers.extend(
            InvertedResidual(channels_out, channels_out, expansion, 1, size)
            for _ in range(count - 1)
        )
    return nn.Sequential(*layers)


class EfficientNetLite0(nn.Module):
    """The trunk; its stem, e1 and all statistics of its normalisation stay as they are loaded.

    Early filters are the same for all pictures, and ImageNet has better statistics than a batch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 32, 3, 2), nn.ReLU6(inplace=True))
        self.e1 = _stage((32, 16, 1, 1, 3, 1), (16, 24, 6, 2, 3, 2))
        self.e2 = _stage((24, 40, 6, 2, 5, 2))
        self.e3 = _stage((40, 80, 6, 2, 3, 3), (80, 112, 6, 1, 5, 3))
        self.e4 = _stage((112, FEATURES, 6, 2, 5, 4))
        self.stem.requires_grad_(False)
        self.e1.requires_grad_(False)

    def train(self, mode: bool = True) -> 'EfficientNetLite0':
        """Switches to training, but for the normalisation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image: Tensor) -> Tensor:
        """Maps (N, 3, H, W) to (N, 192, H/32, W/32)."""
        return self.e4(self.e3(self.e2(self.e1(self.stem(image)))))


class HandPresence(nn.Module):
    """The network of one plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.trunk = EfficientNetLite0()
        self.head = nn.Sequential(nn.Dropout(DROPPED), nn.Linear(FEATURES, 1))

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Judges regions.

        Args:
            image: (N, 3, S, S) float32, channels R, G, B, (value - 128) / 256.

        Returns:
            (N,) logits of a hand.
        """
        return (self.head(self.trunk(image).mean(dim=(2, 3)))[:, 0],)

    def predict(self, image: Tensor) -> Tensor:
        """Judges regions as a camera gives them.

        Args:
            image: (N, S, S, 3) uint8, channels R, G, B.

        Returns:
            (N,) float32 how sure there is a hand, 0..1.
        """
        return self(normalise(image))[0].sigmoid()
