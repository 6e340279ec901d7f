import math

import numpy as np
import pytest
import torch

from hand_pose_ros.data.rendering.backdrops import (
    invented,
    pack_photos,
    photo_crops,
    sample_headings,
)
from hand_pose_ros.data.rendering.draws import Draws
from hand_pose_ros.data.rendering.panoramas import PanoramaStore
from hand_pose_ros.data.rendering.shading import harmonics
from hand_pose_ros.data.rendering.texels import GAMMA, TexelStore

UPRIGHT = torch.diag(torch.tensor((1.0, -1.0, -1.0)))[None]


def panorama(radiance: float = 1.0) -> np.ndarray:
    return np.full((64, 128, 3), radiance, np.float32)


def test_texels_are_exact_at_their_centres_and_linear_between():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    store = TexelStore([picture], levels=1)
    zero = torch.zeros(2, dtype=torch.int64)
    at = torch.tensor([[2.5 / 7, 3.0 / 7], [1.5 / 5, 1.5 / 5]])
    colour = store.sample(zero, zero, at) ** (1 / GAMMA) * 255
    left, right = picture[1, 2].astype(float), picture[1, 3].astype(float)
    assert torch.allclose(colour[:, 0].double(), torch.from_numpy(left), atol=0.01)
    assert torch.allclose(colour[:, 1].double(), torch.from_numpy((left + right) / 2), atol=0.01)


def test_texels_beyond_the_border_repeat_it():
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:, -1] = 255
    store = TexelStore([picture], levels=1)
    zero = torch.zeros(1, dtype=torch.int64)
    assert store.sample(zero, zero, torch.tensor([[1.0], [1.0]])).min() > 0.999


def test_photo_crops_show_the_photographs_colours():
    photo = np.full((200, 300, 3), 128, np.uint8)
    crops = photo_crops(Draws(range(40)), pack_photos([photo], 'cpu'), (24, 32))
    assert crops.shape == (40, 24, 32, 3)
    assert crops.flatten(1, 2).std(1).max() < 1e-4
    assert abs(float(crops.log().mean()) - GAMMA * math.log(128 / 255)) < 0.1


@pytest.mark.parametrize(
    'photo', [np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3)), np.zeros((8, 40, 3), np.uint8)]
)
def test_photographs_of_another_kind_are_refused(photo):
    with pytest.raises(ValueError, match='background 0'):
        pack_photos([photo], 'cpu')


def test_invented_backgrounds_depend_on_the_seed_alone():
    together, alone = invented(Draws([1, 2]), (20, 30)), invented(Draws([2]), (20, 30))
    assert torch.equal(together[1:], alone)
    assert together.min() >= 0
    assert not torch.equal(together[0], together[1])


def test_an_even_panorama_lights_all_sides_alike():
    store = PanoramaStore([panorama()])
    light = store.light(torch.tensor([0]), UPRIGHT, torch.ones(1))
    normals = Draws([0]).normal(50, 3)[0]
    normals = normals / normals.norm(dim=1, keepdim=True)
    towards = (normals @ light.key_direction[0]).clamp(min=0)[:, None]
    total = harmonics(normals) @ light.ambient[0] + towards * light.key_colour
    # Scaled so that a level surface gets 1. A share of it counts as the lamp.
    assert (total - 1).abs().max() < 0.15


def test_a_small_bright_spot_becomes_the_lamp():
    view = panorama(0.05)
    view[16:18, 96:98] = 400.0  # 45 degrees up, to the right
    store = PanoramaStore([view])
    direction = store.light(torch.tensor([0]), UPRIGHT, torch.ones(1)).key_direction[0]
    truth = torch.tensor((0.5**0.5, -(0.5**0.5), 0.0))
    assert direction @ truth > math.cos(math.radians(4))


def test_the_view_of_a_panorama_turns_with_the_camera():
    view = panorama(0.2)
    view[28:36, 60:68] = 1.5  # ahead
    store = PanoramaStore([view])
    rays = torch.tensor([[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]])
    ahead, right = store.view(torch.tensor([0]), UPRIGHT, rays)[0, :, 0]
    assert ahead > 5 * right
    about_y = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    turned = store.view(torch.tensor([0]), UPRIGHT @ about_y, rays)[0, :, 0]
    assert turned[0] < turned.max() * 1.001
    assert not torch.allclose(turned, torch.stack((ahead, right)))


@pytest.mark.parametrize(
    ('view', 'message'),
    [
        (np.zeros((64, 64, 3), np.float32), r'\(h, 2 h, 3\)'),
        (np.zeros((64, 128, 3), np.float32), 'black'),
    ],
)
def test_broken_panoramas_are_refused(view, message):
    with pytest.raises(ValueError, match=message):
        PanoramaStore([panorama(), view])


def test_headings_keep_the_sky_up():
    up = sample_headings(Draws(range(200))) @ torch.tensor((0.0, 1.0, 0.0))
    assert (up[:, 1] < -0.7).all()
