"""Renders pictures of hands with exact labels: the public face of the renderer.

    renderer = HandRenderer(None)                        # assets from HAND_POSE_ASSETS
    batch = renderer.render(SceneConfig(), seeds=range(16))

The same seed gives the same picture bit for bit on one machine, in any batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.data.rendering.drawing import shade
from hand_pose_ros.data.rendering.hand_assets import load_hand_assets
from hand_pose_ros.data.rendering.hand_model import HandModel
from hand_pose_ros.data.rendering.hand_poses import FingerSampler
from hand_pose_ros.data.rendering.lens import Film, move
from hand_pose_ros.data.rendering.sampling import SceneConfig, SceneSampler
from hand_pose_ros.data.rendering.scenes import SceneParameters, concatenate, select
from hand_pose_ros.data.rendering.skins import SkinAtlas
from hand_pose_ros.data.rendering.steady import power
from hand_pose_ros.data.rendering.texels import GAMMA
from hand_pose_ros.data.rendering.things import unit_meshes
from hand_pose_ros.data.rendering.view import NOBODY, label_hands, view_scene

CHUNK_SAMPLES = {'cpu': 600_000, 'cuda': 64_000_000}
"""Samples rendered at once: what fits a core's cache, what fills a GPU."""
SCENES_AT_ONCE = 32

GREY = 0.25
"""Linear light of what is no hand, where nothing is lit."""


@dataclass(frozen=True)
class RenderedBatch:
    """Pictures and their labels, tensors on the renderer's device.

    N pictures; M = 2 x people hands, the left and the right one of every person.

    Attributes:
        rgb: (N, H, W, 3) uint8; not multiplied by alpha where the background is transparent.
        depth_m: (N, H, W) float32 metres along z at the pixel's centre; NaN where nothing is.
        mask: (N, H, W) uint8, 0 = no hand, m + 1 = hand m.
        alpha: (N, H, W) uint8, coverage by people and things.
        keypoints_px: (N, M, 21, 2) float32, pixel centres at integers; NaN for absent hands.
        joints_cam: (N, M, 21, 3) float32 metres; NaN for absent hands.
        visible: (N, M, 21) bool, in the picture and not hidden.
        side: (N, M) uint8, a hand_pose_ros.types.Side; UNKNOWN for absent hands.
        intrinsics: (N, 4) float32 fx, fy, cx, cy in pixels.
    """

    rgb: Tensor
    depth_m: Tensor
    mask: Tensor
    alpha: Tensor
    keypoints_px: Tensor
    joints_cam: Tensor
    visible: Tensor
    side: Tensor
    intrinsics: Tensor

    def __len__(self) -> int:
        return len(self.mask)


