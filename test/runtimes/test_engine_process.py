"""Builds in a process of their own, by TensorRT-RTX, which builds without a GPU."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from hand_pose_ros.runtimes import engine_process
from hand_pose_ros.runtimes.engine_options import EngineError
from hand_pose_ros.runtimes.engine_process import BuildDied, EngineBuild, Job, build_into_cache

DEADLINE_S = 60.0


def nothing(stage, share):
    pass


@pytest.fixture
def job(trt, gpu, tiny, options):
    return Job(*tiny, options, trt.__name__, gpu)


def cached(job, trt):
    return job.cache().load(job.facts(trt))[0]


def test_a_build_leaves_an_engine_and_tells_how_far_it_is(job, trt):
    heard = []
    EngineBuild(job).run(lambda stage, share: heard.append((stage, share)))
    assert cached(job, trt)
    stages = [stage for stage, _ in heard]
    assert stages[0] == 'reading the model'
    assert set(stages) == {'reading the model', 'building'}


def test_an_engine_that_is_there_is_not_built_again(job):
    assert build_into_cache(job, nothing)
    assert not build_into_cache(job, nothing)


def test_a_job_survives_the_command_line(job):
    assert engine_process._from_json(engine_process._to_json(job)) == job


def test_two_processes_that_want_the_same_engine_build_it_once(job, trt, tmp_path):
    heard = [], []
    with job.cache().lock(lambda: None):
        builds = [
            threading.Thread(target=EngineBuild(job).run, args=(lambda s, _, h=each: h.append(s),))
            for each in heard
        ]
        for build in builds:
            build.start()
        deadline_s = time.monotonic() + DEADLINE_S
        while not all('waiting for another build' in each for each in heard):
            assert time.monotonic() < deadline_s
            assert all(build.is_alive() for build in builds)
            time.sleep(0.05)
    for build in builds:
        build.join(DEADLINE_S)
    assert sum('building' in each for each in heard) == 1
    assert cached(job, trt)


def test_the_lock_of_a_killed_process_is_free(job, trt):
    script = (
        'import sys, time; from hand_pose_ros.runtimes import engine_process as e\n'
        'with e._from_json(sys.argv[1]).cache().lock(lambda: None):\n'
        '    print("locked", flush=True); time.sleep(600)'
    )
    command = [sys.executable, '-c', script, engine_process._to_json(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == 'locked\n'
        holder.kill()
    waited = []
    with job.cache().lock(lambda: waited.append(True)):
        assert not waited


def test_what_is_wrong_with_a_model_comes_back_in_words(job, tmp_path):
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(b'no model')
    with pytest.raises(EngineError, match='cannot read the model') as caught:
        EngineBuild(replace(job, model=broken)).run(nothing)
    assert not isinstance(caught.value, BuildDied)


def test_a_full_or_forbidden_disk_comes_back_in_words(job, options):
    options.folder.parent.joinpath('file').write_text('in the way')
    folder = options.folder.parent / 'file' / 'engines'
    with pytest.raises(EngineError, match='Not a directory'):
        EngineBuild(replace(job, options=replace(options, folder=folder))).run(nothing)


def test_a_killed_build_is_told_from_a_failed_one(job, trt):
    def kill(stage, share):
        os.kill(build._process.pid, signal.SIGKILL)

    build = EngineBuild(job)
    with pytest.raises(BuildDied, match='SIGKILL'):
        build.run(kill)
    assert cached(job, trt) is None
    EngineBuild(job).run(nothing)
    assert cached(job, trt)


def test_a_module_that_does_not_import_is_told_with_its_last_words(job):
    with pytest.raises(BuildDied, match='no_such_trt'):
        EngineBuild(replace(job, trt='no_such_trt')).run(nothing)


def test_a_build_can_be_stopped_before_and_while_it_runs(job, trt):
    early = EngineBuild(job)
    early.stop()
    with pytest.raises(EngineError, match='stopped'):
        early.run(nothing)
    late = EngineBuild(job)
    with pytest.raises(EngineError, match='stopped'):
        late.run(lambda stage, share: late.stop())
    assert cached(job, trt) is None


def test_a_build_whose_parent_has_gone_still_ends_in_the_cache(job, trt):
    command = [sys.executable, '-m', 'hand_pose_ros.runtimes.engine_process']
    with subprocess.Popen(
        [*command, engine_process._to_json(job)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert json.loads(child.stdout.readline())['stage'] == 'reading the model'
        child.stdout.close()
        assert child.wait(DEADLINE_S) == 0
    assert cached(job, trt)
