"""A process that imports TensorFlow once and tries, lesson by lesson, every solution and every mistake.

Reads paths of lessons from standard input, answers each with a line of JSON: what is wrong, in words.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools import check_values, lesson
from utils import checks


def report(path: Path) -> dict[str, list[str]]:
    """Per exercise, what is wrong with its check."""
    made = lesson.read(path)
    values = json.loads((path.parents[1] / "exercises" / "values" / f"{path.stem}.json").read_text())["exercises"]
    described, solutions = check_values.descriptions(made), check_values.solutions(made)
    names = [exercise.name for exercise in made.exercises]
    return {name: list(problems(described[name], solutions[name], values[name])) for name in names}


def problems(exercise: checks.Exercise, solution: Any, values: dict[str, Any]) -> Iterator[str]:
    """The solution is green; each mistake is red, and its own hint is the one that is shown."""
    if len(exercise.mistakes) < 2:
        yield f"has {len(exercise.mistakes)} mistakes; two typical ones are the least"
    outcome = first(values, solution)
    if outcome.state != "passed":
        yield f"the solution is {outcome.state}: {outcome.message}"
    for hint, wrong in exercise.mistakes.items():
        outcome = first(values, lambda *args, wrong=wrong: wrong(solution, *args))
        if outcome.state != "failed":
            yield f"the mistake '{hint}' is {outcome.state}"
        elif outcome.hint != hint:
            yield f"the mistake '{hint}' is shown as '{outcome.hint}'"
    drawn = [[checks.encode(tuple(exercise.draw(seed, i))) for i in range(exercise.cases)] for seed in (1, 2)]
    if drawn[0] == drawn[1]:
        yield "its inputs do not depend on the seed, so the grader would ask what the kit already answers"


def first(values: dict[str, Any], function: Any) -> checks.Outcome:
    """What a student sees: the first case that is not right."""
    outcomes = (checks.judge(values["compare"], case, function) for case in values["cases"])
    return next((outcome for outcome in outcomes if outcome.state != "passed"), checks.Outcome("passed"))


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = report(Path(line.strip()))
        except Exception as error:
            answer = {"the lesson": [f"{type(error).__name__}: {error}"]}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
