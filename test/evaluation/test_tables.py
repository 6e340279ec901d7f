"""The layout of a table: ours first, published numbers with their sources."""

from hand_pose_ros.cli.evaluate import PROTOCOLS
from hand_pose_ros.data.benchmarks.sets import DEPTH_SETS, IMAGE_SETS
from hand_pose_ros.evaluation import published_joints, published_keypoints
from hand_pose_ros.evaluation.tables import Published, comparison, paper_tables

OURS = {'ours': {'PCK': 0.5, 'EPE': float('nan')}}
PUBLISHED = (
    Published('A', 'a paper', {'PCK': 0.9, 'AUC': 0.25}),
    Published('B', 'another paper', {'EPE': 12.5}),
    Published('C', 'a paper', {'PCK': 1.0}),
)


def test_a_row_per_measure_and_a_column_per_method():
    assert comparison(OURS, PUBLISHED).splitlines() == [
        '      ours  A [1]   B [2]  C [1]',
        'PCK  0.500  0.900       -  1.000',
        'EPE      -      -  12.500      -',
        'AUC      -  0.250       -      -',
        '[1] as published: a paper',
        '[2] as published: another paper',
    ]


def test_or_a_row_per_method():
    assert comparison(OURS, PUBLISHED[:1], 1, methods_down=True).splitlines() == [
        '       PCK  EPE  AUC',
        'ours   0.5    -    -',
        'A [1]  0.9    -  0.2',
        '[1] as published: a paper',
    ]


def test_each_paper_has_its_own_table_with_our_column_in_it():
    assert paper_tables(OURS, PUBLISHED).splitlines() == [
        '      ours',
        'PCK  0.500',
        'EPE      -',
        '',
        '      ours  A [1]  C [1]',
        'PCK  0.500  0.900  1.000',
        'AUC      -  0.250      -',
        '[1] as published: a paper',
        '',
        '     ours   B [1]',
        'EPE     -  12.500',
        '[1] as published: another paper',
    ]


def test_every_data_set_has_a_protocol_and_published_numbers_only_belong_to_one():
    assert {*IMAGE_SETS, *DEPTH_SETS} <= PROTOCOLS.keys()
    assert published_keypoints.PUBLISHED.keys() == IMAGE_SETS.keys()
    assert published_joints.PUBLISHED.keys() == DEPTH_SETS.keys()
    assert published_keypoints.CROPS.keys() <= IMAGE_SETS.keys()


def test_every_published_number_names_its_source():
    tables = [*published_keypoints.PUBLISHED.values(), *published_joints.PUBLISHED.values()]
    tables += [published_keypoints.ON_OWN_SETS, published_keypoints.PRESENCE]
    for methods in tables:
        assert all(each.source and each.method and each.values for each in methods)


def test_what_a_paper_has_measured_on_its_own_pictures_is_in_no_column_of_ours():
    header, *rows = comparison({}, published_keypoints.ON_OWN_SETS, methods_down=True).splitlines()
    assert len(rows) == 6 + 1
    assert ' '.join(rows[0].split()[-7:]) == '0.550 0.940 0.820 0.520 - - -'
    assert 'not public' in rows[-1]
    for measure in ('PCK@0.2', 'PCK@0.2 DIP', 'box AP50'):
        assert all(f'{measure} {name}' in header for name in ('SH', 'DH', 'SMH'))
