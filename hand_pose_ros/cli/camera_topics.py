"""Which cameras publish in the ROS graph at present; as a program, a line for each topic."""

import sys
import time

import rclpy
from rclpy.context import Context

KINDS = (
    'sensor_msgs/msg/Image',
    'sensor_msgs/msg/CompressedImage',
    'sensor_msgs/msg/CameraInfo',
)


def find_camera_topics(wait_s: float) -> list[str]:
    """Looks for topics that somebody publishes pictures, depth or calibration on.

    Args:
        wait_s: How long to listen for other nodes; ends early when none is left to be found.

    Returns:
        `/camera/color/image_raw (Image)` for each, by name.
    """
    context = Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node('hand_pose_doctor', context=context)
        try:
            deadline_s = time.monotonic() + wait_s
            found: list[str] = []
            while not found and time.monotonic() < deadline_s:
                time.sleep(0.1)
                found = [
                    f'{name} ({kind.rsplit("/", 1)[1]})'
                    for name, kinds in node.get_topic_names_and_types()
                    for kind in kinds
                    if kind in KINDS and node.count_publishers(name)
                ]
            return sorted(found)
        finally:
            node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)


if __name__ == '__main__':
    print(*find_camera_topics(float(sys.argv[1])), sep='\n')
