import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from hand_pose_ros.ros.diagnostics import Health

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock)


def values(status):
    return {each.key: each.value for each in status.values}


def test_rate_and_latencies_are_those_of_the_last_five_seconds(health, clock):
    for _ in range(100):
        health.frame_done(9.0)
    clock.now_s += 60.0
    for index in range(100):
        health.frame_done(0.001 * (index + 1))
        clock.now_s += 0.04
    status = health.status('active', {'dropped': 3})
    assert status.level == OK
    found = values(status)
    assert float(found['rate'].split()[0]) == pytest.approx(25.0, abs=0.3)
    assert found['latency p50'] == '50.5 ms'
    assert found['latency p95'] == '95.0 ms'
    assert found['frames'] == '200'
    assert found['dropped'] == '3'
    assert found['state'] == 'active'


def test_a_rate_falls_when_frames_stop_coming(health, clock):
    for _ in range(10):
        health.frame_done(0.01)
        clock.now_s += 0.1
    clock.now_s += 2.0
    assert values(health.status('active', {}))['rate'] == '3.0 Hz'
    clock.now_s += 5.0
    assert values(health.status('active', {}))['rate'] == '0.0 Hz'


@pytest.mark.parametrize('latency_s', [1e6, -3.0])
def test_stamps_of_another_clock_are_called_that(health, latency_s):
    health.frame_done(latency_s)
    assert 'use_sim_time' in values(health.status('active', {}))['latency p50']


def test_a_problem_of_frames_is_over_when_it_stays_away(health, clock):
    health.report('depth', WARN, 'depth is wrong')
    clock.now_s += 1.0
    status = health.status('active', {})
    assert (status.level, status.message) == (WARN, 'depth is wrong')
    clock.now_s += 1.5
    status = health.status('active', {})
    assert status.level == OK
    assert values(status)['last problem'] == '2 s ago: depth is wrong'


def test_a_lasting_problem_stays_until_it_is_cleared(health, clock):
    health.report('pipeline', ERROR, 'no weights', lasting=True)
    clock.now_s += 1000.0
    assert health.status('unconfigured', {}).level == ERROR
    health.clear('pipeline')
    assert health.status('inactive', {}).level == OK


def test_the_worst_problem_comes_first_and_sets_the_level(health):
    health.report('depth', WARN, 'depth is wrong')
    health.report('frame', ERROR, 'frame is wrong')
    status = health.status('active', {})
    assert (status.level, status.message) == (ERROR, 'frame is wrong; depth is wrong')


def test_a_problem_of_every_frame_is_logged_every_thirty_seconds(health, clock):
    logged = 0
    for _ in range(75 * 30):
        logged += health.report('depth', WARN, 'depth is wrong')
        clock.now_s += 1 / 30
    assert logged == 3


def test_another_problem_of_the_same_thing_is_logged_after_a_second(health, clock):
    assert health.report('frame', ERROR, 'too large')
    assert not health.report('frame', ERROR, 'too small')
    clock.now_s += 1.1
    assert health.report('frame', ERROR, 'too wide')
