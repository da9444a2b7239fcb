"""Reading a lesson, `lessons/NN_name.py`: its header, cells, exercises, questions and fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.header import Header, LessonError, read_header

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Cell", "Exercise", "Header", "Lesson", "LessonError", "Question", "digest", "find", "parse", "read"]

ROOT = Path(__file__).resolve().parents[1]
FILE_NAME = re.compile(r"(\d\d)_([a-z0-9_]+)\.py")
MARKER = re.compile(r"\s*#\s*%%(%*\s|\s*$)")  # what jupytext takes for the first line of a cell
SLIDE_TYPES = ("slide", "subslide", "fragment", "skip", "notes", "-")
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


@dataclass(frozen=True)
class Cell:
    """One cell of a lesson, and where it stands in the file."""

    kind: str  # "code" or "markdown"
    source: str
    metadata: dict[str, Any]  # as written: an explicit slide type, no default one
    text: str = ""  # its exact piece of the file
    line: int = 0  # where the piece starts
    body: int = 0  # where the source starts

    @property
    def tags(self) -> tuple[str, ...]:
        """The cell's tags."""
        return tuple(self.metadata.get("tags", ()))

    @property
    def explicit_slide(self) -> str:
        """The slide type that the cell itself gives, or nothing."""
        return str(self.metadata.get("slideshow", {}).get("slide_type", ""))

    @property
    def slide(self) -> str:
        """The slide type: the explicit one, else what the cell's content calls for."""
        return self.explicit_slide or default_slide(self.kind, self.source, self.tags)


@dataclass(frozen=True)
class Exercise:
    """An exercise cell and its check."""

    name: str  # as in checks.run("05.name", …)
    number: str  # "05.1"
    title: str  # first line of the docstring
    points: float
    cell: int  # index of the exercise cell
    check: int  # index of the check cell
    line: int  # of the call in the check cell


@dataclass(frozen=True)
class Question:
    """A question that a person marks, and its answer."""

    number: str  # "05.a"
    cell: int
    answer: int


@dataclass(frozen=True)
class Lesson:
    """A lesson as the tools see it."""

    path: Path
    number: str  # "05"
    name: str  # "lenet_regularization"
    header: Header
    cells: tuple[Cell, ...]
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...]

    @property
    def slug(self) -> str:
        """What its files are called in every folder: "05_lenet_regularization"."""
        return self.path.stem

    @property
    def sha256(self) -> str:
        """Fingerprint of cell types, sources, tags and slide types; the header does not count."""
        return digest((cell.kind, cell.source, cell.tags, cell.slide) for cell in self.cells)

    @property
    def code_sha256(self) -> str:
        """Fingerprint of the code cells alone: outputs stay true when only prose changes."""
        return digest((cell.kind, cell.source, (), "") for cell in self.cells if cell.kind == "code")

    @property
    def course(self) -> dict[str, Any]:
        """The notebook's `metadata.course`, without the record of a run."""
        return {**self.header.as_json(), "number": self.number, "slug": self.slug, "source_sha256": self.sha256}

    @property
    def notebook(self) -> NotebookNode:
        """The worked notebook, without outputs."""
        return notebook(self.cells, self.course)


def find(root: Path = ROOT, numbers: Sequence[str] = ()) -> list[Path]:
    """Paths of all lessons in order, or of those asked for by number ("5", "05") or name ("05_lenet")."""
    paths = sorted(path for path in (root / "lessons").glob("*.py") if FILE_NAME.fullmatch(path.name))
    if not numbers:
        return paths
    wanted = []
    for number in numbers:
        key = Path(number).stem
        matches = [path for path in paths if path.stem[:2] == key.zfill(2) or path.stem == key]
        if not matches:
            there = " ".join(path.stem[:2] for path in paths) or "none"
            raise LessonError(root / "lessons", 0, f"there is no lesson {number!r} (there are: {there})")
        wanted += matches
    return sorted(set(wanted))


