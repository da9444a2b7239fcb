"""Spread notebooks over Dask workers, on this machine or on a cluster, and hear of each as it goes."""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import site
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from tools.execute import Limits, execute, kernel_env
from tools.progress import Progress
from tools.warm import ROOT, WarmServer, available

if TYPE_CHECKING:
    from distributed import Client, Future

TOPIC = "course-run"
GRACE_SECONDS = 180  # beyond a notebook's limit: then its worker is taken for lost
# Dask sets these in its workers; a kernel gets them as the caller had them, or its numbers would differ.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_")


@dataclass(frozen=True)
class Job:
    """One notebook to execute, as it travels to a worker."""

    name: str
    notebook: str  # its JSON
    profile: str
    limits: Limits
    root: str = str(ROOT)
    warm: str | None = None  # the address of a warm server, "" for one that the worker starts, None for plain kernels
    settings: dict[str, str] = field(default_factory=dict)  # environment variables of the caller
    scratch: str | None = None  # where kernels keep temporary files, on this machine


@dataclass(frozen=True)
class Done:
    """What comes back."""

    name: str
    notebook: str
    reason: str
    cell: int | None
    seconds: float


def settings() -> dict[str, str]:
    """The caller's variables that shape a run."""
    return {name: value for name, value in os.environ.items() if name.startswith(("COURSE_", "TF_")) or name in THREADS}


def run_job(job: Job) -> Done:
    """Execute a notebook; this is what a worker does."""
    from distributed import get_worker

    base = {name: value for name, value in os.environ.items() if name not in THREADS} | job.settings
    root = Path(job.root)
    cwd = root / "notebooks"
    cwd.mkdir(exist_ok=True)
    worker = get_worker()
    run = execute(
        nbformat.reads(job.notebook, as_version=4),
        cwd=cwd,
        env=kernel_env(root, job.profile, base),
        limits=job.limits,
        warm=_server(job.warm),
        scratch=job.scratch,
        on_cell=lambda cell, cells: worker.log_event(TOPIC, {"name": job.name, "cell": cell, "cells": cells}),
    )
    return Done(job.name, nbformat.writes(run.notebook), run.reason, run.cell, run.seconds)


def _server(address: str | None) -> str | None:
    """The warm server to use: the caller's if it is on this machine, else this worker's own."""
    if address is None or not available():
        return None
    return address if address and os.path.exists(address) else _own_server().address


@functools.cache
def _own_server() -> WarmServer:
    server = WarmServer()
    atexit.register(server.close)
    server.wait()
    return server


@contextlib.contextmanager
def connect(jobs: int, scheduler: str | None) -> Iterator[Client]:
    """A Dask client of the campus cluster at an address, or of a cluster of processes on this machine."""
    import dask
    from distributed import Client, LocalCluster

    once = dask.config.set({"distributed.scheduler.allowed-failures": 0})  # what killed a worker would kill the next
    with contextlib.ExitStack() as stack:
        stack.enter_context(once)
        target: Any = scheduler
        if scheduler is None:
            target = stack.enter_context(
                LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # any free port: two runs at once must not warn about 8787
                    memory_limit=0,  # the notebooks' memory is not the workers'
                    silence_logs=logging.CRITICAL,
                )
            )
        client = stack.enter_context(Client(target, timeout=30))
        client.wait_for_workers(1, timeout=120)
        client.run(site.addsitedir, str(ROOT))  # a worker elsewhere finds `tools` on the shared disk
        yield client


def run_all(client: Client, jobs: Sequence[Job], progress: Progress) -> Iterator[Done]:
    """Submit the jobs and yield each as it ends; a worker that is lost fails its notebook and no other."""
    started: dict[str, float] = {}

    def hear(event: Any) -> None:
        message = event[1] if isinstance(event, tuple) else event
        started.setdefault(message["name"], time.monotonic())
        progress.running(message["name"], message["cell"], message["cells"])

    client.subscribe_topic(TOPIC, hear)
    futures = {client.submit(run_job, job, pure=False, retries=0): job for job in jobs}
    try:
        while futures:
            for future in _ended(list(futures), started, futures):
                yield _result(future, futures.pop(future))
    finally:
        client.cancel(list(futures))
        client.unsubscribe_topic(TOPIC)


def _ended(waiting: list[Future], started: dict[str, float], jobs: dict[Future, Job]) -> list[Future]:
    """The futures that ended within a second, or that should have ended long ago."""
    from distributed import wait

    with contextlib.suppress(TimeoutError):
        wait(waiting, timeout=1.0, return_when="FIRST_COMPLETED")
    now = time.monotonic()

    def lost(future: Future) -> bool:
        limit = jobs[future].limits.notebook + GRACE_SECONDS
        return now - started.get(jobs[future].name, now) > limit

    return [future for future in waiting if future.done() or lost(future)]


def _result(future: Future, job: Job) -> Done:
    """A future's result; whatever went wrong around the notebook becomes the reason."""
    try:
        if not future.done():
            raise TimeoutError("the worker does not answer")
        result: Done = future.result()
        return result
    except (Exception, CancelledError) as error:
        reason = f"the worker failed: {type(error).__name__}: {error}"
        return Done(job.name, job.notebook, reason, None, 0.0)
