"""What the node listens to, and how long each topic has been silent."""

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hand_pose_ros.ros.conversions import stamp_s_of
from hand_pose_ros.ros.frames import AnyImage
from hand_pose_ros.ros.parameters import InputConfig
from hand_pose_ros.ros.synchroniser import GLITCH_S, MAX_GLITCHES, Synchroniser
from hand_pose_ros.ros.topics import Report, subscribe
from hand_pose_ros.ros.worker import FrameWorker

SILENT_S = 2.0
"""A topic that is silent for longer is reported."""

UNPAIRED_RUN = 15
"""So many images in a row without depth, while depth comes, are reported."""


class Inputs:
    """The subscriptions to image, depth and camera_info."""

    def __init__(self, node: Node, worker: FrameWorker, report: Report) -> None:
        """Subscribes to nothing yet.

        Args:
            node: The node.
            worker: Takes the messages.
            report: Hears of what is wrong with a topic.
        """
        self._node = node
        self._worker = worker
        self._report = report
        self._subscriptions: dict[str, Subscription] = {}
        self._heard_s: dict[str, float] = {}
        self._misfits: dict[str, str] = {}

    def listen(self, config: InputConfig) -> None:
        """Subscribes anew, to what the config asks for.

        Raises:
            RuntimeError: If a `qos_overrides` parameter is not a QoS policy.
        """
        self.close()
        self._subscribe('image', config.image_transport, Image, self._on_rgb)
        if config.use_depth:
            self._subscribe('depth', config.depth_transport, Image, self._on_depth)
            self._subscribe('camera_info', 'raw', CameraInfo, self._worker.add_camera_info)

    def close(self) -> None:
        """Ends all subscriptions."""
        for each in self._subscriptions.values():
            self._node.destroy_subscription(each)
        self._subscriptions = {}
        self._heard_s = {}
        self._misfits = {}

    def check(self, synchroniser: Synchroniser) -> None:
        """Reports inputs from which nothing comes or can come, and depth that fits no image.

        Args:
            synchroniser: Pairs the images.
        """
        for topic, text in self._misfits.items():
            self._report(topic, text)
        now_s = time.monotonic()
        silent = [name for name, each_s in self._heard_s.items() if now_s - each_s > SILENT_S]
        if synchroniser.camera_info is not None and 'camera_info' in silent:
            # Some drivers send it once.
            silent.remove('camera_info')
        # Without images, nothing else matters.
        for name in ['image'] if 'image' in silent else silent:
            topic = self._subscriptions[name].topic_name
            self._report(
                name,
                f'{name}: expected messages on {topic}, got none for more than {SILENT_S:.0f} s',
            )
        if not silent and 'depth' in self._subscriptions:
            self._check_pairing(synchroniser)

    def _check_pairing(self, synchroniser: Synchroniser) -> None:
        if synchroniser.unpaired_run >= UNPAIRED_RUN:
            slop_ms = synchroniser.pairing_slop_s * 1e3
            self._report(
                'depth',
                f'depth: expected an image within {slop_ms:.0f} ms of the stamp of each image, '
                f'at most {synchroniser.max_wait_s * 1e3:.0f} ms after it has come, got none for '
                f'{synchroniser.unpaired_run} images (see sync.slop_s and sync.max_wait_s)',
            )

    def _subscribe(
        self, name: str, transport: str, kind: type, callback: Callable[[Any], object]
    ) -> None:
        topic = self._node.resolve_topic_name(name)
        if transport != 'raw':
            # image_transport appends its name to the topic's, after remapping.
            topic, kind = f'{topic}/{transport}', CompressedImage
        self._heard_s[name] = time.monotonic()

        def on_message(message: Any) -> None:
            self._heard_s[name] = time.monotonic()
            # Whoever did not fit has been mended, or another has come.
            self._misfits.pop(topic, None)
            callback(message)

        self._subscriptions[name] = subscribe(self._node, kind, topic, on_message, self._on_misfit)

    def _on_misfit(self, topic: str, text: str) -> None:
        self._misfits[topic] = text
        self._report(topic, text)

    def _on_rgb(self, message: AnyImage) -> None:
        stamp_s = self._stamp_s('image', message)
        if not self._worker.add_rgb(stamp_s, message):
            self._report(
                'stamps',
                f'image stamps: expected growing ones, got an earlier one, {stamp_s:.3f} s; '
                f'less than {GLITCH_S:.0f} s back it is dropped, farther back, or after '
                f'{MAX_GLITCHES} in a row, all tracks end',
            )

    def _on_depth(self, message: AnyImage) -> None:
        self._worker.add_depth(self._stamp_s('depth', message), message)

    def _stamp_s(self, name: str, message: AnyImage) -> float:
        """Returns when an image was taken, or else gives it the time of its arrival."""
        if stamp_s_of(message.header) == 0:
            message.header.stamp = self._node.get_clock().now().to_msg()
            self._report(
                'stamps',
                f'{name} stamps: expected the time of acquisition, got 0; '
                'the time of arrival stands in for it',
            )
        return stamp_s_of(message.header)
