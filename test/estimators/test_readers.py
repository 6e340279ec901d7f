"""Networks for the second pass, by name."""

import pytest
from oracle import OracleRuntime

from hand_pose_ros.estimators.mask_pose import MaskPoseEstimator
from hand_pose_ros.estimators.readers import READERS, open_estimator, open_reader
from hand_pose_ros.estimators.skeleton_multiscale import (
    SkeletonMultiScaleEstimator,
    SkeletonReader,
)
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.runtimes.base import SPECS, SkeletonPoseSpec, SkeletonSpec
from hand_pose_ros.runtimes.open import open_runtime


class Nothing(OracleRuntime):
    """Executes a network that has only a spec."""

    def __init__(self, network):
        super().__init__([])
        self.spec = SPECS[network](network, 'slim', 160, 8)


@pytest.mark.parametrize('name', READERS)
def test_the_usual_model_is_opened_where_none_is_named(name):
    asked = []

    def open_model(model):
        asked.append(model)
        return Nothing('mask_pose' if 'mask' in name else name), 'because'

    assert open_reader(name, '', open_model)[1] == 'because'
    open_reader(name, 'mine.onnx', open_model)
    assert asked == [READERS[name][1], 'mine.onnx']


def test_weights_that_are_not_there_are_asked_for_by_the_name_of_the_setting():
    with pytest.raises(FileNotFoundError, match=r'model\.estimator_model.*nowhere\.onnx'):
        open_reader('mask_pose', 'nowhere.onnx', lambda model: open_runtime(model, 'onnx', 1))


def test_weights_of_another_network_are_refused():
    with pytest.raises(ValueError, match='must be one of mask_pose, got a mobile_keypoints'):
        open_reader('mask_pose', '', lambda _: (Nothing('mobile_keypoints'), ''))


class Skeletons(OracleRuntime):
    """Executes nothing, and says that it draws skeletons."""

    spec = SkeletonSpec('skeleton_unet', 'slim', 256, 128)


class Keypoints(OracleRuntime):
    """Executes nothing, and says that it reads keypoints from skeletons."""

    spec = SkeletonPoseSpec('skeleton_multiscale', 'slim', 128)


def test_skeletons_find_the_hand_and_their_usual_model_reads_it():
    asked = []

    def open_model(model):
        asked.append(model)
        return Keypoints([]), 'because'

    estimator, reason = open_estimator('skeleton_multiscale', Skeletons([]), '', open_model)
    assert isinstance(estimator, SkeletonMultiScaleEstimator)
    assert (asked, reason) == (['skeleton_multiscale_slim'], 'because')


def test_behind_an_srhandnet_both_networks_of_the_skeletons_read_its_regions():
    models = {'skeleton_unet_slim': Skeletons([]), 'mine.onnx': Keypoints([])}
    estimator, reason = open_estimator(
        'skeleton_multiscale', OracleRuntime([]), 'mine.onnx', lambda name: (models[name], name)
    )
    assert isinstance(estimator, SRHandNetEstimator)
    assert isinstance(estimator.reader, SkeletonReader)
    assert reason == 'mine.onnx; skeleton_unet_slim'


@pytest.mark.parametrize('name', ['mask_pose', 'mask_pose_pyramid'])
def test_a_mask_pose_for_detector_reads_frames_and_regions_by_itself(name):
    estimator, reason = open_estimator(name, Nothing('mask_pose'), '', lambda _: None)
    assert isinstance(estimator, MaskPoseEstimator)
    assert reason == ''


def test_a_detector_that_finds_no_hands_is_refused():
    models = {'skeleton_unet_slim': Skeletons([]), 'skeleton_multiscale_slim': Keypoints([])}
    with pytest.raises(ValueError, match='must be one of srhandnet, got a mask_pose'):
        open_estimator(
            'skeleton_multiscale', Nothing('mask_pose'), '', lambda name: (models[name], '')
        )


@pytest.mark.parametrize(
    ('name', 'detector'), [('srhandnet', OracleRuntime([])), ('mask_pose', Nothing('mask_pose'))]
)
def test_a_second_model_that_nothing_would_run_is_refused(name, detector):
    with pytest.raises(ValueError, match=r'estimator_model must be empty, got mine\.onnx'):
        open_estimator(name, detector, 'mine.onnx', lambda _: None)


def test_srhandnet_needs_no_second_model():
    assert open_estimator('srhandnet', OracleRuntime([]), '', lambda _: None)[1] == ''
