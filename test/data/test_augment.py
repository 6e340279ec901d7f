"""Training samples show the keypoints where their labels say."""

import numpy as np
import pytest

from hand_pose_ros.data import augment
from hand_pose_ros.data.augment import (
    MIN_KEYPOINTS,
    Augmentation,
    region_sample,
    scene_sample,
)
from hand_pose_ros.data.pictures import make_picture
from hand_pose_ros.geometry.crop import FILL
from hand_pose_ros.types import Side

SIZE = 256


def dotted_picture(opaque=True, side=Side.LEFT):
    """A dark picture with a bright dot at each of 21 keypoints."""
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=2).reshape(-1, 2)[:21]
    points = (90 + 30 * grid + rng.uniform(-5, 5, grid.shape)).astype(np.float32)
    y, x = np.mgrid[:300, :400]
    rgba = np.zeros((300, 400, 4), np.uint8)
    for px, py in points:
        rgba[..., :3] |= np.where((x - px) ** 2 + (y - py) ** 2 < 50, 255, 0)[..., None].astype(
            np.uint8
        )
    rgba[..., 3] = 255 if opaque else 255 * (rgba[..., 0] > 0)
    return make_picture(rgba, points[None], [side])


BACKGROUND = [np.zeros((64, 64, 3), np.uint8)]


NO_HAND = Augmentation(region_negatives=1.0)
ONLY_HANDS = Augmentation(region_negatives=0.0)


def median_redness(sample):
    """How much more red than green the middle of the picture is."""
    middle = sample.image[20:30, 20:30].astype(int)
    return np.median(middle[..., 0] - middle[..., 1])


def brightness_at(sample):
    """Value at each labelled keypoint over the picture's brightest, sorted."""
    image = sample.image.astype(float).max(axis=2)
    values = []
    for hand in sample.keypoints_px:
        for x, y in hand[np.isfinite(hand).all(axis=1)]:
            values.append(image[round(float(y)), round(float(x))] / max(image.max(), 1))
    return np.array(values)


@pytest.mark.parametrize('make', [scene_sample, region_sample])
@pytest.mark.parametrize('opaque', [True, False])
def test_labels_lie_on_what_they_label(make, opaque):
    picture = dotted_picture(opaque)
    settings = Augmentation(scene_hand_share=(0.4, 0.9), negatives=0.0, region_negatives=0.0)
    on_dot = []
    for seed in range(40):
        sample = make(np.random.default_rng(seed), [picture], BACKGROUND, SIZE, settings)
        on_dot.extend(brightness_at(sample) > 0.35)
    assert len(on_dot) > 300
    # Things before the hand, and strong noise and blur, hide a few dots.
    assert np.mean(on_dot) > 0.9


@pytest.mark.parametrize(
    ('make', 'seeds'), [(region_sample, range(40)), (scene_sample, range(300))]
)
def test_mirroring_swaps_the_side(make, seeds):
    picture = dotted_picture()
    settings = Augmentation(region_negatives=0.0, scene_hand_share=(0.03, 0.1), homography=0.3)
    chirality = {}
    for seed in seeds:
        sample = make(np.random.default_rng(seed), [picture], BACKGROUND, 128, settings)
        for hand, side in zip(sample.keypoints_px, sample.sides, strict=True):
            if np.isfinite(hand[[0, 4, 20]]).all():
                u, v = hand[4] - hand[0], hand[20] - hand[0]
                turn = np.sign(u[0] * v[1] - u[1] * v[0])
                chirality.setdefault(turn, set()).add(Side(side))
    assert sorted(map(sorted, chirality.values())) == [[Side.LEFT], [Side.RIGHT]]


def test_scenes_cover_tiny_and_large_hands_and_none():
    picture = dotted_picture(opaque=False)
    sizes, counts = [], []
    for seed in range(150):
        sample = scene_sample(
            np.random.default_rng(seed), [picture], BACKGROUND, SIZE, Augmentation()
        )
        counts.append(len(sample.keypoints_px))
        for hand in sample.keypoints_px:
            sizes.append(np.nanmax(np.nanmax(hand, axis=0) - np.nanmin(hand, axis=0)) / SIZE)
    assert min(sizes) < 0.1
    assert max(sizes) > 0.6
    assert {0, 1, 2} <= set(counts)


