"""The networks that can make the second pass, by the name of their paper, behind a first pass."""

from collections.abc import Callable
from functools import partial

from hand_pose_ros.estimators.base import Estimator, Reader
from hand_pose_ros.estimators.mask_pose import MaskPoseEstimator, MaskPoseReader
from hand_pose_ros.estimators.mobile_keypoints import MobileKeypointsReader
from hand_pose_ros.estimators.skeleton_multiscale import (
    SkeletonMultiScaleEstimator,
    SkeletonReader,
)
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.runtimes.base import MaskPoseSpec, Runtime, SkeletonSpec

READERS: dict[str, tuple[Callable[[Runtime], Reader], str]] = {
    'mask_pose': (MaskPoseReader, 'mask_pose_slim'),
    'mask_pose_pyramid': (partial(MaskPoseReader, pyramid=True), 'mask_pose_slim'),
    'mobile_keypoints': (MobileKeypointsReader, 'mobile_keypoints_slim'),
}
"""What makes a reader of a runtime, and the model used where none is named."""

SKELETON = 'skeleton_multiscale'
SKELETON_MODEL = 'skeleton_multiscale_slim'
"""The one estimator of two networks, and the usual model of the second."""

SKELETON_UNET_MODEL = 'skeleton_unet_slim'
"""The usual model of its first network, behind a first pass by an SRHandNet."""

ESTIMATORS = ('srhandnet', *READERS, SKELETON)
"""What `open_estimator` knows."""

USUAL_MODELS = {SKELETON: SKELETON_MODEL, **{name: model for name, (_, model) in READERS.items()}}
"""The model of the second pass where none is named, by estimator; SRHandNet needs none."""

OpenModel = Callable[[str], tuple[Runtime, str]]


def open_estimator(
    name: str, detector: Runtime, model: str, open_model: OpenModel
) -> tuple[Estimator, str]:
    """Puts a network for the second pass behind one for the first.

    Args:
        name: One of ESTIMATORS.
        detector: Executes the network of the first pass: an SRHandNet, or for SKELETON perhaps a
            skeleton_unet, as in its paper; for mask_pose perhaps a mask_pose, which then reads
            whole frames, as in its paper, and regions.
        model: As for `find_model`; empty for the usual one of the estimator.
        open_model: Opens a model by its name, as `open_runtime` does.

    Returns:
        The estimator, and one sentence that says why the runtime of the second pass is the one it
        is; empty where the detector makes that, too.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: A model is damaged or of another network, or its runtime is not installed; or
            one is named where the detector makes the second pass.
    """
    alone = name.startswith('mask_pose') and isinstance(detector.spec, MaskPoseSpec)
    if model and (name == 'srhandnet' or alone):
        raise ValueError(
            f'estimator {name} makes the second pass with the detector, '
            f'{detector.spec.network} {detector.spec.plan}: model.estimator_model must be empty, '
            f'got {model}'
        )
    if name == 'srhandnet':
        return SRHandNetEstimator(detector), ''
    if alone:
        make, _ = READERS[name]
        return MaskPoseEstimator(make(detector)), ''
    if name != SKELETON:
        reader, reason = open_reader(name, model, open_model)
        return SRHandNetEstimator(detector, reader), reason
    opened, reason = _open_weights(name, model or SKELETON_MODEL, open_model)
    if isinstance(detector.spec, SkeletonSpec):
        return SkeletonMultiScaleEstimator(detector, opened), reason
    skeletons, more = open_model(SKELETON_UNET_MODEL)
    reader = SkeletonReader(skeletons, opened)
    return SRHandNetEstimator(detector, reader), '; '.join(filter(None, (reason, more)))


def open_reader(name: str, model: str, open_model: OpenModel) -> tuple[Reader, str]:
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
    opened, reason = _open_weights(name, model or usual, open_model)
    return make(opened), reason


def _open_weights(name: str, model: str, open_model: OpenModel) -> tuple[Runtime, str]:
    try:
        return open_model(model)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'estimator {name} needs weights in model.estimator_model, an .onnx file as '
            f'`hand-pose train` and `hand-pose export` make it: {error}'
        ) from error
