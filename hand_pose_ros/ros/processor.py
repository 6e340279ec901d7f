"""What happens to one frame, in the worker's thread: read, find hands, publish."""

from collections.abc import Callable

from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline
from hand_pose_ros.ros.frames import frame_from_msgs
from hand_pose_ros.ros.outputs import Outputs
from hand_pose_ros.ros.synchroniser import FrameMessages
from hand_pose_ros.ros.topics import Report


class FrameProcessor:
    """Calls the pipeline and publishes.

    Attributes:
        config: Live settings; the next frame is processed with them.
        rectified: Images are rectified.
    """

    def __init__(
        self,
        pipeline: HandPipeline,
        config: PipelineConfig,
        rectified: bool,
        outputs: Outputs,
        report: Report,
        on_published: Callable[[float], None],
    ) -> None:
        """Takes over an open pipeline.

        Args:
            pipeline: The pipeline, as opened with `config`.
            config: Its settings.
            rectified: Images are rectified.
            outputs: Publishes the hands.
            report: Hears of depth and cameras that cannot be used.
            on_published: Called with the stamp in seconds, as soon as a frame's hands are out.
        """
        self.config = config
        self.rectified = rectified
        self._pipeline = pipeline
        self._applied = config
        self._outputs = outputs
        self._report = report
        self._on_published = on_published
        self._view: tuple[str, tuple[int, ...]] | None = None

    @property
    def runtime(self) -> str:
        """What executes the networks, and why."""
        return self._pipeline.runtime

    @property
    def engine_progress(self) -> str:
        """How far TensorRT engines are; empty without any."""
        return self._pipeline.engine_progress

    @property
    def depth_refusals(self) -> str:
        """Why depth says nothing of hands of the last frame; empty where it does."""
        return self._pipeline.depth_refusals

    def process(self, messages: FrameMessages) -> None:
        """Processes one frame.

        Raises:
            ValueError: If the image cannot be read.
            RuntimeError: If a network cannot be run.
        """
        if self.config != self._applied:
            self._applied = self.config
            self._pipeline.configure(self._applied)
        if messages.restarted:
            self._pipeline.reset()
        header = messages.rgb.header
        frame = frame_from_msgs(messages, self.rectified, self._report)
        view = (header.frame_id, frame.rgb.shape)
        # Of another camera, or another mode of it, pixels and metres of before mean nothing.
        if self._view not in (None, view):
            self._pipeline.reset()
        self._view = view
        hands = self._pipeline(frame)
        self._outputs.publish_hands(hands, header)
        self._on_published(frame.stamp_s)
        self._outputs.publish_pictures(hands, header, frame.rgb)

    def reset(self) -> None:
        """Forgets all tracks."""
        self._pipeline.reset()
