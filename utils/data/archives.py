"""Folders, zips and tars of images: found, unpacked once, or read in place where nothing can be written."""

from __future__ import annotations

import atexit
import os
import shutil
import tarfile
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from . import fetch, places
from .errors import DataError, UnwritableError
from .readers import BROKEN

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
ARCHIVES = (".zip", *TARS)


@dataclass(frozen=True)
class Pictures:
    """The images of a dataset: paths to read, the same as names inside the dataset, and how to read them."""

    paths: list[str]
    members: list[str]
    read: Callable[[str], bytes] | None = None
    note: str = ""


def is_image(name: str) -> bool:
    """Whether a name is an image's; macOS leaves `._` files beside them."""
    return name.lower().endswith(IMAGES) and not PurePosixPath(name).name.startswith("._")


def is_archive(path: Path) -> bool:
    """Whether a path is an archive that we can read."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def of_folder(folder: Path, note: str = "") -> Pictures:
    """List the images below a folder, in a fixed order."""
    members = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "decoded-", "files-"))]
        relative = Path(base).relative_to(folder)
        members += [(relative / name).as_posix() for name in names if is_image(name)]
    members.sort()
    return Pictures([str(folder / member) for member in members], members, note=note)


def of_archive(archive: Path, target: Path) -> Pictures:
    """Unpack the images of an archive to `target`, once; where nothing can be written, read a zip in place."""
    try:
        folder, note = prepared(target, lambda part: _unpack(archive, part))
    except UnwritableError as error:
        if archive.suffix.lower() != ".zip":
            raise
        return _in_place(archive, str(error))
    return of_folder(folder, note)


def prepared(target: Path, fill: Callable[[Path], None]) -> tuple[Path, str]:
    """Return `target`, filled by `fill` if need be; a temporary folder, with a note, if it cannot be written."""
    if target.is_dir():
        return target, ""
    try:
        with fetch.lock(target):
            if not target.is_dir():  # another kernel may have made it
                _fill(target, fill)
        return target, ""
    except UnwritableError as error:
        note = f"kept for this session only: {error}"
    except OSError as error:
        note = f"kept for this session only: {places.writing_failed(error, target)}"
    try:
        folder = Path(tempfile.mkdtemp(prefix="course-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        fill(folder)
    except OSError as error:
        raise places.writing_failed(error, target) from None
    return folder, note


def _fill(target: Path, fill: Callable[[Path], None]) -> None:
    part = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        fill(part)
        os.rename(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    """Write only images, only below `folder`, whatever names the archive holds."""
    try:
        count = _write(archive, folder)
    except BROKEN as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError(
            f"{archive.name} is damaged", where=places.label(archive), expected="an archive", found=found, todo=BAD
        ) from None
    if not count:
        raise DataError("There is no image in the archive", where=places.label(archive), todo=BAD)


def _write(archive: Path, folder: Path) -> int:
    count = 0
    for name, stream in _contents(archive):
        member = PurePosixPath(name)
        if member.is_absolute() or ".." in member.parts or ":" in name or "\\" in name:
            raise DataError(f"The archive names a place outside of it: {name!r}", where=places.label(archive), todo=BAD)
        path = folder / member
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
        count += 1
    return count


BAD = "delete it and get it again (data/README.md says how)"


def _contents(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.suffix.lower() == ".zip":
        yield from _zip_contents(archive)
    else:
        with tarfile.open(archive) as tar:
            yield from _tar_contents(tar)


def _zip_contents(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as zipped:
        names = [name for name in zipped.namelist() if not name.startswith("__MACOSX/")]
        images = [name for name in names if is_image(name)]
        for name in images:
            with zipped.open(name) as stream:
                yield name, stream
        if not images:  # Caltech packs its tar into a zip
            for name in (name for name in names if name.endswith(TARS)):
                with zipped.open(name) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
                    yield from _tar_contents(tar)


def _tar_contents(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        stream = tar.extractfile(member) if member.isreg() and is_image(member.name) else None
        if stream:
            yield member.name.removeprefix("./"), stream


def _in_place(archive: Path, note: str) -> Pictures:
    try:
        zipped = zipfile.ZipFile(archive)
    except BROKEN as error:
        raise DataError(f"{archive.name} is damaged", where=places.label(archive), todo=BAD) from error
    members = sorted(name for name in zipped.namelist() if is_image(name))
    guard = threading.Lock()  # tf.data reads from several threads

    def read(member: str) -> bytes:
        with guard:
            return zipped.read(member)

    return Pictures(members, members, read, f"read inside the archive: {note}")
