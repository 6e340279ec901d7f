import numpy as np
import pytest

from hand_pose_ros.ros.synchroniser import DEPTH_SILENT_S, FrameMessages, Synchroniser, period_s

PERIOD_S = 1 / 30
START_S = 100.0


def running(slop_s: float = 0.0, frames: int = 4) -> tuple[Synchroniser, float]:
    """A synchroniser that has seen paired frames, and the stamp of the next one."""
    synchroniser = Synchroniser(slop_s)
    for index in range(frames):
        stamp_s = START_S + index * PERIOD_S
        synchroniser.add_depth(stamp_s, f'depth{index}', stamp_s)
        synchroniser.add_rgb(stamp_s, f'rgb{index}', stamp_s)
        synchroniser.take(stamp_s)
    return synchroniser, START_S + frames * PERIOD_S


def test_rgb_without_a_depth_stream_is_ready_at_once() -> None:
    synchroniser = Synchroniser()
    synchroniser.add_rgb(1.0, 'rgb', 50.0)
    assert synchroniser.take(50.0) == FrameMessages('rgb')
    assert synchroniser.take(50.0) is None
    assert synchroniser.wait_s(50.0) is None
    assert synchroniser.unpaired == 1


@pytest.mark.parametrize('depth_first', [True, False])
def test_equal_stamps_pair_without_waiting_in_either_order(depth_first: bool) -> None:
    synchroniser, stamp_s = running()
    if depth_first:
        synchroniser.add_depth(stamp_s, 'depth', stamp_s)
    synchroniser.add_rgb(stamp_s, 'rgb', stamp_s)
    if not depth_first:
        assert synchroniser.take(stamp_s) is None
        synchroniser.add_depth(stamp_s, 'depth', stamp_s + 0.001)
    assert synchroniser.take(stamp_s + 0.001) == FrameMessages('rgb', 'depth')
    assert (synchroniser.dropped, synchroniser.unpaired) == (0, 0)


def test_the_nearest_of_several_depths_is_taken() -> None:
    synchroniser = Synchroniser(slop_s=0.02)
    for offset_s in (-0.012, -0.004, 0.007):
        synchroniser.add_depth(1.0 + offset_s, offset_s, 1.0)
    synchroniser.add_rgb(1.0, 'rgb', 1.0)
    assert synchroniser.take(1.0) == FrameMessages('rgb', -0.004)


def test_an_early_depth_is_taken_at_once_when_the_next_one_will_be_farther() -> None:
    synchroniser = Synchroniser()
    for index in range(5):
        stamp_s = index * PERIOD_S
        synchroniser.add_depth(stamp_s - 0.008, f'depth{index}', stamp_s)
        synchroniser.add_rgb(stamp_s, f'rgb{index}', stamp_s)
        messages = synchroniser.take(stamp_s)
        assert messages == FrameMessages(f'rgb{index}', f'depth{index}')


def test_an_early_depth_waits_for_a_nearer_one_that_is_due() -> None:
    synchroniser = Synchroniser(slop_s=0.02)
    for index in range(5):
        synchroniser.add_depth(index * 0.011, index, index * 0.011)
    rgb_s = 4 * 0.011 + 0.009
    synchroniser.add_rgb(rgb_s, 'rgb', rgb_s)
    assert synchroniser.take(rgb_s) is None
    synchroniser.add_depth(5 * 0.011, 5, rgb_s + 0.002)
    assert synchroniser.take(rgb_s + 0.002) == FrameMessages('rgb', 5)


def test_rgb_goes_on_alone_when_it_has_waited_long_enough() -> None:
    synchroniser, stamp_s = running()
    synchroniser.add_rgb(stamp_s, 'rgb', stamp_s)
    assert synchroniser.wait_s(stamp_s) == pytest.approx(0.1)
    assert synchroniser.take(stamp_s + 0.09) is None
    assert synchroniser.take(stamp_s + 0.11) == FrameMessages('rgb')
    assert synchroniser.unpaired == 1


