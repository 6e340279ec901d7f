"""Renders the demo clip: two people before a RealSense D435, with exact ground truth.

The same people, without colours and before an SR305, are what simulated depth is compared with.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.data.choreography import DURATION_S, motion_at
from hand_pose_ros.data.clip_bag import BagFrame, write_bag
from hand_pose_ros.data.depth_sensors import REALSENSE_D435, SR305, measure_depth_image
from hand_pose_ros.data.rendering.hand_kinematics import SHOULDER, apply
from hand_pose_ros.data.rendering.render import HandRenderer
from hand_pose_ros.data.rendering.sampling import SceneConfig
from hand_pose_ros.data.rendering.scenes import SceneParameters, select
from hand_pose_ros.data.synth_dataset import label_rendered

RATE_HZ = 15
START_NS = 1_767_225_600 * 10**9
"""1 January 2026, so that the same clip is the same file."""
CONFIG = SceneConfig(height=480, width=640, hands=(2, 2), objects=0.0, distractors=0.0)
INTRINSICS = (605.0, 605.0, 319.5, 239.5)
"""fx, fy, cx, cy of a D435's colour camera at 640 x 480."""
DEFOCUS_PX = 0.4
NOISE = 0.008
LOOK_SEED = 2
"""Decides who the two people are, the light and the background."""
SEEN_M = 1.1
"""Depth beyond is cut, as realsense2_camera's parameter clip_distance does."""

SR305_INTRINSICS = (476.0, 476.0, 313.7, 242.8)
SR305_CLOSER_M = 0.1
"""How much nearer than in the clip the person stands, to be where the real one did."""


def render_clip(renderer: HandRenderer, folder: Path) -> None:
    """Renders the clip and writes it as a bag.

    Args:
        renderer: Its photographs and panoramas give light and background.
        folder: Folder to make.

    Raises:
        OSError: The folder exists or cannot be written.
    """
    write_bag(folder, tqdm(_frames(renderer), total=int(DURATION_S * RATE_HZ), disable=None))


def clip_scene(renderer: HandRenderer, times_s: torch.Tensor) -> SceneParameters:
    """The clip at (T,) moments in seconds, as a batch of T pictures."""
    look = renderer.sampler.sample(CONFIG, [LOOK_SEED])
    scenes = select(look, torch.zeros(len(times_s), dtype=torch.int64, device=renderer.device))
    motion = motion_at(times_s)
    moved = {name: value.to(renderer.device) for name, value in vars(motion).items()}
    people = scenes.people
    joints, _ = renderer.model.shape_joints(people.shape.flatten(0, 1), people.scale.flatten())
    at_rest = joints[:, :, SHOULDER].mean(1).unflatten(0, (-1, 2))  # (T, 2, 3)
    intrinsics = scenes.lens.intrinsics.new_tensor(INTRINSICS).expand(len(times_s), 4)
    return replace(
        scenes,
        seeds=(times_s.to(renderer.device) * 1000).long(),
        background_depth_m=None,
        people=replace(
            people,
            parts_drawn=torch.ones_like(people.parts_drawn),
            position=moved.pop('shoulders') - apply(moved['rotation'], at_rest),
            **moved,
        ),
        lens=replace(
            scenes.lens,
            intrinsics=intrinsics,
            motion_px=torch.zeros_like(scenes.lens.motion_px),
            defocus_px=torch.full_like(scenes.lens.gamma, DEFOCUS_PX),
            noise=torch.full_like(scenes.lens.gamma, NOISE),
        ),
    )


def _frames(renderer: HandRenderer) -> Iterator[BagFrame]:
    for index in range(int(DURATION_S * RATE_HZ)):
        batch = renderer.render_scene(clip_scene(renderer, torch.tensor([index / RATE_HZ])))
        rgb = batch.rgb[0].cpu().numpy()
        exact_m = batch.depth_m[0].cpu().numpy()
        depth_m = measure_depth_image(REALSENSE_D435, exact_m, INTRINSICS[0], index, rgb)
        depth_m[depth_m > SEEN_M] = np.nan
        label = label_rendered(batch, 0, f'{index:06d}')
        yield BagFrame(START_NS + index * 10**9 // RATE_HZ, rgb, depth_m, label)


def simulate_sr305_frames(renderer: HandRenderer, count: int) -> list[NDArray[np.float32]]:
    """Shows the SR305 the first person of the clip, from as near as in the real frames.

    Args:
        renderer: Renders the person.
        count: Number of frames.

    Returns:
        `count` (480, 640) float32 images in metres, NaN where missing.
    """
    times_s = torch.linspace(2.0, 9.0, count)
    scene = clip_scene(renderer, times_s)
    people = scene.people
    first_only = torch.zeros_like(people.parts_drawn)
    first_only[:, 0] = True
    nearer = people.position - people.position.new_tensor((-0.15, 0.0, SR305_CLOSER_M))
    intrinsics = scene.lens.intrinsics.new_tensor(SR305_INTRINSICS).expand(count, 4)
    scene = replace(
        scene,
        supersampling=1,
        people=replace(people, parts_drawn=first_only, position=nearer),
        lens=replace(scene.lens, intrinsics=intrinsics),
    )
    exact_m = renderer.render_scene(scene, shaded=False).depth_m.cpu().numpy()
    return [
        measure_depth_image(SR305, image, SR305_INTRINSICS[0], seed)
        for seed, image in enumerate(exact_m)
    ]
