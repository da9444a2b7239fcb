"""The process behind `tools.warm`: imports the heavy libraries, then forks a kernel for each connection."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

ROOT = str(Path(__file__).resolve().parents[1])
PR_SET_PDEATHSIG = 1


def preload() -> None:
    """Import what every lesson imports, and run nothing of it: no tensor, no list of devices."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # read when matplotlib is imported
    with contextlib.suppress(ImportError):
        importlib.import_module("utils.runtime")  # what it sets before TensorFlow is imported
    for name in ("numpy", "matplotlib.pyplot", "tensorflow", "keras", "ipykernel.ipkernel", "ipykernel.kernelapp"):
        importlib.import_module(name)


@dataclass
class Kernel:
    """One connection: first without a process, then with one."""

    connection: socket.socket
    pid: int | None = None
    pending: bytes = field(default=b"")


class Server:
    """The loop: requests and signals in, forks and exit codes out. One thread, so that forking stays safe."""

    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        os.chmod(address, 0o600)
        self.listener.listen(64)
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write)
        self.selector = selectors.DefaultSelector()
        for source in (self.listener, self.wake_read, 0):
            self.selector.register(source, selectors.EVENT_READ)
        self.kernels: dict[int, Kernel] = {}

    def serve(self) -> None:
        """Serve until the owner's pipe (standard input) closes, then leave no kernel behind."""
        while True:
            for key, _ in self.selector.select():
                if key.fileobj == 0 and not os.read(0, 4096):
                    return self.end()
                if key.fileobj == self.wake_read:
                    os.read(self.wake_read, 4096)
                    self.reap()
                elif key.fileobj == self.listener:
                    self.accept()
                elif isinstance(key.data, Kernel):
                    self.hear(key.data)

    def accept(self) -> None:
        """Take a new client."""
        connection, _ = self.listener.accept()
        self.selector.register(connection, selectors.EVENT_READ, Kernel(connection))

    def hear(self, kernel: Kernel) -> None:
        """Read a request or a signal; a client that is gone needs its kernel no more."""
        try:
            chunk = kernel.connection.recv(65536)
        except OSError:
            chunk = b""
        if not chunk:
            self.selector.unregister(kernel.connection)
            kernel.connection.close()
            if kernel.pid is not None:
                kill_group(kernel.pid, signal.SIGKILL)
            return
        kernel.pending += chunk
        while b"\n" in kernel.pending:
            line, kernel.pending = kernel.pending.split(b"\n", 1)
            message = json.loads(line)
            if kernel.pid is None:
                self.fork(kernel, message)
            else:
                kill_group(kernel.pid, int(message["signal"]))

    def fork(self, kernel: Kernel, request: dict[str, Any]) -> None:
        """Fork one kernel and tell the client its process."""
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            log = self.forget()
            become_kernel(request, server, log)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # here as well as in the child: whoever comes first
        kernel.pid = pid
        self.kernels[pid] = kernel
        tell(kernel, {"pid": pid})

    def forget(self) -> int:
        """In the child: drop what belongs to the server, undo its signal handling, and return its log."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self.selector.close()
        os.close(self.wake_read)
        os.close(self.wake_write)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        log = os.dup(2)
        os.set_inheritable(log, False)
        for stream in (1, 2):  # ipykernel sends a copy of all output there
            os.dup2(null, stream)
        os.close(null)
        return log

    def reap(self) -> None:
        """Report the kernels that ended, after ending what they left running."""
        for pid, kernel in list(self.kernels.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            kill_group(pid, signal.SIGKILL)  # before the wait, while the number cannot be anyone else's
            _, status = os.waitpid(pid, 0)
            del self.kernels[pid]
            tell(kernel, {"exit": os.waitstatus_to_exitcode(status)})

    def end(self) -> None:
        """Kill every kernel."""
        for pid in self.kernels:
            kill_group(pid, signal.SIGKILL)


def tell(kernel: Kernel, message: dict[str, Any]) -> None:
    """Send a message to a client that may be gone."""
    with contextlib.suppress(OSError):
        kernel.connection.sendall(json.dumps(message).encode() + b"\n")


def kill_group(pid: int, number: int) -> None:
    """Signal a kernel and all that it started, if they are still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def become_kernel(request: dict[str, Any], server: int, log: int) -> NoReturn:
    """In the child: take on the request's folder and environment, and run ipykernel until it ends."""
    code = 1
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)  # the server died in between
        module, _, name = (request.get("setup") or "").partition(":")
        setup = getattr(importlib.import_module(module), name) if module else None
        refresh(request)
        if setup:
            setup()
        from ipykernel.kernelapp import IPKernelApp

        gc.enable()
        IPKernelApp.launch_instance(argv=request["argv"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        os.write(log, traceback.format_exc().encode())
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    os._exit(code)  # never back into the server's loop


def refresh(request: dict[str, Any]) -> None:
    """Make the process look freshly started: environment, folder, paths, modules, random state."""
    ours = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(request["env"])
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    os.chdir(request["cwd"])
    tempfile.tempdir = None
    wanted = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = wanted + [path for path in sys.path if path not in {*wanted, *ours, "", ROOT}]
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    for name in [name for name in sys.modules if name.split(".")[0] in ("utils", "tools")]:
        del sys.modules[name]
    random.seed()
    sys.modules["numpy"].random.seed()


def main() -> None:
    """Import, then serve."""
    preload()
    gc.collect()
    gc.freeze()  # collections in a child must not touch, and so copy, what all of them share
    Server(sys.argv[1]).serve()


if __name__ == "__main__":
    main()
