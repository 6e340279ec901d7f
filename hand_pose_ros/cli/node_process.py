"""The installed node as a child process: never left behind, its words kept for error messages."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from ament_index_python.packages import get_package_prefix, get_package_share_directory

NAMESPACE = '/hands'
STOP_S = 5.0
"""How long the node may take to end before it is killed."""

LAST_LINES = 5


class NodeProcess:
    """Runs `hand_pose_node` in namespace /hands while the `with` block lasts.

    Attributes:
        domain_id: ROS domain of the node, and of nobody else on this machine.
        started_s: When the process was started, on the clock of `time.time`.
    """

    def __init__(self, parameters: Mapping[str, Any], log: Path) -> None:
        """Says what to run.

        Args:
            parameters: Node parameters that differ from their defaults.
            log: File for what the node says.
        """
        self.domain_id = 1 + os.getpid() % 100
        _stay_on_this_machine()
        self.started_s = float('nan')
        self._parameters = parameters
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> 'NodeProcess':
        prefix = Path(get_package_prefix('hand_pose_ros'))
        command = [str(prefix / 'lib/hand_pose_ros/hand_pose_node'), '--ros-args']
        command += ['-r', f'__ns:={NAMESPACE}']
        for name, value in self._parameters.items():
            # JSON quotes texts: YAML alone would take the word `off` for a boolean.
            command += ['-p', f'{name}:={json.dumps(value)}']
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, _exit)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open('wb') as log:
            self.started_s = time.time()
            # In a session of its own: Ctrl-C reaches the node through `__exit__` alone.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'ROS_DOMAIN_ID': str(self.domain_id)},
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the node, also after an error."""
        process = self._running()
        try:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
        finally:
            process.kill()
            process.wait()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raises ValueError, with the node's last words, if it has ended."""
        status = self._running().poll()
        if status is not None:
            raise ValueError(f'the node has ended with status {status}; {self.last_words()}')

    def last_words(self) -> str:
        """Returns the end of what the node said."""
        lines = self._log.read_text(errors='replace').splitlines()[-LAST_LINES:]
        return f'it said ({self._log}): ' + (' | '.join(lines) or 'nothing')

    def resident_mb(self) -> float:
        """Returns the resident memory of the node in megabytes."""
        status = Path(f'/proc/{self._running().pid}/status').read_text()
        kilobytes = next(
            line.split()[1] for line in status.splitlines() if line.startswith('VmRSS:')
        )
        return int(kilobytes) / 1024

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError('the node runs only in the `with` block')
        return self._process


def _stay_on_this_machine() -> None:
    """Lets this process and its children talk to nobody else, and pass images on whole."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    share = Path(get_package_share_directory('hand_pose_ros'))
    profile = share / 'config/fastdds_large_images.xml'
    os.environ.setdefault('FASTRTPS_DEFAULT_PROFILES_FILE', str(profile))


def _exit(number: int, _: FrameType | None) -> None:
    """Ends this process by an exception, so that `with` blocks are left in order."""
    sys.exit(128 + number)
