"""Reading a submitted file, which may be anything, as the cells of a notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LARGEST = 50_000_000  # bytes; a notebook with all its pictures has 1.5 million


class NotNotebook(ValueError):
    """The file cannot be graded; the text says why, in words for its author."""


@dataclass(frozen=True)
class Cell:
    """A cell of a submission: its place, type and source. Metadata and outputs are not even read."""

    index: int
    kind: str
    source: str


def read(content: bytes) -> list[Cell]:
    """The cells of a notebook, in order, however little else of its format it keeps."""
    if len(content) > LARGEST:
        raise NotNotebook(f"the file has {len(content) / 1e6:.0f} MB; clear its outputs and hand it in again")
    if not content.strip():
        raise NotNotebook("the file is empty")
    try:
        document = json.loads(content.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        where = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        cut = isinstance(error, json.JSONDecodeError) and content.lstrip()[:1] == b"{"
        what = "the notebook is damaged or cut off" if cut else "the file is not a notebook"
        raise NotNotebook(f"{what}: it stops being valid JSON{where}") from None
    return [Cell(i, *_cell(cell)) for i, cell in enumerate(_cells(document))]


def _cells(document: Any) -> Iterable[Any]:
    if isinstance(document, dict) and isinstance(document.get("cells"), list):
        return document["cells"]
    sheets = document.get("worksheets") if isinstance(document, dict) else None
    if isinstance(sheets, list):  # notebooks of before 2015
        return [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
    raise NotNotebook("the file is JSON, but not a notebook: it has no cells")


def _cell(cell: Any) -> tuple[str, str]:
    """Type and source of a cell; what is no cell counts as text."""
    if not isinstance(cell, dict):
        return "raw", ""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return str(cell.get("cell_type", "raw")), source if isinstance(source, str) else ""
