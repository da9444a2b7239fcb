"""Samples: worlds with known truth, drawn by `utils.samples`, cached under a hash of the code that drew them."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import loading, places, readers, store
from .catalog import ROOT, Entry
from .dataset import Column, Dataset, Origin, Split, Weights

SAMPLES = ROOT / "utils" / "samples"
Drawn = dict[str, dict[str, Column]]


def load(entry: Entry, why: str = "") -> Dataset | Weights:
    """Return the sample that stands in for a dataset; its origin says why."""
    notes = (f"Why: {why}",) if why else ()
    if entry.reader in ("mobilenet", "squeezenet"):
        from . import models

        return models.sample_weights(entry, origin(entry, {}, notes))
    if entry.reader in ("utkface", "caltech", "photos"):
        from . import images

        return images.sample(entry, notes)
    folder = places.cache().folder / "samples" / f"{entry.sample}-{entry.name}-{code_hash()}"
    stored = store.read(folder)
    if stored:
        drawn, classes = stored[0], tuple(stored[1]["classes"])
    else:
        world = importlib.import_module(f"utils.samples.{entry.sample}")
        draw = world.draw_ted if entry.name == "ted_pt_en" else world.draw
        drawn = ADAPTERS.get(entry.name, _as_drawn)(draw(0))
        classes = tuple(getattr(world, "CLASSES", readers.CLASSES.get(entry.name, ())))
        note = loading.keep(folder, drawn, {"classes": classes})
        notes = (*notes, note) if note else notes
    splits = {name: Split(columns) for name, columns in drawn.items()}
    return Dataset(entry.name, splits, classes, origin(entry, splits, notes))


def origin(entry: Entry, splits: Mapping[str, Split], notes: tuple[str, ...]) -> Origin:
    """Describe a sample: which world stands in for what."""
    count = {name: len(split) for name, split in splits.items()}
    title = f"{TITLES[entry.sample]} in place of {entry.title}"
    return Origin(entry.name, "sample", title, count, (), f"utils/samples/{entry.sample}.py", notes)


TITLES = {
    "digits": "scikit-learn's digits, enlarged and jittered,",
    "garments": "drawn garments",
    "objects": "drawn objects",
    "faces": "drawn faces",
    "scenes": "drawn scenes",
    "sentiment": "made-up reviews",
    "grammar": "sentences of a small grammar",
    "semantics": "made-up sentences with classes of words",
    "translation": "sentences of two small grammars",
    "small_mobilenet_v2": "a small network trained on drawn objects",
}


def code_hash() -> str:
    """Hash the worlds' code, so that a changed generator draws anew."""
    total = hashlib.sha256(str(store.VERSION).encode())
    for path in sorted(SAMPLES.glob("*.py")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()[:12]


def write_files(entry: Entry) -> tuple[Path, str]:
    """Return the folder of a world whose sample is files on disk, and a note if it is a temporary one."""
    from . import archives

    world = importlib.import_module(f"utils.samples.{entry.sample}")
    name = f"{entry.sample}-{entry.name}-{code_hash()}"
    return archives.prepared(places.cache().folder / "samples" / name, lambda folder: _write(world, folder))


def _write(world: Any, folder: Path) -> None:
    world.write(folder) if world.__name__.endswith("scenes") else world.write(folder, seed=0)


def _as_drawn(drawn: dict[str, Any]) -> Drawn:
    return {
        split: {name: _column(name, c) for name, c in _columns(content).items()} for split, content in drawn.items()
    }


def _columns(content: Any) -> dict[str, Any]:
    return {"text": content} if isinstance(content, str) else dict(content)


def _column(name: str, column: Any) -> Column:
    if isinstance(column, str):
        return column
    if name in ("images", "labels", "ratings"):
        column = np.asarray(column)
        if name != "images":
            return column.astype(np.int64)
        return np.ascontiguousarray(column[..., None] if column.ndim == 3 else column, np.uint8)
    return list(column)


def _wiki(drawn: dict[str, Any]) -> Drawn:
    return {"all": {"text": " ".join(drawn["text"].split())}}


def _word2vec(drawn: dict[str, Any]) -> Drawn:
    rows = list(drawn["analogies"])
    words: dict[str, Column] = {n: [row[i] for row in rows] for i, n in enumerate(("section", "a", "b", "c", "d"))}
    return {"analogies": words, "wordsim": readers.wordsim_columns(drawn["wordsim"])}


ADAPTERS: dict[str, Callable[[dict[str, Any]], Drawn]] = {
    "wiki_text": _wiki,
    "word2vec_eval": _word2vec,
}