def test_every_target_has_enough_keypoints_all_inside():
    for seed in range(60):
        sample = scene_sample(
            np.random.default_rng(seed), [dotted_picture()], BACKGROUND, SIZE, Augmentation()
        )
        for hand in sample.keypoints_px:
            seen = hand[np.isfinite(hand).all(axis=1)]
            assert len(seen) >= MIN_KEYPOINTS
            assert (seen > -0.5).all()
            assert (seen < SIZE - 0.5).all()


def test_a_region_is_letterboxed_top_left_with_grey_beside():
    widths, heights = [], []
    for seed in range(20):
        sample = region_sample(
            np.random.default_rng(seed), [dotted_picture()], BACKGROUND, 128, ONLY_HANDS
        )
        assert sample.image.shape == (128, 128, 3)
        is_fill = (sample.image == FILL).all(axis=2)
        widths.append(128 - is_fill.all(axis=0).sum())
        heights.append(128 - is_fill.all(axis=1).sum())
        assert max(widths[-1], heights[-1]) == 128
        assert not is_fill[: heights[-1], : widths[-1]].all(axis=0).any()
        assert not is_fill[: heights[-1], : widths[-1]].all(axis=1).any()
    assert min(widths) < 124
    assert min(heights) < 124


@pytest.mark.parametrize('make', [scene_sample, region_sample])
def test_a_third_of_the_hands_have_a_thing_before_them_and_keep_their_labels(make):
    """On a white picture before white, all that is dark was put there."""
    points = np.random.default_rng(0).uniform(60, 240, (21, 2)).astype(np.float32)
    white = np.full((300, 300, 4), 255, np.uint8)
    picture = make_picture(white, points[None], [Side.LEFT])
    settings = Augmentation(scene_hand_share=(0.5, 0.9), negatives=0.0, region_negatives=0.0)
    covered, labelled = [], []
    for seed in range(60):
        sample = make(np.random.default_rng(seed), [picture], BACKGROUND, 128, settings)
        for hand in sample.keypoints_px:
            seen = np.rint(hand[np.isfinite(hand).all(axis=1)]).astype(int)
            labelled.append(len(seen))
            grey = sample.image[seen[:, 1], seen[:, 0]].mean(axis=1)
            covered.append((grey < 0.3 * np.median(sample.image)).mean())
    assert 0.1 < np.mean(np.array(covered) > 0) < 0.5
    assert np.mean(labelled) > 14


