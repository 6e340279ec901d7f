"""A runtime that works at once and gets faster: an engine takes over when it is ready."""

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from numpy.typing import NDArray

from hand_pose_ros.runtimes.base import Runtime


class Opening(Protocol):
    """What opens the faster runtime."""

    def open(self, on_progress: Callable[[object], None]) -> Runtime:
        """Returns the runtime; may take minutes. Raises RuntimeError or OSError if it cannot."""
        ...

    def stop(self) -> None:
        """Makes `open` raise soon."""
        ...


class SwappingRuntime:
    """Runs on one runtime until a faster one is open, and again if that one fails.

    Attributes:
        spec: What the model file says of itself.
        description: What executes it at present, and why.
        progress: How far the faster one is.
    """

    def __init__(self, fallback: Runtime, opening: Opening, name: str = 'TensorRT') -> None:
        """Begins to open the faster runtime in a thread of its own.

        Args:
            fallback: Runs from the start.
            opening: Opens the faster runtime.
            name: What to call it in words.
        """
        self.spec = fallback.spec
        self.progress = 'not begun'
        self._fallback = fallback
        self._opening = opening
        self._name = name
        # One assignment, so that a frame sees either the one or the other.
        self._active: Runtime = fallback
        self._reason = f'while {name} gets ready'
        # A daemon: a program that ends does not wait for a build.
        self._thread = threading.Thread(target=self._open, name='engine', daemon=True)
        self._thread.start()

    @property
    def description(self) -> str:
        """What executes the network at present, and why."""
        active = self._active
        return f'{active.description}, {self._reason}' if self._reason else active.description

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        active = self._active
        if active is self._fallback:
            return active.run(inputs)
        try:
            return active.run(inputs)
        except RuntimeError as error:
            # Raises where the input was at fault; otherwise the GPU was, which may not recover.
            outputs = self._fallback.run(inputs)
            self._active, self.progress = self._fallback, f'failed while running: {error}'
            self._reason = f'since {self._name} failed: {error}'
            return outputs

    def wait(self) -> None:
        """Waits until the faster runtime is open, or will never be."""
        self._thread.join()

    def close(self) -> None:
        """Ends a build that is under way, and gives the faster runtime's memory back."""
        self._opening.stop()
        self._thread.join()
        active, self._active = self._active, self._fallback
        close = getattr(active, 'close', None)
        if active is not self._fallback and close is not None:
            close()

    def _open(self) -> None:
        try:
            opened = self._opening.open(self._on_progress)
        except (RuntimeError, OSError) as error:
            self.progress = f'failed: {error}'
            self._reason = f'since {self._name} failed: {error}'
        else:
            self._active, self._reason, self.progress = opened, '', 'ready'

    def _on_progress(self, progress: object) -> None:
        self.progress = str(progress)
