"""An exact rasteriser without holes in plain torch: no loop over triangles, pixels or images.

Triangles are cut into pixel rows; each row's covered interval follows from the three edge
functions, so only covered pixels are ever touched. What decides who is in front is 'closeness',
a number linear on the screen: 1 / z under perspective, minus the distance for parallel light.
Pixel centres lie at integers. A pixel is covered where its centre is in the triangle, edges
included; all of that is decided in double precision, so that neighbours leave no gap.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

EDGE_SLACK = 1e-10
_NOTHING = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Fragments:
    """The surface seen at every covered pixel.

    Attributes:
        pixel: (P,) int64, image * H * W + y * W + x; ascending.
        triangle: (P,) int64, index of the triangle in front.
        closeness: (P,) float32.
        barycentric: (2, P) float32, weights of the second and third corner on the screen.
        slope: (2, P) float32, change of closeness per pixel along x and y.
        buffer: (N, H, W) float32, closeness at every pixel; -inf where nothing is.
    """

    pixel: Tensor
    triangle: Tensor
    closeness: Tensor
    barycentric: Tensor
    slope: Tensor
    buffer: Tensor


@dataclass(frozen=True)
class _Setup:
    """Triangles that may cover pixels; K of them.

    Attributes:
        triangle: (K,) int64.
        image: (K,) int64.
        corner: (2, K) int64, the bounding box's first pixel (x, y).
        size: (2, K) int64, the bounding box's width and height in pixels.
        plane: (9, K) float64, value at the corner, step per x and per y of the second and third
            barycentric weight and of closeness.
    """

    triangle: Tensor
    image: Tensor
    corner: Tensor
    size: Tensor
    plane: Tensor


def rasterise(
    points: Tensor, triangles: Tensor, image: Tensor, size: tuple[int, int, int], facing: Tensor
) -> Fragments:
    """Finds the triangle in front at every pixel of every image.

    Args:
        points: (3, P) float64, x, y in pixels and closeness; NaN in x for points that cannot be
            drawn (behind the camera), which drops their triangles.
        triangles: (3, T) int64 indices into the points.
        image: (T,) int64, the image each triangle is drawn in.
        size: (N, H, W).
        facing: (T,) +1 draws triangles that run clockwise as seen on the screen (y down), -1 the
            others, 0 both.

    Returns:
        What is seen.
    """
    setup = _set_up(points, triangles, image, size, facing)
    pixel, closeness, owner = _cover(setup, size)
    count = size[0] * size[1] * size[2]
    buffer = points.new_full((count,), -torch.inf, dtype=torch.float32)
    buffer.scatter_reduce_(0, pixel, closeness, 'amax')
    front = (closeness >= buffer.index_select(0, pixel)).nonzero().squeeze(1)
    # The smallest index wins among equals: the same on every run and device.
    owners = torch.full((count,), _NOTHING, device=points.device)
    owners.scatter_reduce_(0, pixel.index_select(0, front), owner.index_select(0, front), 'amin')
    seen = (owners != _NOTHING).nonzero().squeeze(1)
    owner = owners.index_select(0, seen)
    weights = _weights_at(setup, owner, seen, size)
    return Fragments(
        pixel=seen,
        triangle=setup.triangle.index_select(0, owner),
        closeness=buffer.index_select(0, seen),
        barycentric=weights,
        slope=setup.plane[7:].index_select(1, owner).float(),
        buffer=buffer.view(size),
    )


def _set_up(
    points: Tensor, triangles: Tensor, image: Tensor, size: tuple[int, int, int], facing: Tensor
) -> _Setup:
    _, height, width = size
    x, y = (points[axis].index_select(0, triangles.flatten()).view(3, -1) for axis in (0, 1))
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    first_x, last_x = x.amin(0).ceil().clamp(min=0), x.amax(0).floor().clamp(max=width - 1)
    first_y, last_y = y.amin(0).ceil().clamp(min=0), y.amax(0).floor().clamp(max=height - 1)
    # NaN fails every comparison, which drops the triangles of points that cannot be drawn.
    drawn = (last_x >= first_x) & (last_y >= first_y) & (area * facing >= 0) & (area != 0)
    kept = drawn.nonzero().squeeze(1)
    corner = torch.stack((first_x, first_y)).index_select(1, kept)
    last = torch.stack((last_x, last_y)).index_select(1, kept)
    return _Setup(
        triangle=kept,
        image=image.index_select(0, kept),
        corner=corner.long(),
        size=(last - corner).long() + 1,
        plane=_planes(points, triangles.index_select(1, kept), corner),
    )


def _planes(points: Tensor, triangles: Tensor, corner: Tensor) -> Tensor:
    """(9, K) see _Setup."""
    p = points.index_select(1, triangles.flatten()).view(3, 3, -1)
    x, y, closeness = p
    dx, dy = x[1:] - x[0], y[1:] - y[0]
    area = dx[0] * dy[1] - dx[1] * dy[0]
    step_x = torch.stack((dy[1], -dy[0])) / area
    step_y = torch.stack((-dx[1], dx[0])) / area
    start = step_x * (corner[0] - x[0]) + step_y * (corner[1] - y[0])
    rise = closeness[1:] - closeness[0]
    value = torch.stack((start, step_x, step_y), 1)  # (2, 3, K)
    depth = (value * rise[:, None]).sum(0)
    depth[0] += closeness[0]
    return torch.cat((value.flatten(0, 1), depth))


def _cover(setup: _Setup, size: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """All covered pixels of all triangles.

    Returns:
        Flat pixel index, closeness and index into `setup`, (total,) each.
    """
    _, height, width = size
    owner, row = _expand(setup.size[1])
    start = setup.plane.index_select(1, owner)
    dy = row.double()
    b1, b2 = start[0] + start[2] * dy, start[3] + start[5] * dy
    closeness = start[6] + start[8] * dy
    low = torch.zeros_like(dy)
    high = (setup.size[0].index_select(0, owner) - 1).double()
    for value, step in (
        (b1, start[1]),
        (b2, start[4]),
        (1 - b1 - b2, -start[1] - start[4]),
    ):
        # value + step * dx >= -slack bounds dx from below or above by the sign of the step.
        bound = -(value + EDGE_SLACK) / step
        low = torch.where(step > 0, torch.maximum(low, bound), low)
        high = torch.where(step < 0, torch.minimum(high, bound), high)
        high = torch.where((step == 0) & (value < -EDGE_SLACK), -1.0, high)
    low = low.ceil()
    covered = (high.floor() - low + 1).clamp(min=0).long()
    line, along = _expand(covered)
    first = (setup.image * height + setup.corner[1]) * width + setup.corner[0]
    base = first.index_select(0, owner) + row * width + low.long()
    at_low = closeness + start[7] * low
    closeness = at_low.index_select(0, line) + start[7].index_select(0, line) * along
    return base.index_select(0, line) + along, closeness.float(), owner.index_select(0, line)


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Repeats index i counts[i] times, with the number of the repetition: (total,) each."""
    ends = counts.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    index = torch.repeat_interleave(counts, output_size=total)
    start = (ends - counts).index_select(0, index)
    return index, torch.arange(total, device=counts.device) - start


