from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from hand_pose_ros.cli import synth
from hand_pose_ros.cli.main import main
from hand_pose_ros.data.labels import read_labels

RECIPE = """
count: 3
seed: 5
sensors: [realsense_d435]
scene: {height: 64, width: 96, hands: [1, 1], distance_m: [0.4, 0.5], supersampling: 1}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(RECIPE)
    return str(path)


def error_line(capsys):
    """The one line on stderr."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_set_is_rendered_with_its_report_and_the_same_again(
    tmp_path, recipe, shared_dir, capsys
):
    assets = ['--assets', str(shared_dir / 'data/hand_assets')]
    for name in ('a', 'b'):
        assert main(['synth', recipe, str(tmp_path / name), '--count', '2', *assets]) == 0
    assert '2 pictures with' in capsys.readouterr().out
    first, again = tmp_path / 'a', tmp_path / 'b'
    for name in ('images/000001.jpg', 'depth/000001.png', 'labels.json'):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    for name in ('contact_sheet.jpg', 'statistics.png'):
        assert cv2.imread(str(first / name)).shape[1] > 1000
    for label in read_labels(first):
        depth_mm = cv2.imread(str(first / label.depth), cv2.IMREAD_UNCHANGED)
        assert depth_mm.shape == (64, 96)
        for hand in label.hands:
            camera = label.camera
            x, y, z = hand.joints_cam.T
            seen_at = np.stack((camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy), 1)
            # The file rounds pixels to 1/100 and metres to 1/100 mm.
            np.testing.assert_allclose(hand.keypoints_px, seen_at, atol=0.02)


def test_count_and_seed_of_the_command_line_go_before_those_of_the_recipe(
    tmp_path, recipe, monkeypatch
):
    asked = []
    monkeypatch.setattr(synth, '_renderer', lambda *args: Mock())
    monkeypatch.setattr(synth, 'write_dataset', lambda out, recipe, *rest: asked.append(recipe))
    monkeypatch.setattr(synth, 'read_labels', lambda out: [])
    monkeypatch.setattr(synth, 'draw_contact_sheet', lambda out, labels: np.zeros((4, 4, 3), 'u1'))
    monkeypatch.setattr(synth, 'plot_statistics', lambda labels, path: None)
    assert main(['synth', recipe, str(tmp_path), '--count', '7', '--seed', '0']) == 0
    assert (asked[0].count, asked[0].seed) == (7, 0)
    assert main(['synth', recipe, str(tmp_path)]) == 0
    assert (asked[1].count, asked[1].seed) == (3, 5)


def test_a_missing_recipe_is_one_line(tmp_path, capsys):
    assert main(['synth', str(tmp_path / 'no.yaml'), str(tmp_path / 'out')]) == 1
    assert 'no.yaml' in error_line(capsys)


def test_an_impossible_range_is_one_line(tmp_path, capsys):
    (tmp_path / 'r.yaml').write_text('count: 1\nseed: 1\nscene: {distance_m: [3, 1]}')
    assert main(['synth', str(tmp_path / 'r.yaml'), str(tmp_path / 'out')]) == 1
    assert 'distance_m must be' in error_line(capsys)


def test_a_count_of_nothing_is_one_line(tmp_path, recipe, capsys):
    assert main(['synth', recipe, str(tmp_path / 'out'), '--count', '0']) == 1
    assert 'count must be at least 1, got 0' in error_line(capsys)


def test_a_folder_that_cannot_be_written_is_told_before_the_assets_load(tmp_path, recipe, capsys):
    (tmp_path / 'file').write_text('')
    assert main(['synth', recipe, str(tmp_path / 'file' / 'out'), '--assets', '/nowhere']) == 1
    assert 'file' in error_line(capsys)


def test_missing_assets_say_how_to_get_them(tmp_path, recipe, monkeypatch, capsys):
    monkeypatch.delenv('HAND_POSE_ASSETS', raising=False)
    assert main(['synth', recipe, str(tmp_path / 'out')]) == 1
    assert 'HAND_POSE_ASSETS' in capsys.readouterr().err


def test_the_verb_says_what_it_needs(capsys):
    assert main(['synth']) == 1
    assert 'RECIPE and OUT' in error_line(capsys)


def test_pictures_are_read_as_rgb_in_the_order_of_their_names(tmp_path):
    for name, blue in (('b.png', 10), ('a.jpg', 200)):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), (blue, 0, 0), np.uint8))
    cv2.imwrite(str(tmp_path / 'c.hdr'), np.full((8, 16, 3), (5.0, 0.0, 0.0), np.float32))
    first, second = synth._read_pictures(tmp_path, synth.PICTURES)
    assert abs(int(first[0, 0, 2]) - 200) < 5
    assert second[0, 0].tolist() == [0, 0, 10]
    (panorama,) = synth._read_pictures(tmp_path, synth.PANORAMAS)
    assert panorama.dtype == np.float32
    np.testing.assert_allclose(panorama[0, 0], [0, 0, 5], atol=0.05)


def test_a_folder_without_pictures_and_a_damaged_picture_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no \.jpg or \.jpeg or \.png below'):
        synth._read_pictures(tmp_path, synth.PICTURES)
    (tmp_path / 'a.png').write_text('text')
    with pytest.raises(ValueError, match=r'a\.png is not a picture'):
        synth._read_pictures(tmp_path, synth.PICTURES)
