from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.geometry.camera import project
from hand_pose_ros.pipeline.config import SmoothingConfig
from hand_pose_ros.pipeline.smoothing import HAND_SIZE_M, HandSmoother, OneEuroFilter
from hand_pose_ros.types import Camera, Hand

START_S = 1_700_000_000.0
CONFIG = SmoothingConfig()
STAMPS_S = START_S + np.arange(600) / 30


def smooth(points: np.ndarray, stamps_s=STAMPS_S, size=HAND_SIZE_M, config=CONFIG) -> np.ndarray:
    """Filters (T, K, D) points."""
    one_euro = OneEuroFilter(config)
    pairs = zip(points, stamps_s, strict=False)
    return np.stack([one_euro([now], stamp_s, [size])[0] for now, stamp_s in pairs])


def moving(x_m: np.ndarray) -> np.ndarray:
    """The path of one point along x, (T, 1, 3)."""
    return np.stack((x_m, np.zeros_like(x_m), np.full_like(x_m, 0.6)), axis=-1)[:, None]


def joints_at_rest(noise_m: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, noise_m, (600, 21, 3))


def hand(hand_id: str, keypoints_px=None, joints_cam=None) -> Hand:
    keypoints_px = np.zeros((21, 2)) if keypoints_px is None else keypoints_px
    joints_cam = np.zeros((21, 3)) if joints_cam is None else joints_cam
    return Hand(
        keypoints_px.astype(np.float32),
        np.ones(21, np.float32),
        np.array([0, 0, 100, 100], np.float32),
        score=0.9,
        joints_cam=joints_cam.astype(np.float32),
        id=hand_id,
    )


def test_noise_of_two_millimetres_at_rest_becomes_less_than_a_third():
    noisy = joints_at_rest(0.002)
    assert noisy.std() / smooth(noisy)[30:].std() >= 3


def test_noise_of_one_pixel_at_rest_becomes_less_than_a_third():
    noisy = np.random.default_rng(0).normal(0, 1, (600, 21, 2))
    assert noisy.std() / smooth(noisy, size=100)[30:].std() >= 3


def test_a_motion_of_a_metre_per_second_lags_by_less_than_fifteen_millimetres():
    path = moving((STAMPS_S - START_S)[:60] * 1.0)
    lag_m = (path - smooth(path))[..., 0]
    assert 0 < lag_m[30:].max() < 0.015


def test_reaching_half_a_metre_in_eight_tenths_of_a_second_lags_by_less_than_two_centimetres():
    """A minimum-jerk reach (Flash and Hogan 1985), 1.2 m/s at its fastest."""
    share = np.clip((STAMPS_S[:60] - START_S - 0.5) / 0.8, 0, 1)
    path = moving(0.5 * (10 * share**3 - 15 * share**4 + 6 * share**5))
    error_m = np.abs(path - smooth(path))[..., 0]
    assert error_m.max() < 0.02
    assert error_m[-10:].max() < 0.005


def test_the_first_points_pass_unchanged():
    points = joints_at_rest(0.1)[:1]
    np.testing.assert_array_equal(smooth(points), points)


def test_at_rest_the_filter_is_the_low_pass_of_the_paper():
    """With beta 0 the cutoff is fixed: alpha = 1 / (1 + 1 / (2 pi f dt))."""
    step = np.ones((2, 1, 3)) * np.array([0.0, 1.0])[:, None, None]
    config = SmoothingConfig(min_cutoff_hz=2.0, beta=0.0)
    alpha = 1 / (1 + 1 / (2 * np.pi * 2.0 / 30))
    np.testing.assert_allclose(smooth(step, config=config)[1], alpha, rtol=1e-5)


def test_the_result_depends_on_stamps_and_not_on_the_number_of_images():
    """The same motion at 60 Hz and at 20 Hz ends within 5 mm."""
    ends = []
    for rate_hz in (20, 60):
        stamps_s = START_S + np.arange(2 * rate_hz) / rate_hz
        path = moving(0.1 * np.sin(3 * (stamps_s - START_S)))
        ends.append(smooth(path, stamps_s)[::rate_hz, 0, 0][-1])
    assert abs(ends[0] - ends[1]) < 0.005


def test_directions_do_not_matter():
    path = joints_at_rest(0.01)[:50]
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    np.testing.assert_allclose(smooth(path @ turn), smooth(path) @ turn, atol=1e-12)


def test_pixels_and_metres_are_smoothed_alike():
    path = joints_at_rest(0.01)[:50]
    pixels = smooth(path / HAND_SIZE_M * 100, size=100)
    np.testing.assert_allclose(pixels, smooth(path) / HAND_SIZE_M * 100, atol=1e-9)


def test_a_point_that_disappears_is_nan_and_starts_afresh():
    path = joints_at_rest(0.05)[:30]
    path[10:15, 4] = np.nan
    result = smooth(path)
    assert np.isnan(result[10:15, 4]).all()
    np.testing.assert_array_equal(result[15, 4], path[15, 4])
    others = np.delete(np.arange(21), 4)
    np.testing.assert_array_equal(result[:, others], smooth(path[:, others]))
    np.testing.assert_array_equal(result[15:, 4], smooth(path[15:], STAMPS_S[15:])[:, 4])


