"""Public values of a lesson's checks, computed in a child process from the lesson's own solutions."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tools.lesson import ROOT, Cell, Lesson, LessonError

PUBLIC_SEED = 0
TIME_LIMIT = 900
ROLES = ("setup", "parameters", "helper", "exercise", "check")


def solution_cells(lesson: Lesson) -> list[Cell]:
    """The cells that define the solutions, in the order in which they have to run: setup, parameters, the others."""
    cells = [cell for cell in lesson.cells if cell.kind == "code" and set(cell.tags) & set(ROLES)]
    return sorted(cells, key=lambda cell: min(min(ROLES.index(tag), 2) for tag in cell.tags if tag in ROLES))


def exercise_file(lesson: Lesson) -> Path:
    """Where the inputs, comparison and hints of the lesson's exercises stand."""
    return lesson.path.resolve().parents[1] / "exercises" / lesson.path.name


def source_sha256(lesson: Lesson) -> str:
    """Fingerprint of all that the values depend on: the exercise file and the cells that define the solutions."""
    parts = [exercise_file(lesson).read_text(encoding="utf-8")]
    parts += [cell.source for cell in solution_cells(lesson)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def values_text(lesson: Lesson) -> str:
    """Content of exercises/values/NN_name.json, computed in a child process."""
    root = lesson.path.resolve().parents[1]
    folder = root / "notebooks"
    folder.mkdir(exist_ok=True)
    places = [str(root), str(ROOT), os.environ.get("PYTHONPATH", "")]
    settings = {"COURSE_PROFILE": "smoke", "COURSE_SOURCE": "sample", "MPLBACKEND": "agg"}
    settings |= {"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "-1"}  # the same values on every machine
    settings["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "values.json"
        command = [sys.executable, "-m", "tools.check_values", str(answer)]
        try:
            child = subprocess.run(
                command,
                input=pickle.dumps(replace(lesson, path=lesson.path.resolve())),
                cwd=folder,
                env={**os.environ, **settings},
                capture_output=True,
                timeout=TIME_LIMIT,
            )
        except subprocess.TimeoutExpired:
            raise LessonError(lesson.path, 0, f"its check values took more than {TIME_LIMIT} s") from None
        if not answer.is_file():
            last = (child.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise LessonError(lesson.path, 0, f"computing its check values ended with code {child.returncode}: {last}")
        result = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in result:
        raise LessonError(*result["error"])
    exercises = {e.name: {"number": e.number, **result["exercises"][e.name]} for e in lesson.exercises}
    content = {"source_sha256": source_sha256(lesson), "exercises": exercises}
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def solutions(lesson: Lesson) -> dict[str, Callable[..., Any]]:
    """Run the cells that define the solutions, here: the function behind each check. Only for child processes."""
    from utils import checks

    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # what the lesson defines belongs where a notebook would define it
    with checks.collect() as collected:
        for cell in solution_cells(lesson):
            # The empty lines make tracebacks, and AutoGraph's search for sources, find the lesson's own lines.
            code = compile("\n" * (cell.body - 1) + cell.source, str(lesson.path), "exec")
            exec(code, module.__dict__)
    return {name.partition(".")[2]: function for name, function in collected.items()}


def descriptions(lesson: Lesson) -> dict[str, Any]:
    """The Exercise objects of the lesson's exercise file, by name."""
    path = exercise_file(lesson)
    spec = importlib.util.spec_from_file_location(f"exercises_{lesson.number}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {exercise.name: getattr(module, exercise.name) for exercise in lesson.exercises}


def compute(lesson: Lesson, seed: int = PUBLIC_SEED) -> dict[str, Any]:
    """Cases of all exercises, drawn from a seed, with expected values. Only for child processes."""
    from utils import checks

    described, found = descriptions(lesson), solutions(lesson)
    result = {}
    for exercise in lesson.exercises:
        description = described[exercise.name]
        cases = [checks.make_case(description, found[exercise.name], seed, i) for i in range(description.cases)]
        _prove(lesson, exercise.name, description.compare, cases, found[exercise.name])
        result[exercise.name] = {"compare": description.compare, "cases": cases}
    return result


def _prove(lesson: Lesson, name: str, compare: Any, cases: list[Any], solution: Callable[..., Any]) -> None:
    """The solution passes its own check, and each mistake fails it in one case at least."""
    from utils import checks

    path = exercise_file(lesson)
    for i, case in enumerate(cases):
        outcome = checks.judge(compare, case, solution)
        if outcome.state != "passed":
            raise LessonError(
                path, 0, f"{name}: the lesson's solution fails its own check in case {i}: {outcome.message}"
            )
    for hint in {mistake["hint"]: 0 for case in cases for mistake in case["mistakes"]}:
        mistakes = [(case, m) for case in cases for m in case["mistakes"] if m["hint"] == hint]
        if all("value" in m and _is_right(compare, case, m) for case, m in mistakes):
            raise LessonError(
                path, 0, f"{name}: the mistake '{hint}' passes the check in every case; draw inputs that show it"
            )


def _is_right(compare: Any, case: Any, mistake: Any) -> bool:
    from utils import checks

    return bool(checks.judge_value(compare, case, checks.decode(mistake["value"])).state == "passed")


def _place(error: BaseException, lesson: Lesson) -> tuple[str, int]:
    """The last line of the lesson or its exercise file that an exception went through."""
    files = [str(lesson.path), str(exercise_file(lesson))]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in files]
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else (files[0], 0)


def main(lesson: Lesson, answer_path: Path) -> None:
    """The child process: writes the values, or what went wrong, as JSON."""
    try:
        result: dict[str, Any] = {"exercises": compute(lesson)}
    except LessonError as error:
        result = {"error": [str(error.path), error.line, error.message]}
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        result = {"error": [*_place(error, lesson), f"{type(error).__name__}: {first}"]}
    answer_path.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(pickle.load(sys.stdin.buffer), Path(sys.argv[1]))  # from our own parent: reading the lesson again takes 2 s
