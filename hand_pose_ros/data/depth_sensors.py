"""What real depth cameras make of a perfect depth map: noise, steps, holes, shadows, smear.

The model follows Barron and Malik (2013, section 4) and Handa et al. (2014, section III-B): jitter
the pixel positions, add noise to the measured depth, quantise it where the sensor does. To that
come the holes of real sensors. All works on whole batches in PyTorch, on any device.

Sources of the numbers, named where they are used:
* Nguyen et al. 2012, Modeling Kinect sensor noise (eq. 2 to 5, figure 3)
* Khoshelham and Elberink 2012, Accuracy and resolution of Kinect depth data (section 4.2)
* Keselman et al. 2017, Intel RealSense stereoscopic depth cameras (sections 3 and 5)
* Grunnet-Jepsen et al., Tuning depth cameras for best performance (Intel white paper)
* Intel, RealSense D400 and SR300 series datasheets; Zabatani et al. 2020, SR300 coded light camera
* Microsoft, Azure Kinect DK hardware specification; Tolgyessy et al. 2021 (noise, flying pixels)
* own: measured on 19 frames of an SR305 that looks at a person at 0.45 to 1.1 m, and set so that
  rendered frames measure the same (`depth_comparison`)
* tuned: against the share of holes in the same frames, 4.9 %; it is 6.8 % in rendered ones, and
  was 12.3 % with the values that fit one measure each ("alone"). Gaps get narrower than the real
* chosen: no source gives a number; set by eye so that edges look as in the sensor's published maps
"""

import functools
import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from hand_pose_ros.data.rendering.draws import Draws

STEEPEST_PIXEL_STEP = 4.0
"""A surface tilted by 76 deg falls so many pixel widths per pixel; more is an edge."""

SKIN_REFLECTANCE = 0.5
"""Near-infrared reflectance of skin and most cloth, where the caller knows no better (chosen)."""


@dataclass(frozen=True)
class DepthSensor:
    """The errors of one depth camera. Pixels are those of its native depth image.

    Attributes:
        near_m: Nearest measured distance.
        far_m: Farthest measured distance.
        baseline_m: Position of the projector or second camera along x; positive is to the right,
            which puts the shadow on the left of objects. 0 for time of flight.
        noise_m: Standard deviation of depth at `noise_origin_m`.
        noise_per_m: Its growth with (z - noise_origin_m) squared, 1/m.
        noise_origin_m: See `noise_m`.
        smoothing_px: Sigma of the smoothing inside surfaces; also the grain of the noise.
        jitter_px: Standard deviation of the lateral error, which makes silhouettes ragged.
        inverse_depth_step: Quantum of 1 / z (1/m) where the sensor measures disparity, or 0.
        depth_step_m: Quantum of the reported depth.
        edge_jump_m: Neighbouring pixels farther apart than this belong to two surfaces.
        edge_hole_px: Width of the unmeasured rim on the far side of such a jump.
        fattening_px: How far near surfaces grow over far ones.
        flying_share: Share of the pixels at a jump that report a depth between both surfaces.
        hole_share: Share of pixels lost in small blobs anywhere.
        min_signal: Weakest usable return, reflectance * cos(incidence) / z^2 in 1/m^2.
    """

    near_m: float
    far_m: float
    baseline_m: float
    noise_m: float
    noise_per_m: float
    noise_origin_m: float
    smoothing_px: float
    jitter_px: float
    inverse_depth_step: float
    depth_step_m: float
    edge_jump_m: float
    edge_hole_px: int
    fattening_px: int
    flying_share: float
    hole_share: float
    min_signal: float


