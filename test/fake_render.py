"""A renderer that takes no time: noise, and always the same hands."""

import numpy as np
import torch

from hand_pose_ros.data.rendering.render import RenderedBatch
from hand_pose_ros.types import Side


def fake_render(config, seeds):
    """A left hand before a wall, a right hand out of sight, one that is absent; noise by seed."""
    count = len(seeds)
    rgb = torch.stack([noise_picture(seed, config.height, config.width) for seed in seeds])
    joints_cam = torch.full((count, 3, 21, 3), torch.nan)
    joints_cam[:, :2] = torch.linspace(0.4, 0.6, 63).reshape(21, 3)
    keypoints_px = torch.full((count, 3, 21, 2), torch.nan)
    keypoints_px[:, :2] = torch.linspace(5, 40, 42).reshape(21, 2)
    visible = torch.zeros(count, 3, 21, dtype=torch.bool)
    visible[:, 0, :18] = True
    depth_m = torch.full((count, config.height, config.width), 0.8)
    depth_m[:, :, : config.width // 2] = torch.nan
    return RenderedBatch(
        rgb=rgb,
        depth_m=depth_m,
        mask=torch.zeros(count, config.height, config.width, dtype=torch.uint8),
        alpha=torch.full((count, config.height, config.width), 255, dtype=torch.uint8),
        keypoints_px=keypoints_px,
        joints_cam=joints_cam,
        visible=visible,
        side=torch.tensor([Side.LEFT, Side.RIGHT, Side.UNKNOWN]).expand(count, 3),
        intrinsics=torch.tensor([60.0, 61.0, 31.5, 23.5]).expand(count, 4),
    )


def noise_picture(seed, height, width):
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return torch.from_numpy(np.kron(noise, np.ones((8, 8, 1), np.uint8)))
