"""Carry edits that an instructor made in a worked notebook back into its lesson."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.header import LessonError
from tools.lesson import (
    ROOT,
    Cell,
    Lesson,
    clean,
    default_slide,
    digest,
    notebook_cells,
    notebook_digest,
    parse,
    read,
    slide_of,
    source_of,
)


@dataclass(frozen=True)
class Adoption:
    """What became of a notebook's edits."""

    slug: str
    adopted: bool
    message: str


def adopt(notebook_path: Path, root: Path = ROOT) -> Adoption:
    """Write a notebook's edits into its lesson, or raise a LessonError that says in one sentence why that cannot be."""
    notebook = _notebook(notebook_path)
    lesson = _lesson(notebook_path, notebook, root)
    pairs = _pairs(notebook_path, notebook["cells"], lesson)
    name = f"lessons/{lesson.path.name}"
    if notebook_digest(notebook["cells"]) == lesson.sha256:
        return Adoption(lesson.slug, False, f"{name} already says what the notebook says")
    if notebook["metadata"]["course"]["source_sha256"] != lesson.sha256:
        again = f"keep a copy, run `python -m tools build --force {lesson.number}` and make the edit again"
        problem = f"{name} changed since this notebook was built, so the edit cannot be placed: {again}"
        raise LessonError(notebook_path, 0, problem)
    pieces = [_piece(cell, origin) for cell, origin in pairs]
    text = _join(lesson, pieces)
    _prove(notebook_path, lesson, text, [cell for cell, _ in pairs], pieces)
    from tools.build import write

    write(lesson.path, text)
    return Adoption(lesson.slug, True, f"{name}: {_summary(lesson, pairs, pieces)}")


