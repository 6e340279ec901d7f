"""Samples of the depth network: what is shown and what is asked for belong together."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from depth_set import joints_cam, write_set

from hand_pose_ros.codecs.depth_crop import EMPTY, decode_joints
from hand_pose_ros.data.depth_hands import AS_AT_RUN_TIME, Jitter, draw_sample, load_depth_hands

CUBE_M, SIZE = 0.3, 128
STILL = replace(AS_AT_RUN_TIME, centre_m=0.0, distance_m=0.0, keypoints=0.0)
SPREAD = Jitter(damage=0.0)


def test_the_last_pictures_of_each_folder_are_held_out(tmp_path):
    folders = [write_set(tmp_path / name) for name in 'ab']
    train, held_out = load_depth_hands(folders, 0.2)
    assert (len(train.hands), len(held_out.hands)) == (16, 4)
    assert [hand.picture for hand in train.hands] == list(range(16))
    assert {hand.sensor for hand in train.hands} == {'sr305'}


def test_without_jitter_the_hand_is_in_the_middle(tmp_path):
    hands, _ = load_depth_hands([write_set(tmp_path / 'a')], 0.2)
    sample = draw_sample(np.random.default_rng(0), hands, 0, CUBE_M, SIZE, STILL)
    middle = (sample.joints.min(axis=0) + sample.joints.max(axis=0)) / 2
    assert np.abs(middle[:2]).max() < 0.03
    # The centre is on the skin, 8 mm before the joints.
    assert np.median(sample.joints[:, 2]) * CUBE_M / 2 == pytest.approx(0.008, abs=0.003)
    assert not sample.is_right


@pytest.mark.parametrize('index', range(8))
def test_joints_stay_on_what_is_shown_however_a_sample_is_turned(tmp_path, index):
    hands, _ = load_depth_hands([write_set(tmp_path / 'a')], 0.2)
    sample = draw_sample(np.random.default_rng(index), hands, index, CUBE_M, SIZE, SPREAD)
    pixels = ((sample.joints[:, :2] + 1) * SIZE / 2 - 0.5).round().astype(int)
    inside = np.all((pixels >= 0) & (pixels < SIZE), axis=1)
    shown = sample.crop[pixels[inside, 1], pixels[inside, 0]]
    assert inside.sum() > 15
    # Nearest pixels: here and there a joint is shown one pixel beside its square.
    assert (shown < EMPTY).mean() > 0.9
    scale_m = sample.view.cube_m / 2
    gap_m = (sample.joints[inside, 2] - shown)[shown < EMPTY] * scale_m
    assert np.median(gap_m) == pytest.approx(0.008, abs=0.004)


def test_jitter_moves_the_centre_and_keeps_the_joints_where_they_are(tmp_path):
    hands, _ = load_depth_hands([write_set(tmp_path / 'a')], 0.2)
    rng = np.random.default_rng(0)
    samples = [draw_sample(rng, hands, 0, CUBE_M, SIZE, AS_AT_RUN_TIME) for _ in range(200)]
    for sample in samples:
        found_cam = decode_joints(sample.joints, sample.view)
        assert np.abs(found_cam - joints_cam()).max() < 1e-4
    distances_m = [sample.view.distance_m for sample in samples]
    assert np.std(distances_m) == pytest.approx(0.020, abs=0.005)


def test_mirrored_hands_change_sides(tmp_path):
    hands, _ = load_depth_hands([write_set(tmp_path / 'a')], 0.2)
    rng = np.random.default_rng(0)
    jitter = replace(STILL, mirror=True)
    samples = [draw_sample(rng, hands, 1, CUBE_M, SIZE, jitter) for _ in range(40)]
    rightwards = [bool(s.joints[19, 0] > s.joints[20, 0]) for s in samples]
    assert rightwards == [sample.is_right for sample in samples]
    assert 8 < sum(rightwards) < 32


def test_damaged_crops_stay_within_the_cube(tmp_path):
    hands, _ = load_depth_hands([write_set(tmp_path / 'a')], 0.2)
    rng = np.random.default_rng(0)
    for _ in range(30):
        crop = draw_sample(rng, hands, 0, CUBE_M, SIZE, Jitter(damage=1.0)).crop
        assert np.isfinite(crop).all()
        assert np.abs(crop).max() <= 1
        assert crop.dtype == np.float32


def test_hands_of_which_hardly_anything_is_seen_are_left_out(tmp_path):
    with pytest.raises(ValueError, match='no hand with depth'):
        load_depth_hands([write_set(tmp_path / 'a', visible=6)], 0.2)


def test_a_missing_depth_image_is_named(tmp_path):
    folder = write_set(tmp_path / 'a')
    (folder / 'depth' / '3.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'3\.png'):
        load_depth_hands([folder], 0.2)


def test_a_picture_that_is_no_depth_is_named(tmp_path):
    folder = write_set(tmp_path / 'a')
    cv2.imwrite(str(folder / 'depth' / '3.png'), np.zeros((120, 160, 3), np.uint8))
    with pytest.raises(ValueError, match=r'3\.png is not a 16-bit'):
        load_depth_hands([folder], 0.2)
