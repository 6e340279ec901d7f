"""`hand_pose_node`: RGB, depth and camera_info in, hands out."""

import math
import signal
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from time import monotonic

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from hand_pose_ros.pipeline.config import PipelineConfig
from hand_pose_ros.pipeline.hand_pipeline import HandPipeline, open_pipeline
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.ros.diagnostics import Health
from hand_pose_ros.ros.inputs import Inputs
from hand_pose_ros.ros.outputs import Outputs
from hand_pose_ros.ros.parameters import NodeConfig, declare_parameters
from hand_pose_ros.ros.processor import FrameProcessor
from hand_pose_ros.ros.synchroniser import FrameMessages, Synchroniser
from hand_pose_ros.ros.topics import advertise
from hand_pose_ros.ros.worker import FrameWorker

OPEN_AT_ONCE = partial(open_pipeline, wait=False, ids=count(1))
"""A robot does not wait for an engine to be built. No id comes twice in a process, however often
its nodes are configured."""

PROGRESS_PERIOD_S = 10.0
"""The log hears of an engine's progress at most so often."""

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class HandPoseNode(LifecycleNode):
    """Wires topics, parameters and the lifecycle to a `HandPipeline`."""

    def __init__(
        self,
        open_pipeline: Callable[[PipelineConfig], HandPipeline] = OPEN_AT_ONCE,
        cli_args: list[str] | None = None,
        context: Context | None = None,
    ) -> None:
        """Declares the parameters and, with `autostart`, configures and activates.

        Args:
            open_pipeline: Opens the networks; raises ValueError or OSError when it cannot.
            cli_args: Remappings and parameters of this node alone, as on a command line.
            context: ROS context; None for the global one.
        """
        super().__init__(
            'hand_pose_node',
            cli_args=cli_args,
            context=context,
            automatically_declare_parameters_from_overrides=True,
        )
        self._open_pipeline = open_pipeline
        self._state = 'unconfigured'
        self._while_configured = ExitStack()
        self._while_active = ExitStack()
        self._processor: FrameProcessor | None = None
        self._told_runtime = ''
        self._told_progress, self._progress_s = '', -math.inf
        self._synchroniser = Synchroniser()
        self._worker: FrameWorker | None = None
        self._inputs: Inputs | None = None
        self._health = Health()
        refuse = partial(self._warn, lasting=True)
        self._config = declare_parameters(self, NodeConfig(), refuse)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._diagnostics = advertise(self, DiagnosticArray, '/diagnostics', self._warn)
        # Diagnostics go on while simulated time stands still.
        self.create_timer(1.0, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        if self._config.autostart and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Opens the pipeline and advertises the results."""
        config = self._config.pipeline
        try:
            pipeline = self._open_pipeline(config)
            self._while_configured.callback(pipeline.close)
            outputs = Outputs(self, self._warn)
            self._while_configured.callback(outputs.close)
        except (ValueError, OSError, RuntimeError, ImportError) as error:
            self._while_configured.close()
            self._fail('pipeline', f'cannot configure: {error}', lasting=True)
            return FAILURE
        self._health.clear('pipeline')
        self._processor = FrameProcessor(
            pipeline,
            config,
            self._config.input.rectified,
            outputs,
            self._warn,
            self._on_published,
        )
        self._tell_runtime()
        self._state = 'inactive'
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Starts to listen and to work."""
        if self._processor is None:
            return FAILURE
        self._while_active.callback(self._processor.reset)
        sync = self._config.sync
        known = self._synchroniser.camera_info
        self._synchroniser = Synchroniser(sync.slop_s, sync.max_wait_s)
        # Some drivers send it once.
        self._synchroniser.camera_info = known
        work = partial(self._process, self._processor)
        self._worker = FrameWorker(self._synchroniser, work)
        self._while_active.callback(self._worker.stop)
        self._inputs = Inputs(self, self._worker, self._warn)
        self._while_active.callback(self._inputs.close)
        try:
            self._inputs.listen(self._config.input)
        except RuntimeError as error:
            self._fail('inputs', f'cannot activate: {error}', lasting=True)
            self._stop()
            return FAILURE
        for each in ('inputs', 'lifecycle'):
            self._health.clear(each)
        self._state = 'active'
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops to listen and to work; the networks stay open."""
        self._stop()
        self._state = 'inactive'
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Releases the networks."""
        self._release('unconfigured')
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops and releases, from whatever state."""
        self._release('finalized')
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Goes back to the start after a transition that has raised."""
        self._release('unconfigured')
        # rclpy has swallowed the exception by now.
        text = f'a defect has ended the transition from {state.label}'
        self._fail('lifecycle', text, lasting=True)
        return SUCCESS

    def refuse_transition(self, error: RuntimeError) -> None:
        """Tells of a transition that does not exist in the present state."""
        self._warn('lifecycle', f'no such transition while {self._state}: {error}')

    def destroy_node(self) -> None:
        """Joins the worker before its publishers go."""
        self._release('finalized')
        super().destroy_node()

    def _stop(self) -> None:
        self._while_active.close()
        self._inputs = None
        self._worker = None

    def _release(self, state: str) -> None:
        self._stop()
        self._while_configured.close()
        self._processor = None
        self._state = state

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        old = self._config
        try:
            new = with_values(old, {each.name: each.value for each in parameters})
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if self._processor is not None and new.pipeline.model != old.pipeline.model:
            reason = 'model.* is read when the node is configured: clean it up first'
            return SetParametersResult(successful=False, reason=reason)
        if self._inputs is not None and new.input != old.input:
            try:
                self._inputs.listen(new.input)
            except RuntimeError as error:
                self._inputs.listen(old.input)
                return SetParametersResult(successful=False, reason=str(error))
        if self._processor is not None:
            self._processor.config = new.pipeline
            self._processor.rectified = new.input.rectified
        self._config = new
        for each in parameters:
            self._health.clear(each.name)
        self._synchroniser.slop_s = new.sync.slop_s
        self._synchroniser.max_wait_s = new.sync.max_wait_s
        return SetParametersResult(successful=True)

    def _process(self, processor: FrameProcessor, messages: FrameMessages) -> None:
        """Runs in the worker: what is wrong with a frame costs that frame only."""
        try:
            processor.process(messages)
        except (ValueError, OSError, RuntimeError) as error:
            # Publishers are gone when the context is shut down half way through a frame.
            if self.context.ok():
                self._fail('frame', str(error))

    def _on_published(self, stamp_s: float) -> None:
        self._health.frame_done(self.get_clock().now().nanoseconds * 1e-9 - stamp_s)

    def _on_timer(self) -> None:
        if self._worker is not None:
            self._worker.check()
        if self._inputs is not None:
            self._inputs.check(self._synchroniser)
        self._tell_runtime()
        message = DiagnosticArray(status=[self._health.status(self._state, self._facts())])
        message.header.stamp = self.get_clock().now().to_msg()
        message.status[0].name = f'{self.get_fully_qualified_name().lstrip("/")}: hands'
        message.status[0].hardware_id = self.resolve_topic_name('image')
        self._diagnostics.publish(message)

    def _tell_runtime(self) -> None:
        """Logs what executes the networks and how far an engine is, whenever that changes."""
        runtime = self._processor.runtime if self._processor else ''
        if runtime and runtime != self._told_runtime:
            self.get_logger().info(runtime)
        self._told_runtime = runtime
        progress, now_s = self._processor.engine_progress if self._processor else '', monotonic()
        if progress != self._told_progress and now_s - self._progress_s >= PROGRESS_PERIOD_S:
            self._told_progress, self._progress_s = progress, now_s
            if progress:
                self.get_logger().info(f'engine: {progress}')

    def _facts(self) -> dict[str, object]:
        return {
            'dropped': self._synchroniser.dropped,
            'unpaired': self._synchroniser.unpaired,
            'runtime': self._processor.runtime if self._processor else 'not open',
            'engine': (self._processor.engine_progress if self._processor else '') or 'none',
            'hands without depth': (self._processor.depth_refusals if self._processor else '')
            or 'none',
        }

    def _warn(self, what: str, text: str, lasting: bool = False) -> None:
        if self._health.report(what, DiagnosticStatus.WARN, text, lasting):
            self.get_logger().warning(text)

    def _fail(self, what: str, text: str, lasting: bool = False) -> None:
        if self._health.report(what, DiagnosticStatus.ERROR, text, lasting):
            self.get_logger().error(text)


def spin(node: HandPoseNode) -> None:
    """Runs a node's callbacks until its context ends.

    Raises:
        RuntimeError: A callback has raised; not for a transition that was asked for and does not
            exist in the node's state, which rclpy, up to Jazzy, answers by raising here.
    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    while node.context.ok():
        try:
            executor.spin()
        except RuntimeError as error:
            if 'ransition' not in str(error):
                raise
            node.refuse_transition(error)


def main(args: list[str] | None = None) -> int:
    """Runs the node until it is interrupted; returns the exit code."""
    # rclpy's own handler ends the spinning. Python's would raise anywhere, inside rclpy too.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    rclpy.init(args=args)
    try:
        node = HandPoseNode()
        try:
            spin(node)
        finally:
            node.destroy_node()
    except ExternalShutdownException:
        pass
    except RuntimeError:
        # rclpy refuses what a callback wanted to publish when the interrupt came.
        if rclpy.ok():
            raise
    finally:
        rclpy.try_shutdown()
        # A second interrupt finds a process that is ending already.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 0
