"""What a run of a notebook says: its results, checks and origins, and whether that is as it should be."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from utils.bands import inside

MIME = "application/vnd.course.{}+json"
Band = tuple[float, float]
PLACES = ("/home/", "/Users/", "/root/", "/tmp/", "/private/", "/var/folders/", "/content/drive/", "C:\\Users\\")
EMBEDDED = re.compile(r"base64,[A-Za-z0-9+/=\s]+")


@dataclass
class Outcome:
    """One notebook's run as the reports show it; `key` says what it was a run of."""

    name: str
    profile: str
    state: str = "failed"  # "passed" or "failed"
    reason: str = ""
    cell: int | None = None  # index of the failing cell
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    results: dict[str, float | None] = field(default_factory=dict)
    checks: list[dict[str, str]] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    expected: dict[str, list[float]] = field(default_factory=dict)
    key: dict[str, str] = field(default_factory=dict)
    skipped: bool = False  # nothing has changed since it passed

    @property
    def passed(self) -> bool:
        """Whether it ran and says what it should."""
        return self.state == "passed"

    @property
    def real(self) -> bool:
        """Whether every dataset that it loaded was the real one; a lesson that draws its own data counts."""
        return all(origin == "real" for origin in self.origins.values())

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return asdict(self)


def judge(
    outcome: Outcome,
    notebook: Mapping[str, Any],
    expected: Mapping[str, Band],
    admitted: Mapping[str, str] | None = None,
) -> None:
    """Read the notebook's outputs into the outcome, and decide whether it passed.

    A result outside its band is no problem where it is admitted, in the header's `falls_short`.
    """
    outcome.results = {str(found["name"]): found["value"] for found in course_outputs(notebook, "result")}
    outcome.checks = list(course_outputs(notebook, "check"))
    outcome.origins = {str(found["name"]): str(found["origin"]) for found in course_outputs(notebook, "origin")}
    outcome.expected = {name: list(band) for name, band in expected.items()}
    problems = [outcome.reason] if outcome.reason else []
    for check in outcome.checks:
        if check["state"] != "passed":
            problems.append(f"check {check['name']} is {check['state']}: {check.get('message', '')}".rstrip(": "))
    if outcome.profile == "full" and not outcome.reason and outcome.real:
        problems += result_problems(outcome.results, expected, admitted or {})
    untidy = untidy_outputs(notebook)
    if outcome.profile == "full":
        problems += untidy
    outcome.problems, outcome.warnings = problems, [] if outcome.profile == "full" else untidy
    if outcome.profile == "full" and not outcome.real:
        outcome.warnings.append("some data are samples: the results are not comparable")
    outcome.state = "failed" if problems else "passed"


def course_outputs(notebook: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Everything that the cells emitted under one of the course's MIME types, in order."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            content = output.get("data", {}).get(MIME.format(kind))
            if isinstance(content, Mapping) and "name" in content:
                yield dict(content)


def result_problems(
    results: Mapping[str, float | None], expected: Mapping[str, Band], admitted: Mapping[str, str]
) -> list[str]:
    """What is missing, or outside its band without being admitted, or inside although the header says otherwise."""
    problems = []
    for name, (low, high) in expected.items():
        if name not in results:
            problems.append(f"the result {name} is missing")
        elif name in admitted and results[name] is not None:
            if inside(results[name], (low, high)):
                problems.append(f"the result {name} is inside its band: take it out of falls_short")
        elif not inside(results[name], (low, high)):
            problems.append(f"the result {name} = {show(results[name])} is outside [{low:g}, {high:g}]")
    return problems


def show(value: float | None) -> str:
    """A result in four digits."""
    return "not a number" if value is None or not math.isfinite(value) else f"{value:.4g}"


def untidy_outputs(notebook: Mapping[str, Any]) -> list[str]:
    """What a committed notebook may not contain: stderr, widget state, paths of this machine."""
    problems = []
    if notebook["metadata"].get("widgets"):
        problems.append("the notebook holds widget state")
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream" and output["name"] == "stderr":
                problems.append(f"cell {number} wrote to stderr: {_first_line(output['text'])}")
            leak = next(filter(None, map(local_path, _texts(output))), None)
            if leak:
                problems.append(f"cell {number} shows a path of this machine: {leak}")
    return problems


def local_path(text: str) -> str | None:
    """The first path in a text that belongs to this machine or to somebody's home."""
    own = [str(Path(__file__).resolve().parents[1]), str(Path.home()), sys.prefix]
    places = "|".join(re.escape(place) for place in sorted({*own, *PLACES} - {"/"}, key=len, reverse=True))
    found = re.search(rf"(?<![\w.])(?:{places})[\w./\\-]*", EMBEDDED.sub("", text))
    return found.group() if found else None


def _texts(output: Mapping[str, Any]) -> Iterator[str]:
    for part in (output.get("text"), *output.get("traceback", ())):
        if part:
            yield _text(part)
    for kind, content in output.get("data", {}).items():
        if not kind.startswith("image/") or kind == "image/svg+xml":
            yield _text(content)


def _text(content: Any) -> str:
    """Text that a notebook may keep as a list of lines, or data as its text."""
    return "".join(content) if isinstance(content, list) and all(isinstance(c, str) for c in content) else str(content)


def _first_line(text: Any) -> str:
    return (_text(text).strip().splitlines() or [""])[0][:100]


def versions() -> dict[str, str]:
    """Versions of Python, TensorFlow and Keras, without importing them."""
    return {
        "python": platform.python_version(),
        "tensorflow": _version("tensorflow-cpu", "tensorflow", "tensorflow-macos"),
        "keras": _version("keras"),
    }


def _version(*names: str) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "none"


def utils_sha256(root: Path) -> str:
    """Fingerprint of what lessons import; not of lessons.json, which measured minutes change."""
    digest = hashlib.sha256()
    for path in sorted([*(root / "utils").rglob("*.py"), root / "data" / "catalog.toml"]):
        if path.is_file():
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def run_key(root: Path, name: str, sha256: str, profile: str) -> dict[str, str]:
    """Everything that decides how a run comes out; a finished run with the same key need not be repeated."""
    values = root / "exercises" / "values" / f"{name}.json"
    source = "sample" if profile == "smoke" else os.environ.get("COURSE_SOURCE", "auto")
    return {
        "lesson_sha256": sha256,
        "utils_sha256": utils_sha256(root),
        "exercises_sha256": hashlib.sha256(values.read_bytes()).hexdigest() if values.is_file() else "",
        "profile": profile,
        "source": source,
        **versions(),
    }


def run_record(outcome: Outcome) -> dict[str, Any]:
    """What `metadata.course.run` of the executed notebook holds."""
    names = ("python", "tensorflow", "keras", "lesson_sha256", "utils_sha256")
    return {
        "profile": outcome.profile,
        "origins": outcome.origins,
        "seconds": round(outcome.seconds, 1),
        "threads": int(os.environ.get("COURSE_THREADS") or os.cpu_count() or 1),  # other threads, other last digits
        **{name: outcome.key[name] for name in names},
    }
