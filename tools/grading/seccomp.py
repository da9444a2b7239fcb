"""A filter of system calls: what no notebook needs, and what would get around the sandbox's limits, is refused.

Without it a submission could make a user namespace of its own and mount memory without a limit there, or keep data in
memory files and System V segments that no limit counts.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {  # system call: number on x86_64, number on aarch64
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
}
CLONE, CLONE3 = (56, 220), 435  # clone3 hides its flags in memory: told "not there", libraries use clone
NEW_NAMESPACES = 0x7E020000
X32 = 0x40000000  # a second numbering of the same calls on x86_64
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def program(machine: str) -> bytes:
    """The filter in the kernel's little language; empty where the machine's numbers are not known."""
    if machine not in ARCHITECTURE:
        return b""
    column = list(ARCHITECTURE).index(machine)

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    refuse = step(RETURN, ERROR | errno.EPERM)
    steps = [step(LOAD, 4), step(EQUAL, ARCHITECTURE[machine], 1, 0), step(RETURN, KILL), step(LOAD, 0)]
    if machine == "x86_64":
        steps += [step(AT_LEAST, X32, 0, 1), refuse]
    steps += [step(EQUAL, CLONE3, 0, 1), step(RETURN, ERROR | errno.ENOSYS)]
    for numbers in REFUSED.values():
        steps += [step(EQUAL, numbers[column], 0, 1), refuse]
    steps += [step(EQUAL, CLONE[column], 0, 3), step(LOAD, 16), step(ANY_BIT, NEW_NAMESPACES, 0, 1), refuse]
    return b"".join([*steps, step(RETURN, ALLOW)])


def install() -> None:
    """Put this process and all its descendants under the filter, and give up gaining privileges, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")
    code = program(platform.machine())
    if not code:
        return
    filled = _Program(len(code) // 8, code)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filled), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter of system calls is refused")
