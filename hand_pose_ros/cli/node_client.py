"""The other side of the node: a camera that publishes frames, a robot that hears of hands."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.msg import HandPose, HandPoseArray
from hand_pose_ros.ros.conversions import rgb_to_msg
from hand_pose_ros.ros.spinning import spinning
from hand_pose_ros.types import Camera, Frame, Hand, Side

FRAME_ID = 'camera_color_optical_frame'
ANSWER_DEPTH = 100


@dataclass(frozen=True)
class Answer:
    """The hands of one frame, as heard. Times are on the clock of `time.time_ns`.

    Attributes:
        stamp_ns: Stamp of the frame.
        published_ns: When the node published them.
        received_ns: When they arrived here.
        hands: The hands.
    """

    stamp_ns: int
    published_ns: int
    received_ns: int
    hands: tuple[Hand, ...]


class NodeClient:
    """Talks to a node while the `with` block lasts.

    Attributes:
        runtime: What the node's diagnostics say of the runtime in use; empty before the first.
        failure: What they say when something is wrong; empty while nothing is.
    """

    def __init__(self, domain_id: int, namespace: str) -> None:
        """Opens the topics.

        Args:
            domain_id: ROS domain of the node.
            namespace: Its namespace.
        """
        self.runtime = ''
        self.failure = ''
        self._changed = threading.Condition()
        self._answers: list[Answer] = []
        self._context = Context()
        rclpy.init(args=[], context=self._context, domain_id=domain_id)
        self._node = rclpy.create_node('camera', context=self._context, namespace=namespace)
        self._image = self._node.create_publisher(Image, 'image', 1)
        self._depth = self._node.create_publisher(Image, 'depth', 1)
        self._camera_info = self._node.create_publisher(CameraInfo, 'camera_info', 1)
        # A callback of two arguments gets the times as well, which rclpy's annotation leaves out.
        on_keypoints: Any = self._on_keypoints
        self._node.create_subscription(
            HandPoseArray, 'keypoints', on_keypoints, QoSProfile(depth=ANSWER_DEPTH)
        )
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 5)
        self._spinning = ExitStack()

    def __enter__(self) -> 'NodeClient':
        self._spinning.enter_context(spinning(self._node))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the topics."""
        self._spinning.close()
        self._node.destroy_node()
        self._context.try_shutdown()

    def heard(self) -> bool:
        """Tells whether somebody hears this camera."""
        return self._image.get_subscription_count() > 0

    def publish(self, frame: Frame) -> int:
        """Publishes a frame under the time of now.

        Args:
            frame: The frame; depth and camera are sent where it has them.

        Returns:
            Its stamp in nanoseconds.
        """
        header = Header(frame_id=FRAME_ID)
        image = rgb_to_msg(frame.rgb, header)
        depth = None if frame.depth_m is None else _depth_to_msg(frame.depth_m, header)
        camera_info = None if frame.camera is None else _camera_to_msg(frame.camera, header)
        stamp_ns = time.time_ns()
        seconds, nanoseconds = divmod(stamp_ns, 10**9)
        stamp = Time(sec=seconds, nanosec=nanoseconds)
        for publisher, message in (
            (self._camera_info, camera_info),
            (self._depth, depth),
            (self._image, image),
        ):
            if message is not None:
                message.header.stamp = stamp
                publisher.publish(message)
        return stamp_ns

    def take_answers(self, timeout_s: float) -> list[Answer]:
        """Returns the answers since the last call, after waiting for one for `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._answers, max(0.0, timeout_s))
            answers, self._answers = self._answers, []
        return answers

    def _on_keypoints(self, message: HandPoseArray, info: dict[str, int]) -> None:
        answer = Answer(
            message.header.stamp.sec * 10**9 + message.header.stamp.nanosec,
            info['source_timestamp'],
            info['received_timestamp'],
            tuple(map(_hand_from_msg, message.hands)),
        )
        with self._changed:
            self._answers.append(answer)
            self._changed.notify()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        namespace = self._node.get_namespace().lstrip('/')
        for status in message.status:
            if not status.name.startswith(f'{namespace}/'):
                continue
            self.failure = status.message if status.level == DiagnosticStatus.ERROR else ''
            values = {each.key: each.value for each in status.values}
            self.runtime = values.get('runtime', self.runtime)


def _depth_to_msg(depth_m: NDArray[np.float32], header: Header) -> Image:
    height, width = depth_m.shape
    message = Image(header=header, height=height, width=width, encoding='32FC1', step=4 * width)
    message.data.frombytes(np.ascontiguousarray(depth_m, '<f4').view(np.uint8).data)
    return message


def _camera_to_msg(camera: Camera, header: Header) -> CameraInfo:
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model='plumb_bob' if len(camera.distortion) <= 5 else 'rational_polynomial',
        d=list(camera.distortion),
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def _hand_from_msg(message: HandPose) -> Hand:
    box = (message.box_x, message.box_y, message.box_width, message.box_height)
    keypoints = message.keypoints
    positions = [each.position for each in keypoints]
    return Hand(
        keypoints_px=np.array([(each.u, each.v) for each in keypoints], np.float32),
        scores=np.array([each.score for each in keypoints], np.float32),
        box_px=np.array((box[0], box[1], box[0] + box[2], box[1] + box[3]), np.float32),
        score=message.score,
        side=Side(message.side),
        side_score=message.side_score,
        joints_cam=np.array([(each.x, each.y, each.z) for each in positions], np.float32),
        position_sources=np.array([each.position_source for each in keypoints], np.uint8),
        id=message.id,
    )
