"""The rules that a lesson's cells keep: one title, setup and parameters, fences, checks, questions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools.header import Header, LessonError
from tools.lesson import SLIDE_TYPES, Cell, Exercise, Question

TAGS = {
    "code": ("setup", "parameters", "exercise", "check", "helper"),
    "markdown": ("question", "answer", "notes"),
}
BOOK_TAGS = re.compile(r"(hide|remove)-(input|output|cell)|full-width|margin|scroll-output|raises-exception")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
ALMOST_FENCE = re.compile(r"\s*#[#\s]*(BEGIN|END)[\s_-]*SOLUTIONS?\b", re.IGNORECASE)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def check_cells(path: Path, number: str, cells: tuple[Cell, ...]) -> None:
    """Everything that can be said of the cells one by one, and of the two that every lesson has."""
    for cell in cells:
        _check_metadata(path, cell)
        if cell.kind == "code":
            _check_python(path, cell)
            if "exercise" not in cell.tags:
                _no_fence(path, cell)
    _check_title(path, cells)
    places = {tag: _only(path, cells, tag) for tag in ("setup", "parameters")}
    if places["parameters"] < places["setup"]:
        raise LessonError(path, cells[places["parameters"]].line, "the parameters cell stands before the setup cell")
    _check_start(path, number, cells[places["setup"]])


def _check_metadata(path: Path, cell: Cell) -> None:
    tags = cell.metadata.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise LessonError(path, cell.line, 'tags have to be a list of texts, as in tags=["setup"]')
    for tag in tags:
        if tag not in TAGS[cell.kind] and not BOOK_TAGS.fullmatch(tag):
            kind = next((kind for kind in TAGS if tag in TAGS[kind]), None)
            raise LessonError(
                path,
                cell.line,
                f"the tag '{tag}' belongs on a {kind} cell"
                if kind
                else f"unknown tag '{tag}' (on {cell.kind} cells: {', '.join(TAGS[cell.kind])})",
            )
    slideshow = cell.metadata.get("slideshow", {})
    if not isinstance(slideshow, dict) or slideshow.get("slide_type", "-") not in SLIDE_TYPES:
        raise LessonError(path, cell.line, f"unknown slide type (known: {', '.join(SLIDE_TYPES)})")


def _check_python(path: Path, cell: Cell) -> None:
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        line = cell.body + (error.lineno or 1) - 1
        raise LessonError(path, line, f"not valid Python: {error.msg} (no magics or shell lines in a lesson)") from None


def _no_fence(path: Path, cell: Cell) -> None:
    for offset, line in enumerate(cell.source.split("\n")):
        if ALMOST_FENCE.match(line):
            raise LessonError(path, cell.body + offset, "a solution fence in a cell that is not tagged 'exercise'")


def _check_title(path: Path, cells: tuple[Cell, ...]) -> None:
    titles = [line for cell in cells if cell.kind == "markdown" for line in _titles(cell)]
    if not titles:
        raise LessonError(path, cells[0].line, "the lesson has no title: one markdown cell starts with '# '")
    if len(titles) > 1:
        raise LessonError(path, titles[1], f"a second title '# …' (the first is in line {titles[0]}): use '## '")


def _titles(cell: Cell) -> list[int]:
    """The lines of the file with a level-one heading, code blocks left out."""
    found, fenced = [], False
    for offset, line in enumerate(cell.source.split("\n")):
        if re.match(r" {0,3}(```|~~~)", line):
            fenced = not fenced
        elif not fenced and re.match(r"#\s+\S", line):
            found.append(cell.body + offset)
    return found


def _only(path: Path, cells: tuple[Cell, ...], tag: str) -> int:
    places = [i for i, cell in enumerate(cells) if tag in cell.tags]
    if not places:
        raise LessonError(path, cells[0].line, f"the lesson has no cell tagged '{tag}'")
    if len(places) > 1:
        raise LessonError(
            path, cells[places[1]].line, f"a second cell tagged '{tag}' (the first: line {cells[places[0]].line})"
        )
    return places[0]


def _check_start(path: Path, number: str, cell: Cell) -> None:
    """`runtime.start("05")` decides under which lesson results and checks are looked up."""
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "runtime.start" and node.args:
            given = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if given != number:
                raise LessonError(
                    path,
                    cell.body + node.lineno - 1,
                    f'runtime.start has to be given "{number}", the number of this lesson',
                )


def exercises(path: Path, number: str, cells: tuple[Cell, ...], header: Header) -> tuple[Exercise, ...]:
    """The exercises in order, each with its check."""
    found: list[Exercise] = []
    open_exercise: int | None = None
    for i, cell in enumerate(cells):
        if cell.kind != "code":
            _check_heading(path, cell, f"{number}.{len(found) + 1}")
            continue
        if "check" not in cell.tags and open_exercise is not None:
            raise LessonError(
                path,
                cells[open_exercise].line,
                "an exercise without a check: the next code cell has to be tagged 'check'",
            )
        if "exercise" in cell.tags:
            fences(path, cell)
            open_exercise = i
        elif "check" in cell.tags:
            if open_exercise is None:
                raise LessonError(
                    path, cell.line, "a check without an exercise: the code cell before it is not tagged 'exercise'"
                )
            name, line = _check_call(path, number, cell)
            twin = next((exercise for exercise in found if exercise.name == name), None)
            if twin:
                raise LessonError(path, line, f"the exercise '{name}' exists twice (the first: line {twin.line})")
            title = _title(cells[open_exercise], name)
            order = f"{number}.{len(found) + 1}"
            found.append(Exercise(name, order, title, header.points.get(name, 1), open_exercise, i, line))
            open_exercise = None
    if open_exercise is not None:
        raise LessonError(
            path, cells[open_exercise].line, "an exercise without a check: the next code cell has to be tagged 'check'"
        )
    for name in header.points:
        if name not in {exercise.name for exercise in found}:
            raise LessonError(path, header.lines[f"points.{name}"], f"points: the lesson has no exercise '{name}'")
    return tuple(found)


def _check_heading(path: Path, cell: Cell, order: str) -> None:
    """Exercises are numbered by their order: a heading that gives a number must give the right one."""
    for offset, line in enumerate(cell.source.split("\n")):
        heading = re.match(r"#+ +Exercise (\d[\w.]*)", line)
        if heading and heading[1].rstrip(".") != order:
            raise LessonError(
                path, cell.body + offset, f"this heading has to say 'Exercise {order}': that is its place"
            )


def fences(path: Path, cell: Cell) -> list[tuple[int, int]]:
    """Where the solutions of an exercise cell begin and end, as line offsets in its source."""
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for offset, line in enumerate(cell.source.split("\n")):
        number = cell.body + offset
        if line.strip() == BEGIN:
            if begin is not None:
                raise LessonError(path, number, f"a solution fence inside another (opened in line {cell.body + begin})")
            begin = offset
        elif line.strip() == END:
            if begin is None:
                raise LessonError(path, number, f"'{END}' without '{BEGIN}'")
            found.append((begin, offset))
            begin = None
        elif ALMOST_FENCE.match(line):
            raise LessonError(path, number, f"write the fence exactly as '{BEGIN}' and '{END}', on lines of their own")
    if begin is not None:
        raise LessonError(path, cell.body + begin, "the solution fence is never closed")
    if not found:
        raise LessonError(path, cell.line, f"an exercise without a solution: '{BEGIN}' … '{END}' is missing")
    functions = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for begin, end in found:
        if not any(f.lineno <= begin and end <= (f.end_lineno or 0) + 1 for f in functions):
            message = "a solution fence has to stand inside a function: elsewhere it stops the cell that defines it"
            raise LessonError(path, cell.body + begin, message)
    return found


def _check_call(path: Path, number: str, cell: Cell) -> tuple[str, int]:
    """The name in `checks.run("05.name", …)`, which is the last statement of a check cell and stands there once."""
    tree = ast.parse(cell.source)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "checks.run"]
    last = tree.body[-1] if tree.body else None
    if len(calls) != 1 or not isinstance(last, ast.Expr) or last.value is not calls[0]:
        raise LessonError(path, cell.body, 'a check cell has to end with one call of checks.run("NN.name", function)')
    call = calls[0]
    line = cell.body + call.lineno - 1
    key = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if not isinstance(key, str) or not re.fullmatch(r"\d\d\.[A-Za-z_]\w*", key) or len(call.args) < 2:
        raise LessonError(path, line, f'checks.run has to be given "{number}.name" and a function')
    if key[:2] != number:
        raise LessonError(path, line, f"the check is for lesson {key[:2]}, but this is lesson {number}")
    return key[3:], line


def _title(cell: Cell, name: str) -> str:
    """First line of the docstring of what the student writes."""
    definitions = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, Definition)]
    named = [n for n in definitions if n.name == name]
    for node in named or definitions:
        text = ast.get_docstring(node)
        if text:
            return text.strip().split("\n")[0].strip()
    return "write this part"


def check_exercise_file(path: Path, found: tuple[Exercise, ...], cells: tuple[Cell, ...]) -> None:
    """Each exercise has its inputs and comparison in exercises/NN_name.py, and nothing else is there."""
    file = path.resolve().parents[1] / "exercises" / path.name
    shown = f"exercises/{path.name}"
    if not file.is_file():
        if found:
            raise LessonError(
                path, found[0].line, f"{shown} is missing: it holds the inputs and the comparison of each exercise"
            )
        return
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise LessonError(file, error.lineno or 1, f"not valid Python: {error.msg}") from None
    described = _described(tree)
    for exercise in found:
        if exercise.name not in described:
            raise LessonError(
                path, exercise.line, f"{shown} has no exercise '{exercise.name}': add {exercise.name} = Exercise(…)"
            )
    for name, line in described.items():
        if name not in {exercise.name for exercise in found}:
            raise LessonError(file, line, f"lessons/{path.name} has no exercise '{name}'")


def _described(tree: ast.Module) -> dict[str, int]:
    """Names that are given an Exercise(…) at the top level, with their lines."""
    found = {}
    for node in tree.body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or not isinstance(node.value, ast.Call):
            continue
        if ast.unparse(node.value.func).split(".")[-1] == "Exercise":
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node.lineno for target in targets if isinstance(target, ast.Name)})
    return found


def questions(path: Path, number: str, cells: tuple[Cell, ...]) -> tuple[Question, ...]:
    """The questions in order, each with the answer cell that follows it."""
    found: list[Question] = []
    for i, cell in enumerate(cells):
        if "answer" in cell.tags and not (i and "question" in cells[i - 1].tags):
            raise LessonError(
                path, cell.line, "an answer without a question: the cell before it is not tagged 'question'"
            )
        if "question" not in cell.tags:
            continue
        name = f"{number}.{chr(ord('a') + len(found))}"
        if not cell.source.startswith(f"**Question {name}.**"):
            raise LessonError(path, cell.body, f"this question has to start with '**Question {name}.**'")
        if i + 1 == len(cells) or "answer" not in cells[i + 1].tags:
            raise LessonError(path, cell.line, "a question without an answer: the next cell has to be tagged 'answer'")
        if not cells[i + 1].source.startswith(f"**Answer {name}.**"):
            raise LessonError(path, cells[i + 1].body, f"this answer has to start with '**Answer {name}.**'")
        found.append(Question(name, i, i + 1))
    return tuple(found)
