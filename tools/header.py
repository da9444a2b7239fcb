"""The YAML header of a lesson: what it may say, and where it is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SUMMARY_LENGTH = 100
PROFILES = ("class", "full")


class LessonError(Exception):
    """A lesson breaks a rule: prints as `file:line: message`."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        super().__init__(message)
        self.path, self.line, self.message = Path(path), line, message

    def __str__(self) -> str:
        path = self.path
        if path.is_absolute() and path.is_relative_to(Path.cwd()):
            path = path.relative_to(Path.cwd())
        return f"{path}:{self.line}: {self.message}" if self.line else f"{path}: {self.message}"


@dataclass(frozen=True)
class Header:
    """What a lesson says about itself under `course:`."""

    title: str
    summary: str
    data: tuple[str, ...]
    minutes: dict[str, float] = field(default_factory=dict)
    expected: dict[str, tuple[float, float]] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)
    falls_short: dict[str, str] = field(default_factory=dict)  # results known to lie outside their bands, and why
    points: dict[str, float] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict, compare=False, repr=False)  # where each field stands

    def as_json(self) -> dict[str, Any]:
        """The header as strict JSON; an open side of a band is "inf" or "-inf", which float() reads."""
        expected = {name: [_json_number(low), _json_number(high)] for name, (low, high) in self.expected.items()}
        values = {
            "title": self.title,
            "summary": self.summary,
            "data": list(self.data),
            "minutes": dict(self.minutes),
            "expected": expected,
            "published": dict(self.published),
            "points": dict(self.points),
        }
        return values | ({"falls_short": dict(self.falls_short)} if self.falls_short else {})


REQUIRED = ("title", "summary", "data", "expected")
OPTIONAL = ("minutes", "published", "falls_short", "points")


def read_header(path: Path, lines: list[str]) -> tuple[Header, int]:
    """The header and the index of the first line after it."""
    if not lines or lines[0].rstrip() != "# ---":
        raise LessonError(path, 1, "the file has to start with a header between two lines '# ---'")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "# ---"), None)
    if end is None:
        raise LessonError(path, 1, "the header has no closing line '# ---'")
    text = "".join(line.removeprefix("#").removeprefix(" ") + "\n" for line in lines[1:end])
    return _Reader(path).read(text), end + 1


class _Reader:
    """Turns YAML into a Header; remembers the line of each key, for the messages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = 1  # line of the section being read, for what is missing in it
        self.lines: dict[str, int] = {}

    def fail(self, key: str, message: str) -> LessonError:
        line = self.lines.get(key) or self.lines.get(key.split(".")[0]) or self.start
        return LessonError(self.path, line, message)

    def read(self, text: str) -> Header:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "cannot be read"
            raise LessonError(
                self.path, mark.line + 2 if mark else 1, f"the header is not valid YAML: {problem}"
            ) from None
        course = self._child(self._child(root, "jupyter"), "course")
        self._index(course, "")
        return self._header(values["jupyter"]["course"])

    def _child(self, node: yaml.Node | None, name: str) -> yaml.Node:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == name and isinstance(value, yaml.MappingNode):
                    self.start = key.start_mark.line + 2
                    return value
        raise LessonError(self.path, self.start, f"the header has no '{name}:' section")

    def _index(self, node: yaml.Node, prefix: str) -> None:
        for key, value in node.value:
            name = prefix + str(key.value)
            line = key.start_mark.line + 2
            if name in self.lines:
                raise LessonError(self.path, line, f"'{name}' stands twice in the header")
            self.lines[name] = line
            if isinstance(value, yaml.MappingNode):
                self._index(value, name + ".")

    def _header(self, course: dict[str, Any]) -> Header:
        for key in course:
            if key not in REQUIRED + OPTIONAL:
                known = ", ".join(REQUIRED + OPTIONAL)
                raise self.fail(str(key), f"unknown header field '{key}' (known: {known})")
        for key in REQUIRED:
            if course.get(key) is None:
                raise self.fail(key, f"the header field '{key}' is missing")
        header = Header(
            title=self._text(course, "title"),
            summary=self._text(course, "summary"),
            data=self._names(course, "data"),
            minutes=self._mapping(course, "minutes", _positive, "minutes, as in {class: 4, full: 18}"),
            expected=self._mapping(course, "expected", _band, "[low, high] with low <= high (inf is allowed)"),
            published=self._mapping(course, "published", _words, "a text"),
            falls_short=self._mapping(course, "falls_short", _words, "a text that says why"),
            points=self._mapping(course, "points", _positive, "a positive number of points"),
            lines=self.lines,
        )
        if len(header.summary) > SUMMARY_LENGTH:
            raise self.fail(
                "summary", f"the summary has {len(header.summary)} characters; at most {SUMMARY_LENGTH} are allowed"
            )
        for name in header.minutes:
            if name not in PROFILES:
                raise self.fail(f"minutes.{name}", f"minutes: unknown profile '{name}' (known: {', '.join(PROFILES)})")
        for key in ("published", "falls_short"):
            for name in getattr(header, key):
                if name not in header.expected:
                    raise self.fail(f"{key}.{name}", f"{key}: '{name}' is not among the expected results")
        return header

    def _text(self, course: dict[str, Any], key: str) -> str:
        value = course[key]
        if not isinstance(value, str) or not value.strip() or "\n" in value.strip():
            raise self.fail(key, f"the header field '{key}' has to be one line of text (quote it if it contains ': ')")
        return value.strip()

    def _names(self, course: dict[str, Any], key: str) -> tuple[str, ...]:
        value = course[key]
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.fail(key, f"the header field '{key}' has to be a list of names, as in [mnist]; [] for none")
        return tuple(value)

    def _mapping(self, course: dict[str, Any], key: str, convert: Callable[[Any], Any], wanted: str) -> dict[str, Any]:
        value = course.get(key) or {}
        if not isinstance(value, dict):
            raise self.fail(key, f"the header field '{key}' has to map names to values")
        result = {}
        for name, item in value.items():
            try:
                result[str(name)] = convert(item)
            except (TypeError, ValueError):
                raise self.fail(f"{key}.{name}", f"{key}: '{name}' has to be {wanted}") from None
        return result


def _number(value: Any) -> float:
    """A number; YAML reads `inf` as text and `.inf` as a number, both are meant."""
    if isinstance(value, bool):
        raise TypeError
    number = float(value) if not isinstance(value, int) else value
    if math.isnan(number):
        raise ValueError
    return number


def _positive(value: Any) -> float:
    number = _number(value)
    if not 0 <= number < math.inf:
        raise ValueError
    return number


def _band(value: Any) -> tuple[float, float]:
    low, high = value
    if not isinstance(value, list) or _number(low) > _number(high):
        raise ValueError
    return _number(low), _number(high)


def _words(value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise TypeError
    return str(value)


def _json_number(number: float) -> float | str:
    return number if math.isfinite(number) else str(float(number))
