"""What is examined in a lesson: the exercises, cases from a seed that nobody has seen, and how to find the functions.

Computed from the lesson's own solution in a child process, kept beside the grading, never shown to a sandbox.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from tools.lesson import ROOT, Lesson, LessonError

ATTEMPTS = 5  # by chance a drawn case may not show a mistake: then other cases are drawn, always the same others
TIME_LIMIT = 900


def seed_of(seed: int, lesson: str, attempt: int) -> int:
    """The seed of one lesson's cases, that tells nothing of another's."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{lesson}/{attempt}".encode()).digest()[:7], "big")


def plan(lesson: Lesson) -> list[dict[str, Any]]:
    """The lesson's cells to replay: sources, or for an exercise the names that the submission has to define."""
    from tools.check_values import solution_cells

    exercises = {id(lesson.cells[exercise.cell]) for exercise in lesson.exercises}
    return [
        {"source": None, "names": defined(cell.source)} if id(cell) in exercises else {"source": cell.source}
        for cell in solution_cells(lesson)
    ]


def defined(source: str) -> list[str]:
    """Functions, classes and variables that a cell defines, functions and classes first."""
    nodes = ast.parse(source).body
    made = [n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    targets = [t for n in nodes if isinstance(n, ast.Assign) for t in n.targets]
    return made + [t.id for t in targets if isinstance(t, ast.Name)]


def fenced(source: str) -> list[str]:
    """The functions and classes of an exercise cell that students have to complete."""
    nodes = [n for n in ast.parse(source).body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    lines = source.split("\n")
    return [n.name for n in nodes if any("### BEGIN SOLUTION" in line for line in lines[n.lineno - 1 : n.end_lineno])]


def outline(lesson: Lesson) -> dict[str, Any]:
    """The exam without its cases."""
    order = _solution_indexes(lesson)
    exercises = [
        {
            "name": exercise.name,
            "number": exercise.number,
            "title": exercise.title,
            "points": exercise.points,
            "names": fenced(lesson.cells[exercise.cell].source),
            "check": order.index(exercise.check),
        }
        for exercise in lesson.exercises
    ]
    questions = [
        {"number": q.number, "text": lesson.cells[q.cell].source, "model": lesson.cells[q.answer].source}
        for q in lesson.questions
    ]
    return {
        "number": lesson.number,
        "slug": lesson.slug,
        "title": lesson.header.title,
        "plan": plan(lesson),
        "exercises": exercises,
        "questions": questions,
    }


def _solution_indexes(lesson: Lesson) -> list[int]:
    from tools.check_values import solution_cells

    places = {id(cell): index for index, cell in enumerate(lesson.cells)}
    return [places[id(cell)] for cell in solution_cells(lesson)]


def fingerprint(lesson: Lesson, seed: int) -> str:
    """What an exam depends on: the lesson's solutions, points and questions, the exercise file, and the seed."""
    from tools.check_values import source_sha256

    parts = [source_sha256(lesson), outline(lesson), seed, _checks_sha256()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


@functools.cache
def _checks_sha256() -> str:
    files = sorted((ROOT / "utils" / "checks").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def make(lesson: Lesson, seed: int, folder: Path, samples: Path) -> Path:
    """The file with the exam of a lesson, computed unless it is there."""
    path = folder / f"{lesson.slug}-{fingerprint(lesson, seed)}.json"
    if path.exists():
        return path
    cases = _in_child(lesson, seed, samples)
    content = outline(lesson)
    for exercise in content["exercises"]:
        exercise |= cases[exercise["name"]]
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.chmod(0o600)
    part.replace(path)
    return path


def _in_child(lesson: Lesson, seed: int, samples: Path) -> dict[str, Any]:
    """Cases of all exercises, and the samples of the lesson's data on disk."""
    root = lesson.path.resolve().parents[1]
    samples.mkdir(parents=True, exist_ok=True)
    settings = {"COURSE_PROFILE": "smoke", "COURSE_SOURCE": "sample", "COURSE_CACHE": str(samples), "MPLBACKEND": "agg"}
    settings |= {
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([str(root), str(ROOT)]),
    }
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        request = {"lesson": replace(lesson, path=lesson.path.resolve()), "seed": seed}
        child = subprocess.run(
            [sys.executable, "-m", "tools.grading.exam", str(answer)],
            input=pickle.dumps(request),  # to a child of our own
            cwd=scratch,
            env={**os.environ, **settings},
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        if not answer.is_file():
            last = (child.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise LessonError(lesson.path, 0, f"computing its exam ended with code {child.returncode}: {last}")
        found = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in found:
        raise LessonError(*found["error"])
    cases: dict[str, Any] = found["cases"]
    return cases


def compute(lesson: Lesson, seed: int) -> dict[str, Any]:
    """In the child: draw the samples of the lesson's data, then the cases."""
    from tools import check_values

    if lesson.header.data:
        from utils import data

        for name in lesson.header.data:
            data.load(name)
    if not lesson.exercises:
        return {}
    for attempt in range(ATTEMPTS):
        try:
            return check_values.compute(lesson, seed_of(seed, lesson.number, attempt))
        except LessonError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("not reached")


def main(request: dict[str, Any], answer: Path) -> None:
    """The child process: writes the cases, or what went wrong, as JSON."""
    try:
        result: dict[str, Any] = {"cases": compute(request["lesson"], request["seed"])}
    except LessonError as error:
        result = {"error": [str(error.path), error.line, error.message]}
    except Exception as error:
        text = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        result = {"error": [str(request["lesson"].path), 0, text]}
    answer.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(pickle.load(sys.stdin.buffer), Path(sys.argv[1]))
