"""Grading as jobs that can be lost and repeated: a result is a file, written in one step and never twice."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.grading.bubble import Limits, View
from tools.warm import WarmServer

if TYPE_CHECKING:
    from distributed import Client, Future

TRIES = 3  # when the sandbox, not the submission, fails
GRACE_SECONDS = 300.0
ZYGOTE = "tools.grading.zygote"
WARM_SECONDS = 600  # to import TensorFlow, on the busiest machine


@dataclass(frozen=True)
class Job:
    """One submission to examine, as it travels to a worker."""

    key: str
    content: bytes
    exam: str  # the file with the exam
    folder: str  # where results and the journal go
    limits: Limits
    view: View
    warm: str = ""  # the address of the warm process, used where it exists
    light: bool = False  # no TensorFlow in the warm process
    sandbox: bool = True

    @property
    def result(self) -> Path:
        """Where the result stands when the job is done."""
        return Path(self.folder, "results", f"{self.key}.json")


def key_of(content: bytes, exam: Path, limits: Limits, sandbox: bool) -> str:
    """What a result depends on: the file, the exam with its seed, the limits, and whether a sandbox was used."""
    parts = [hashlib.sha256(content).hexdigest(), exam.name, asdict(limits), sandbox]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def warm_server(light: bool = False) -> WarmServer:
    """A warm process that submissions are forked from; without TensorFlow when `light`.

    Every submission inherits its memory, so it gets an environment of its own: no secret of the caller's may be in it.
    """
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return WarmServer(env | ({"COURSE_WARM": "light"} if light else {}), module=ZYGOTE)


@functools.cache
def _own_server(light: bool) -> WarmServer:
    return warm_server(light)


def _warm(job: Job) -> str:
    """The address of a warm process on this machine: the caller's, or one for this worker alone."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(job.warm)
        return job.warm
    server = _own_server(job.light)
    if server.process.poll() is not None:
        _own_server.cache_clear()
        server = _own_server(job.light)
    server.wait(WARM_SECONDS)
    return server.address


def work(job: Job) -> str:
    """Do one job, unless its result is there; this is what a worker does. Returns what went wrong around it."""
    if job.result.exists():
        return ""
    _note(job, "start")
    problem = ""
    for _ in range(TRIES):
        try:
            report = _examine(job)
        except Exception as error:  # whatever goes wrong with one submission is no reason to stop the others
            problem = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            continue
        _store(job, report)
        return ""
    _note(job, "failed")
    return problem


def _examine(job: Job) -> dict[str, Any]:
    from tools.grading import notebook
    from tools.grading.examine import Examination, Opener
    from tools.grading.plain import Plain
    from tools.grading.sandbox import Sandbox

    exam = _exam(job.exam)
    try:
        cells = notebook.read(job.content)
    except notebook.NotNotebook as error:
        return {"problem": str(error)}
    opener: Opener = functools.partial(Plain, job.view, job.limits)
    if job.sandbox:
        opener = functools.partial(Sandbox, _warm(job), job.view, job.limits)
    report = Examination(exam, cells, opener, job.limits).run()
    answers = {cell.index: cell.source for cell in cells if cell.kind == "markdown"}
    verdicts = [asdict(verdict) | {"score": verdict.score} for verdict in report.verdicts]
    return {
        "verdicts": verdicts,
        "cell_errors": {str(index): text for index, text in sorted(report.cell_errors.items())},
        "notes": report.notes,
        "seconds": report.seconds,
        "starts": report.starts,
        "answers": list(answers.values()),
    }


@functools.lru_cache(maxsize=8)
def _exam(path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


def _store(job: Job, result: dict[str, Any]) -> None:
    """Write a result in one step; where another worker was faster, its result stays."""
    job.result.parent.mkdir(parents=True, exist_ok=True)
    part = job.result.with_name(f".{job.key}.{socket.gethostname()}.{os.getpid()}")
    part.write_text(json.dumps(result), encoding="utf-8")
    try:
        os.link(part, job.result)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        part.replace(job.result)
    part.unlink(missing_ok=True)
    _note(job, "done")


def _note(job: Job, event: str) -> None:
    """Append to the journal; a line is one write, so lines of several workers do not mix."""
    line = {"event": event, "key": job.key, "host": socket.gethostname(), "process": os.getpid(), "time": time.time()}
    descriptor = os.open(Path(job.folder, "journal.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def run_all(client: Client, jobs: Iterable[Job]) -> Iterator[tuple[Job, str]]:
    """Do the jobs on the cluster's workers, and yield each as it ends, with what went wrong around it.

    A job whose worker was lost starts again elsewhere; one that loses every worker is not started for ever.
    """
    from distributed import as_completed

    def submit(job: Job) -> Future:
        return client.submit(work, job, pure=False, key=f"grade-{job.key}-{time.time_ns()}")

    futures = {submit(job): job for job in jobs}
    starts = Counter(job.key for job in futures.values())
    ended = as_completed(list(futures))
    for future in ended:
        job = futures.pop(future)
        if future.status == "finished":
            yield job, future.result()
        elif starts[job.key] < TRIES:
            starts[job.key] += 1
            again = submit(job)
            futures[again] = job
            ended.add(again)
        else:
            yield job, f"its worker failed {TRIES} times: {type(future.exception()).__name__}"


def result_of(job: Job) -> dict[str, Any] | None:
    """The stored result of a job; None while there is none."""
    try:
        found: dict[str, Any] = json.loads(job.result.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return None