def read(path: Path) -> Lesson:
    """The lesson in a file; LessonError says what is wrong with it, and where."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LessonError(path, 0, f"the file is not UTF-8 (byte {error.start})") from None
    return parse(path, text)


def parse(path: Path, text: str) -> Lesson:
    """The lesson in a text that stands, or will stand, in `path`."""
    from tools import rules

    match = FILE_NAME.fullmatch(path.name)
    if not match:
        raise LessonError(path, 0, "a lesson's file is named NN_name.py, lower case, as in 05_lenet_regularization.py")
    number, name = match.groups()
    header, start = read_header(path, text.splitlines())
    cells = split(path, text, start)
    rules.check_cells(path, number, cells)
    exercises = rules.exercises(path, number, cells, header)
    questions = rules.questions(path, number, cells)
    rules.check_exercise_file(path, exercises, cells)
    return Lesson(path, number, name, header, cells, exercises, questions)


def split(path: Path, text: str, start: int) -> tuple[Cell, ...]:
    """The cells after the header, each with its exact text: jupytext reads them, the positions are ours."""
    import jupytext

    lines = text.splitlines(keepends=True)
    marks = [i for i in range(start, len(lines)) if MARKER.match(lines[i])]
    before = [i for i in range(start, marks[0] if marks else len(lines)) if lines[i].strip()]
    if before or not marks:
        raise LessonError(
            path, (before or [start])[0] + 1, "the first line after the header has to start a cell: '# %%'"
        )
    cells = []
    for first, last in zip(marks, [*marks[1:], len(lines)], strict=True):
        piece = "".join(lines[first:last])
        found = jupytext.reads(piece, fmt="py:percent").cells
        if len(found) != 1 or found[0].cell_type not in ("code", "markdown"):
            raise LessonError(path, first + 1, "this does not read as one code or markdown cell")
        cell = found[0]
        plain = json.loads(json.dumps(cell.metadata))  # not nbformat's classes, which a child process would import
        metadata = {k: v for k, v in plain.items() if k not in ("lines_to_next_cell", "cell_marker")}
        blank = next((i for i in range(first + 1, last) if lines[i].strip()), first + 1)
        cells.append(Cell(cell.cell_type, clean(cell.source), metadata, piece, first + 1, blank + 1))
    return tuple(cells)


def clean(source: str) -> str:
    """A cell's source without the blank lines around it, which neither format keeps."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", source).rstrip()


def default_slide(kind: str, source: str, tags: Iterable[str]) -> str:
    """The slide type of a cell that does not name one."""
    tags = set(tags)
    if "notes" in tags:
        return "notes"
    if kind == "code":
        return "skip" if tags & {"setup", "parameters", "check"} else "-"
    first = source.split("\n", 1)[0]
    return "slide" if re.match(r"##? ", first) else "subslide" if first.startswith("### ") else "-"


def digest(cells: Iterable[tuple[str, str, Iterable[str], str]]) -> str:
    """SHA-256 of (type, source, tags, slide type) of the cells: the same for a lesson and for its notebook."""
    rows = [[kind, clean(source), sorted(tags), slide or "-"] for kind, source, tags, slide in cells]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


def notebook_digest(cells: Iterable[dict[str, Any]]) -> str:
    """The digest of a notebook's cells, as loaded from its JSON."""
    return digest((c["cell_type"], source_of(c), c["metadata"].get("tags", ()), slide_of(c)) for c in cells)


def code_digest(cells: Iterable[dict[str, Any]]) -> str:
    """The digest of a notebook's code cells: equal to its lesson's `code_sha256` where the code is the same."""
    return digest(("code", source_of(cell), (), "") for cell in cells if cell["cell_type"] == "code")


def source_of(cell: dict[str, Any]) -> str:
    """The source of a notebook's cell, which a file may keep as text or as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def slide_of(cell: dict[str, Any]) -> str:
    """The slide type of a notebook's cell; JupyterLab removes it, or leaves it empty, for "-"."""
    return str(cell["metadata"].get("slideshow", {}).get("slide_type") or "-")


def notebook(cells: Iterable[Cell], course: dict[str, Any]) -> NotebookNode:
    """A notebook of these cells, without outputs."""
    import nbformat

    content = {
        "cells": notebook_cells(cells),
        "metadata": {**KERNEL, "course": course},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    made: NotebookNode = nbformat.from_dict(content)
    return made


def notebook_cells(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """Cells as nbformat 4.5 has them, with ids that depend on nothing but their content."""
    seen: dict[str, int] = {}
    result = []
    for cell in cells:
        key = hashlib.sha256(f"{cell.kind}\0{cell.source}".encode()).hexdigest()[:12]
        seen[key] = seen.get(key, 0) + 1
        metadata = {**cell.metadata, "slideshow": {"slide_type": cell.slide}}
        made: dict[str, Any] = {"id": key if seen[key] == 1 else f"{key}-{seen[key]}", "cell_type": cell.kind}
        made |= {"metadata": metadata, "source": cell.source}
        if cell.kind == "code":
            made |= {"execution_count": None, "outputs": []}
        result.append(made)
    return result
