"""The launch file, read by the launch system of a ROS distribution."""

import runpy
from pathlib import Path

import pytest

LAUNCH_FILE = Path(__file__).parents[1] / 'launch' / 'hands.launch.py'


@pytest.fixture(scope='module')
def description():
    pytest.importorskip('launch_ros', reason='launch is not on PyPI')
    return runpy.run_path(str(LAUNCH_FILE))['generate_launch_description']()


def test_the_defaults_are_a_realsense_in_namespace_hands(description):
    from launch.actions import DeclareLaunchArgument

    defaults = {
        each.name: ''.join(part.text for part in each.default_value)
        for each in description.entities
        if isinstance(each, DeclareLaunchArgument) and each.name != 'params_file'
    }
    assert defaults == {
        'image': '/camera/camera/color/image_raw',
        'depth': '/camera/camera/aligned_depth_to_color/image_raw',
        'camera_info': '/camera/camera/color/camera_info',
        'namespace': 'hands',
        'use_sim_time': 'false',
        'rviz': 'false',
        'large_images': 'false',
    }


@pytest.mark.parametrize('asked', ['true', 'false'])
def test_rviz_starts_only_when_asked_for(description, asked):
    from launch_ros.actions import LifecycleNode, Node

    from launch import LaunchContext

    context = LaunchContext()
    context.launch_configurations.update(rviz=asked, large_images='false')
    nodes = [each for each in description.entities if isinstance(each, Node)]
    started = [
        each.node_executable
        for each in nodes
        if each.condition is None or each.condition.evaluate(context)
    ]
    assert started == ['hand_pose_node', 'rviz2'][: 2 if asked == 'true' else 1]
    assert isinstance(nodes[0], LifecycleNode)
