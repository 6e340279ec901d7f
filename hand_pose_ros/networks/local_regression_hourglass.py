"""Local regression hourglass: the joints of a hand from one depth crop.

J. Li, Z. Wang, "Local Regression Based Hourglass Network for Hand Pose Estimation from a Single
Depth Image", ICPR 2018. For a crop of S x S pixels (S = 128) and the `full` plan:

    stage      layers                                              out
    stem       3x3, batch norm, ReLU; max pool                     32 x S/2
    block 1    residual block; max pool                            64 x S/4
    block 2    residual block                                      64 x S/4
    hourglass  third order, residual blocks, S/4 to S/32           64 x S/4
    patches    a grid of 4 x 4 patches, each through a layer       16 x 128
               of its own, ReLU; concatenated                      2048
    final      two fully connected layers                          1024, 3 J

The paper gives the stages and no sizes; those above follow its frame rate and what was usual then.
All patches are regressed by one batched matrix product. A grid of 1 x 1 is one global regression
of as many weights, to compare with (`small_global`). The output (x, y, depth of each joint in the
crop, see codecs/depth_crop.py) and the side of the hand are ours, and so is `small`, for CPUs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hand_pose_ros.networks.srhandnet import ResidualBlock
from hand_pose_ros.skeleton import NUM_KEYPOINTS


@dataclass(frozen=True)
class Plan:
    """Sizes of the network.

    Attributes:
        stem: Channels after the 3x3 convolution.
        channels: Channels after the first residual block, and from there to the patches.
        grid: Patches along each side of the feature map.
        local: Features that each patch is regressed to.
        hidden: Features between the last two fully connected layers.
        input_size: Side of the crop, pixels; a multiple of 32 and of 4 * grid.
    """

    stem: int
    channels: tuple[int, int]
    grid: int
    local: int
    hidden: int
    input_size: int = 128


PLANS: dict[str, Plan] = {
    'full': Plan(32, (64, 64), 4, 128, 1024),
    'small': Plan(16, (32, 48), 4, 64, 512),
    'small_global': Plan(16, (32, 48), 1, 64, 512),
}

HOURGLASS_ORDER = 3


class Hourglass(nn.Module):
    """Residual blocks at ever coarser scales, each scale added to the next finer (Newell 2016)."""

    def __init__(self, order: int, channels: int) -> None:
        super().__init__()
        self.beside = ResidualBlock(channels, channels)
        self.pool = nn.MaxPool2d(2)
        self.down = ResidualBlock(channels, channels)
        self.inner: nn.Module = (
            Hourglass(order - 1, channels) if order > 1 else ResidualBlock(channels, channels)
        )
        self.up = ResidualBlock(channels, channels)
        self.upsample = nn.Upsample(scale_factor=2, mode='nearest')

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape; H and W are multiples of 2 ** order."""
        coarse = self.up(self.inner(self.down(self.pool(x))))
        out: Tensor = self.beside(x) + self.upsample(coarse)
        return out


class PatchRegression(nn.Module):
    """Cuts a feature map into patches and passes each through a linear layer of its own."""

    def __init__(self, grid: int, patch_size: int, channels: int, features: int) -> None:
        super().__init__()
        self.grid, self.patch_size = grid, patch_size
        length = channels * patch_size**2
        bound = length**-0.5  # as nn.Linear starts
        self.weight = nn.Parameter(torch.empty(grid**2, length, features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(grid**2, 1, features))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W), H = W = grid * patch size, to (N, grid * grid * features)."""
        grid, size, channels = self.grid, self.patch_size, x.shape[1]
        patches = x.reshape(-1, channels, grid, size, grid, size)
        patches = patches.permute(2, 4, 0, 1, 3, 5)  # (grid, grid, N, C, size, size)
        patches = patches.reshape(grid**2, -1, channels * size**2)
        local = patches @ self.weight + self.bias  # (grid * grid, N, features)
        return local.transpose(0, 1).flatten(1)


class LocalRegressionHourglass(nn.Module):
    """The network of one plan."""

    def __init__(self, plan: Plan, joints: int = NUM_KEYPOINTS) -> None:
        super().__init__()
        first, channels = plan.channels
        self.joints = joints
        self.stem = nn.Sequential(
            nn.Conv2d(1, plan.stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(plan.stem),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.MaxPool2d(2)
        self.block1 = ResidualBlock(plan.stem, first)
        self.block2 = ResidualBlock(first, channels)
        self.hourglass = Hourglass(HOURGLASS_ORDER, channels)
        patch_size = plan.input_size // 4 // plan.grid
        self.patches = PatchRegression(plan.grid, patch_size, channels, plan.local)
        self.hidden = nn.Linear(plan.grid**2 * plan.local, plan.hidden)
        self.final = nn.Linear(plan.hidden, 3 * joints)
        self.side = nn.Linear(plan.hidden, 1)

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Regresses the joints.

        Args:
            crop: (N, S, S) float32 in -1..1, see codecs/depth_crop.py.

        Returns:
            (N, J, 3) joints: x, y and depth in the crop, -1..1 inside the cube; and (N,) the
            logit of a right hand.
        """
        x = self.pool(self.stem(crop[:, None]))  # (N, stem, S/2, S/2)
        x = self.block2(self.pool(self.block1(x)))  # (N, C, S/4, S/4)
        local = torch.relu(self.patches(self.hourglass(x)))
        hidden = torch.relu(self.hidden(local))
        return self.final(hidden).reshape(-1, self.joints, 3), self.side(hidden)[:, 0]

    def predict(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, with the side as -1 (left) to 1 (right)."""
        joints, logit = self(crop)
        return joints, torch.tanh(logit / 2)
