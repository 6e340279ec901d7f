"""Engines on disk: found again, never believed too easily, and never half written."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hand_pose_ros.runtimes.engine_cache import EngineCache, engine_facts
from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions, profiles_of

TRT = SimpleNamespace(__name__='tensorrt', __version__='10.3.0')


@pytest.fixture
def facts(tiny, gpu, options):
    return engine_facts(TRT, gpu, tiny[0], profiles_of(tiny[1], 2), options)


@pytest.fixture
def cache(options):
    return EngineCache(options.folder, 100)


def test_an_engine_is_found_again_with_its_facts_beside_it(cache, facts):
    assert cache.load(facts)[0] is None
    cache.store(facts, b'plan')
    plan, reason = cache.load(facts)
    assert plan == b'plan'
    assert str(cache.path(facts)) in reason
    assert json.loads(cache.path(facts).with_suffix('.json').read_text())['facts'] == facts


def test_everything_that_an_engine_depends_on_changes_its_name(tiny, gpu, cache, facts, tmp_path):
    path, spec = tiny
    other = tmp_path / path.name
    other.write_bytes(path.read_bytes() + b' ')
    profiles = profiles_of(spec, 2)
    fp32 = EngineOptions('fp32', 2, level=0)
    variants = [
        engine_facts(TRT, gpu, other, profiles, fp32),
        engine_facts(
            SimpleNamespace(**vars(TRT) | {'__version__': '10.3.1'}), gpu, path, profiles, fp32
        ),
        engine_facts(
            SimpleNamespace(**vars(TRT) | {'__name__': 'tensorrt_rtx'}), gpu, path, profiles, fp32
        ),
        engine_facts(TRT, gpu, path, profiles_of(spec, 3), fp32),
    ]
    variants += [
        engine_facts(TRT, replace(gpu, **{name: value}), path, profiles, fp32)
        for name, value in {
            'name': 'another GPU',
            'compute_capability': '8.7',
            'sm_count': 16,
            'cuda_version': '13.1',
            'driver': 'driver 590',
        }.items()
    ]
    variants += [
        engine_facts(TRT, gpu, path, profiles, replace(fp32, **{name: value}))
        for name, value in {'precision': 'fp16', 'workspace_mb': 64, 'level': 5}.items()
    ]
    names = {cache.path(each) for each in [facts, *variants]}
    assert len(names) == 1 + len(variants)


def test_where_engines_lie_and_how_many_does_not_change_their_name(tiny, gpu, cache, facts):
    elsewhere = EngineOptions('fp32', 2, level=0, cache_mb=1)
    again = engine_facts(TRT, gpu, tiny[0], profiles_of(tiny[1], 2), elsewhere)
    assert cache.path(again) == cache.path(facts)


@pytest.mark.parametrize('kept', [0, 3])
def test_a_truncated_engine_is_not_used(cache, facts, kept):
    cache.store(facts, b'plan')
    os.truncate(cache.path(facts), kept)
    plan, reason = cache.load(facts)
    assert plan is None
    assert 'damaged' in reason
    cache.store(facts, b'new plan')
    assert cache.load(facts)[0] == b'new plan'


def test_a_foreign_engine_under_the_right_name_is_not_used(cache, facts):
    foreign = {**facts, 'version': '11.4.0'}
    cache.store(facts, b'plan')
    cache.store(foreign, b'foreign plan')
    for suffix in ('.engine', '.json'):
        cache.path(foreign).with_suffix(suffix).replace(cache.path(facts).with_suffix(suffix))
    plan, reason = cache.load(facts)
    assert plan is None
    assert 'another machine or version' in reason


def test_engines_that_have_changed_places_are_not_used(cache, facts):
    other = {**facts, 'level': 5}
    cache.store(facts, b'plan')
    cache.store(other, b'other plan')
    cache.path(other).replace(cache.path(facts))
    assert cache.load(facts)[0] is None


@pytest.mark.parametrize('text', ['', '{', '[]', 'null', '{"facts": 3}', '\xff'])
def test_a_damaged_sidecar_costs_a_build_and_no_crash(cache, facts, text):
    cache.store(facts, b'plan')
    cache.path(facts).with_suffix('.json').write_bytes(text.encode('latin-1'))
    assert cache.load(facts)[0] is None


@pytest.mark.parametrize('suffix', ['.engine', '.json'])
@pytest.mark.parametrize('mode', [0o620, 0o602])
def test_a_file_that_others_can_write_is_refused_and_replaced(cache, facts, suffix, mode):
    cache.store(facts, b'plan')
    cache.path(facts).with_suffix(suffix).chmod(mode)
    plan, reason = cache.load(facts)
    assert plan is None
    assert 'other users can write it' in reason
    cache.store(facts, b'plan')
    assert cache.load(facts)[0] == b'plan'


def test_a_link_to_an_engine_is_not_followed(cache, facts, tmp_path):
    cache.store(facts, b'plan')
    cache.path(facts).rename(tmp_path / 'elsewhere')
    cache.path(facts).symlink_to(tmp_path / 'elsewhere')
    assert cache.load(facts)[0] is None


def test_a_file_of_another_user_is_refused(cache, facts, monkeypatch):
    cache.store(facts, b'plan')
    uid = os.geteuid()
    # The folder is ours, the file is not.
    found = iter([uid, uid + 1])
    monkeypatch.setattr(os, 'geteuid', lambda: next(found, uid + 1))
    plan, reason = cache.load(facts)
    assert plan is None
    assert 'refused' in reason


def test_a_folder_that_others_can_write_is_an_error(cache, facts, options):
    cache.store(facts, b'plan')
    options.folder.chmod(0o777)
    for action in (lambda: cache.load(facts), lambda: cache.store(facts, b'plan')):
        with pytest.raises(EngineError, match='writable by no other'):
            action()


def test_files_and_folder_are_for_this_user_alone(cache, facts, options):
    cache.store(facts, b'plan')
    for path in (options.folder, *options.folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_the_engines_not_used_for_longest_go_first(options, facts):
    cache = EngineCache(options.folder, 3)
    engines = [{**facts, 'level': level} for level in range(4)]
    for age, each in enumerate(engines[:3]):
        cache.store(each, b'x' * 2**20)
        os.utime(cache.path(each), (age, age))
    assert cache.load(engines[0])[0] is not None
    cache.store(engines[3], b'x' * 2**20)
    assert [cache.path(each).exists() for each in engines] == [True, False, True, True]
    assert not cache.path(engines[1]).with_suffix('.json').exists()


def test_an_engine_larger_than_the_limit_is_kept_while_it_is_the_newest(options, facts):
    cache = EngineCache(options.folder, 1)
    cache.store(facts, b'x' * 2**21)
    assert cache.load(facts)[0] is not None


KILLED = """
import json, os, signal, sys
from pathlib import Path
from hand_pose_ros.runtimes import engine_cache
folder, facts, moment = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
count = 0
def kill(descriptor):
    global count
    count += 1
    if count == moment:
        os.kill(os.getpid(), signal.SIGKILL)
engine_cache.os.fsync = kill
engine_cache.EngineCache(folder, 100).store(facts, b'new plan' * 1000)
"""


@pytest.mark.parametrize('moment', [1, 2])
def test_a_kill_while_writing_leaves_no_engine_that_is_believed(cache, facts, options, moment):
    cache.store(facts, b'old plan')
    command = [sys.executable, '-c', KILLED, options.folder, json.dumps(facts), str(moment)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert list(options.folder.glob('*.partial'))
    assert cache.load(facts)[0] is None
    cache.store(facts, b'newer plan')
    assert cache.load(facts)[0] == b'newer plan'
    assert not list(options.folder.glob('*.partial'))


def test_an_engine_in_a_folder_that_cannot_be_written_is_used(cache, facts, monkeypatch):
    cache.store(facts, b'plan')

    def refuse(*_):
        raise OSError(errno.EROFS, 'Read-only file system')

    monkeypatch.setattr(os, 'utime', refuse)
    assert cache.load(facts)[0] == b'plan'
