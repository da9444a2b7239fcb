"""A whole grading from the command line: forty submissions, killed in the middle, and every score as constructed."""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import grading_kit as kit
import pytest

from tools import grade
from tools.grading import bubble
from tools.grading.memory import descendants

needs_sandbox = pytest.mark.skipif(bool(bubble.problem()), reason=f"no sandbox here: {bubble.problem()}")
FULL = kit.TOTAL
COMMAND = (sys.executable, "-m", "tools", "grade")
OPTIONS = ("--seed", "11", "--jobs", "2", "--cell-seconds", "2", "--call-seconds", "2", "--seconds", "40")


def command(root: Path, folder: Path, output: Path, *more: str) -> list[str]:
    return [*COMMAND, str(folder), "--root", str(root), "--output", str(output), *OPTIONS, *more]


def run(*arguments: object) -> subprocess.CompletedProcess:
    texts = [str(argument) for argument in arguments]
    return subprocess.run(texts, cwd=kit.REPOSITORY, capture_output=True, text=True, timeout=300, check=False)


def table(output: Path) -> dict[str, dict[str, str]]:
    with (output / "grades.csv").open(newline="") as lines:
        found = list(csv.DictReader(lines))
    assert len({row["student"] for row in found}) == len(found)
    return {row["student"]: row for row in found}


