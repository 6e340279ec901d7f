"""The 2D protocol on a tiny RHD, with an oracle in place of the network."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_samples import HAND_PX, OTHER_PX, write_rhd
from oracle import OracleRuntime

from hand_pose_ros.data.benchmarks import rhd
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.evaluation import keypoints_2d as k2d
from hand_pose_ros.evaluation.photos import single_pictures
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.pipeline.networks import Networks
from hand_pose_ros.types import Side


@pytest.fixture
def benchmark(tmp_path):
    write_rhd(tmp_path)
    return rhd.read(tmp_path)


@pytest.fixture
def predict(benchmark, tmp_path):
    """Evaluates what an oracle says that sees certain hands."""

    def predict(hands, labels=benchmark.labels):
        estimator = SRHandNetEstimator(OracleRuntime(hands, [Side.LEFT] * len(hands)))
        pipeline = HandPipeline(Networks(estimator), single_pictures(PipelineConfig(), 'full'))

        return k2d.predict_benchmark(benchmark, tmp_path, pipeline, pipeline.read_regions, labels)

    return predict


def test_perfect_maps_are_perfect_by_every_measure(predict):
    results = predict([OTHER_PX, HAND_PX])
    assert (results.images, len(results.labels_px), results.problems) == (2, 4, [])
    for mode in ('whole', 'boxed'):
        values = k2d.measures(results, mode, True, None)
        for name in (k2d.PCK_KEYPOINT_BOX, k2d.PCK_DIP, k2d.PCK_ANNOTATION_BOX, k2d.SHARE):
            assert values[name] == 1
        assert values[k2d.EPE] < 1.5
        assert values[k2d.AUC_30] > 0.95
        assert k2d.PCKH not in values
    whole = k2d.measures(results, 'whole', True, None)
    assert whole[k2d.AP50] == 1
    assert whole[k2d.IOU] > 0.95


def test_a_hand_missed_on_the_whole_picture_is_wrong(predict):
    values = k2d.measures(predict([HAND_PX]), 'whole', True, None)
    assert values[k2d.PCK_KEYPOINT_BOX] == values[k2d.SHARE] == 0.5
    assert values[k2d.AP50] == 0.5
    assert values[k2d.EPE] < 1.5


def test_without_boxes_of_the_data_set_there_is_no_measure_by_them(predict):
    values = k2d.measures(predict([HAND_PX]), 'boxed', False, None)
    assert not {k2d.PCK_ANNOTATION_BOX, k2d.AP50} & values.keys()


def results_with(error_px, head_px=np.nan):
    return k2d.KeypointResults(
        labels_px=[HAND_PX],
        boxes_px=[np.array([0, 0, 100, 50], np.float32)],
        head_sizes_px=[head_px],
        whole_px=[HAND_PX + np.array([error_px, 0], np.float32)],
        boxed_px=[HAND_PX],
    )


def test_each_measure_divides_by_what_its_name_says():
    values = k2d.measures(results_with(15, 40), 'whole', True, None)
    assert values[k2d.PCK_KEYPOINT_BOX] == 1  # 15 / 120
    assert values[k2d.PCK_ANNOTATION_BOX] == 1  # 15 / 100
    assert values[k2d.PCKH] == 1  # 15 / 40
    assert values[k2d.AUC_HEAD] == pytest.approx(1 - 15 / 40, abs=1e-5)
    assert values[k2d.AUC_MMPOSE] == pytest.approx(0.45, abs=0.051)
    assert values[k2d.AUC_30] == pytest.approx(0.5, abs=1e-5)
    assert values[k2d.EPE] == pytest.approx(15, abs=1e-4)
    wider = k2d.measures(results_with(22, 30), 'whole', True, None)
    assert wider[k2d.PCK_KEYPOINT_BOX] == 1  # 22 / 120
    assert wider[k2d.PCK_ANNOTATION_BOX] == 0  # 22 / 100
    assert wider[k2d.PCKH] == 0  # 22 / 30


@pytest.mark.parametrize(
    ('crop', 'error_px'),
    [
        (k2d.CropFrame(224, 1.2, 'head'), 12 * 224 / (1.2 * 40)),
        (k2d.CropFrame(128, 1.2, 'box'), 12 * 128 / (1.2 * 100)),
        (k2d.CropFrame(224, 2.0, 'keypoints', root_aligned=True), 0),
    ],
)
def test_errors_in_a_crop_are_in_its_pixels(crop, error_px):
    values = k2d.measures(results_with(12, 40), 'whole', True, crop)
    assert values[k2d.EPE_CROP.format(crop)] == pytest.approx(error_px, abs=1e-3)
    assert values[k2d.MEDIAN_CROP.format(crop)] == pytest.approx(error_px, abs=1e-3)
    assert str(crop) in k2d.EPE_CROP.format(crop)


def test_pictures_that_are_missing_or_damaged_are_skipped_and_named(predict, tmp_path):
    (tmp_path / 'evaluation/color/00001.png').write_text('no picture')
    results = predict([HAND_PX])
    assert results.images == 1
    path = tmp_path / 'evaluation/color/00001.png'
    assert results.problems == [f'{path} is not a picture that can be read']


def test_labels_outside_of_the_picture_count_as_unlabelled(predict, benchmark):
    first = benchmark.labels[0]
    points = first.hands[1].keypoints_px.copy()
    points[[3, 4]] = [[-40, 20], [50, 400]]
    hands = (first.hands[0], replace(first.hands[1], keypoints_px=points))
    results = predict([OTHER_PX, HAND_PX], [replace(first, hands=hands)])
    assert results.outside == 2
    assert np.isnan(results.labels_px[1][[3, 4]]).all()
    assert k2d.measures(results, 'boxed', True, None)[k2d.PCK_KEYPOINT_BOX] == 1
