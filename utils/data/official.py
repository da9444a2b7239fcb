"""The official address where people get it through tensorflow_datasets: Caltech-101 and the TED talks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from . import archives, fetch, loading, places, readers, store
from .catalog import Entry, Variant
from .dataset import Dataset, Origin, Split
from .errors import DataError

LABEL = "from tensorflow_datasets"


def exported_images(entry: Entry, problems: list[DataError]) -> Path | None:
    """Return a folder `<class>/<file>` written from tensorflow_datasets' copy; note why not and return None."""
    if not entry.tfds:
        return None
    target = places.cache().folder / entry.name / "files-tfds"
    if target.is_dir():
        return target
    try:
        builder = _builder(entry)
        return archives.prepared(target, lambda folder: _export(builder, folder))[0]
    except DataError as error:
        problems.append(error)
        return None


def pairs(entry: Entry) -> Dataset | None:
    """Return the sentence pairs from tensorflow_datasets, or None."""
    if not entry.tfds:
        return None
    folder = places.cache().folder / entry.name / f"decoded-{store.key(entry.tfds)}"
    stored = store.read(folder)
    splits, note = stored[0] if stored else {}, ""
    if not splits:
        try:
            builder = _builder(entry)
        except DataError:
            return None
        for name in ("train", "validation", "test"):
            rows = [(row["pt"].decode(), row["en"].decode()) for row in _rows(builder, name)]
            splits[name] = readers.pairs(rows)
        note = loading.keep(folder, splits, {})
    ready = {name: Split(columns) for name, columns in splits.items()}
    return Dataset(entry.name, ready, (), _origin(entry, ready, note))


def _origin(entry: Entry, splits: dict[str, Split], note: str) -> Origin:
    return loading.origin(entry, Variant(LABEL, ()), splits, "tensorflow_datasets", note)


def _builder(entry: Entry) -> Any:
    """Return the prepared builder; asks the host first, because importing costs seconds that offline work lacks."""
    prepared = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    at_home = (prepared / entry.tfds).is_dir()
    urls = tuple(url for variant in entry.variants for file in variant.files for url in file.urls)
    if not at_home:
        fetch.reachable(urls)
    try:
        import tensorflow_datasets as tfds

        tfds.disable_progress_bar()  # it is a widget, and writes to stderr
        data_dir = prepared if at_home else places.cache().folder / entry.name / ".tfds"
        builder = tfds.builder(entry.tfds, data_dir=str(data_dir))
        if not builder.is_prepared():
            print(f"{entry.name}: tensorflow_datasets downloads and prepares it; this takes minutes.", flush=True)
        builder.download_and_prepare()
        return builder
    except OSError as error:
        raise places.writing_failed(error, places.cache().folder / entry.name) from None
    except Exception as error:  # whatever a third party's code raises must not end the search
        reason = str(error).strip().splitlines()
        raise DataError(
            "tensorflow_datasets did not prepare it",
            where=urls[0],
            expected=entry.tfds,
            found=f"{type(error).__name__}: {reason[0] if reason else ''}",
            todo="put the archive into the cache by hand (data/README.md says how)",
        ) from None


def _rows(builder: Any, split: str, **decoders: Any) -> Any:
    import tensorflow_datasets as tfds

    return tfds.as_numpy(builder.as_dataset(split=split, decoders=decoders or None, shuffle_files=False))


def _export(builder: Any, folder: Path) -> None:
    """Write each image's own bytes under its class, so that the rest of the course sees one layout."""
    import tensorflow_datasets as tfds

    classes = builder.info.features["label"].int2str
    for split in ("train", "test"):
        for row in _rows(builder, split, image=tfds.decode.SkipDecoding()):
            path = folder / classes(int(row["label"])) / Path(row["image/file_name"].decode()).name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(row["image"])
    work = folder.parent / ".tfds"
    shutil.rmtree(work, ignore_errors=True)
