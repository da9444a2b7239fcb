"""The warm process that submissions are forked from: it has imported TensorFlow, run no op, and knows no secret.

`tools.warmserver` does the same for kernels. Here each fork gets one end of a channel from its examiner, moves into a
sandbox that bubblewrap built for it alone, gives up its privileges, and only then sees a line of the submission.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from tools import warmserver
from tools.grading import enter, inside

LIGHT = ("numpy", "numpy.testing", "IPython.core.interactiveshell", "utils.checks")
MORE = ("IPython.core.pylabtools", "matplotlib_inline.backend_inline")


class Zygote(warmserver.Server):
    """Forks one process per connection; a connection brings a request and, with it, the channel."""

    def hear(self, kernel: warmserver.Kernel) -> None:
        """Read the request, which comes in one piece; later the end of the connection asks for the end."""
        if kernel.pid is not None:
            return super().hear(kernel)
        try:
            message, descriptors, _, _ = socket.recv_fds(kernel.connection, 65536, 1)
        except OSError:
            message, descriptors = b"", []
        if not message or not descriptors:
            self.selector.unregister(kernel.connection)
            return kernel.connection.close()
        self.start(kernel, json.loads(message), descriptors[0])

    def start(self, kernel: warmserver.Kernel, request: dict[str, Any], channel: int) -> None:
        """Fork, and tell the client which process it was."""
        pid = os.fork()
        if pid == 0:
            become_submission(self, request, channel)
        os.close(channel)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        kernel.pid = pid
        self.kernels[pid] = kernel
        warmserver.tell(kernel, {"pid": pid})


def become_submission(server: Zygote, request: dict[str, Any], channel: int) -> NoReturn:
    """In the child: enter the sandbox and examine; its parent, outside, waits for it and passes its end on."""
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        server.forget()
        ended = enter.fork_inside(request, channel)
        if ended is not None:
            enter.leave(abs(ended) & 0x7F)
        forget_the_tools(request)
        inside.serve(channel)
    except BaseException:  # the examiner sees the channel close; this is for the one who looks for the reason
        with contextlib.suppress(BaseException):
            os.write(channel, json.dumps({"broken": traceback.format_exc()[-2000:]}).encode() + b"\n")
    enter.leave(1)


def forget_the_tools(request: dict[str, Any]) -> None:
    """Environment, folder and modules as in a kernel that was started in the sandbox."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    warmserver.refresh({"env": request["env"], "cwd": request["cwd"], "argv": []})


def main() -> None:
    """Import all that lessons use, or for lessons without TensorFlow only the little that they use; then serve."""
    light = os.environ.get("COURSE_WARM") == "light"
    if not light:
        warmserver.preload()
    for name in LIGHT if light else LIGHT + MORE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    Zygote(sys.argv[1]).serve()


if __name__ == "__main__":
    main()
