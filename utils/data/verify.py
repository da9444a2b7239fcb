"""Is this file what the catalogue says it is?"""

from __future__ import annotations

import hashlib
from pathlib import Path

from .catalog import File
from .errors import DataError

HTML = (b"<!doctype html", b"<html", b"<?xml")


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def is_page(path: Path) -> bool:
    """Whether the file is a web page: what a captive portal or an error handler sends with status 200."""
    with path.open("rb") as stream:
        return stream.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML)


def check(path: Path, file: File, where: str, todo: str) -> None:
    """Raise a DataError unless the file has the size, the checksum or at least the first bytes expected of it."""
    size = path.stat().st_size
    wanted = f"{file.bytes:,} bytes" if file.bytes else "the file"
    if size != file.bytes and is_page(path):
        found = f"a web page of {size:,} bytes"
        raise DataError(f"A web page came instead of {file.name}", where=where, expected=wanted, found=found, todo=todo)
    if size == 0 or (file.bytes and size < file.bytes):
        problem = f"{file.name} is cut short"
        found = f"{size:,} bytes"
        raise DataError(problem, where=where, expected=wanted, found=found, todo=todo, passing=True)
    algorithm = "sha256" if file.sha256 else "md5"
    expected = file.sha256 or file.md5
    if expected:
        found = digest(path, algorithm)
        if found != expected:
            problem = f"{file.name} has the wrong {algorithm}"
            raise DataError(problem, where=where, expected=expected[:12] + "…", found=found[:12] + "…", todo=todo)
    elif file.magic:
        magic = bytes.fromhex(file.magic)
        with path.open("rb") as stream:
            start = stream.read(len(magic))
        if start != magic:
            problem = f"{file.name} is not the kind of file it should be"
            raise DataError(
                problem, where=where, expected=f"first bytes {file.magic}", found=start.hex() or "nothing", todo=todo
            )
