"""What each cell of a notebook puts on the slides, and what it keeps off them.

- Slide type `skip` (set-up, parameters with the prose before them, checks) stays off; `notes` goes to the speaker.
- An exercise appears twice: as the student meets it, then solved. A question is followed by its answer.
- A cell that makes a figure, a table or a result shows that, not the code that draws it; functions that it defines on
  the way are shown before. A cell that only defines how to draw stays off.
- A cell that only trains, and leaves nothing but a progress bar or a log of epochs, stays off.
- Every other cell shows its code with what it prints.

A lesson that gives a code cell the slide type slide, subslide or fragment has its code and its outputs shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tools.deck import code, outputs, prose
from tools.deck.blocks import BODY_HEIGHT, Block, Item
from tools.lesson import slide_of, source_of

Cell = dict[str, Any]
Format = Callable[[str], Sequence[str]]  # a source in several line lengths
MOST_SAID = 220  # height of printed text that stands below its code
OBJECTIVES = re.compile(r"\*\*You will\b[^*]*\*\*\s*", re.IGNORECASE)
NUMBERED = re.compile(r"\*\*((Question|Answer) \d\d\.[a-z])\.?\*\*\s*")


def items(cells: Sequence[Cell], number: str, handout: bool = False) -> list[Item]:
    """The items of all cells in order; a handout has no solutions, answers and notes."""
    reader = _Reader(number, handout, _formats(cells))
    following = [*cells[1:], {"metadata": {}}]
    pairs = zip(cells, following, strict=True)
    return [item for cell, after in pairs if not _introduces_parameters(cell, after) for item in reader.read(cell)]


def _introduces_parameters(cell: Cell, after: Cell) -> bool:
    return cell["cell_type"] == "markdown" and "parameters" in after["metadata"].get("tags", ())


def _formats(cells: Sequence[Cell]) -> Format:
    """All code that can appear, formatted in one go."""
    sources: list[str] = []
    for cell in cells:
        if cell["cell_type"] == "code" and slide_of(cell) != "skip":
            source = source_of(cell)
            sources += [source, code.definitions(source), code.without_solution(source)]
    return code.layouts(sources).__getitem__


class _Reader:
    """Reads one cell after the other, counting the exercises."""

    def __init__(self, number: str, handout: bool, variants: Format) -> None:
        self.number, self.handout, self.variants = number, handout, variants
        self.exercises = 0

    def read(self, cell: Cell) -> list[Item]:
        """What the cell puts on the slides."""
        slide, tags = slide_of(cell), cell["metadata"].get("tags", ())
        if "exercise" in tags and cell["cell_type"] == "code":
            self.exercises += 1
        if slide == "notes" or "notes" in tags:
            return [] if self.handout else [Item("notes", text=prose.whole(source_of(cell)))]
        if slide == "skip" or {"remove-cell", "hide-cell"} & set(tags):
            return []
        read = self._markdown if cell["cell_type"] == "markdown" else self._code
        found = list(read(cell, slide, set(tags)))
        if slide == "fragment":
            return [item.as_fragment() if item.kind in ("prose", "show") else item for item in found]
        if slide in ("slide", "subslide") and found and found[0].kind in ("prose", "show"):
            found[0] = Item(**{**vars(found[0]), "starts": True})
        return found

    def _markdown(self, cell: Cell, slide: str, tags: set[str]) -> Iterator[Item]:
        source, badge = source_of(cell), ""
        numbered = NUMBERED.match(source)
        if numbered:
            if numbered[2] == "Answer" and self.handout:
                return
            badge, source = numbered[1], source[numbered.end() :]
        if OBJECTIVES.match(source):
            yield Item("heading", text="You will", level=3)
            source = OBJECTIVES.sub("", source, count=1)
        joins = slide_of(cell) in ("-", "fragment") and source.lstrip().startswith("#")
        blocks: list[Block] = []
        for piece in prose.pieces(source):
            if isinstance(piece, Block):
                blocks.append(piece)
            elif joins and not blocks:
                blocks.append(Block("prose", f"<h3>{piece[1]}</h3>", 52))
            else:
                if blocks:
                    yield Item("prose", tuple(blocks), badge=badge, starts=bool(badge))
                    blocks = []
                yield Item("title" if piece[0] == 1 else "heading", text=piece[1], level=piece[0])
        if blocks:
            yield Item("prose", tuple(blocks), badge=badge, starts=bool(badge))

    def _code(self, cell: Cell, slide: str, tags: set[str]) -> Iterator[Item]:
        source, wanted = source_of(cell), slide in ("slide", "subslide", "fragment")
        if not source.strip():
            return
        if "exercise" in tags:
            yield from self._exercise(source)
            return
        rich, said = outputs.pictures(cell), outputs.printed(cell)
        if {"remove-output", "hide-output"} & tags:
            rich, said = [], ""
        drawn = code.makes_pictures(source) or any(map(outputs.is_picture, rich))
        if drawn and not wanted:
            source = code.definitions(source)
        elif not wanted and (code.only_draws(source) or _only_trains(cell, source, rich)):
            return
        if {"remove-input", "hide-input"} & tags:
            source = ""
        text = [outputs.text(said)] if said else []
        shown = self._shown(source, [] if drawn else text)
        for page in shown[:-1]:
            yield Item("show", (page,))
        if drawn:
            yield from (Item("show", (block,)) for block in shown[-1:])
            yield from _pictured(rich, text)
        else:
            together = (*shown[-1:], *text)
            fits = sum(block.height for block in together) <= BODY_HEIGHT
            yield from [Item("show", together)] if fits else (Item("show", (block,)) for block in together)
            yield from (Item("show", (block,)) for block in rich)

    def _shown(self, source: str, text: Sequence[Block]) -> list[Block]:
        """The code in as large letters as what it prints allows, unless that is much."""
        if not source:
            return []
        said = sum(block.height for block in text)
        return code.blocks(self.variants(source), BODY_HEIGHT - (said if said <= MOST_SAID else 0))

    def _exercise(self, source: str) -> Iterator[Item]:
        badge = f"Exercise {self.number}.{self.exercises}"
        for block in code.blocks(self.variants(code.without_solution(source))):
            yield Item("show", (block,), badge=badge)
        if not self.handout:
            for block in code.blocks(self.variants(source)):
                yield Item("show", (block,), badge=f"Solution {self.number}.{self.exercises}", starts=True)


def _only_trains(cell: Cell, source: str, rich: Sequence[Block]) -> bool:
    silent = not outputs.printed(cell) and code.trains(source)
    return not rich and (silent or outputs.is_log(cell)) and not code.defines(source)


def _pictured(rich: Sequence[Block], text: Sequence[Block]) -> Iterator[Item]:
    """Each picture by itself; a few printed lines or a result go with the last one."""
    last = max((i for i, block in enumerate(rich) if block.kind != "result"), default=-1)
    for block in rich[: max(last, 0)]:
        yield Item("show", (block,))
    rest = [*rich[max(last, 0) :], *text]
    if len(rest) > 1 and sum(block.height for block in rest) > BODY_HEIGHT:
        yield Item("show", (rest.pop(0),))
    if rest:
        yield Item("show", tuple(rest))
