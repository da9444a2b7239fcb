"""Where data may lie: the cache, the mirror, and how to call them without showing anybody's paths."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .catalog import ROOT, File
from .errors import DataError, UnwritableError

SOURCES = ("auto", "real", "sample")


@dataclass(frozen=True)
class Place:
    """A folder that holds one subfolder per dataset, with the name that messages give it."""

    kind: str  # "cache" or "mirror"
    folder: Path
    label: str

    def path(self, dataset: str, file: File) -> Path:
        """Return where the file would lie."""
        return self.folder / (file.folder or dataset) / file.name


def source() -> str:
    """Return what COURSE_SOURCE asks for: auto, real or sample."""
    value = os.environ.get("COURSE_SOURCE", "").strip().lower() or "auto"
    if value not in SOURCES:
        raise DataError("COURSE_SOURCE is not understood", expected="auto, real or sample", found=repr(value))
    return value


def cache() -> Place:
    """Return the folder that downloads and drawn samples go to."""
    folder = os.environ.get("COURSE_CACHE")
    return Place("cache", Path(folder).expanduser() if folder else ROOT / "data" / "cache", _cache_label())


def _cache_label() -> str:
    return "$COURSE_CACHE" if os.environ.get("COURSE_CACHE") else "data/cache"


def places() -> list[Place]:
    """Return the folders to look in, in order."""
    found = [cache()]
    mirror = os.environ.get("COURSE_DATA")
    if mirror:
        found.append(Place("mirror", Path(mirror).expanduser(), "$COURSE_DATA"))
    return found


def label(path: Path) -> str:
    """Name a path for a message: relative to the cache or the mirror, never absolute."""
    for place in places():
        if path.is_relative_to(place.folder):
            return f"{place.label}/{path.relative_to(place.folder).as_posix()}"
    return path.name


def writing_failed(error: OSError, path: Path, needed: int | None = None) -> UnwritableError:
    """Say why nothing can be written there: full disk, read-only folder, or what the system said."""
    where = label(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        size = f"{max(1, round(needed / 1e6))} MB free" if needed else "room for the file"
        todo = "free some space, or let COURSE_CACHE name a folder on another disk"
        return UnwritableError(
            "The disk is full", where=where, expected=size, found=f"{_free(path)} MB free", todo=todo
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        todo = "let COURSE_CACHE name a folder that you may write to"
        return UnwritableError(
            "The cache folder is read-only", where=where, expected="a writable folder", found=_reason(error), todo=todo
        )
    todo = "let COURSE_CACHE name another folder"
    return UnwritableError(
        "The file cannot be written", where=where, expected="a writable folder", found=_reason(error), todo=todo
    )


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _free(path: Path) -> str:

    for folder in path.parents:
        if folder.exists():
            return f"{shutil.disk_usage(folder).free / 1e6:.0f}"
    return "?"
