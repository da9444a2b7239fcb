"""The pages of a grading: one for each student, an overview of the class, one for each question that people read."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from tools.grading.rows import Row, said

STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #d1242f; --open: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #ff7b72; --open: #d29922 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 } th { text-align: left; font-weight: 600 }
td, th { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.n, th.n { text-align: right; white-space: nowrap } small, .quiet { opacity: .75 }
.passed { color: var(--good) } .failed, .missing { color: var(--bad) } .open, .partial { color: var(--open) }
pre { white-space: pre-wrap; font: inherit; border-left: 3px solid var(--line); padding-left: 1rem }
pre { margin: .5rem 0 1.5rem }
.bar { display: inline-block; height: .7em; background: var(--good); vertical-align: baseline }
"""
SIGNS = {"passed": "✓ right", "partial": "◐ in part", "failed": "✗ wrong", "open": "○ open", "missing": "– missing"}
ANSWER = re.compile(r"^\s*\**Answer (\d\d\.[a-z])\.?\**\s*", re.IGNORECASE)
UNTOUCHED = "*Your answer here.*"


def page(title: str, *parts: str) -> str:
    """A page that needs nothing but itself."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = [
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
    ]
    return "\n".join(['<!doctype html><html lang="en"><head>', *head, "</head><body>", *parts, "</body></html>\n"])


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of ready HTML; columns that start with "#" hold numbers."""
    kinds = [' class="n"' if column.startswith("#") else "" for column in columns]
    head = "".join(f"<th{kind}>{escape(column.lstrip('#'))}</th>" for kind, column in zip(kinds, columns, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _state(state: str) -> str:
    return f'<span class="{escape(state)}">{SIGNS.get(state, escape(state))}</span>'


def _points(score: float, total: float) -> str:
    return f"{score:g} / {total:g}"


def student_page(student: str, rows: Sequence[Row]) -> str:
    """What one student gets to see: the results, the hints, and which of the own cells failed."""
    return page(student, f"<h1>{escape(student)}</h1>", *(_lesson(row) for row in rows))


def _lesson(row: Row) -> str:
    parts = [f"<h2>{escape(row.title or 'A file of no lesson')}</h2>"]
    parts.append(f"<p><b>{_points(row.score, row.total)} points</b> <small>({escape(row.path)})</small></p>")
    parts += [f"<p>{escape(text)}</p>" for text in (row.problem, *row.notes) if text]
    if row.verdicts:
        lines = [
            [
                escape(f"{v['number']} {v['name']}"),
                _state(v["state"]),
                _points(v["score"], v["points"]),
                escape(said(v)),
            ]
            for v in row.verdicts
        ]
        parts.append(_table(["exercise", "result", "#points", "what to look at"], lines))
    if row.cell_errors:
        errors = [[escape(str(int(index) + 1)), escape(text)] for index, text in row.cell_errors.items()]
        parts.append("<h3>Cells that did not run through</h3>" + _table(["#cell", "what happened"], errors))
    return "\n".join(parts)


def overview_page(rows: Sequence[Row], exams: Sequence[dict[str, Any]], seed: int) -> str:
    """The class at a glance: how each exercise went, the commonest mistakes, every row."""
    parts = ["<h1>Overview</h1>", f'<p class="quiet">{len(rows)} submissions, seed {seed}</p>']
    for exam in exams:
        mine = [row for row in rows if row.lesson == exam["slug"]]
        if mine:
            parts.append(_class(exam, mine))
    lines = [
        [
            f'<a href="pages/{escape(file_name(row.student))}.html">{escape(row.student)}</a>',
            escape(row.lesson),
            _points(row.score, row.total),
            escape(row.reason),
        ]
        for row in rows
    ]
    return page("Overview", *parts, "<h2>All submissions</h2>", _table(["student", "lesson", "#points", "why"], lines))


def _class(exam: dict[str, Any], rows: Sequence[Row]) -> str:
    """One lesson: success rates and mistakes of its exercises."""
    mean = sum(row.percent for row in rows) / len(rows)
    lines, mistakes = [], []
    for exercise in exam["exercises"]:
        found = [v for row in rows for v in row.verdicts if v["name"] == exercise["name"]]
        states = Counter(v["state"] for v in found)
        rate = 100 * states["passed"] / len(rows)
        bar = f'<span class="bar" style="width:{rate / 20:.2f}em"></span> {rate:.0f} %'
        counts = [str(states[state]) for state in SIGNS]
        lines.append([escape(f"{exercise['number']} {exercise['name']}"), bar, *counts])
        told = Counter(v["hint"] or v["reason"] for v in found if v["state"] in ("failed", "partial"))
        mistakes += [[escape(exercise["number"]), str(n), escape(text)] for text, n in told.most_common(5)]
    columns = ["exercise", "#solved", "#right", "#in part", "#wrong", "#open", "#missing"]
    parts = [f"<h2>{escape(exam['number'])} · {escape(exam['title'])}</h2>"]
    parts += [f"<p>{len(rows)} submissions, {mean:.0f} % of the points on average</p>", _table(columns, lines)]
    if mistakes:
        parts += ["<h3>Commonest mistakes</h3>", _table(["exercise", "#times", "what"], mistakes)]
    questions = [f'<a href="questions/{q["number"]}.html">{q["number"]}</a>' for q in exam["questions"]]
    return "\n".join([*parts, *([f"<p>To be read: {', '.join(questions)}</p>"] if questions else [])])


def answers_of(row: Row) -> dict[str, str]:
    """A student's answers by question; the last cell that claims to be the answer counts."""
    found = {}
    for source in row.answers:
        if match := ANSWER.match(source):
            found[match[1].lower()] = source[match.end() :].strip()
    return found


def question_page(question: dict[str, Any], rows: Sequence[Row]) -> str:
    """All answers to one question, for the person who marks them."""
    parts = [f"<h1>Question {escape(question['number'])}</h1>", f"<pre>{escape(question['text'])}</pre>"]
    parts.append(f"<details><summary>The lesson's answer</summary><pre>{escape(question['model'])}</pre></details>")
    silent = []
    for row in rows:
        answer = answers_of(row).get(question["number"], "")
        if not answer or answer == UNTOUCHED:
            silent.append(row.student)
            continue
        parts.append(f"<h3>{escape(row.student)}</h3><pre>{escape(answer[:20_000])}</pre>")
    if silent:
        parts.append(f"<p>No answer: {escape(', '.join(silent))}</p>")
    return page(f"Question {question['number']}", *parts)


def file_name(student: str) -> str:
    """A file name for a student that no other student has, on any file system."""
    plain = re.sub(r"[^\w.-]+", "_", student, flags=re.ASCII).strip("._")[:60]
    if plain == student and plain == plain.lower():
        return plain
    return f"{plain or 'student'}-{hashlib.sha256(student.casefold().encode()).hexdigest()[:6]}"
