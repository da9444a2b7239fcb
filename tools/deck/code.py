"""A cell's code as it is read from the back row: which part of it, in short lines, in large letters, in colours."""

from __future__ import annotations

import ast
import math
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from tools.deck.blocks import BODY_HEIGHT, BODY_WIDTH, Block

LINE_LENGTHS = (72, 78, 84, 92, 100)  # narrow lines can be set in large letters, wide ones are fewer
PAGED = 3  # which of them code is set in that takes several slides
SIZES = (25, 24, 23, 22, 21, 20, 19, 18, 17)  # letters in pixels
BROKEN = 20  # letters where a line is too long in any size
ADVANCE = 0.605  # width of a letter of the usual monospaced fonts, in letter sizes
LINE_HEIGHT = 1.36
PADDING = 34  # of the box around code, above and below together
LONGEST = 26  # lines of code on one slide
PAGE = 21  # lines of code that goes on on the next slide
BEGIN, END = re.compile(r"\s*### BEGIN SOLUTION"), re.compile(r"\s*### END SOLUTION")
DRAWING = {"plots", "plt", "fig", "ax", "axes"}
PICTURES = {"plots.show", "plots.show_gif", "plots.table", "results.record"}


@dataclass(frozen=True)
class Line:
    """A line of code; those of a solution are marked."""

    text: str
    solution: bool = False


def parsed(source: str) -> list[ast.stmt]:
    """The cell's statements; none where it is not plain Python."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def calls(source: str) -> set[str]:
    """What the cell calls, as written: `plots.show`, `model.fit`, `train`."""
    found = (node.func for statement in parsed(source) for node in ast.walk(statement) if isinstance(node, ast.Call))
    return {ast.unparse(function) for function in found}


def makes_pictures(source: str) -> bool:
    """Whether the cell shows a figure, a table or a recorded result."""
    return bool(calls(source) & PICTURES)


def trains(source: str) -> bool:
    """Whether the cell itself starts a training: `fit`, `pieces`, or a function named after training."""
    names = {call.rsplit(".", 1)[-1] for call in calls(source)}
    return any(name in ("fit", "pieces") or name.startswith("train") for name in names)


def defines(source: str) -> bool:
    """Whether the cell defines a function or a class."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in parsed(source))


def only_draws(source: str) -> bool:
    """Whether every statement is about drawing."""
    statements = parsed(source)
    return bool(statements) and all(_draws(node) for node in statements)


def definitions(source: str) -> str:
    """The cell's functions and classes that do not draw: what is left when the picture itself is shown."""
    lines = source.split("\n")
    kept = []
    for node in parsed(source):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not _draws(node):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            kept.append("\n".join(lines[first - 1 : node.end_lineno]))
    return "\n\n".join(kept)


def _draws(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Name) and part.id in DRAWING for part in ast.walk(node))


def without_solution(source: str) -> str:
    """The exercise as a student meets it."""
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        if BEGIN.match(line):
            kept.append(line[: len(line) - len(line.lstrip())] + "...  # your part")
        inside = bool(BEGIN.match(line)) or (inside and not END.match(line))
        if not inside and not END.match(line):
            kept.append(line)
    return "\n".join(kept)


def layouts(sources: Iterable[str]) -> dict[str, list[str]]:
    """Each source in several line lengths: one run of the formatter a length, however many cells there are."""
    unique = list(dict.fromkeys(sources))
    found: dict[str, list[str]] = {source: [] for source in unique}
    with tempfile.TemporaryDirectory() as folder:
        for length in LINE_LENGTHS:
            paths = [Path(folder) / f"{i}.py" for i in range(len(unique))]
            for path, source in zip(paths, unique, strict=True):
                path.write_text(source + "\n", encoding="utf-8")
            command = [sys.executable, "-m", "ruff", "format", "-q", "--isolated", "--no-cache", "--line-length"]
            # a cell that is no Python by itself stays as it is, and the others are formatted all the same
            subprocess.run([*command, str(length), folder], check=False, capture_output=True)
            for path, source in zip(paths, unique, strict=True):
                text = re.sub(r"\n{3,}", "\n\n", path.read_text(encoding="utf-8").strip("\n"))
                found[source].append("\n".join(_folded(line, length) for line in text.split("\n")))
    return found


def _folded(line: str, width: int) -> str:
    """A comment or a docstring, which the formatter leaves long, in lines no longer than the code's."""
    if not line.lstrip().startswith(("# ", '"""')):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    sign = indent + ("# " if line.lstrip().startswith("#") else "")
    return textwrap.fill(line, width, subsequent_indent=sign, break_long_words=False, break_on_hyphens=False)


