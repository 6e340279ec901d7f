"""The networks that can make the second pass, by the name of their paper."""

from collections.abc import Callable

from hand_pose_ros.estimators.base import Reader
from hand_pose_ros.runtimes.base import Runtime
from hand_pose_ros.runtimes.open import open_runtime

READERS: dict[str, tuple[Callable[[Runtime], Reader], str]] = {}
"""What makes a reader of a runtime, and the model used where none is named."""


def open_reader(name: str, model: str, runtime: str, threads: int) -> tuple[Reader, str]:
    """Loads a network for the second pass.

    Args:
        name: A key of READERS.
        model: As for `find_model`; empty for the network's usual one.
        runtime: As for `open_runtime`.
        threads: As for `open_runtime`.

    Returns:
        The reader, and one sentence that says why its runtime is the one it is.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: The model is damaged or of another network, or its runtime is not installed.
    """
    make, usual = READERS[name]
    try:
        opened, reason = open_runtime(model or usual, runtime, threads)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'estimator {name} needs weights in model.estimator_model, an .onnx file as '
            f'`hand-pose train` and `hand-pose export` make it: {error}'
        ) from error
    return make(opened), reason
