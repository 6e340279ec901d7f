"""The node as a process of its own."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import Image

from hand_pose_ros.msg import HandPoseArray

FAKE = """
import functools, sys, time
from hand_pose_ros.ros import node

class Pipeline:
    runtime = 'a fake'
    engine_progress = ''
    depth_refusals = ''
    def __call__(self, frame):
        time.sleep(0.05)
        return ()
    def reset(self):
        pass
    def close(self):
        pass

node.HandPoseNode = functools.partial(node.HandPoseNode, lambda config: Pipeline())
sys.exit(node.main())
"""
REAL = 'import sys; from hand_pose_ros.ros.node import main; sys.exit(main())'


@pytest.fixture
def run(tmp_path):
    """Starts a script as a node in namespace /process; it is gone after the test."""
    children = []

    def _run(script, *args):
        command = [sys.executable, '-c', script, '--ros-args', '-r', '__ns:=/process', *args]
        # Not from this checkout, which would hide the installed package.
        children.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path))
        return children[-1]

    yield _run
    for each in children:
        each.kill()
        each.wait()
        each.stderr.close()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_in_the_middle_of_its_work_without_a_trace(
    start, image, run, number
):
    rig = start('-p', 'autostart:=false')
    process = run(FAKE, '-r', 'image:=/process/image', '-p', 'input.use_depth:=false')
    camera = rig.peer.create_publisher(Image, '/process/image', 10)
    message = image(np.zeros((48, 64, 3), np.uint8), 'rgb8')
    heard = []
    rig.peer.create_subscription(HandPoseArray, '/process/keypoints', heard.append, 10)
    message.header.stamp.sec = 1
    rig.until(lambda: heard, repeat=lambda: camera.publish(message))
    for _ in range(5):
        camera.publish(message)
    process.send_signal(number)
    # An impatient user presses Ctrl-C again, and launch passes on what the terminal has sent.
    rig.until(
        lambda: process.poll() is not None,
        repeat=lambda: number == signal.SIGINT and process.send_signal(number),
    )
    _, words = process.communicate()
    assert process.returncode == 0, words
    assert 'Traceback' not in words
    assert 'Error' not in words


def test_a_transition_that_does_not_exist_leaves_the_node_alive(start, run):
    rig = start('-p', 'autostart:=false')
    process = run(FAKE, '-p', 'input.use_depth:=false')
    statuses = []
    rig.peer.create_subscription(
        DiagnosticArray, '/diagnostics', lambda m: statuses.extend(m.status), 10
    )
    client = rig.peer.create_client(ChangeState, '/process/hand_pose_node/change_state')
    rig.until(client.service_is_ready)
    # It has configured itself.
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    client.call_async(request)
    rig.until(lambda: any('no such transition while active' in s.message for s in statuses))
    count = len(statuses)
    rig.until(lambda: len(statuses) > count + 2)
    assert process.poll() is None


def test_a_node_without_weights_stays_alive_and_says_why(start, run):
    rig = start('-p', 'autostart:=false')
    process = run(REAL, '-p', 'model.detector:=/nowhere/hands.onnx')
    heard = []
    rig.peer.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 10)
    name = 'process/hand_pose_node: hands'
    error = DiagnosticStatus.ERROR
    rig.until(lambda: any((s.name, s.level) == (name, error) for m in heard for s in m.status))
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=20)
    assert process.returncode == 0, words
    assert '/nowhere/hands.onnx' in words
    assert words.count('\n') == 1
