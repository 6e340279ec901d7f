# ruff: noqa: N802, N815 - the names are those of CUDA.
"""The execute half of TensorRT and CUDA without a GPU: as lazy and as strict as the real ones.

What is sent to a stream happens when the stream is synchronised. Memory is host memory that only
copies and executions may touch, and only within what was allocated. An engine computes by ONNX
Runtime.
"""

import ctypes
import json
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime

__name__ = 'tensorrt'
__version__ = '10.3.0'


class Status(IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorIllegalAddress = 700
    cudaErrorStreamCaptureUnsupported = 900
    cudaErrorStreamCaptureInvalidated = 901


class Stream:
    """A queue of work."""

    def __init__(self):
        self.queue = []
        self.recording = None
        self.broken = False

    def __int__(self):
        return id(self)

    def add(self, work):
        (self.queue if self.recording is None else self.recording).append(work)


class Cuda:
    """What `cuda.bindings.runtime` offers, as far as it is used."""

    cudaStreamNonBlocking = 1
    cudaHostAllocDefault = 0
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)

    def __init__(self, memory_bytes=2**30, captures=True):
        self.free_bytes = memory_bytes
        self.captures = captures
        self.memory = {'host': {}, 'device': {}}
        self.streams = {}
        self.graphs = []
        self.launches = 0
        self.failure = None

    def cudaStreamCreateWithFlags(self, flags):
        stream = Stream()
        self.streams[int(stream)] = stream
        return Status.cudaSuccess, stream

    def cudaStreamDestroy(self, stream):
        del self.streams[int(stream)]
        return (Status.cudaSuccess,)

    def cudaMalloc(self, size):
        if any(stream.recording is not None for stream in self.streams.values()):
            return Status.cudaErrorStreamCaptureUnsupported, 0
        if size > self.free_bytes:
            return Status.cudaErrorMemoryAllocation, 0
        self.free_bytes -= size
        return self._allocate('device', size)

    def cudaHostAlloc(self, size, flags):
        return self._allocate('host', size)

    def cudaFree(self, address):
        self.free_bytes += len(self.memory['device'].pop(address))
        return (Status.cudaSuccess,)

    def cudaFreeHost(self, address):
        del self.memory['host'][address]
        return (Status.cudaSuccess,)

    def cudaMemcpyAsync(self, target, source, size, kind, stream):
        places = {1: ('device', 'host'), 2: ('host', 'device')}[kind]
        if not self.holds(places[0], target, size) or not self.holds(places[1], source, size):
            return (Status.cudaErrorInvalidValue,)
        self.streams[int(stream)].add(lambda: ctypes.memmove(target, source, size))
        return (Status.cudaSuccess,)

    def cudaStreamSynchronize(self, stream):
        if stream.recording is not None:
            stream.broken = True
            return (Status.cudaErrorStreamCaptureUnsupported,)
        for work in stream.queue:
            work()
        stream.queue.clear()
        return (self.failure or Status.cudaSuccess,)

    def cudaStreamBeginCapture(self, stream, mode):
        stream.recording = []
        return (Status.cudaSuccess,)

    def cudaStreamEndCapture(self, stream):
        recorded, stream.recording = stream.recording, None
        broken, stream.broken = stream.broken, False
        if broken or not self.captures:
            return Status.cudaErrorStreamCaptureInvalidated, None
        self.graphs.append(recorded)
        return Status.cudaSuccess, recorded

    def cudaGraphInstantiate(self, graph, flags):
        return Status.cudaSuccess, graph

    def cudaGraphLaunch(self, graph, stream):
        self.launches += 1
        stream.queue.extend(graph)
        return (Status.cudaSuccess,)

    def cudaGraphDestroy(self, graph):
        return (Status.cudaSuccess,)

    def cudaGraphExecDestroy(self, graph):
        self.graphs.remove(graph)
        return (Status.cudaSuccess,)

    def cudaGetLastError(self):
        return (Status.cudaSuccess,)

    def holds(self, place, address, size):
        """Whether a range lies in one allocation."""
        return any(
            start <= address and address + size <= start + len(memory)
            for start, memory in self.memory[place].items()
        )

    def _allocate(self, place, size):
        memory = (ctypes.c_uint8 * size)(*[171] * min(size, 64))
        address = ctypes.addressof(memory)
        self.memory[place][address] = memory
        return Status.cudaSuccess, address


TensorIOMode = SimpleNamespace(INPUT=0, OUTPUT=1)


def nptype(kind):
    return np.dtype(kind).type


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


