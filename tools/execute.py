"""Execute one notebook in one kernel: with limits on a cell and on the whole, and whatever it did so far kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools.warm import CourseKernelManager

START_SECONDS = 120  # a plain kernel on a busy machine
STOP_SECONDS = 10
NOT_FOR_KERNELS = ("PYTEST_", "JPY_", "DASK_", "COURSE_", "JUPYTER_")  # what the caller's surroundings would leak


@dataclass(frozen=True)
class Limits:
    """Seconds for a cell and for the notebook, and characters of output for the notebook."""

    cell: float = 600.0
    notebook: float = 1800.0
    output: int = 50_000_000


@dataclass
class Execution:
    """What became of a notebook: `reason` is empty when every cell ran."""

    notebook: nbformat.NotebookNode
    reason: str = ""
    cell: int | None = None  # the index of the cell that failed
    seconds: float = 0.0
    ready_seconds: float = 0.0  # until the kernel answered
    cell_seconds: dict[int, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every cell ran."""
        return not self.reason


def kernel_env(root: Path, profile: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a lesson's kernel; the smoke profile always runs on the samples."""
    env = {name: value for name, value in base.items() if not name.startswith(NOT_FOR_KERNELS)}
    path = [str(root), *filter(None, base.get("PYTHONPATH", "").split(os.pathsep))]
    env |= {"PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONHASHSEED": "0", "COURSE_PROFILE": profile}
    env["COURSE_SOURCE"] = "sample" if profile == "smoke" else base.get("COURSE_SOURCE", "auto")
    for name in ("COURSE_DATA", "COURSE_CACHE"):
        if base.get(name):
            env[name] = str(Path(base[name]).resolve())  # the kernel runs in another folder
    if base.get("COURSE_THREADS"):
        env["COURSE_THREADS"] = base["COURSE_THREADS"]
    return env


def execute(
    notebook: nbformat.NotebookNode,
    *,
    cwd: Path,
    env: Mapping[str, str],
    limits: Limits | None = None,
    warm: str | None = None,
    setup: str | None = None,
    keep_going: bool = False,
    on_cell: Callable[[int, int], None] | None = None,
    scratch: str | None = None,
) -> Execution:
    """Run the notebook's code cells in order, in place; never raises for what a notebook does, and never hangs.

    `warm` is the address of a warm server, `setup` a "module:function" that its child calls first; without them a plain
    kernel is started. `keep_going` runs the cells after one that raised. `on_cell(k, n)` is told of each code cell.
    The kernel's temporary files live in a folder inside `scratch`, and only as long as it does.
    """
    run = _Run(Execution(notebook), limits or Limits(), keep_going, on_cell or (lambda k, n: None))
    with tempfile.TemporaryDirectory(prefix="course-", dir=scratch, ignore_cleanup_errors=True) as folder:
        private = {"IPYTHONDIR": f"{folder}/ipython", "TMPDIR": f"{folder}/tmp", "JUPYTER_RUNTIME_DIR": folder}
        os.mkdir(private["TMPDIR"])
        manager = CourseKernelManager(warm=warm, setup=setup, connection_file=f"{folder}/kernel.json")
        if os.name == "posix" and len(folder) < 80:  # the longest name of a Unix socket is about 100
            manager.transport, manager.ip = "ipc", f"{folder}/kernel"  # no ports to collide, none for others to reach
        asyncio.run(run.run(manager, cwd, dict(env) | private))
    return run.result


class _Client(NotebookClient):
    """nbclient that stops collecting output at a limit."""

    room = 0

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        content = msg["content"]
        parts = [content.get("text"), *content.get("traceback", ()), *content.get("data", {}).values()]
        room, self.room = self.room, self.room - sum(len(part) if isinstance(part, str) else 100 for part in parts)
        if self.room < 0 < room and "text" in content:
            content["text"] = content["text"][:room]
        elif self.room < 0:
            return None
        return super().output(outs, msg, display_id, cell_index)


class _Run:
    """One execution: the kernel's life, the cells, the watchdog."""

    def __init__(
        self, result: Execution, limits: Limits, keep_going: bool, on_cell: Callable[[int, int], None]
    ) -> None:
        self.result, self.limits, self.on_cell = result, limits, on_cell
        self.killed_for = ""
        self.client = _Client(
            result.notebook,
            timeout_func=lambda cell: limits.cell,
            interrupt_on_timeout=False,  # with True it waits for ever for a cell that ignores the interrupt
            allow_errors=keep_going,
            record_timing=False,
            coalesce_streams=True,
            startup_timeout=START_SECONDS,
        )
        self.client.room = limits.output

    async def run(self, manager: CourseKernelManager, cwd: Path, env: dict[str, str]) -> None:
        """Start the kernel, run the cells, and end the kernel whatever happened."""
        begin = time.monotonic()
        for cell in self.result.notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        self.client.km = manager
        watchdog = None
        try:
            arguments = ["--HistoryManager.hist_file=:memory:"]
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # ipykernel also echoes there
            await manager.start_kernel(cwd=str(cwd), env=env, extra_arguments=arguments, **silent)
            await self.client.async_start_new_kernel_client()
            self.result.ready_seconds = time.monotonic() - begin
            watchdog = asyncio.ensure_future(self._watch(manager))  # a slow start has a limit of its own
            await self._cells(manager)
        except Exception as error:  # whatever a kernel does is a result, not the end of the tool
            self.result.reason = self.killed_for or f"the kernel did not start: {type(error).__name__}: {error}"
        finally:
            if watchdog:
                watchdog.cancel()
            await self._end(manager)
            self.result.seconds = time.monotonic() - begin

    async def _cells(self, manager: CourseKernelManager) -> None:
        cells = list(enumerate(self.result.notebook.cells))
        code = [(index, cell) for index, cell in cells if cell.cell_type == "code" and cell.source.strip()]
        for number, (index, cell) in enumerate(code, 1):
            self.on_cell(number, len(code))
            begin = time.monotonic()
            self.result.reason = await self._cell(manager, index, cell)
            self.result.cell_seconds[index] = round(time.monotonic() - begin, 3)
            if self.result.reason:
                self.result.cell = index
                merge_streams(cell)
                return

    async def _cell(self, manager: CourseKernelManager, index: int, cell: nbformat.NotebookNode) -> str:
        """Run one cell and return what went wrong, if something did."""
        try:
            await self.client.async_execute_cell(cell, index)
        except CellTimeoutError:
            return f"the cell ran longer than {self.limits.cell:g} s"
        except CellExecutionError as error:
            return f"{error.ename}: {error.evalue}"
        except DeadKernelError:
            return self.killed_for or f"the kernel died{_how(manager.exit_code)}"
        if self.client.room < 0:
            return f"more than {self.limits.output:,} characters of output"
        return ""

    async def _watch(self, manager: CourseKernelManager) -> None:
        """Kill the kernel at the notebook's time limit or in a flood of output; nbclient then notices."""
        deadline = time.monotonic() + self.limits.notebook
        while self.client.room > -self.limits.output // 10 and time.monotonic() < deadline:
            await asyncio.sleep(min(0.5, max(0.0, deadline - time.monotonic())))
        flooded = self.client.room < 0
        self.killed_for = (
            f"more than {self.limits.output:,} characters of output"
            if flooded
            else f"the notebook ran longer than {self.limits.notebook:g} s"
        )
        await self._kill(manager)

    async def _kill(self, manager: CourseKernelManager) -> None:
        if manager.has_kernel and manager.provisioner is not None:
            await manager.provisioner.kill()

    async def _end(self, manager: CourseKernelManager) -> None:
        """Kill the kernel, wait for that, and free what it used; failing to is no reason to hang or to fail."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._kill(manager), STOP_SECONDS)
        with contextlib.suppress(Exception):
            if manager.provisioner is not None:
                await asyncio.wait_for(manager.provisioner.wait(), STOP_SECONDS)
        with contextlib.suppress(Exception):
            if self.client.kc is not None:
                self.client.kc.stop_channels()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(manager.cleanup_resources(), STOP_SECONDS)


def _how(code: int | None) -> str:
    """Word an exit code."""
    if code is None:
        return ""
    return f" (signal {-code})" if code < 0 else f" (exit code {code})"


def merge_streams(cell: nbformat.NotebookNode) -> None:
    """Join neighbouring pieces of one stream, which nbclient does only for cells that end."""
    merged: list[nbformat.NotebookNode] = []
    for output in cell.outputs:
        last = merged[-1] if merged else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    cell.outputs = merged
