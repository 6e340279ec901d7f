"""Published image data sets: every joint, side and box arrives where it belongs."""

import json
import pickle
import shutil

import cv2
import numpy as np
import pytest
from benchmark_samples import HAND_PX, RHD_ORDER, WRITERS, rows_of, write_json

from hand_pose_ros.data.benchmarks.sets import IMAGE_SETS, read_image_set, spread
from hand_pose_ros.types import Side

LEFT, RIGHT, UNKNOWN = Side.LEFT, Side.RIGHT, Side.UNKNOWN


def sample(folder, name):
    if name == 'stb':
        pytest.importorskip('scipy')
    return WRITERS[name](folder)


@pytest.mark.parametrize(
    ('name', 'pictures', 'sides'),
    [
        ('onehand10k', 2, [UNKNOWN]),
        ('freihand', 2, [RIGHT]),
        ('rhd', 2, [LEFT, RIGHT]),
        ('cmu', 2, [LEFT]),
        ('stb', 4, [LEFT]),
        ('lsmv', 2, [RIGHT]),
        ('dexter_object', 12, [LEFT]),
        ('interhand', 2, [RIGHT, LEFT]),
        ('coco_wholebody', 2, [LEFT, RIGHT]),
    ],
)
def test_joints_come_in_our_order_and_hands_with_their_side(tmp_path, name, pictures, sides):
    expected_px = sample(tmp_path, name)
    labels = IMAGE_SETS[name](tmp_path).labels
    assert len(labels) == pictures
    assert [hand.side for hand in labels[0].hands] == sides
    for hand, points in zip(labels[0].hands, expected_px, strict=True):
        np.testing.assert_allclose(hand.keypoints_px, points, atol=0.05)
    assert all((tmp_path / label.image).is_file() for label in labels)


@pytest.mark.parametrize('name', IMAGE_SETS)
def test_sizes_are_those_of_the_pictures(tmp_path, name):
    sample(tmp_path, name)
    for label in IMAGE_SETS[name](tmp_path).labels:
        picture = cv2.imread(str(tmp_path / label.image))
        assert (label.height, label.width) == picture.shape[:2]


@pytest.mark.parametrize(
    ('name', 'box'),
    [
        ('onehand10k', [60, 40, 160, 180]),
        ('rhd', [230, 60, 299, 159]),
        ('lsmv', [60, 40, 160, 180]),
        ('coco_wholebody', [230, 60, 300, 160]),
    ],
)
def test_a_data_set_with_boxes_gives_and_names_them(tmp_path, name, box):
    sample(tmp_path, name)
    benchmark = IMAGE_SETS[name](tmp_path)
    assert benchmark.box
    np.testing.assert_array_equal(benchmark.labels[0].hands[0].box_px, box)


@pytest.mark.parametrize('name', ['freihand', 'cmu', 'stb', 'dexter_object', 'interhand'])
def test_elsewhere_the_box_is_tight_around_the_labelled_keypoints(tmp_path, name):
    points = sample(tmp_path, name)[0]
    benchmark = IMAGE_SETS[name](tmp_path)
    assert benchmark.box == ''
    expected = [*np.nanmin(points, axis=0), *np.nanmax(points, axis=0)]
    np.testing.assert_allclose(benchmark.labels[0].hands[0].box_px, expected, atol=0.05)


@pytest.mark.parametrize(
    ('name', 'missing'),
    [
        ('onehand10k', 'Test/label_joint.txt'),
        ('onehand10k', 'Test/mask'),
        ('freihand', 'evaluation_xyz.json'),
        ('freihand', 'evaluation_K.json'),
        ('rhd', 'evaluation/anno_evaluation.pickle'),
        ('rhd', 'evaluation/color'),
        ('cmu', 'hand_labels/manual_test'),
        ('stb', 'labels/B1Random_SK.mat'),
        ('stb', 'images/B1Counting'),
        ('lsmv', 'projections_2d'),
        ('lsmv', 'bounding_boxes'),
        ('dexter_object', 'data/Pinch/annotations/Pinch3D.txt'),
        ('interhand', 'annotations/test/InterHand2.6M_test_camera.json'),
        ('coco_wholebody', 'annotations/coco_wholebody_val_v1.0.json'),
        ('coco_wholebody', 'val2017'),
        ('onehand10k', 'Test/source'),
        ('freihand', 'evaluation/rgb'),
        ('rhd', 'evaluation/mask'),
        ('lsmv', 'annotated_frames'),
        ('dexter_object', 'data/Rotate/color'),
        ('interhand', 'images/test'),
    ],
)
def test_a_partial_folder_is_told_which_file_is_missing(tmp_path, name, missing):
    sample(tmp_path, name)
    path = tmp_path / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError, match=f'as published: {missing} is missing'):
        IMAGE_SETS[name](tmp_path)


