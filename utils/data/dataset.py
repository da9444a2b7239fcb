"""What `load` returns: named splits of named columns, class names, and where it all came from."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .errors import DataError

Column = np.ndarray | list[str] | str
STRATA = ("labels", "ages")  # the columns whose proportions a part of a split keeps
MIME = "application/vnd.course.origin+json"


@dataclass(frozen=True)
class Origin:
    """Where the data came from: real or sample, which files, which checksums, how many rows."""

    name: str
    origin: Literal["real", "sample"]
    title: str
    count: dict[str, int]
    files: tuple[dict[str, Any], ...] = ()  # name, bytes, checksum
    place: str = ""  # "cache", "mirror", an address, or the world that was drawn
    notes: tuple[str, ...] = ()

    @property
    def real(self) -> bool:
        """Whether this is the published data."""
        return self.origin == "real"

    def __str__(self) -> str:
        sizes = ", ".join(f"{split} {number:,}" for split, number in self.count.items())
        kind = "real data" if self.real else "SAMPLE, numbers are not comparable"
        return "\n  ".join([f"{self.name}: {kind} · {self.title}" + (f" · {sizes}" if sizes else ""), *self.notes])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        first, *notes = str(self).split("\n  ")
        rows = "".join(f"<br><small>{html.escape(note)}</small>" for note in notes)
        if self.real:
            page = f"<div>{html.escape(first)}{rows}</div>"
        else:
            style = "border-left: 6px solid #d55e00; padding: 0.4em 0.8em; background: rgba(213, 94, 0, 0.12)"
            page = f'<div role="note" style="{style}"><b>{html.escape(first)}</b>{rows}</div>'
        return {"text/plain": str(self), "text/html": page, MIME: {"name": self.name, "origin": self.origin}}


class Split:
    """Columns of equal length, each also an attribute: `train.images`, `train.labels`.

    The rows of a text split are its lines, or its words when the text is a single line.
    """

    def __init__(self, columns: Mapping[str, Column], read: Callable[[str], bytes] | None = None) -> None:
        self.columns = dict(columns)
        self._read = read  # for images that stay in their archive
        lengths = {name: len(column) for name, column in self.columns.items() if not isinstance(column, str)}
        if len(set(lengths.values())) > 1:
            raise DataError(f"The columns differ in length: {lengths}")

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["columns"][name]
        except KeyError:
            known = ", ".join(self.__dict__.get("columns", ()))
            raise AttributeError(f"this split has no column {name!r}; it has {known}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.columns]

    def __len__(self) -> int:
        for column in self.columns.values():
            return len(column) if not isinstance(column, str) else _text_rows(column)
        return 0

    def __iter__(self) -> Iterator[str]:
        """Refuse to be unpacked in an order that nobody wrote down."""
        raise TypeError(f"name the columns you want: {', '.join(f'.{name}' for name in self.columns)}")

    def __repr__(self) -> str:
        return f"Split({len(self):,} rows: {', '.join(map(_describe, self.columns.items()))})"

    def take(self, n: int | None) -> Split:
        """Return the first `n` rows after a fixed shuffle that keeps the classes in proportion; all rows for None."""
        if n is None or n >= len(self):
            return self
        _positive(n)
        return self.rows(np.arange(n)) if self._is_text() else self.rows(self._order(seed=0)[:n])

    def hold_out(self, n: int | float, seed: int = 0) -> tuple[Split, Split]:
        """Return (the rest, `n` rows held out): disjoint, stratified, the same for a seed; `n` may be a fraction."""
        number = round(n * len(self)) if isinstance(n, float) and n < 1 else int(n)
        _positive(number)
        if number >= len(self):
            raise DataError(f"Cannot hold out {number:,} of {len(self):,} rows")
        if self._is_text():  # a text is cut, not shuffled
            cut = len(self) - number
            return self.rows(np.arange(cut)), self.rows(np.arange(cut, len(self)))
        order = self._order(seed)
        return self.rows(np.sort(order[number:])), self.rows(np.sort(order[:number]))

    def rows(self, index: np.ndarray) -> Split:
        """Return the rows of that index."""
        return Split({name: _select(column, index) for name, column in self.columns.items()}, self._read)

    def dataset(
        self, size: int | tuple[int, int] | None = None, target: str | None = None, fit: str = "stretch"
    ) -> Any:
        """Return a `tf.data.Dataset` of (image, target), decoded lazily from files and resized to `size`, uint8 RGB.

        `fit="crop"` keeps the proportions and cuts the longer side. Splits of arrays or texts give (input, label).
        """
        from . import pipeline

        return pipeline.dataset(self.columns, size, target, fit, self._read)

    def _is_text(self) -> bool:
        return any(isinstance(column, str) for column in self.columns.values())

    def _order(self, seed: int) -> np.ndarray:
        for name in STRATA:
            if name in self.columns:
                return stratified_order(np.asarray(self.columns[name]), seed)
        return np.random.default_rng(seed).permutation(len(self))


def stratified_order(keys: np.ndarray, seed: int) -> np.ndarray:
    """Return a shuffle in which every beginning holds each key in proportion, to within about one row."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(keys))
    position = np.empty(len(keys))
    for key in np.unique(keys):
        rows = shuffled[keys[shuffled] == key]
        position[rows] = (np.arange(len(rows)) + rng.uniform()) / len(rows)
    return np.lexsort((shuffled, position))


def _positive(n: int) -> None:
    if n < 1:
        raise DataError(f"The number of rows must be at least 1, not {n}")


def _text_rows(text: str) -> int:
    if "\n" in text.strip("\n"):
        return text.count("\n") + (not text.endswith("\n"))
    single = text.strip() == text and "  " not in text  # then counting spaces is a hundred times faster
    return text.count(" ") + 1 if single and text else len(text.split())


def _select(column: Column, index: np.ndarray) -> Column:
    if isinstance(column, np.ndarray):
        return column[index]
    if isinstance(column, list):
        return [column[i] for i in index]
    if "\n" in column.strip("\n"):
        return "".join(column.splitlines(keepends=True)[index[0] : index[-1] + 1])
    return " ".join(column.split()[index[0] : index[-1] + 1])


def _describe(item: tuple[str, Column]) -> str:
    name, column = item
    if isinstance(column, np.ndarray):
        return f"{name} {column.dtype}{list(column.shape)}"
    return f"{name} of {len(column):,} characters" if isinstance(column, str) else f"{name} list"


class Dataset:
    """A dataset by name: `mnist.train.images`, `mnist.classes`, `mnist.origin`."""

    def __init__(self, name: str, splits: Mapping[str, Split], classes: tuple[str, ...], origin: Origin) -> None:
        self.name, self.splits, self.classes, self.origin = name, dict(splits), classes, origin

    def __getattr__(self, name: str) -> Split:
        try:
            return self.__dict__["splits"][name]
        except KeyError:
            known = ", ".join(self.__dict__.get("splits", ()))
            raise AttributeError(f"{self.__dict__.get('name')} has no split {name!r}; it has {known}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.splits]

    def __repr__(self) -> str:
        return "\n".join([f"{self.name} ({self.origin.origin})", *(f"  {n}: {s!r}" for n, s in self.splits.items())])


@dataclass(frozen=True)
class Weights:
    """A trained network: the file of its weights, the class names, and what kind of file it is."""

    name: str
    weights: str
    class_names: tuple[str, ...]
    kind: str  # "keras", "folded" (batch norm inside the convolutions), "onnx", or "sample"
    alpha: float
    input_size: int
    origin: Origin