def blocks(variants: Sequence[str], height: float = BODY_HEIGHT) -> list[Block]:
    """The code in the largest letters that `height` allows, on as many pages as it takes."""
    pages = [_marked(text) for text in variants]
    fewest = min(map(len, pages))
    best = max(pages, key=lambda lines: _legibility(lines, height) - 0.8 * (len(lines) - fewest))
    most = min(PAGE, int((height - PADDING) / SIZES[-1] / LINE_HEIGHT))
    parts = [best] if _size(best, height) else _pages(pages[PAGED], most)
    return [_block(part, _size(part, height) or SIZES[-1]) for part in parts]


def _marked(text: str) -> list[Line]:
    lines, inside = [], False
    for line in text.split("\n"):
        if BEGIN.match(line) or END.match(line):
            inside = bool(BEGIN.match(line))
        else:
            lines.append(Line(line, inside))
    return lines


def _size(lines: Sequence[Line], height: float) -> float:
    """The largest letters in which the lines fit into the height, whole if possible; 0 if none do."""
    fitting = [size for size in SIZES if _rows(lines, size) <= min(LONGEST, (height - PADDING) / size / LINE_HEIGHT)]
    whole = [size for size in fitting if _rows(lines, size) == len(lines)]
    return max(whole, default=min([BROKEN, *fitting[:1]]) if fitting else 0)


def _legibility(lines: Sequence[Line], height: float) -> float:
    """Letter size: small ones count less, large ones hardly more; less if lines have to be broken, or do not fit."""
    size = _size(lines, height)
    score = min(size, 22 + (size - 22) / 3, 20 - 2 * (20 - size))
    return score - 4 * (_rows(lines, size) > len(lines)) if size else -100


def _rows(lines: Sequence[Line], size: float) -> int:
    """Rows that the lines take when those that are too long for the slide are broken."""
    columns = int((BODY_WIDTH - 44) / (ADVANCE * size))
    return sum(_rows_of(line.text, columns) for line in lines)


def _rows_of(text: str, columns: int) -> int:
    """Rows of one line: what goes on stands four letters to the right of its first."""
    return 1 + max(0, math.ceil((len(text) - columns) / max(20, columns - 4 - _indent(text))))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _pages(lines: list[Line], most: int) -> list[list[Line]]:
    """Pages of about equal length, with so many lines at most, cut between definitions, blocks or statements."""
    pages = []
    while len(lines) > most:
        goal = len(lines) / math.ceil(len(lines) / most)
        cut = min(range(int(0.6 * goal), most + 1), key=lambda i: (_cost(lines, i), abs(i - goal)))
        pages.append(lines[:cut])
        lines = lines[cut:]
        while lines and not lines[0].text.strip():
            lines = lines[1:]
    return [*pages, lines]


def _cost(lines: Sequence[Line], cut: int) -> float:
    """How bad it is to begin a page with line `cut`."""
    text, before = lines[cut].text, lines[cut - 1].text
    if not text.strip() or before.lstrip().startswith("@"):
        return 99
    indent = (len(text) - len(text.lstrip())) / 4
    closing = text.lstrip()[0] in ")]}" or before.rstrip().endswith((",", "(", "[", "{", ":"))
    return indent * 2 + 20 * closing - 1.0 * (not before.strip())


def _block(lines: Sequence[Line], size: float) -> Block:
    while lines and not lines[-1].text.strip():
        lines = lines[:-1]
    coloured = highlight("\n".join(line.text for line in lines), LEXER, FORMATTER).rstrip("\n").split("\n")
    html = "".join(
        f'<span class="line{" solution" if line.solution else ""}"{_hanging(line.text)}>{text or " "}\n</span>'
        for line, text in zip(lines, coloured, strict=True)
    )
    style = f'style="--size:{size:g}px"'
    return Block(
        "code",
        f'<pre class="code" {style}><code>{html}</code></pre>',
        _rows(lines, size) * size * LINE_HEIGHT + PADDING,
    )


def _hanging(text: str) -> str:
    """For a line that may have to be broken: how far it is indented, which what goes on should be too."""
    indent = _indent(text)
    return f' style="--indent:{indent}ch"' if indent and len(text) > LINE_LENGTHS[0] else ""


LEXER = PythonLexer(stripnl=False, ensurenl=False)
FORMATTER = HtmlFormatter(nowrap=True)


def text_block(text: str) -> Block:
    """What a cell prints, in letters that let its longest line stay whole if that is legible."""
    lines = text.split("\n")
    size = min(22.0, max(16.0, (BODY_WIDTH - 44) / (ADVANCE * max(map(len, lines)))))
    columns = int((BODY_WIDTH - 44) / (ADVANCE * size))
    rows = sum(max(1, math.ceil(len(line) / columns)) for line in lines)
    html = f'<pre class="text" style="--size:{size:.3g}px">{escape(text, quote=False)}</pre>'
    return Block("text", html, rows * size * 1.35 + 26)
