"""What a slide is made of, and the canvas that it has to fit on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

WIDTH, HEIGHT = 1280, 720  # the canvas; a projector scales it as a whole
BODY_WIDTH, BODY_HEIGHT = 1168, 545  # what title, margins and footer leave
PROSE = 27  # letter sizes at which slides are composed; deck.js shrinks a slide that turns out too full
LINE = 1.4  # line height of prose, in letter sizes
CHARACTERS = 86  # of prose in a line
FIGURE = 330  # a figure that is less high cannot be read from the back row


@dataclass(frozen=True)
class Block:
    """A piece that is never torn: a paragraph, a list, a formula, a page of code, a table, a figure."""

    kind: str  # prose, math, code, text, table, figure, result
    html: str
    height: float  # estimated, in pixels of the canvas; for a figure, the least
    fragment: bool = False


@dataclass(frozen=True)
class Item:
    """What one cell puts on the slides: `prose` introduces or discusses, `show` is what a slide is about."""

    kind: str  # "title", "heading", "prose", "show" or "notes"
    blocks: tuple[Block, ...] = ()
    text: str = ""  # of a heading: its HTML; of notes: theirs
    level: int = 0  # of a heading
    badge: str = ""  # a word beside the title: Exercise 05.1, Solution, …
    starts: bool = False  # a new slide, whatever there is room for

    @property
    def height(self) -> float:
        """What its blocks take together."""
        return sum(block.height for block in self.blocks)

    def as_fragment(self) -> Item:
        """The same, appearing one click later on the slide before."""
        return replace(self, blocks=tuple(replace(block, fragment=True) for block in self.blocks))


@dataclass
class Slide:
    """One slide, and whether it opens a section (a column of the overview)."""

    title: str
    section: str = ""  # the section's title, where `title` is not it
    badge: str = ""
    blocks: list[Block] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    opens: bool = False
    again: bool = False  # the title stood on the slide before already
    kind: str = ""  # "title" for the first

    @property
    def height(self) -> float:
        """What its blocks take together."""
        return sum(block.height for block in self.blocks)


def prose_height(characters: float, size: float = PROSE) -> float:
    """Height of a paragraph of so many characters, with the space below it."""
    return max(1, math.ceil(characters * size / PROSE / CHARACTERS)) * size * LINE + 14
