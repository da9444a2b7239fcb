"""Datasets that are files of images: UTKFace, Caltech-101 and a few photographs; decoded only when looked at."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from . import archives, catalog, fetch, loading, official, places, store, verify
from .archives import Pictures
from .catalog import Entry, File, Variant
from .dataset import Dataset, Origin, Split
from .errors import DataError


@dataclass(frozen=True)
class Source:
    """An archive or a folder of images, and what is known of it."""

    path: Path
    variant: Variant
    place: str
    key: str


def load(entry: Entry) -> Dataset:
    """Load the real images from the cache, the mirror or the official address."""
    if entry.reader == "photos":
        variant, paths, place = loading.obtain(entry)
        files = sorted(str(path) for path in paths.values())
        pictures = Pictures(files, [Path(path).name for path in files])
        return _dataset(entry, pictures, loading.origin(entry, variant, {}, place))
    source = _locate(entry)
    target = places.cache().folder / entry.name / f"files-{source.key}"
    pictures = archives.of_folder(source.path) if source.path.is_dir() else archives.of_archive(source.path, target)
    return _dataset(entry, pictures, loading.origin(entry, source.variant, {}, source.place, pictures.note))


def sample(entry: Entry, notes: tuple[str, ...]) -> Dataset:
    """Load the drawn images that stand in for a dataset."""
    from . import worlds

    folder, note = worlds.write_files(entry)
    return _dataset(
        entry, archives.of_folder(folder, note), worlds.origin(entry, {}, (*notes, note) if note else notes)
    )


def _locate(entry: Entry) -> Source:
    """Find the images: unpacked before, as a known archive, as anything a person put there, or by download."""
    problems: list[DataError] = []
    for variant in entry.variants:
        key = store.key(variant.files[0].sha256)
        unpacked = places.cache().folder / entry.name / f"files-{key}"
        if unpacked.is_dir():
            return Source(unpacked, variant, "cache", key)
    for place in places.places():
        source = _known(entry, place, problems) or _unknown(entry, place)
        if source:
            return source
    exported = official.exported_images(entry, problems)
    if exported:
        return Source(exported, official.VARIANT, official.PLACE, "tfds")
    for variant in entry.variants:
        if variant.downloadable:
            file = variant.files[0]
            path = places.cache().path(entry.name, file)
            try:
                return Source(path, variant, fetch.download(file, path) or "cache", store.key(file.sha256))
            except DataError as error:
                problems.append(error)
    raise loading.summary(entry, problems)


def _known(entry: Entry, place: places.Place, problems: list[DataError]) -> Source | None:
    for variant in entry.variants:
        file = variant.files[0]
        path = place.path(entry.name, file)
        try:
            if path.is_file():
                verify.check(path, file, places.label(path), loading.DELETE)
                return Source(path, variant, place.kind, store.key(file.sha256))
        except DataError as error:
            problems.append(error)
    return None


def _unknown(entry: Entry, place: places.Place) -> Source | None:
    """Take a folder or archive under any name: what people download by hand is called many things."""
    base = place.folder / entry.name
    known = {variant.files[0].name for variant in entry.variants}
    children = sorted(base.iterdir()) if base.is_dir() else []
    for path in children:
        if path.name.startswith((".", "decoded-", "files-")) or path.name in known:
            continue
        if archives.is_archive(path) or (path.is_dir() and archives.of_folder(path).members):
            stat = path.stat()
            size = stat.st_size if path.is_file() else None
            variant = Variant(f"your own copy, {path.name}", (File(path.name, bytes=size),))
            return Source(path, variant, place.kind, store.key(path.name, stat.st_size, stat.st_mtime_ns))
    if any(archives.is_image(path.name) for path in children):
        return Source(base, Variant("your own copy, a folder", ()), place.kind, "")
    return None


def _dataset(entry: Entry, pictures: Pictures, origin: Origin) -> Dataset:
    split, classes, notes = READERS[entry.reader](pictures)
    if not len(split):
        raise DataError(
            f"No image of {entry.name} has a name as it should be",
            expected=EXPECTED[entry.reader],
            found=", ".join(pictures.members[:2]) or "no image",
            todo="see data/README.md",
        )
    fields = {**origin.__dict__, "count": {"all": len(split)}, "notes": (*origin.notes, *notes)}
    return Dataset(entry.name, {"all": split}, classes, Origin(**fields))


Read = tuple[Split, tuple[str, ...], list[str]]
FACE = re.compile(r"^(\d{1,3})_[01]_[0-4]_\d+\.")
EXPECTED = {
    "utkface": "<age>_<sex>_<race>_<number>.jpg",
    "caltech": "<class>/image_<number>.jpg",
    "photos": "an image",
}


def faces(pictures: Pictures) -> Read:
    """Take the age from the file name; report the names that are malformed, once, and skip them."""
    rows, malformed = [], []
    for path, member in zip(pictures.paths, pictures.members, strict=True):
        name = PurePosixPath(member).name
        match = FACE.match(name)
        if match and int(match[1]) <= 120:
            rows.append((path, int(match[1]), name))
        else:
            malformed.append(name)
    notes = []
    if malformed:
        examples = ", ".join(malformed[:2]) + (", …" if len(malformed) > 2 else "")
        notes = [f"{len(malformed):,} malformed file names skipped: {examples}"]
    split = Split(
        {
            "paths": [path for path, _, _ in rows],
            "ages": np.array([age for _, age, _ in rows], np.int64),
            "names": [name for _, _, name in rows],
        },
        pictures.read,
    )
    return split, (), notes


def objects(pictures: Pictures) -> Read:
    """Take the class from the folder's name, in lower case as everywhere; leave the background class out."""
    rows = []
    for path, member in zip(pictures.paths, pictures.members, strict=True):
        parts = PurePosixPath(member).parts
        if len(parts) > 1 and parts[-2].lower() != "background_google":
            rows.append((parts[-2].lower(), parts[-1], path))
    rows.sort()
    classes = tuple(sorted({label for label, _, _ in rows}))
    number = {label: i for i, label in enumerate(classes)}
    split = Split(
        {
            "paths": [path for _, _, path in rows],
            "labels": np.array([number[label] for label, _, _ in rows], np.int64),
            "names": [f"{label}/{name}" for label, name, _ in rows],
        },
        pictures.read,
    )
    return split, classes, []


def photos(pictures: Pictures) -> Read:
    """Take every image."""
    names = [PurePosixPath(member).name for member in pictures.members]
    return Split({"paths": pictures.paths, "names": names}, pictures.read), (), []


READERS = {"utkface": faces, "caltech": objects, "photos": photos}


def copy_member(file: File, target: Path) -> None:
    """Take one image out of another dataset, which is downloaded if need be."""
    whole = load(catalog.entry(file.member_of or ""))
    try:
        row = whole.all.names.index(file.member)
        with fetch.lock(target):
            part = target.with_name(target.name + ".part")
            try:
                shutil.copyfile(whole.all.paths[row], part)
                verify.check(part, file, places.label(target), loading.DELETE)
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)
    except ValueError:
        raise DataError(
            f"{whole.name} has no {file.member}",
            expected="the full dataset",
            found=f"{len(whole.all):,} images",
            todo="see data/README.md",
        ) from None
    except OSError as error:
        raise places.writing_failed(error, target, file.bytes) from None
