"""Judge answers that may be anything, and say of them only what tells no input and no expected value."""

from __future__ import annotations

import builtins
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tools.grading.channel import plain
from utils.checks import decode, judge_error, judge_value

if TYPE_CHECKING:
    from tools.grading.examine import Verdict

STRANGE = "the result is not something that can be compared: return numbers, arrays, text, lists or dicts"


@dataclass(frozen=True)
class Outcome:
    """Of one case: passed, failed or open; why, and the mistake that gives exactly this result."""

    state: str
    reason: str = ""
    hint: str = ""
    slow: bool = False


def room(case: dict[str, Any]) -> int:
    """How many characters an answer may have: numbers as text take four times those of an array."""
    return 100_000 + 4 * len(json.dumps(case["expected"]))


def judge(spec: dict[str, Any], case: dict[str, Any], answer: dict[str, Any]) -> Outcome:
    """Judge one answer; nothing in it can raise from here."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _raised(case, answer["error"]) if "error" in answer else _value(spec, case, answer["value"])
    except Exception:
        return Outcome("failed", STRANGE)


def _raised(case: dict[str, Any], error: Any) -> Outcome:
    kind, text = str(error[0]), str(error[1])
    if kind == "TooLong":
        said = text if text.startswith("ran longer than") and len(text) < 40 else "ran too long"
        return Outcome("failed", said, slow=True)
    if kind == "WireError":
        return Outcome("failed", STRANGE)
    outcome = judge_error(case, kind, text)
    if outcome.state == "open":
        return Outcome("open", "still open")
    return Outcome("failed", f"it raised {known_error(kind)}", outcome.hint)


def _value(spec: dict[str, Any], case: dict[str, Any], value: Any) -> Outcome:
    if not plain(value):
        return Outcome("failed", STRANGE)
    got = decode(value)
    outcome = judge_value(spec, case, got)
    if outcome.state == "passed":
        return Outcome("passed")
    return Outcome("failed", _about(spec, got, decode(case["expected"])), outcome.hint)


def _about(spec: dict[str, Any], got: Any, expected: Any) -> str:
    """The kind of difference, without a value of either."""
    if isinstance(expected, (list, tuple, dict)) and not isinstance(got, type(expected)):
        return f"the result is not a {type(expected).__name__}"
    numbers = (bool, int, float, np.ndarray)
    if not isinstance(got, numbers) or not isinstance(expected, numbers):
        return "the result is wrong"
    mine, right = np.asarray(got), np.asarray(expected)
    shape = right.shape[1:] if spec["kind"] == "sampled" else right.shape
    if mine.shape != shape:
        return "the result has the wrong shape"
    if not np.isfinite(mine).all() and np.isfinite(right).all():
        return "the result holds NaN or infinite values"
    return "the values are wrong"


def known_error(name: str) -> str:
    """The name of a built-in exception; a made-up name could carry inputs out."""
    found = getattr(builtins, name, None)
    return name if isinstance(found, type) and issubclass(found, BaseException) else "an error"


def settle(verdict: Verdict, outcomes: Sequence[Outcome]) -> None:
    """The verdict on an exercise from the outcomes of its cases, as far as it got."""
    verdict.right = sum(outcome.state == "passed" for outcome in outcomes)
    wrong = [outcome for outcome in outcomes if outcome.state != "passed"]
    if not wrong and len(outcomes) == verdict.cases:
        verdict.state = "passed"
        return
    verdict.state = "partial" if verdict.right else wrong[0].state if wrong else "failed"
    told = next((outcome for outcome in wrong if outcome.hint), wrong[0] if wrong else Outcome("failed"))
    verdict.reason, verdict.hint = told.reason, told.hint
