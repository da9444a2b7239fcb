"""The data layer against a server that fails in every way we know, and against folders that cannot be written."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from data_server import Server, put, tiny_mnist, toml_of

from utils import data
from utils.data import DataError, catalog, fetch

ROOT = Path(__file__).resolve().parents[1]
IMAGES = "train-images-idx3-ubyte.gz"


@pytest.fixture
def server():
    server = Server()
    server.files = tiny_mnist()
    yield server
    server.close()


@pytest.fixture
def home(tmp_path, monkeypatch, server):
    """Give the test its own cache, no fallback, short patience; `home(behaviour, …)` writes the catalogue."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_SOURCE", "real")
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(fetch, "PATIENCE", fetch.Patience(probe=1, connect=5, stall=5, tries=3, pause=0.01))
    monkeypatch.setattr(fetch, "_silent", {})
    monkeypatch.setitem(sys.modules, "utils.samples.digits", small_world())

    def write(*behaviours: str) -> Path:
        files = [
            (name, content, [url if "//" in url else f"{server.address}/{url}/{name}" for url in behaviours])
            for name, content in server.files.items()
        ]
        path = tmp_path / "catalog.toml"
        path.write_text(toml_of("mnist", {"reader": "idx", "sample": "digits"}, [files]))
        monkeypatch.setattr(catalog, "CATALOG", path)
        catalog.entries.cache_clear()
        return tmp_path / "cache" / "mnist"

    yield write
    monkeypatch.undo()
    catalog.entries.cache_clear()


def small_world() -> types.ModuleType:
    """Stand in for the drawn digits, which take a second."""
    world = types.ModuleType("utils.samples.digits")
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
    world.draw = lambda seed=0: {split: {"images": images, "labels": labels} for split in ("train", "test")}
    world.CLASSES = tuple("0123456789")
    return world


def leftovers(folder: Path) -> list[str]:
    """Everything in the folder that a later call could mistake for data."""
    return [path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


def test_download_is_checked_kept_and_asked_once(home, server):
    folder = home("ok")
    mnist = data.load("mnist")
    assert mnist.train.images.shape == (400, 28, 28, 1)
    assert mnist.origin.real
    assert {file["name"] for file in mnist.origin.files} == set(server.files)
    data.load("mnist")
    assert set(server.requests.values()) == {1}
    assert (folder / IMAGES).read_bytes() == server.files[IMAGES]


@pytest.mark.parametrize(
    ("behaviour", "words", "requests"),
    [
        ("wrong", ["wrong sha256", "expected", "found"], 1),
        ("cut", ["broke off", "expected", "bytes"], 3),
        ("cutquietly", ["cut short", "bytes"], 3),
        ("page", ["web page", "bytes"], 1),
        ("missing", ["not there", "status 404"], 1),
        ("busy", ["busy", "status 503"], 3),
        ("stall", ["stalled", "silence for 0.3 s"], 3),
    ],
)
def test_failure_gives_one_sentence_and_leaves_nothing(home, server, behaviour, words, requests):
    folder = home(behaviour)
    if behaviour == "stall":
        fetch.PATIENCE.stall = 0.3
    with pytest.raises(DataError) as caught:
        data.load("mnist")
    sentence = str(caught.value)
    for word in [*words, f"{server.address}/{behaviour}/{IMAGES}", "try again later"]:
        assert word in sentence
    assert "\n" not in sentence
    assert server.requests[f"/{behaviour}/{IMAGES}"] == requests
    assert leftovers(folder) == []


@pytest.mark.parametrize("behaviour", ["busytwice", "cutonce"])
def test_passing_failures_are_retried(home, server, behaviour):
    home(behaviour)
    assert len(data.load("mnist").train) == 400


def test_retries_wait_longer_each_time(home, server, monkeypatch):
    home("busy")
    pauses = []
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)
    with pytest.raises(DataError):
        data.load("mnist")
    assert pauses == [0.01, 0.02]


@pytest.mark.parametrize("first", ["missing", "page", "wrong", "http://127.0.0.1:9/x"])
def test_next_address_is_tried(home, server, first):
    home(first, "ok")
    assert len(data.load("mnist").train) == 400


def test_no_network_is_told_quickly(home):
    home("http://127.0.0.1:9/x", "http://course.invalid/x")
    start = time.perf_counter()
    with pytest.raises(DataError, match=r"no network .* answer from 127\.0\.0\.1 and course\.invalid"):
        data.load("mnist")
    assert time.perf_counter() - start < 2.5


def test_no_network_falls_back_to_the_sample_quickly(home, monkeypatch, capsys):
    home("http://127.0.0.1:9/x", "http://course.invalid/x")
    monkeypatch.setenv("COURSE_SOURCE", "sample")
    data.load("mnist")  # draws it, which is not what is measured here
    monkeypatch.setenv("COURSE_SOURCE", "auto")
    monkeypatch.setattr(fetch.socket, "create_connection", _hangs)
    start = time.perf_counter()
    mnist = data.load("mnist")
    assert time.perf_counter() - start < 2.5  # the probe waits one second in these tests
    start = time.perf_counter()
    data.load("mnist")
    assert time.perf_counter() - start < 0.5  # remembered
    assert mnist.origin.origin == "sample"
    shown = capsys.readouterr().out
    assert "not comparable" in shown
    assert "no network" in shown


