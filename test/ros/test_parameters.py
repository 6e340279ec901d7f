"""Parameters on a bare rclpy node: declared, checked, described."""

import itertools

import pytest
import rclpy

from hand_pose_ros.pipeline.settings import checked, named_fields, with_values
from hand_pose_ros.ros.parameters import NodeConfig, declare_parameters

NAMES = (f'parameters_{index}' for index in itertools.count())


@pytest.fixture
def declare(ros):
    """Declares on a node with `name:=value` overrides; returns node, config and complaints."""
    nodes = []

    def _declare(*overrides: str):
        args = [arg for each in overrides for arg in ('-p', each)]
        node = rclpy.create_node(
            next(NAMES),
            cli_args=['--ros-args', *args],
            automatically_declare_parameters_from_overrides=True,
        )
        nodes.append(node)
        complaints = []
        config = declare_parameters(
            node, NodeConfig(), lambda name, text: complaints.append((name, text))
        )
        return node, config, complaints

    yield _declare
    for node in nodes:
        node.destroy_node()


def test_without_overrides_the_config_is_the_default_one_and_every_setting_is_declared(declare):
    node, config, complaints = declare()
    assert config == NodeConfig()
    assert complaints == []
    for name, _, default in named_fields(config):
        assert node.get_parameter(name).value == default


def test_pipeline_settings_have_no_prefix():
    names = [name for name, _, _ in named_fields(NodeConfig())]
    assert {'autostart', 'input.use_depth', 'sync.slop_s', 'detector.threshold'} <= set(names)
    assert len(names) == len(set(names))


def test_overrides_are_taken_over_by_node_and_config(declare):
    node, config, complaints = declare(
        'detector.threshold:=0.5', 'detector.cycle:=small', 'input.use_depth:=false'
    )
    assert complaints == []
    assert config.pipeline.detector.threshold == 0.5
    assert config.pipeline.detector.cycle == 'small'
    assert config.input.use_depth is False
    assert node.get_parameter('detector.threshold').value == 0.5


@pytest.mark.parametrize(
    ('override', 'value'),
    [('lift.max_depth_m:=4', 4.0), ('detector.cycle:=off', 'off')],
)
def test_what_yaml_writes_alike_is_understood(declare, override, value):
    node, _, complaints = declare(override)
    assert complaints == []
    assert node.get_parameter(override.split(':=')[0]).value == value


@pytest.mark.parametrize(
    ('override', 'words'),
    [
        ('detector.threshold:=7.0', ('from 0.01 to 1.0', '7.0', '0.2')),
        ('detector.threshold:=.nan', ('from 0.01 to 1.0', 'nan')),
        ('detector.threshold:=high', ('a number', "'high'")),
        ('detector.min_keypoints:=22', ('from 1 to 21', '22')),
        ('detector.min_keypoints:=3.5', ('a whole number', '3.5')),
        ('detector.cycle:=sometimes', ('off, small, full', 'sometimes')),
        ('input.use_depth:=1', ('true or false', '1')),
    ],
)
def test_a_bad_override_gets_one_sentence_and_the_default(declare, override, words):
    node, config, complaints = declare(override)
    name = override.split(':=')[0]
    assert config == NodeConfig()
    assert node.get_parameter(name).value == {n: d for n, _, d in named_fields(config)}[name]
    ((complained, text),) = complaints
    assert complained == name
    assert all(word in text for word in (name, 'expected', 'got', *words))


def test_a_name_that_is_none_of_ours_is_complained_of(declare):
    _, config, ((name, text),) = declare('detector.treshold:=0.5', 'use_sim_time:=false')
    assert config == NodeConfig()
    assert name == 'detector.treshold'
    assert 'config/hands.yaml' in text


def test_a_parameter_tells_its_meaning_and_range(declare):
    node, _, _ = declare()
    threshold = node.describe_parameter('detector.threshold')
    assert 'heatmap peak' in threshold.description
    (span,) = threshold.floating_point_range
    assert (span.from_value, span.to_value) == (0.01, 1.0)
    (span,) = node.describe_parameter('detector.min_keypoints').integer_range
    assert (span.from_value, span.to_value) == (1, 21)
    cycle = node.describe_parameter('detector.cycle')
    assert cycle.additional_constraints == 'one of off, small, full'


def test_every_default_lies_in_its_own_range():
    for name, field, default in named_fields(NodeConfig()):
        assert checked(name, field, default) == default


def test_new_values_leave_the_others_and_the_old_config_alone():
    old = NodeConfig()
    new = with_values(old, {'smoothing.beta': 1, 'sync.slop_s': 0.02, 'use_sim_time': True})
    assert (new.pipeline.smoothing.beta, new.sync.slop_s) == (1.0, 0.02)
    assert new.pipeline.detector == old.pipeline.detector
    assert old == NodeConfig()