SR305 = DepthSensor(
    near_m=0.2,  # datasheet
    far_m=1.5,  # datasheet
    baseline_m=-0.05,  # own: shadows right of objects, 20 px at 0.40 px/mm, less the rim
    noise_m=0.0,
    noise_per_m=0.20e-3,  # own; grows as z^2: 0.06 mm at 0.45 m, 0.13 at 0.65, 0.21 at 0.85
    noise_origin_m=0.0,
    smoothing_px=1.1,  # own: correlation 0.6 at one pixel, 0.2 at two
    jitter_px=0.5,  # tuned; alone 1.0: silhouettes lie 1.3 px rms off their smoothed course
    inverse_depth_step=0.0,
    depth_step_m=0.000125,  # Zabatani et al., abstract
    edge_jump_m=0.010,  # own: 0.02 % of neighbours differ by more
    edge_hole_px=1,  # tuned; alone 3: gaps on the side without shadow, mostly 5 px
    fattening_px=0,
    flying_share=0.0,  # own: no neighbours differ by more than 20 mm
    hole_share=0.0003,  # chosen
    min_signal=0.30,  # tuned: skin ends at 1.3 m; alone 0.41: skin and cloth end near 1.1 m
)

KINECT_V1 = DepthSensor(
    near_m=0.5,  # Khoshelham and Elberink, section 2
    far_m=5.0,  # Khoshelham and Elberink, section 2
    baseline_m=0.075,  # Khoshelham and Elberink, table 1
    noise_m=0.0012,  # Nguyen et al., eq. 3
    noise_per_m=0.0019,  # Nguyen et al., eq. 3
    noise_origin_m=0.4,  # Nguyen et al., eq. 3
    smoothing_px=2.0,  # chosen: blocks of about 9 x 9 pixels are matched
    jitter_px=0.8,  # Nguyen et al., eq. 2
    inverse_depth_step=2.85e-3,  # Khoshelham and Elberink, section 4.2: 2.85 mm at 1 m, z^2
    depth_step_m=0.001,
    edge_jump_m=0.020,  # chosen
    edge_hole_px=2,  # chosen
    fattening_px=1,  # chosen
    flying_share=0.0,  # chosen: a matched block takes one of both surfaces
    hole_share=0.002,  # chosen
    min_signal=0.032,  # 5 m for a white target
)

REALSENSE_D435 = DepthSensor(
    near_m=0.175,  # datasheet, 640 x 480
    far_m=10.0,  # datasheet
    baseline_m=0.05,  # datasheet; the left camera is the reference
    noise_m=0.0,
    noise_per_m=0.0038,  # white paper: z^2 * 0.08 px / (424 px * 0.05 m)
    noise_origin_m=0.0,
    smoothing_px=2.0,  # Keselman et al., section 3: 7 x 7 census blocks
    jitter_px=0.8,  # chosen
    inverse_depth_step=1.5e-3,  # Intel: disparity in 1/32 px; / (424 px * 0.05 m)
    depth_step_m=0.001,  # datasheet
    edge_jump_m=0.020,  # chosen
    edge_hole_px=1,  # chosen
    fattening_px=2,  # chosen: a third of the block
    flying_share=0.15,  # chosen
    hole_share=0.003,  # chosen
    min_signal=0.008,  # 10 m for a white target
)

KINECT_AZURE = DepthSensor(
    near_m=0.5,  # specification, narrow field of view, unbinned
    far_m=3.86,  # specification
    baseline_m=0.0,
    noise_m=0.001,  # chosen, see noise_per_m
    noise_per_m=0.0011,  # specification: at most 17 mm, here reached at the far end
    noise_origin_m=0.0,
    smoothing_px=0.7,  # chosen
    jitter_px=0.3,  # chosen: every pixel measures for itself
    inverse_depth_step=0.0,
    depth_step_m=0.001,  # specification
    edge_jump_m=0.030,  # chosen
    edge_hole_px=1,  # specification: mixed signals at edges are invalidated
    fattening_px=0,
    flying_share=0.4,  # Tolgyessy et al. see them at all edges; the share is chosen
    hole_share=0.0005,  # chosen
    min_signal=0.010,  # specification: 15 % reflectance at 3.86 m
)

