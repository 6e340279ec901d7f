"""What all tests share.

The tests run against the installed package, because only there is `hand_pose_ros.msg`. The
command `pytest` in importlib mode leaves sys.path alone; `python -m pytest` puts this checkout
first, whose hand_pose_ros/ then hides the installed one. In .venv the installed modules are links
to the checkout.
"""

import os
import sys
from pathlib import Path

import pytest

# No other machine, and no other test run on this one, takes part in the tests' conversations.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
# On a busy machine torch's threads wait for each other: one does these small networks faster.
os.environ.setdefault('OMP_NUM_THREADS', '1')
# Where nothing is sourced, the environment of this Python is the ROS prefix.
os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """The folder with the shared data sets; skips the test where there is none."""
    folder = Path(os.environ.get('HAND_POSE_SHARED', Path(__file__).parents[2] / 'shared'))
    if not folder.is_dir():
        pytest.skip(f'no shared data at {folder}; HAND_POSE_SHARED names another place')
    return folder
