"""From items to slides: one idea each, with the sentence that introduces it and the one that discusses it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from tools.deck.blocks import BODY_HEIGHT, Block, Item, Slide

SQUEEZE = 1.15  # prose may be so much too long for its slide: deck.js sets it in smaller letters
EXERCISE = re.compile(r"Exercises? \d\d")
LEAD = 200  # height up to which prose stands above or below what it is about
TASK = 340  # the same for what an exercise asks


def slides(items: Sequence[Item]) -> list[Slide]:
    """The deck; its first slide is the title."""
    composer = _Composer()
    for i, item in enumerate(items):
        composer.add(item, last=_last_of_its_title(items, i))
    return composer.done()


def _last_of_its_title(items: Sequence[Item], index: int) -> bool:
    """Whether nothing but notes follows before the next heading."""
    following = next((item for item in items[index + 1 :] if item.kind != "notes"), None)
    return following is None or following.kind in ("heading", "title")


class _Composer:
    """Holds prose back until it is known what it introduces."""

    def __init__(self) -> None:
        self.deck: list[Slide] = []
        self.section = self.title = ""
        self.opens = self.fresh = True  # the next slide is the first of its section, of its title
        self.solved = False
        self.waiting: Item | None = None
        self.early: list[str] = []  # notes that stand before the slide they are about

    def add(self, item: Item, last: bool) -> None:
        """Take one item; `last` if its title ends with it."""
        if self.solved and not item.badge and item.kind in ("prose", "show"):
            self.title, self.fresh, self.solved = (
                self.section,
                False,
                False,
            )  # the exercise is over, the section goes on
        if item.kind == "title":
            self._flush()
            self.section = self.title = item.text
        elif item.kind == "heading":
            self._flush()
            self._heading(item)
        elif item.kind == "notes":
            self._notes(item.text)
        elif item.blocks and item.blocks[0].fragment and (self.deck or self.waiting):
            self._flush()
            self.deck[-1].blocks += item.blocks
        elif item.kind == "prose":
            self._prose(item, last)
        else:
            self._show(item)

    def done(self) -> list[Slide]:
        """The slides, with what was still held back."""
        self._flush()
        return self.deck

    def _heading(self, item: Item) -> None:
        self.solved = False
        self.title, self.fresh = item.text, True
        if item.level <= 2:
            self.section, self.opens = item.text, True

    def _notes(self, text: str) -> None:
        if self.waiting or self.fresh or not self.deck:
            self.early.append(text)
        else:
            self.deck[-1].notes.append(text)

    def _prose(self, item: Item, last: bool) -> None:
        self._flush()
        before = self.deck[-1] if self.deck and not self.fresh else None
        discusses = last and not item.badge and not item.starts and before and before.blocks[-1].kind != "prose"
        alone = before and all(block.kind == "result" for block in before.blocks)  # they hardly fill a slide
        short = item.height <= LEAD or alone
        if before and discusses and short and before.height + item.height <= BODY_HEIGHT:
            before.blocks += item.blocks
        else:
            self.waiting = item

    def _show(self, item: Item) -> None:
        before = self.deck[-1] if self.deck and not self.waiting and not self.fresh else None
        results = not item.starts and all(block.kind == "result" for block in item.blocks)
        if before and results and before.height + item.height <= BODY_HEIGHT:
            before.blocks += item.blocks  # a recorded result belongs to the table or figure that it comes from
            return
        lead, self.waiting = self.waiting, None
        fits = lead and lead.height <= (TASK if item.badge else LEAD) and lead.height + item.height <= BODY_HEIGHT
        joins = lead and fits and not item.starts and not lead.badge
        if lead and not joins:
            self._pages(lead)
        self._new([*(lead.blocks if lead and joins else ()), *item.blocks], item.badge)
        self.solved = bool(item.badge and EXERCISE.match(self.title))

    def _flush(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting:
            self._pages(waiting)

    def _pages(self, item: Item) -> None:
        """Prose on as many slides as it takes."""
        for page in pages(item.blocks):
            self._new(page, item.badge)

    def _new(self, blocks: Iterable[Block], badge: str = "") -> None:
        kind = "" if self.deck else "title"
        section = "" if self.section == self.title else self.section
        slide = Slide(self.title, section, badge, list(blocks), self.early, self.opens, not self.fresh, kind)
        self.deck.append(slide)
        self.opens = self.fresh = False
        self.early = []


def pages(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks on slides that are about equally full, in order; a line that announces a list stays with it."""
    total = sum(block.height for block in blocks)
    if total <= BODY_HEIGHT * SQUEEZE:
        return [list(blocks)]
    goal = total / math.ceil(total / BODY_HEIGHT)
    made: list[list[Block]] = [[]]
    for i, block in enumerate(blocks):
        height = sum(other.height for other in made[-1])
        announces = block.height < 100 and i + 1 < len(blocks) and blocks[i + 1].html.startswith(("<ul", "<ol"))
        needed = block.height + announces * blocks[min(i + 1, len(blocks) - 1)].height
        if made[-1] and (height + needed > BODY_HEIGHT or height + block.height / 2 > goal * 1.05):
            made.append([])
        made[-1].append(block)
    return made
