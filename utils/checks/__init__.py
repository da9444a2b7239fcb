"""Checks that explain: compare what an exercise gives with stored values and name the likely mistake.

The solutions are not here and not in the student kit: `exercises/values/` holds inputs, right values and the
values that typical mistakes give. `tools build` writes them from the lesson's own solution.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from utils.checks.compare import DRAWS, Spec, close, describe, difference, exact, sampled
from utils.checks.wire import Rng, Tensor, WireError, decode, encode, normalise, reseed

__all__ = ["Exercise", "Rng", "Tensor", "close", "collect", "exact", "judge", "make_case", "run", "sampled"]

CHECK_MIME = "application/vnd.course.check+json"
VALUES = Path(__file__).resolve().parents[2] / "exercises" / "values"
OPEN = "Exercise "  # how the message of an open exercise's NotImplementedError begins
_collected: dict[str, Callable[..., Any]] | None = None


@dataclass(frozen=True)
class Exercise:
    """How to draw inputs, how to compare, and which mistakes to recognise. No solution."""

    inputs: Callable[..., tuple[Any, ...]]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    cases: int = 3
    compare: Spec = field(default_factory=close)

    def draw(self, seed: int, index: int) -> tuple[Any, ...]:
        """The positional arguments of one case."""
        rng = np.random.default_rng([seed, index])
        wants_index = len(inspect.signature(self.inputs).parameters) > 1
        return self.inputs(rng, index) if wants_index else self.inputs(rng)


@dataclass(frozen=True)
class Outcome:
    """What one case showed; `state` is passed, failed or open."""

    state: str
    message: str = ""
    hint: str = ""


def call(function: Callable[..., Any], inputs: Any, draws: int = 0) -> Any:
    """The plain result of `function` on encoded inputs; with `draws`, a stack of that many random results."""
    results = [normalise(function(*decode(reseed(inputs, step)))) for step in range(max(draws, 1))]
    return np.stack(results) if draws else results[0]


def make_case(exercise: Exercise, solution: Callable[..., Any], seed: int, index: int) -> dict[str, Any]:
    """One case as JSON: inputs, the right value and the value of each mistake, all computed here and now."""
    inputs = encode(tuple(exercise.draw(seed, index)))
    draws = DRAWS if exercise.compare["kind"] == "sampled" else 0
    mistakes = []
    for hint, wrong in exercise.mistakes.items():
        try:
            value = call(lambda *args, wrong=wrong: wrong(solution, *args), inputs, draws)
            mistakes.append({"hint": hint, "value": encode(value)})
        except Exception as error:  # some mistakes raise on some inputs: then the exception is what to recognise
            mistakes.append({"hint": hint, "raises": type(error).__name__})
    return {"inputs": inputs, "expected": encode(call(solution, inputs, draws)), "mistakes": mistakes}


def judge_value(spec: Spec, case: Mapping[str, Any], got: Any) -> Outcome:
    """Compare a plain result with a case, and look for the mistake that gives exactly this result."""
    problem = difference(spec, got, decode(case["expected"]))
    if problem is None:
        return Outcome("passed")
    for mistake in case["mistakes"]:
        if "value" in mistake and difference(spec, got, decode(mistake["value"])) is None:
            return Outcome("failed", problem, mistake["hint"])
    return Outcome("failed", problem)


def judge_error(case: Mapping[str, Any], error: str, text: str) -> Outcome:
    """The outcome of a call that raised an exception of this type and text."""
    if error == "NotImplementedError" and text.startswith(OPEN):
        return Outcome("open", text)
    hint = next((m["hint"] for m in case["mistakes"] if m.get("raises") == error), "")
    return Outcome("failed", f"it raised {error}: {text.splitlines()[0] if text else ''}", hint)


def judge(spec: Spec, case: Mapping[str, Any], function: Callable[..., Any]) -> Outcome:
    """Call `function` on a case's inputs and say how it did."""
    try:
        return judge_value(spec, case, call(function, case["inputs"]))
    except WireError as error:
        return Outcome("failed", str(error))
    except Exception as error:
        return judge_error(case, type(error).__name__, str(error))


@contextmanager
def collect() -> Iterator[dict[str, Callable[..., Any]]]:
    """Within this context `run` only notes which function each check would call."""
    global _collected
    before, _collected = _collected, {}
    try:
        yield _collected
    finally:
        _collected = before


def run(name: str, function: Callable[..., Any]) -> None:
    """Check an exercise, for example `run("05.inverted_dropout", inverted_dropout)`, and show what is wrong."""
    if _collected is not None:
        _collected[name] = function
        return
    exercise = _load(name)
    worst = Outcome("passed")
    for case in exercise["cases"]:
        outcome = judge(exercise["compare"], case, function)
        if outcome.state != "passed":
            worst = outcome
            break
    title = f"{exercise['number']} {name.split('.', 1)[1]}"
    if worst.state == "passed":
        _show(name, "passed", f"✓ {title}: {len(exercise['cases'])} cases right")
    elif worst.state == "open":
        _show(name, "open", f"○ {title} is still open")
    else:
        lines = [f"✗ {title}: {worst.message}", f"  called: {_call_text(function, case['inputs'])}"]
        _show(name, "failed", "\n".join(lines + ([f"  hint: {worst.hint}"] if worst.hint else [])))


def _load(name: str) -> dict[str, Any]:
    number, _, short = name.partition(".")
    for path in VALUES.glob(f"{number}_*.json"):
        exercises = json.loads(path.read_text(encoding="utf-8"))["exercises"]
        if short in exercises:
            found: dict[str, Any] = exercises[short]
            return found
    raise LookupError(f"no check is called {name!r}; look at the name in the first argument of checks.run")


def _call_text(function: Callable[..., Any], inputs: Any) -> str:
    """The call in words, with the arguments' names where Python knows them."""
    values = [describe(value) for value in decode(inputs)]
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    named = [f"{name} = {value}" for name, value in zip(names, values, strict=False)]
    return f"{getattr(function, '__name__', 'function')}({', '.join(named + values[len(named) :])})"


def _show(name: str, state: str, message: str) -> None:
    from IPython.display import display

    colour = {"passed": "#1a7f37", "open": "#9a6700", "failed": "#d1242f"}[state]
    html = f'<div style="color:{colour};font-weight:600;white-space:pre-wrap">{escape(message)}</div>'
    plain = {"name": name, "state": state, "message": message}
    display({"text/plain": message, "text/html": html, CHECK_MIME: plain}, raw=True)
