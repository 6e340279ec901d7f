"""Executes a TensorRT engine: fixed buffers, one stream, a CUDA graph for each batch size."""

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.runtimes.base import Spec
from hand_pose_ros.runtimes.engine_options import EngineError, Profile, RefusedEngine
from hand_pose_ros.runtimes.tensorrt_module import flavour, make_log

Shapes = tuple[tuple[int, ...], ...]


class TensorrtRuntime:
    """Runs an engine on the first GPU.

    Attributes:
        spec: What the model file says of itself.
        description: What executes it.
    """

    def __init__(
        self,
        trt: ModuleType,
        cudart: ModuleType,
        plan: bytes,
        spec: Spec,
        profiles: Sequence[Profile],
        precision: str,
        graphs: bool = True,
    ) -> None:
        """Loads an engine and runs every batch size once, so that no frame has to wait.

        Args:
            trt: TensorRT or TensorRT-RTX.
            cudart: `cuda.bindings.runtime`.
            plan: The engine.
            spec: What the model file says of itself.
            profiles: The shapes that the engine was built for, in the order of its profiles.
            precision: Of the engine, for the description.
            graphs: Launch CUDA graphs where they can be captured.

        Raises:
            RefusedEngine: The engine is of another TensorRT or GPU.
            EngineError: CUDA does not start, or memory is short: the engine may be sound.
        """
        self.spec = spec
        self._log = make_log(trt)
        self._lanes: dict[Shapes, _Lane] = {}
        # Frames come from one thread, a closing node or a self-test from another.
        self._lock = threading.Lock()
        with ExitStack() as stack:
            stream = open_stream(cudart, stack)
            try:
                runtime = trt.Runtime(self._log)
            except TypeError as error:
                # What a missing or too old driver looks like from Python.
                raise EngineError(f'{flavour(trt)} does not start: {self._log.why()}') from error
            engine = runtime.deserialize_cuda_engine(plan)
            if engine is None:
                raise RefusedEngine(f'{flavour(trt)} refuses the engine: {self._log.why()}')
            # An engine may not outlive its runtime.
            self._owners = [runtime, engine]
            tensors = _Tensors(trt, engine, spec)
            for index, profile in enumerate(profiles):
                for batch in range(1, profile.max_batch + 1):
                    shapes = profile.shapes(batch)
                    lane = _Lane(engine, tensors, cudart, stream, shapes, stack)
                    self._warm_up(lane, index, graphs)
                    self._lanes[tuple(shapes[name] for name in spec.inputs)] = lane
            self._close = stack.pop_all().close
        captured = all(lane.graph is not None for lane in self._lanes.values())
        how = 'CUDA graphs' if captured else 'plain launches'
        self.description = f'{flavour(trt)} {trt.__version__} {precision} on the GPU, {how}'

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`. A batch larger than the engine's goes in parts."""
        arrays = [inputs[name] for name in self.spec.inputs]
        items = [array.shape[1:] for array in arrays]
        most = max(
            (shapes[0][0] for shapes in self._lanes if [s[1:] for s in shapes] == items), default=0
        )
        if most == 0 or len({len(array) for array in arrays}) != 1 or len(arrays[0]) == 0:
            known = '; '.join(str(shapes) for shapes in self._lanes)
            got = [array.shape for array in arrays]
            raise RuntimeError(f'TensorRT could not run the network: expected {known}, got {got}')
        with self._lock:
            parts = []
            for start in range(0, len(arrays[0]), most):
                part = [array[start : start + most] for array in arrays]
                parts.append(self._lanes[tuple(each.shape for each in part)].run(part))
        return {name: np.concatenate([part[name] for part in parts]) for name in self.spec.outputs}

    def close(self) -> None:
        """Gives the GPU's memory back; the runtime must not be used any more."""
        with self._lock:
            self._close()
            self._lanes.clear()
            self._owners.clear()

    def _warm_up(self, lane: '_Lane', profile: int, graphs: bool) -> None:
        try:
            lane.prepare(profile)
        except RuntimeError as error:
            kind = RefusedEngine if isinstance(error, RefusedEngine) else EngineError
            raise kind(f'{error}: {self._log.why()}') from error
        if graphs:
            lane.capture()


class _Tensors:
    """Names and types of what goes in and comes out, as the engine tells them."""

    def __init__(self, trt: ModuleType, engine: Any, spec: Spec) -> None:
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        outputs = [name for name in names if name not in inputs]
        if set(inputs) != set(spec.inputs) or set(outputs) != set(spec.outputs):
            raise RefusedEngine(
                f'the engine must take {spec.inputs} and give {spec.outputs}, '
                f'it takes {inputs} and gives {outputs}'
            )
        self.inputs, self.outputs = spec.inputs, spec.outputs
        self.dtypes = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names}


class _Lane:
    """One context at one batch size, with its buffers and its graph.

    A captured graph holds on to the inner buffers of its context, so each has a context of its
    own.
    """

    def __init__(
        self,
        engine: Any,
        tensors: _Tensors,
        cudart: ModuleType,
        stream: Any,
        shapes: Mapping[str, tuple[int, ...]],
        stack: ExitStack,
    ) -> None:
        self.graph: Any = None
        self._tensors = tensors
        self._cudart = cudart
        self._stream = stream
        self._shapes = dict(shapes)
        self._stack = stack
        self._context = engine.create_execution_context()
        if self._context is None:
            raise EngineError('the GPU has no memory left for an execution context')
        self._host: dict[str, NDArray] = {}
        self._device: dict[str, int] = {}

    def prepare(self, profile: int) -> None:
        """Fixes shapes and addresses, and runs once: what is set up late is set up now."""
        context, stream = self._context, int(self._stream)
        _accepted(context.set_optimization_profile_async(profile, stream), 'the profile')
        self._call('cudaStreamSynchronize', self._stream)
        for name in self._tensors.inputs:
            shape = self._shapes[name]
            _accepted(context.set_input_shape(name, shape), f'{name} of {shape}')
        _accepted(context.infer_shapes() == [], 'to tell all shapes')
        for name in self._tensors.outputs:
            self._shapes[name] = tuple(context.get_tensor_shape(name))
        for name, shape in self._shapes.items():
            self._allocate(name, shape)
            address = self._device[name]
            _accepted(context.set_tensor_address(name, address), f'the buffer of {name}')
        self._enqueue()
        self._call('cudaStreamSynchronize', self._stream)

    def capture(self) -> None:
        """Records copies and execution as one CUDA graph, if they can be recorded."""
        runtime = self._cudart
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        try:
            self._call('cudaStreamBeginCapture', self._stream, mode)
        except RuntimeError:
            runtime.cudaGetLastError()
            return
        try:
            self._enqueue()
        except RuntimeError:
            # The stream leaves the capture, whatever has become of it.
            runtime.cudaStreamEndCapture(self._stream)
            runtime.cudaGetLastError()
            return
        try:
            graph = self._call('cudaStreamEndCapture', self._stream)
            self._stack.callback(runtime.cudaGraphDestroy, graph)
            self.graph = self._call('cudaGraphInstantiate', graph, 0)
            self._stack.callback(runtime.cudaGraphExecDestroy, self.graph)
        except RuntimeError:
            runtime.cudaGetLastError()

    def run(self, arrays: Sequence[NDArray]) -> dict[str, NDArray]:
        """Copies in, executes, copies out.

        Args:
            arrays: The inputs, of this lane's shapes.

        Raises:
            RuntimeError: An array is of another type, or the GPU has failed.
        """
        for name, array in zip(self._tensors.inputs, arrays, strict=True):
            if array.dtype != self._host[name].dtype:
                expected = self._host[name].dtype
                raise RuntimeError(f'TensorRT: {name} must be {expected}, got {array.dtype}')
            np.copyto(self._host[name], array)
        if self.graph is None:
            self._enqueue()
        else:
            self._call('cudaGraphLaunch', self.graph, self._stream)
        self._call('cudaStreamSynchronize', self._stream)
        return {name: self._host[name].copy() for name in self._tensors.outputs}

    def _enqueue(self) -> None:
        kinds = self._cudart.cudaMemcpyKind
        for name in self._tensors.inputs:
            host, device = self._host[name], self._device[name]
            into = kinds.cudaMemcpyHostToDevice
            self._copy(device, host.ctypes.data, host.nbytes, into)
        if not self._context.execute_async_v3(int(self._stream)):
            raise RuntimeError('TensorRT could not run the network')
        for name in self._tensors.outputs:
            host, device = self._host[name], self._device[name]
            self._copy(host.ctypes.data, device, host.nbytes, kinds.cudaMemcpyDeviceToHost)

    def _copy(self, target: int, source: int, size: int, kind: Any) -> None:
        self._call('cudaMemcpyAsync', target, source, size, kind, self._stream)

    def _allocate(self, name: str, shape: tuple[int, ...]) -> None:
        dtype, count = self._tensors.dtypes[name], int(np.prod(shape))
        size = count * dtype.itemsize
        self._device[name] = int(self._call('cudaMalloc', size))
        self._stack.callback(self._cudart.cudaFree, self._device[name])
        # Page-locked, or copies would not run beside anything else.
        host = int(self._call('cudaHostAlloc', size, self._cudart.cudaHostAllocDefault))
        self._stack.callback(self._cudart.cudaFreeHost, host)
        memory = (ctypes.c_uint8 * size).from_address(host)
        self._host[name] = np.frombuffer(memory, dtype).reshape(shape)
        self._host[name][...] = 0

    def _call(self, name: str, *arguments: Any) -> Any:
        return call(getattr(self._cudart, name), *arguments)


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of `cuda.bindings.runtime`.

    Returns:
        What it returns beside its status, None for nothing.

    Raises:
        RuntimeError: The status is not success.
    """
    status, *values = function(*arguments)
    if int(status) != 0:
        name = getattr(function, '__name__', function)
        raise RuntimeError(f'{name} failed: {getattr(status, "name", status)}')
    return values[0] if values else None


def open_stream(cudart: ModuleType, stack: ExitStack) -> Any:
    """Opens a stream other than the default one, which TensorRT would synchronise each time.

    Args:
        cudart: `cuda.bindings.runtime`.
        stack: Closes it.

    Raises:
        EngineError: CUDA does not start.
    """
    try:
        stream = call(cudart.cudaStreamCreateWithFlags, cudart.cudaStreamNonBlocking)
    except RuntimeError as error:
        raise EngineError(f'CUDA does not start: {error}') from error
    stack.callback(cudart.cudaStreamDestroy, stream)
    return stream


def _accepted(answer: object, text: str) -> None:
    if not answer:
        raise RefusedEngine(f'TensorRT refuses {text}')
