"""What a scene shows: the surface at every sample, depth, masks and labels of the hands."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.data.rendering.bodies import Bodies, build_bodies
from hand_pose_ros.data.rendering.hand_model import BodyMesh, HandModel
from hand_pose_ros.data.rendering.raster import Fragments, rasterise
from hand_pose_ros.data.rendering.scenes import SceneParameters
from hand_pose_ros.data.rendering.surfaces import (
    PlacedThings,
    Soup,
    mix_soup,
    place_things,
    project,
)
from hand_pose_ros.data.rendering.things import UnitMesh
from hand_pose_ros.types import Side

NOBODY, THING = -1, -2
WRIST_M = 0.005
"""How far behind the wrist's joint the mask of a hand ends."""
VISIBLE_WITHIN_M = (
    *(0.038, 0.030, 0.020, 0.015, 0.0125),
    *(0.027, 0.0155, 0.0125, 0.0115) * 4,
)
"""How far below the surface a joint may lie and still be the one that is seen there."""


@dataclass(frozen=True)
class View:
    """What a scene shows, before it is shaded.

    Attributes:
        bodies: The bodies.
        things: The things.
        soup: The triangles of both.
        fragments: What is seen at every sample.
        depth_m: (N, H, W) float32 metres at the pixel's centre; NaN where nothing is.
        slot: (N, H, W) int64, image * P + person; NOBODY or THING elsewhere.
        hand: (N, H, W) uint8, 0 = no hand, else 1 + 2 * person + (1 if the mesh's right hand).
    """

    bodies: Bodies
    things: PlacedThings | None
    soup: Soup
    fragments: Fragments
    depth_m: Tensor
    slot: Tensor
    hand: Tensor


def view_scene(
    model: HandModel, mesh: BodyMesh, shapes: Sequence[UnitMesh], scene: SceneParameters
) -> View:
    """Finds what every sample of a scene shows."""
    s = scene.supersampling
    size = (len(scene), scene.height * s, scene.width * s)
    bodies = build_bodies(model, mesh, scene.people)
    things = None if scene.things is None else place_things(scene.things, shapes, bodies)
    intrinsics, parts = scene.lens.intrinsics, scene.people.parts_drawn
    soup = mix_soup(bodies, mesh, parts, things, intrinsics, s)
    fragments = rasterise(soup.screen, soup.triangles, soup.image, size, soup.facing)
    sample = label_samples(fragments, size, s)
    pixel = to_pixel(fragments.pixel[sample], size, s)
    shape = (len(scene), scene.height, scene.width)
    depth = torch.full((len(scene) * scene.height * scene.width,), torch.nan, device=pixel.device)
    depth[pixel] = 1 / _closeness_at_centre(fragments, sample, s)
    slot = torch.full_like(depth, NOBODY, dtype=torch.int64)
    hand = torch.zeros_like(depth, dtype=torch.uint8)
    triangle = fragments.triangle[sample]
    on_body = triangle < soup.body_triangles
    slot[pixel] = THING
    body, face = body_faces(triangle[on_body], mesh)
    slot[pixel[on_body]] = bodies.slot[body]
    label = 2 * (bodies.slot[body] % bodies.people) + mesh.triangle_arm[face]
    is_hand = _on_hand(fragments.barycentric.index_select(1, sample[on_body]), face, mesh)
    hand[pixel[on_body]] = torch.where(is_hand, label, 0).to(torch.uint8)
    return View(
        bodies=bodies,
        things=things,
        soup=soup,
        fragments=fragments,
        depth_m=depth.view(shape),
        slot=slot.view(shape),
        hand=hand.view(shape),
    )


def _on_hand(weights: Tensor, face: Tensor, mesh: BodyMesh) -> Tensor:
    """(F,) bool, before the plane through the wrist: (2, F) weights, (F,) faces."""
    behind = mesh.clothing[:, 0][mesh.triangles[face]].T  # (3, F)
    second, third = weights
    at = behind[0] * (1 - second - third) + behind[1] * second + behind[2] * third
    return (at < WRIST_M) & (mesh.triangle_arm[face] > 0)


def label_samples(fragments: Fragments, size: tuple[int, int, int], s: int) -> Tensor:
    """Indices of the fragments on the one sample of each pixel that labels are taken from."""
    _, height, width = size
    middle = (s - 1) // 2
    x, y = fragments.pixel % width, fragments.pixel // width % height
    return ((x % s == middle) & (y % s == middle)).nonzero().squeeze(1)