SENSORS = {
    'sr305': SR305,
    'kinect_v1': KINECT_V1,
    'realsense_d435': REALSENSE_D435,
    'kinect_azure': KINECT_AZURE,
}


def at_scale(sensor: DepthSensor, scale: float) -> DepthSensor:
    """Returns the same camera for an image shrunk or enlarged from its own.

    Args:
        sensor: The camera.
        scale: Pixels of the image per pixel of the camera.
    """
    return replace(
        sensor,
        smoothing_px=sensor.smoothing_px * scale,
        jitter_px=sensor.jitter_px * scale,
        edge_hole_px=round(sensor.edge_hole_px * scale),
        fattening_px=round(sensor.fattening_px * scale),
    )


def skin_range_m(sensor: DepthSensor) -> tuple[float, float]:
    """Returns the nearest and the farthest distance at which a camera measures skin, metres."""
    return sensor.near_m, min(sensor.far_m, math.sqrt(SKIN_REFLECTANCE / sensor.min_signal))


def measure_depth(
    sensor: DepthSensor,
    depth_m: Tensor,
    focal_px: Tensor | float,
    draws: Draws,
    reflectance: Tensor | None = None,
) -> Tensor:
    """Turns true depth into what the sensor reports.

    Args:
        sensor: The camera.
        depth_m: (N, H, W) float32 metres along z; NaN where nothing is hit.
        focal_px: (N,) or one focal length along x, in pixels.
        draws: Source of all randomness, a seed per image, on the device of `depth_m`.
        reflectance: (N, H, W) float32 in 0..1, near infrared; None takes that of skin everywhere.

    Returns:
        (N, H, W) float32 metres, NaN where the sensor has no measurement.
    """
    focal_px = torch.as_tensor(focal_px, dtype=torch.float32, device=depth_m.device)
    focal_px = focal_px.reshape(-1, 1, 1)  # (N or 1, 1, 1)
    inverse = torch.where(depth_m > 0, 1 / depth_m, torch.zeros_like(depth_m))
    cos = _incidence_cosine(inverse, focal_px)
    signal = cos * inverse.square() * (SKIN_REFLECTANCE if reflectance is None else reflectance)
    lost = _shadow(inverse, focal_px * sensor.baseline_m)
    patchy = _smooth_noise(inverse, 3.0, draws)
    lost |= signal * torch.exp(0.2 * patchy) < sensor.min_signal
    rough = _smooth_noise(inverse, 1.2, draws)
    lost |= rough < NormalDist().inv_cdf(max(sensor.hole_share, 1e-9))

    inverse, lost = _jitter(inverse, lost, sensor, draws)
    if sensor.fattening_px > 0:
        near = _highest(inverse, sensor.fattening_px)
        inverse = torch.where(_smooth_noise(inverse, 3.0, draws) > 0, near, inverse)
    jump_m = torch.clamp(STEEPEST_PIXEL_STEP / (inverse * focal_px), min=sensor.edge_jump_m)
    lost |= _far_rim(inverse, jump_m, sensor.edge_hole_px)
    inverse = _smooth_inside(inverse, jump_m, sensor.smoothing_px)
    depth_m = _mix_at_jumps(inverse, jump_m, sensor.flying_share, draws)

    growth = (depth_m - sensor.noise_origin_m).square() * sensor.noise_per_m
    noise = _smooth_noise(inverse, sensor.smoothing_px, draws) / cos.clamp(min=0.3)
    depth_m = _quantise(sensor, depth_m + (sensor.noise_m + growth) * noise)
    lost |= ~((depth_m >= sensor.near_m) & (depth_m <= sensor.far_m))
    return torch.where(lost, torch.nan, depth_m)


