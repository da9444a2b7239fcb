"""Gather the results of the committed notebooks, compare them with their bands, and write README's course map.

The book's results page is made from the same rows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.build import write
from tools.header import Header
from tools.lesson import ROOT, Lesson, find, notebook_digest, read
from tools.outcome import course_outputs, result_problems, show
from utils.bands import band_text, inside

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
NONE = "–"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools results`."""
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if README.md is not up to date")
    parser.add_argument("--strict", action="store_true", help="a lesson that was not yet executed is an error too")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


@dataclass(frozen=True)
class Record:
    """A lesson and what its committed notebook says."""

    lesson: Lesson
    run: dict[str, Any] = field(default_factory=dict)  # empty: not yet executed
    results: dict[str, float | None] = field(default_factory=dict)
    stale: str = ""  # why the notebook is not that of its lesson

    @property
    def problems(self) -> list[str]:
        """What is wrong with an executed notebook: stale, of another profile or data, or a result outside its band."""
        if self.stale or not self.run:
            return [self.stale] if self.stale else []
        problems, header = [], self.lesson.header
        if self.run.get("profile") != "full":
            problems.append(f"executed in profile {self.run.get('profile')}, not full")
        samples = [name for name, origin in self.run.get("origins", {}).items() if origin != "real"]
        if samples:
            problems.append(f"executed on samples: {', '.join(samples)}")
        return problems + result_problems(self.results, header.expected, header.falls_short)


@dataclass(frozen=True)
class Row:
    """One result in words."""

    name: str
    measured: str
    expected: str = ""
    verdict: str = ""
    published: str = ""


def row(header: Header, name: str, results: Mapping[str, float | None]) -> Row:
    """A result of a lesson beside what was expected and published."""
    measured = show(results[name]) if name in results else "missing"
    band = header.expected.get(name)
    if band is None:
        return Row(name, measured)
    verdict = "inside" if inside(results.get(name), band) else "OUTSIDE"
    if verdict != "inside" and name in header.falls_short:
        verdict = f"OUTSIDE: {header.falls_short[name]}"
    return Row(name, measured, band_text(band), verdict, header.published.get(name, ""))


def result_rows(record: Record) -> list[Row]:
    """All results of a lesson: those that it has to record, then the others."""
    names = dict.fromkeys([*record.lesson.header.expected, *record.results])
    return [row(record.lesson.header, name, record.results) for name in names]


def main(args: argparse.Namespace) -> int:
    """Print the table, update README.md, and return 1 for whatever is outside, stale or out of date."""
    root = args.root.resolve()
    records = gather(root)
    print(full_table(records))
    problems = [f"{record.lesson.slug}: {problem}" for record in records for problem in record.problems]
    if args.strict:
        problems += [f"{r.lesson.slug}: not yet executed" for r in records if not r.run and not r.stale]
    readme = update_readme(root / "README.md", course_map(records), check=args.check)
    problems += [readme] if readme else []
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


def gather(root: Path = ROOT, numbers: Sequence[str] = ()) -> list[Record]:
    """The record of each lesson."""
    return [record(root, read(path)) for path in find(root, numbers)]


def record(root: Path, lesson: Lesson) -> Record:
    """What a lesson's committed notebook says."""
    path = root / "notebooks" / f"{lesson.slug}.ipynb"
    if not path.is_file():
        return Record(lesson)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    run = notebook["metadata"].get("course", {}).get("run", {})
    results = {str(found["name"]): found["value"] for found in course_outputs(notebook, "result")}
    return Record(lesson, run, results, staleness(notebook, lesson))


def staleness(notebook: dict[str, Any], lesson: Lesson) -> str:
    """Why an executed or built notebook is not that of its lesson; empty when it is."""
    if notebook_digest(notebook["cells"]) != lesson.sha256:
        return "stale: the notebook's cells are not the lesson's; build, and run it again"
    run = notebook["metadata"].get("course", {}).get("run", {})
    if run and run.get("lesson_sha256") != lesson.code_sha256:
        return "stale: executed from an earlier state of the lesson; run it again"
    if not run and any(cell.get("outputs") for cell in notebook["cells"]):
        return "stale: outputs of unknown origin; run it again"
    return ""


def stale_notebooks(root: Path = ROOT) -> dict[str, str]:
    """The committed notebooks that are stale, and why; tests ask this."""
    return {r.lesson.slug: r.stale for r in gather(root) if r.stale}


