"""The least that a Python node does with an image: the measure for what the real one adds.

Run as a process of its own by `hand-pose benchmark --node`.
"""

import json
import sys
import time

import rclpy
from sensor_msgs.msg import Image

from hand_pose_ros.ros.spinning import spinning
from hand_pose_ros.ros.topics import subscribe


def main() -> None:
    """Listens until the standard input ends; then prints seconds from stamp to callback, JSON.

    Arguments of the command line: namespace and ROS domain.
    """
    namespace, domain_id = sys.argv[1:]
    rclpy.init(args=[], domain_id=int(domain_id))
    node = rclpy.create_node('bare_subscription', namespace=namespace)
    delays_s: list[float] = []

    def on_image(message: Image) -> None:
        stamp = message.header.stamp
        delays_s.append((time.time_ns() - stamp.sec * 10**9 - stamp.nanosec) * 1e-9)

    subscribe(node, Image, 'image', on_image, lambda *_: None)
    with spinning(node):
        sys.stdin.read()
    node.destroy_node()
    rclpy.try_shutdown()
    print(json.dumps(delays_s))
