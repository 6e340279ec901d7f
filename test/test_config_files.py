"""Files in config/ say what the code says."""

import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import yaml

from hand_pose_ros.data.gather import MAX_SIDE_PX, read_photo_lists
from hand_pose_ros.geometry.boxes import inside_image
from hand_pose_ros.pipeline.settings import expectation, named_fields
from hand_pose_ros.ros.parameters import NodeConfig

CONFIG_DIR = Path(__file__).parents[1] / 'config'

HEAD = """\
# Every parameter of hand_pose_node, with its default. Made from the code:
#     python test/test_config_files.py > config/hands.yaml
# A parameter is checked at start and when it is set; what does not fit is refused with a reason.
# All but model.* and autostart can be set while the node runs.
/**:
  ros__parameters:
"""


def hands_yaml() -> str:
    """The text of config/hands.yaml."""
    lines = []
    group = ''
    for name, field, default in named_fields(NodeConfig()):
        *parents, leaf = name.split('.')
        if parents and parents[0] != group:
            group = parents[0]
            lines.append(f'    {group}:')
        indent = ' ' * (4 + 2 * len(parents))
        text = field.metadata['text']
        if field.metadata['choices'] or field.metadata['low'] is not None:
            text += f' [{expectation(field)}]'
        lines += textwrap.wrap(
            text, 98, initial_indent=f'{indent}# ', subsequent_indent=f'{indent}# '
        )
        lines.append(f'{indent}{yaml.safe_dump({leaf: default}).strip()}')
    return HEAD + '\n'.join(lines) + '\n'


def test_hands_yaml_holds_every_parameter_with_its_default_and_meaning() -> None:
    assert (CONFIG_DIR / 'hands.yaml').read_text() == hands_yaml()


def test_hands_yaml_reads_back_as_the_defaults() -> None:
    parameters = yaml.safe_load((CONFIG_DIR / 'hands.yaml').read_text())['/**']['ros__parameters']
    flat = {}
    for name, value in parameters.items():
        nested = isinstance(value, dict)
        flat |= {f'{name}.{leaf}': v for leaf, v in value.items()} if nested else {name: value}
    assert flat == {name: default for name, _, default in named_fields(NodeConfig())}


def test_the_fast_dds_profile_holds_a_full_hd_image_and_keeps_udp() -> None:
    root = ElementTree.parse(CONFIG_DIR / 'fastdds_large_images.xml').getroot()
    tag = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'
    transports = {
        each.findtext(f'{tag}type'): each for each in root.iter(f'{tag}transport_descriptor')
    }
    assert set(transports) == {'SHM', 'UDPv4'}
    full_hd_bytes = 1920 * 1080 * 3
    assert int(transports['SHM'].findtext(f'{tag}segment_size')) >= 8 * full_hd_bytes
    assert int(transports['SHM'].findtext(f'{tag}maxMessageSize')) >= 2 * full_hd_bytes


def test_rviz_shows_what_the_node_publishes_in_the_launch_files_namespace() -> None:
    rviz = yaml.safe_load((CONFIG_DIR / 'hands.rviz').read_text())['Visualization Manager']
    topics = {
        each['Class']: each['Topic']['Value'] for each in rviz['Displays'] if 'Topic' in each
    }
    assert topics == {
        'rviz_default_plugins/Image': '/hands/image_annotated',
        'rviz_default_plugins/MarkerArray': '/hands/markers',
    }
    assert rviz['Global Options']['Fixed Frame'] == 'camera_color_optical_frame'


def test_photos_are_listed_with_their_size_their_hands_and_groups_of_their_own() -> None:
    for photos in read_photo_lists(CONFIG_DIR / 'photos'):
        assert photos.repository.startswith('https://')
        for picture in photos.pictures:
            label = picture.label
            assert label.group.startswith(f'{photos.name}/')
            assert max(label.height, label.width) <= MAX_SIDE_PX
            assert label.hands
            for hand in label.hands:
                assert inside_image(hand.keypoints_px, (label.height, label.width)).all()


if __name__ == '__main__':
    sys.stdout.write(hands_yaml())
