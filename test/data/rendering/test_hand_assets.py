"""Missing, damaged and wrong assets are named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.rendering.hand_assets import find_hand_assets, load_hand_assets

RIG = '{"bones": {"a": {"head": "j", "tail": "j"}}, "joints": {"j": %s}}'


@pytest.fixture
def copy(assets_dir: Path, tmp_path: Path) -> Path:
    """Links to the assets that a test can replace one by one."""
    for source in assets_dir.rglob('*'):
        target = tmp_path / source.relative_to(assets_dir)
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
    return tmp_path


def put(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def test_missing_assets_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.delenv('HAND_POSE_ASSETS', raising=False)
    with pytest.raises(FileNotFoundError, match='makehumancommunity'):
        find_hand_assets(None)
    with pytest.raises(FileNotFoundError, match='HAND_POSE_ASSETS'):
        find_hand_assets(tmp_path)


def test_the_environment_names_the_folder(assets_dir, monkeypatch):
    monkeypatch.setenv('HAND_POSE_ASSETS', str(assets_dir))
    assert find_hand_assets(None) == assets_dir


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('makehuman/base.obj', 'v 1 2 3\nv 1 2\n', 'base.obj is damaged'),
        ('makehuman/base.obj', 'v 1 2 3\n', 'hm08'),
        ('makehuman/default.mhskel', RIG % '[]', 'a joint has no vertices'),
        ('makehuman/default.mhskel', RIG % '[-1]', 'beyond 19157'),
        ('makehuman/default.mhskel', RIG % '["a"]', 'not the MakeHuman default rig'),
        ('makehuman/default.mhskel', RIG % '3', 'not the MakeHuman default rig'),
        ('makehuman/default_weights.mhw', '[]', 'weights of the rig'),
        ('makehuman/default_weights.mhw', '{"weights": []}', 'weights of the rig'),
        ('makehuman/default_weights.mhw', '{"weights": {"root": [[-1, 1]]}}', 'sum to 1'),
        ('makehuman/targets/armslegs/l-hand-scale-incr.target', '1 nan 1 1\n', 'all of them'),
        ('intel_hand_poses/animbank.pose', '0 ' * 119, 'quaternions of length 1'),
        ('intel_hand_poses/animbank.pose', '', 'quaternions of length 1'),
        ('makehuman/default.mhskel', '{"bones": 1}', 'default.mhskel'),
        ('makehuman/default.mhskel', 'not json', 'default.mhskel'),
        ('makehuman/targets/armslegs/l-hand-scale-incr.target', '1 2 x 4\n', 'l-hand-scale-incr'),
        ('makehuman/targets/armslegs/l-hand-scale-incr.target', '99999 1 1 1\n', '19157'),
        ('makehuman/default_weights.mhw', '{"weights": {"tail": [[0, 1.0]]}}', 'weights'),
        ('makehuman/default_weights.mhw', '{"weights": {}}', 'sum to 1'),
    ],
)
def test_damaged_files_are_named(copy, name, text, message):
    put(copy / name, text)
    with pytest.raises(ValueError, match=message):
        load_hand_assets(copy)


def test_a_missing_file_is_named_with_the_way_to_get_it(copy):
    (copy / 'makehuman/targets/macrodetails/asian-female-young.target').unlink()
    with pytest.raises(FileNotFoundError, match=r'asian-female-young[\s\S]*github'):
        load_hand_assets(copy)


def test_skins_of_another_size_and_broken_skins_are_refused(copy):
    skin = sorted((copy / 'makehuman' / 'skins').iterdir())[0]
    put(skin, 'no picture')
    with pytest.raises(ValueError, match='not a picture'):
        load_hand_assets(copy)
    skin.unlink()
    cv2.imwrite(str(skin), np.zeros((512, 512, 3), np.uint8))
    with pytest.raises(ValueError, match='2048'):
        load_hand_assets(copy)


def test_recorded_poses_of_another_shape_are_refused(copy):
    put(copy / 'intel_hand_poses' / 'animbank.pose', '1 2 3\n')
    with pytest.raises(ValueError, match='119 numbers'):
        load_hand_assets(copy)