class HandRenderer:
    """Renders random scenes, or scenes that are given."""

    def __init__(
        self,
        assets: Path | None,
        device: str = 'cpu',
        backgrounds: Sequence[NDArray[np.uint8]] = (),
        panoramas: Sequence[NDArray[np.float32]] = (),
    ) -> None:
        """Loads the assets; takes a few seconds.

        Args:
            assets: Folder of the assets; None takes HAND_POSE_ASSETS.
            device: Torch device to render on.
            backgrounds: (h, w, 3) uint8 RGB photographs without hands, of any size.
            panoramas: (h, 2 h, 3) float32 RGB equirectangular views in linear light.

        Raises:
            FileNotFoundError: Assets are missing; says how to download them.
            ValueError: An asset, background or panorama is damaged.
        """
        loaded = load_hand_assets(assets)
        self.device = device
        self.model = HandModel(loaded, device)
        self.atlas = SkinAtlas(loaded.skins, loaded.uv, loaded.triangle_uv, device)
        fingers = FingerSampler(loaded.recorded_rotations, self.model.joints[1], device)
        self.sampler = SceneSampler(self.model, fingers, self.atlas, backgrounds, panoramas)
        self._film = Film(device)
        self._shapes = unit_meshes(device)

    def render(self, config: SceneConfig, seeds: Sequence[int]) -> RenderedBatch:
        """Renders one random picture per seed."""
        return self._in_chunks(config, seeds, shaded=True)

    def render_depth(self, config: SceneConfig, seeds: Sequence[int]) -> RenderedBatch:
        """Renders depth, mask and labels of the same scenes without light; several times faster.

        `rgb` shows hands in the mean colour of their skin and all else grey, for what a depth
        camera gets back of them; `alpha` is 0 or 255.
        """
        return self._in_chunks(replace(config, supersampling=1), seeds, shaded=False)

    def render_for(self, colour: bool) -> Callable[[SceneConfig, Sequence[int]], RenderedBatch]:
        """Returns `render`, or `render_depth` for what needs no colour."""
        return self.render if colour else self.render_depth

    def render_scene(self, scene: SceneParameters, *, shaded: bool = True) -> RenderedBatch:
        """Renders scenes given by their parameters, for instance the frames of a clip."""
        people = scene.people
        mesh = self.model.body if bool(people.parts_drawn[..., 0].any()) else self.model.arms
        view = view_scene(self.model, mesh, self._shapes, scene)
        labels = label_hands(view, scene)
        depth = view.depth_m
        if scene.background_depth_m is not None:
            depth = torch.where(depth.isnan(), scene.background_depth_m, depth)
        covered = view.slot != NOBODY
        if shaded:
            rgb, alpha = self._colour(*shade(view, mesh, scene, self.atlas), scene)
        else:
            rgb = self._flat_colours(view.hand, scene)
            alpha = covered.to(torch.uint8) * 255
        return RenderedBatch(
            rgb=rgb,
            depth_m=depth,
            mask=view.hand,
            alpha=alpha,
            keypoints_px=labels.keypoints_px,
            joints_cam=labels.joints_cam,
            visible=labels.visible,
            side=labels.side,
            intrinsics=scene.lens.intrinsics,
        )

    def _colour(
        self, light: Tensor, coverage: Tensor, scene: SceneParameters
    ) -> tuple[Tensor, Tensor]:
        """Composes and develops: (3, N, H, W), (N, H, W) -> rgb and alpha of RenderedBatch."""
        layer = torch.cat((light, coverage[None])).transpose(0, 1)
        light, coverage = move(layer, scene.lens.motion_px).split((3, 1), dim=1)
        alpha = (coverage[:, 0] * 255 + 0.5).to(torch.uint8)
        if scene.background is None:
            straight = light / coverage.clamp(min=1e-6)
            return self._film.develop(straight, scene.lens, scene.seeds, sharp=True), alpha
        full = light + (1 - coverage) * scene.background.permute(0, 3, 1, 2)
        return self._film.develop(full, scene.lens, scene.seeds), alpha

    def _flat_colours(self, hand: Tensor, scene: SceneParameters) -> Tensor:
        """Paints hands as `render_depth` says: (N, H, W) of RenderedBatch.mask -> its rgb."""
        skin = self.atlas.means[scene.people.skin] * scene.people.tint  # (N, P, 3)
        table = torch.cat((torch.full_like(skin[:, :1], GREY), skin.repeat_interleave(2, 1)), 1)
        coded = (power(table.clamp(0, 1), 1 / GAMMA) * 255 + 0.5).to(torch.uint8)
        picture = torch.arange(len(scene), device=hand.device)[:, None, None]
        return coded[picture, hand.long()]

    def _in_chunks(
        self, config: SceneConfig, seeds: Sequence[int], *, shaded: bool
    ) -> RenderedBatch:
        if len(seeds) == 0:
            raise ValueError('rendering needs at least one seed, got none')
        samples = config.height * config.width * config.supersampling**2
        step = max(1, CHUNK_SAMPLES[torch.device(self.device).type] // samples)
        # Drawing scenes is many small steps: it wants larger batches than rendering them.
        many = max(step, SCENES_AT_ONCE)
        chunks = []
        for start in range(0, len(seeds), many):
            scenes = self.sampler.sample(config, seeds[start : start + many], shaded=shaded)
            for first in range(0, len(scenes), step):
                part = select(scenes, slice(first, first + step))
                chunks.append(self.render_scene(part, shaded=shaded))
        return concatenate(chunks)
