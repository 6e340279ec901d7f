"""A runtime without a network, for tests of what changes runtimes."""

from types import SimpleNamespace

import numpy as np


class Constant:
    """A runtime that always answers with the same number, or always raises."""

    spec = SimpleNamespace()

    def __init__(self, value, error=None):
        self.value, self.error, self.closed = value, error, False
        self.description = f'constant {value}'

    def run(self, inputs):
        if self.error is not None:
            raise self.error
        return {'maps': np.full(1, self.value)}

    def close(self):
        self.closed = True