def test_a_point_that_was_never_seen_stays_nan():
    path = joints_at_rest(0.01)[:20]
    path[:, 7] = np.nan
    result = smooth(path)
    assert np.isnan(result[:, 7]).all()
    assert np.isfinite(np.delete(result, 7, axis=1)).all()


@pytest.mark.parametrize('jump_s', [0.0, -1e-3, -100.0, 0.51, 1e6])
def test_a_stamp_without_advance_or_after_a_pause_starts_afresh(jump_s):
    path = joints_at_rest(0.05)[:40]
    later_s = STAMPS_S[19] + jump_s + np.arange(20) / 30
    result = smooth(path, np.concatenate((STAMPS_S[:20], later_s)))
    np.testing.assert_allclose(result[20:], smooth(path[20:]), atol=1e-6)


def test_a_short_pause_does_not():
    path = joints_at_rest(0.05)[:40]
    later_s = STAMPS_S[19] + 0.49 + np.arange(20) / 30
    result = smooth(path, np.concatenate((STAMPS_S[:20], later_s)))
    assert np.abs(result[20] - path[20]).max() > 0.001


def test_another_number_of_points_is_refused():
    one_euro = OneEuroFilter(CONFIG)
    one_euro([np.zeros((21, 3))], START_S, [1.0])
    with pytest.raises(ValueError, match=r'points must have shape \(21, 3\), got \(20, 3\)'):
        one_euro([np.zeros((20, 3))], START_S + 0.03, [1.0])


def test_the_filter_keeps_no_hold_on_what_it_took_or_gave():
    one_euro = OneEuroFilter(CONFIG)
    points = np.zeros((21, 3))
    (given,) = one_euro([points], START_S, [1.0])
    points += 1
    given += 1
    np.testing.assert_array_equal(one_euro([np.zeros((21, 3))], START_S + 0.03, [1.0]), 0)


def test_hands_are_smoothed_apart_by_their_ids():
    first, second = joints_at_rest(0.01)[:30], 1 + joints_at_rest(0.01)[100:130]
    smoother = HandSmoother(CONFIG)
    for index, stamp_s in enumerate(STAMPS_S[:30]):
        hands = [hand('1', joints_cam=first[index]), hand('2', joints_cam=second[index])]
        if index % 2:
            hands.reverse()
        result = {h.id: h for h in smoother.update(tuple(hands), stamp_s)}
    np.testing.assert_allclose(result['1'].joints_cam, smooth(first)[-1], atol=1e-6)
    np.testing.assert_allclose(result['2'].joints_cam, smooth(second)[-1], atol=1e-6)


@pytest.mark.parametrize(
    'velocity_m_s', [(1.0, 0, 0), (0, 0, -0.5), (0, 0, 1.0)], ids=['across', 'nearer', 'away']
)
def test_keypoints_stay_within_a_pixel_of_where_the_joints_project(velocity_m_s):
    """Metres alone change with a motion towards the camera; both open as far as the faster."""
    camera = Camera(480, 640, 600, 600, 319.5, 239.5)
    joints_at_start = np.random.default_rng(0).uniform(
        (-0.1, -0.1, 0.55), (0.1, 0.1, 0.65), (21, 3)
    )
    smoother, gaps_px = HandSmoother(CONFIG), []
    for stamp_s in STAMPS_S[:15]:
        joints_cam = joints_at_start + np.array(velocity_m_s) * (stamp_s - START_S)
        before = hand('1', project(joints_cam, camera), joints_cam)
        (after,) = smoother.update((before,), stamp_s)
        gaps_px.append(np.abs(project(after.joints_cam, camera) - after.keypoints_px).max())
    assert max(gaps_px) < 1


def test_only_keypoints_and_joints_change():
    smoother = HandSmoother(CONFIG)
    smoother.update((hand('1'),), START_S)
    before = hand('1', np.ones((21, 2)), np.ones((21, 3)))
    (after,) = smoother.update((before,), START_S + 0.03)
    assert after.keypoints_px.dtype == after.joints_cam.dtype == np.float32
    assert (after.keypoints_px < 1).all()
    assert (after.joints_cam < 1).all()
    assert before == replace(after, keypoints_px=before.keypoints_px, joints_cam=before.joints_cam)


def test_a_hand_missed_for_a_moment_goes_on():
    smoother = HandSmoother(CONFIG)
    smoother.update((hand('1'),), START_S)
    smoother.update((), START_S + 0.1)
    (after,) = smoother.update((hand('1', np.ones((21, 2))),), START_S + 0.2)
    assert (after.keypoints_px < 1).all()


def test_a_hand_that_is_gone_is_forgotten():
    smoother = HandSmoother(CONFIG)
    for index in range(1000):
        smoother.update((hand(str(index)),), START_S + index / 30)
    assert len(smoother._filters) <= CONFIG.max_gap_s * 30 + 1


def test_reset_starts_afresh():
    smoother = HandSmoother(CONFIG)
    smoother.update((hand('1'),), START_S)
    smoother.reset()
    (after,) = smoother.update((hand('1', np.ones((21, 2))),), START_S + 0.03)
    np.testing.assert_array_equal(after.keypoints_px, 1)


def test_a_hand_without_id_passes_unchanged():
    smoother = HandSmoother(CONFIG)
    smoother.update((hand(''),), START_S)
    before = hand('', np.ones((21, 2)))
    assert smoother.update((before,), START_S + 0.03) == (before,)
