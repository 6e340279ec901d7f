"""A runtime on a GPU that a robot does not lose its hands with."""

from collections.abc import Callable, Mapping

from numpy.typing import NDArray

from hand_pose_ros.runtimes.base import Runtime


class LastResortRuntime:
    """Runs on one runtime until that fails, and from then on on one that needs no GPU.

    After an error that ends all of CUDA nothing in this process runs on the GPU any more.

    Attributes:
        spec: What the model file says of itself.
    """

    def __init__(self, first: Runtime, open_last_resort: Callable[[], Runtime]) -> None:
        """Takes over an open runtime.

        Args:
            first: Runs from the start.
            open_last_resort: Opens one that needs no GPU.
        """
        self.spec = first.spec
        self._active = self._first = first
        self._open_last_resort = open_last_resort
        self._failure = ''

    @property
    def description(self) -> str:
        """What executes the network at present, and why."""
        return self._active.description + self._failure

    @property
    def outcome(self) -> str:
        """What runs since the first one has failed, for logs; empty until then."""
        return f'now {self.description}' if self._failure else ''

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        try:
            return self._active.run(inputs)
        except RuntimeError as error:
            if self._active is not self._first:
                raise
            last_resort = self._open_last_resort()
            # Raises where the input was at fault; otherwise the GPU was, which may not recover.
            outputs = last_resort.run(inputs)
            self._active = last_resort
            self._failure = f', since {self._first.description} failed: {error}'
            return outputs
