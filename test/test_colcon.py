"""`colcon build` makes the same package, complete in a folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    **os.environ,
    'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
    # Not those of a make that runs the tests.
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


@pytest.fixture
def listener():
    """A node that an executor of its own spins, apart from the ROS of other tests."""
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(rclpy.create_node('listener', context=context))
    yield executor
    rclpy.shutdown(context=context)


def start(install: Path, command: str) -> subprocess.Popen:
    """Runs a command in a shell that has sourced the workspace."""
    return subprocess.Popen(
        ['bash', '-c', f'source setup.bash && exec {command}'],
        cwd=install,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_modules_and_messages_come_from_the_workspace(install):
    code = 'from hand_pose_ros import msg, types; print(msg.__file__, types.__file__)'
    files = start(install, f'python3 -c "{code}"').communicate()[0].split()
    assert len(files) == 2
    assert all(Path(file).is_relative_to(install) for file in files)


def test_the_installed_node_runs_until_it_is_interrupted(install, listener):
    heard = []
    (node,) = listener.get_nodes()
    node.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 10)
    executable = 'hand_pose_ros/lib/hand_pose_ros/hand_pose_node'
    process = start(install, f'{executable} --ros-args -r __ns:=/hands')
    try:
        deadline = time.monotonic() + 30.0
        while not heard and process.poll() is None and time.monotonic() < deadline:
            listener.spin_once(timeout_sec=0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30.0)
    finally:
        process.kill()
    assert process.returncode == 0
    assert [status.name for status in heard[0].status] == ['hands/hand_pose_node: hands']
