"""Publishers and subscriptions: one QoS in, one out, and a word when they do not fit."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

# The module that defines the event callbacks has another name in Humble than in Jazzy.
from rclpy.publisher import Publisher, PublisherEventCallbacks
from rclpy.qos import (
    QoSPolicyKind,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription, SubscriptionEventCallbacks

Report = Callable[[str, str], object]
"""Called with the topic and one sentence."""

RESULT_DEPTH = 5

OVERRIDES = QoSOverridingOptions(
    [
        QoSPolicyKind.DEPTH,
        QoSPolicyKind.DURABILITY,
        QoSPolicyKind.HISTORY,
        QoSPolicyKind.RELIABILITY,
    ]
)
"""The policies that a user can set; durability, say, for a camera_info that is sent once."""


def subscribe(
    node: Node, kind: type, topic: str, callback: Callable[[Any], None], report: Report
) -> Subscription:
    """Subscribes as a consumer of sensor data (REP 2003): best effort, the newest message only.

    Args:
        node: The node.
        kind: Message type.
        topic: Topic name; relative ones are expanded and remapped.
        callback: Takes the message.
        report: Hears of publishers whose QoS does not fit.

    Returns:
        The subscription; its QoS is that of the `qos_overrides` parameters where they are set.
    """
    name = node.resolve_topic_name(topic)

    def on_incompatible(event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        report(
            name,
            f'{name}: expected a publisher that fits our {policy}, got one that does not and '
            f'stays unheard (see qos_overrides.{name}.subscription)',
        )

    return node.create_subscription(
        kind,
        topic,
        callback,
        QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT),
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=on_incompatible),
        qos_overriding_options=OVERRIDES,
    )


def advertise(node: Node, kind: type, topic: str, report: Report) -> Publisher:
    """Advertises a result: reliable, the last few messages. Arguments as for `subscribe`."""
    name = node.resolve_topic_name(topic)

    def on_incompatible(event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        report(
            name,
            f'{name}: expected a subscriber that fits our {policy}, got one that does not and '
            f'hears nothing (see qos_overrides.{name}.publisher)',
        )

    return node.create_publisher(
        kind,
        topic,
        QoSProfile(depth=RESULT_DEPTH, reliability=QoSReliabilityPolicy.RELIABLE),
        event_callbacks=PublisherEventCallbacks(incompatible_qos=on_incompatible),
        qos_overriding_options=OVERRIDES,
    )
