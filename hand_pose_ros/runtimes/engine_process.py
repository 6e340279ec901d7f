"""Building an engine in a process of its own: the robot goes on, and survives a crash of it.

`python -m hand_pose_ros.runtimes.engine_process JOB` is the child; it tells its progress in lines
of JSON. `EngineBuild` is the parent's side.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hand_pose_ros.runtimes.base import METADATA_KEY, Spec, read_spec
from hand_pose_ros.runtimes.engine_builder import Report, build_engine
from hand_pose_ros.runtimes.engine_cache import EngineCache, engine_facts
from hand_pose_ros.runtimes.engine_gpu import Gpu
from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions, profiles_of
from hand_pose_ros.runtimes.engine_precision import model_for

REPORT_INTERVAL_S = 0.2
LAST_LINES = 5
"""What a process that has died has said last is told, this much of it."""


STOPPED = 'the build was stopped'


class BuildDied(EngineError):  # noqa: N818
    """The building process has ended without a word; another try may go better."""


@dataclass(frozen=True)
class Job:
    """An engine to be built.

    Attributes:
        model: The .onnx file.
        spec: What it says of itself.
        options: How to build.
        trt: Name of the module, `tensorrt` or `tensorrt_rtx`.
        gpu: The GPU to build for: the first one.
    """

    model: Path
    spec: Spec
    options: EngineOptions
    trt: str
    gpu: Gpu

    def facts(self, trt: ModuleType) -> dict[str, Any]:
        """Returns everything that the engine depends on."""
        profiles = profiles_of(self.spec, self.options.max_batch)
        return engine_facts(trt, self.gpu, self.model, profiles, self.options)

    def cache(self) -> EngineCache:
        """Returns where the engine is kept."""
        return EngineCache(self.options.folder, self.options.cache_mb)


def build_into_cache(job: Job, report: Report) -> bool:
    """Builds an engine, unless another process has done so while this one waited.

    Args:
        job: What to build.
        report: Hears of progress.

    Returns:
        Whether it was built here.

    Raises:
        EngineError: It cannot be built.
        OSError: It cannot be written.
    """
    trt = importlib.import_module(job.trt)
    facts, cache = job.facts(trt), job.cache()
    with cache.lock(lambda: report('waiting for another build', 0.0)):
        if cache.load(facts)[0] is not None:
            return False
        report('reading the model', 0.0)
        model = model_for(job.model, job.options.precision)
        profiles = profiles_of(job.spec, job.options.max_batch)
        timings = cache.load_timings(facts)
        plan, timings = build_engine(trt, model, profiles, job.options, timings, report)
        cache.store(facts, plan)
        cache.store_timings(facts, timings)
    return True


class EngineBuild:
    """Runs one build in another process."""

    def __init__(self, job: Job) -> None:
        """Takes the job; nothing runs yet."""
        self._job = job
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, report: Report) -> None:
        """Starts the process and waits for its end.

        Raises:
            BuildDied: The process has crashed, or was killed.
            EngineError: The engine cannot be built, or `stop` was called.
        """
        command = [sys.executable, '-m', __name__, _to_json(self._job)]
        with self._lock:
            if self._stopped:
                raise EngineError(STOPPED)
            # A session of its own: Ctrl-C is for the parent, which ends the child.
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # Where a robot was started from is not where its code comes from.
                cwd='/',
            )
        # Waits for the process, which is over by then, or is ended by an error here.
        with self._process:
            try:
                self._listen(self._process, report)
            finally:
                self._process.terminate()

    def stop(self) -> None:
        """Ends the process, from any thread."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()

    def _listen(self, process: subprocess.Popen[str], report: Report) -> None:
        last: deque[str] = deque(maxlen=LAST_LINES)
        for line in process.stdout or ():
            try:
                event = json.loads(line)
            except ValueError:
                last.append(line.strip())
                continue
            if not isinstance(event, dict):
                last.append(line.strip())
                continue
            if 'error' in event:
                raise EngineError(event['error'])
            report(event['stage'], event['share'])
        status = process.wait()
        if self._stopped:
            raise EngineError(STOPPED)
        if status != 0:
            ending = f'signal {signal.Signals(-status).name}' if status < 0 else f'status {status}'
            raise BuildDied(f'the building process ended with {ending}: {" / ".join(last)}')


def _to_json(job: Job) -> str:
    options = {**asdict(job.options), 'folder': str(job.options.folder.absolute())}
    return json.dumps(
        {
            'model': str(job.model.absolute()),
            'spec': job.spec.to_json(),
            'options': options,
            'trt': job.trt,
            'gpu': asdict(job.gpu),
        }
    )


def _from_json(text: str) -> Job:
    document = json.loads(text)
    options = EngineOptions(**document['options'])
    return Job(
        Path(document['model']),
        read_spec(document['model'], {METADATA_KEY: document['spec']}),
        replace(options, folder=Path(options.folder)),
        document['trt'],
        Gpu(**document['gpu']),
    )


def main(text: str) -> int:
    """Does a job given as JSON; returns the exit status."""
    # The robot's own work comes first.
    os.nice(10)
    next_s, told = 0.0, ''

    def tell(**event: object) -> None:
        try:
            print(json.dumps(event), flush=True)  # noqa: T201
        except BrokenPipeError:
            # The parent has gone; the engine will serve its next start.
            sys.stdout = open(os.devnull, 'w')  # noqa: SIM115

    def report(stage: str, share: float) -> None:
        nonlocal next_s, told
        # A stage that takes less than the interval is told as well.
        if time.monotonic() >= next_s or stage != told:
            next_s, told = time.monotonic() + REPORT_INTERVAL_S, stage
            tell(stage=stage, share=share)

    try:
        build_into_cache(_from_json(text), report)
    except (EngineError, OSError) as error:
        tell(error=str(error))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
