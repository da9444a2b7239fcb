"""Warm kernels: a server that imported TensorFlow once, and forks a Jupyter kernel for each request.

Importing TensorFlow costs seconds a kernel; a fork costs milliseconds. The server imports and then runs *no op*:
TensorFlow starts its threads with its first op, and a fork made after that hangs. One connection on the server's Unix
socket stands for one kernel, as lines of JSON: the request, then {"pid"} and {"exit"} from the server and {"signal"}
from the client. When a client goes away, its kernel is killed; when the owner of the server goes away, all of them are.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

ROOT = Path(__file__).resolve().parents[1]
FORK_SECONDS = 120  # a request made while the server still imports waits that long


def available() -> bool:
    """Say whether forking a process that holds TensorFlow is safe here: on macOS and Windows it is not."""
    return sys.platform == "linux" and hasattr(os, "fork")


class WarmServer:
    """The server process, as its owner sees it. Starting returns at once: the import goes on behind it."""

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        prefix: Sequence[str] = (),
        module: str = "tools.warmserver",
    ) -> None:
        """`prefix` is a command to start the server under, `module` another server that speaks the same way."""
        self.folder = Path(tempfile.mkdtemp(prefix="course-warm-"))
        self.address = str(self.folder / "socket")
        self.log = self.folder / "log"
        base = dict(os.environ if env is None else env)
        command = [*prefix, sys.executable, "-m", module, self.address]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=base | {"PYTHONHASHSEED": "0"},
                stdin=subprocess.PIPE,  # the server ends when this pipe does, however we end
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the owner to handle
            )

    def wait(self, seconds: float = FORK_SECONDS) -> None:
        """Return when the server has imported everything; raise RuntimeError when it cannot."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the warm server ended: {self.log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self.address)
                return
            time.sleep(0.05)
        raise RuntimeError(f"the warm server is not ready after {seconds:.0f} s")

    def close(self) -> None:
        """End the server and every kernel that it forked."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for path in self.folder.glob("*"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def __enter__(self) -> WarmServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WarmProcess:
    """A forked kernel, with the face of subprocess.Popen that jupyter_client wants."""

    stdin = stdout = stderr = None

    def __init__(self, address: str, request: Mapping[str, Any]) -> None:
        self.returncode: int | None = None
        self._pending = b""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(FORK_SECONDS)
            self._socket.connect(address)
            self._send(request)
            first = self._read_line()
        except OSError:
            self._socket.close()
            raise
        if first is None or "pid" not in first:
            self._socket.close()
            raise RuntimeError("the warm server gave no kernel")
        self.pid = int(first["pid"])

    def _send(self, message: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _read_line(self) -> dict[str, Any] | None:
        """Return the next message, or None when the server is gone."""
        while b"\n" not in self._pending:
            chunk = self._socket.recv(4096)
            if not chunk:
                return None
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _look(self, seconds: float | None) -> int | None:
        """Wait that long (None: for ever) for the kernel's end."""
        if self.returncode is None:
            self._socket.settimeout(seconds)
            try:
                message = self._read_line()
            except (BlockingIOError, TimeoutError):
                return None
            except OSError:
                message = None
            self.returncode = int(message["exit"]) if message else -signal.SIGKILL
            self._socket.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the kernel to end and return its exit code (negative: the signal that ended it)."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and what it started."""
        if self.returncode is None:
            with contextlib.suppress(OSError):
                self._socket.settimeout(5)
                self._send({"signal": int(number)})

    def kill(self) -> None:
        """End the kernel and what it started, at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


class WarmProvisioner(LocalProvisioner):
    """Launches a kernel by asking the warm server for a fork."""

    address = ""
    setup: str | None = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork instead of starting `cmd`; its arguments, folder and environment are those of the request."""
        request = {
            "argv": cmd[cmd.index("-f") :],
            "cwd": str(kwargs.get("cwd") or Path.cwd()),
            "env": dict(kwargs.get("env") or os.environ),
            "setup": self.setup,
        }
        process = WarmProcess(self.address, request)
        self.process, self.pid = process, process.pid  # type: ignore[assignment]
        self.pgid = None  # signals go through the server, which may live in another process namespace
        return self.connection_info


class CourseKernelManager(AsyncKernelManager):
    """A kernel of this very Python: forked when `warm` names a warm server's address, started plainly otherwise."""

    def __init__(self, warm: str | None = None, setup: str | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self.warm, self.setup = warm, setup

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel to start; never one that the user's folders redefine."""
        argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

    async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
        if self.warm is not None and self.provisioner is None:
            self.provisioner = WarmProvisioner(
                kernel_id=self.kernel_id or "warm", kernel_spec=self.kernel_spec, parent=self
            )
            self.provisioner.address, self.provisioner.setup = self.warm, self.setup
        return await super()._async_pre_start_kernel(**kwargs)

    @property
    def exit_code(self) -> int | None:
        """The kernel's exit code, once it has ended by itself."""
        process = getattr(self.provisioner, "process", None)
        return None if process is None else process.poll()
