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
        progress: How far the faster one is.
    """

    def __init__(
        self,
        fallback: Runtime,
        opening: Opening,
        name: str = 'TensorRT',
    ) -> None:
        """Begins to open the faster runtime in a thread of its own.

        Args:
            fallback: Runs from the start.
            opening: Opens the faster runtime.
            name: What to call it in words.
        """
        self.spec = fallback.spec
        self.progress = 'not begun'
        self._outcome = ''
        self._fallback = fallback
        self._opening = opening
        self._name = name
        # One assignment, so that a frame sees either the one or the other.
        self._active: Runtime = fallback
        self._opened: Runtime | None = None
        # A daemon: a program that ends does not wait for a build.
        self._thread = threading.Thread(target=self._open, name='engine', daemon=True)
        self._thread.start()

    @property
    def outcome(self) -> str:
        """What has come of it, for logs; empty until then."""
        # The fallback may be one that changes, too.
        return '; '.join(filter(None, (self._outcome, getattr(self._fallback, 'outcome', ''))))

    @property
    def description(self) -> str:
        """What executes the network at present, and why."""
        ready = self._active is not self._fallback
        state = '' if ready else f', {self._outcome or f"while {self._name} gets ready"}'
        return self._active.description + state

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        active = self._active
        try:
            return active.run(inputs)
        except RuntimeError as error:
            if active is self._fallback:
                raise
            # Raises where the input was at fault; otherwise the engine was.
            outputs = self._fallback.run(inputs)
            self._active = self._fallback
            self._give_up(error)
            return outputs

    def wait(self) -> None:
        """Waits until the faster runtime is open, or will never be."""
        self._thread.join()

    def close(self) -> None:
        """Ends a build that is under way, and gives the faster runtime's memory back."""
        self._opening.stop()
        self._thread.join()
        self._active = self._fallback
        # Also one that has failed: its memory is freed here alone.
        getattr(self._opened, 'close', lambda: None)()

    def _open(self) -> None:
        try:
            opened = self._opening.open(self._on_progress)
        except Exception as error:
            # Of whatever kind: one that ended this thread unheard would leave users waiting.
            self._give_up(error)
        else:
            self._opened = self._active = opened
            self.progress, self._outcome = 'ready', f'now {opened.description}'

    def _give_up(self, error: Exception) -> None:
        self.progress = f'failed: {error}'
        self._outcome = f'since {self._name} failed: {error}'

    def _on_progress(self, progress: object) -> None:
        self.progress = str(progress)
