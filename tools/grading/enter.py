"""How a forked process moves into a sandbox that bubblewrap built, and gives up all that it could do outside."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from tools.grading import seccomp

# In this order: of the process namespace only children become members, the mounts change what paths mean.
NAMESPACES = {
    "cgroup": 0x02000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "net": 0x40000000,
    "pid": 0x20000000,
    "mnt": 0x00020000,
}
NEW_USER = 0x10000000
NS_GET_USERNS = 0xB701
PR_CAPBSET_DROP, PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 24, 1, 4
LIMITS = {
    "memory": resource.RLIMIT_DATA,
    "processes": resource.RLIMIT_NPROC,
    "file": resource.RLIMIT_FSIZE,
    "files": resource.RLIMIT_NOFILE,
}
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor: int, kind: int) -> None:
    if _libc.setns(descriptor, kind):
        number = ctypes.get_errno()
        raise OSError(number, f"a namespace cannot be entered: {os.strerror(number)}")


def join(target: int) -> None:
    """Move into the namespaces of a sandbox's first process; children are then inside entirely."""
    handles = {name: os.open(f"/proc/{target}/ns/{name}", os.O_RDONLY) for name in NAMESPACES}
    user = os.open(f"/proc/{target}/ns/user", os.O_RDONLY)
    foreign = os.fstat(user).st_ino != os.stat("/proc/self/ns/user").st_ino
    if foreign:  # without root: the mounts belong to one user namespace, the sandbox's processes live in one below it
        owner = fcntl.ioctl(handles["mnt"], NS_GET_USERNS)
        _setns(owner, NEW_USER)
    for name, kind in NAMESPACES.items():
        _setns(handles[name], kind)
    if foreign and os.fstat(owner).st_ino != os.fstat(user).st_ino:
        _setns(user, NEW_USER)
    for handle in [user, *handles.values(), *([owner] if foreign else [])]:
        os.close(handle)


def give_up(user: int | None, limits: Mapping[str, int]) -> None:
    """Become an ordinary user without any privilege, under limits that cannot be raised again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, value in limits.items():
        resource.setrlimit(LIMITS[name], (value, value))
    for capability in range(64):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _drop_capabilities()
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or its own /proc/self would be closed to it
    seccomp.install()


def _drop_capabilities() -> None:
    """Empty the permitted, effective and inheritable sets: entering a user namespace filled them."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be dropped")


def close_all_but(keep: int) -> None:
    """Close every file descriptor but one; input, output and errors go nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, 1 << 16)


def fork_inside(request: Mapping[str, Any], channel: int) -> int | None:
    """Enter the request's sandbox; None in the process that is now inside, the exit code of that one in its parent."""
    close_all_but(channel)
    if request.get("sandbox"):
        join(int(request["sandbox"]))
    inside = os.fork()
    if inside == 0:
        _libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
        os.setsid()
        give_up(request.get("user"), request["limits"])
        return None
    os.close(channel)
    with contextlib.suppress(ChildProcessError):
        return os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1])
    return 0


def leave(code: int) -> NoReturn:
    """End this process at once, running nothing that a submission may have registered."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(code)