@pytest.mark.parametrize(
    ('name', 'pattern'),
    [
        ('cmu', 'hand_labels/manual_test/*.json'),
        ('lsmv', 'annotated_frames/data_*/*_webcam_*.jpg'),
    ],
)
def test_a_folder_without_any_of_many_files_is_told_how_they_are_called(tmp_path, name, pattern):
    sample(tmp_path, name)
    for path in tmp_path.glob(pattern):
        path.unlink()
    with pytest.raises(FileNotFoundError) as told:
        IMAGE_SETS[name](tmp_path)
    assert str(told.value).endswith(f'as published: there is no {pattern}')


@pytest.mark.parametrize(
    ('name', 'path', 'text', 'message'),
    [
        ('onehand10k', 'Test/label_joint.txt', '9.jpg,320,240,1,5', 'line 1: expected 45'),
        ('freihand', 'evaluation_xyz.json', '[[1, 2]]', 'holds something else'),
        ('freihand', 'evaluation_K.json', '{', 'is not JSON'),
        ('rhd', 'evaluation/anno_evaluation.pickle', 'x', 'is not the labels of RHD'),
        ('cmu', 'hand_labels/manual_test/000015774_01_l.json', '{}', '01_l.json is not a label'),
        ('lsmv', 'projections_2d/data_1/0_jointsCam_1.txt', 'F4_KNU1_A 1', 'line 1: expected 2'),
        ('lsmv', 'bounding_boxes/data_1/0_bbox_2.txt', 'TOP 1', r'_2\.txt has 1 lines: expected'),
        ('lsmv', 'bounding_boxes/data_1/0_bbox_2.txt', 'TOP 1\nLEFT', 'line 2: could not convert'),
        (
            'coco_wholebody',
            'annotations/coco_wholebody_val_v1.0.json',
            '{"annotations": [true]}',
            'is not the annotations of COCO',
        ),
        ('interhand', 'annotations/test/InterHand2.6M_test_data.json', '[]', 'are damaged'),
        (
            'dexter_object',
            'data/Rigid/annotations/Rigid3D.txt',
            '1, 2;\n3;',
            'line 1: expected 15',
        ),
        (
            'dexter_object',
            'data/Rigid/annotations/Rigid3D.txt',
            '1',
            'has 1 lines.*has 2 pictures',
        ),
        ('interhand', 'annotations/test/InterHand2.6M_test_camera.json', '{}', 'are damaged'),
        (
            'coco_wholebody',
            'annotations/coco_wholebody_val_v1.0.json',
            '[]',
            'is not the annotation',
        ),
    ],
)
def test_damaged_labels_are_named(tmp_path, name, path, text, message):
    sample(tmp_path, name)
    (tmp_path / path).write_text(text)
    with pytest.raises(ValueError, match=message):
        IMAGE_SETS[name](tmp_path)


class Evil:
    def __reduce__(self):
        return print, ('run by a data set',)


def test_a_pickle_that_would_run_something_is_refused(tmp_path, capsys):
    sample(tmp_path, 'rhd')
    (tmp_path / 'evaluation/anno_evaluation.pickle').write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r'it holds builtins\.print'):
        IMAGE_SETS['rhd'](tmp_path)
    assert capsys.readouterr().out == ''


def test_pictures_without_a_mask_are_left_out_and_counted(tmp_path):
    sample(tmp_path, 'onehand10k')
    (tmp_path / 'Test/mask/33.png').unlink()
    benchmark = IMAGE_SETS['onehand10k'](tmp_path)
    assert len(benchmark.labels) == 1
    assert benchmark.problems == ('1 pictures left out: they have no mask of their size',)


def test_a_mask_of_another_size_than_its_picture_is_none(tmp_path):
    sample(tmp_path, 'onehand10k')
    cv2.imwrite(str(tmp_path / 'Test/mask/33.png'), np.full((120, 160), 255, np.uint8))
    assert len(IMAGE_SETS['onehand10k'](tmp_path).labels) == 1


def test_pictures_of_rhd_without_a_mask_keep_the_box_of_their_keypoints_and_are_counted(tmp_path):
    _, right = sample(tmp_path, 'rhd')
    assert IMAGE_SETS['rhd'](tmp_path).problems == ()
    (tmp_path / 'evaluation/mask/00001.png').write_text('no picture')
    benchmark = IMAGE_SETS['rhd'](tmp_path)
    expected = [*right.min(axis=0), *right.max(axis=0)]
    np.testing.assert_allclose(benchmark.labels[1].hands[1].box_px, expected, atol=0.05)
    told = '1 pictures without a mask: their boxes are those of keypoints'
    assert benchmark.problems == (told,)


