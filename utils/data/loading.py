"""`load`: the cache, the mirror, the official address, the sample, in that order, each only if the one before fails."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import catalog, fetch, places, readers, store, verify
from .catalog import Entry, File, Variant
from .dataset import Column, Dataset, Origin, Split, Weights
from .errors import DataError

DELETE = "delete it and ask again"
Obtained = tuple[Variant, dict[str, Path], str]  # ..., its checked files by name, and where they were


def load(name: str) -> Any:
    """Return the dataset of that name (a `Dataset`, or `Weights` for a trained network) and show where it came from."""
    entry = catalog.entry(name)
    source = places.source()
    why = ""
    if source != "sample":
        try:
            return show(real(entry))
        except DataError as error:
            if source == "real":
                raise
            why = str(error)
    from . import worlds

    return show(worlds.load(entry, why))


def show(loaded: Dataset | Weights) -> Dataset | Weights:
    """Show the origin as a cell's output, so that readers and tools see it; outside a notebook, print it."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        ipython.display.display(loaded.origin)
    else:
        print(loaded.origin)
    return loaded


def real(entry: Entry) -> Dataset | Weights:
    """Load the published data from wherever it is, or say in one sentence why not."""
    if entry.reader in ("utkface", "caltech", "photos"):
        from . import images

        return images.load(entry)
    if entry.reader in ("mobilenet", "squeezenet"):
        from . import models

        variant, paths, place = obtain(entry)
        return models.weights(entry, variant, paths, origin(entry, variant, {}, place))
    return decoded(entry)


def decoded(entry: Entry) -> Dataset:
    """Load arrays and texts, from the decoded copy in the cache if there is one."""
    for variant in entry.variants:
        found = store.read(_decoded_folder(entry, variant)) if variant.checked else None
        if found:
            return _dataset(entry, variant, found[0], tuple(found[1]["classes"]), "cache")
    problems: list[DataError] = []
    found_files = _local(entry, problems)
    if entry.tfds and not found_files:
        from . import official

        pairs = official.pairs(entry, problems)
        if pairs:
            return pairs
    variant, paths, place = found_files or _downloaded(entry, problems)
    folder = _decoded_folder(entry, variant, None if variant.checked else paths)
    found = None if variant.checked else store.read(folder)
    if found:
        return _dataset(entry, variant, found[0], tuple(found[1]["classes"]), place)
    splits, classes = readers.read(entry, paths)
    note = keep(folder, splits, {"classes": classes})
    return _dataset(entry, variant, splits, classes, place, note)


def keep(folder: Path, splits: store.Splits, meta: dict[str, Any]) -> str:
    """Store a decoded copy; where that cannot be, data in memory serve as well, and the note says so."""
    try:
        with fetch.lock(folder):
            store.write(folder, splits, meta)
    except DataError as error:
        return f"not kept for the next time: {error}"
    except OSError as error:
        return f"not kept for the next time: {places.writing_failed(error, folder)}"
    return ""


def _decoded_folder(entry: Entry, variant: Variant, paths: Mapping[str, Path] | None = None) -> Path:
    sums = [(file.name, file.sha256 or file.md5) for file in variant.files]
    stats = [(path.stat().st_size, path.stat().st_mtime_ns) for path in (paths or {}).values()]
    return places.cache().folder / entry.name / f"decoded-{store.key(sums, stats)}"


def _dataset(
    entry: Entry,
    variant: Variant,
    splits: Mapping[str, Mapping[str, Column]],
    classes: tuple[str, ...],
    place: str,
    note: str = "",
) -> Dataset:
    ready = {name: Split(columns) for name, columns in splits.items()}
    return Dataset(entry.name, ready, classes, origin(entry, variant, ready, place, note))


def origin(entry: Entry, variant: Variant, splits: Mapping[str, Split], place: str, *notes: str) -> Origin:
    """Describe real data: title and variant, files with their checksums, rows."""
    files = tuple({"name": f.name, "bytes": f.bytes, "checksum": f.sha256 or f.md5} for f in variant.files)
    title = f"{entry.title} ({variant.label})"
    count = {name: len(split) for name, split in splits.items()}
    return Origin(entry.name, "real", title, count, files, place, tuple(note for note in notes if note))


def obtain(entry: Entry) -> Obtained:
    """Return a variant, its checked files, and where they were; download what is missing."""
    problems: list[DataError] = []
    return _local(entry, problems) or _downloaded(entry, problems)


def _local(entry: Entry, problems: list[DataError]) -> Obtained | None:
    for variant in entry.variants:
        found = {file.name: _find(entry.name, file, problems) for file in variant.files}
        if all(found.values()):
            paths = {name: path for name, (path, _) in _present(found).items()}
            return variant, paths, next(iter(_present(found).values()))[1]
    return None


def _downloaded(entry: Entry, problems: list[DataError]) -> Obtained:
    for variant in entry.variants:
        if variant.downloadable:
            try:
                return variant, *_download(entry, variant)
            except DataError as error:
                problems.append(error)
    raise summary(entry, problems)


def _present(found: Mapping[str, tuple[Path, str] | None]) -> dict[str, tuple[Path, str]]:
    return {name: hit for name, hit in found.items() if hit}


def _find(dataset: str, file: File, problems: list[DataError]) -> tuple[Path, str] | None:
    """Return the first checked copy in the cache or the mirror; note the copies that are damaged."""
    for place in places.places():
        path = place.path(dataset, file)
        try:
            if path.is_file():
                verify.check(path, file, places.label(path), DELETE if place.kind == "cache" else "copy it anew")
                return path, place.kind
        except DataError as error:
            if str(error) not in map(str, problems):
                problems.append(error)
        except OSError as error:
            found = (error.strerror or type(error).__name__).lower()
            todo = "look at its permissions"
            problems.append(
                DataError(
                    f"{file.name} cannot be read", where=places.label(path), expected="a file", found=found, todo=todo
                )
            )
    return None


def _download(entry: Entry, variant: Variant) -> tuple[dict[str, Path], str]:
    paths, place = {}, "cache"
    for file in variant.files:
        hit = _find(entry.name, file, [])
        if hit:
            paths[file.name] = hit[0]
            continue
        paths[file.name] = target = places.cache().path(entry.name, file)
        if file.member_of:
            from . import images

            images.copy_member(file, target)
        else:
            place = fetch.download(file, target) or place
    return paths, place


def summary(entry: Entry, problems: list[DataError]) -> DataError:
    """One sentence out of everything that went wrong; with nothing wrong, how to get the files by hand."""
    if entry.by_hand and not problems:
        folders = " nor in ".join(f"{place.label}/{entry.name}" for place in places.places())
        problem = f"{entry.name} has no address to download from, and is not in {folders}"
        return DataError(problem, todo=f"to get it, {entry.by_hand}")
    if not problems:
        return DataError(f"{entry.name} is neither in the cache nor in the mirror", todo="see data/README.md")
    first, *others = {(problem.problem, problem.where): problem for problem in problems}.values()
    if not others:
        return first
    also = "; also: ".join(f"{other.problem} ({other.where})" if other.where else other.problem for other in others)
    todo = "; ".join(dict.fromkeys(problem.todo for problem in problems if problem.todo))
    return DataError(
        f"{first.problem} ({first.where}: expected {first.expected}, found {first.found}); also: {also}"
        if first.expected
        else f"{first.problem}; also: {also}",
        todo=todo,
    )
