"""NYU, ICVL and MSRA in their published layouts, made up and tiny."""

import struct
import sys

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.benchmarks import icvl, msra, nyu
from hand_pose_ros.data.benchmarks.joint_files import joints_mm, read_joint_file
from hand_pose_ros.skeleton import KEYPOINT_NAMES


@pytest.fixture
def nyu_folder(tmp_path):
    """Two frames; joint j of frame f of camera c is (j, f, 1000 c + 700)."""
    io = pytest.importorskip('scipy.io')
    camera, frame, joint = np.meshgrid(range(3), range(2), range(36), indexing='ij')
    uvd = np.stack((joint, frame, 1000 * camera + 700), axis=-1).astype(float)
    (tmp_path / 'test').mkdir()
    io.savemat(tmp_path / 'test' / 'joint_data.mat', {'joint_uvd': uvd}, do_compression=True)
    return tmp_path


def test_nyu_evaluates_fourteen_joints_of_the_frontal_camera(nyu_folder):
    labels = nyu.read(nyu_folder)
    assert labels.pictures == ('test/depth_1_0000001.png', 'test/depth_1_0000002.png')
    assert labels.joints_uvd.shape == (2, 14, 3)
    np.testing.assert_array_equal(labels.joints_uvd[1, :, 0], nyu.EVALUATED)
    assert (labels.joints_uvd[1, :, 1:] == (1, 700)).all()


def test_nyu_depth_is_green_above_blue_in_millimetres(tmp_path):
    bgr = np.zeros((480, 640, 3), np.uint8)
    bgr[5, 7] = (188, 2, 0)
    cv2.imwrite(str(tmp_path / 'd.png'), bgr)
    depth_m = nyu.read_depth_m(tmp_path / 'd.png')
    assert depth_m[5, 7] == pytest.approx(0.7)
    assert np.isnan(depth_m).sum() == depth_m.size - 1


def test_nyu_labels_of_another_shape_are_refused(nyu_folder):
    io = pytest.importorskip('scipy.io')
    io.savemat(nyu_folder / 'test' / 'joint_data.mat', {'joint_uvd': np.zeros((3, 2, 14, 3))})
    with pytest.raises(ValueError, match=r'\(cameras, frames, 36, 3\), got \(3, 2, 14, 3\)'):
        nyu.read(nyu_folder)


MATLAB_7 = b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM' + bytes(500)


@pytest.mark.parametrize('data', [b'', b'MATLAB 5.0 MAT-file' + bytes(200), b'{' * 500, MATLAB_7])
def test_damaged_matlab_files_are_told(nyu_folder, data):
    (nyu_folder / 'test' / 'joint_data.mat').write_bytes(data)
    with pytest.raises(ValueError, match=r'joint_data\.mat'):
        nyu.read(nyu_folder)


def test_a_matlab_file_that_breaks_off_is_told(nyu_folder):
    path = nyu_folder / 'test' / 'joint_data.mat'
    data = path.read_bytes()
    for length in (130, 140, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r'joint_data\.mat is not a MATLAB 5 file'):
            nyu.read(nyu_folder)


def test_without_scipy_a_matlab_file_asks_for_it(tmp_path, monkeypatch):
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test' / 'joint_data.mat').touch()
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    with pytest.raises(ValueError, match='needs SciPy to be read: pip install scipy'):
        nyu.read(tmp_path)


@pytest.fixture
def icvl_folder(tmp_path):
    """One frame in the first test sequence, two in the second."""
    (tmp_path / 'Testing').mkdir()
    for sequence, frames in ((1, 1), (2, 2)):
        lines = [
            f'test_seq_{sequence}/image_{frame:04d}.png '
            + ' '.join(str(sequence * 100 + frame + n) for n in range(48))
            + ' '
            for frame in range(frames)
        ]
        (tmp_path / 'Testing' / f'test_seq_{sequence}.txt').write_text('\n'.join(lines) + '\n\n')
    return tmp_path


def test_icvl_joins_both_test_sequences(icvl_folder):
    labels = icvl.read(icvl_folder)
    assert labels.pictures[1] == 'Testing/Depth/test_seq_2/image_0000.png'
    assert labels.joints_uvd.shape == (3, 16, 3)
    np.testing.assert_array_equal(labels.joints_uvd[2, 15], [246, 247, 248])


def test_icvl_depth_is_millimetres_without_its_background(tmp_path):
    depth_mm = np.full((240, 320), 32001, np.uint16)
    depth_mm[0, :2] = 400, 0
    cv2.imwrite(str(tmp_path / 'd.png'), depth_mm)
    depth_m = icvl.read_depth_m(tmp_path / 'd.png')
    assert depth_m[0, 0] == pytest.approx(0.4)
    assert np.isfinite(depth_m).sum() == 1


