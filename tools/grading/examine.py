"""Examine one submission: run its cells in a sandbox, ask its functions, judge the answers out here.

A cell or a call that ends or hangs the process costs only itself: the submission is started again without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tools.grading import judging
from tools.grading.bubble import Limits
from tools.grading.channel import Channel, Ended, Tampered
from tools.grading.notebook import Cell

RESTARTS = 6
START = 60.0  # seconds until a fork has to answer, on a busy machine


class Place(Protocol):
    """Where a submission runs: a sandbox, or without one a plain process."""

    channel: Any

    def memory(self) -> int:
        """Bytes in use."""


Opener = Callable[[], AbstractContextManager[Place]]


@dataclass
class Verdict:
    """How one exercise did; nothing in it tells an input or an expected value."""

    name: str
    number: str
    title: str
    points: float
    cases: int
    right: int = 0
    state: str = "failed"  # passed, partial, failed, open, missing
    reason: str = ""
    hint: str = ""

    @property
    def score(self) -> float:
        """Points, in proportion to the cases that are right."""
        return round(self.points * self.right / self.cases, 4) if self.cases else 0.0


@dataclass
class Report:
    """What became of a submission."""

    verdicts: list[Verdict]
    cell_errors: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    starts: int = 0


class Examination:
    """One submission's way through an exam."""

    def __init__(self, exam: dict[str, Any], cells: Sequence[Cell], opener: Opener, limits: Limits) -> None:
        self.exam, self.opener, self.limits = exam, opener, limits
        self.cells = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
        self.text = [cell for cell in cells if cell.kind != "code"]
        self.names = [name for step in exam["plan"] if step["source"] is None for name in step["names"]]
        self.skipped: set[int] = set()
        self.report = Report([_blank(exercise) for exercise in exam["exercises"]])
        self.waiting = list(zip(exam["exercises"], self.report.verdicts, strict=True))
        self.deadline = 0.0

    def run(self) -> Report:
        """Examine, with as many starts as it takes, within the time for one submission."""
        begin = time.monotonic()
        self.deadline = begin + self.limits.submission
        try:
            while self.waiting and self.cells and self.report.starts <= RESTARTS:
                self.report.starts += 1
                self._attempt()
        except Tampered as error:
            self._void(str(error))
        if not self.cells:
            self.report.notes.append("the notebook has no code cell")
        for exercise, verdict in self.waiting:
            self._missing(exercise, verdict)
        self.report.seconds = round(time.monotonic() - begin, 3)
        return self.report

    def _attempt(self) -> None:
        """One start: all cells but those that ended earlier ones, then the exercises that are not yet judged."""
        with self.opener() as place:
            channel = Channel(place.channel, place.memory, self.limits.memory)
            if not self._cells(channel):
                return
            if (found := self._lesson(channel)) is None:
                return
            while self.waiting:
                exercise, verdict = self.waiting.pop(0)
                if not self._exercise(channel, exercise, verdict, found):
                    return
            channel.quiet()

    def _left(self, seconds: float) -> float:
        """Seconds to wait for something, within the time for the whole submission."""
        return max(0.1, min(seconds, self.deadline - time.monotonic()))

    def _cells(self, channel: Channel) -> bool:
        """Run the cells; False when one of them ended the process."""
        limit = self._left(self.limits.cell)
        cells = [[cell.index, cell.source] for cell in self.cells if cell.index not in self.skipped]
        channel.send({"do": "cells", "cells": cells, "names": self.names, "seconds": limit})
        current, wait = None, START
        known = {index for index, _ in cells}
        try:
            while "done" not in (event := channel.receive(time.monotonic() + wait)):
                if "broken" in event and current is None:
                    raise RuntimeError(str(event["broken"])[-1000:])
                current, wait = self._event(event, known, current)
        except Tampered:
            raise
        except Ended as ended:
            if current is None:
                raise RuntimeError(f"the sandbox gives no sign of life: {ended}") from None
            self._skip(current, str(ended))
            return False
        return True

    def _event(self, event: dict[str, Any], known: set[Any], current: int | None) -> tuple[int | None, float]:
        """What the process says of its cells; a lie here can only cost the submission its own cells."""
        index = event.get("begin", event.get("end"))
        if not isinstance(index, int) or index not in known:
            raise Tampered("something was written by hand into the result channel")
        if "end" in event and (error := _error(event.get("error"))):
            self.report.cell_errors[index] = error
        if time.monotonic() > self.deadline:
            raise Ended("the time for the whole submission was used up")
        return index, self._left(self.limits.cell) + self.limits.grace

    def _skip(self, index: int, why: str) -> None:
        self.skipped.add(index)
        self.report.cell_errors[index] = why
        if time.monotonic() > self.deadline:
            self._stop("the time for the whole submission was used up")

    def _stop(self, why: str) -> None:
        """No further start: what is not yet judged gets no points."""
        for _, verdict in self.waiting:
            verdict.reason = why
        self.waiting = []

    def _lesson(self, channel: Channel) -> dict[str, Any] | None:
        """Replay the lesson's checks around the submission's functions; None when that ended the process."""
        limit = self._left(self.limits.cell)
        try:
            answer = channel.ask(
                {"do": "lesson", "cells": self.exam["plan"], "seconds": limit}, limit + self.limits.grace
            )
        except Tampered:
            raise
        except Ended as ended:
            self._stop(f"preparing the questions failed: {ended}")
            return None
        value = answer.get("value")
        if not isinstance(value, dict) or not isinstance(value.get("found"), list):
            self._stop("the notebook broke the process so that no function could be called")
            return None
        return value

    def _exercise(self, channel: Channel, exercise: dict[str, Any], verdict: Verdict, found: dict[str, Any]) -> bool:
        """Judge one exercise; False when it ended the process."""
        if not set(exercise["names"]) & {name for name in found["found"] if isinstance(name, str)}:
            self._missing(exercise, verdict)
            return True
        outcomes = []
        try:
            for case in exercise["cases"]:
                outcomes.append(self._case(channel, exercise, case))
                if outcomes[-1].slow:
                    break  # the other cases would only take as long
        except Tampered:
            raise
        except Ended as ended:
            judging.settle(verdict, outcomes)
            verdict.state, verdict.reason = ("partial" if verdict.right else "failed"), str(ended)
            if time.monotonic() > self.deadline:
                self._stop("the time for the whole submission was used up")
            return False
        judging.settle(verdict, outcomes)
        return True

    def _case(self, channel: Channel, exercise: dict[str, Any], case: dict[str, Any]) -> judging.Outcome:
        limit = self._left(self.limits.call)
        request = {"do": "call", "name": f"{self.exam['number']}.{exercise['name']}", "inputs": case["inputs"]}
        answer = channel.ask({**request, "seconds": limit}, limit + self.limits.grace, judging.room(case))
        return judging.judge(exercise["compare"], case, answer)

    def _missing(self, exercise: dict[str, Any], verdict: Verdict) -> None:
        """Say that no function has the name, and why that may be."""
        name = exercise["names"][0] if exercise["names"] else exercise["name"]
        verdict.state, verdict.reason = "missing", f"the notebook defines no {name}"
        places = (f"def {name}(", f"class {name}")
        if any(place in cell.source for cell in self.text for place in places):
            verdict.reason = f"{name} stands in a cell that is not a code cell, so it never ran"
        for cell in self.cells:
            if any(place in cell.source for place in places) and cell.index in self.report.cell_errors:
                verdict.reason = f"the cell that defines {name} failed: {self.report.cell_errors[cell.index]}"

    def _void(self, why: str) -> None:
        """Nothing that a process says is worth anything once it wrote answers that nobody asked for."""
        self.waiting = []
        self.report.notes.append(f"not graded: {why}")
        for verdict in self.report.verdicts:
            verdict.right, verdict.state, verdict.reason, verdict.hint = 0, "failed", why, ""


def _blank(exercise: dict[str, Any]) -> Verdict:
    kept = {key: exercise[key] for key in ("name", "number", "title", "points")}
    return Verdict(**kept, cases=len(exercise["cases"]))


def _error(error: Any) -> str:
    """Type and text of an exception in a cell, which saw no input of the exam."""
    if not (isinstance(error, list) and len(error) == 2 and all(isinstance(part, str) for part in error)):
        return ""
    kind, text = (part.replace("\x00", "")[:300] for part in error)
    if kind == "TooLong":
        return text
    if kind == "NotImplementedError" and text.startswith("Exercise "):
        return ""  # an open exercise, said elsewhere
    return f"{kind}: {text}"
