"""An engine that takes over from what ran before it, and gives back."""

import threading

import pytest
from constant_runtime import Constant

from hand_pose_ros.runtimes.engine_swap import SwappingRuntime
from hand_pose_ros.runtimes.last_resort import LastResortRuntime

DEADLINE_S = 20.0


class Gate:
    """Opens a runtime when it is told to."""

    def __init__(self, opened):
        self.opened = opened
        self.go = threading.Event()
        self.begun = threading.Event()
        self.stopped = False

    def open(self, on_progress):
        on_progress('building 40%, 3 s, try 1')
        self.begun.set()
        assert self.go.wait(DEADLINE_S)
        if self.stopped:
            raise RuntimeError('the build was stopped')
        if isinstance(self.opened, Exception):
            raise self.opened
        return self.opened

    def stop(self):
        self.stopped = True
        self.go.set()


def swapping(fallback, gate, last_resort=None):
    if last_resort is not None:
        fallback = LastResortRuntime(fallback, lambda: last_resort)
    return SwappingRuntime(fallback, gate)


def value(runtime):
    return runtime.run({})['maps'][0]


@pytest.fixture
def fallback():
    return Constant(1)


def test_frames_run_on_the_fallback_until_the_engine_is_ready(fallback):
    gate = Gate(Constant(2))
    runtime = swapping(fallback, gate)
    assert gate.begun.wait(DEADLINE_S)
    assert value(runtime) == 1
    assert runtime.progress == 'building 40%, 3 s, try 1'
    assert runtime.description == 'constant 1, while TensorRT gets ready'
    gate.go.set()
    runtime.wait()
    assert value(runtime) == 2
    assert runtime.description == 'constant 2'
    assert (runtime.progress, runtime.outcome) == ('ready', 'now constant 2')


@pytest.mark.parametrize(
    'error', [RuntimeError('no memory'), OSError('no memory'), TypeError('no memory')]
)
def test_a_build_that_fails_leaves_the_fallback_and_says_why(fallback, error):
    gate = Gate(error)
    gate.go.set()
    runtime = swapping(fallback, gate)
    runtime.wait()
    assert value(runtime) == 1
    assert runtime.description == 'constant 1, since TensorRT failed: no memory'
    assert runtime.progress == 'failed: no memory'


def test_an_engine_that_fails_while_running_costs_no_frame(fallback):
    engine = Constant(2)
    gate = Gate(engine)
    gate.go.set()
    runtime = swapping(fallback, gate)
    runtime.wait()
    engine.error = RuntimeError('cudaErrorIllegalAddress')
    assert value(runtime) == 1
    engine.error = None
    assert value(runtime) == 1
    assert 'cudaErrorIllegalAddress' in runtime.description
    assert not engine.closed
    runtime.close()
    assert engine.closed


def test_an_input_that_both_refuse_leaves_the_engine_in_place(fallback):
    engine = Constant(2)
    gate = Gate(engine)
    gate.go.set()
    runtime = swapping(fallback, gate)
    runtime.wait()
    engine.error = fallback.error = RuntimeError('bad shape')
    with pytest.raises(RuntimeError, match='bad shape'):
        runtime.run({})
    engine.error = None
    assert value(runtime) == 2


def test_closing_ends_a_build_or_closes_the_engine(fallback):
    gate = Gate(Constant(2))
    swapping(fallback, gate).close()
    assert gate.stopped
    engine = Constant(2)
    gate = Gate(engine)
    gate.go.set()
    runtime = swapping(fallback, gate)
    runtime.wait()
    runtime.close()
    assert engine.closed
    assert value(runtime) == 1


def test_frames_run_all_through_the_swap(fallback):
    gate = Gate(Constant(2))
    runtime = swapping(fallback, gate)
    seen = []
    for turn in range(2000):
        if turn == 1000:
            gate.go.set()
        seen.append(value(runtime))
    runtime.wait()
    seen.append(value(runtime))
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}


def test_where_the_gpu_is_gone_for_both_the_last_resort_takes_over(fallback):
    engine = Constant(2)
    gate = Gate(engine)
    gate.go.set()
    runtime = swapping(fallback, gate, Constant(3))
    runtime.wait()
    engine.error = fallback.error = RuntimeError('cudaErrorIllegalAddress')
    assert value(runtime) == 3
    engine.error = fallback.error = None
    assert value(runtime) == 3
    gone = 'constant 3, since constant 1 failed: cudaErrorIllegalAddress'
    since = 'since TensorRT failed: cudaErrorIllegalAddress'
    assert runtime.description == f'{gone}, {since}'
    assert runtime.outcome == f'{since}; now {gone}'


def test_a_fallback_that_fails_during_a_build_is_replaced_and_the_engine_still_comes(fallback):
    gate = Gate(Constant(2))
    runtime = swapping(fallback, gate, Constant(3))
    fallback.error = RuntimeError('out of memory')
    assert value(runtime) == 3
    assert runtime.description == (
        'constant 3, since constant 1 failed: out of memory, while TensorRT gets ready'
    )
    gate.go.set()
    runtime.wait()
    assert value(runtime) == 2
