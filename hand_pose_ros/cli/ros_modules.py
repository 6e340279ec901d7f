"""Imports what needs ROS 2 only where it is needed: pictures are predicted without it."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType


def import_with_ros(name: str) -> ModuleType:
    """Imports a module of this folder that talks to ROS 2, in a surrounding that it works in.

    Args:
        name: The module's name in this folder.

    Raises:
        ValueError: There is no ROS 2, or this package was not built.
    """
    # Where this package is built into the environment of this Python, that is its ROS prefix,
    # whatever else is sourced.
    sourced = list(filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)))
    if not sourced or (Path(sys.prefix) / 'share' / 'hand_pose_ros').is_dir():
        prefixes = [sys.prefix, *(each for each in sourced if each != sys.prefix)]
        os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join(prefixes)
    try:
        importlib.import_module('rclpy')
        importlib.import_module('hand_pose_ros.msg')
    except ImportError as error:
        raise ValueError(
            f'this needs ROS 2 and the built package ({error}): run `make build` and use '
            '.venv/bin/hand-pose, or source the workspace that you built with colcon'
        ) from error
    return importlib.import_module(f'hand_pose_ros.cli.{name}')