def _notebook(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"][:0], notebook["metadata"]["kernelspec"]
    except OSError as error:
        raise LessonError(path, 0, f"cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise LessonError(path, 0, "this is not a Jupyter notebook") from None
    return dict(notebook)


def _lesson(path: Path, notebook: dict[str, Any], root: Path) -> Lesson:
    """The lesson that a worked notebook was built from."""
    course = notebook["metadata"].get("course", {})
    if "source_sha256" not in course or "slug" not in course:
        raise LessonError(path, 0, "this notebook was not built from a lesson, or its metadata were lost")
    if course.get("student"):
        raise LessonError(path, 0, "this is a student notebook, without solutions: edit the worked one in notebooks/")
    source = root / "lessons" / f"{course['slug']}.py"
    if not source.is_file():
        raise LessonError(path, 0, f"its lesson, lessons/{source.name}, does not exist")
    return read(source)


def _pairs(path: Path, cells: list[dict[str, Any]], lesson: Lesson) -> list[tuple[Cell, Cell | None]]:
    """Each cell of the notebook, as the lesson would write it, with the lesson's cell that it came from."""
    by_id = {made["id"]: origin for made, origin in zip(notebook_cells(lesson.cells), lesson.cells, strict=True)}
    ids = {cell.get("id") for cell in cells}
    unclaimed = [origin for key, origin in by_id.items() if key not in ids]
    pairs = []
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] not in ("code", "markdown"):
            raise LessonError(path, 0, f"cell {number} is a {cell['cell_type']} cell; a lesson has code and markdown")
        if cell.get("attachments"):
            raise LessonError(path, 0, f"cell {number} holds a pasted file, which a lesson cannot keep")
        origin = by_id.get(cell.get("id"))
        if origin is None:  # some editors renew ids, and a pasted cell has a new one
            content = (cell["cell_type"], clean(source_of(cell)))
            origin = next((o for o in unclaimed if (o.kind, o.source) == content), None)
            if origin:
                unclaimed.remove(origin)
        pairs.append((_as_cell(cell, origin), origin))
    return pairs


def _as_cell(cell: dict[str, Any], origin: Cell | None) -> Cell:
    """A notebook's cell as one of the lesson; a slide type is written only where it is not what comes by itself."""
    kind, source, tags = cell["cell_type"], clean(source_of(cell)), list(cell["metadata"].get("tags", []))
    metadata = {k: v for k, v in (origin.metadata if origin else {}).items() if k not in ("tags", "slideshow")}
    if tags:
        metadata["tags"] = tags
    slide = slide_of(cell)
    if origin and slide == origin.slide:
        slide = origin.explicit_slide
    elif slide == default_slide(kind, source, tags) or (origin is None and slide == "-"):
        slide = ""
    if slide:
        metadata["slideshow"] = {"slide_type": slide}
    return Cell(kind, source, metadata)


def _same_marker(cell: Cell, origin: Cell) -> bool:
    return (cell.kind, cell.metadata) == (origin.kind, origin.metadata)


def _piece(cell: Cell, origin: Cell | None) -> str:
    """The cell's part of the file: the old text where nothing changed, the old first line where the source did."""
    if origin and _same_marker(cell, origin) and cell.source == origin.source:
        return origin.text
    text = _percent(cell)
    if origin:
        if _same_marker(cell, origin):
            text = origin.text.split("\n", 1)[0] + "\n" + text.partition("\n")[2]
        return text + origin.text[len(origin.text.rstrip()) :].removeprefix("\n")
    return text + "\n"


def _percent(cell: Cell) -> str:
    """The cell in py:percent, with the newline that ends its last line."""
    import jupytext
    from nbformat import v4

    make = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
    bare = {"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "all"}}
    notebook = v4.new_notebook(cells=[make(cell.source, metadata=cell.metadata)], metadata=bare)
    return str(jupytext.writes(notebook, fmt="py:percent")).strip("\n") + "\n"


def _join(lesson: Lesson, pieces: list[str]) -> str:
    """The new file: header and first lines as they are, and at least one empty line between two cells."""
    lines = lesson.path.read_text(encoding="utf-8").splitlines(keepends=True)
    head = "".join(lines[: lesson.cells[0].line - 1])
    body = ""
    for piece in pieces:
        gap = "" if not body or body.endswith("\n\n") else "\n" if body.endswith("\n") else "\n\n"
        body += gap + piece
    return head + (body if pieces[-1:] == [lesson.cells[-1].text] else body.rstrip() + "\n")


def _prove(path: Path, lesson: Lesson, text: str, cells: list[Cell], pieces: list[str]) -> None:
    """The new text reads as a lesson with exactly these cells."""
    try:
        new = parse(lesson.path, text)
    except LessonError as error:
        if error.path != lesson.path:
            raise LessonError(path, 0, f"cannot be adopted: {error}") from None
        place = f"cell {_cell_at(error.line, text, pieces)}: " if error.line >= lesson.cells[0].line else ""
        raise LessonError(path, 0, f"cannot be adopted: {place}{error.message}") from None
    rows = [[digest([(c.kind, c.source, c.tags, c.slide)]) for c in some] for some in (cells, new.cells)]
    if rows[0] != rows[1]:
        number = next((i for i, (a, b) in enumerate(zip(*rows, strict=False), 1) if a != b), min(map(len, rows)))
        raise LessonError(path, 0, f"cannot be adopted: cell {number} would not read back from a .py file as it is")


def _cell_at(line: int, text: str, pieces: list[str]) -> int:
    """Number of the cell that a line of the new file belongs to."""
    place = 0
    for number, piece in enumerate(pieces, 1):
        place = text.index(piece.rstrip(), place)
        end = place + len(piece.rstrip())
        if line <= text.count("\n", 0, end) + 1:
            return number
        place = end
    return len(pieces)


def _summary(lesson: Lesson, pairs: list[tuple[Cell, Cell | None]], pieces: list[str]) -> str:
    origins = [origin for _, origin in pairs if origin]
    counts = {
        "changed": sum(
            o is not None and p.rstrip() != o.text.rstrip() for (_, o), p in zip(pairs, pieces, strict=True)
        ),
        "new": len(pairs) - len(origins),
        "removed": len(lesson.cells) - len(origins),
    }
    lines = [origin.line for origin in origins]
    words = [f"{count} {name}" for name, count in counts.items() if count] + ["new order"] * (lines != sorted(lines))
    return ", ".join(words)
