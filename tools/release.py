"""Write the student kit: a folder and a zip with all that students need, and no solution."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tools.header import LessonError
from tools.lesson import ROOT, Lesson, find, read
from tools.rules import fences

KIT = "deep-learning-course"
README = Path(__file__).with_name("student_readme.md")
FILES = ("requirements.txt", "LICENSE")
DATE = (2026, 1, 1, 0, 0, 0)  # of every file in the zip, so that the same course makes the same zip
SHORTEST = 20  # characters of a line that tells; shorter ones stand in any code
TEXTS = (".py", ".ipynb", ".json", ".md", ".txt", ".toml")
FORBIDDEN = ("BEGIN SOLUTION", "END SOLUTION", "lambda solution")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools release`."""
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lessons of the kit (all)")
    parser.add_argument("--output", type=Path, help="where the folder and the zip go (release/)")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Write the kit; 1 when a lesson has an error or a solution would get out."""
    root = args.root.resolve()
    output = (args.output or root / "release").resolve()
    lessons = [read(path) for path in find(root, args.lessons)]
    kit = write(root, lessons, output / KIT)
    found = list(leaks(lessons, kit))
    if found:
        shutil.rmtree(kit)
        raise LessonError(*found[0])
    archive = pack(kit)
    size = archive.stat().st_size / 1e6
    print(
        f"{len(lessons)} lessons in {_short(kit, root)} and {_short(archive, root)} ({size:.1f} MB); no solution in it"
    )
    return 0


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def write(root: Path, lessons: Iterable[Lesson], kit: Path) -> Path:
    """The kit's folder, in place of an older one."""
    from tools.build import Builder, notebook_text
    from tools.student import student_notebook

    part = kit.with_name(f".{kit.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for folder in ("notebooks", "exercises/values", "data"):
        (part / folder).mkdir(parents=True)
    builder = Builder(root)
    for lesson in lessons:
        (part / "notebooks" / f"{lesson.slug}.ipynb").write_text(
            notebook_text(student_notebook(lesson)), encoding="utf-8"
        )
        builder.values(lesson)
        values = builder.outputs(lesson.slug)[2]
        if values.exists():
            shutil.copyfile(values, part / "exercises" / "values" / values.name)
    shutil.copytree(root / "utils", part / "utils", ignore=shutil.ignore_patterns("__pycache__", ".*", "*.pyc"))
    for path in [root / name for name in FILES] + sorted((root / "data").glob("*")):
        if path.is_file():
            shutil.copyfile(path, part / path.relative_to(root))
    shutil.copyfile(README, part / "README.md")
    shutil.rmtree(kit, ignore_errors=True)
    part.rename(kit)
    return kit


def pack(kit: Path) -> Path:
    """The zip of the folder, the same bytes for the same content."""
    archive = kit.with_suffix(".zip")
    part = archive.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(kit.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo((kit.name / path.relative_to(kit)).as_posix(), DATE)
                info.external_attr = 0o644 << 16
                made.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    part.replace(archive)
    return archive


def leaks(lessons: Sequence[Lesson], kit: Path) -> Iterator[tuple[Path, int, str]]:
    """Where the kit holds solution text: lines of solutions and of answers, fences, code of the exercise files."""
    secret = secrets(lessons)
    for path in sorted(kit.rglob("*")):
        if path.suffix not in TEXTS:
            continue
        text = _text(path)
        flat = _flat(text)
        for mark in FORBIDDEN:
            if mark in text:
                yield path, 0, f"holds '{mark}'"
        for line, source in secret.items():
            if line in flat:
                yield path, 0, f"holds a line of a solution in {source}: {line}"


def secrets(lessons: Sequence[Lesson]) -> dict[str, str]:
    """Lines of solutions and answers, and their lessons: those that no lesson shows to students, without spaces."""
    from tools.student import student_cells

    public = _flat("\n".join(cell.source for lesson in lessons for cell in student_cells(lesson)))
    found = {}
    for lesson in lessons:
        for line in _hidden_lines(lesson):
            flat = _flat(line)
            if len(line.strip()) >= SHORTEST and flat not in public:
                found[flat] = lesson.path.name
    return found


def _hidden_lines(lesson: Lesson) -> list[str]:
    """What the student notebook leaves out: each solution, its lines, and the sentences of answers."""
    lines = []
    for exercise in lesson.exercises:
        cell = lesson.cells[exercise.cell]
        code = cell.source.split("\n")
        for begin, end in fences(lesson.path, cell):
            lines += [*code[begin + 1 : end], "\n".join(code[begin + 1 : end])]
    for question in lesson.questions:
        answer = lesson.cells[question.answer].source.partition(".**")[2]
        lines += re.split(r"(?<=[.!?])\s+|\n", answer)
    return lines


def _text(path: Path) -> str:
    """A file's text; of a notebook also the sources without JSON's escapes."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    sources = [cell["source"] for cell in json.loads(text)["cells"]]
    return "\n".join([text, *("".join(source) for source in sources)])


def _flat(text: str) -> str:
    """Text without white space, which formatting changes."""
    return re.sub(r"\s+", "", text)
