"""How much memory a tree of processes holds: the kernel limits one process, nobody limits their sum."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

HELD = re.compile(rb"^(?:RssAnon|RssShmem):\s+(\d+) kB", re.MULTILINE)
SHARE = re.compile(rb"^(?:Pss_Anon|Pss_Shmem):\s+(\d+) kB", re.MULTILINE)
KILO = 1024


def descendants(roots: Iterable[int]) -> list[int]:
    """These processes and all below them; orphans of a sandbox are adopted by its first process, so none is missed."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], list(roots)
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting += children.get(process, [])
    return found


def used(roots: Iterable[int]) -> int:
    """Bytes that the processes hold together, each shared page counted in shares where the kernel tells."""
    return sum(_shared_out(process) for process in descendants(roots))


def _shared_out(process: int) -> int:
    with contextlib.suppress(OSError):
        return _sum(SHARE, Path(f"/proc/{process}/smaps_rollup"))
    with contextlib.suppress(OSError):
        return _sum(HELD, Path(f"/proc/{process}/status"))
    return 0


def _sum(lines: re.Pattern[bytes], path: Path) -> int:
    return sum(int(number) for number in lines.findall(path.read_bytes())) * KILO
