"""The catalogue, data/catalog.toml, as typed objects."""

from __future__ import annotations

import difflib
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DataError

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "data" / "catalog.toml"


@dataclass(frozen=True)
class File:
    """One file: its name in the dataset's folder, its addresses, and what its content must be."""

    name: str
    urls: tuple[str, ...] = ()
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    magic: str | None = None  # first bytes in hex, for files whose publisher gives no checksum
    folder: str | None = None  # the dataset folder it lies in, when that is another one's
    member_of: str | None = None  # the dataset whose images hold it ...
    member: str | None = None  # ... and where in there


@dataclass(frozen=True)
class Variant:
    """One way the same dataset comes in files."""

    label: str
    files: tuple[File, ...]

    @property
    def checked(self) -> bool:
        """Whether every file has a published checksum."""
        return all(file.sha256 or file.md5 for file in self.files)

    @property
    def downloadable(self) -> bool:
        """Whether every file can be had without a person's help."""
        return all(file.urls or file.member_of for file in self.files)


@dataclass(frozen=True)
class Entry:
    """A dataset: what it is, whom to cite, and its variants."""

    name: str
    title: str
    reader: str
    sample: str
    licence: str
    citation: str
    homepage: str
    variants: tuple[Variant, ...]
    tfds: str = ""
    by_hand: str = ""


def _file(row: dict[str, Any]) -> File:
    return File(**{**row, "urls": tuple(row.get("urls", ()))})


def parse(content: dict[str, Any]) -> dict[str, Entry]:
    """Turn the parsed TOML into entries."""
    entries = {}
    for name, fields in content.items():
        fields = dict(fields)
        variants = tuple(Variant(v["label"], tuple(map(_file, v["files"]))) for v in fields.pop("variant"))
        entries[name] = Entry(name=name, variants=variants, **fields)
    return entries


@functools.cache
def entries() -> dict[str, Entry]:
    """Return all datasets of the course by name."""
    return parse(tomllib.loads(CATALOG.read_text(encoding="utf-8")))


def entry(name: str) -> Entry:
    """Return one dataset, or say which names there are."""
    known = entries()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
        raise DataError(f"There is no dataset {name!r} in data/catalog.toml", todo=hint.removesuffix("."))
    return known[name]
