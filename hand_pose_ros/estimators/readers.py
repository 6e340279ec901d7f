"""The networks that can make the second pass, by the name of their paper."""

from collections.abc import Callable
from functools import partial

from hand_pose_ros.estimators.base import Reader
from hand_pose_ros.estimators.mask_pose import MaskPoseReader
from hand_pose_ros.estimators.mobile_keypoints import MobileKeypointsReader
from hand_pose_ros.runtimes.base import Runtime

READERS: dict[str, tuple[Callable[[Runtime], Reader], str]] = {
    'mask_pose': (MaskPoseReader, 'mask_pose_slim'),
    'mask_pose_pyramid': (partial(MaskPoseReader, pyramid=True), 'mask_pose_slim'),
    'mobile_keypoints': (MobileKeypointsReader, 'mobile_keypoints_slim'),
}
"""What makes a reader of a runtime, and the model used where none is named."""


def open_reader(
    name: str, model: str, open_model: Callable[[str], tuple[Runtime, str]]
) -> tuple[Reader, str]:
    """Loads a network for the second pass.

    Args:
        name: A key of READERS.
        model: As for `find_model`; empty for the network's usual one.
        open_model: Opens a model by its name, as `open_runtime` does.

    Returns:
        The reader, and one sentence that says why its runtime is the one it is.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: The model is damaged or of another network, or its runtime is not installed.
    """
    make, usual = READERS[name]
    try:
        opened, reason = open_model(model or usual)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'estimator {name} needs weights in model.estimator_model, an .onnx file as '
            f'`hand-pose train` and `hand-pose export` make it: {error}'
        ) from error
    return make(opened), reason
