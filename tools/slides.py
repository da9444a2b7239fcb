"""Slides of each lesson from its committed notebook, into build/slides: they work from a file, without a network."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.build import write
from tools.deck.cells import items
from tools.deck.compose import slides as composed
from tools.deck.page import Deck, deck_page, index_page
from tools.header import LessonError
from tools.lesson import ROOT, find, read
from tools.results import staleness

ASSETS = Path(__file__).parent / "deck" / "assets"
REVEAL = ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "LICENSE")
PLUGINS = ("notes", "zoom", "search")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools slides`."""
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lessons to make slides of (all)")
    parser.add_argument("--handout", action="store_true", help="without solutions, answers and notes: to give away")
    parser.add_argument("--check", action="store_true", help="measure every slide in Chromium; exit 1 if one overflows")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Write the decks, their assets and the index; say what is not as it should be."""
    root = args.root.resolve()
    folder = root / "build" / ("handout" if args.handout else "slides")
    copy_assets(folder / "assets")
    wanted = [path.stem for path in find(root, args.lessons)]
    decks = [deck for path in find(root) if (deck := read_deck(root, path))]
    for deck in decks:
        if deck.slug in wanted:
            deck.slides = composed(items(deck.notebook["cells"], deck.course["number"], args.handout))
            write(folder / f"{deck.slug}.html", deck_page(deck))
            print(f"{deck.slug}: {len(deck.slides)} slides{', ' if deck.remark else ''}{deck.remark}")
    write(folder / "index.html", index_page(decks))
    remove_strangers(folder, (deck.slug for deck in decks))
    print(f"open {(folder / 'index.html').relative_to(root)}")
    return check(folder, wanted) if args.check else 0


def read_deck(root: Path, path: Path) -> Deck | None:
    """What a lesson's committed notebook says of itself; None where it was not built yet."""
    source = root / "notebooks" / f"{path.stem}.ipynb"
    if not source.is_file():
        print(f"{path.stem}: not yet built")
        return None
    notebook: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    try:
        remark = staleness(notebook, read(path)).split(";")[0]
    except LessonError:  # `tools build` says which; the notebook stands all the same
        remark = "stale: its lesson has an error"
    if not remark and not notebook["metadata"]["course"].get("run"):
        remark = "not yet executed: figures and numbers are missing"
    return Deck(notebook, remark)


def copy_assets(folder: Path) -> None:
    """reveal.js, MathJax and the deck's own style beside the decks: nothing comes from a network."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in ASSETS.iterdir():
        shutil.copyfile(path, folder / path.name)
    reveal = package_folder("sphinx_revealjs") / "_static" / "revealjs"
    names = [*REVEAL, *(f"plugin/{name}/{name}.js" for name in PLUGINS)]
    for name in names:
        _copy(reveal / name, folder / "reveal" / Path(name).name)
    mathjax = package_folder("sphinx-mathjax-offline") / "static" / "mathjax"
    _copy(mathjax / "tex-svg-full.js", folder / "mathjax" / "tex-svg-full.js")


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or not found.origin:
        raise ModuleNotFoundError(f"no module named {name!r}", name=name)
    return Path(found.origin).parent


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)


def remove_strangers(folder: Path, slugs: Iterable[str]) -> None:
    """Remove decks of lessons that are gone."""
    known = {*slugs, "index"}
    for path in folder.glob("*.html"):
        if path.stem not in known:
            path.unlink()


def check(folder: Path, slugs: Iterable[str]) -> int:
    """Measure the decks in Chromium, and say which slides are too full."""
    from tools.deck.measure import measured

    problems = []
    for slug in slugs:
        path = folder / f"{slug}.html"
        if path.is_file():
            problems += [f"{slug} {slide.where}: {problem}" for slide in measured(path) for problem in slide.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))
