"""3D joint errors against values worked by hand, and against published tables."""

import numpy as np
import pytest

from hand_pose_ros.data.benchmarks.joint_files import joints_mm, read_joint_file
from hand_pose_ros.data.benchmarks.nyu import BENCHMARK
from hand_pose_ros.evaluation.joints_3d import (
    MEAN,
    area_under_success,
    joint_errors_mm,
    prior_treatments,
    success_rate,
    summary,
)

ERRORS_MM = np.array([[3.0, 4.0, 20.0], [0.0, 100.0, 40.0]])


def test_an_error_is_the_distance_in_space():
    labels = np.zeros((1, 2, 3))
    predicted = np.array([[[2.0, 3.0, 6.0], [0, 0, 0]]])
    np.testing.assert_allclose(joint_errors_mm(predicted, labels), [[7, 0]])


def test_another_number_of_frames_is_refused():
    with pytest.raises(ValueError, match=r'must have shape \(3, 2, 3\), got \(2, 2, 3\)'):
        joint_errors_mm(np.zeros((2, 2, 3)), np.zeros((3, 2, 3)))


def test_a_frame_succeeds_when_its_worst_joint_does():
    np.testing.assert_allclose(success_rate(ERRORS_MM, [19.9, 20, 99, 100]), [0, 0.5, 0.5, 1])


def test_the_area_under_the_success_curve_ends_at_80_mm():
    assert area_under_success(ERRORS_MM) == pytest.approx((60 / 80 + 0) / 2)
    curve = success_rate(ERRORS_MM, np.arange(0.05, 80, 0.1))
    assert area_under_success(ERRORS_MM) == pytest.approx(curve.mean(), abs=1e-3)


def test_the_prior_joint_is_scored_known_or_left_out():
    treated = prior_treatments(ERRORS_MM, 1)
    assert [each.mean() for each in treated.values()] == pytest.approx([167 / 6, 63 / 6, 63 / 4])
    assert ERRORS_MM[1, 1] == 100


def test_a_row_of_the_table_has_every_number():
    row = summary(ERRORS_MM, 1)
    assert row[MEAN] == pytest.approx(167 / 6)
    assert row['median'] == 12
    assert (row['frames <= 20 mm'], row['frames <= 40 mm']) == (0.5, 0.5)


@pytest.mark.parametrize(
    ('name', 'mean_mm', 'known_mm'),
    [
        ('ICCVW17_NYU_DeepPrior++', 12.238, 11.64),
        ('JVCI18_NYU_REN_9x6x6', 12.694, 12.11),
        ('NEUCOM18_NYU_Pose_REN', 11.811, 11.28),
        ('CVPR18_NYU_V2V_PoseNet', 8.419, None),
        ('A2J_nyu_861_epoch32_UVD', 8.610, None),
    ],
)
def test_published_predictions_have_their_published_mean(shared_dir, name, mean_mm, known_mm):
    folder = shared_dir / 'data' / 'nyu_metrics'
    labels, predicted = (
        joints_mm(read_joint_file(folder / f'{file}.txt.gz', 14), BENCHMARK.camera)
        for file in ('nyu_test_groundtruth_label', name)
    )
    row = summary(joint_errors_mm(predicted, labels), BENCHMARK.prior_joint)
    assert row[MEAN] == pytest.approx(mean_mm, abs=0.0005)
    if known_mm is not None:
        assert row['prior joint at its label'] == pytest.approx(known_mm, abs=0.006)
