"""From light to pixels: blur, exposure, white balance, the encoding's curve and noise."""

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.scenes import Lens
from hand_pose_ros.data.rendering.steady import power

SHOULDER = 0.12
_BLUR_TAPS = 4
_MOTION_TAPS = 13
_BANK_SIZE = 1 << 20


class Film:
    """Turns linear light into 8-bit pictures."""

    def __init__(self, device: str = 'cpu') -> None:
        self._noise = Draws([0], device).normal(_BANK_SIZE)[0]

    def develop(self, light: Tensor, lens: Lens, seeds: Tensor, *, sharp: bool = False) -> Tensor:
        """Takes the pictures.

        Args:
            light: (N, 3, H, W) linear light.
            lens: The camera.
            seeds: (N,) int64, of the noise.
            sharp: Leaves out blur and noise.

        Returns:
            (N, H, W, 3) uint8.
        """
        if not sharp:
            light = defocus(light, lens.defocus_px)
        value = light * lens.exposure[..., None, None]
        value = value / (1 + SHOULDER * value)
        value = power(value.clamp(0, 1), 1 / lens.gamma[:, None, None, None])
        if not sharp:
            value = value + lens.noise[:, None, None, None] * self._grain(value, seeds)
        return (value.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def _grain(self, value: Tensor, seeds: Tensor) -> Tensor:
        """Normal numbers from a fixed table, begun at a place that the seed decides."""
        size = value[0].numel()
        start = (seeds * 0x5851F42D4C957F2D >> 24) & (_BANK_SIZE - 1)
        index = (start[:, None] + torch.arange(size, device=value.device)) & (_BANK_SIZE - 1)
        return self._noise.index_select(0, index.flatten()).view_as(value)


def defocus(light: Tensor, sigma_px: Tensor) -> Tensor:
    """Gaussian blur of (N, 3, H, W) with its own width for every picture."""
    offsets = torch.arange(-_BLUR_TAPS, _BLUR_TAPS + 1, device=light.device)
    weights = torch.exp(-0.5 * (offsets / sigma_px.clamp(min=0.05)[:, None]) ** 2)
    weights = weights / weights.sum(1, keepdim=True)
    for dim in (2, 3):
        padded = torch.nn.functional.pad(
            light,
            (0, 0, _BLUR_TAPS, _BLUR_TAPS) if dim == 2 else (_BLUR_TAPS, _BLUR_TAPS, 0, 0),
            mode='replicate',
        )
        length = light.shape[dim]
        light = torch.zeros_like(light)
        for tap in range(len(offsets)):
            light += weights[:, tap, None, None, None] * padded.narrow(dim, tap, length)
    return light


def move(layer: Tensor, motion_px: Tensor) -> Tensor:
    """Smears (N, C, H, W) along each picture's motion, centred on where things are."""
    moving = (motion_px.abs().amax(1) >= 1).nonzero().squeeze(1)
    if len(moving) == 0:
        return layer
    height, width = layer.shape[2:]
    rows = torch.arange(height, device=layer.device)[:, None]
    columns = torch.arange(width, device=layer.device)
    flat = layer.transpose(0, 1).flatten(1)
    total = torch.zeros(len(flat), len(moving) * height * width, device=layer.device)
    for tap in range(_MOTION_TAPS):
        shift = motion_px[moving] * (tap / (_MOTION_TAPS - 1) - 0.5)
        dx, dy = shift.round().long().T[..., None, None]
        y, x = (rows - dy).clamp(0, height - 1), (columns - dx).clamp(0, width - 1)
        place = (moving[:, None, None] * height + y) * width + x
        total += flat.index_select(1, place.flatten())
    moved = (total / _MOTION_TAPS).unflatten(1, (len(moving), height, width)).transpose(0, 1)
    return layer.index_copy(0, moving, moved)
