from dataclasses import replace

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.depth_comparison import (
    describe,
    draw_comparison,
    measure_errors,
    read_sr305_frames,
)
from hand_pose_ros.data.depth_sensors import SR305, measure_depth_image


def scene(hole=False):
    """A disc at 0.7 m and a box before it at 0.5 m."""
    y, x = np.indices((240, 320))
    depth_m = np.where((x - 170) ** 2 + (y - 120) ** 2 < 100**2, 0.7, np.nan)
    depth_m[90:150, 120:160] = 0.5
    if hole:
        depth_m[60:66, 180:186] = np.nan
    return depth_m.astype(np.float32)


def test_the_noise_put_in_is_the_noise_measured():
    rng = np.random.default_rng(0)
    exact = scene()
    for noise_per_m in (0.3e-3, 1e-3):
        noisy = exact + rng.normal(0, noise_per_m, exact.shape).astype(np.float32) * exact**2
        statistics = measure_errors([noisy])
        assert statistics.noise_per_m == pytest.approx(noise_per_m, rel=0.05)
        assert abs(statistics.grain) < 0.1


def test_grain_is_the_correlation_of_neighbours():
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (240, 320)), (0, 0), 1.0)
    # Such a blur correlates neighbours by exp(-1 / 4); the fit takes some of it.
    statistics = measure_errors([scene() + 1e-3 * smooth.astype(np.float32)])
    assert statistics.grain == pytest.approx(0.78, abs=0.15)


def test_holes_jumps_and_gaps_are_counted():
    whole = measure_errors([scene()])
    assert whole.shadow_px == (0, 0)
    assert whole.jump_share == pytest.approx(2 * 60 / 31000, rel=0.05)
    assert measure_errors([scene(hole=True)]).hole_share > whole.hole_share
    gaps = scene()
    gaps[:, 115:120] = np.nan
    gaps[:, 160:172] = np.nan
    assert measure_errors([gaps]).shadow_px == (5, 12)


def test_frayed_silhouettes_are_more_ragged():
    smooth, frayed = (
        measure_errors([measure_depth_image(replace(SR305, jitter_px=px), scene(), 476.0, 0)])
        for px in (0.01, 2.0)
    )
    assert frayed.raggedness_px > 1.5 * smooth.raggedness_px


def test_frames_come_in_metres_with_nan_for_what_is_missing(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 8, 4000]], np.uint16))
    (frame,) = read_sr305_frames(tmp_path)
    np.testing.assert_allclose(frame, [[np.nan, 0.001, 0.5]], rtol=1e-6)


def test_what_is_no_depth_frame_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='no depth frames'):
        read_sr305_frames(tmp_path)
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r'a\.png is not a 16-bit'):
        read_sr305_frames(tmp_path)


def test_the_picture_shows_both_with_their_statistics():
    picture = draw_comparison([scene()], [scene()])
    assert picture.shape == (2 * (48 + 2 * 240), 5 * 320, 3)
    assert 'jumps over 10 mm 0.385%' in describe(measure_errors([scene()]))


def test_the_real_sr305_shows_the_noise_and_the_shadow_that_the_model_has(shared_dir):
    real = measure_errors(read_sr305_frames(shared_dir / 'data/real_depth'))
    simulated = measure_errors([measure_depth_image(SR305, scene(), 476.0, i) for i in range(3)])
    # The real frames hold folds and features too, which pass for noise.
    assert 0.5 < simulated.noise_per_m / real.noise_per_m < 1
    assert simulated.grain == pytest.approx(real.grain, abs=0.15)
    # Silhouettes in the real frames also fray because surfaces turn away there; the disc's do not.
    assert 0.4 < simulated.raggedness_px / real.raggedness_px < 1
    assert real.jump_share < 0.001
    assert simulated.jump_share < 0.001
    assert real.shadow_px[1] > real.shadow_px[0]
    assert simulated.shadow_px[1] > simulated.shadow_px[0]
