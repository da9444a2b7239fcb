"""The pictures of README.md: figures of the committed notebooks, and screenshots of what is built from them."""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from PIL import Image, ImageOps

from tools.browser import NoBrowser, chromium
from tools.deck.measure import READY
from tools.lesson import ROOT, LessonError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# picture → notebook, and how the caption of its figure begins
PICTURES = {
    "extrapolation": ("02_simple_regression", "Trained on the grey band only"),
    "regularisers": ("05_lenet_regularization", "The same curves for each remedy"),
}
SLIDES = ("def batch_norm", "The same curves for each remedy")  # of lesson 05: the last slide that says so
TURN = """(text) => {
  const saying = Reveal.getSlides().filter((slide) => slide.querySelector('.canvas').textContent.includes(text));
  const place = Reveal.getIndices(saying.pop());
  Reveal.slide(place.h, place.v);
}"""
FIGURE = "application/vnd.course.figure+json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools pictures`."""
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Write each picture to pictures/."""
    folder = args.root / "pictures"
    folder.mkdir(exist_ok=True)
    for name, (slug, caption) in PICTURES.items():
        (folder / f"{name}.png").write_bytes(picture(args.root / "notebooks" / f"{slug}.ipynb", caption))
        print(f"pictures/{name}.png from {slug}")
    try:
        with chromium() as browser:
            for name, take in SCREENSHOTS.items():
                save(take(browser, args.root), folder / f"{name}.png")
                print(f"pictures/{name}.png")
    except NoBrowser as reason:
        print(f"the screenshots stay as they are: {reason}")
    return 0


def picture(notebook: Path, caption: str) -> bytes:
    """The PNG of the figure whose caption begins so."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.get(FIGURE, {}).get("caption", "").startswith(caption):
                return base64.b64decode(data["image/png"])
    raise LookupError(f"{notebook.name} has no figure whose caption begins with {caption!r}")


def book(browser: Browser, root: Path) -> Image.Image:
    """A page of the book on a desk, and the same place on a phone in the dark."""
    page = root / "build" / "book" / "lessons" / "05_lenet_regularization.html"
    if not page.is_file():
        raise LessonError(page, 0, "is not there: run `python -m tools book` first")
    desk = screenshot(browser, page, (1100, 720), "light", "#remedy-1-dropout")
    phone = screenshot(browser, page, (390, 720), "dark", "article figure:has(img[alt*='panels'])")
    both = Image.new("RGB", (desk.width + 20 + phone.width, desk.height), "white")
    both.paste(desk, (0, 0))
    both.paste(phone, (desk.width + 20, 0))
    return both


def slides(browser: Browser, root: Path) -> Image.Image:
    """Two slides side by side: a solved exercise and a figure."""
    deck = root / "build" / "slides" / "05_lenet_regularization.html"
    if not deck.is_file():
        raise LessonError(deck, 0, "is not there: run `python -m tools slides` first")
    view = browser.new_page(viewport={"width": 1280, "height": 720})
    view.goto(deck.as_uri())
    view.wait_for_function(READY)
    both = Image.new("RGB", (1300, 360), "white")
    for i, part in enumerate(SLIDES):
        view.evaluate(TURN, part)
        taken = Image.open(io.BytesIO(view.screenshot())).convert("RGB").resize((638, 358), Image.Resampling.LANCZOS)
        both.paste(ImageOps.expand(taken, 1, "#d5dbe1"), (660 * i, 0))
    view.close()
    return both


def screenshot(browser: Browser, page: Path, size: tuple[int, int], scheme: str, place: str) -> Image.Image:
    """What a reader sees who opens a page at an element."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    view = context.new_page()
    view.goto(page.as_uri())
    view.wait_for_timeout(1500)  # formulas
    view.locator(place).first.evaluate("place => window.scrollTo(0, place.offsetTop - 70)")
    taken = Image.open(io.BytesIO(view.screenshot())).convert("RGB")
    context.close()
    return taken


def save(image: Image.Image, path: Path) -> None:
    """A screenshot in a small file: few colours are enough for text, if the rare ones are among them."""
    image.quantize(128, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


SCREENSHOTS = {"book": book, "slides": slides}
