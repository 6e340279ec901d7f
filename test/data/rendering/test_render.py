"""Exactness of rendered pictures and labels; needs the hand assets."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hand_pose_ros.data.rendering.hand_model import HandModel
from hand_pose_ros.data.rendering.render import HandRenderer, RenderedBatch, SceneConfig
from hand_pose_ros.data.rendering.scenes import SceneParameters
from hand_pose_ros.types import Side

SMALL = SceneConfig(height=96, width=128, hands=(1, 2), objects=0.5, distractors=0.5)
SEEDS = range(40, 48)


@pytest.fixture(scope='module')
def batch(renderer: HandRenderer) -> RenderedBatch:
    return renderer.render(SMALL, SEEDS)


@pytest.fixture(scope='module')
def scene(renderer: HandRenderer) -> SceneParameters:
    return renderer.sampler.sample(SMALL, list(SEEDS))


def same(a: Tensor, b: Tensor) -> bool:
    if a.is_floating_point():
        a, b = a.nan_to_num(-7.0), b.nan_to_num(-7.0)
    return torch.equal(a, b)


def project(joints_cam: Tensor, intrinsics: Tensor) -> Tensor:
    fx, fy, cx, cy = (value[:, None, None] for value in intrinsics.double().unbind(1))
    x, y, z = joints_cam.double().unbind(-1)
    return torch.stack((fx * x / z + cx, fy * y / z + cy), -1)


def test_shapes_and_types_are_those_of_the_interface(batch):
    n, m = 8, 6  # at most two hands wanted and a bystander: three people
    assert batch.rgb.shape == (n, 96, 128, 3)
    assert batch.rgb.dtype == torch.uint8
    assert batch.depth_m.shape == batch.mask.shape == batch.alpha.shape == (n, 96, 128)
    assert batch.depth_m.dtype == torch.float32
    assert batch.keypoints_px.shape == (n, m, 21, 2)
    assert batch.joints_cam.shape == (n, m, 21, 3)
    assert batch.visible.shape == (n, m, 21)
    assert batch.side.shape == (n, m)
    assert batch.intrinsics.shape == (n, 4)


def test_a_seed_gives_the_same_picture_in_any_batch(renderer, batch):
    again = renderer.render(SMALL, [SEEDS[5]])
    for name, value in vars(batch).items():
        assert same(value[5:6], vars(again)[name]), name


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_cpu_and_gpu_agree_within_rounding(batch, make_renderer):
    gpu = make_renderer('cuda').render(SMALL, SEEDS)
    on_cpu = {name: value.cpu() for name, value in vars(gpu).items()}
    torch.testing.assert_close(
        on_cpu['joints_cam'], batch.joints_cam, rtol=1e-4, atol=1e-5, equal_nan=True
    )
    torch.testing.assert_close(
        on_cpu['keypoints_px'], batch.keypoints_px, rtol=1e-4, atol=1e-2, equal_nan=True
    )
    # At silhouettes rounding decides which of two surfaces a sample meets.
    assert (on_cpu['mask'] != batch.mask).float().mean() < 1e-3
    assert (on_cpu['rgb'].int() - batch.rgb.int()).abs().float().mean() < 0.5


def test_another_seed_gives_another_picture(batch):
    assert not torch.equal(batch.rgb[0], batch.rgb[1])


def test_keypoints_are_the_projection_of_the_joints_to_a_thousandth_of_a_pixel(batch):
    there = batch.side > 0
    error = (project(batch.joints_cam, batch.intrinsics) - batch.keypoints_px)[there]
    assert there.sum() >= 8
    assert error.abs().max() < 1e-3


def test_absent_hands_are_nan_unknown_and_invisible(batch):
    absent = batch.side == int(Side.UNKNOWN)
    assert absent.any()
    assert batch.keypoints_px[absent].isnan().all()
    assert batch.joints_cam[absent].isnan().all()
    assert not batch.visible[absent].any()


def test_visible_joints_are_in_the_picture_and_behind_little_flesh(batch):
    image, hand, joint = batch.visible.nonzero().T
    x, y = batch.keypoints_px[image, hand, joint].round().long().T
    assert ((x >= 0) & (x < 128) & (y >= 0) & (y < 96)).all()
    z, front = batch.joints_cam[image, hand, joint, 2], batch.depth_m[image, y, x]
    on_person = batch.alpha[image, y, x] == 255
    assert ((z - front)[on_person] < 0.045).all()


def test_joints_far_behind_the_z_buffer_are_hidden(batch):
    inside = (batch.keypoints_px >= 0).all(-1) & (batch.keypoints_px[..., 0] < 127)
    inside &= batch.keypoints_px[..., 1] < 95
    image, hand, joint = inside.nonzero().T
    x, y = batch.keypoints_px[image, hand, joint].round().long().T
    behind = batch.joints_cam[image, hand, joint, 2] - batch.depth_m[image, y, x] > 0.05
    assert behind.sum() > 5
    assert not batch.visible[image, hand, joint][behind].any()


def test_the_mask_of_a_hand_is_where_its_visible_joints_are(renderer):
    batch = renderer.render_depth(SceneConfig(hand_share=(0.4, 0.7)), range(12))
    image, hand, joint = batch.visible.nonzero().T
    x, y = batch.keypoints_px[image, hand, joint].round().long().T
    on_hand = batch.mask[image, y, x] == hand + 1
    # The wrist lies on the border of the hand.
    assert on_hand[joint > 0].float().mean() > 0.97


def test_depth_mode_gives_the_depth_of_the_pictures_without_supersampling(renderer):
    config = replace(SMALL, supersampling=1)
    full, depth_only = renderer.render(config, [3, 4]), renderer.render_depth(config, [3, 4])
    assert same(full.depth_m, depth_only.depth_m)
    assert same(full.keypoints_px, depth_only.keypoints_px)
    assert same(full.visible, depth_only.visible)


def test_depth_mode_shows_the_skin_of_hands_and_nothing_else(renderer):
    config = replace(SMALL, hand_share=(0.4, 0.7), supersampling=1)
    batch, lit = renderer.render_depth(config, range(8)), renderer.render(config, range(8))
    assert (batch.rgb[batch.mask == 0] == 136).all()  # reflects as much as cloth
    hands = [(i, int(m)) for i in range(8) for m in batch.mask[i].unique() if m]
    assert len(hands) >= 8
    tones, lit_tones = [], []
    for image, number in hands:
        there = batch.mask[image] == number
        colours = batch.rgb[image][there]
        assert (colours == colours[0]).all()
        tones.append(float(colours[0].float().max()))
        lit_tones.append(float(lit.rgb[image][there].float().mean()))
    # Light differs from picture to picture, and still hands of dark skin are the darker ones.
    assert np.corrcoef(tones, lit_tones)[0, 1] > 0.4


def test_supersampling_hardly_changes_the_depth_of_hands(renderer):
    config = replace(SMALL, hand_share=(0.4, 0.7))
    views = [renderer.render(replace(config, supersampling=s), SEEDS) for s in (1, 2, 3)]
    for other in views[1:]:
        both = (views[0].mask > 0) & (views[0].mask == other.mask)
        difference = (views[0].depth_m - other.depth_m)[both].abs()
        assert both.sum() > 5_000
        assert difference.median() < 1e-5
        assert (difference < 1e-3).float().mean() > 0.97


def test_background_is_seen_through_no_hole_in_people(renderer):
    """Fewer than one in 100,000 pixels inside silhouettes shows what is behind."""
    config = SceneConfig(hand_share=(0.3, 0.6), background='transparent', supersampling=1)
    covered = renderer.render_depth(config, range(24)).alpha > 0
    inner = -torch.nn.functional.max_pool2d(-covered.float(), 3, 1, 1)
    around = torch.nn.functional.avg_pool2d(covered.float(), 3, 1, 1, count_include_pad=False)
    holes = ~covered & (around > 7.5 / 9)
    assert inner.sum() > 200_000
    assert holes.sum() < inner.sum() / 100_000 + 1


def mirrored(scene: SceneParameters) -> SceneParameters:
    """The scene as a mirror at the camera's x = 0 shows it."""
    flip = torch.tensor((-1.0, 1.0, 1.0))
    people, light, lens, things = scene.people, scene.light, scene.lens, scene.things
    people = replace(
        people, rotation=people.rotation * flip[:, None], position=people.position * flip
    )
    free = (things.holder < 0)[..., None]
    things = replace(
        things,
        rotation=torch.where(free[..., None], things.rotation * flip[:, None], things.rotation),
        position=torch.where(free, things.position * flip, things.position),
    )
    # Harmonics odd in x change sign: x, x y, x z.
    signs = torch.ones(9)
    signs[[3, 4, 7]] = -1
    light = replace(
        light, ambient=light.ambient * signs[:, None], key_direction=light.key_direction * flip
    )
    intrinsics = lens.intrinsics.clone()
    intrinsics[:, 2] = scene.width - 1 - intrinsics[:, 2]
    lens = replace(
        lens, intrinsics=intrinsics, motion_px=lens.motion_px * flip[:2], noise=0 * lens.noise
    )
    return replace(
        scene,
        people=people,
        light=light,
        lens=lens,
        things=things,
        background=scene.background.flip(2),
        background_depth_m=scene.background_depth_m.flip(2),
    )


