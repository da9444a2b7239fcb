"""Publish a run: the executed notebook goes to notebooks/, the measured minutes into the lesson's header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import nbformat

from tools import lesson as lessons
from tools.build import Builder, notebook_text, worked_text, write
from tools.outcome import Outcome, untidy_outputs

MAXIMUM_BYTES = 1_500_000


def publish(root: Path, executed: Path, lesson: lessons.Lesson, outcome: Outcome) -> str:
    """Publish a run that passed; return why not, if not."""
    if outcome.profile == "smoke":
        return "a smoke run shows nothing worth publishing"
    if not outcome.real:
        return f"not published: sample data ({', '.join(n for n, o in outcome.origins.items() if o != 'real')})"
    if outcome.profile == "full":
        goal = root / "notebooks" / f"{lesson.slug}.ipynb"
        worked_text(lesson, goal)  # raises where an edit made by hand would be lost
        refusal = publish_notebook(executed, goal)
        if refusal:
            return refusal
    minutes = {**lesson.header.minutes, outcome.profile: sensible_minutes(outcome.seconds)}
    if minutes != lesson.header.minutes:
        text = with_minutes(lesson.path.read_text(encoding="utf-8"), minutes)
        lessons.parse(lesson.path, text)  # raises where the result would not be a lesson
        write(lesson.path, text)
    Builder(root).build([lesson.slug])
    return ""


def publish_notebook(executed: Path, goal: Path) -> str:
    """Copy an executed notebook without what changes from run to run; return why not, if not."""
    notebook = cleaned(nbformat.read(executed, as_version=4))
    problems = untidy_outputs(notebook)
    if problems:
        return f"not published: {problems[0]}"
    text = notebook_text(notebook)
    if len(text.encode()) > MAXIMUM_BYTES:
        return f"not published: {len(text.encode()) / 1e6:.1f} MB, above {MAXIMUM_BYTES / 1e6:.1f} MB"
    write(goal, text)
    return ""


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without time stamps, widget state, display counters and progress lines that were wiped away."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            output.pop("transient", None)
            if output.output_type == "stream":
                output.text = re.sub(r"[^\n]*\r", "", output.text)
            if "data" in output:
                output.data.pop("application/vnd.jupyter.widget-view+json", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("text") != ""]
    return notebook


def sensible_minutes(seconds: float) -> float:
    """Minutes as a reader wants them: 0.3, 4.5, 18."""
    minutes = seconds / 60
    if minutes < 1:
        return max(0.1, round(minutes, 1))
    rounded = round(minutes * 2) / 2 if minutes < 10 else round(minutes)
    return int(rounded) if rounded == int(rounded) else rounded


def with_minutes(text: str, minutes: Mapping[str, float]) -> str:
    """The lesson's text with these minutes in its header, and nothing else changed."""
    shown = ", ".join(f"{name}: {minutes[name]:g}" for name in ("class", "full") if name in minutes)
    end = text.index("\n# ---", 5)
    header, rest = text[:end], text[end:]
    found = re.search(r"^(#[ ]+)minutes:.*(?:\n\1[ ]+(?:class|full):.*)*$", header, re.MULTILINE)
    if found:
        header = f"{header[: found.start()]}{found[1]}minutes: {{{shown}}}{header[found.end() :]}"
    else:
        after = re.search(r"^(#[ ]+)title:.*$", header, re.MULTILINE)
        assert after, "a lesson has a title"
        header = f"{header[: after.end()]}\n{after[1]}minutes: {{{shown}}}{header[after.end() :]}"
    return header + rest
