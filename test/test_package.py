"""The installed package: whole, with its messages, its data files and its version."""

import os
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip('rclpy')

from ament_index_python.packages import get_package_prefix

ROOT = Path(__file__).parents[1]
PREFIX = Path(get_package_prefix('hand_pose_ros'))
INSTALLED = Path(str(find_spec('hand_pose_ros.msg').submodule_search_locations[0])).parent


def files(folder: Path) -> set[Path]:
    return {
        path.relative_to(folder)
        for path in folder.rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }


def test_every_module_and_weights_file_lies_beside_the_messages():
    missing = files(ROOT / 'hand_pose_ros') - files(INSTALLED)
    assert missing == set(), 'run `make build` after adding files'


@pytest.mark.parametrize('folder', ['config', 'launch'])
def test_every_file_is_shared(folder):
    assert files(PREFIX / 'share/hand_pose_ros' / folder) == files(ROOT / folder)


def test_version_is_that_of_package_xml():
    version = ElementTree.parse(ROOT / 'package.xml').findtext('version')
    assert metadata.version('hand_pose_ros') == version


@pytest.mark.parametrize(
    'command', ['bin/hand-pose', 'lib/hand_pose_ros/hand-pose', 'lib/hand_pose_ros/hand_pose_node']
)
def test_commands_are_executable(command):
    assert os.access(PREFIX / command, os.X_OK)


def test_package_init_is_empty():
    """The generated package has one too, and which of the two is installed is chance."""
    assert (ROOT / 'hand_pose_ros/__init__.py').read_text() == ''
