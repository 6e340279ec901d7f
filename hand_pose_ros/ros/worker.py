"""The thread in which frames are processed, so that callbacks stay short."""

import threading
import time
from collections.abc import Callable
from typing import Any

from hand_pose_ros.ros.synchroniser import FrameMessages, Synchroniser


class FrameWorker:
    """Hands the newest frame to `process`, one at a time, in a thread of its own."""

    def __init__(
        self, synchroniser: Synchroniser, process: Callable[[FrameMessages], None]
    ) -> None:
        self._synchroniser = synchroniser
        self._process = process
        self._changed = threading.Condition()
        self._stopping = False
        # A daemon: a program that fails elsewhere must end, not wait for frames.
        self._thread = threading.Thread(target=self._run, name='frames', daemon=True)
        self._thread.start()

    def add_rgb(self, stamp_s: float, message: Any) -> bool:
        """Takes in an RGB message; False when stamps went back."""
        with self._changed:
            forward = self._synchroniser.add_rgb(stamp_s, message, time.monotonic())
            self._changed.notify()
        return forward

    def add_depth(self, stamp_s: float, message: Any) -> None:
        """Takes in a depth message."""
        with self._changed:
            self._synchroniser.add_depth(stamp_s, message, time.monotonic())
            self._changed.notify()

    def add_camera_info(self, message: Any) -> None:
        """Takes in a camera_info message."""
        with self._changed:
            self._synchroniser.camera_info = message

    def stop(self) -> None:
        """Lets the frame in work finish, drops what waits and joins the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def check(self) -> None:
        """Raises RuntimeError when the thread has died.

        A defect that no frame can be blamed for must end the node, not leave it alive and silent.
        """
        if not self._thread.is_alive() and not self._stopping:
            raise RuntimeError('a defect has ended the frame thread, see the traceback above')

    def _run(self) -> None:
        while (messages := self._next()) is not None:
            self._process(messages)

    def _next(self) -> FrameMessages | None:
        """Waits for a frame; None when the thread has to end."""
        with self._changed:
            while not self._stopping:
                now_s = time.monotonic()
                messages = self._synchroniser.take(now_s)
                if messages is not None:
                    return messages
                self._changed.wait(self._synchroniser.wait_s(now_s))
        return None
