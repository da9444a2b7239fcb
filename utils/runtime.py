"""Start a lesson: a quiet TensorFlow, seeds, one line of versions, and the three profiles.

Import this before TensorFlow: the first import prints C++ log lines that no reader needs.
"""

import atexit
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

PROFILES = ("class", "full", "smoke")
LESSONS = Path(__file__).with_name("lessons.json")  # written by `tools build` from the lessons' headers
OPEN_EXERCISE = "Exercise "
T = TypeVar("T")
_lesson = ""


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 nowhere: TensorFlow's C++ code writes there before any log level applies."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if "tensorflow" not in sys.modules:
        with _quiet_stderr():
            import tensorflow  # noqa: F401


_import_tensorflow()


def start(lesson: str, seed: int = 0, operations: int = 1) -> None:
    """Seed everything, make operations deterministic, and print one line of versions and device.

    `operations` is how many TensorFlow works on at a time. Two make a training step on two cores about half as fast
    again; only a lesson whose steps draw nothing from a shared generator may ask for it, after a test.
    """
    global _lesson
    import keras
    import tensorflow as tf

    _lesson = lesson
    _limit_threads(operations)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    _show_open_exercises_in_one_line()
    with _quiet_stderr():
        gpus = tf.config.list_physical_devices("GPU")
    device = f"{len(gpus)} GPU" if gpus else f"CPU, {os.cpu_count()} cores"
    versions = f"Python {platform.python_version()} · TensorFlow {tf.__version__} · Keras {keras.__version__}"
    print(f"{versions} · {device} · seed {seed}")


def _limit_threads(operations: int) -> None:
    """So many operations at a time, each on all cores; or all on `COURSE_THREADS` where a grader shares the machine.

    Two operations at a time may add up gradients in another order in every run: then no seed makes two runs equal.
    """
    import tensorflow as tf
    import threadpoolctl

    threads = int(os.environ.get("COURSE_THREADS") or 0)
    if threads:  # NumPy and scikit-learn, too: two notebooks whose matrices want all cores wait for each other
        threadpoolctl.threadpool_limits(threads)
    with contextlib.suppress(RuntimeError):  # TensorFlow has already started: too late to change
        tf.config.threading.set_inter_op_parallelism_threads(min(operations, threads or operations))
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _show_open_exercises_in_one_line() -> None:
    """A cell that needs an open exercise stops with its name instead of a screen of traceback."""
    try:
        shell = get_ipython()  # type: ignore[name-defined]
    except NameError:
        return

    def handler(
        self: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None
    ) -> None:
        text = str(error)
        if text.startswith(OPEN_EXERCISE):
            self._showtraceback(kind, error, [f"\x1b[33m○ {text}\x1b[0m"])
        else:
            self.showtraceback((kind, error, trace), tb_offset=tb_offset)

    shell.set_custom_exc((NotImplementedError,), handler)


@cache
def _all_lessons() -> dict[str, Any]:
    return json.loads(LESSONS.read_text(encoding="utf-8")) if LESSONS.exists() else {}


def lesson_facts() -> dict[str, Any]:
    """What the header of the running lesson says: title, minutes, expected bands, published numbers."""
    facts: dict[str, Any] = _all_lessons().get(_lesson, {})
    return facts


def current_profile() -> str:
    """`class` unless `COURSE_PROFILE` says otherwise."""
    name = os.environ.get("COURSE_PROFILE", "").strip() or "class"
    if name not in PROFILES:
        raise ValueError(f"COURSE_PROFILE is {name!r}; it can be {', '.join(PROFILES)}")
    return name


def profile(in_class: Mapping[str, Any] | None = None, smoke: Mapping[str, Any] | None = None) -> None:
    """Change the parameters above this call to those of the profile in force, and print what was changed."""
    name = current_profile()
    changes = {"class": in_class, "smoke": smoke, "full": None}[name] or {}
    variables = sys._getframe(1).f_globals
    unknown = [key for key in changes if key not in variables]
    if unknown:
        raise NameError(f"the profile changes {', '.join(unknown)}, which no parameter above is called")
    variables.update(changes)
    changed = ", ".join(f"{key} = {value!r}" for key, value in changes.items())
    print(f"Profile {name}: {changed or 'all parameters as written'}.{_remark(name)}")


def _remark(name: str) -> str:
    minutes = lesson_facts().get("minutes", {})
    full = f"about {minutes['full']} minutes" if minutes.get("full") else "longer"
    if name == "class":
        return f"\nThe text quotes the full run (COURSE_PROFILE=full), which takes {full} on two CPU cores."
    return "\nThis profile only shows that everything runs; its numbers mean nothing." if name == "smoke" else ""


def scratch(name: str) -> Path:
    """A new, empty folder under build/ (else where temporary files go) that is removed when the kernel ends."""
    build = LESSONS.parents[1] / "build"
    try:
        build.mkdir(exist_ok=True)
        for left in build.glob(f"{name}_*"):  # by kernels that were killed, a week ago or more
            if time.time() - left.stat().st_mtime > 7 * 24 * 3600:
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=build))
    except OSError:  # a read-only checkout
        folder = Path(tempfile.mkdtemp(prefix=f"{name}_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def progress(steps: Iterable[T], label: str, total: int | None = None) -> Iterable[T]:
    """A plain progress bar that disappears when it is done; `total` is for steps that have no length."""
    from tqdm import tqdm  # not tqdm.auto: its widgets leave state in the notebook, text does not

    bar: Iterable[T] = tqdm(steps, desc=label, total=total, file=sys.stdout, leave=False, mininterval=1.0, ncols=80)
    return bar