@pytest.mark.parametrize('lag_s', [0.02, 0.04, 0.08])
def test_depth_that_comes_late_pairs_with_its_own_image(lag_s: float) -> None:
    synchroniser = Synchroniser()
    arrivals = [(i * PERIOD_S, 'rgb', i) for i in range(60)]
    arrivals += [(i * PERIOD_S + lag_s, 'depth', i) for i in range(60)]
    pairs = []
    for now_s, kind, index in sorted(arrivals):
        add = synchroniser.add_rgb if kind == 'rgb' else synchroniser.add_depth
        add(index * PERIOD_S, index, now_s)
        messages = synchroniser.take(now_s)
        if messages is not None:
            pairs.append((messages.rgb, messages.depth))
    # Before the first depth has come nobody knows of it.
    assert pairs[4:] == [(i, i) for i in range(4, 60)]
    assert synchroniser.dropped == 0


def test_an_image_whose_depth_was_lost_goes_on_when_the_next_depth_tells() -> None:
    synchroniser, stamp_s = running()
    synchroniser.add_rgb(stamp_s, 'first', stamp_s)
    synchroniser.add_rgb(stamp_s + PERIOD_S, 'second', stamp_s + PERIOD_S)
    assert synchroniser.take(stamp_s + PERIOD_S) is None
    synchroniser.add_depth(stamp_s + PERIOD_S, 'depth', stamp_s + PERIOD_S + 0.01)
    assert synchroniser.take(stamp_s + PERIOD_S + 0.01) == FrameMessages('second', 'depth')
    assert synchroniser.dropped == 1


def test_of_depths_equally_far_off_the_newest_is_taken() -> None:
    synchroniser = Synchroniser()
    for index in range(3):
        synchroniser.add_depth(1.0, index, 1.0)
    synchroniser.add_rgb(1.0, 'rgb', 1.0)
    assert synchroniser.take(1.0) == FrameMessages('rgb', 2)


def test_depth_outside_the_slop_does_not_pair() -> None:
    synchroniser = Synchroniser(slop_s=0.005)
    synchroniser.add_depth(0.990, 'depth', 0.0)
    synchroniser.add_rgb(1.000, 'rgb', 0.01)
    assert synchroniser.take(0.2) == FrameMessages('rgb')


def test_a_run_of_unpaired_images_is_counted_only_while_depth_comes() -> None:
    synchroniser, stamp_s = running()
    for index in range(5):
        arrival_s = stamp_s + index * PERIOD_S
        synchroniser.add_depth(arrival_s + 50.0, 'depth', arrival_s)
        synchroniser.add_rgb(arrival_s, 'rgb', arrival_s)
        synchroniser.take(arrival_s)
    assert (synchroniser.unpaired, synchroniser.unpaired_run) == (5, 5)
    later_s = stamp_s + 2 * DEPTH_SILENT_S
    synchroniser.add_rgb(later_s, 'rgb', later_s)
    synchroniser.take(later_s)
    assert (synchroniser.unpaired, synchroniser.unpaired_run) == (6, 0)


def test_nobody_waits_for_a_depth_stream_that_fell_silent() -> None:
    synchroniser, stamp_s = running()
    later_s = stamp_s + DEPTH_SILENT_S + PERIOD_S
    synchroniser.add_rgb(later_s, 'rgb', later_s)
    assert synchroniser.take(later_s) == FrameMessages('rgb')


@pytest.mark.parametrize('depth_hz', [5, 6, 10, 15])
def test_slow_depth_does_not_hold_up_the_images_between(depth_hz: int) -> None:
    synchroniser, answered, lags_s = Synchroniser(), 0, []
    for tick in range(3000):
        now_s = tick / 1000
        if tick % round(1000 / depth_hz) == 0:
            synchroniser.add_depth(now_s, 'depth', now_s)
        if tick % 33 == 0:
            synchroniser.add_rgb(now_s, now_s, now_s)
        messages = synchroniser.take(now_s)
        # The first depth images tell their rate.
        if messages is not None and now_s > 0.5:
            answered += 1
            lags_s.append(now_s - messages.rgb)
    assert answered >= 0.97 * 2500 / 33
    assert np.quantile(lags_s, 0.97) <= 0.02


@pytest.mark.parametrize('back_s', [0.0007, 0.9])
def test_a_stamp_a_little_back_costs_that_image_alone(back_s: float) -> None:
    synchroniser, stamp_s = running()
    assert not synchroniser.add_rgb(stamp_s - PERIOD_S - back_s, 'glitch', stamp_s)
    assert synchroniser.take(stamp_s) is None
    assert synchroniser.dropped == 1
    synchroniser.add_depth(stamp_s, 'depth', stamp_s)
    assert synchroniser.add_rgb(stamp_s, 'next', stamp_s)
    assert synchroniser.take(stamp_s) == FrameMessages('next', 'depth')