def forty(root: Path, folder: Path) -> dict[str, float]:
    """Forty submissions, good, partial, wrong and hostile, and the score that each has to get."""
    good, scores, work = kit.worked(root), {}, {}

    def add(name: str, score: float, data: bytes) -> None:
        scores[name], work[name] = score, data

    for i in range(10):
        add(f"good-{i}", FULL, kit.content(kit.with_cell(good, f"mine = {i}")))
    for i, (name, points) in enumerate([("rescale", 2), ("counter", 1), ("softmax", 4), ("dropout", 3)] * 2):
        changed = kit.replaced(good, name, kit.WRONG[name])
        add(f"wrong-{i}", FULL - points, kit.content(kit.with_cell(changed, f"mine = {i}")))
    overflow = kit.replaced(good, "softmax", "def softmax(z):\n    return np.exp(z) / np.exp(z).sum()")
    for i in range(6):
        add(f"partial-{i}", FULL - 2, kit.content(kit.with_cell(overflow, f"mine = {i}")))
    for i in range(3):
        add(f"open-{i}", 0, kit.content(kit.with_cell(kit.untouched(root), f"mine = {i}")))
    all_wrong = good
    for name, source in kit.WRONG.items():
        all_wrong = kit.replaced(all_wrong, name, source)
    for i in range(3):
        add(f"all-wrong-{i}", 0, kit.content(kit.with_cell(all_wrong, f"np.allclose = lambda *a: {i + 1}", 3)))
    hostile = {
        "loop": ("while True: pass", FULL),
        "exit": ("import os; os._exit(1)", FULL),
        "kill": ("import os; os.kill(-1, 9)", FULL),
        "forge": ("import os\nfor f in range(3, 20):\n    try: os.write(f, b'{}\\n')\n    except OSError: pass", 0),
        "output": ("for _ in range(20): print('x' * 1_000_000)", FULL),
    }
    for name, (cell, score) in hostile.items():
        add(f"hostile-{name}", score, kit.content(kit.with_cell(good, cell, 3)))
    add("truncated", 0, kit.content(good)[:900])
    add("empty", 0, b"")
    add("not-a-notebook", 0, b"%PDF-1.7")
    add("no-cells", 0, kit.content([]))
    add("text-only", 0, kit.content([("markdown", text) for _, text in good]))
    assert len(work) == 40
    kit.hand_in(folder, work)
    return scores


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float], set[str]]:
    """A grading of forty: a worker killed, then the grader, started again, a worker killed; what the first one did."""
    folder = tmp_path_factory.mktemp("forty")
    root, output = kit.course(folder), folder / "out"
    scores = forty(root, folder / "in")
    first = subprocess.Popen(
        command(root, folder / "in", output), cwd=kit.REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(output, 4)
        os.kill(worker_of(output), signal.SIGKILL)
        wait_for(output, 12)
    finally:
        first.kill()
        first.wait()
    done = finished(output)
    assert len(done) < 40
    second = subprocess.Popen(
        command(root, folder / "in", output), cwd=kit.REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_for(output, len(done) + 4)
        os.kill(worker_of(output), signal.SIGKILL)  # this time only the worker: the grader has to go on by itself
        said, _ = second.communicate(timeout=300)
    finally:
        second.kill()
    assert second.returncode == 0, said.decode()
    return output, scores, done


def finished(output: Path) -> set[str]:
    return {path.stem for path in (output / "work" / "results").glob("*.json")}


def wait_for(output: Path, count: int) -> None:
    deadline = time.monotonic() + 300
    while len(finished(output)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def journal(output: Path) -> list[dict]:
    return [json.loads(line) for line in (output / "work" / "journal.jsonl").read_text().splitlines()]


def worker_of(output: Path) -> int:
    """The process of the job that was started last."""
    return int(journal(output)[-1]["process"])


@needs_sandbox
def test_every_submission_has_one_row_with_the_score_that_was_constructed(killed: tuple) -> None:
    output, scores, _ = killed
    rows = table(output)
    assert {name: float(row["score"]) for name, row in rows.items()} == scores
    assert all(row["reason"] for row in rows.values() if float(row["score"]) < FULL)


@needs_sandbox
def test_nothing_that_was_finished_ran_again(killed: tuple) -> None:
    output, _, done = killed
    events = journal(output)
    assert max(Counter(e["key"] for e in events if e["event"] == "done").values()) == 1
    for key in done:
        mine = [event["event"] for event in events if event["key"] == key]
        assert mine[-1] == "done"
        assert "start" not in mine[mine.index("done") :]
    assert len(finished(output)) == 40


@needs_sandbox
def test_pages_show_the_hint_and_nothing_hidden(killed: tuple) -> None:
    output, _, _ = killed
    page = (output / "pages" / "wrong-0.html").read_text()
    assert "Not divided by the deviation." in page
    overview = (output / "overview.html").read_text()
    assert "Not divided by the deviation." in overview
    exams = json.loads(next((output / "work" / "exams").glob("*.json")).read_text())
    hidden = [case["expected"]["array"] for case in exams["exercises"][0]["cases"]]
    pages = [path.read_text() for path in output.rglob("*.html")]
    assert not any(value in page for value in hidden for page in pages)
    assert len(list((output / "pages").glob("*.html"))) == 40
    assert "Because the exponential" in (output / "questions" / "07.a.html").read_text()


@needs_sandbox
def test_the_same_seed_repeats_a_grading_exactly(killed: tuple, tmp_path: Path) -> None:
    output, _, _ = killed
    folder = output.parent
    some = tmp_path / "in"
    names = ["good-0", "partial-0", "wrong-3", "truncated"]
    for name in names:
        os.makedirs(some / name)
        os.link(folder / "in" / name / f"{kit.SLUG}.ipynb", some / name / f"{kit.SLUG}.ipynb")
    assert run(*command(folder / "the_course", some, tmp_path / "again")).returncode == 0
    before, after = table(output), table(tmp_path / "again")
    assert {name: before[name] for name in names} == after
    exams = [
        {path.name: path.read_bytes() for path in out.glob("work/exams/*")} for out in (output, tmp_path / "again")
    ]
    assert exams[0] == exams[1]


@needs_sandbox
def test_the_grader_leaves_no_process(killed: tuple) -> None:
    assert not [pid for pid in descendants([os.getpid()]) if b"bwrap" in name_of(pid)]


def name_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@needs_sandbox
def test_workers_of_a_cluster_elsewhere_do_the_same(killed: tuple, tmp_path: Path) -> None:
    from distributed import LocalCluster

    folder = killed[0].parent
    kit.hand_in(tmp_path / "in", {"good": (folder / "in" / "good-0" / f"{kit.SLUG}.ipynb").read_bytes()})
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        more = ("--scheduler", cluster.scheduler_address)
        done = run(*command(folder / "the_course", tmp_path / "in", tmp_path / "out", *more))
    assert done.returncode == 0, done.stderr
    assert float(table(tmp_path / "out")["good"]["score"]) == FULL


def test_two_gradings_never_share_a_folder(tmp_path: Path) -> None:
    with grade.alone(tmp_path / "out") as first, grade.alone(tmp_path / "out") as second:
        assert first
        assert not second


def test_without_a_sandbox_it_says_so_in_a_sentence_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(bubble.shutil, "which", lambda name: None)
    bubble.problem.cache_clear()
    parser = argparse.ArgumentParser()
    grade.add_arguments(parser)
    try:
        assert grade.main(parser.parse_args([str(tmp_path)])) == 2
    finally:
        bubble.problem.cache_clear()
    said = capsys.readouterr().out
    assert "bubblewrap is not installed" in said
    assert "--no-sandbox" in said
    assert said.count("\n") == 1


def test_whoever_accepts_the_risk_gets_the_same_scores(tmp_path: Path) -> None:
    root = kit.course(tmp_path)
    good = kit.worked(root)
    work = {"good": kit.content(good), "wrong": kit.content(kit.replaced(good, "rescale", kit.WRONG["rescale"]))}
    work["exits"] = kit.content(kit.with_cell(good, "import os; os._exit(1)", 3))
    kit.hand_in(tmp_path / "in", work)
    done = run(*command(root, tmp_path / "in", tmp_path / "out", "--no-sandbox", "--cell-seconds", "20"))
    assert done.returncode == 0, done.stderr
    scores = {name: float(row["score"]) for name, row in table(tmp_path / "out").items()}
    assert scores == {"good": FULL, "wrong": FULL - 2, "exits": FULL}
