"""TensorRT or TensorRT-RTX, whichever is installed: one interface under two names."""

import importlib
from types import ModuleType
from typing import Any

from hand_pose_ros.runtimes.engine_options import EngineError

MODULES = ('tensorrt', 'tensorrt_rtx', 'tensorrt_rtx_bindings')
"""TensorRT first: it knows every GPU, TensorRT-RTX only GeForce and RTX ones."""

MAX_PROBLEMS = 20


def find_tensorrt() -> ModuleType:
    """Imports what is installed.

    Raises:
        EngineError: Nothing is, or its libraries are not; the text has each reason.
    """
    reasons = []
    for name in MODULES:
        try:
            return importlib.import_module(name)
        except (ImportError, OSError, TypeError) as error:
            reasons.append(f'{name}: {error}')
    raise EngineError(f'TensorRT is not installed ({"; ".join(reasons)})')


def flavour(trt: ModuleType) -> str:
    """Returns `TensorRT` or `TensorRT-RTX`, whose engines do not fit each other."""
    return 'TensorRT-RTX' if 'rtx' in trt.__name__ else 'TensorRT'


def make_log(trt: ModuleType) -> Any:
    """Returns an ILogger that keeps the newest warnings and errors in `problems`.

    TensorRT reports a failure as None or False; the reason is only in its log.
    """
    base: Any = trt.ILogger

    class Log(base):
        def __init__(self) -> None:
            base.__init__(self)
            self.problems: list[str] = []

        def log(self, severity: Any, text: str) -> None:
            # Severities count downwards: internal error, error, warning, information, verbose.
            if int(severity) <= int(trt.ILogger.ERROR):
                self.problems = [*self.problems, text.strip()][-MAX_PROBLEMS:]

        def why(self) -> str:
            return '; '.join(self.problems) or 'its log has no error'

    return Log()
