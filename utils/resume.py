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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from utils import runtime

Key = TypeVar("Key", bound=Hashable)
Arrays = dict[str, np.ndarray]


def pieces(
    name: str,
    keys: Sequence[Key],
    work: Callable[[Key], Mapping[str, Any]],
    settings: Mapping[str, Any],
    at_once: int = 1,
) -> dict[Key, Arrays]:
    """`{key: work(key)}`, each result a dict of arrays; what an interrupted call has finished is not done again.

    `settings` are the parameters that the results depend on: other settings, or another text of `work`, start anew.
    So many pieces are worked on `at_once`, in threads: then no two of them may share a network or a generator.
    """
    folder = _folder(name, settings, work)
    paths = {key: folder / f"{_digest(key)}.npz" for key in keys}
    found = sum(path.exists() for path in paths.values())

    def piece(key: Key) -> Arrays:
        if paths[key].exists():
            return _read(paths[key])
        result = {part: np.asarray(value) for part, value in work(key).items()}
        _write(paths[key], result)
        return result

    with ThreadPoolExecutor(at_once) as pool:
        done = map(piece, keys) if at_once == 1 else pool.map(piece, keys)  # one at a time needs no thread
        results = dict(zip(keys, runtime.progress(done, name, len(keys)), strict=True))
    shutil.rmtree(folder, ignore_errors=True)
    if found:
        print(f"{name}: {found} of {len(keys)} pieces were finished by an interrupted run")
    return results


def stages(
    name: str,
    count: int,
    work: Callable[[int], Mapping[str, Any]],
    state: Callable[[], Sequence[Any]],
    settings: Mapping[str, Any],
) -> list[Arrays]:
    """`[work(0), work(1), …]` where each stage, say an epoch, goes on from the one before.

    `state()` gives the variables that are kept with the last finished stage, say the model's and its optimiser's.
    A resumed run equals an uninterrupted one if `work` seeds what it draws from the number of the stage.
    """
    folder = _folder(name, settings, work)
    results: list[Arrays] = []
    while (path := folder / f"stage{len(results)}.npz").exists():
        results.append(_read(path))
    if results:
        saved = _read(folder / f"state{len(results) - 1}.npz")
        for index, variable in enumerate(state()):
            variable.assign(saved[f"variable{index}"])
        print(f"{name}: {len(results)} of {count} stages were finished by an interrupted run")
    for stage in range(len(results), count):
        results.append({part: np.asarray(value) for part, value in work(stage).items()})
        # The state first: a stage counts as finished only when its own file is there.
        if _write(folder / f"state{stage}.npz", {f"variable{i}": np.asarray(v) for i, v in enumerate(state())}):
            _write(folder / f"stage{stage}.npz", results[-1])
            (folder / f"state{stage - 1}.npz").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
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


def _write(path: Path, arrays: Arrays) -> bool:
    """Write atomically, say whether it worked: a folder that is not writable costs the resuming, not the lesson."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(file.name, path)
    except OSError:
        return False
    return True
