"""The pages beside the lessons: front page with the course map, and data cards. Results come from `tools.results`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tools.outcome import show
from tools.results import Record

HERE = Path(__file__).parent
MAP = "<!-- course map -->"
Part = tuple[str, list[Record]]
BARE_ADDRESS = re.compile(r"(?<![(<\[\"])\bhttps?://[^\s)>,]+[^\s)>,.;:]")
RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|#)[^)]+\)")
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
PAGES = ("results", "data", "glossary")
SPACE = "\N{NO-BREAK SPACE}"
SHORT = 12  # letters of a checksum that are shown


def parts(records: Iterable[Record]) -> list[Part]:
    """The records by part of the course, under the part's title; a part without a lesson is left out."""
    named = tomllib.loads((HERE / "parts.toml").read_text(encoding="utf-8"))
    left = {int(record.lesson.number): record for record in records}
    found = []
    for numeral, (name, (low, high)) in zip(NUMERALS, named.items(), strict=False):
        found.append((f"Part {numeral} · {name}", [left.pop(n) for n in range(low, high + 1) if n in left]))
    return [part for part in [*found, ("More", list(left.values()))] if part[1]]


def front_page(records: Sequence[Record]) -> str:
    """The front page: how to read the book, the course map, and the table of contents of all pages."""
    text = (HERE / "front.md").read_text(encoding="utf-8")
    groups = parts(records)
    sections = [f"## {title}\n\n{_cards(group)}" for title, group in groups]
    trees = [_tree(title, [f"lessons/{record.lesson.slug}" for record in group]) for title, group in groups]
    return "\n\n".join([text.replace(MAP, "\n\n".join(sections)), *trees, _tree("Beside the lessons", PAGES)])


def _cards(records: Iterable[Record]) -> str:
    """A list of lessons: title, what one sees, and the facts that decide whether to open it."""
    cards = []
    for record in records:
        lesson, header = record.lesson, record.lesson.header
        facts = [", ".join(header.data) or "data made in the lesson"]
        if "class" in header.minutes:
            facts.append(f"{header.minutes['class']:g} min in class")
        key = next(iter(header.expected), "")
        if key in record.results and not record.stale:
            facts.append(f"`{key}` {show(record.results[key])}")
        facts += [] if record.run else ["not yet executed"]
        title = f"[{lesson.number} · {header.title}](lessons/{lesson.slug}.ipynb)"
        cards.append(f"- **{title}**\n\n  {header.summary}\n\n  {{.card-facts}}\n  {' · '.join(facts)}")
    return "{.course-map}\n" + "\n\n".join(cards)


def _tree(caption: str, pages: Iterable[str]) -> str:
    return "\n".join([f"```{{toctree}}\n:hidden:\n:caption: {caption}\n", *pages, "```"])


def data_page(root: Path, records: Iterable[Record]) -> str:
    """The data cards of data/README.md, each with its files and the lessons that use it."""
    catalog = tomllib.loads((root / "data" / "catalog.toml").read_text(encoding="utf-8"))
    text = (root / "data" / "README.md").read_text(encoding="utf-8")
    text = RELATIVE_LINK.sub(r"`\1`", text)  # to files of the repository, which are not part of the book
    intro, *cards = re.split(r"^## (?=\w)", BARE_ADDRESS.sub(r"<\g<0>>", text), flags=re.MULTILINE)
    users: dict[str, list[Record]] = {}
    for record in records:
        for name in record.lesson.header.data:
            users.setdefault(name, []).append(record)
    return "\n\n".join([intro.strip(), *(_card(card, catalog, users) for card in cards)]) + "\n"


def _card(card: str, catalog: dict[str, Any], users: dict[str, list[Record]]) -> str:
    name, _, body = card.partition("\n")
    name = name.strip()
    entry = catalog.get(name, {})
    title = entry.get("title", name)
    lines = [f"(data-{name})=", f"## {title[0].upper()}{title[1:]}", "", f'`data.load("{name}")`', "", body.strip()]
    if name in users:
        links = (
            f"[{r.lesson.number}{SPACE}{r.lesson.header.title}](lessons/{r.lesson.slug}.ipynb)" for r in users[name]
        )
        lines += ["", f"Used in {f'{SPACE}· '.join(links)}"]  # titles have commas and question marks of their own
    files = [(variant.get("label", ""), file) for variant in entry.get("variant", ()) for file in variant["files"]]
    return "\n".join([*lines, "", *_files(files)])


def _files(files: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """A folded table of files with sizes and checksums."""
    if not files:
        return []
    rows = [f"| {label} | `{f['name']}` | {_bytes(f)} | {_checksum(f)} |" for label, f in files]
    table = ["{.files}", "| what | file | bytes | SHA-256 |", "|---|---|--:|---|", *rows]
    summary = f"<details><summary>Files and checksums ({len(files)})</summary>"
    return [summary, "", *table, "", "</details>"]


def _bytes(file: dict[str, Any]) -> str:
    return f"{file['bytes']:,}" if "bytes" in file else ""


def _checksum(file: dict[str, Any]) -> str:
    return f"`{file['sha256'][:SHORT]}…`" if "sha256" in file else "checked by content"
