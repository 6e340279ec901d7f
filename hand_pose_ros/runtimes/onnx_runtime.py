"""ONNX Runtime: the default on a CPU, and for NVIDIA GPUs without TensorRT."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from hand_pose_ros.runtimes.base import INPUT_NAME, read_spec
from hand_pose_ros.runtimes.engine_options import profiles_of

FAILURES = tuple(
    each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception)
)
"""All that ONNX Runtime raises when it loads or runs: its releases differ, and none of it is a
RuntimeError."""

CUDA = ('CUDAExecutionProvider', {'cudnn_conv_algo_search': 'HEURISTIC'})
"""By trying all algorithms, the default, the first picture of each shape would take seconds."""

NO_CUDA = (
    f'ONNX Runtime {onnxruntime.__version__} does not run on the GPU: it needs onnxruntime-gpu, '
    'and the CUDA and cuDNN libraries of its release'
)


class OnnxRuntime:
    """Runs a model file.

    Attributes:
        spec: What the model file says of itself.
        description: What executes it.
    """

    def __init__(self, path: Path, threads: int, cuda: bool = False) -> None:
        """Loads a model file.

        Args:
            path: An .onnx file written by `hand-pose export`.
            threads: CPU threads.
            cuda: Run on the first GPU.

        Raises:
            ValueError: The file is damaged, or not a model of ours; or this ONNX Runtime has no
                CUDA that works.
        """
        if cuda and CUDA[0] not in onnxruntime.get_available_providers():
            raise ValueError(NO_CUDA)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin between frames would take the cores from the rest of the robot.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=([CUDA] if cuda else []) + ['CPUExecutionProvider']
            )
        except FAILURES as error:
            raise ValueError(f'{path} is not a sound ONNX model: {error}') from error
        self.spec = read_spec(str(path), self._session.get_modelmeta().custom_metadata_map)
        # It goes on without a provider whose libraries are missing.
        if cuda and CUDA[0] not in self._session.get_providers():
            raise ValueError(NO_CUDA)
        if cuda:
            self._try_out()
        where = 'the GPU (CUDA)' if cuda else f'the CPU, {threads} threads'
        self.description = f'ONNX Runtime {onnxruntime.__version__} on {where}'

    def _try_out(self) -> None:
        """Runs the network once: cuDNN may lack, of this GPU, what the first picture needs."""
        shapes = profiles_of(self.spec, 1)[0].shapes(1)
        blank = {
            name: np.zeros(shape, np.uint8 if name == INPUT_NAME else np.float32)
            for name, shape in shapes.items()
        }
        try:
            self.run(blank)
        except RuntimeError as error:
            raise ValueError(f'{NO_CUDA}; {error}') from error

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Runs a batch; see `Runtime.run`."""
        try:
            outputs = self._session.run(self.spec.outputs, dict(inputs))
        except FAILURES as error:
            raise RuntimeError(f'ONNX Runtime could not run the network: {error}') from error
        return dict(zip(self.spec.outputs, outputs, strict=True))
