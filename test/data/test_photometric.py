"""Light and colours vary as far as rooms and cameras do, and stay pictures."""

import numpy as np

from hand_pose_ros.data.photometric import photometric, relit


def test_light_varies_from_dark_rooms_to_overexposed_and_colour_down_to_grey():
    ramp = np.linspace(0, 255, 48 * 64, dtype=np.float32).reshape(48, 64, 1)
    picture = ramp * np.array([1.0, 0.7, 0.4], np.float32)
    means, colourfulness = [], []
    for seed in range(200):
        shown = photometric(np.random.default_rng(seed), picture)
        assert shown.shape == picture.shape
        assert np.isfinite(shown).all()
        assert 0 <= shown.min() <= shown.max() <= 255
        means.append(shown.mean())
        colourfulness.append(np.ptp(shown.mean(axis=(0, 1))))
    assert min(means) < 0.4 * picture.mean() < 1.4 * picture.mean() < max(means)
    assert 0.02 < np.mean(np.array(colourfulness) < 1) < 0.2


def test_sharpness_varies_too():
    board = np.float32(60) + 120 * (np.indices((48, 64)).sum(axis=0) % 2)[..., None]
    picture = np.repeat(board, 3, axis=2).astype(np.float32)
    contrast = [
        np.abs(np.diff(photometric(np.random.default_rng(seed), picture), axis=1)).mean()
        for seed in range(200)
    ]
    # Of a picture as sharp as the board, its whole contrast; of a moved one hardly any.
    assert np.percentile(contrast, 10) < 25
    assert np.percentile(contrast, 90) > 60


def test_a_cut_out_in_another_light_keeps_black_and_varies_in_warmth():
    colours = np.zeros((8, 8, 3), np.float32)
    colours[4:] = 128
    warmth = []
    for seed in range(100):
        lit = relit(np.random.default_rng(seed), colours)
        assert (lit[:4] == 0).all()
        assert lit.max() <= 255
        warmth.append(lit[4, 0, 0] / lit[4, 0, 2])
    assert 0.03 < np.std(np.log(warmth)) < 0.2
