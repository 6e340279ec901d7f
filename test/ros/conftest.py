"""A node with a fake pipeline, and a camera and a listener that talk to it over real topics."""

import array
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rcl_interfaces.msg import Log
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.ros.node import HandPoseNode
from hand_pose_ros.types import Frame, Hand, Side

TIMEOUT_S = 20.0
HEIGHT, WIDTH = 48, 64
GREY = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
DEPTH_MM = np.full((HEIGHT, WIDTH), 500, np.uint16)
FRAME_ID = 'camera_color_optical_frame'
NAMES = (f't{index}' for index in itertools.count())


def make_hand(name: str = '1') -> Hand:
    """A right hand whose keypoints are all different."""
    steps = np.arange(21, dtype=np.float32)
    return Hand(
        keypoints_px=np.stack([steps + 10.25, steps + 20.5], axis=1),
        scores=np.linspace(0.5, 1.0, 21, dtype=np.float32),
        box_px=np.array([8, 16, 40, 44], np.float32),
        score=0.75,
        side=Side.RIGHT,
        side_score=0.625,
        joints_cam=np.stack([steps / 64, steps / 32, 0.5 + steps / 128], axis=1),
        position_sources=np.ones(21, np.uint8),
        id=name,
    )


def make_image(
    pixels: NDArray[np.generic], encoding: str, header: Header | None = None, **changes: object
) -> Image:
    """A raw image message, with fields of it changed."""
    height, width = pixels.shape[:2]
    message = Image(
        header=header or Header(),
        height=height,
        width=width,
        encoding=encoding,
        step=pixels.nbytes // height,
        data=array.array('B', pixels.tobytes()),
    )
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def make_camera_info(header: Header | None = None, **changes: object) -> CameraInfo:
    """A calibration for images of WIDTH x HEIGHT, with fields of it changed."""
    message = CameraInfo(
        header=header or Header(),
        height=HEIGHT,
        width=WIDTH,
        k=[50.0, 0.0, 31.5, 0.0, 51.0, 23.5, 0.0, 0.0, 1.0],
        distortion_model='plumb_bob',
        d=[0.1, 0.0, 0.0, 0.0, 0.0],
    )
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class FakePipeline:
    """Returns the hands it is told to, and remembers what it was given."""

    runtime = 'a fake'
    engine_progress = ''
    depth_refusals = ''

    def __init__(self) -> None:
        self.hands: tuple[Hand, ...] = ()
        self.frames: list[Frame] = []
        self.configs: list[PipelineConfig] = []
        self.resets = 0
        self.closed = False
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, frame: Frame) -> tuple[Hand, ...]:
        self.frames.append(frame)
        self.gate.wait(TIMEOUT_S)
        if self.error is not None:
            raise self.error
        return self.hands

    def configure(self, config: PipelineConfig) -> None:
        self.configs.append(config)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class Rig:
    """The node under test and everybody it talks to, in one executor that `until` spins."""

    def __init__(self, args: tuple[str, ...], open_pipeline: Callable[..., FakePipeline]) -> None:
        self.name = next(NAMES)
        self.stamp_s = 100.0
        self.keypoints: list[HandPoseArray] = []
        self.markers: list[MarkerArray] = []
        self.annotated: list[Image] = []
        self.logs: list[str] = []
        self.statuses: list[DiagnosticStatus] = []
        self.peer = rclpy.create_node('peer', namespace=self.name)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.peer)
        rosout = QoSProfile(depth=100, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self.peer.create_subscription(Log, '/rosout', self._on_log, rosout)
        self.peer.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.peer.create_subscription(HandPoseArray, 'keypoints', self.keypoints.append, 100)
        self.publishers = {
            topic: self.peer.create_publisher(kind, topic, 10)
            for kind, topic in (
                (Image, 'image'),
                (Image, 'depth'),
                (CameraInfo, 'camera_info'),
                (CompressedImage, 'image/compressed'),
                (CompressedImage, 'depth/compressedDepth'),
            )
        }
        self.node = HandPoseNode(open_pipeline, ['--ros-args', '-r', f'__ns:=/{self.name}', *args])
        self.executor.add_node(self.node)

    def close(self) -> None:
        self.node.destroy_node()
        self.peer.destroy_node()
        self.executor.shutdown()

    def until(
        self, condition: Callable[[], object], repeat: Callable[[], object] | None = None
    ) -> None:
        """Spins until a condition holds, calling `repeat` every now and then."""
        deadline_s = time.monotonic() + TIMEOUT_S
        again_s = 0.0
        while not condition():
            now_s = time.monotonic()
            assert now_s < deadline_s, f'never came true; the node said {self.logs}'
            if repeat is not None and now_s >= again_s:
                repeat()
                again_s = now_s + 0.1
            self.executor.spin_once(timeout_sec=0.02)

    def header(self, step_s: float = 1 / 30, frame_id: str = FRAME_ID) -> Header:
        """The header of the next image."""
        self.stamp_s += step_s
        header = Header(frame_id=frame_id)
        header.stamp.sec = int(self.stamp_s)
        header.stamp.nanosec = int(self.stamp_s % 1 * 1e9)
        return header

    def send(self, **messages: object) -> None:
        """Publishes messages by topic; two underscores stand for a topic's slash."""
        for topic, message in messages.items():
            self.publishers[topic.replace('__', '/')].publish(message)

    def send_image(self, **changes: object) -> Header:
        """Publishes a grey image, with fields of the message changed; returns its header."""
        header = self.header()
        self.send(image=make_image(GREY, header=header, **{'encoding': 'rgb8', **changes}))
        return header

    def send_frame(
        self, depth: NDArray[np.generic] = DEPTH_MM, encoding: str = '16UC1', **changes: object
    ) -> Header:
        """Publishes image, depth and camera_info, with fields of the last changed."""
        header = self.header()
        self.send(
            camera_info=make_camera_info(header, **changes),
            depth=make_image(depth, encoding, header),
            image=make_image(GREY, 'rgb8', header),
        )
        return header

    def value(self, key: str) -> str:
        """A value of the newest diagnostics; empty before the first."""
        values = self.statuses[-1].values if self.statuses else []
        return next((each.value for each in values if each.key == key), '')

    def tells(self, *words: str) -> bool:
        """Whether one log message and the diagnostics contain all the words."""
        logged = any(all(word in text for word in words) for text in self.logs)
        return logged and any(all(w in each.message for w in words) for each in self.statuses)

    def _on_log(self, message: Log) -> None:
        if message.name == f'{self.name}.hand_pose_node':
            self.logs.append(message.msg)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.statuses += [
            each for each in message.status if each.name == f'{self.name}/hand_pose_node: hands'
        ]


@pytest.fixture(scope='session')
def hand() -> Callable[..., Hand]:
    return make_hand


@pytest.fixture(scope='session')
def image() -> Callable[..., Image]:
    return make_image


@pytest.fixture(scope='session')
def camera_info() -> Callable[..., CameraInfo]:
    return make_camera_info


@pytest.fixture(scope='session')
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def start(ros: None, pipeline: FakePipeline) -> Iterator[Callable[..., Rig]]:
    """Starts a node with command line arguments, and with the fake pipeline unless told else."""
    rigs: list[Rig] = []

    def _start(*args: str, open_pipeline: Callable[..., FakePipeline] | None = None) -> Rig:
        rigs.append(Rig(args, open_pipeline or (lambda config: pipeline)))
        return rigs[-1]

    yield _start
    pipeline.gate.set()
    for rig in rigs:
        rig.close()
