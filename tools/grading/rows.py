"""The rows of a grading: one for each student and lesson, and the table for the campus system."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One student's work on one lesson."""

    student: str
    lesson: str  # slug; empty if the file belongs to no lesson
    title: str
    path: str
    total: float  # points that the lesson has
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""  # why nothing could be graded
    notes: tuple[str, ...] = ()
    cell_errors: dict[str, str] = field(default_factory=dict)
    answers: tuple[str, ...] = ()  # markdown cells

    @property
    def score(self) -> float:
        """The points."""
        return round(sum(float(verdict["score"]) for verdict in self.verdicts), 2)

    @property
    def percent(self) -> float:
        """The points in percent of what can be had."""
        return round(100 * self.score / self.total, 1) if self.total else 0.0

    @property
    def reason(self) -> str:
        """Why points are missing, in words; empty for full marks."""
        if self.problem:
            return self.problem
        told = [f"{v['number']} {v['name']}: {said(v)}" for v in self.verdicts if v["state"] != "passed"]
        return "; ".join(told)


def said(verdict: dict[str, Any]) -> str:
    """A verdict in words."""
    if verdict["state"] == "passed":
        return "right"
    text = verdict["hint"] or verdict["reason"] or "wrong"
    return f"{verdict['right']} of {verdict['cases']} cases right: {text}" if verdict["right"] else text


def table(rows: Sequence[Row], exams: Iterable[dict[str, Any]]) -> str:
    """The CSV: a line for each row, a column for each exercise of the lessons."""
    exercises = [(exam["slug"], f"{e['number']} {e['name']}") for exam in exams for e in exam["exercises"]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ["student", "lesson", "score", "max", "percent"]
    writer.writerow([*columns, *(name for _, name in exercises), "reason", "note", "file"])
    for row in rows:
        scores = {f"{v['number']} {v['name']}": v["score"] for v in row.verdicts}
        points = [_number(scores.get(name, 0)) if slug == row.lesson else "" for slug, name in exercises]
        numbers = [_number(row.score), _number(row.total), _number(row.percent)]
        words = [row.reason, " ".join(row.notes), row.path]
        writer.writerow([_safe(row.student), row.lesson, *numbers, *points, *map(_safe, words)])
    return text.getvalue()


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _safe(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = " ".join(text.split())
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text