def test_a_data_set_of_which_no_hand_is_labelled_says_what_was_left_out(tmp_path):
    sample(tmp_path, 'onehand10k')
    assert len(read_image_set('onehand10k', tmp_path).labels) == 2
    for path in (tmp_path / 'Test/mask').iterdir():
        path.unlink()
    told = 'has no labelled hand of OneHand10K test; 2 pictures left out: they have no mask'
    with pytest.raises(ValueError, match=told):
        read_image_set('onehand10k', tmp_path)


@pytest.mark.parametrize('wrong', ['NaN', 'Infinity', '1e300'])
def test_a_keypoint_of_which_a_number_is_none_is_unlabelled(tmp_path, wrong):
    sample(tmp_path, 'cmu')
    path = tmp_path / 'hand_labels/manual_test/000015774_01_l.json'
    label = json.loads(path.read_text())
    label['hand_pts'][3][1] = float(wrong)
    path.write_text(json.dumps(label))
    (hand,) = IMAGE_SETS['cmu'](tmp_path).labels[0].hands
    assert np.flatnonzero(np.isnan(hand.keypoints_px).any(axis=1)).tolist() == [3]
    assert np.isfinite(hand.box_px).all()


def test_a_mark_at_the_start_of_a_text_belongs_to_no_name(tmp_path):
    sample(tmp_path, 'onehand10k')
    path = tmp_path / 'Test/label_joint.txt'
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert IMAGE_SETS['onehand10k'](tmp_path).labels[0].image == 'Test/source/9.jpg'


def test_joints_that_a_data_set_calls_invalid_are_unlabelled(tmp_path):
    sample(tmp_path, 'interhand')
    assert [len(label.hands) for label in IMAGE_SETS['interhand'](tmp_path).labels] == [2, 1]


def test_a_picture_that_does_not_decode_is_kept_for_the_evaluation_to_count(tmp_path):
    sample(tmp_path, 'cmu')
    (tmp_path / 'hand_labels/manual_test/000015774_01_l.jpg').write_text('no')
    label = IMAGE_SETS['cmu'](tmp_path).labels[0]
    assert (label.height, label.width) == (0, 0)


@pytest.mark.parametrize(
    ('name', 'annotations', 'order'),
    [
        ('onehand10k', 'annotations/onehand10k_test.json', list(range(21))),
        ('freihand', 'annotations/freihand_test.json', list(range(21))),
        ('rhd', 'annotations/rhd_test.json', RHD_ORDER),
        ('cmu', 'annotations/panoptic_test.json', list(range(21))),
    ],
)
def test_the_annotations_of_mmpose_are_taken_where_they_are(tmp_path, name, annotations, order):
    rows = [rows_of(HAND_PX)[n] for n in order]
    rows[20] = [0, 0, 0]
    entry = {'image_id': 5, 'bbox': [50, 40, 120, 150], 'keypoints': np.ravel(rows).tolist()}
    image = {'id': 5, 'file_name': 'Test/source/9.jpg', 'width': 320, 'height': 240}
    document = {
        'images': [image],
        'annotations': [{**entry, 'head_size': 88.5, 'hand_type': 'left'}],
    }
    write_json(tmp_path / annotations, document)
    benchmark = IMAGE_SETS[name](tmp_path)
    (label,) = benchmark.labels
    expected = HAND_PX.copy()
    expected[order[20]] = np.nan
    np.testing.assert_allclose(label.hands[0].keypoints_px, expected)
    np.testing.assert_array_equal(label.hands[0].box_px, [50, 40, 170, 190])
    assert label.hands[0].side is Side.LEFT
    assert benchmark.head_sizes_px == {'Test/source/9.jpg': 88.5}
    assert 'MMPose' in benchmark.box
    document['annotations'][0]['hand_type'] = 'interacting'
    write_json(tmp_path / annotations, document)
    assert IMAGE_SETS[name](tmp_path).labels[0].hands[0].side is Side.UNKNOWN
    (tmp_path / annotations).write_text(json.dumps({'images': []}))
    with pytest.raises(ValueError, match='not in the format of MMPose'):
        IMAGE_SETS[name](tmp_path)


def test_a_box_that_is_not_finite_is_refused(tmp_path):
    sample(tmp_path, 'coco_wholebody')
    path = tmp_path / 'annotations/coco_wholebody_val_v1.0.json'
    path.write_text(path.read_text().replace('[230, 60, 70, 100]', '[230, NaN, 70, 100]'))
    with pytest.raises(ValueError, match=r'annotations of COCO.*a hand has the box'):
        IMAGE_SETS['coco_wholebody'](tmp_path)


def test_pictures_are_picked_from_all_over_a_data_set():
    assert spread('abcdefgh', 4) == ['a', 'c', 'e', 'g']
    assert spread('ab', None) == spread('ab', 9) == ['a', 'b']
    with pytest.raises(ValueError, match='no labelled hands'):
        spread([], 3)
    with pytest.raises(ValueError, match='expected at least 1, got 0'):
        spread('ab', 0)
