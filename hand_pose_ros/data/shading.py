"""Colours of surfaces in linear light: skin, cloth and hair under a sky and one lamp."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.hand_model import BodyMesh, products
from hand_pose_ros.data.scenes import Light, People
from hand_pose_ros.data.skins import LEVELS, TEXELS_PER_METRE, SkinAtlas
from hand_pose_ros.data.surfaces import Bodies

WAIST_M = 0.08
SHOE_M = -0.72
TRUNK_M = 0.9
"""Clothing coordinate beyond which the surface is no longer an arm."""
WRAP = 0.25
TERMINATOR = (0.85, 1.0, 1.1)
"""Exponents of the lamp's falloff per channel: light under the skin reddens the shadow's edge."""
SHIRT, SECOND, TROUSERS, HAIR = range(4)


@dataclass(frozen=True)
class Samples:
    """Places on bodies to be shaded; F of them.

    Attributes:
        body: (F,) int64.
        face: (F,) int64, triangle of the mesh.
        corners: (3, F) int64, vertices of the mesh.
        weights: (3, F), of the corners.
        points: (F, 3) metres, camera frame.
    """

    body: Tensor
    face: Tensor
    corners: Tensor
    weights: Tensor
    points: Tensor


def blend(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Interpolates rows of a table: (R, C), (3, F), (3, F) -> (C, F)."""
    total = weights[0] * table.index_select(0, rows[0]).T
    total = total + weights[1] * table.index_select(0, rows[1]).T
    return total + weights[2] * table.index_select(0, rows[2]).T


def harmonics(normals: Tensor) -> Tensor:
    """The nine first real spherical harmonics up to constants: (..., 3) -> (..., 9).

    The constants of Ramamoorthi and Hanrahan 2001 are part of Light.ambient.
    """
    x, y, z = normals.unbind(-1)
    one = torch.ones_like(x)
    return torch.stack((one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y), -1)


def ambient_light(normals: Tensor, image: Tensor, light: Light) -> Tensor:
    """Irradiance over pi at vertices: (B, V, 3), (B,) -> (B, V, 3)."""
    return products(harmonics(normals), light.ambient[image]).clamp(min=0)


def albedo(
    samples: Samples,
    bodies: Bodies,
    mesh: BodyMesh,
    people: People,
    atlas: SkinAtlas,
    level: Tensor,
) -> tuple[Tensor, Tensor]:
    """Colour of the surface itself.

    Args:
        samples: Where.
        bodies: The bodies.
        mesh: Their mesh.
        people: What they wear.
        atlas: Their skins.
        level: (B,) int64, size of the skin picture to use.

    Returns:
        (3, F) linear colour and (F,) bool, true on skin.
    """
    uv_rows = mesh.triangle_uv.index_select(0, samples.face).T
    uv = blend(mesh.uv, uv_rows, samples.weights)
    slot = bodies.slot.index_select(0, samples.body)
    colour = atlas.sample(people.skin.flatten()[slot], level[samples.body], uv)
    colour = colour * people.tint.flatten(0, 1).index_select(0, slot).T
    clothing = blend(mesh.clothing, samples.corners, samples.weights)
    behind, height = clothing[:2]
    garment = _garment(clothing, people.cuff.flatten()[slot])
    striped = _stripes(behind, height, people.pattern.flatten(0, 1).index_select(0, slot).T)
    garment = torch.where((garment == SHIRT) & striped, SECOND, garment)
    cloth = people.cloth.flatten(0, 2).index_select(0, slot * 4 + garment.clamp(min=0)).T
    cloth = cloth * _folds(behind, height)
    shoes = (height < SHOE_M) & (behind > TRUNK_M)
    cloth = torch.where(shoes, 0.4 * cloth, cloth)
    return torch.where(garment < 0, colour, cloth), garment < 0


def _garment(clothing: Tensor, cuff: Tensor) -> Tensor:
    """(4, F), (F,) -> (F,) int64: SHIRT, TROUSERS, HAIR or -1 for skin."""
    behind, height, hair, collar = clothing
    covered = (behind > cuff) & (collar < 0)
    cloth = torch.where((behind > TRUNK_M) & (height < WAIST_M), TROUSERS, SHIRT)
    cloth = torch.where(covered, cloth, -1)
    return torch.where(hair > 0, HAIR, cloth)


def _stripes(behind: Tensor, height: Tensor, pattern: Tensor) -> Tensor:
    """(F,) bool, true on the second colour. Stripes run round the sleeve and the trunk."""
    along = torch.where(behind > TRUNK_M, height, behind)
    wave = torch.sin(6.2832 * pattern[0] * along)
    return wave > pattern[1]


def _folds(behind: Tensor, height: Tensor) -> Tensor:
    """Uneven brightness of cloth."""
    along = torch.where(behind > TRUNK_M, 0.7 * height, behind)
    return 1 + 0.1 * torch.sin(73 * along + 2 * torch.sin(31 * along)) * torch.sin(41 * height)


def texture_levels(bodies: Bodies, focal_px: Tensor) -> Tensor:
    """Picture size that fits each body's nearest hand on the screen: (B,) int64.

    Args:
        bodies: The bodies.
        focal_px: (N,) focal length in samples.
    """
    nearest = bodies.keypoints[..., 2].flatten(1).median(1).values.clamp(min=0.1)
    texels_per_sample = TEXELS_PER_METRE * nearest / focal_px[bodies.image]
    return texels_per_sample.log2().round().long().clamp(0, LEVELS - 1)


@dataclass(frozen=True)
class Lit:
    """How light meets samples; F of them.

    Attributes:
        normals: (3, F) unit.
        ambient: (3, F) irradiance over pi.
        key_direction: (3, F) unit, to the lamp.
        key_colour: (3, F).
        key_share: (F,) 0..1, how much of the lamp is not in shadow.
        openness: (F,) 0..1, how much of the ambient light gets there.
    """

    normals: Tensor
    ambient: Tensor
    key_direction: Tensor
    key_colour: Tensor
    key_share: Tensor
    openness: Tensor


def illuminate(albedo: Tensor, on_skin: Tensor, gloss: Tensor, view: Tensor, lit: Lit) -> Tensor:
    """Light that leaves samples toward the camera.

    Lambert with a wrapped terminator, Blinn-Phong highlights and a little Fresnel on skin.

    Args:
        albedo: (3, F) linear colour.
        on_skin: (F,) bool.
        gloss: (2, F) strength and exponent of the highlights.
        view: (3, F) unit, to the camera.
        lit: The light.

    Returns:
        (3, F) linear light.
    """
    facing = (lit.normals * lit.key_direction).sum(0)
    wrapped = ((facing + WRAP) / (1 + WRAP)).clamp(min=0)
    falloff = torch.stack([wrapped**exponent for exponent in TERMINATOR])
    falloff = torch.where(on_skin, falloff, facing.clamp(min=0))
    key = lit.key_colour * lit.key_share * (0.5 + 0.5 * lit.openness)
    light = lit.ambient * lit.openness + key * falloff
    half = functional.normalize(lit.key_direction + view, dim=0)
    sharp = (lit.normals * half).sum(0).clamp(min=0) ** gloss[1] * (facing > 0)
    rim = (1 - (lit.normals * view).sum(0).clamp(0, 1)) ** 4
    shine = gloss[0] * (key * sharp * 2.5) + 0.06 * rim * lit.ambient * lit.openness
    return albedo * light + torch.where(on_skin, shine, 0.0)
