"""A GPU that fails costs no frame."""

import pytest
from constant_runtime import Constant

from hand_pose_ros.runtimes.last_resort import LastResortRuntime


def value(runtime):
    return runtime.run({})['maps'][0]


def test_a_runtime_that_fails_is_replaced_for_good_in_the_same_frame():
    first, opened = Constant(1), []

    def open_last_resort():
        opened.append(Constant(2))
        return opened[-1]

    runtime = LastResortRuntime(first, open_last_resort)
    assert (value(runtime), runtime.description, runtime.outcome) == (1, 'constant 1', '')
    first.error = RuntimeError('out of memory')
    assert value(runtime) == 2
    first.error = None
    assert value(runtime) == 2
    assert len(opened) == 1
    assert runtime.description == 'constant 2, since constant 1 failed: out of memory'
    assert runtime.outcome == f'now {runtime.description}'


def test_an_input_that_both_refuse_leaves_the_first_in_place():
    first = Constant(1, RuntimeError('bad shape'))
    runtime = LastResortRuntime(first, lambda: Constant(2, RuntimeError('bad shape')))
    with pytest.raises(RuntimeError, match='bad shape'):
        runtime.run({})
    first.error = None
    assert value(runtime) == 1
    assert runtime.outcome == ''


def test_what_the_last_resort_raises_is_raised():
    last = Constant(2)
    runtime = LastResortRuntime(Constant(1, RuntimeError('gone')), lambda: last)
    assert value(runtime) == 2
    last.error = RuntimeError('bad shape')
    with pytest.raises(RuntimeError, match='bad shape'):
        runtime.run({})