def _weights_at(setup: _Setup, owner: Tensor, pixel: Tensor, size: tuple[int, int, int]) -> Tensor:
    """Barycentric weights of the second and third corner at the pixels: (2, P)."""
    _, height, width = size
    plane = setup.plane[:6].index_select(1, owner)
    corner = setup.corner.index_select(1, owner)
    dx, dy = pixel % width - corner[0], pixel // width % height - corner[1]
    return torch.stack(
        (plane[0] + plane[1] * dx + plane[2] * dy, plane[3] + plane[4] * dx + plane[5] * dy)
    ).float()


def take(fragments: Fragments, rows: Tensor) -> Fragments:
    """Some of the fragments: (n,) int64 indices."""
    return Fragments(
        pixel=fragments.pixel.index_select(0, rows),
        triangle=fragments.triangle.index_select(0, rows),
        closeness=fragments.closeness.index_select(0, rows),
        barycentric=fragments.barycentric.index_select(1, rows),
        slope=fragments.slope.index_select(1, rows),
        buffer=fragments.buffer,
    )


def corner_weights(fragments: Fragments, closeness: Tensor, triangles: Tensor) -> Tensor:
    """Weights that interpolate attributes given at corners, right under perspective: (3, P).

    Args:
        fragments: What is seen.
        closeness: (points,) 1 / z of every point.
        triangles: (3, T) as given to `rasterise`.
    """
    corners = triangles.index_select(1, fragments.triangle)
    b1, b2 = fragments.barycentric
    weights = torch.stack((1 - b1 - b2, b1, b2))
    weights = weights * closeness.index_select(0, corners.flatten()).view_as(weights)
    return weights / weights.sum(0)