def test_a_mirrored_scene_gives_the_mirrored_picture_and_swaps_left_and_right(renderer, scene):
    scene = replace(scene, supersampling=1, lens=replace(scene.lens, noise=0 * scene.lens.noise))
    plain, mirror = renderer.render_scene(scene), renderer.render_scene(mirrored(scene))
    x = scene.width - 1 - mirror.keypoints_px[..., 0]
    there = plain.side > 0
    assert (x - plain.keypoints_px[..., 0])[there].abs().max() < 1e-3
    assert (mirror.keypoints_px[..., 1] - plain.keypoints_px[..., 1])[there].abs().max() < 1e-3
    assert torch.equal(mirror.side[there], 3 - plain.side[there])
    same_depth = (mirror.depth_m.flip(2) - plain.depth_m).abs() < 1e-5
    same_depth |= mirror.depth_m.flip(2).isnan() & plain.depth_m.isnan()
    assert same_depth.float().mean() > 0.9995
    difference = mirror.rgb.flip(2).int() - plain.rgb.int()
    assert (difference.abs() <= 1).float().mean() > 0.999


def test_the_hand_at_the_persons_left_is_labelled_left(renderer, scene):
    """Someone upright who faces the camera has the left hand on the picture's right."""
    facing = torch.diag(torch.tensor((1.0, -1.0, -1.0)))
    people = scene.people
    arms = torch.zeros_like(people.arms)
    arms[..., :3] = torch.tensor((0.5, 0.2, 0.6))
    people = replace(
        people,
        arms=arms,
        rotation=facing.expand_as(people.rotation),
        position=torch.tensor((0.0, 0.5, 1.6)).expand_as(people.position),
        parts_drawn=torch.zeros_like(people.parts_drawn),
    )
    people.parts_drawn[:, 0] = True
    batch = renderer.render_scene(replace(scene, people=people), shaded=False)
    for points, side in zip(batch.keypoints_px[:, :2, 0, 0], batch.side[:, :2], strict=True):
        assert side.tolist() == [int(Side.LEFT), int(Side.RIGHT)]
        assert points[0] > points[1]


