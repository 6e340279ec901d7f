"""`colcon build` makes the same package, complete in a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The workspace must not see the package installed here, nor a make that runs the tests.
ENVIRONMENT = {
    **{
        name: os.environ[name] for name in os.environ.keys() - {'COLCON_PREFIX_PATH', 'PYTHONPATH'}
    },
    'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
    'MAKEFLAGS': '-j2',
}
COLCON = shutil.which('colcon', path=ENVIRONMENT['PATH'])

pytestmark = [pytest.mark.slow, pytest.mark.skipif(COLCON is None, reason='needs colcon')]


@pytest.fixture(scope='module')
def install(tmp_path_factory) -> Path:
    """The install folder of a colcon workspace that holds this package."""
    workspace = tmp_path_factory.mktemp('workspace')
    prefixes = os.environ['AMENT_PREFIX_PATH'].replace(os.pathsep, ';')
    build = [COLCON, 'build', '--paths', str(ROOT), '--event-handlers', 'console_direct+']
    cmake = [f'-DCMAKE_PREFIX_PATH={prefixes}', f'-DPython3_EXECUTABLE={sys.executable}']
    subprocess.run([*build, '--cmake-args', *cmake], cwd=workspace, env=ENVIRONMENT, check=True)
    return workspace / 'install'


def run_sourced(install: Path, command: str) -> str:
    """Returns what a shell command prints after setup.bash was sourced."""
    return subprocess.run(
        ['bash', '-c', f'source setup.bash && {command}'],
        cwd=install,
        env=ENVIRONMENT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def test_modules_and_messages_come_from_the_workspace(install):
    code = 'from hand_pose_ros import msg, types; print(msg.__file__, types.__file__)'
    files = run_sourced(install, f'python3 -c "{code}"').split()
    assert len(files) == 2
    assert all(Path(file).is_relative_to(install) for file in files)