def plan_for(path, spec, profiles, cuda):
    """An engine file of the fake."""
    CUDA.append(cuda)
    document = {
        'onnx': str(path),
        'inputs': spec.inputs,
        'outputs': spec.outputs,
        'profiles': [each.to_json() for each in profiles],
        'cuda': len(CUDA) - 1,
    }
    return b'FAKE' + json.dumps(document).encode()


CUDA = []


class Runtime:
    def __init__(self, log):
        self.log = log

    def deserialize_cuda_engine(self, plan):
        if not plan.startswith(b'FAKE'):
            self.log.log(ILogger.ERROR, 'magicTag does not match')
            return None
        return ICudaEngine(json.loads(plan[4:]), self.log)


class ICudaEngine:
    def __init__(self, document, log):
        self.document = document
        self.log = log
        self.cuda = CUDA[document['cuda']]
        self.names = [*document['inputs'], *document['outputs']]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(Path(document['onnx']).read_bytes(), options)
        kinds = [*self.session.get_inputs(), *self.session.get_outputs()]
        self.kinds = {each.name: each.type[7:-1].replace('float', 'float32') for each in kinds}

    @property
    def num_io_tensors(self):
        return len(self.names)

    def get_tensor_name(self, index):
        return self.names[index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name in self.document['inputs'] else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name):
        return self.kinds[name]

    def create_execution_context(self):
        return IExecutionContext(self)


class IExecutionContext:
    def __init__(self, engine):
        self.engine = engine
        self.profile = None
        self.shapes = {}
        self.addresses = {}
        self.has_run = False

    def set_optimization_profile_async(self, index, stream):
        known = self.engine.document['profiles']
        if not 0 <= index < len(known) or stream not in self.engine.cuda.streams:
            return self._refuse(f'there is no profile {index}')
        self.profile = known[index]
        self.shapes = {}
        return True

    def set_input_shape(self, name, shape):
        if self.profile is None or name not in self.profile['item_shapes']:
            return self._refuse(f'{name} is no input of the profile')
        fits = list(shape[1:]) == self.profile['item_shapes'][name]
        if not fits or not 1 <= shape[0] <= self.profile['max_batch']:
            return self._refuse(f'{shape} is outside of the profile')
        self.shapes[name] = tuple(shape)
        return True

    def infer_shapes(self):
        return [name for name in self.engine.document['inputs'] if name not in self.shapes]

    def get_tensor_shape(self, name):
        if name in self.shapes:
            return self.shapes[name]
        inputs = {n: np.zeros(s, self.engine.kinds[n]) for n, s in self.shapes.items()}
        return self.engine.session.run([name], inputs)[0].shape

    def set_tensor_address(self, name, address):
        if name not in self.engine.names or address == 0:
            return self._refuse(f'{name} does not take the address {address}')
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        cuda = self.engine.cuda
        if stream not in cuda.streams:
            return self._refuse('the default stream, or none, was given')
        if self.infer_shapes():
            return self._refuse(f'no shapes of {self.infer_shapes()}')
        if set(self.addresses) != set(self.engine.names):
            return self._refuse('a tensor has no address')
        if cuda.streams[stream].recording is not None and not self.has_run:
            cuda.streams[stream].broken = True
            return self._refuse('memory is allocated at the first run: that cannot be captured')
        self.has_run = True
        shapes, addresses = dict(self.shapes), dict(self.addresses)
        cuda.streams[stream].add(lambda: self._execute(shapes, addresses))
        return True

    def _execute(self, shapes, addresses):
        cuda, inputs = self.engine.cuda, {}
        for name, shape in shapes.items():
            inputs[name] = self._read(name, addresses[name], shape)
        outputs = self.engine.document['outputs']
        for name, array in zip(outputs, self.engine.session.run(outputs, inputs), strict=True):
            if cuda.holds('device', addresses[name], array.nbytes):
                ctypes.memmove(
                    addresses[name], np.ascontiguousarray(array).ctypes.data, array.nbytes
                )
            else:
                cuda.failure = Status.cudaErrorIllegalAddress

    def _read(self, name, address, shape):
        array = np.zeros(shape, self.engine.kinds[name])
        if self.engine.cuda.holds('device', address, array.nbytes):
            ctypes.memmove(array.ctypes.data, address, array.nbytes)
        else:
            self.engine.cuda.failure = Status.cudaErrorIllegalAddress
        return array

    def _refuse(self, text):
        self.engine.log.log(ILogger.ERROR, text)
        return False