def _closeness_at_centre(fragments: Fragments, sample: Tensor, s: int) -> Tensor:
    """Closeness in the middle of the pixel, on the plane of the triangle seen at the sample."""
    offset = (s - 1) / 2 - (s - 1) // 2
    closeness = fragments.closeness[sample]
    change = offset * fragments.slope.index_select(1, sample).sum(0)
    # Triangles seen from their edge would run off to infinity.
    return closeness + change.clamp(-0.02 * closeness, 0.02 * closeness)


def to_pixel(sample: Tensor, size: tuple[int, int, int], s: int) -> Tensor:
    """Flat index among pixels of a flat index among samples."""
    _, height, width = size
    image, y, x = sample // (height * width), sample // width % height // s, sample % width // s
    return (image * (height // s) + y) * (width // s) + x


def body_faces(triangle: Tensor, mesh: BodyMesh) -> tuple[Tensor, Tensor]:
    """Body and triangle of its mesh, of triangles of the soup that belong to bodies."""
    faces = len(mesh.triangles)
    return triangle // faces, triangle % faces


@dataclass(frozen=True)
class HandLabels:
    """The hands of a scene: M = 2 P, left and right of every person.

    Attributes:
        keypoints_px: (N, M, 21, 2) float32; NaN for hands not in the picture.
        joints_cam: (N, M, 21, 3) float32 metres; NaN likewise.
        visible: (N, M, 21) bool.
        side: (N, M) uint8, a Side; UNKNOWN for hands not in the picture.
    """

    keypoints_px: Tensor
    joints_cam: Tensor
    visible: Tensor
    side: Tensor


def label_hands(view: View, scene: SceneParameters) -> HandLabels:
    """Looks up which keypoints are in the picture and which are seen."""
    people, bodies = scene.people, view.bodies
    slots = people.scale.numel()
    joints = torch.full((slots, 2, 21, 3), torch.nan, device=bodies.slot.device)
    joints[bodies.slot] = torch.where(
        people.parts_drawn.flatten(0, 1)[bodies.slot][:, 1:, None, None],
        bodies.keypoints,
        torch.nan,
    )
    mirrored = torch.zeros(slots, dtype=torch.bool, device=joints.device)
    mirrored[bodies.slot] = bodies.mirrored
    joints = joints.view(len(scene), -1, 21, 3)
    intrinsics = scene.lens.intrinsics[:, None, None].expand(*joints.shape[:3], 4)
    u, v, _ = (
        project(joints.flatten(0, 2), intrinsics.flatten(0, 2), 1)
        .float()
        .unflatten(1, joints.shape[:3])
    )
    inside = (u >= -0.5) & (u < scene.width - 0.5) & (v >= -0.5) & (v < scene.height - 0.5)
    shown = inside.any(-1)
    points = torch.stack((u, v), -1)
    side = torch.tensor((Side.LEFT, Side.RIGHT), dtype=torch.uint8, device=u.device)
    side = torch.where(mirrored[:, None], side.flip(0), side).view(len(scene), -1)
    return HandLabels(
        keypoints_px=torch.where(shown[..., None, None], points, torch.nan),
        joints_cam=torch.where(shown[..., None, None], joints, torch.nan),
        visible=_seen(view, scene, joints, points, inside),
        side=torch.where(shown, side, int(Side.UNKNOWN)).to(torch.uint8),
    )


def _seen(
    view: View, scene: SceneParameters, joints: Tensor, points: Tensor, inside: Tensor
) -> Tensor:
    """(N, M, 21) bool: nothing but the joint's own flesh is in front of it."""
    count, hands = joints.shape[:2]
    x, y = points.nan_to_num(0).round().long().unbind(-1)
    image = torch.arange(count, device=x.device)[:, None, None]
    x, y = x.clamp(0, scene.width - 1), y.clamp(0, scene.height - 1)
    front, slot = view.depth_m[image, y, x], view.slot[image, y, x]
    person = torch.arange(hands, device=x.device)[:, None] // 2
    own = slot == image * (hands // 2) + person
    scale = scene.people.scale.repeat_interleave(2, 1)[..., None]
    near = joints[..., 2] - front < scale * joints.new_tensor(VISIBLE_WITHIN_M)
    return inside & ((own & near) | front.isnan())