def measure_depth_image(
    sensor: DepthSensor,
    depth_m: NDArray[np.float32],
    focal_px: float,
    seed: int,
    rgb: NDArray[np.uint8] | None = None,
) -> NDArray[np.float32]:
    """Does the same for one NumPy image.

    Args:
        sensor: The camera.
        depth_m: (H, W) float32 metres along z; NaN where nothing is hit.
        focal_px: Focal length along x in pixels.
        seed: Equal seeds give equal images.
        rgb: (H, W, 3) uint8, so that dark surfaces return less light.

    Returns:
        (H, W) float32 metres, NaN where the sensor has no measurement.
    """
    reflectance = None if rgb is None else reflectance_from_rgb(torch.from_numpy(rgb)[None])
    batch = torch.from_numpy(depth_m)[None]
    return measure_depth(sensor, batch, focal_px, Draws([seed]), reflectance)[0].numpy()


def reflectance_from_rgb(rgb: Tensor) -> Tensor:
    """Guesses near-infrared reflectance from a colour picture.

    Melanin and most dyes absorb less there than in the visible: black is lifted to 0.2 (chosen).

    Args:
        rgb: (..., 3) uint8, gamma-coded.

    Returns:
        (...) float32 in 0.2..0.8.
    """
    linear = (rgb.float() / 255).pow(2.2)
    return 0.2 + 0.6 * linear.amax(dim=-1).sqrt()


def _smooth_noise(like: Tensor, sigma_px: float, draws: Draws) -> Tensor:
    """Draws (N, H, W) normal noise of unit variance whose grain has `sigma_px`."""
    taps = _gaussian_taps(sigma_px)
    height, width = like.shape[1:]
    white = draws.normal(height + len(taps) - 1, width + len(taps) - 1)
    return _blur(white, taps) / sum(tap * tap for tap in taps)


def _gaussian_taps(sigma_px: float) -> list[float]:
    radius = math.ceil(2.5 * sigma_px)
    taps = [math.exp(-0.5 * (i / sigma_px) ** 2) for i in range(-radius, radius + 1)]
    return [tap / sum(taps) for tap in taps]


def _blur(images: Tensor, taps: list[float]) -> Tensor:
    """Blurs (N, H, W); the result is smaller by the taps on all sides.

    Sums of shifted images: on a CPU faster than conv2d, and no batch size changes the rounding.
    """
    for axis in (-1, -2):
        length = images.shape[axis] - len(taps) + 1
        total = taps[0] * images.narrow(axis, 0, length)
        for i, tap in enumerate(taps[1:], 1):
            total.add_(images.narrow(axis, i, length), alpha=tap)
        images = total
    return images


def _highest(images: Tensor, radius: int) -> Tensor:
    """Largest value within `radius` rows and columns."""
    padded = pad(images, (radius,) * 4, value=-math.inf)
    for axis in (-1, -2):
        length = padded.shape[axis] - 2 * radius
        shifted = [padded.narrow(axis, i, length) for i in range(2 * radius + 1)]
        padded = functools.reduce(torch.maximum, shifted)
    return padded


def _lowest(inverse: Tensor, radius: int) -> Tensor:
    return -_highest(-inverse, radius)


def _incidence_cosine(inverse: Tensor, focal_px: Tensor) -> Tensor:
    """Cosine between the surface normal and, nearly, the viewing ray; planes are linear in 1 / z.

    Of a slanted plane it lies between the cosine to that ray and the one to the optical axis.
    """
    padded = pad(inverse[:, None], (1, 1, 1, 1), mode='replicate')[:, 0]
    centre = padded[:, 1:-1, 1:-1]
    # The smaller of both one-sided slopes does not see the edge of the surface.
    across = torch.minimum(
        (padded[:, 1:-1, 2:] - centre).abs(), (centre - padded[:, 1:-1, :-2]).abs()
    )
    down = torch.minimum(
        (padded[:, 2:, 1:-1] - centre).abs(), (centre - padded[:, :-2, 1:-1]).abs()
    )
    tangent = focal_px * torch.hypot(across, down) / centre.clamp(min=1e-6)
    return torch.rsqrt(1 + tangent.square())


