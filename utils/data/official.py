"""The official address where people get it through tensorflow_datasets: Caltech-101 and the TED talks."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
from pathlib import Path
from typing import Any

from . import archives, fetch, loading, places, readers, store
from .catalog import Entry, Variant
from .dataset import Dataset, Split
from .errors import DataError

VARIANT = Variant("from tensorflow_datasets", ())
PLACE = "tensorflow_datasets"
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def exported_images(entry: Entry, problems: list[DataError]) -> Path | None:
    """Return a folder `<class>/<file>` written from tensorflow_datasets' copy; note why not and return None."""
    if not entry.tfds:
        return None
    target = places.cache().folder / entry.name / "files-tfds"
    try:
        return archives.prepared(target, lambda folder: _export(entry, folder))[0]
    except DataError as error:
        problems.append(error)
        return None


def pairs(entry: Entry, problems: list[DataError]) -> Dataset | None:
    """Return the sentence pairs from tensorflow_datasets; note why not and return None."""
    folder = places.cache().folder / entry.name / f"decoded-{store.key(entry.tfds)}"
    note = ""
    stored = store.read(folder)
    if not stored:
        try:
            with fetch.lock(folder.with_name("tfds")):
                stored = store.read(folder)  # another kernel may have made it
                if not stored:
                    stored = _decoded(entry), {}
                    note = loading.keep(folder, *stored)
        except DataError as error:
            problems.append(error)
            return None
    ready = {name: Split(columns) for name, columns in stored[0].items()}
    return Dataset(entry.name, ready, (), loading.origin(entry, VARIANT, ready, PLACE, note))


def _decoded(entry: Entry) -> store.Splits:
    with _work(entry) as builder:
        return {
            name: readers.pairs((row["pt"].decode(), row["en"].decode()) for row in _rows(builder, name))
            for name in ("train", "validation", "test")
        }


def _export(entry: Entry, folder: Path) -> None:
    """Write each image's own bytes under its class, so that the rest of the course sees one layout."""
    with _work(entry) as builder:
        import tensorflow_datasets as tfds

        classes = builder.info.features["label"].int2str
        for split in ("train", "test"):
            for row in _rows(builder, split, image=tfds.decode.SkipDecoding()):
                path = folder / classes(int(row["label"])) / Path(row["image/file_name"].decode()).name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(row["image"])


def _rows(builder: Any, split: str, **decoders: Any) -> Any:
    import tensorflow_datasets as tfds

    return tfds.as_numpy(builder.as_dataset(split=split, decoders=decoders or None, shuffle_files=False))


@contextlib.contextmanager
def _work(entry: Entry) -> Any:
    """Give a prepared builder, and remove what it downloaded: what we need of it is kept in our own form."""
    data_dir = places.cache().folder / entry.name / ".tfds"
    try:
        yield _builder(entry, data_dir)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def _builder(entry: Entry, data_dir: Path) -> Any:
    """Return the prepared builder; asks the host first, because importing costs seconds that offline work lacks."""
    prepared = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    at_home = (prepared / entry.tfds).is_dir()
    urls = tuple(url for variant in entry.variants for file in variant.files for url in file.urls)
    if not at_home:
        fetch.reachable(urls)
    try:
        import tensorflow_datasets as tfds

        tfds.disable_progress_bar()  # it is a widget, and writes to stderr
        builder = tfds.builder(entry.tfds, data_dir=str(prepared if at_home else data_dir))
        if not builder.is_prepared():
            print(f"{entry.name}: tensorflow_datasets downloads and prepares it; this takes minutes.", flush=True)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints absolute paths
            builder.download_and_prepare()
        return builder
    except Exception as error:  # whatever a third party's code raises must not end the search
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise places.writing_failed(error, data_dir) from None
        reason = str(error).strip().splitlines()
        raise DataError(
            "tensorflow_datasets did not prepare it",
            where=urls[0],
            expected=entry.tfds,
            found=f"{type(error).__name__}{': ' + _short(reason[0]) if reason else ''}",
            todo="try again later, or put the archive into the cache by hand (data/README.md says how)",
        ) from None


def _short(reason: str) -> str:
    """Keep the start of a foreign message, without the folders it may show."""
    return reason.replace(str(places.cache().folder), places.cache().label)[:120]
