"""The bubblewrap command: what a submission sees, where it may write, and how much it may use."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.warm import ROOT

MEGA = 1_000_000
COURSE = "/course"  # where the sandbox has the kit: utils, public values, samples and an empty notebooks folder
HOME = "/home/student"
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
    grace: float = 3.0  # beyond a limit, before the process is ended from outside
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


@dataclass(frozen=True)
class View:
    """What the sandbox shows besides the system: folders to show read-only, and folders to hide."""

    show: Mapping[str, Path] = field(default_factory=dict)  # place in the sandbox → folder here
    hide: tuple[Path, ...] = ()


def environment(course: str = COURSE, home: str = HOME, temporary: str = "/tmp", threads: int = 1) -> dict[str, str]:
    """The whole environment of a submission; nothing of the examiner's goes in."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return counts | {
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": temporary,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": course,
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": f"{temporary}/matplotlib",
        "IPYTHONDIR": f"{home}/.ipython",
        "KERAS_HOME": f"{temporary}/keras",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "COURSE_PROFILE": "smoke",
        "COURSE_SOURCE": "sample",
        "COURSE_CACHE": f"{course}/data/cache",
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
    made += ["--hostname", "sandbox"]
    made += [] if root else ["--unshare-user", "--uid", "1000", "--gid", "1000", *_no_more_users()]
    shown = _system() | {Path(place): folder for place, folder in view.show.items()}
    writable = {Path("/tmp"): limits.temporary, Path(HOME): limits.home, Path(COURSE, "notebooks"): limits.home}
    for parent in _parents([*shown, *writable]):
        made += ["--perms", "0755", "--dir", str(parent)]
    for place, source in shown.items():
        made += ["--ro-bind", str(source), str(place)]
    for folder in (hidden := _hidden(view.hide)):
        made += ["--perms", "0755", "--size", "4096", "--tmpfs", str(folder)]
    for folder in _python():
        if any(folder.is_relative_to(other) for other in hidden):
            made += ["--ro-bind", str(folder), str(folder)]
    for folder in hidden:
        made += ["--remount-ro", str(folder)]
    made += [*_links(), "--proc", "/proc", "--dev", "/dev"]
    for masked in MASKED:
        made += ["--ro-bind-try", "/dev/null", masked] if os.path.exists(masked) else []
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
def _python() -> list[Path]:
    """The folders of this Python and its packages."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.realpath(sys.executable))}
    found |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {path for path in [*sys.path, *site.getsitepackages()] if Path(path).name.endswith("-packages")}
    return [Path(place) for place in sorted(found, key=len) if place not in ("", "/")]


@functools.cache
def _system() -> dict[Path, Path]:
    """The system's and Python's folders, at their own places, each only once."""
    found: dict[Path, Path] = {}
    for folder in [*map(Path, PLACES), *_python()]:
        inside = any(folder.is_relative_to(other) for other in found)
        link = str(folder) in PLACES and folder.is_symlink()  # made again as a link
        if folder.exists() and not link and not inside:
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


def _hidden(folders: Iterable[Path]) -> list[Path]:
    """Those of the folders that stand in a shown one: they need to be covered."""
    real = sorted({folder.resolve() for folder in folders}, key=lambda folder: len(folder.parts))
    return [f for f in real if f.exists() and any(f.is_relative_to(other) for other in _system())]


def course_view(root: Path = ROOT, samples: Path | None = None, hide: Iterable[Path] = ()) -> View:
    """What submissions see of the course: what is in the student kit, and the drawn samples."""
    show = {f"{COURSE}/utils": root / "utils", f"{COURSE}/exercises/values": root / "exercises" / "values"}
    show |= {f"{COURSE}/data/{path.name}": path for path in sorted((root / "data").glob("*")) if path.is_file()}
    if samples is not None:
        show[f"{COURSE}/data/cache"] = samples
    return View({place: folder for place, folder in show.items() if folder.exists()}, (root, *hide))
