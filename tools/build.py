"""Build notebooks, student notebooks, utils/lessons.json and check values from lessons/."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.header import LessonError
from tools.lesson import ROOT, Lesson, code_digest, find, notebook_digest, read

if TYPE_CHECKING:
    from nbformat import NotebookNode

TOOL_FILES = ("header.py", "lesson.py", "rules.py", "student.py", "build.py", "check_values.py")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools build`."""
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lessons to build (all)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a committed file is stale")
    parser.add_argument("--student-only", action="store_true", help="write only the student notebooks")
    parser.add_argument(
        "--force", action="store_true", help="do everything again; overwrite notebooks that were edited by hand"
    )
    parser.add_argument(
        "--adopt", type=Path, metavar="NOTEBOOK", help="carry edits made in a worked notebook back into its lesson"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Build; 1 when a lesson has an error or, with --check, when something would change."""
    root = args.root.resolve()
    numbers = list(args.lessons)
    builder = Builder(root, check=args.check, student_only=args.student_only, force=args.force)
    if args.adopt:
        return _adopt(args.adopt, builder)
    return builder.build(numbers)


def _adopt(notebook: Path, builder: Builder) -> int:
    """Carry the notebook's edits into its lesson, then build that."""
    from tools.adopt import adopt

    if builder.check:
        raise LessonError(notebook, 0, "--adopt writes the lesson: it does not go with --check")
    done = adopt(notebook, builder.root)
    print(done.message)
    if done.adopted and notebook.resolve() == builder.outputs(done.slug)[0]:
        builder.adopted = done.slug
    return builder.build([done.slug]) if done.adopted else 0


class Builder:
    """Builds lessons one by one and says in one line what it did with each."""

    def __init__(self, root: Path, check: bool = False, student_only: bool = False, force: bool = False) -> None:
        self.root, self.check, self.student_only, self.force = root, check, student_only, force
        self.adopted = ""  # the lesson whose notebook's edits are safe in the lesson
        self.index_path = root / "utils" / "lessons.json"
        self.stamps_path = root / "build" / "stamps.json"
        self.tools_sha256 = _tools_sha256()

    def build(self, numbers: list[str]) -> int:
        """Build the lessons asked for, all if none is named."""
        failed = False
        for path in find(self.root, numbers):
            try:
                done = self.lesson(path)
            except LessonError as error:
                print(error, file=sys.stderr)
                failed = True
                continue
            wanted = "would change" if self.check else "written"
            print(f"{path.stem}: {', '.join(done)} {wanted}" if done else f"{path.stem}: up to date")
            failed |= self.check and bool(done)
        if not numbers and not self.student_only:
            failed |= self.strangers()
        return int(failed)

    def lesson(self, path: Path) -> list[str]:
        """Build one lesson; the names of what changed."""
        stamp = _sha256(self.tools_sha256, _bytes(path), _bytes(self.root / "exercises" / path.name))
        if not self.force and self.stamps().get(path.stem) == [stamp, self.outputs_sha256(path.stem)]:
            return []
        lesson = read(path)
        done = self.student(lesson)
        if not self.student_only:
            done = self.worked(lesson) + done + self.entry(lesson) + self.values(lesson)
        if not self.check:
            stamps = {**self.stamps(), path.stem: [stamp, self.outputs_sha256(path.stem)]}
            if not self.student_only:
                write(self.stamps_path, json.dumps(stamps, indent=1, sort_keys=True) + "\n")
        return done

    def stamps(self) -> dict[str, Any]:
        """What the last builds read and wrote, per lesson; a damaged file only costs time."""
        try:
            return _load(self.stamps_path)
        except LessonError:
            return {}

    def outputs_sha256(self, slug: str) -> str:
        """Fingerprint of all that is built from a lesson, as it stands on disk."""
        entry = _load(self.index_path).get(slug[:2])
        return _sha256(*(_bytes(path) for path in self.outputs(slug)), json.dumps(entry, sort_keys=True).encode())

    def outputs(self, slug: str) -> list[Path]:
        """The files that are built from a lesson."""
        return [
            self.root / "notebooks" / f"{slug}.ipynb",
            self.root / "build" / "student" / f"{slug}.ipynb",
            self.root / "exercises" / "values" / f"{slug}.json",
        ]

    def worked(self, lesson: Lesson) -> list[str]:
        """The worked notebook: an executed one stays as long as its cells are the lesson's."""
        path = self.outputs(lesson.slug)[0]
        return self.put(path, worked_text(lesson, path, self.force or lesson.slug == self.adopted), "notebook")

    def student(self, lesson: Lesson) -> list[str]:
        """The student notebook."""
        from tools.student import student_notebook

        text = notebook_text(student_notebook(lesson))
        if self.check and not self.student_only:
            return []  # build/ is not committed: on a fresh clone its absence is no fault
        return self.put(self.outputs(lesson.slug)[1], text, "student notebook")

    def values(self, lesson: Lesson) -> list[str]:
        """The public values of the checks, when the solutions or the exercise file changed."""
        from tools.check_values import source_sha256, values_text

        path = self.outputs(lesson.slug)[2]
        if not lesson.exercises:
            return self.remove(path, "check values")
        if not self.force and _load(path).get("source_sha256") == source_sha256(lesson):
            return []
        return ["check values"] if self.check else self.put(path, values_text(lesson), "check values")

    def entry(self, lesson: Lesson) -> list[str]:
        """What utils need to know of the lesson, in utils/lessons.json."""
        return self.index({lesson.number: index_entry(lesson)})

    def index(self, new: Mapping[str, Any]) -> list[str]:
        """The index with new entries, and without lessons that are gone."""
        slugs = {path.stem for path in find(self.root)}
        kept = {number: entry for number, entry in _load(self.index_path).items() if entry.get("slug") in slugs}
        text = json.dumps({**kept, **new}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        return self.put(self.index_path, text, "utils/lessons.json")

    def put(self, path: Path, text: str, name: str) -> list[str]:
        """Write a file if that changes it; its name if so."""
        if _bytes(path) == text.encode():
            return []
        if not self.check:
            write(path, text)
        return [name]

    def remove(self, path: Path, name: str) -> list[str]:
        """Remove a generated file, if it is there."""
        if not path.exists():
            return []
        if not self.check:
            path.unlink()
        return [name]

    def strangers(self) -> bool:
        """Files of lessons that are gone: generated ones are removed, a notebook is reported."""
        slugs = {path.stem for path in find(self.root)}
        failed = False
        if self.index({}):
            failed = self.check
            print(f"utils/lessons.json: lessons that are gone {'would be ' if self.check else ''}removed")
        for folder, name in (("build/student", "student notebook"), ("exercises/values", "check values")):
            for path in sorted((self.root / folder).glob("[0-9][0-9]_*")):
                if path.stem not in slugs and not (self.check and folder.startswith("build")):
                    failed |= bool(self.remove(path, name)) and self.check
                    print(f"{folder}/{path.name}: of no lesson, {'would be ' if self.check else ''}removed")
        for path in sorted((self.root / "notebooks").glob("[0-9][0-9]_*.ipynb")):
            if path.stem not in slugs:
                print(f"notebooks/{path.name}: built from no lesson; remove it", file=sys.stderr)
                failed = True
        return failed


def worked_text(lesson: Lesson, path: Path, force: bool = False) -> str:
    """Content of the worked notebook, given the one that stands there; refuses to lose edits made by hand."""
    import nbformat

    fresh = notebook_text(lesson.notebook)
    old = _load(path)
    if old and not ("cells" in old and "metadata" in old):
        raise LessonError(path, 0, "this is not a notebook; remove it")
    if not old or (force and notebook_digest(old["cells"]) != lesson.sha256):
        return fresh
    course = old["metadata"].get("course", {})
    if notebook_digest(old["cells"]) not in (lesson.sha256, course.get("source_sha256")):
        keep = f"`python -m tools build --adopt notebooks/{path.name}`"
        message = f"was edited by hand, or not built from the lesson: {keep} keeps the edit, --force drops it"
        raise LessonError(path, 0, message)
    if code_digest(old["cells"]) == lesson.code_sha256 == course.get("run", {}).get("lesson_sha256"):
        return executed_text(lesson, nbformat.reads(json.dumps(old), as_version=4))
    return fresh


def executed_text(lesson: Lesson, executed: NotebookNode) -> str:
    """The lesson with the outputs of a notebook whose code is the same; its prose may have changed since."""
    notebook = lesson.notebook
    notebook.metadata = executed.metadata
    notebook.metadata["course"] = {**lesson.course, "run": executed.metadata["course"]["run"]}
    cells = [[cell for cell in book.cells if cell.cell_type == "code"] for book in (notebook, executed)]
    for new, old in zip(*cells, strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    return notebook_text(notebook)


def notebook_text(notebook: Any) -> str:
    """A notebook as it stands in a file."""
    import nbformat

    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def index_entry(lesson: Lesson) -> dict[str, Any]:
    """A lesson's entry in utils/lessons.json."""
    header = {key: value for key, value in lesson.header.as_json().items() if key != "points"}
    exercises = {e.name: {"number": e.number, "points": e.points, "title": e.title} for e in lesson.exercises}
    questions = [question.number for question in lesson.questions]
    return {"slug": lesson.slug, **header, "exercises": exercises, "questions": questions}


def write(path: Path, text: str) -> None:
    """Write a file in one step: a reader finds the old or the new content, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(text.encode())
    part.replace(path)


def _load(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LessonError(path, getattr(error, "lineno", 0), "this is not valid JSON; restore or remove it") from None
    return content if isinstance(content, dict) else {}


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _tools_sha256() -> bytes:
    """Fingerprint of what decides how a lesson is built: these files and the libraries that read and write."""
    here = Path(__file__).parent
    libraries = " ".join(version(name) for name in ("jupytext", "nbformat"))
    return _sha256(*(_bytes(here / name) for name in TOOL_FILES), libraries.encode()).encode()
