"""What the node publishes for each frame."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.pipeline.drawing import draw_hands
from hand_pose_ros.ros.conversions import hands_to_msg, rgb_to_msg
from hand_pose_ros.ros.markers import markers_from_hands
from hand_pose_ros.ros.topics import Report, advertise
from hand_pose_ros.types import Hand


class Outputs:
    """The publishers of keypoints, markers and the annotated image."""

    def __init__(self, node: Node, report: Report) -> None:
        """Advertises; `report` hears of subscribers that do not fit."""
        self._node = node
        self._keypoints = advertise(node, HandPoseArray, 'keypoints', report)
        self._markers = advertise(node, MarkerArray, 'markers', report)
        self._annotated = advertise(node, Image, 'image_annotated', report)
        self._shown: frozenset[str] = frozenset()

    def publish_hands(self, hands: Sequence[Hand], header: Header) -> None:
        """Publishes the hands of a frame, also when there are none."""
        self._keypoints.publish(hands_to_msg(hands, header))

    def publish_pictures(
        self, hands: Sequence[Hand], header: Header, rgb: NDArray[np.uint8]
    ) -> None:
        """Publishes what is there to be looked at, if somebody does.

        Args:
            hands: The hands of the frame.
            header: Header of the RGB image.
            rgb: (H, W, 3) uint8, the image.
        """
        if self._markers.get_subscription_count():
            markers, self._shown = markers_from_hands(hands, header, self._shown)
            self._markers.publish(markers)
        if self._annotated.get_subscription_count():
            self._annotated.publish(rgb_to_msg(draw_hands(rgb, hands), header))

    def close(self) -> None:
        """Ends all publishers."""
        for each in (self._keypoints, self._markers, self._annotated):
            self._node.destroy_publisher(each)
