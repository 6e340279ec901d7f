"""Colours of surfaces in linear light: skin, cloth and hair under a sky and one lamp."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hand_pose_ros.data.rendering.bodies import Bodies
from hand_pose_ros.data.rendering.hand_model import BodyMesh
from hand_pose_ros.data.rendering.scenes import SceneParameters, Things
from hand_pose_ros.data.rendering.skins import LEVELS, TEXELS_PER_METRE, SkinAtlas
from hand_pose_ros.data.rendering.steady import power
from hand_pose_ros.data.rendering.surfaces import PlacedThings

WAIST_M = 0.08
SHOE_M = -0.72
TRUNK_M = 0.9
"""Clothing coordinate beyond which the surface is no longer an arm."""
WRAP = 0.25
TERMINATOR = (0.85, 1.0, 1.1)
"""Exponents of the lamp's falloff per channel: light under the skin reddens the shadow's edge."""
THING_SHARPNESS = 40.0
SHIRT, SECOND, TROUSERS, HAIR = range(4)


@dataclass(frozen=True)
class Samples:
    """Places on surfaces to be shaded; F of them.

    Attributes:
        triangle: (F,) int64, of the soup.
        image: (F,) int64.
        pixel: (F,) int64, flat index of the pixel that the sample is part of.
        corners: (3, F) int64, vertices of the soup.
        weights: (3, F), of the corners.
        points: (3, F) metres, camera frame.
    """

    triangle: Tensor
    image: Tensor
    pixel: Tensor
    corners: Tensor
    weights: Tensor
    points: Tensor

    def take(self, rows: Tensor) -> 'Samples':
        """Some of the samples: (n,) int64 indices."""
        return Samples(*(field.index_select(-1, rows) for field in vars(self).values()))


@dataclass(frozen=True)
class Material:
    """What samples are made of.

    Attributes:
        albedo: (3, F) linear colour.
        gloss: (2, F) strength and exponent of the highlights.
        on_skin: (F,) bool.
    """

    albedo: Tensor
    gloss: Tensor
    on_skin: Tensor


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


def body_material(
    samples: Samples, bodies: Bodies, mesh: BodyMesh, scene: SceneParameters, atlas: SkinAtlas
) -> Material:
    """Skin, cloth and hair of people."""
    people = scene.people
    body, face = samples.triangle // len(mesh.triangles), samples.triangle % len(mesh.triangles)
    slot = bodies.slot.index_select(0, body)
    uv = blend(mesh.uv, mesh.triangle_uv.index_select(0, face).T, samples.weights)
    focal = scene.lens.intrinsics[:, 0] * scene.supersampling
    level = texture_levels(bodies, focal).index_select(0, body)
    colour = atlas.texels.sample(people.skin.flatten().index_select(0, slot), level, uv)
    colour = colour * people.tint.flatten(0, 1).T.index_select(1, slot)
    corners = mesh.triangles.index_select(0, face).T
    clothing = blend(mesh.clothing, corners, samples.weights)
    behind, height = clothing[:2]
    garment = _garment(clothing, people.cuff.flatten().index_select(0, slot))
    striped = _stripes(behind, height, people.pattern.flatten(0, 1).T.index_select(1, slot))
    garment = torch.where((garment == SHIRT) & striped, SECOND, garment)
    cloth = people.cloth.flatten(0, 2).T.index_select(1, slot * 4 + garment.clamp(min=0))
    cloth = cloth * _folds(behind, height)
    cloth = torch.where((height < SHOE_M) & (behind > TRUNK_M), 0.4 * cloth, cloth)
    on_skin = garment < 0
    # Eyeballs are no part of the body's skin; what is seen is the inside of the lids.
    colour = torch.where(clothing[4] > 0, 0.08, colour)
    gloss = people.gloss.flatten(0, 1).T.index_select(1, slot)
    return Material(torch.where(on_skin, colour, cloth), gloss * on_skin, on_skin)


def thing_material(samples: Samples, placed: PlacedThings, things: Things) -> Material:
    """Things in one colour or in bands of two."""
    first = samples.corners - placed.first_vertex
    along = (placed.along[first] * samples.weights).sum(0)
    row = placed.row[placed.owner[first[0]]]
    rate, share = things.bands.flatten(0, 1)[row].unbind(1)
    second = torch.sin(2 * math.pi * rate * along) < share
    colours = things.colour.flatten(0, 1)[row]
    albedo = torch.where(second[:, None], colours[:, 1], colours[:, 0]).T
    gloss = torch.stack((things.gloss.flatten()[row], torch.full_like(along, THING_SHARPNESS)))
    return Material(albedo, gloss, torch.zeros_like(second))


def _garment(clothing: Tensor, cuff: Tensor) -> Tensor:
    """(5, F), (F,) -> (F,) int64: SHIRT, TROUSERS, HAIR or -1 for skin."""
    behind, height, hair, collar, _ = clothing
    covered = (behind > cuff) & (collar < 0)
    cloth = torch.where((behind > TRUNK_M) & (height < WAIST_M), TROUSERS, SHIRT)
    cloth = torch.where(covered, cloth, -1)
    return torch.where(hair > 0, HAIR, cloth)


def _stripes(behind: Tensor, height: Tensor, pattern: Tensor) -> Tensor:
    """(F,) bool, true on the second colour. Stripes run round the sleeve and the trunk."""
    along = torch.where(behind > TRUNK_M, height, behind)
    return torch.sin(2 * math.pi * pattern[0] * along) > pattern[1]


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


def illuminate(material: Material, view: Tensor, lit: Lit) -> Tensor:
    """Light that leaves samples toward the camera.

    Lambert, on skin with a wrapped terminator and a little Fresnel, and Blinn-Phong highlights.

    Args:
        material: What the samples are made of.
        view: (3, F) unit, to the camera.
        lit: The light.

    Returns:
        (3, F) linear light.
    """
    facing = (lit.normals * lit.key_direction).sum(0)
    wrapped = ((facing + WRAP) / (1 + WRAP)).clamp(min=0)
    falloff = torch.stack([power(wrapped, exponent) for exponent in TERMINATOR])
    falloff = torch.where(material.on_skin, falloff, facing.clamp(min=0))
    key = lit.key_colour * lit.key_share * (0.5 + 0.5 * lit.openness)
    ambient = lit.ambient.clamp(min=0) * lit.openness
    half = functional.normalize(lit.key_direction + view, dim=0)
    strength, sharpness = material.gloss
    highlight = power((lit.normals * half).sum(0), sharpness) * (facing > 0)
    rim = (1 - (lit.normals * view).sum(0).clamp(0, 1)).square().square() * material.on_skin
    shine = 2.5 * strength * highlight * key + 0.06 * rim * ambient
    return material.albedo * (ambient + key * falloff) + shine