def _shadow(inverse: Tensor, focal_baseline: Tensor) -> Tensor:
    """Marks pixels that the projector or second camera does not see, by a z-buffer of its rows.

    What lies beside the picture hides nothing, since nobody knows it.
    """
    width = inverse.shape[-1]
    columns = torch.arange(width, dtype=torch.float32, device=inverse.device)
    shifts = focal_baseline * inverse  # (N, H, W) columns
    # The other one sees beyond the picture's border.
    margin = int(shifts.abs().amax().ceil()) + 1
    there = columns - shifts + margin
    left = there.floor().long()
    nearest = pad(torch.zeros_like(inverse), (margin, margin))
    for column in (left, left + 1):
        nearest.scatter_reduce_(-1, column, inverse, 'amax')
    seen = nearest.gather(-1, there.round().long())
    # Two columns of slack: a sloping surface must not shade itself.
    return (seen - inverse) * focal_baseline.abs() > 2.0


def _jitter(
    inverse: Tensor, lost: Tensor, sensor: DepthSensor, draws: Draws
) -> tuple[Tensor, Tensor]:
    """Frays silhouettes: looks pixels up a little aside, where that meets another surface."""
    height, width = inverse.shape[1:]
    down, across = torch.meshgrid(
        torch.arange(height, device=inverse.device),
        torch.arange(width, device=inverse.device),
        indexing='ij',
    )
    x = across + sensor.jitter_px * _smooth_noise(inverse, 0.7, draws)
    y = down + sensor.jitter_px * _smooth_noise(inverse, 0.7, draws)
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    both = torch.stack((inverse, lost.float()), dim=1)  # (N, 2, H, W)
    moved = grid_sample(both, grid, mode='nearest', padding_mode='border', align_corners=False)
    other_surface = (1 / moved[:, 0] - 1 / inverse).abs() > sensor.edge_jump_m
    return torch.where(other_surface, moved[:, 0], inverse), moved[:, 1] > 0.5


def _far_rim(inverse: Tensor, jump_m: Tensor, width_px: int) -> Tensor:
    """Marks the far side of depth jumps, `width_px` wide."""
    depth_m = 1 / inverse
    beside_jump = depth_m - 1 / _highest(inverse, 1) > jump_m
    near_jump = _highest(beside_jump.float(), max(width_px - 1, 0)) > 0
    return near_jump & (depth_m - 1 / _highest(inverse, width_px) > jump_m)


def _smooth_inside(inverse: Tensor, jump_m: Tensor, sigma_px: float) -> Tensor:
    """Smooths surfaces but not across jumps."""
    taps = _gaussian_taps(sigma_px)
    jump = 1 / _lowest(inverse, 1) - 1 / _highest(inverse, 1) > 2 * jump_m
    radius = len(taps) // 2
    beside = _highest(jump.float(), radius) > 0
    padded = pad(inverse[:, None], (radius,) * 4, mode='replicate')[:, 0]
    return torch.where(beside, inverse, _blur(padded, taps))


def _mix_at_jumps(inverse: Tensor, jump_m: Tensor, share: float, draws: Draws) -> Tensor:
    """Returns depth in metres with flying pixels; inf where nothing is hit."""
    depth_m = 1 / inverse
    if share == 0:
        return depth_m
    near_m, far_m = 1 / _highest(inverse, 1), 1 / _lowest(inverse, 1)
    mixed = torch.lerp(near_m, far_m, draws.uniform(*inverse.shape[1:]))
    drawn = draws.chance(*inverse.shape[1:], probability=share)
    return torch.where(drawn & (far_m - near_m > jump_m) & far_m.isfinite(), mixed, depth_m)


def _quantise(sensor: DepthSensor, depth_m: Tensor) -> Tensor:
    if sensor.inverse_depth_step > 0:
        steps = torch.round(1 / (depth_m * sensor.inverse_depth_step))
        depth_m = 1 / (steps * sensor.inverse_depth_step)
    return torch.round(depth_m / sensor.depth_step_m) * sensor.depth_step_m
