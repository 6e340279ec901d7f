"""Engines on disk: found again when nothing about them has changed, and built once only.

An engine is code that the GPU's runtime executes: a file is read only when no other user can have
written it. Every file is written under another name and renamed, so that a crash leaves an engine
whole or not at all.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from hand_pose_ros.runtimes.engine_gpu import Gpu
from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions, Profile
from hand_pose_ros.runtimes.tensorrt_module import flavour

FORMAT = 1
"""Of these files, and of how a model is prepared and built: counts up when either changes."""


def engine_facts(
    trt: ModuleType, gpu: Gpu, model: Path, profiles: list[Profile], options: EngineOptions
) -> dict[str, Any]:
    """Returns everything that an engine depends on, as JSON's types."""
    return {
        'format': FORMAT,
        'model': model.stem,
        'onnx_sha256': hashlib.sha256(model.read_bytes()).hexdigest(),
        'flavour': flavour(trt),
        'version': trt.__version__,
        'gpu': asdict(gpu),
        'arch': platform.machine(),
        'precision': options.precision,
        'profiles': [profile.to_json() for profile in profiles],
        'workspace_mb': options.workspace_mb,
        'level': options.level,
    }


class EngineCache:
    """A folder of engines.

    Args:
        folder: The folder; it is made when needed, for this user alone.
        limit_mb: Most that the engines may take.
    """

    def __init__(self, folder: Path, limit_mb: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_mb * 2**20

    def path(self, facts: dict[str, Any]) -> Path:
        """Returns the file of the engine with these facts; beside it is a .json with them."""
        key = hashlib.sha256(_canonical(facts)).hexdigest()[:16]
        stem = re.sub(r'[^\w.-]', '_', str(facts['model']))
        return self._folder / f'{stem}_{facts["precision"]}_{key}.engine'

    def load(self, facts: dict[str, Any]) -> tuple[bytes | None, str]:
        """Reads an engine.

        Returns:
            The engine, or None; and a sentence that says why.

        Raises:
            EngineError: Other users can write into the folder.
        """
        path = self.path(facts)
        self._check_folder()
        try:
            sidecar = json.loads(_read_own(path.with_suffix('.json')))
            plan = _read_own(path)
        except FileNotFoundError:
            return None, f'no engine was built for this yet at {path}'
        except PermissionError as error:
            return None, f'{error}; it is built anew'
        except (OSError, ValueError) as error:
            return None, f'{path} cannot be read ({error}); it is built anew'
        if not isinstance(sidecar, dict) or sidecar.get('facts') != facts:
            return None, f'{path} is of another machine or version; it is built anew'
        if sidecar.get('sha256') != hashlib.sha256(plan).hexdigest():
            return None, f'{path} is damaged; it is built anew'
        # When it was used last; in a cache that cannot be written nothing is removed either.
        with suppress(OSError):
            os.utime(path)
        return plan, f'engine {path}'

    def store(self, facts: dict[str, Any], plan: bytes) -> None:
        """Writes an engine, and removes others where it gets too much; call with the lock held.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
            EngineError: Other users can write into the folder.
        """
        self._check_folder()
        path = self.path(facts)
        sidecar = {'facts': facts, 'sha256': hashlib.sha256(plan).hexdigest()}
        # An old sidecar must not stand beside the new engine, nor a new one beside the old.
        path.with_suffix('.json').unlink(missing_ok=True)
        _write(path, plan)
        _write(path.with_suffix('.json'), json.dumps(sidecar, indent=1).encode())
        self._remove_oldest(path)

    def drop(self, facts: dict[str, Any]) -> None:
        """Removes an engine that turned out not to work."""
        path = self.path(facts)
        path.with_suffix('.json').unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def load_timings(self, facts: dict[str, Any]) -> bytes:
        """Returns what earlier builds with this GPU and version have measured, or nothing."""
        try:
            return _read_own(self._timings_path(facts))
        except OSError:
            return b''

    def store_timings(self, facts: dict[str, Any], timings: bytes) -> None:
        """Keeps what a build has measured."""
        _write(self._timings_path(facts), timings)

    @contextmanager
    def lock(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Keeps other processes from building, this one too when another builds.

        One build at a time on a machine: two would measure each other. The lock goes with the
        process that holds it, however that ends.

        Args:
            on_wait: Called once when another process has the lock.
        """
        self._check_folder()
        descriptor = os.open(self._folder / 'lock', os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _timings_path(self, facts: dict[str, Any]) -> Path:
        same = {name: facts[name] for name in ('flavour', 'version', 'gpu')}
        return self._folder / f'timings_{hashlib.sha256(_canonical(same)).hexdigest()[:16]}.cache'

    def _check_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.stat(self._folder)
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise EngineError(
                f'{self._folder} must belong to this user and be writable by no other, since '
                f'engines are code: chown and chmod 700 it, or set XDG_CACHE_HOME'
            )

    def _remove_oldest(self, kept: Path) -> None:
        for half_written in self._folder.glob('*.partial'):
            half_written.unlink(missing_ok=True)
        engines = sorted(self._folder.glob('*.engine'), key=lambda each: each.stat().st_mtime)
        total = sum(each.stat().st_size for each in engines)
        for path in engines:
            if total <= self._limit_bytes:
                return
            if path != kept:
                total -= path.stat().st_size
                path.with_suffix('.json').unlink(missing_ok=True)
                path.unlink()


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _read_own(path: Path) -> bytes:
    """Reads a file that only this user can have written.

    Raises:
        PermissionError: Another user owns it or may write it.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), 'rb') as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(
                f'{path} is refused: other users can write it, and an engine is code '
                f'(mode {stat.S_IMODE(found.st_mode):o}, owner {found.st_uid})'
            )
        return file.read()


def _write(path: Path, data: bytes) -> None:
    """Writes a file for this user alone, whole or not at all."""
    partial = path.with_name(path.name + '.partial')
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
