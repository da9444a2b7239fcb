"""The examiner's end of the line: one request, one answer, with limits on time, size and memory; all is hostile."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import select
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

LOOK_SECONDS = 0.25  # how often memory is measured
ERROR_ROOM = 20_000  # characters of a message that is no value
NODES = 400_000  # numbers and containers in one answer; arrays count as one


class Ended(Exception):
    """The submission's process can give no further answer; the text says why, in words."""


class Tampered(Ended):
    """Something wrote on the channel that nobody had asked for."""


class Channel:
    """Lines of JSON with a process that may send anything at any time."""

    def __init__(self, connection: socket.socket, memory: Callable[[], int], memory_limit: int) -> None:
        self.connection, self.memory, self.memory_limit = connection, memory, memory_limit
        self.pending = b""
        connection.setblocking(False)

    def ask(self, request: dict[str, Any], seconds: float, room: int = ERROR_ROOM) -> dict[str, Any]:
        """The answer to a request; whatever is there before the request is sent is no answer."""
        self.quiet()
        name = secrets.token_hex(16)
        self.send({**request, "id": name})
        answer = self.receive(time.monotonic() + seconds, room)
        if answer.get("id") != name:
            raise Tampered("something other than the answer was written into the result channel")
        return answer

    def quiet(self) -> None:
        """Make sure that nothing has arrived unasked."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self.pending += self.connection.recv(4096)
        if self.pending:
            raise Tampered("a result was written by hand into the result channel")

    def send(self, message: dict[str, Any], seconds: float = 60.0) -> None:
        """Send a line to a process that may not be reading."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        deadline = time.monotonic() + seconds
        while data:
            try:
                data = data[self.connection.send(data) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Ended("the process does not listen any more") from None
                select.select([], [self.connection], [], LOOK_SECONDS)
            except OSError:
                raise Ended("ended the process") from None

    def receive(self, deadline: float, room: int = ERROR_ROOM) -> dict[str, Any]:
        """The next line; Ended when there is none in time."""
        looked = time.monotonic()
        while b"\n" not in self.pending:
            if len(self.pending) > room:
                raise Ended("what came back is too large")
            now = time.monotonic()
            if now > deadline:
                raise Ended("ran too long and could not be interrupted")
            if now - looked > LOOK_SECONDS:
                self.look()
                looked = now
            if not select.select([self.connection], [], [], min(LOOK_SECONDS, max(deadline - now, 0)))[0]:
                continue
            try:
                chunk = self.connection.recv(1 << 20)
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise Ended("ended the process")
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        if len(line) > room:
            raise Ended("what came back is too large")
        return parse(line)

    def look(self) -> None:
        """End a submission that holds too much memory."""
        if self.memory() > self.memory_limit:
            raise Ended(f"used more than {self.memory_limit / 1e9:.3g} GB of memory")


def parse(line: bytes) -> dict[str, Any]:
    """A line as an object of strict JSON; Tampered if it is none."""
    try:
        message = json.loads(line.decode("ascii"), parse_constant=_refuse, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        raise Tampered("the result channel holds something that is not valid JSON") from None
    if not isinstance(message, dict):
        raise Tampered("the result channel holds something that is not an answer")
    return message


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def plain(value: Any) -> bool:
    """Whether an encoded value holds nothing but data of bounded size: no tensors, no generators, no deep nests."""
    waiting, seen = [(value, 0)], 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if seen > NODES or depth > 40:
            return False
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, list):
            waiting += [(part, depth + 1) for part in item]
        elif isinstance(item, dict):
            if set(item) not in PLAIN:
                return False
            waiting += [(part, depth + 1) for part in item.values()]
    return True


PLAIN = ({"array", "dtype", "shape"}, {"tuple"}, {"dict"}, {"float"}, {"integer"})
