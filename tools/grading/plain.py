"""The place of a submission where the grader accepted the risk of no sandbox: a process with limits, and no more."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.grading import memory
from tools.grading.bubble import COURSE, Limits, View, environment
from tools.warm import ROOT


class Plain:
    """A fresh Python in a temporary folder. It can read what its user can, and reach the network."""

    def __init__(self, view: View, limits: Limits) -> None:
        self._stack = contextlib.ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        course, home = folder / "course", folder / "home"
        for made in (course / "notebooks", home):
            made.mkdir(parents=True)
        for place, source in view.show.items():
            link = course / Path(place).relative_to(COURSE)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source.resolve())
        self.channel, other = socket.socketpair()
        self._stack.enter_context(self.channel)
        kept = {name: str(value) for name, value in limits.for_process().items() if name != "processes"}
        with other:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tools.grading.plain",
                    str(other.fileno()),
                    str(course / "notebooks"),
                    str(kept),
                ],
                env=environment(str(course), str(home), str(folder), 1) | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        self._stack.callback(self._end)

    def memory(self) -> int:
        """Bytes that the process and its descendants hold."""
        return memory.used([self.process.pid]) if Path("/proc").exists() else 0

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def main(channel: int, folder: str, limits: str) -> None:
    """In the process: limits, then the submission."""
    import ast

    from tools.grading import enter, inside

    for name, value in ast.literal_eval(limits).items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(enter.LIMITS[name], (int(value), int(value)))
    course = str(Path(folder).parent)
    os.chdir(folder)
    sys.path[:] = [course] + [path for path in sys.path if path not in ("", str(ROOT))]
    os.environ["PYTHONPATH"] = course
    inside.serve(channel)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
