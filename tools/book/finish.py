"""What is added to the pages after Sphinx: excerpts for the search, places to break names, stills of animations."""

from __future__ import annotations

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

from tools.deck.prose import glued

STRAY = (".buildinfo", "objects.inv", "_sources")  # of use to Sphinx only
SILENT = ("script", "style")
LONG_NAME = re.compile(r'(?<=<span class="pre">)[^<]{16,}(?=</span>)')


def finish(folder: Path) -> None:
    """Complete the pages in a folder."""
    pages = [path for path in sorted(folder.rglob("*.html")) if path.name != "search.html"]
    texts = {path.relative_to(folder).with_suffix("").as_posix(): text_of(path) for path in pages}
    script = f"coursePages({json.dumps(texts, ensure_ascii=False, separators=(',', ':'))});\n"
    (folder / "_static" / "pages.js").write_text(script, encoding="utf-8")
    for path in pages:
        path.write_text(glued(breakable(path.read_text(encoding="utf-8"))), encoding="utf-8")
    for path in (folder / "_images").glob("*.gif"):
        still(path)
    for name in STRAY:
        path = folder / name
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def breakable(html: str) -> str:
    """The page with long names in code broken behind an underscore or a slash, and not in a word."""
    return LONG_NAME.sub(lambda name: re.sub(r"(?<=[_/])(?=\w)", "<wbr>", name[0]), html)


def still(path: Path) -> None:
    """The last picture of an animation, beside it."""
    from PIL import Image

    with Image.open(path) as animation:
        animation.seek(getattr(animation, "n_frames", 1) - 1)
        animation.convert("RGB").save(path.with_suffix(".still.png"), optimize=True)


def text_of(path: Path) -> str:
    """The text of a page's article, with the sections and terms that a search result can point to."""
    reader = _Text()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return '<div role="main">' + re.sub(r"\s+", " ", "".join(reader.parts)) + "</div>"


class _Text(HTMLParser):
    """Keeps an article's text and the places with an id."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.inside = False  # the article
        self.silent = 0  # elements without text for a reader
        self.terms = 0  # of the glossary's entry that is being read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.inside = self.inside or tag == "article"
        self.silent += tag in SILENT or (self.silent > 0 and tag == "a")
        if tag == "a" and "headerlink" in found.get("class", ""):
            self.silent += 1
        if tag == "section" or (tag == "dt" and "id" in found):
            self.parts.append(f'<div id="{escape(found.get("id", ""))}">')
            self.terms += tag == "dt"

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "article"
        if self.silent and (tag in SILENT or tag == "a"):
            self.silent -= 1
        if tag == "section":
            self.parts.append("</div>")
        if tag == "dd":
            self.parts.append("</div>" * self.terms)
            self.terms = 0
        self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if self.inside and not self.silent:
            self.parts.append(escape(data, quote=False))
