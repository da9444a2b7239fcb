"""What must hold for every page: nothing is loaded from a network, every picture has words, headings are in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}
NAVIGATION = ("canonical", "next", "prev", "search", "index", "author", "license")  # links that load nothing
FROM_NETWORK = re.compile(r"""(?:@import\s+["']|url\(\s*["']?)((?:https?:)?//[^)"']+)""")
HEADING = re.compile(r"h([1-6])")


class Page(HTMLParser):
    """Reads one page and notes what is wrong with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.problems: list[str] = []
        self.level, self.titles, self.ids = 0, 0, set[str]()
        self.pictures = 0
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        if self.titles != 1:
            self.problems.append(f"{self.titles} headings of the first level")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        found = {name: value or "" for name, value in attrs}
        if tag in LOADS and found.get("rel", "") not in NAVIGATION:
            self.loads(tag, found.get(LOADS[tag], ""))
        if tag == "img":
            self.pictures += 1
            if not found.get("alt", "").strip():
                self.problems.append(f"the picture {found.get('src', '')[:80]} has no alternative text")
        heading = HEADING.fullmatch(tag)
        if heading:
            self.heading(int(heading[1]))

    def loads(self, tag: str, address: str) -> None:
        """An address that the browser fetches has to be a file of the book."""
        parts = urlsplit(address)
        if not address or parts.scheme == "data":
            return
        if parts.scheme or parts.netloc:
            self.problems.append(f"<{tag}> loads {address} from a network")
        elif not (self.path.parent / unquote(parts.path)).is_file():
            self.problems.append(f"<{tag}> loads {address}, which is not there")

    def heading(self, level: int) -> None:
        """Headings go down one level at a time."""
        self.titles += level == 1
        if level > self.level + 1:
            self.problems.append(f"a heading of level {level} follows one of level {self.level}")
        self.level = level


def problems(folder: Path) -> Iterator[str]:
    """What is wrong with the pages and style sheets of a folder."""
    for path in sorted(folder.rglob("*.html")):
        if "_static" not in path.relative_to(folder).parts:
            yield from (f"{path.relative_to(folder)}: {problem}" for problem in Page(path).problems)
    for path in sorted(folder.rglob("*.css")):
        for address in FROM_NETWORK.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)}: loads {address} from a network"
