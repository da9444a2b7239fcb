"""Long work in pieces: an interrupted lesson goes on where it stopped, and a finished one leaves nothing behind.

Finished pieces are kept on disk only until the whole is done. So a lesson that is run again trains again, and its
numbers never come from an earlier run.
"""

import hashlib
import inspect
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from utils import runtime

Key = TypeVar("Key", bound=Hashable)
Arrays = dict[str, np.ndarray]


def pieces(
    name: str, keys: Sequence[Key], work: Callable[[Key], Mapping[str, Any]], settings: Mapping[str, Any]
) -> dict[Key, Arrays]:
    """`{key: work(key)}`, each result a dict of arrays; what an interrupted call has finished is not done again.

    `settings` are the parameters that the results depend on: other settings, or another text of `work`, start anew.
    """
    folder = _folder(name, settings, work)
    results: dict[Key, Arrays] = {}
    found = 0
    for key in runtime.progress(keys, name):
        path = folder / f"{_digest(key)}.npz"
        if path.exists():
            results[key] = _read(path)
            found += 1
        else:
            results[key] = {part: np.asarray(value) for part, value in work(key).items()}
            _write(path, results[key])
    shutil.rmtree(folder, ignore_errors=True)
    if found:
        print(f"{name}: {found} of {len(keys)} pieces were finished by an interrupted run")
    return results


def _folder(name: str, settings: Mapping[str, Any], work: Callable[..., Any]) -> Path:
    cache = os.environ.get("COURSE_CACHE") or Path(__file__).resolve().parents[1] / "data" / "cache"
    try:
        source = inspect.getsource(work)
    except (OSError, TypeError):  # typed into a console: nothing to compare
        source = ""
    stamp = _digest((sorted(settings.items()), source, runtime.current_profile(), sys.version))
    return Path(cache) / "unfinished" / f"{name.replace(' ', '_')}_{stamp}"


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _read(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as stored:
        return {part: stored[part] for part in stored.files}


def _write(path: Path, arrays: Arrays) -> None:
    """Write atomically; a folder that cannot be written costs the resuming, not the lesson."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(file.name, path)
    except OSError:
        return