def test_the_same_seed_gives_the_same_sample():
    samples = [
        scene_sample(
            np.random.default_rng(7), [dotted_picture()], BACKGROUND, SIZE, Augmentation()
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(samples[0].image, samples[1].image)
    np.testing.assert_array_equal(samples[0].keypoints_px, samples[1].keypoints_px)


def test_some_regions_show_no_hand():
    samples = [
        region_sample(
            np.random.default_rng(seed),
            [dotted_picture()],
            BACKGROUND,
            64,
            Augmentation(region_negatives=0.5),
        )
        for seed in range(40)
    ]
    assert 8 < sum(len(sample.keypoints_px) == 0 for sample in samples) < 32


def test_regions_without_a_hand_show_other_parts_of_people():
    """A person of grey, with a hand of white in one corner."""
    points = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=2).reshape(-1, 2)[:21] * 10.0
    rgba = np.zeros((400, 300, 4), np.uint8)
    rgba[..., 3] = 255
    rgba[..., 0] = 120
    rgba[:60, :60] = 255
    hands = points[None].astype(np.float32)
    red = [
        [
            median_redness(
                region_sample(np.random.default_rng(seed), [picture], BACKGROUND, 64, NO_HAND)
            )
            for seed in range(40)
        ]
        for picture in (
            make_picture(rgba, hands, [Side.LEFT]),
            make_picture(rgba, hands, [Side.LEFT], complete=False),
        )
    ]
    whole, with_further_hands = (np.array(each) > 5 for each in red)
    assert whole.mean() > 0.6
    # A part beside the labelled hands may show one of the others.
    assert with_further_hands.mean() < 0.2


def test_the_hand_that_a_region_is_around_comes_first():
    one = dotted_picture(side=Side.LEFT)
    far_px = one.keypoints_px[0] * 0.2 + np.float32(300)
    rgba = one.levels[0]
    picture = make_picture(rgba, np.stack((one.keypoints_px[0], far_px)), [Side.LEFT, Side.RIGHT])
    settings = Augmentation(region_negatives=0.0, box_jitter=0.0, homography=0.0)
    for seed in range(20):
        sample = region_sample(np.random.default_rng(seed), [picture], BACKGROUND, 128, settings)
        low, high = (f(sample.keypoints_px[0], axis=0) for f in (np.nanmin, np.nanmax))
        assert (high - low).max() == pytest.approx(128 / 1.3, abs=2)


def test_a_region_tells_what_of_it_is_the_picture():
    settings = Augmentation(region_negatives=0.0)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        sample = region_sample(rng, [dotted_picture(opaque=False)], BACKGROUND, 128, settings)
        seen = sample.keypoints_px[0][np.isfinite(sample.keypoints_px[0]).all(axis=1)]
        columns, rows = np.rint(seen).astype(int).T
        assert sample.coverage[rows, columns].mean() > 0.95
        assert 0.01 < sample.coverage.mean() < 0.3
    empty = region_sample(rng, [dotted_picture()], BACKGROUND, 128, NO_HAND)
    assert empty.coverage.max() == 0


@pytest.mark.parametrize('make', [scene_sample, region_sample])
@pytest.mark.parametrize('hands', [True, False])
def test_things_are_put_before_nothing_as_often_as_before_hands(monkeypatch, make, hands):
    """Or they would tell the network where hands are."""
    put = []

    def spy(rng, canvas, hand, backgrounds):
        put.append(np.isfinite(hand).all(axis=1).any())
        return canvas, np.zeros(canvas.shape[:2], np.float32)

    monkeypatch.setattr(augment, '_occlude', spy)
    share = 0.0 if hands else 1.0
    augmentation = Augmentation(negatives=share, region_negatives=share)
    pictures = [dotted_picture()]
    for seed in range(20):
        sample = make(np.random.default_rng(seed), pictures, BACKGROUND, SIZE, augmentation)
        assert hands or not len(sample.keypoints_px)
    assert put == [True] * 20


@pytest.mark.parametrize('hw', [(479, 631), (233, 311), (480, 640)])
@pytest.mark.parametrize('scale', [0.45, 0.125])
def test_a_shrunk_picture_lies_where_its_labels_say(hw, scale):
    """Its smaller sizes are not exact halves where its sides are odd."""
    points = np.array(hw[::-1]) - 70 + 3.0 * np.stack(np.mgrid[:7, :3], 2).reshape(21, 2)
    y, x = np.mgrid[: hw[0], : hw[1]]
    middle = points.mean(axis=0)
    blob = 255 * np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * 15**2))
    rgba = np.dstack([blob] * 3 + [np.full(hw, 255.0)]).astype(np.uint8)
    picture = make_picture(rgba, points[None].astype(np.float32), [Side.LEFT])
    canvas = np.zeros((400, 400, 3), np.float32)
    shown, _, hands, _ = augment._paste(
        np.random.default_rng(0), canvas, picture, np.diag([scale, scale, 1.0])
    )
    weights = shown[..., 0] / shown[..., 0].sum()
    rows, columns = np.mgrid[:400, :400]
    centre = (weights * columns).sum(), (weights * rows).sum()
    np.testing.assert_allclose(centre, hands[0].mean(axis=0), atol=0.1)


def test_a_region_around_a_hand_that_is_not_in_it_shows_none():
    """Another hand that is in it would be read in its stead: a small one beside a large one."""
    large = dotted_picture().keypoints_px[0]
    small = (large - large.mean(axis=0)) / 20 + large.max(axis=0) + 5
    picture = make_picture(
        np.full((300, 400, 4), 255, np.uint8), np.stack((large, small)), [Side.LEFT, Side.RIGHT]
    )
    augmentation = Augmentation(region_negatives=0.0, box_jitter=0.15, homography=0.0)
    shares = []
    for seed in range(1500):
        rng = np.random.default_rng(seed)
        sample = region_sample(rng, [picture], BACKGROUND, 64, augmentation)
        if len(sample.keypoints_px):
            first = sample.outline_px[0]
            shares.append(np.ptp(first, axis=0).max() / 64)
    # In a region of its own the small hand is as large as the large one is in its own.
    assert min(shares) > 0.1