def test_the_base_body_is_symmetric_so_that_both_hands_are_mirror_images(model: HandModel):
    left, right = model.joints
    assert torch.allclose(left * torch.tensor((-1.0, 1.0, 1.0)), right, atol=1e-6)


def test_transparent_pictures_have_alpha_and_no_background(renderer):
    batch = renderer.render(replace(SMALL, background='transparent'), [1, 2])
    assert (batch.alpha == 0).any()
    assert (batch.alpha == 255).any()
    assert batch.depth_m[batch.alpha == 0].isnan().all()


def test_hands_stay_within_the_shares_asked_for(renderer):
    config = SceneConfig(
        height=128, width=128, hands=(1, 1), hand_share=(0.3, 0.5), truncated=0.0, distractors=0.0
    )
    batch = renderer.render_depth(config, range(30))
    there = batch.side > 0
    assert (there.sum(1) == 1).float().mean() > 0.9
    points = batch.keypoints_px[there]
    share = (points.amax(1) - points.amin(1)).amax(1) / 128
    assert share.min() > 0.3 * 0.7
    assert share.max() < 0.5 * 1.35


def test_no_hands_are_seen_in_negatives(renderer):
    batch = renderer.render_depth(replace(SMALL, hands=(0, 0), distractors=1.0), range(12))
    assert (batch.side == 0).all()
    assert (batch.mask == 0).all()
    assert (batch.alpha > 0).any()


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('hands', (2, 1), 'hands'),
        ('hands', (0, 9), 'hands'),
        ('fov_deg', (60.0, 190.0), 'fov_deg'),
        ('distance_m', (0.0, 1.0), 'distance_m'),
        ('hand_share', (0.5, 0.2), 'hand_share'),
        ('supersampling', 0, 'supersampling'),
        ('pair', 1.5, 'pair'),
        ('background', 'green', 'background'),
        ('height', 4, '16 pixels'),
    ],
)
def test_impossible_ranges_are_refused_by_name(field, value, message):
    with pytest.raises(ValueError, match=message):
        SceneConfig(**{field: value})
