from dataclasses import replace

import torch

from hand_pose_ros.data.rendering.lens import Film, defocus, move
from hand_pose_ros.data.rendering.scenes import Lens


def lens(count: int) -> Lens:
    return Lens(
        intrinsics=torch.ones(count, 4),
        exposure=torch.ones(count, 3),
        gamma=torch.full((count,), 2.2),
        defocus_px=torch.zeros(count),
        motion_px=torch.zeros(count, 2),
        noise=torch.zeros(count),
    )


def dot() -> torch.Tensor:
    light = torch.zeros(2, 3, 31, 31)
    light[:, :, 15, 15] = 1.0
    return light


def test_defocus_has_the_width_asked_for_and_keeps_the_light():
    blurred = defocus(dot(), torch.tensor((0.7, 1.1)))
    assert torch.allclose(blurred.sum((2, 3)), torch.ones(2, 3), atol=1e-5)
    offset = torch.arange(31) - 15.0
    spread = (blurred.sum(2) * offset**2).sum(-1).sqrt()[:, 0]
    assert torch.allclose(spread, torch.tensor((0.7, 1.1)), atol=0.02)


def test_motion_smears_along_its_direction_about_the_middle():
    moved = move(dot(), torch.tensor(((8.0, 0.0), (0.0, 0.0))))
    assert torch.equal(moved[1], dot()[1])
    row = moved[0, 0, 15]
    assert (row > 0).nonzero().squeeze(1).tolist() == list(range(11, 20))
    assert torch.allclose(row.sum(), torch.tensor(1.0))


def test_noise_has_the_spread_asked_for_and_depends_on_the_seed():
    light = torch.full((2, 3, 64, 64), 0.2)
    noisy = replace(lens(2), noise=torch.full((2,), 0.04))
    film = Film()
    picture = film.develop(light, noisy, torch.tensor((1, 2))).float()
    assert abs(float(picture.std()) - 0.04 * 255) < 0.5
    assert not torch.equal(picture[0], picture[1])
    again = film.develop(light[:1], replace(lens(1), noise=noisy.noise[:1]), torch.tensor((1,)))
    assert torch.equal(again[0].float(), picture[0])


def test_brighter_light_is_never_darker():
    light = torch.linspace(0, 4, 64).expand(1, 3, 64, 64).contiguous()
    picture = Film().develop(light, lens(1), torch.tensor((0,))).int()
    assert (picture.diff(dim=2) >= 0).all()
    assert picture.min() == 0
    assert picture.max() == 255
