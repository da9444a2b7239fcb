"""Attacks on the grader, each in a real sandbox: it survives them, and nobody gets points that are not theirs."""

import functools
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grading_kit as kit
import pytest

from tools.grading import bubble, exam, jobs
from tools.grading.examine import Examination, Report
from tools.grading.sandbox import Sandbox
from tools.lesson import read

pytestmark = pytest.mark.skipif(bool(bubble.problem()), reason=f"no sandbox here: {bubble.problem()}")
FULL = kit.TOTAL


@dataclass
class Room:
    """Where submissions of the tests are examined."""

    root: Path
    exam: dict
    opener: Callable[[], Sandbox]
    sources: kit.Sources
    folder: Path

    def examine(self, sources: kit.Sources, cell: float = kit.LIMITS.cell) -> Report:
        return Examination(self.exam, kit.cells(sources), self.opener, replace(kit.LIMITS, cell=cell)).run()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("attacks")
    root = kit.course(folder)
    made = exam.make(read(root / "lessons" / f"{kit.SLUG}.py"), 1, folder / "exams", folder / "samples")
    os.environ["SECRET_OF_THE_GRADER"] = "the-secret"
    with jobs.warm_server(light=True) as warm:
        warm.wait(300)
        view = bubble.course_view(root, folder / "samples", [folder])
        opener = functools.partial(Sandbox, warm.address, view, kit.LIMITS)
        yield Room(root, json.loads(made.read_text()), opener, kit.worked(root), folder)
    del os.environ["SECRET_OF_THE_GRADER"]


def score(report: Report) -> float:
    return sum(verdict.score for verdict in report.verdicts)


def told(report: Report) -> str:
    """All that the report says in words."""
    words = [v.reason + v.hint for v in report.verdicts] + list(report.cell_errors.values()) + report.notes
    return "\n".join(words)


