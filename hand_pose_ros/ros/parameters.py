"""The node's parameters: one dataclass, and its way to ROS and back.

A parameter is a field made by `pipeline.config.setting`; its dotted name is the path to the field,
without the `pipeline.` in front: `autostart`, `sync.slop_s`, `detector.threshold`.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from hand_pose_ros.pipeline.config import PipelineConfig, setting
from hand_pose_ros.pipeline.settings import checked, expectation, named_fields, with_values

NOT_OURS = ('qos_overrides.', 'use_sim_time', 'start_type_description_service')
"""Parameters that rclpy declares on every node, or on each topic."""


@dataclass(frozen=True)
class SyncConfig:
    """How RGB and depth find each other."""

    slop_s: float = setting(
        0.0,
        'RGB and depth belong together when their stamps differ by no more, seconds; 0 for half '
        'a frame.',
        0.0,
        1.0,
    )
    max_wait_s: float = setting(
        0.1,
        'RGB waits so long for depth that arrives later than it does, seconds; 32 images at most.',
        0.0,
        1.0,
    )


@dataclass(frozen=True)
class InputConfig:
    """What the node listens to."""

    image_transport: str = setting(
        'raw', 'How images come: as they are, or JPEG or PNG.', choices=('raw', 'compressed')
    )
    use_depth: bool = setting(True, 'Listen to depth and camera_info, and report metres.')
    depth_transport: str = setting(
        'raw', 'How depth comes: as it is, or PNG.', choices=('raw', 'compressedDepth')
    )
    rectified: bool = setting(
        False,
        'Images are rectified (image_rect...): the projection matrix of camera_info holds for '
        'them, and no lens distortion.',
    )


@dataclass(frozen=True)
class NodeConfig:
    """All parameters of `hand_pose_node`."""

    autostart: bool = setting(
        True, 'Configure and activate at start; without it a lifecycle manager does. Read once.'
    )
    input: InputConfig = field(default_factory=InputConfig)
    sync: SyncConfig = field(default_factory=SyncConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)


def declare_parameters(
    node: Node, defaults: NodeConfig, report: Callable[[str, str], object]
) -> NodeConfig:
    """Declares every setting as a ROS parameter, and takes over what the user has set.

    A value that is out of range leaves the default in place; so does a name that is not one of
    these parameters, which rclpy would pass over in silence.

    Args:
        node: A node made with `automatically_declare_parameters_from_overrides`: only so can what
            the user has set be read before it is checked.
        defaults: The config to start from.
        report: Called with the name and one sentence for each that is not taken over.

    Returns:
        The config in force, equal to the declared parameters.
    """
    given = {name: node.get_parameter(name).value for name in node.get_parameters_by_prefix('')}
    config = defaults
    for name, each, default in named_fields(defaults):
        value = default
        if name in given:
            node.undeclare_parameter(name)
            try:
                value = checked(name, each, given[name])
            except ValueError as error:
                report(name, f'{error}; going on with {default!r}')
        node.declare_parameter(name, value, _descriptor(each), ignore_override=True)
        config = with_values(config, {name: value})
    ours = {name for name, _, _ in named_fields(defaults)}
    for name in given:
        if name not in ours and not name.startswith(NOT_OURS):
            report(
                name,
                f'parameter {name}: expected a name of config/hands.yaml, got one without effect',
            )
    return config


def _descriptor(each: Field[Any]) -> ParameterDescriptor:
    low, high, choices = (each.metadata[key] for key in ('low', 'high', 'choices'))
    descriptor = ParameterDescriptor(
        description=each.metadata['text'],
        additional_constraints=expectation(each) if choices else '',
    )
    if low is not None and isinstance(each.default, int):
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    elif low is not None:
        span = FloatingPointRange(from_value=float(low), to_value=float(high))
        descriptor.floating_point_range = [span]
    return descriptor