def full_table(records: Iterable[Record]) -> str:
    """Every result: measured, expected, published, seconds, origin, versions."""
    rows = [["lesson", "result", "measured", "expected", "", "published", "seconds", "data", "versions"]]
    for record in records:
        run = record.run
        if not run:
            rows.append([record.lesson.slug, record.stale or "not yet executed", *[""] * 7])
            continue
        origins = ", ".join(sorted(set(run.get("origins", {}).values()))) or "own"
        versions = " / ".join(str(run.get(name, "?")) for name in ("python", "tensorflow", "keras"))
        for result in result_rows(record):
            words = [result.name, result.measured, result.expected, result.verdict, result.published]
            rows.append([record.lesson.slug, *words, f"{run.get('seconds', 0):.0f}", origins, versions])
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) for line in rows)
    return "\n".join(line.rstrip() for line in lines)


def course_map(records: Iterable[Record]) -> str:
    """README's table: one row per lesson, with its key result."""
    columns = ["Lesson", "What you will see", "Data", "Minutes (class / full)", "Key result"]
    columns += ["Measured", "Expected", "Published"]
    rows = []
    for record in records:
        lesson, header = record.lesson, record.lesson.header
        key = next(iter(header.expected), None)
        minutes = " / ".join(f"{header.minutes[p]:g}" if p in header.minutes else NONE for p in ("class", "full"))
        measured = show(record.results[key]) if record.run and not record.stale and key in record.results else ""
        cells = [
            f"[{lesson.number} {header.title}](notebooks/{lesson.slug}.ipynb)",
            header.summary,
            ", ".join(header.data) or "made in the lesson",
            minutes,
            f"`{key}`" if key else NONE,
            measured or "not yet executed",
            band_text(header.expected[key]) if key else NONE,
            header.published.get(key, NONE) if key else NONE,
        ]
        rows.append(cells)
    return _markdown_table(columns, rows)


def results_page(records: Sequence[Record]) -> str:
    """The book's page: every result with its band and what others published, and how each lesson was run."""
    rows, runs, waiting = [], [], []
    for record in records:
        lesson, run = record.lesson, record.run
        page = f"lessons/{lesson.slug}.ipynb"
        link = f"[{lesson.number} {lesson.header.title}]({page})"
        if not run or record.stale:
            waiting.append(f"- {link}: {record.stale or 'not yet executed'}")
            continue
        for i, r in enumerate(result_rows(record)):
            verdict = f"{'✓' if r.verdict == 'inside' else '✗'} {r.verdict}" if r.verdict else NONE
            words = [r.measured, r.expected or NONE, verdict, r.published or NONE]
            rows.append([link if i == 0 else f"[{lesson.number}]({page})", f"`{r.name}`", *words])
        origins = ", ".join(f"{name} ({kind})" for name, kind in run.get("origins", {}).items())
        versions = [str(run.get(name, "?")) for name in ("python", "tensorflow", "keras")]
        profile, seconds = str(run.get("profile")), f"{run.get('seconds', 0):,.0f}"
        runs.append([link, profile, seconds, origins or "made in the lesson", *versions])
    return RESULTS_PAGE.format(
        problems=_warning([f"{r.lesson.slug}: {problem}" for r in records for problem in r.problems]),
        results=_markdown_table(["Lesson", "Result", "Measured", "Expected", "Verdict", "Published"], rows),
        runs=_markdown_table(["Lesson", "Profile", "Seconds", "Data", "Python", "TensorFlow", "Keras"], runs),
        waiting="\n".join(["## Not yet here", "", *waiting, ""]) if waiting else "",
    )


RESULTS_PAGE = """# Results

What the committed notebooks have measured, beside what was expected before the run. *Expected* is the band that a
re-execution on any machine has to meet; one outside fails the build. *Published* is what others have reported, and who.
{problems}
## Measured, expected, published

{{.results}}
{results}

## How each lesson was run

On two CPU cores, without a GPU. The same machine, seed and versions give the same numbers.

{{.runs}}
{runs}

`make run LESSONS=05 PROFILE=full` executes a lesson again and compares.

{waiting}"""


def _warning(problems: Sequence[str]) -> str:
    return "\n".join(["", "```{warning}", *(f"- {problem}" for problem in problems), "```", ""]) if problems else ""


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first, *others = ("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in [head, *rows])
    return "\n".join([first, "|" + "---|" * len(head), *others])


def update_readme(path: Path, table: str, *, check: bool) -> str:
    """Put the table between README's markers, or only check that it is there; return what is wrong."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        return f"{path.name} has no place for the course map: {BEGIN} … {END}"
    wanted = f"{before}{BEGIN}\n{table}\n{END}{after}"
    if wanted == text:
        return ""
    if check:
        return f"{path.name} is not up to date: run `python -m tools results`"
    write(path, wanted)
    return ""
