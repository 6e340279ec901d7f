"""Inverted residual blocks: what MobileNetV2 and EfficientNet-Lite are made of."""

from torch import Tensor, nn


def convolution(channels_in: int, channels_out: int, size: int = 1, stride: int = 1) -> nn.Module:
    """A convolution and its normalisation."""
    layer = nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(channels_out))


def depthwise(channels: int, stride: int = 1, size: int = 3) -> nn.Module:
    """Filters each channel by itself."""
    layer = nn.Conv2d(channels, channels, size, stride, size // 2, groups=channels, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(channels), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Widens, filters each channel by itself, and narrows again (Sandler et al. 2018)."""

    def __init__(
        self, channels_in: int, channels_out: int, expansion: int, stride: int, size: int = 3
    ) -> None:
        super().__init__()
        hidden = channels_in * expansion
        widen = [convolution(channels_in, hidden), nn.ReLU6(inplace=True)]
        self.body = nn.Sequential(
            *(widen if expansion > 1 else ()),
            depthwise(hidden, stride, size),
            convolution(hidden, channels_out),
        )
        self.has_shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, channels_in, H, W) to (N, channels_out, H / stride, W / stride)."""
        y: Tensor = self.body(x)
        return x + y if self.has_shortcut else y
