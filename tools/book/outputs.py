"""What a cell left in the notebook, in the form that suits a page: figures with captions, tables that can scroll."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from tools.deck.outputs import all_printed
from tools.deck.prose import together
from tools.header import Header
from tools.outcome import MIME
from tools.results import row

Output = Mapping[str, Any]
PICTURES = {"image/png": "png", "image/gif": "gif", "image/jpeg": "jpeg"}
RESULT, CHECK, ORIGIN, FIGURE = (MIME.format(kind) for kind in ("result", "check", "origin", "figure"))
NAMELESS = '<th scope="col"></th>'
RESULT_COLUMNS = ("result", "measured", "expected", "verdict", "published")


@dataclass
class Outputs:
    """Turns the outputs of one lesson into those of its page, and collects the pictures that the page needs."""

    header: Header
    number: str
    pictures: dict[str, bytes] = field(default_factory=dict)  # file name → content

    def of(self, cell: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The outputs of a cell as its page shows them."""
        return [made for group in grouped(cell.get("outputs", ())) for made in self.shown(group)]

    def shown(self, group: list[Output]) -> Iterator[dict[str, Any]]:
        """A group of outputs that belong together."""
        first = group[0]
        kind, data = first["output_type"], first.get("data", {})
        if kind == "stream":
            text = all_printed({"outputs": group})
            if text:
                yield {"output_type": "stream", "name": "stdout", "text": text + "\n"}
        elif kind == "error":
            yield dict(first)
        elif RESULT in data:
            yield html(self.results([output["data"][RESULT] for output in group]))
        elif CHECK in data:
            yield html(check(data[CHECK]))
        elif ORIGIN in data:
            yield html(origin(data))
        elif any(mime in data for mime in PICTURES):
            yield markdown(self.figure(first))
        elif "text/html" in data:
            yield html(scrolling(_joined(data["text/html"])))
        elif "text/markdown" in data:
            yield markdown(_joined(data["text/markdown"]))
        elif "text/plain" in data:
            yield {"output_type": "display_data", "metadata": {}, "data": {"text/plain": _joined(data["text/plain"])}}

    def figure(self, output: Output) -> str:
        """A figure with its alternative text and caption; the picture becomes a file beside the page."""
        data = output["data"]
        mime = next(mime for mime in PICTURES if mime in data)
        words = data.get(FIGURE, {})
        alt = words.get("alt") or output.get("metadata", {}).get(mime, {}).get("alt", "")
        name = f"{self.number}-{len(self.pictures) + 1}.{PICTURES[mime]}"
        self.pictures[name] = base64.b64decode(_joined(data[mime]))
        alternative = f":alt: {json.dumps(_line(alt), ensure_ascii=False)}\n" if alt else ""
        return f"````{{figure}} figures/{name}\n{alternative}\n{_line(words.get('caption', ''))}\n````"

    def results(self, found: Iterable[Mapping[str, Any]]) -> str:
        """Recorded results beside what was expected and published."""
        rows = []
        for result in found:
            r = row(self.header, str(result["name"]), {str(result["name"]): result["value"]})
            verdict = f"{'✓' if r.verdict == 'inside' else '✗'} {r.verdict}" if r.verdict else ""
            rows.append([r.name, r.measured, r.expected, verdict, r.published])
        used = [i for i, column in enumerate(RESULT_COLUMNS) if i < 2 or any(line[i] for line in rows)]
        head = "".join(f'<th scope="col">{RESULT_COLUMNS[i]}</th>' for i in used)
        body = "".join(f"<tr>{''.join(_cell(i, line[i]) for i in used)}</tr>" for line in rows)
        return scrolling(f'<table class="course-result"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def grouped(outputs: Iterable[Output]) -> list[list[Output]]:
    """Outputs that are shown as one: neighbouring streams, neighbouring results; captions go with their figures."""
    groups: list[list[Output]] = []
    captions: set[str] = set()
    for output in outputs:
        data = output.get("data", {})
        captions |= {_line(data[FIGURE].get("caption", ""))} if FIGURE in data else set()
        if set(data) <= {"text/markdown", "text/plain"} and _line(data.get("text/plain", "")) in captions:
            continue
        last = groups[-1][-1] if groups else None
        if last and (_both(last, output, "stream") or (RESULT in last.get("data", {}) and RESULT in data)):
            groups[-1].append(output)
        else:
            groups.append([output])
    return groups


def check(content: Mapping[str, str]) -> str:
    """What a check said."""
    return f'<p class="course-check {escape(content["state"])}">{escape(content["message"])}</p>'


def origin(data: Mapping[str, Any]) -> str:
    """Which data were loaded; a sample is marked, for its numbers compare with nothing."""
    kind = "real" if data[ORIGIN].get("origin") == "real" else "sample"
    text = escape(_joined(data["text/plain"])).replace("\n", "<br>")
    return f'<p class="course-origin {kind}">{text}</p>'


def scrolling(page: str) -> str:
    """A table that scrolls by itself where it is wider than the page; a corner without a name heads nothing."""
    if "<table" not in page:
        return page
    return f'<div class="wide">{together(page.replace(NAMELESS, "<td></td>"))}</div>'


def html(page: str) -> dict[str, Any]:
    """An output in HTML."""
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": page}}


def markdown(text: str) -> dict[str, Any]:
    """An output in Markdown."""
    return {"output_type": "display_data", "metadata": {}, "data": {"text/markdown": text}}


def _cell(column: int, text: str) -> str:
    name = f"<code>{escape(text).replace('_', '_<wbr>')}</code>" if column == 0 else escape(text)
    return f'<th scope="row">{name}</th>' if column == 0 else f"<td>{name}</td>"


def _both(first: Output, second: Output, kind: str) -> bool:
    return bool(first["output_type"] == second["output_type"] == kind and first.get("name") == second.get("name"))


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)


def _line(text: Any) -> str:
    return re.sub(r"\s+", " ", _joined(text)).strip()
