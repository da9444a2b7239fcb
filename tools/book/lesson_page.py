"""A lesson's notebook as a page of the book: solutions folded away, set-up and checks too, facts on top."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tools.book.outputs import Outputs
from tools.build import notebook_text
from tools.deck import code
from tools.deck.code import without_solution
from tools.deck.prose import together
from tools.lesson import Lesson, notebook_cells, slide_of, source_of
from tools.outcome import show
from tools.results import Record
from utils.bands import band_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

Cell = dict[str, Any]
FITS = 92  # letters in a line of code between the margins of a page
LONG = 12  # lines of code that only draws; more are folded away
FENCE = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\((?:\.\./(?:notebooks|lessons)/|\./)?(\d\d_[a-z0-9_]+)\.(?:ipynb|py)\)")
QUESTION = re.compile(r"\*\*((?:Question|Answer) \d\d\.[a-z])\.\*\*\s*")
NOT_EXECUTED = (
    "This lesson was not yet executed in full: the page shows its text and code, without numbers and figures."
)


class LessonPage:
    """Builds the page of one lesson."""

    def __init__(
        self, record: Record, notebook: Mapping[str, Any], in_book: Collection[str], all_slugs: Collection[str]
    ):
        self.record, self.lesson = record, record.lesson
        self.in_book, self.all_slugs = in_book, all_slugs
        self.outputs = Outputs(self.lesson.header, self.lesson.number)
        self.exercises = {exercise.cell: exercise for exercise in self.lesson.exercises}
        self.checks = {exercise.check: exercise for exercise in self.lesson.exercises}
        executed = bool(record.run) and not record.stale
        self.cells = list(notebook["cells"]) if executed else notebook_cells(self.lesson.cells)

    def text(self) -> str:
        """The page as a notebook's text; `outputs.pictures` then holds its pictures."""
        self.formatted = formatted(self.lesson, self.cells)
        cells = [new for i, cell in enumerate(self.cells) for new in self.page_cells(i, cell)]
        return notebook_text(_notebook(cells))

    def page_cells(self, index: int, cell: Cell) -> Iterator[Cell]:
        """The cells of the page that a cell of the notebook becomes."""
        tags = cell["metadata"].get("tags", ())
        if "notes" in tags or slide_of(cell) == "notes" or "remove-cell" in tags:
            return
        if cell["cell_type"] == "code":
            yield from self.code(index, cell, list(tags))
        elif source_of(cell).startswith("# "):
            yield _markdown(self.prose(f"# {self.lesson.number} · {source_of(cell)[2:]}"))
            yield _markdown(self.facts())
        else:
            yield from self.text_cell(cell, tags)

    def code(self, index: int, cell: Cell, tags: list[str]) -> Iterator[Cell]:
        """A code cell; an exercise appears as the student meets it, then solved, folded away."""
        source, prompt = source_of(cell), ""
        if index in self.exercises:
            yield _code(self.formatted[without_solution(source)], ["exercise"])
            prompt = f"a solution of exercise {self.exercises[index].number}"
        elif index in self.checks:
            prompt = f"the check of exercise {self.checks[index].number}"
        elif "setup" in tags:
            prompt = "the set-up: imports and seeds"
        elif only_draws(source) and self.formatted[source].count("\n") >= LONG:
            prompt = "the code of the figure"
        new = _code(self.formatted[FENCE.sub("", source)], tags, self.outputs.of(cell))
        if prompt:
            new["metadata"]["mystnb"] = {"code_prompt_show": f"Show {prompt}", "code_prompt_hide": f"Hide {prompt}"}
            new["metadata"]["tags"] = [*tags, "hide-input"]
        yield new

    def text_cell(self, cell: Cell, tags: Collection[str]) -> Iterator[Cell]:
        """A cell of prose; the answer to a question is folded away."""
        source = self.prose(source_of(cell))
        found = QUESTION.match(source)
        if "answer" in tags and found:
            answer = source[found.end() :]
            summary = f'<details class="answer"><summary>Show the answer to question {found[1].split()[1]}</summary>'
            source = f"{summary}\n\n{answer}\n\n</details>"
        yield _markdown(source)

    def prose(self, source: str) -> str:
        """Markdown whose links to lessons lead to their pages, where these are in the book."""

        def page(link: re.Match[str]) -> str:
            there = link[2] in self.in_book or link[2] not in self.all_slugs  # Sphinx reports a wrong name
            return f"[{link[1]}]({link[2]}.ipynb)" if there else link[1]

        return LINK.sub(page, source)

    def facts(self) -> str:
        """What a reader wants to know first: data, time, result, exercises, and where the notebook lies."""
        lesson, header = self.lesson, self.lesson.header
        data = ", ".join(f"[{name}](#data-{name})" for name in header.data) or "made in the lesson"
        minutes = [
            f"{header.minutes[p]:g} in {w}" for p, w in (("class", "class"), ("full", "full")) if p in header.minutes
        ]
        rows = [("Data", data), ("Minutes on two cores", ", ".join(minutes)), ("Key result", self.key_result())]
        rows += [("Exercises", _count(lesson)), ("Notebook", f"`notebooks/{lesson.slug}.ipynb`")]
        facts = "{.lesson-facts}\n" + "\n".join(f"- **{name}** {text}" for name, text in rows if text)
        if self.record.stale:
            return f"{facts}\n\n```{{warning}}\n{self.record.stale}\n```"
        return facts if self.record.run else f"{facts}\n\n```{{note}}\n{NOT_EXECUTED}\n```"

    def key_result(self) -> str:
        """The lesson's first result with its band."""
        name = next(iter(self.lesson.header.expected), "")
        if not name:
            return ""
        band = together(band_text(self.lesson.header.expected[name]))
        value = show(self.record.results[name]) if name in self.record.results and not self.record.stale else ""
        return f"`{name}` {value} (expected {band})" if value else f"`{name}`, expected {band}"


def only_draws(source: str) -> bool:
    """Whether a cell makes a figure and teaches nothing else: it defines nothing and trains nothing."""
    draws = code.calls(source) & {"plots.show", "plots.show_gif"}
    return bool(draws) and not code.defines(source) and not code.trains(source)


def formatted(lesson: Lesson, cells: list[Cell]) -> dict[str, str]:
    """All code that the page shows, in lines that fit it."""
    sources = [source_of(cell) for cell in cells if cell["cell_type"] == "code"]
    shown = [*map(without_solution, sources), *(FENCE.sub("", source) for source in sources)]
    widest = max(i for i, length in enumerate(code.LINE_LENGTHS) if length <= FITS)
    return {source: variants[widest] for source, variants in code.layouts(shown).items()}


def _count(lesson: Lesson) -> str:
    questions = f", {len(lesson.questions)} for a person to read" if lesson.questions else ""
    return f"{len(lesson.exercises)} with checks{questions}" if lesson.exercises or questions else ""


def _notebook(cells: list[Cell]) -> NotebookNode:
    import nbformat

    from tools.lesson import KERNEL

    numbered = [{"id": f"cell-{i}", **cell} for i, cell in enumerate(cells)]
    made: NotebookNode = nbformat.from_dict({"cells": numbered, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5})
    return made


def _markdown(source: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code(source: str, tags: list[str], outputs: list[Cell] | None = None) -> Cell:
    cell: Cell = {"cell_type": "code", "execution_count": None, "metadata": {"tags": tags}, "source": source}
    return {**cell, "outputs": outputs or []}
