"""The form in which a network leaves training: bytes in, the last head's maps out."""

import torch
from torch import Tensor, nn


class Deployed(nn.Module):
    """Normalises inside the network, so that no runtime has to know how.

    Attributes:
        net: The trained network; its parameters keep their names behind `net.`.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """Predicts the maps of the last head.

        Args:
            image: (N, H, W, 3) uint8, channels R, G, B.

        Returns:
            (N, C, H/stride, W/stride) float32.
        """
        # SRHandNet section III-C: subtract 128, divide by 256.
        normal = (image.to(torch.float32) - 128.0) / 256.0
        maps: Tensor = self.net(normal.permute(0, 3, 1, 2))[-1]
        return maps
