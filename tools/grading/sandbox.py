"""A bubblewrap sandbox for one submission, and the process in it that the examiner talks to.

bubblewrap builds the namespaces and mounts and keeps a process that does nothing in them; a fork of the warm process
then moves in. When the examiner closes the sandbox, or dies, that first process ends, and the kernel ends all others.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.grading import enter, memory, seccomp
from tools.grading.bubble import COURSE, Limits, View, command, environment

STOP_SECONDS = 20
# Lives until its input ends. As process 1 it cannot be killed from inside; ignoring CHLD, it leaves no zombies.
FIRST_PROCESS = ("/bin/sh", "-c", "trap '' CHLD; echo ready; exec cat")


class SandboxError(RuntimeError):
    """The sandbox, not the submission, failed."""


def own_user(number: int) -> int | None:
    """A user that nobody else is, where the examiner is root and may become anyone."""
    if os.geteuid() != 0:
        return None
    spans = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    wide = any(first <= 1_900_000_000 and first + count > 2_000_000_000 for first, _, count in spans)
    return 1_900_000_000 + number % 100_000_000 if wide else 20_000 + number % 40_000


class Sandbox:
    """One submission's sandbox and the process in it; `channel` is the examiner's end of the line to it."""

    def __init__(self, warm: str, view: View, limits: Limits) -> None:
        self.limits = limits
        self._stack = contextlib.ExitStack()
        self.channel, other = socket.socketpair()
        self._stack.enter_context(self.channel)
        try:
            with other:
                first = self._build(view)
                self.pids = [first, self._fork(warm, first, other)]
        except BaseException:
            self.close()
            raise

    def _build(self, view: View) -> int:
        """Let bubblewrap build; the process id of the first process inside."""
        reader, writer = os.pipe()
        rules = filled_pipe(seccomp.program(platform.machine()))
        given = ["--info-fd", str(writer)] + (["--seccomp", str(rules)] if rules else [])
        with open(reader, "rb") as info:
            with closing(writer, rules):
                self.process = subprocess.Popen(
                    [*command(view, self.limits), *given, "--as-pid-1", "--", *FIRST_PROCESS],
                    env={"PATH": os.environ.get("PATH", os.defpath)},  # without root, a submission can read it
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=[descriptor for descriptor in (writer, rules) if descriptor],
                )
            self._stack.callback(self._end)
            text = info.read()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        if self.process.stdout.readline() != b"ready\n":
            raise SandboxError(f"bubblewrap failed: {self.process.stderr.read().decode(errors='replace').strip()}")
        first = int(json.loads(text)["child-pid"])
        self._limit(first)
        return first

    def _limit(self, first: int) -> None:
        """Put the sandbox's own processes under its limits: without root, a submission could make them work for it."""
        for process in memory.descendants([first]):
            for name, value in self.limits.for_process().items():
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(process, enter.LIMITS[name], (value, value))

    def _fork(self, warm: str, first: int, channel: socket.socket) -> int:
        """Ask the warm process for a fork that moves in."""
        self.connection = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        self.connection.settimeout(STOP_SECONDS)
        try:
            self.connection.connect(warm)
            request: dict[str, Any] = {"sandbox": first, "user": own_user(first), "limits": self.limits.for_process()}
            request |= {"env": environment(), "cwd": f"{COURSE}/notebooks"}
            socket.send_fds(self.connection, [json.dumps(request).encode()], [channel.fileno()])
            return int(json.loads(self.connection.recv(4096).splitlines()[0])["pid"])
        except (OSError, IndexError, ValueError) as error:
            raise SandboxError(f"the warm process does not answer: {error}") from None

    def memory(self) -> int:
        """Bytes that the processes in the sandbox hold."""
        return memory.used(self.pids)

    def _end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End everything inside and wait until it is gone."""
        if getattr(self, "process", None) is not None:
            self._end()
        with contextlib.suppress(OSError, AttributeError):
            heard = b""
            while b"exit" not in heard and (chunk := self.connection.recv(4096)):
                heard += chunk  # the warm process says that the fork ended, or is gone itself
        self._stack.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def filled_pipe(content: bytes) -> int:
    """The end of a pipe from which a child can read this; 0 if there is nothing."""
    if not content:
        return 0
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return reader


@contextlib.contextmanager
def closing(*descriptors: int) -> Iterator[None]:
    """Close descriptors that only a child needs, whatever happens."""
    try:
        yield
    finally:
        for descriptor in descriptors:
            if descriptor:
                os.close(descriptor)