def _hangs(*_, **__):
    time.sleep(4)
    raise OSError(errno.ETIMEDOUT, "timed out")


def test_failing_address_falls_back_with_the_reason(home, monkeypatch, capsys):
    home("page")
    monkeypatch.setenv("COURSE_SOURCE", "auto")
    assert not data.load("mnist").origin.real
    assert "web page" in capsys.readouterr().out


def test_damaged_copy_in_the_cache_is_replaced(home, server):
    folder = home("ok")
    put(folder, {IMAGES: server.files[IMAGES][:100]})
    assert len(data.load("mnist").train) == 400
    assert (folder / IMAGES).read_bytes() == server.files[IMAGES]


def test_damaged_copy_without_network_says_both(home, server):
    folder = home("missing")
    put(folder, {IMAGES: server.files[IMAGES][:-1] + b"x"})
    with pytest.raises(DataError, match=r"wrong sha256 \(\$COURSE_CACHE/mnist/.*delete it and ask again"):
        data.load("mnist")


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from utils import data
from utils.data import catalog
catalog.CATALOG = Path({catalogue!r})
print(len(data.load("mnist").train))
"""


def child() -> subprocess.Popen[str]:
    code = CHILD.format(root=str(ROOT), catalogue=str(catalog.CATALOG))
    return subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_two_kernels_download_once(home, server):
    home("slow")
    children = [child(), child()]
    for process in children:
        out, err = process.communicate(timeout=30)
        assert out.strip().endswith("400"), err
    assert set(server.requests.values()) == {1}


def test_killed_download_is_asked_again(home, server):
    folder = home("stall")  # sends half of the file, then waits
    process = child()
    part = folder / f"{IMAGES}.part"
    end = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert leftovers(folder) == [part.name]
    home("ok")
    assert len(data.load("mnist").train) == 400
    assert leftovers(folder / "..").count(part.name) == 0


def test_interrupt_leaves_nothing(home, server, monkeypatch):
    import pooch

    folder = home("ok")
    monkeypatch.setattr(pooch, "HTTPDownloader", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.load("mnist")
    assert leftovers(folder) == []


def _interrupted(**_):
    def download(url, output, _):
        Path(output).write_bytes(b"half")
        raise KeyboardInterrupt

    return download


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_full_disk(home, server):
    folder = home("ok")
    folder.mkdir(parents=True)
    (folder / f"{IMAGES}.part").symlink_to("/dev/full")  # every write to it meets a full disk
    with pytest.raises(DataError, match=r"disk is full .*MB free.* COURSE_CACHE"):
        data.load("mnist")
    assert leftovers(folder) == []


def test_disk_that_fills_while_the_decoded_copy_is_written(home, server, monkeypatch, capsys):
    folder = home("ok")

    def save(path, *_, **__):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.save", save)
    assert len(data.load("mnist").train) == 400
    assert "disk is full" in capsys.readouterr().out
    assert sorted(leftovers(folder)) == sorted(server.files)


def read_only(*_, **__):
    raise OSError(errno.EROFS, "Read-only file system")


def test_read_only_cache_cannot_take_a_download(home, monkeypatch):
    home("ok")
    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(DataError, match=r"read-only \(\$COURSE_CACHE/mnist.*COURSE_CACHE name a folder"):
        data.load("mnist")


def test_read_only_cache_and_mirror_still_load(home, server, monkeypatch, tmp_path, capsys):
    home("missing")
    put(tmp_path / "mirror" / "mnist", server.files)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mirror"))
    monkeypatch.setattr(Path, "mkdir", read_only)
    mnist = data.load("mnist")
    assert mnist.origin.place == "mirror"
    out = capsys.readouterr().out
    assert "read-only" in out
    assert str(tmp_path) not in out


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs a folder that even root cannot write to")
def test_really_read_only_cache_draws_the_sample(home, monkeypatch, capsys):
    home("ok")
    monkeypatch.setenv("COURSE_CACHE", "/sys/kernel/course")
    monkeypatch.setenv("COURSE_SOURCE", "auto")
    assert not data.load("mnist").origin.real
    out = capsys.readouterr().out
    assert "COURSE_CACHE" in out
    assert not os.path.exists("/sys/kernel/course")


def test_damaged_mirror_is_named(home, server, monkeypatch, tmp_path):
    home("missing")
    put(tmp_path / "mirror" / "mnist", {**server.files, IMAGES: b""})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mirror"))
    with pytest.raises(DataError, match=r"cut short \(\$COURSE_DATA/mnist/.*found 0 bytes"):
        data.load("mnist")


def test_unreadable_mirror_is_named(home, server, monkeypatch, tmp_path):
    home("missing")
    put(tmp_path / "mirror" / "mnist", server.files)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mirror"))

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("utils.data.verify.check", denied)
    with pytest.raises(DataError, match=r"cannot be read \(\$COURSE_DATA/mnist/.*permission denied"):
        data.load("mnist")


def test_unknown_name_and_source(home, monkeypatch):
    home("ok")
    with pytest.raises(DataError, match="did you mean 'mnist'"):
        data.load("minst")
    monkeypatch.setenv("COURSE_SOURCE", "reel")
    with pytest.raises(DataError, match="auto, real or sample"):
        data.load("mnist")
