"""A bubblewrap sandbox for one submission, and the process in it that the examiner talks to.

bubblewrap builds the namespaces and mounts and keeps a process that does nothing in them; a fork of the warm process
then moves in. When the examiner closes the sandbox, or dies, that first process ends, and the kernel ends all others.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.grading import memory
from tools.warm import ROOT

MEGA = 1_000_000
COURSE = "/course"  # where the sandbox has the kit: utils, public values, samples and an empty notebooks folder
HOME = "/home/student"
STOP_SECONDS = 20
FIRST_PROCESS = ("/bin/sh", "-c", "echo ready; exec cat")  # lives until its input ends
PLACES = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
)
MASKED = ("/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/timer_list", "/proc/kallsyms", "/proc/kmsg")


@dataclass(frozen=True)
class Limits:
    """What one submission may use; seconds of wall time, bytes, counts."""

    cell: float = 60.0
    call: float = 20.0
    submission: float = 300.0
    memory: int = 4_000 * MEGA
    processes: int = 256
    files: int = 512
    file: int = 256 * MEGA
    temporary: int = 512 * MEGA
    home: int = 128 * MEGA
    shared: int = 256 * MEGA

    def for_process(self) -> dict[str, int]:
        """Those that the kernel enforces on each process."""
        return {name: getattr(self, name) for name in ("memory", "processes", "files", "file")}


class SandboxError(RuntimeError):
    """The sandbox, not the submission, failed."""


@dataclass(frozen=True)
class View:
    """What the sandbox shows besides the system: folders to show read-only, and folders to hide."""

    show: Mapping[str, Path] = field(default_factory=dict)  # place in the sandbox → folder here
    hide: tuple[Path, ...] = ()


def environment(threads: int = 1) -> dict[str, str]:
    """The whole environment of a submission; nothing of the examiner's goes in."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return counts | {
        "HOME": HOME,
        "USER": "student",
        "LOGNAME": "student",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": COURSE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/ipython",
        "KERAS_HOME": "/tmp/keras",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "COURSE_PROFILE": "smoke",
        "COURSE_SOURCE": "sample",
        "COURSE_CACHE": f"{COURSE}/data/cache",
        "COURSE_THREADS": str(threads),
    }


@functools.cache
def problem() -> str:
    """Why there can be no sandbox here, in one sentence; empty if there can."""
    if platform.system() != "Linux":
        return f"the sandbox needs Linux, this is {platform.system()}"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (the command bwrap is missing; apt install bubblewrap)"
    test = subprocess.run([*command(View(), Limits()), "--", "/bin/true"], capture_output=True, text=True, check=False)
    if test.returncode:
        reason = (test.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        return f"bubblewrap cannot make a sandbox here, probably user namespaces are switched off: {reason}"
    return ""


def command(view: View, limits: Limits) -> list[str]:
    """The bwrap command up to the program to run."""
    root = os.geteuid() == 0
    made = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    made += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    made += ["--hostname", "sandbox"] + ([] if root else ["--unshare-user"] + _no_more_users())
    shown = _system() | {Path(place): folder for place, folder in view.show.items()}
    writable = {Path("/tmp"): limits.temporary, Path(HOME): limits.home, Path(COURSE, "notebooks"): limits.home}
    for parent in _parents([*shown, *writable]):
        made += ["--perms", "0755", "--dir", str(parent)]
    for place, source in shown.items():
        made += ["--ro-bind", str(source), str(place)]
    for folder in _hidden(view.hide, shown.values()):
        made += ["--perms", "0700", "--size", "4096", "--tmpfs", str(folder), "--remount-ro", str(folder)]
    made += _links() + ["--proc", "/proc", "--dev", "/dev"]
    for place in MASKED:
        made += ["--ro-bind-try", "/dev/null", place] if os.path.exists(place) else []
    writable[Path("/dev/shm")] = limits.shared
    for place, size in writable.items():
        made += ["--perms", "1777", "--size", str(size), "--tmpfs", str(place)]
    return [*made, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


@functools.cache
def _no_more_users() -> list[str]:
    """Where bubblewrap can, forbid user namespaces within the sandbox; the filter of system calls does so anyway."""
    help_text = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout
    return ["--disable-userns"] if "--disable-userns" in help_text else []


@functools.cache
def _system() -> dict[Path, Path]:
    """The system's and Python's folders, at their own places."""
    import site

    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.realpath(sys.executable))}
    python |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    python |= {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    python |= set(site.getsitepackages())
    folders = [Path(place) for place in [*PLACES, *sorted(python, key=len)] if place]
    found: dict[Path, Path] = {}
    for folder in folders:
        inside = any(folder.is_relative_to(other) for other in found)
        if folder.exists() and not folder.is_symlink() and not inside and folder != Path("/"):
            found[folder] = folder
    return found


def _links() -> list[str]:
    """/bin and its like, where they are links into /usr; and links to Python's folders."""
    made = []
    for place in PLACES:
        if os.path.islink(place):
            made += ["--symlink", os.readlink(place), place]
    return made


def _parents(places: Iterable[Path]) -> list[Path]:
    """The folders above these, from the top; bubblewrap would make them for root alone."""
    above = {parent for place in places for parent in place.parents if parent != Path("/")}
    shown = set(_system())
    kept = [parent for parent in above if not any(parent.is_relative_to(folder) for folder in shown)]
    return sorted(kept, key=lambda parent: len(parent.parts))


def _hidden(folders: Iterable[Path], shown: Iterable[Path]) -> list[Path]:
    """Those of the folders that a shown one contains: they need to be covered."""
    shown = list(shown)
    real = [folder.resolve() for folder in folders]
    return [f for f in real if any(f.is_relative_to(other) and f != other for other in shown) and f.exists()]


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
        with open(reader, "rb") as info, subprocess_end(writer):
            full = [*command(view, self.limits), "--info-fd", str(writer), "--", *FIRST_PROCESS]
            self.process = subprocess.Popen(
                full, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[writer]
            )
            self._stack.callback(self._end)
            os.close(writer)
            text = info.read()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        if self.process.stdout.readline() != b"ready\n":
            raise SandboxError(f"bubblewrap failed: {self.process.stderr.read().decode(errors='replace').strip()}")
        return int(json.loads(text)["child-pid"])

    def _fork(self, warm: str, first: int, channel: socket.socket) -> int:
        """Ask the warm process for a fork that moves in."""
        self.connection = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        self.connection.settimeout(STOP_SECONDS)
        try:
            self.connection.connect(warm)
            request = {"sandbox": first, "user": own_user(first), "limits": self.limits.for_process()}
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


def course_view(root: Path = ROOT, samples: Path | None = None, hide: Iterable[Path] = ()) -> View:
    """What submissions see of the course: what is in the student kit, and the drawn samples."""
    show = {f"{COURSE}/utils": root / "utils", f"{COURSE}/exercises/values": root / "exercises" / "values"}
    show |= {f"{COURSE}/data/catalog.toml": root / "data" / "catalog.toml"}
    if samples is not None:
        show[f"{COURSE}/data/cache"] = samples
    return View({place: folder for place, folder in show.items() if folder.exists()}, (root, *hide))


@contextlib.contextmanager
def subprocess_end(descriptor: int) -> Any:
    """Close a descriptor that a child inherits, should starting the child fail."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise
