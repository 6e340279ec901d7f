"""Joints as text, line by line: what is read, and what a wrong line is told."""

import gzip

import numpy as np
import pytest

from hand_pose_ros.data.benchmarks import icvl, msra, nyu
from hand_pose_ros.data.benchmarks.joint_files import joints_mm, read_joint_file


def write(path, rows):
    path.write_text('\n'.join(' '.join(map(str, row)) for row in rows) + '\n')
    return path


def test_a_line_is_a_frame_and_three_numbers_are_a_joint(tmp_path):
    path = write(tmp_path / 'a.txt', [range(6), range(6, 12)])
    np.testing.assert_array_equal(read_joint_file(path, 2), np.arange(12).reshape(2, 2, 3))


def test_a_packed_file_reads_the_same(tmp_path):
    plain = write(tmp_path / 'a.txt', [range(6)])
    packed = tmp_path / 'a.txt.gz'
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    np.testing.assert_array_equal(read_joint_file(packed, 2), read_joint_file(plain, 2))


@pytest.mark.parametrize(
    ('second_line', 'message'),
    [
        ('1 2 3 4 5', 'line 2: expected 6 numbers, got 5'),
        ('1 2 3 4 5 six', 'line 2: could not convert'),
        ('1 2 3 4 5 nan', 'line 2: a number is not finite'),
    ],
)
def test_a_wrong_line_is_named(tmp_path, second_line, message):
    path = tmp_path / 'a.txt'
    path.write_text(f'1 2 3 4 5 6\n{second_line}\n')
    with pytest.raises(ValueError, match=message):
        read_joint_file(path, 2)


def test_an_empty_file_has_no_joints(tmp_path):
    with pytest.raises(ValueError, match='has no joints: expected 6 numbers a line'):
        read_joint_file(write(tmp_path / 'a.txt', []), 2)


@pytest.mark.parametrize(
    'data', [b'\x1f\x8b broken', b'\xff\xfe\x00', gzip.compress(b'1 2', mtime=0)[:-4]]
)
def test_a_file_that_is_no_text_is_told(tmp_path, data):
    path = tmp_path / 'a.txt.gz'
    path.write_bytes(data)
    with pytest.raises(ValueError, match='is not a text file'):
        read_joint_file(path, 2)


def test_the_principal_point_lies_on_the_axis_and_y_points_down():
    uvd = np.array([[[320, 240, 700], [320 + 588.03, 240 + 587.07, 700]]])
    expected = [[[0, 0, 700], [700, 700, 700]]]
    np.testing.assert_allclose(joints_mm(uvd, nyu.BENCHMARK.camera), expected, atol=1e-9)


@pytest.mark.parametrize(('data_set', 'joints'), [(nyu, 14), (icvl, 16), (msra, 21)])
def test_every_benchmark_names_its_joints_and_joins_all_of_them(data_set, joints):
    benchmark = data_set.BENCHMARK
    assert len(set(benchmark.joint_names)) == len(benchmark.joint_names) == joints
    assert {joint for bone in benchmark.bones for joint in bone} == set(range(joints))
    assert len(benchmark.bones) == joints - 1
