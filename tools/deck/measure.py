"""Decks measured in a browser: whether every slide fits, and whether it can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.browser import chromium
from tools.deck.blocks import HEIGHT, WIDTH

if TYPE_CHECKING:
    from playwright.sync_api import Page

SMALLEST = {"code": 16, "prose": 20, "table": 16}  # letters in pixels of the canvas
LOW, BROAD = 300, 1100  # a figure that is neither so high nor so wide is too small
READY = "document.documentElement.classList.contains('ready')"
# Of the slide that is on the screen: how much it needs, what sticks out of it, how large its letters and figures are
LOOK = """() => {
  const canvas = Reveal.getCurrentSlide().querySelector('.canvas'), body = canvas.querySelector('.body');
  const frame = canvas.getBoundingClientRect(), scale = frame.width / 1280;
  const shown = [...canvas.querySelectorAll('*:not(svg *, mjx-assistive-mml, mjx-assistive-mml *, .stripes)')];
  const boxes = shown.map((e) => [e, e.getBoundingClientRect()]).filter(([e, box]) => box.width && box.height);
  const sticksOut = boxes.filter(([e, box]) => box.right > frame.right + 1 || box.bottom > frame.bottom + 1
    || box.left < frame.left - 1 || box.top < frame.top - 1);
  const cut = [body, ...body.querySelectorAll('.wide, pre, .math.display')].filter(
    (e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
  const letters = (where) => Math.min(Infinity, ...[...body.querySelectorAll(where)].map(
    (e) => parseFloat(getComputedStyle(e).fontSize)));
  const index = Reveal.getIndices();
  return {
    place: [index.h, index.v], title: (canvas.querySelector('h1, h2') || {}).innerText || '',
    width: canvas.scrollWidth, height: canvas.scrollHeight,
    outside: [...sticksOut.map(([e]) => e), ...cut].map((e) => e.tagName.toLowerCase() + '.' + e.className),
    scale: parseFloat(getComputedStyle(canvas).getPropertyValue('--k')),
    letters: {code: letters('pre'), prose: letters(':scope > :is(p, ul, ol)'), table: letters('.wide')},
    formulas: [...body.querySelectorAll('.math')].filter(
      (e) => !e.querySelector('mjx-container') || e.querySelector('[data-mml-node="merror"]'),
    ).map((e) => e.textContent),
    figures: [...body.querySelectorAll('img')].map(
      (e) => [e.naturalWidth, e.naturalHeight, e.clientWidth, e.clientHeight]),
  };
}"""

PAGE_THROUGH = f"""() => {{
  const look = {LOOK}, found = [look()];
  while (!Reveal.isLastSlide()) {{ Reveal.next(); found.push(look()); }}
  return found;
}}"""


@dataclass(frozen=True)
class Measured:
    """One slide as the browser laid it out."""

    number: int
    title: str
    width: float
    height: float
    outside: tuple[str, ...]
    scale: float  # by how much its letters were shrunk
    letters: dict[str, float | None]
    formulas: tuple[str, ...]  # those that could not be set
    figures: tuple[tuple[float, ...], ...]  # natural width and height, then the boxes on the slide

    @property
    def where(self) -> str:
        """Which slide it is, in words."""
        return f"slide {self.number} ({self.title})"

    @property
    def problems(self) -> list[str]:
        """What keeps a class from reading it."""
        found = []
        if self.width > WIDTH or self.height > HEIGHT or self.outside:
            parts = ", ".join(dict.fromkeys(self.outside))
            found.append(f"overflows: {self.width:.0f} × {self.height:.0f} of {WIDTH} × {HEIGHT} ({parts})")
        for kind, least in SMALLEST.items():
            size = self.letters.get(kind)
            if size is not None and size < least - 0.1:
                found.append(f"{kind} in letters of {size:.1f} pixels, less than {least}")
        found += [f"a formula that MathJax cannot set: {text}" for text in self.formulas]
        found += [f"a figure of only {w:.0f} × {h:.0f}" for w, h in map(_drawn, self.figures) if h < LOW and w < BROAD]
        return found


def _drawn(figure: tuple[float, ...]) -> tuple[float, float]:
    """Width and height of a picture inside its box, which it fills in one direction."""
    natural_width, natural_height, width, height = figure
    scale = min(width / natural_width, height / natural_height)
    return natural_width * scale, natural_height * scale


def measured(deck: Path) -> list[Measured]:
    """Every slide of a deck, paged through as a speaker does."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        return measure(page, deck)


def measure(page: Page, deck: Path) -> list[Measured]:
    """The same in a browser that is running: next slide, until there is none."""
    page.goto(deck.as_uri())
    page.wait_for_function(READY)
    return [_read(number, seen) for number, seen in enumerate(page.evaluate(PAGE_THROUGH), start=1)]


def _read(number: int, seen: dict[str, Any]) -> Measured:
    letters = {kind: None if size is None else float(size) for kind, size in seen["letters"].items()}
    return Measured(
        number,
        " ".join(seen["title"].split()),
        seen["width"],
        seen["height"],
        tuple(seen["outside"]),
        seen["scale"],
        letters,
        tuple(seen["formulas"]),
        tuple(tuple(figure) for figure in seen["figures"]),
    )
