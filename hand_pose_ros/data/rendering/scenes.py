"""Everything that decides how a batch of pictures looks, as tensors.

Camera frame: x right, y down, z forward (REP 103). Colours are linear light, 1 = white paper
under a unit light. N pictures, P people in each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

Part = TypeVar('Part')


@dataclass(frozen=True)
class People:
    """Who is there, how they are built, how they stand, what they wear.

    Attributes:
        parts_drawn: (N, P, 3) bool, draw the trunk, the left arm, the right arm.
        shape: (N, P, K) coefficients of hand_assets.TARGETS.
        scale: (N, P) size of the body, 1 = as modelled.
        arms: (N, P, 2, 7) arm parameters of hand_kinematics, left and right.
        fingers: (N, P, 2, 5, 5) finger angles of hand_kinematics, left and right.
        head: (N, P, 2) radians, how far the head turns to its left and nods.
        rotation: (N, P, 3, 3) from the body's frame to the camera's; a determinant of -1 shows
            the person as a mirror does, which makes the left hand a right hand.
        position: (N, P, 3) metres, the body's origin in the camera's frame.
        skin: (N, P) int64, which skin picture.
        tint: (N, P, 3) factors on the skin's colour.
        cuff: (N, P) metres behind the wrist where the sleeves begin.
        sleeve: (N, P) metres that cloth stands off the skin.
        cloth: (N, P, 4, 3) colours of shirt, its second colour, trousers, hair.
        pattern: (N, P, 2) stripes per metre along and up the shirt, 0 = plain.
        gloss: (N, P, 2) strength and exponent of the skin's highlights.
    """

    parts_drawn: Tensor
    shape: Tensor
    scale: Tensor
    arms: Tensor
    fingers: Tensor
    head: Tensor
    rotation: Tensor
    position: Tensor
    skin: Tensor
    tint: Tensor
    cuff: Tensor
    sleeve: Tensor
    cloth: Tensor
    pattern: Tensor
    gloss: Tensor


@dataclass(frozen=True)
class Things:
    """Simple things in the scene; O per picture.

    Attributes:
        kind: (N, O) int64, things.BALL, BOX, ROD or NOT_THERE.
        size: (N, O, 3) metres, half the extent along the thing's own axes.
        holder: (N, O) int64, the hand (2 * person + 1 if the mesh's right) that holds it; -1 for
            none.
        rotation: (N, O, 3, 3) from the thing's frame to the palm's frame of the holder, or to
            the camera's.
        position: (N, O, 3) metres in that frame.
        colour: (N, O, 2, 3), two colours in bands.
        bands: (N, O, 2) bands per metre along the thing's y, and the share of the second, -1..1.
        gloss: (N, O) strength of highlights.
    """

    kind: Tensor
    size: Tensor
    holder: Tensor
    rotation: Tensor
    position: Tensor
    colour: Tensor
    bands: Tensor
    gloss: Tensor


@dataclass(frozen=True)
class Light:
    """Light from all around, and one lamp or sun that casts shadows.

    Attributes:
        ambient: (N, 9, 3) spherical harmonics of the irradiance over pi, by surface normal.
        key_direction: (N, 3) unit vector toward the lamp.
        key_colour: (N, 3).
    """

    ambient: Tensor
    key_direction: Tensor
    key_colour: Tensor


@dataclass(frozen=True)
class Lens:
    """How the camera turns light into pixels.

    Attributes:
        intrinsics: (N, 4) fx, fy, cx, cy in pixels.
        exposure: (N, 3) factor on each channel: exposure and white balance.
        gamma: (N,) exponent of the encoding is 1 / gamma.
        defocus_px: (N,) standard deviation of the blur.
        motion_px: (N, 2) how far people and things move to x and y while the shutter is open.
        noise: (N,) standard deviation of the noise, 1 = full scale.
    """

    intrinsics: Tensor
    exposure: Tensor
    gamma: Tensor
    defocus_px: Tensor
    motion_px: Tensor
    noise: Tensor


@dataclass(frozen=True)
class SceneParameters:
    """A batch of pictures to render.

    Attributes:
        height: Height in pixels.
        width: Width in pixels.
        supersampling: Samples per pixel along each axis.
        seeds: (N,) int64, seeds of what is random while rendering (noise of the sensor).
        people: The people.
        light: The light.
        lens: The camera.
        things: The things; None for none.
        background: (N, H, W, 3) linear light behind everything; None leaves the picture
            transparent there.
        background_depth_m: (N, H, W) depth of what is behind, NaN where unknown; None for
            unknown everywhere.
    """

    height: int
    width: int
    supersampling: int
    seeds: Tensor
    people: People
    light: Light
    lens: Lens
    things: Things | None = None
    background: Tensor | None = None
    background_depth_m: Tensor | None = None

    def __len__(self) -> int:
        return len(self.seeds)


def select(part: Part, rows: Tensor | slice) -> Part:
    """Takes the same pictures out of every tensor of a dataclass, nested ones too."""
    taken: Part = _rebuild(part, lambda field: field[rows])
    return taken


def choose(condition: Tensor, first: Part, second: Part) -> Part:
    """Takes each picture's tensors from one of two dataclasses: (N,) bool."""
    return replace_rows(second, condition, select(first, condition))


def replace_rows(part: Part, rows: Tensor, with_part: Part) -> Part:
    """Puts other pictures' tensors at some rows of a dataclass of tensors."""
    changed = {}
    for name, value in vars(part).items():
        changed[name] = value.clone()
        changed[name][rows] = vars(with_part)[name]
    return type(part)(**changed)


def concatenate(parts: Sequence[Part]) -> Part:
    """Joins batches of the same kind along the pictures."""
    joined: Part = _join(parts)
    return joined


def _join(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(list(parts))
    if not is_dataclass(first) or isinstance(first, type):
        return first
    names = [field.name for field in fields(first)]
    return replace(first, **{name: _join([getattr(p, name) for p in parts]) for name in names})


def _rebuild(part: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(part, Tensor):
        return change(part)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    names = [field.name for field in fields(part)]
    return replace(part, **{name: _rebuild(getattr(part, name), change) for name in names})
