"""What runs in the sandbox: the submission's cells, then its functions on the inputs that the examiner sends.

Everything in this process may be changed by the submission, so nothing that it says is believed: it can only give
values, and the examiner, outside, knows what they should be.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import linecache
import os
import signal
import socket
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

LINE = 64_000_000  # what the examiner sends is longer than any notebook
STOP_GRACE = 1.0  # seconds between interrupts of something that swallowed the first


class TooLong(BaseException):
    """Raised in the submission's code when its time is over."""


class Channel:
    """Lines of JSON to and from the examiner."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.reader = self.socket.makefile("rb")
        self.dumps, self.loads = json.dumps, json.loads  # kept: a submission may replace json's

    def send(self, message: dict[str, Any]) -> None:
        """Send one line; what is not JSON is said to be so."""
        try:
            line = self.dumps(message, allow_nan=False)
        except (TypeError, ValueError):
            line = self.dumps({"id": message.get("id"), "error": ["WireError", "the result cannot be written down"]})
        self.socket.sendall(line.encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next request, None at the end."""
        line = self.reader.readline(LINE)
        return self.loads(line) if line else None


def serve(descriptor: int) -> None:
    """Do what the examiner asks until it closes the channel."""
    channel, owner = Channel(descriptor), os.getpid()
    subject = Subject()
    while request := channel.receive():
        if request["do"] == "cells":
            for event in subject.run(request):
                _only_here(owner)
                channel.send(event)
            continue
        answer = subject.answer(request)
        _only_here(owner)
        channel.send({"id": request["id"], **answer})


def _only_here(owner: int) -> None:
    """A cell may fork and both processes come back here: the copy has no business with the channel."""
    if os.getpid() != owner:
        os._exit(0)


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what runs longer; what ignores that, the examiner ends from outside."""

    def ring(*_: object) -> None:
        raise TooLong(f"ran longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, STOP_GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Subject:
    """The submission's namespace, and beside it the lesson's with the submission's functions in their places."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        self.shell = InteractiveShell.instance(config=config)
        # Nobody reads tracebacks, and drawing one takes half a second.
        self.shell.showtraceback = lambda *_, **__: None  # type: ignore[method-assign]
        self.kept: dict[str, Any] = {}  # the last callable that had an exercise's name
        self.lesson: dict[str, Any] = {}
        self.checked: dict[str, Callable[..., Any]] = {}

    def run(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Run the cells in order, whatever some of them raise."""
        for index, source in request["cells"]:
            yield {"begin": index}
            error = self.cell(source, float(request["seconds"]))
            for name in request["names"]:
                if callable(found := self.shell.user_ns.get(name)):
                    self.kept[name] = found
            yield {"end": index, "error": error}
        yield {"done": True}

    def cell(self, source: str, seconds: float) -> list[str] | None:
        """Run one cell; what it raised, if it did."""
        try:
            with at_most(seconds):
                result = self.shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:
            error = raised
        return None if error is None else _name(error)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Replay a piece of the lesson, or call a function."""
        try:
            with at_most(float(request["seconds"])):
                if request["do"] == "lesson":
                    return self.replay(request["cells"])
                return {"value": self.call(request["name"], request["inputs"])}
        except BaseException as error:
            return {"error": _name(error)}

    def replay(self, cells: list[dict[str, Any]]) -> dict[str, Any]:
        """Run the lesson's own setup, helper and check cells, with the submission's exercises in between."""
        from utils import checks

        user = self.shell.user_ns
        module = types.ModuleType("lesson")
        sys.modules["lesson"] = module
        self.lesson = module.__dict__
        self.lesson.setdefault("get_ipython", lambda: self.shell)
        errors = {}
        with checks.collect() as self.checked:
            for number, cell in enumerate(cells):
                try:
                    if cell["source"] is None:
                        self.take(user, cell["names"])
                    else:
                        _run(cell["source"], f"<lesson, cell {number}>", self.lesson)
                except BaseException as error:
                    errors[str(number)] = _name(error)
        for name, value in self.lesson.items():  # what a deleted setup or helper cell would have defined
            if not name.startswith("__"):
                user.setdefault(name, value)
        found = [name for name in self.kept if callable(self.kept[name])]
        return {"value": {"errors": errors, "checks": sorted(self.checked), "found": found}}

    def take(self, user: dict[str, Any], names: list[str]) -> None:
        """Put the submission's objects in the place of an exercise cell."""
        for name in names:
            value = user.get(name)
            if name in self.kept and not callable(value):
                value = self.kept[name]
            if value is not None:
                self.lesson[name] = value

    def call(self, name: str, inputs: Any) -> Any:
        """The encoded result of the function behind a check."""
        from utils.checks import decode, encode, normalise

        return encode(normalise(self.checked[name](*decode(inputs))))


def _run(source: str, name: str, namespace: dict[str, Any]) -> None:
    """Execute source that has a name, so that AutoGraph and tracebacks find its lines."""
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    builtins.exec(builtins.compile(source, name, "exec"), namespace)


def _name(error: BaseException) -> list[str]:
    """Type and first line of an exception, however it behaves."""
    try:
        text = (builtins.str(error).splitlines() or [""])[0]
    except BaseException:
        text = ""
    return [builtins.str(type(error).__name__)[:100], text[:500]]
