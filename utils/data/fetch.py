"""Download a file once, whole and checked, or say in one sentence why not."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import places, verify
from .catalog import File
from .errors import DataError, UnwritableError


@dataclass
class Patience:
    """How long to wait, in seconds, and how often to try."""

    probe: float = 2.0  # for a host to answer at all, when a sample can stand in
    connect: float = 10.0
    stall: float = 20.0  # without a byte
    tries: int = 4
    pause: float = 0.5  # before the second try; doubles
    lock: float = 1800.0  # for another kernel that downloads the same file


PATIENCE = Patience()
MEMORY = 60.0  # seconds for which a host that did not answer is not asked again
_silent: dict[tuple[str, int], float] = {}


@contextlib.contextmanager
def lock(target: Path) -> Iterator[None]:
    """Let one kernel at a time write `target`; say so when the folder cannot be written."""
    import filelock

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        guard = filelock.FileLock(target.with_name(f".{target.name}.lock"))
        try:
            guard.acquire(timeout=2)
        except filelock.Timeout:
            print(f"Another kernel is preparing {target.name}: waiting for it.", flush=True)
            guard.acquire(timeout=PATIENCE.lock)
    except filelock.Timeout:
        raise DataError(
            f"Another kernel has been preparing {target.name} for {PATIENCE.lock / 60:.0f} minutes",
            where=places.label(target),
            todo="stop that kernel, then ask again",
        ) from None
    except OSError as error:
        raise places.writing_failed(error, target) from None
    try:
        yield
    finally:
        guard.release()


def download(file: File, target: Path) -> str:
    """Bring `file` to `target` from the first address that gives it whole; return it, or "" if it was there."""
    with lock(target):
        if _is_there(file, target):
            return ""
        failures: list[DataError] = []
        for url in reachable(file.urls):
            try:
                _download(url, file, target)
                return url
            except UnwritableError:
                raise  # the disk, not the address
            except DataError as error:
                failures.append(error)
        raise _summary(failures)


def _is_there(file: File, target: Path) -> bool:
    """Whether another kernel finished it while this one waited for the lock."""
    try:
        verify.check(target, file, "", "")
    except (OSError, DataError):
        return False
    return True


def _summary(failures: list[DataError]) -> DataError:
    first = failures[0]
    if len(failures) == 1:
        return first
    others = "; ".join(f"{failure.problem} ({failure.where})" for failure in failures[1:])
    return DataError(
        f"{first.problem} ({first.where}), and from the other address: {others}",
        expected=first.expected,
        found=first.found,
        todo=first.todo,
    )


def _download(url: str, file: File, target: Path) -> None:
    for attempt in range(PATIENCE.tries):
        try:
            return _attempt(url, file, target)
        except DataError as error:
            if not error.passing or attempt + 1 == PATIENCE.tries:
                raise
            time.sleep(PATIENCE.pause * 2**attempt)


def _attempt(url: str, file: File, target: Path) -> None:
    """Write to a .part file that no reader looks at, check it, and only then give it its name."""
    import pooch
    import requests

    part = target.with_name(target.name + ".part")
    bar = _progress(file)
    # Some servers "unpack" .gz files on the way unless asked for the bytes as they are.
    headers = {"Accept-Encoding": "identity", "User-Agent": "deep-learning-course"}
    timeout = (PATIENCE.connect, PATIENCE.stall)
    get = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=timeout, headers=headers)
    try:
        get(url, str(part), None)
        verify.check(part, file, url, _TODO)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(part, target)
    except requests.RequestException as error:  # an OSError too: must stand first
        raise _network_failure(error, url, file) from None
    except OSError as error:
        raise places.writing_failed(error, target, file.bytes) from None
    finally:
        if bar:
            bar.close()
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


_TODO = "try again later, or put the file into the cache by hand (data/README.md says how)"


def _network_failure(error: Any, url: str, file: File) -> DataError:
    import requests

    status = error.response.status_code if error.response is not None else 0
    text = str(error).lower()
    if status:
        busy = status == 429 or status >= 500
        problem = f"The server is busy or broken, {file.name} did not come" if busy else f"{file.name} is not there"
        return DataError(problem, where=url, expected="status 200", found=f"status {status}", todo=_TODO, passing=busy)
    if isinstance(error, requests.Timeout) or "timed out" in text:
        found = f"silence for {PATIENCE.stall:g} s"
        return DataError(
            f"The download of {file.name} stalled", where=url, expected="data", found=found, todo=_TODO, passing=True
        )
    if isinstance(error, requests.exceptions.SSLError):
        todo = "look at the clock and the certificates of this machine, or use a mirror (COURSE_DATA)"
        return DataError(
            "The secure connection failed", where=url, expected="a valid certificate", found="none", todo=todo
        )
    if "failed to establish" in text or "resolve" in text or "refused" in text or "proxy" in text:
        return _no_network([url])
    size = f"{file.bytes:,} bytes" if file.bytes else "the whole file"
    problem, found = f"The download of {file.name} broke off", "a closed connection"
    return DataError(problem, where=url, expected=size, found=found, todo=_TODO, passing=True)


def _no_network(urls: list[str] | tuple[str, ...]) -> DataError:
    hosts = " and ".join(sorted({urlsplit(url).hostname or url for url in urls}))
    todo = "connect this machine, or let COURSE_DATA name a mirror folder"
    return DataError(
        "There is no network to the data", where=urls[0], expected=f"an answer from {hosts}", found="none", todo=todo
    )


def reachable(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the addresses whose host (or the proxy before it) answers soon; without a network this fails at once."""
    import requests.utils

    doors: dict[str, tuple[str, int]] = {}
    for url in urls:
        proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
        parts = urlsplit(proxy if proxy and "//" in proxy else f"//{proxy}" if proxy else url)
        doors[url] = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    patience = PATIENCE.connect if places.source() == "real" else PATIENCE.probe
    asked = {door for door in doors.values() if time.monotonic() - _silent.get(door, -MEMORY) >= MEMORY}
    answered: set[tuple[str, int]] = set()
    # Threads, because a name server that does not answer cannot be given a time limit.
    threads = [threading.Thread(target=_knock, args=(door, patience, answered), daemon=True) for door in asked]
    for thread in threads:
        thread.start()
    end = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    for door in asked:
        if door in answered:
            _silent.pop(door, None)
        else:
            _silent[door] = time.monotonic()
    good = tuple(url for url in urls if doors[url] in answered)
    if not good:
        raise _no_network(urls)
    return good


def _knock(door: tuple[str, int], patience: float, answered: set[tuple[str, int]]) -> None:
    with contextlib.suppress(OSError), socket.create_connection(door, timeout=patience):
        answered.add(door)


def _progress(file: File) -> Any:
    """Return a plain progress bar for files that take a while; on stdout: no widgets or stderr in a notebook."""
    if not file.bytes or file.bytes < 2_000_000:
        return None
    from tqdm import tqdm

    name = file.name.rsplit("/", 1)[-1]
    return tqdm(
        total=file.bytes, desc=name, unit="B", unit_scale=True, ncols=79, file=sys.stdout, leave=False, mininterval=0.5
    )
