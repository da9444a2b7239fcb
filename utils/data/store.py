"""Decoded data, kept so that the next load takes a fraction of a second; never half-written, never pickled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import Column

VERSION = 1  # raise it when a reader's result changes
SEPARATOR = "\x1e"  # ASCII's record separator: in no text of ours
Splits = dict[str, dict[str, Column]]


def key(*parts: Any) -> str:
    """Return a short name for what a stored copy was made of."""
    return hashlib.sha256(json.dumps([VERSION, *parts], sort_keys=True, default=str).encode()).hexdigest()[:16]


def write(folder: Path, splits: Splits, meta: dict[str, Any]) -> None:
    """Write all columns to a folder that gets its name when it is complete; OSError when that cannot be."""
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        columns = {}
        for split, content in splits.items():
            columns[split] = {name: _write(part / f"{split}.{name}", column) for name, column in content.items()}
        (part / "meta.json").write_text(json.dumps({**meta, "columns": columns}), encoding="utf-8")
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            if folder.exists():  # another kernel was faster, or it was damaged
                shutil.rmtree(folder)
            os.rename(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(stem: Path, column: Column) -> dict[str, Any]:
    if isinstance(column, np.ndarray):
        path = stem.with_name(stem.name + ".npy")
        np.save(path, column, allow_pickle=False)
    else:
        path = stem.with_name(stem.name + (".txt" if isinstance(column, str) else ".list"))
        text = column if isinstance(column, str) else SEPARATOR.join(column)
        with path.open("w", encoding="utf-8", newline="") as stream:  # newline="": line ends stay as they are
            stream.write(text)
    rows = 0 if isinstance(column, str) else len(column)
    return {"file": path.name, "bytes": path.stat().st_size, "rows": rows}


def read(folder: Path) -> tuple[Splits, dict[str, Any]] | None:
    """Return the stored splits and what was noted beside them, or None when there is nothing whole."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        splits = {
            split: {name: _read(folder, field) for name, field in content.items()}
            for split, content in meta["columns"].items()
        }
    except (OSError, ValueError, KeyError):
        return None
    return splits, meta


def _read(folder: Path, field: dict[str, Any]) -> Column:
    path = folder / field["file"]
    if path.stat().st_size != field["bytes"]:
        raise ValueError(f"{path.name} is cut short")
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    with path.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    if path.suffix == ".txt":
        return text
    return text.split(SEPARATOR) if field["rows"] else []
