"""What a cell left on the page: figures, tables, results and printed lines, as blocks."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from tools.deck import code, prose
from tools.deck.blocks import BODY_HEIGHT, FIGURE, Block, prose_height

COURSE = "application/vnd.course.{}+json"
PICTURES = {"image/png": "png", "image/gif": "gif", "image/jpeg": "jpeg"}
ROWS = 11  # of a table on one slide
LINES = 16  # of printed text on one slide
READABLE = 620  # a figure that is less wide cannot be read from the back row, unless it is tall
BESIDE = 70  # what a tall figure leaves: a line of prose, or of printed text
PNG = b"\x89PNG\r\n\x1a\n"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
EPOCH = re.compile(r"\bepochs?\W+\d", re.IGNORECASE)
PROGRESS = re.compile(r"━{3}|\d+%\||^Epoch \d+/\d+$|^\s*\d+/\d+ \[")


def printed(cell: Mapping[str, Any]) -> str:
    """What the cell printed and left standing; of the log of a training its last line."""
    lines = _lines(cell)
    logged = [bool(EPOCH.search(line)) for line in lines]
    goes_on = [*logged, False][1:]
    return "\n".join(line for line, log, more in zip(lines, logged, goes_on, strict=False) if not (log and more))


def is_log(cell: Mapping[str, Any]) -> bool:
    """Whether the cell printed, and nothing but the progress or the log of a training."""
    lines = _lines(cell)
    streams = any(output["output_type"] == "stream" for output in cell.get("outputs", ()))
    return streams and len(lines) != 1 and all(EPOCH.search(line) for line in lines)


def _lines(cell: Mapping[str, Any]) -> list[str]:
    return [line for line in all_printed(cell).split("\n") if line]


def all_printed(cell: Mapping[str, Any]) -> str:
    """Every printed line; progress bars have overwritten themselves or count as nothing."""
    said = [_joined(o["text"]) for o in cell.get("outputs", ()) if o.get("name") == "stdout"]
    values = [_joined(data["text/plain"]) for data in _displayed(cell) if set(data) == {"text/plain"}]
    lines = [_overwritten(line).rstrip() for line in ESCAPES.sub("", "".join([*said, *values])).split("\n")]
    return "\n".join(line for line in lines if not PROGRESS.search(line)).strip("\n")


def pictures(cell: Mapping[str, Any]) -> list[Block]:
    """Figures, tables, recorded results and other rich outputs."""
    found: list[Block] = []
    captions: set[str] = set()
    for data in _displayed(cell):
        if any(COURSE.format(kind) in data for kind in ("check", "origin")):
            continue
        if any(mime in data for mime in PICTURES) or "image/svg+xml" in data:
            figure = data.get(COURSE.format("figure"), {})
            captions.add(str(figure.get("caption", "")))
            found.append(_figure(data, figure))
        elif COURSE.format("result") in data:
            found.append(Block("result", _joined(data["text/html"]), 74))
        elif "text/html" in data:
            found += tables(_joined(data["text/html"]))
        elif "text/markdown" in data:
            markdown = _joined(data["text/markdown"])
            if markdown.strip("*\n ") not in captions:
                found += [piece for piece in prose.pieces(markdown) if isinstance(piece, Block)]
    return _merged_results(found)


def is_picture(block: Block) -> bool:
    """Whether a block replaces the code that made it."""
    return block.kind in ("figure", "table", "result")


def text(lines: str) -> Block:
    """Printed text; of a long log, how it begins and how it ends."""
    rows = lines.split("\n")
    if len(rows) > LINES:
        rows = [*rows[: LINES // 2 - 1], "⋮", *rows[-LINES // 2 :]]
    return code.text_block("\n".join(rows))


def tables(html: str) -> list[Block]:
    """A table as one block, or as several with the same head where it is long; other HTML as it is."""
    html = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.S | re.I)
    html = prose.together(html)
    body = re.search(r"<tbody>(.*?)</tbody>", html, flags=re.S)
    if "<table" not in html or not body:
        return [Block("table", f'<div class="wide">{html}</div>', prose_height(prose.characters(html)))]
    rows = re.findall(r"<tr\b.*?</tr>", body[1], flags=re.S)
    count = max(1, -(-len(rows) // ROWS))
    size = -(-len(rows) // count) or 1
    parts = [rows[i : i + size] for i in range(0, len(rows), size)] or [[]]
    return [_table(html, body.span(1), part) for part in parts]


def _table(html: str, span: tuple[int, int], rows: Iterable[str]) -> Block:
    rows = list(rows)
    page = html[: span[0]] + "".join(rows) + html[span[1] :]
    height = 70 + 44.0 * len(rows) + (36 if "<caption" in html else 0)
    return Block("table", f'<div class="wide">{page}</div>', height)


def _figure(data: Mapping[str, Any], figure: Mapping[str, Any]) -> Block:
    alt, caption = str(figure.get("alt", "")), str(figure.get("caption", ""))
    mime = next((mime for mime in PICTURES if mime in data), "image/svg+xml")
    content = _joined(data[mime])
    if mime == "image/svg+xml":
        source = "data:image/svg+xml;utf8," + escape(content.replace("#", "%23").replace("\n", " "))
    else:
        source = f"data:{mime};base64," + content.replace("\n", "")
    picture = f'<img src="{source}" alt="{escape(alt or caption or "Figure")}">'
    below = f"<figcaption>{prose.inline(caption)}</figcaption>" if caption else ""
    words = prose_height(len(caption), 20) - 8 if caption else 0
    tall = min(READABLE * _steepness(content if mime == "image/png" else ""), BODY_HEIGHT - BESIDE - words)
    return Block("figure", f"<figure>{picture}{below}</figure>", max(FIGURE, tall) + words)


def _steepness(png: str) -> float:
    """Height of a PNG as a share of its width, read from its first bytes; 0 where that fails."""
    head = base64.b64decode(png[:32]) if png else b""
    if not head.startswith(PNG):
        return 0.0
    width, height = struct.unpack(">II", head[16:24])
    return float(height / width)


def _merged_results(found: list[Block]) -> list[Block]:
    """Recorded results in a row belong together."""
    merged: list[Block] = []
    for block in found:
        if merged and block.kind == merged[-1].kind == "result":
            merged[-1] = Block("result", merged[-1].html + block.html, merged[-1].height + block.height)
        else:
            merged.append(block)
    return merged


def _displayed(cell: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for output in cell.get("outputs", ()):
        if output["output_type"] in ("display_data", "execute_result"):
            yield output["data"]


def _overwritten(line: str) -> str:
    """A line after its carriage returns, as a terminal leaves it."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
