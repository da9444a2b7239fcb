"""The student notebook: stubs for solutions, empty answers, no speaker notes."""

from __future__ import annotations

import ast
import dataclasses
from typing import TYPE_CHECKING

from tools.header import LessonError
from tools.lesson import Cell, Exercise, Lesson, notebook
from tools.rules import fences

if TYPE_CHECKING:
    from nbformat import NotebookNode

YOUR_ANSWER = "*Your answer here.*"


def student_notebook(lesson: Lesson) -> NotebookNode:
    """The notebook that students get."""
    return notebook(student_cells(lesson), {**lesson.course, "student": True})


def student_cells(lesson: Lesson) -> list[Cell]:
    """The lesson's cells without what students are to find themselves, and without what is for the instructor."""
    exercises = {exercise.cell: exercise for exercise in lesson.exercises}
    answers = {question.answer: question.number for question in lesson.questions}
    cells = []
    for i, cell in enumerate(lesson.cells):
        if cell.slide == "notes" or "notes" in cell.tags:
            continue
        source = cell.source
        if i in exercises:
            source = stub(lesson, exercises[i])
        elif i in answers:
            source = f"**Answer {answers[i]}.**\n\n{YOUR_ANSWER}"
        cells.append(dataclasses.replace(cell, source=source))
    return cells


def stub(lesson: Lesson, exercise: Exercise) -> str:
    """The exercise cell with each solution replaced by a line that says which exercise is open."""
    cell = lesson.cells[exercise.cell]
    lines = cell.source.split("\n")
    message = f"Exercise {exercise.number}: {exercise.name} — {exercise.title}"
    for begin, end in reversed(fences(lesson.path, cell)):
        indent = lines[begin][: len(lines[begin]) - len(lines[begin].lstrip())]
        lines[begin : end + 1] = [f"{indent}raise NotImplementedError({_quoted(message)})"]
    source = "\n".join(lines)
    try:
        ast.parse(source)
    except SyntaxError as error:
        problem = f"without its solution this cell is not valid Python: {error.msg}"
        raise LessonError(lesson.path, cell.body, problem) from None
    return source


def _quoted(text: str) -> str:
    """A Python string literal in double quotes where that is possible, as the formatter likes it."""
    return '"' + text + '"' if '"' not in text and "\\" not in text else repr(text)