def test_an_icvl_picture_that_is_none_or_missing_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / 'd.png'), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r'd\.png is not a 16-bit depth picture'):
        icvl.read_depth_m(tmp_path / 'd.png')
    with pytest.raises(FileNotFoundError, match=r'e\.png is missing'):
        icvl.read_depth_m(tmp_path / 'e.png')


@pytest.fixture
def msra_folder(tmp_path):
    """Two frames of every gesture; x is the person, y is up, z is negative."""
    for person in range(9):
        for gesture in msra.GESTURES:
            folder = tmp_path / f'P{person}' / gesture
            folder.mkdir(parents=True)
            row = ' '.join([f'{person} 10.5 -300'] * 21)
            (folder / 'joint.txt').write_text(f'2\n{row}\n{row}\n')
    return tmp_path


def test_msra_goes_through_persons_and_gestures_in_order(msra_folder):
    labels = msra.read(msra_folder)
    assert len(labels.pictures) == len(labels.joints_uvd) == 9 * 17 * 2
    assert labels.pictures[:3] == (
        'P0/1/000000_depth.bin',
        'P0/1/000001_depth.bin',
        'P0/2/000000_depth.bin',
    )
    assert labels.pictures[2 * 17 - 1] == 'P0/Y/000001_depth.bin'


def test_msra_up_and_towards_the_camera_become_down_and_away(msra_folder):
    labels = msra.read(msra_folder)
    np.testing.assert_allclose(labels.joints_uvd[-1, 0], [166.44, 111.55, 300], atol=0.01)
    found = joints_mm(labels.joints_uvd[-1:], msra.BENCHMARK.camera)
    np.testing.assert_allclose(found, np.broadcast_to([8, -10.5, 300], (1, 21, 3)), atol=1e-9)


def test_msra_says_which_file_has_too_few_lines(msra_folder):
    path = msra_folder / 'P3' / 'TIP' / 'joint.txt'
    path.write_text('3' + path.read_text()[1:])
    with pytest.raises(ValueError, match=r'P3/TIP/joint\.txt says 3 frames.*has 2'):
        msra.read(msra_folder)


def test_an_empty_msra_file_is_named(msra_folder):
    (msra_folder / 'P3' / 'TIP' / 'joint.txt').write_text('\n')
    with pytest.raises(ValueError, match=r'P3/TIP/joint\.txt is empty'):
        msra.read(msra_folder)


def test_msra_depth_fills_its_window(tmp_path):
    window = np.array([[0, 500], [600, 700], [0, 0]], np.float32)
    path = tmp_path / 'd.bin'
    path.write_bytes(struct.pack('<6i', 320, 240, 10, 20, 12, 23) + window.tobytes())
    depth_m = msra.read_depth_m(path)
    assert depth_m.shape == (240, 320)
    np.testing.assert_allclose(depth_m[20:22, 10:12], [[np.nan, 0.5], [0.6, 0.7]], atol=1e-6)
    assert np.isfinite(depth_m).sum() == 3
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match='window and size do not agree'):
        msra.read_depth_m(path)


@pytest.mark.parametrize(
    ('data_set', 'missing'),
    [
        (nyu, 'test/joint_data.mat'),
        (icvl, 'Testing/test_seq_1.txt'),
        (msra, 'P0/1/joint.txt'),
    ],
)
def test_a_folder_that_is_something_else_is_told_what_is_missing(tmp_path, data_set, missing):
    title = data_set.BENCHMARK.title
    with pytest.raises(FileNotFoundError, match=f'is not {title} as published: {missing}'):
        data_set.read(tmp_path)


@pytest.mark.parametrize('data_set', [nyu, icvl, msra])
def test_a_picture_that_does_not_decode_is_told(tmp_path, data_set):
    (tmp_path / 'd.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'd\.png is not'):
        data_set.read_depth_m(tmp_path / 'd.png')


def test_the_published_nyu_labels_have_the_published_number_of_frames(shared_dir):
    path = shared_dir / 'data' / 'nyu_metrics' / 'nyu_test_groundtruth_label.txt.gz'
    assert read_joint_file(path, 14).shape == (nyu.BENCHMARK.frames, 14, 3)


@pytest.mark.parametrize('data_set', [nyu, icvl, msra])
def test_every_joint_has_keypoints_of_ours_of_the_same_finger(data_set):
    benchmark = data_set.BENCHMARK
    assert len(benchmark.keypoints) == len(benchmark.joint_names)
    for name, keypoints in zip(benchmark.joint_names, benchmark.keypoints, strict=True):
        ours = {KEYPOINT_NAMES[each].split('_')[0] for each in keypoints}
        finger = name.split()[0]
        assert ours == {finger} or finger == 'palm'
        is_tip = 'tip' in name
        assert any(KEYPOINT_NAMES[each].endswith('_tip') for each in keypoints) == is_tip
    names = [KEYPOINT_NAMES[each[0]].replace('_', ' ') for each in msra.BENCHMARK.keypoints]
    assert names == list(msra.BENCHMARK.joint_names)