def test_of_a_burst_only_the_newest_is_handed_out() -> None:
    synchroniser = Synchroniser()
    for index in range(100):
        synchroniser.add_rgb(index * PERIOD_S, index, index * PERIOD_S)
    assert synchroniser.take(100 * PERIOD_S) == FrameMessages(99)
    assert synchroniser.dropped == 99


@pytest.mark.parametrize('depth_first', [True, False])
def test_stamps_that_go_back_restart_once_and_drop_the_old_run(depth_first: bool) -> None:
    synchroniser, stamp_s = running()
    assert synchroniser.add_rgb(stamp_s, 'before', stamp_s)
    synchroniser.add_depth(stamp_s, 'before', stamp_s)
    if depth_first:
        synchroniser.add_depth(0.0, 'depth', stamp_s + PERIOD_S)
    assert not synchroniser.add_rgb(0.0, 'rgb', stamp_s + PERIOD_S)
    if not depth_first:
        synchroniser.add_depth(0.0, 'depth', stamp_s + PERIOD_S)
    assert synchroniser.take(stamp_s + PERIOD_S) == FrameMessages('rgb', 'depth', restarted=True)
    assert synchroniser.add_rgb(PERIOD_S, 'next', stamp_s + 2 * PERIOD_S)
    synchroniser.add_depth(PERIOD_S, 'depth', stamp_s + 2 * PERIOD_S)
    assert synchroniser.take(stamp_s + 2 * PERIOD_S) == FrameMessages('next', 'depth')


def test_a_restart_is_told_even_when_its_first_image_is_dropped() -> None:
    synchroniser, stamp_s = running()
    synchroniser.add_rgb(0.0, 'first', stamp_s)
    synchroniser.add_rgb(PERIOD_S, 'second', stamp_s + PERIOD_S)
    messages = synchroniser.take(stamp_s + 0.2)
    assert messages is not None
    assert messages.rgb == 'second'
    assert messages.restarted


def test_after_three_stamps_a_little_back_time_starts_again() -> None:
    """One image with a stamp of the future must not silence all that come before its time."""
    synchroniser, stamp_s = running()
    assert synchroniser.add_rgb(stamp_s + 0.9, 'of the future', stamp_s)
    synchroniser.take(stamp_s + 0.2)
    for index in range(1, 4):
        now_s = stamp_s + index * PERIOD_S
        assert not synchroniser.add_rgb(now_s, index, now_s)
        assert synchroniser.take(now_s + 0.2) is None
    now_s = stamp_s + 4 * PERIOD_S
    assert not synchroniser.add_rgb(now_s, 'fourth', now_s)
    messages = synchroniser.take(now_s + 0.2)
    assert messages is not None
    assert (messages.rgb, messages.restarted) == ('fourth', True)
    assert synchroniser.add_rgb(now_s + PERIOD_S, 'fifth', now_s + PERIOD_S)


@pytest.mark.parametrize('lag_s', [0.5, 0.9])
def test_images_of_30_hertz_wait_for_depth_up_to_a_second(lag_s: float) -> None:
    synchroniser = Synchroniser(max_wait_s=1.0)
    paired = 0
    for index in range(120):
        now_s = index * PERIOD_S
        synchroniser.add_rgb(now_s, index, now_s)
        if now_s >= lag_s:
            synchroniser.add_depth(now_s - lag_s, index, now_s)
        messages = synchroniser.take(now_s)
        paired += messages is not None and messages.depth is not None
    assert paired >= 60


def test_half_a_frame_is_estimated_in_spite_of_dropped_frames_and_jitter() -> None:
    rng = np.random.default_rng(0)
    indices = [0, 1, 2, 3, 5, 6, 7, 8, 9]
    stamps = [i / 60 + rng.uniform(-0.0005, 0.0005) for i in indices]
    assert period_s(stamps) == pytest.approx(1 / 60, abs=0.001)
    assert period_s([1.0]) == pytest.approx(1 / 30)