CELLS = {  # a cell that is added to correct work, what the report has to say of it
    "endless loop": ("while True:\n    pass", "ran "),
    "loop that ignores interrupts": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        "could not be interrupted",
    ),
    "loop without alarm": ("import signal\nsignal.alarm(0)\nsignal.setitimer(0, 0)\nwhile True: pass", "ran too long"),
    "stopped process": ("import os\nos.kill(os.getpid(), 19)", "ran too long"),
    "os._exit": ("import os\nos._exit(0)", "ended the process"),
    "sys.exit": ("import sys\nsys.exit(1)", "SystemExit"),
    "crash": ("import ctypes\nctypes.string_at(0)", "ended the process"),
    "exception at import": ("import a_module_that_is_not_there", "ModuleNotFoundError"),
    "syntax error": ("def broken(:\n    pass", "SyntaxError"),
    "output of 100 MB": ("for _ in range(100):\n    print('x' * 1_000_000)", ""),
    "memory hog": ("hog = [np.empty(10_000_000) for _ in range(1000)]", "MemoryError"),
    "shared memory hog": (
        "import mmap, time\nhogs = []\nfor _ in range(40):\n    hogs.append(mmap.mmap(-1, 50_000_000))\n"
        "    hogs[-1].write(bytes(50_000_000))\n    time.sleep(0.03)",
        "used more than 0.3 GB of memory",
    ),
    "memory of many processes": (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        hog = bytes(range(256)) * 400_000\n"
        "        time.sleep(60)\n        os._exit(0)\ntime.sleep(25)",
        "used more than 0.3 GB of memory",
    ),
    "standard output closed": ("import os\nos.close(1); os.close(2)", ""),
    "all files closed": ("import os\nos.closerange(0, 1000)", "ended the process"),
    "waiting for input": ("input('name?')", "EOFError"),
    "kills all it can": ("import os\nos.kill(-1, 9)", ""),
    "fork that returns": ("import os\nos.fork()", ""),
    "threads that go on": (
        "import threading\ndef go():\n    while True: pass\nthreading.Thread(target=go).start()",
        "",
    ),
    "recursion": ("def f(): return f()\nf()", "RecursionError"),
    "exception that lies": (
        "class E(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\nraise E",
        "E:",
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_hostile_cell_costs_only_itself(room: Room, name: str) -> None:
    source, words = CELLS[name]
    report = room.examine(kit.with_cell(room.sources, source, 3), 30 if "memory" in name else kit.LIMITS.cell)
    assert score(report) == FULL
    assert words in told(report)
    assert report.starts <= 3


CALLS = {  # a body for one exercise, what the report has to say of it
    "endless loop": ("while True: pass", "ran "),
    "ignores interrupts": (
        "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "ran ",
    ),
    "os._exit": ("import os; os._exit(0)", "ended the process"),
    "sys.exit": ("import sys; sys.exit()", "it raised SystemExit"),
    "wrong type": ("return 'one'", "the result is wrong"),
    "wrong shape": ("return centre(x)[:, None]", "wrong shape"),
    "nan": ("return x * np.nan", "NaN"),
    "nothing": ("return None", "the result is wrong"),
    "generator": ("return (value for value in x)", "not something that can be compared"),
    "huge array": ("return np.ones(5_000_000)", "not something that can be compared"),
    "large array": ("return np.ones(300_000)", "too large"),
    "endless list": ("a = []; a.append(a); return a", "it raised RecursionError"),
    "object": ("return object()", "not something that can be compared"),
    "object that lies": (
        "class Liar(np.ndarray):\n        __eq__ = __ne__ = lambda *a: True\n    return x.view(Liar)",
        "values are wrong",
    ),
    "equal to all": (
        "class Liar(str):\n        __eq__ = lambda *a: True\n        __hash__ = str.__hash__\n    return Liar('x')",
        "the result is wrong",
    ),
    "exception named after the inputs": (
        "raise type(f'inputs_{x[0]:.3f}', (Exception,), {})(str(x))",
        "it raised an error",
    ),
    "made for the tools": ("return {'tensor': {'array': '', 'dtype': 'O', 'shape': [0]}}", "the result is wrong"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_hostile_function_costs_its_exercise(room: Room, name: str) -> None:
    body, words = CALLS[name]
    report = room.examine(kit.replaced(room.sources, "rescale", f"def rescale(x, eps):\n    {body}"))
    assert score(report) == FULL - 2
    assert words in report.verdicts[0].reason
    assert "inputs_" not in report.verdicts[0].reason


FORGERIES = {  # cells put before wrong solutions: none may earn a point
    "numpy that agrees": "np.allclose = np.isclose = np.array_equal = lambda *a, **k: np.True_",
    "checks that pass": (
        "from utils.checks import Outcome\nimport utils.checks as c\n"
        "c.run = lambda *a: None\nc.judge = c.judge_value = lambda *a: Outcome('passed')\n"
        "c.difference = lambda *a: None"
    ),
    "json that lies": (
        "import json\nold = json.dumps\njson.dumps = lambda o, **k: old({'score': 10, 'state': 'passed', 'points': 10})"
    ),
    "encoding that lies": "import utils.checks as c\nc.encode = c.wire.encode = lambda v: True",
    "assert switched off": "import builtins\nbuiltins.AssertionError = Warning\nbuiltins.isinstance = lambda *a: True",
    "exec replaced": "import builtins\nbuiltins.exec = lambda *a: None\nbuiltins.compile = lambda *a, **k: None",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_earns_nothing(room: Room, name: str) -> None:
    sources = room.sources
    for exercise, source in kit.WRONG.items():
        sources = kit.replaced(sources, exercise, source)
    report = room.examine(kit.with_cell(sources, FORGERIES[name], 3))
    assert score(report) == 0


BY_HAND = {
    "before the questions": (
        'import os\nfor fd in range(3, 30):\n    try: os.write(fd, b\'{"id": 1, "value": 1}\\n\')\n'
        "    except OSError: pass"
    ),
    "twice": (
        "import gc\nfrom socket import socket\n"
        "for c in [o for o in gc.get_objects() if type(o).__name__ == 'Channel']:\n"
        "    old = c.send\n    def twice(m):\n        old(m)\n        old(m)\n    c.send = twice"
    ),
    "not JSON": "import os\nfor fd in range(3, 30):\n    try: os.write(fd, b'NaN\\n')\n    except OSError: pass",
    "from a thread": (
        "import os, threading, time\ndef go():\n    while True:\n        for fd in range(3, 30):\n"
        "            try: os.write(fd, b'{\"value\": [1]}\\n')\n            except OSError: pass\n"
        "        time.sleep(0.001)\nthreading.Thread(target=go, daemon=True).start()"
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_writing_on_the_result_channel_voids_the_submission(room: Room, name: str) -> None:
    report = room.examine(kit.with_cell(room.sources, BY_HAND[name], 3))
    assert score(report) == 0
    assert "result channel" in told(report)


def test_nothing_survives_the_sandbox(room: Room) -> None:
    mark = f"60{os.getpid()}.{time.monotonic_ns() % 10**6}"
    source = (
        "import os, subprocess\nsubprocess.Popen(['sleep', %r], start_new_session=True)\n"
        "if os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        os.execvp('sleep', ['sleep', %r])\n    os._exit(0)\n"
    )
    report = room.examine(kit.with_cell(room.sources, source % (mark, mark)))
    assert score(report) == FULL
    assert mark not in "".join(command_lines())


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_text(errors="replace")
        except OSError:
            continue


def test_a_burst_of_forks_is_bounded(room: Room) -> None:
    source = (
        "import os, time\nstarted = 0\ntry:\n    while started < 500:\n        if os.fork() == 0:\n"
        "            time.sleep(20)\n            os._exit(0)\n        started += 1\nexcept OSError:\n    pass\n"
        "raise RuntimeError(f'{started} started')"
    )
    report = room.examine(kit.with_cell(room.sources, source))
    assert score(report) == FULL
    count = int(told(report).split("RuntimeError: ")[1].split()[0])
    assert 5 < count < kit.LIMITS.processes


def test_no_network_not_even_to_this_machine(room: Room) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reached = threading.Event()
        threading.Thread(target=lambda: (listener.accept(), reached.set()), daemon=True).start()
        port = listener.getsockname()[1]
        report = room.examine(
            kit.with_cell(room.sources, f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)")
        )
        assert not reached.is_set()
    assert score(report) == FULL
    assert "refused" in told(report) or "unreachable" in told(report)


def test_nothing_of_the_graders_can_be_read(room: Room) -> None:
    (room.folder / "other.ipynb").write_text("another submission")
    exams = next((room.folder / "exams").glob("*.json"))
    secrets = [room.folder / "other.ipynb", exams, room.root / "lessons" / "07_vectors.py", kit.REPOSITORY / "lessons"]
    secrets += [kit.REPOSITORY / "exercises", Path("/root"), Path("/etc/shadow"), Path("/etc/hostname")]
    source = f"""
import gc, glob, os
seen = [path for path in {[str(path) for path in secrets]} if os.path.isfile(path) or os.path.isdir(path) and any(
    entry not in (".pyenv", "") for entry in (os.listdir(path) if os.access(path, os.R_OK) else []))]
text = str(dict(os.environ))
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
    try:
        text += open(path, errors="replace").read()
    except OSError:
        pass
found = [str(thing) for thing in gc.get_objects() if isinstance(thing, dict) and "SECRET_OF_THE" in thing]
text += str(found)
seen += ["environment"] if "the-" + "secret" in text else []
seen += [path for path in glob.glob("/course/**", recursive=True) if path.endswith("/07_vectors.py")]
raise RuntimeError("seen: " + " ".join(seen))
"""
    report = room.examine(kit.with_cell(room.sources, source))
    assert score(report) == FULL
    assert told(report).strip() == "RuntimeError: seen:"


def test_only_its_own_folders_can_be_written(room: Room) -> None:
    source = """
import os, sys
written = []
for folder in ["/", "/usr", "/usr/lib", "/etc", "/course", "/course/utils", "/dev", "/proc", "/home", sys.prefix,
               os.path.dirname(np.__file__), "/course/exercises/values", "/course/notebooks", "/tmp", "/home/student"]:
    try:
        open(folder + "/mark", "w").close()
        written.append(folder)
    except OSError:
        pass
raise RuntimeError("written: " + " ".join(written))
"""
    report = room.examine(kit.with_cell(room.sources, source))
    assert told(report).strip() == "RuntimeError: written: /course/notebooks /tmp /home/student"


def test_the_temporary_folder_has_an_end(room: Room) -> None:
    source = "data = open('/tmp/full', 'wb')\nfor _ in range(100):\n    data.write(bytes(1_000_000))"
    report = room.examine(kit.with_cell(room.sources, source, 3))
    assert score(report) == FULL
    assert "No space left" in told(report)


def test_privileges_cannot_be_had(room: Room) -> None:
    source = """
import ctypes, os
libc = ctypes.CDLL(None)
had = [name for name, got in {
    "user namespace": libc.unshare(0x10000000) == 0,
    "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
    "memory file": libc.memfd_create(b"x", 0) >= 0,
    "shared segment": libc.shmget(0, 4096, 0o1600) >= 0,
    "root": os.getuid() == 0 or libc.setuid(0) == 0,
    "tracing": libc.ptrace(16, 1, 0, 0) == 0,
    "many processes": len([p for p in os.listdir("/proc") if p.isdigit()]) > 5,
}.items() if got]
raise RuntimeError("had: " + ", ".join(had))
"""
    report = room.examine(kit.with_cell(room.sources, source))
    assert told(report).strip() == "RuntimeError: had:"


def test_without_root_the_sandbox_is_as_tight(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # then bubblewrap makes a user namespace
    bubble.problem.cache_clear()
    try:
        if problem := bubble.problem():
            pytest.skip(f"no user namespaces here: {problem}")
        test_privileges_cannot_be_had(room)
        test_only_its_own_folders_can_be_written(room)
        test_nothing_of_the_graders_can_be_read(room)
        test_a_hostile_cell_costs_only_itself(room, "kills all it can")
    finally:
        bubble.problem.cache_clear()


def test_submissions_start_afresh(room: Room) -> None:
    trace = (
        "import builtins, os\nbuiltins.trace = 1\nopen('/tmp/trace', 'w').close()\nopen('/dev/shm/trace', 'w').close()"
    )
    assert score(room.examine(kit.with_cell(room.sources, trace))) == FULL
    look = (
        "import builtins, os\nraise OSError([hasattr(builtins, 'trace'), os.listdir('/tmp'), os.listdir('/dev/shm')])"
    )
    assert "[False, [], []]" in told(room.examine(kit.with_cell(room.sources, look, 3)))
