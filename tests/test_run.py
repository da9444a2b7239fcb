"""`python -m tools run`: what it survives, keeps, judges, skips and publishes; with plain kernels and no TensorFlow."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from tools import run as run_tool
from tools.execute import Execution, Limits, execute, kernel_env
from tools.lesson import code_digest, read
from tools.outcome import Outcome, judge, local_path
from tools.publish import cleaned, sensible_minutes, with_minutes

GOLDEN = Path(__file__).parent / "golden"
REPOSITORY = Path(__file__).parents[1]
HEADER = """# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: A golden lesson
#     summary: It records one number.
#     data: []
#     expected: {score: [0.4, 0.6]}
# ---
"""
LESSON = """
# %% [markdown]
# # A golden lesson
#
# It records one number.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/
from IPython.display import display  # noqa: E402

# %% tags=["parameters"]
SCORE = 0.5  # the number

# %%
display({"text/plain": "s", "application/vnd.course.result+json": {"name": "score", "value": SCORE}}, raw=True)
"""


def golden(name: str) -> nbformat.NotebookNode:
    return nbformat.read(GOLDEN / f"{name}.ipynb", as_version=4)


def run_golden(name: str, tmp_path: Path, **options: object) -> Execution:
    options.setdefault("limits", Limits(cell=60, notebook=90))
    return execute(golden(name), cwd=tmp_path, env=kernel_env(REPOSITORY, "smoke"), **options)


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster that several tests use."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def run_main(root: Path, scheduler: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    run_tool.add_arguments(parser)
    options = ["--root", str(root), "--plain-kernels", "--scheduler", scheduler]
    return run_tool.main(parser.parse_args([*arguments, *options]))


def judged(name: str, profile: str = "full", **facts: object) -> Outcome:
    """The verdict on a golden notebook as a kernel of the test's own would have filled it."""
    made = golden(name)
    for cell in made.cells:
        for kind in ("result", "check"):
            if f"course.{kind}" in cell.source:
                found: list[dict[str, object]] = []
                code = cell.source.replace("from IPython.display import display", "")
                exec(code, {"display": lambda data, raw, found=found: found.append(data)})
                cell.outputs = [nbformat.v4.new_output("display_data", found[0])]
        if cell.source.startswith("import sys"):
            cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="a warning\n")]
        if "/home" in cell.source:
            cell.outputs = [nbformat.v4.new_output("stream", text="/home/somebody/course/data\n")]
    outcome = Outcome(name, profile, **facts)
    judge(outcome, made, {k: tuple(v) for k, v in made.metadata.course.expected.items()})
    return outcome


# --- one notebook in one kernel ---------------------------------------------------------------------------------


def test_a_good_notebook_runs_and_tells_of_each_cell(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    run = run_golden("runs", tmp_path, on_cell=lambda cell, cells: heard.append((cell, cells)))
    assert run.passed
    assert heard == [(1, 2), (2, 2)]
    assert printed(run.notebook.cells[0]) == "first\n"
    assert set(run.cell_seconds) == {0, 2}
    assert list(tmp_path.iterdir()) == []


def test_a_failing_cell_ends_the_notebook_and_keeps_what_ran(tmp_path: Path) -> None:
    run = run_golden("fails", tmp_path)
    assert run.reason == "ZeroDivisionError: division by zero"
    assert run.cell == 1
    assert printed(run.notebook.cells[0]) == "before\n"
    assert run.notebook.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert run.notebook.cells[2].outputs == []


def test_a_grader_may_go_on_after_an_error(tmp_path: Path) -> None:
    run = run_golden("fails", tmp_path, keep_going=True)
    assert run.passed
    assert printed(run.notebook.cells[2]) == "after\n"


@pytest.mark.parametrize("name", ["loops", "ignores_interrupts"])
def test_an_endless_cell_is_killed_at_its_limit_with_its_output_kept(name: str, tmp_path: Path) -> None:
    run = run_golden(name, tmp_path, limits=Limits(cell=1.5, notebook=60))
    assert "longer than 1.5 s" in run.reason
    assert run.seconds < 30
    cell = run.notebook.cells[run.cell]
    assert len(cell.outputs) == 1
    assert printed(cell).startswith(("step 0\nstep 1\n", "begin\n"))


def test_an_endless_notebook_is_killed_at_its_limit(tmp_path: Path) -> None:
    run = run_golden("loops", tmp_path, limits=Limits(cell=600, notebook=2.5))
    assert "notebook ran longer than 2.5 s" in run.reason
    assert run.seconds < 30
    assert printed(run.notebook.cells[0]) == "before\n"


def test_a_kernel_that_dies_is_told_with_its_exit_code(tmp_path: Path) -> None:
    run = run_golden("kills_kernel", tmp_path)
    assert run.reason == "the kernel died (exit code 3)"
    assert printed(run.notebook.cells[1]) == "last words\n"


def test_a_flood_of_output_is_cut(tmp_path: Path) -> None:
    run = run_golden("floods", tmp_path, limits=Limits(cell=60, notebook=90, output=100_000))
    assert "more than 100,000 characters" in run.reason
    assert 0 < len(printed(run.notebook.cells[0])) <= 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_is_left_behind(tmp_path: Path) -> None:
    run = run_golden("leaves_process", tmp_path)
    pid = int(printed(run.notebook.cells[0]))
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_the_kernel_gets_the_profile_and_not_the_callers_surroundings(tmp_path: Path) -> None:
    base = {"PYTEST_CURRENT_TEST": "x", "COURSE_SOURCE": "real", "COURSE_DATA": ".", "PYTHONPATH": "/a", "HOME": "/h"}
    env = kernel_env(tmp_path, "full", base)
    assert env["COURSE_PROFILE"] == "full"
    assert env["COURSE_SOURCE"] == "real"
    assert env["COURSE_DATA"] == str(Path.cwd())
    assert env["PYTHONPATH"].split(os.pathsep) == [str(tmp_path), "/a"]
    assert "PYTEST_CURRENT_TEST" not in env
    assert kernel_env(tmp_path, "smoke", base)["COURSE_SOURCE"] == "sample"


# --- the verdict ------------------------------------------------------------------------------------------------


def test_a_result_inside_its_band_passes() -> None:
    outcome = judged("runs")
    assert outcome.passed
    assert outcome.results == {"score": 0.5}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("out_of_band", "outside"),
        ("not_a_number", "not a number"),
        ("missing_result", "missing"),
        ("open_check", "01.thing is open"),
        ("stderr", "stderr"),
        ("path", "/home/somebody"),
    ],
)
def test_a_full_run_fails_for_what_a_reader_may_not_see(name: str, word: str) -> None:
    outcome = judged(name)
    assert not outcome.passed
    assert word in outcome.problems[0]


def test_a_full_run_passes_outside_a_band_only_where_its_header_admits_it() -> None:
    made, outcome = golden("out_of_band"), Outcome("x", "full")
    made.cells[0].outputs = [
        nbformat.v4.new_output("display_data", {"application/vnd.course.result+json": {"name": "score", "value": 0.9}})
    ]
    judge(outcome, made, {"score": (0.4, 0.6)})
    assert "outside" in outcome.problems[0]
    admitted = {"score": "too little compute"}
    judge(outcome, made, {"score": (0.4, 0.6)}, admitted)
    assert outcome.passed
    judge(outcome, made, {"score": (0.4, 0.95)}, admitted)
    assert "take it out of falls_short" in outcome.problems[0]
    judge(outcome, made, {"score": (0.4, 0.6), "other": (0, 1)}, admitted)
    assert "other is missing" in outcome.problems[0]


def test_only_a_full_run_on_real_data_is_compared() -> None:
    assert judged("out_of_band", "class").passed
    assert judged("stderr", "smoke").warnings
    made = golden("out_of_band")
    origin = {"application/vnd.course.origin+json": {"name": "mnist", "origin": "sample"}}
    made.cells[0].outputs = [nbformat.v4.new_output("display_data", origin)]
    outcome = Outcome("x", "full")
    judge(outcome, made, {"score": (0.4, 0.6)})
    assert outcome.passed
    assert not outcome.real
    assert outcome.warnings


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see /home/ann/x.py, line 3", "/home/ann/x.py"),
        (f"saved to {REPOSITORY}/build", f"{REPOSITORY}/build"),
        ("/tmp/ipykernel_12/3.py:1: UserWarning", "/tmp/ipykernel_12/3.py"),
        ("https://example.org/home/ann", None),
        ("data/cache/mnist", None),
        ("<img src='data:image/png;base64,AAA /tmp/x'>", None),
    ],
)
def test_paths_of_this_machine_are_recognised(text: str, found: str | None) -> None:
    assert local_path(text) == found


# --- the command ------------------------------------------------------------------------------------------------


def test_notebooks_run_side_by_side_and_are_reported(
    tmp_path: Path, scheduler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [f"--notebook={GOLDEN / name}.ipynb" for name in ("runs", "fails", "ignores_interrupts")]
    assert run_main(tmp_path, scheduler, "--profile=smoke", "--timeout-cell=3", *paths) == 1
    folder = tmp_path / "build" / "runs" / "smoke"
    states = {found["name"]: found["state"] for found in json.loads((folder / "report.json").read_text())}
    assert states == {"runs": "passed", "fails": "failed", "ignores_interrupts": "failed"}
    suite = ElementTree.parse(folder / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    page = (folder / "report.html").read_text()
    assert "1 / 0" in page
    assert "ZeroDivisionError" in page
    record = nbformat.read(folder / "runs.ipynb", as_version=4).metadata.course.run
    assert record.lesson_sha256 == code_digest(golden("runs").cells)
    assert set(record) == {
        "profile", "origins", "seconds", "threads", "python", "tensorflow", "keras", "lesson_sha256", "utils_sha256"
    }  # fmt: skip
    capsys.readouterr()
    begin = time.monotonic()
    assert run_main(tmp_path, scheduler, "--profile=smoke", paths[0]) == 0
    assert "skipped (unchanged)" in capsys.readouterr().out
    assert time.monotonic() - begin < 2


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of two lessons, the second with a result outside its band."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "utils").mkdir()
    (tmp_path / "lessons" / "01_golden.py").write_text(HEADER + LESSON)
    (tmp_path / "lessons" / "02_outside.py").write_text(HEADER + LESSON.replace("SCORE = 0.5", "SCORE = 0.7"))
    return tmp_path


def test_publish_keeps_what_passed_and_nothing_else(course: Path, scheduler: str) -> None:
    assert run_main(course, scheduler, "--profile=full", "--publish") == 1
    lesson = read(course / "lessons" / "01_golden.py")
    assert lesson.header.minutes == {"full": 0.1}
    notebook = nbformat.read(course / "notebooks" / "01_golden.ipynb", as_version=4)
    assert notebook.metadata.course.run.lesson_sha256 == lesson.code_sha256
    assert notebook.metadata.course.minutes == {"full": 0.1}
    assert any(cell.get("outputs") for cell in notebook.cells)
    other = nbformat.read(course / "notebooks" / "02_outside.ipynb", as_version=4)
    assert "run" not in other.metadata.course
    assert not read(course / "lessons" / "02_outside.py").header.minutes


def test_published_outputs_have_no_wiped_progress_lines() -> None:
    wiped = nbformat.v4.new_output("stream", text="step 1\rstep 2\r      \r")
    kept = nbformat.v4.new_output("stream", text="1 of 2\r2 of 2\rdone\nloss 0.5\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[wiped, kept])])
    assert [output.text for output in cleaned(notebook).cells[0].outputs] == ["done\nloss 0.5\n"]


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools", "run", "--profile=smoke", "--plain-kernels", "--jobs=1"]
    command += [f"--notebook={GOLDEN / name}.ipynb" for name in ("runs", "ignores_interrupts")]
    process = subprocess.Popen(
        [*command, "--root", str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )  # fmt: skip
    watchdog = threading.Timer(240, process.kill)  # of a busy machine, too
    watchdog.start()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ignores_interrupts") and "running" in line:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everyone in the foreground
            break
    rest = process.stdout.read()
    assert process.wait() == 1
    watchdog.cancel()
    assert "interrupted" in rest
    folder = tmp_path / "build" / "runs" / "smoke"
    assert [found["name"] for found in json.loads((folder / "report.json").read_text())] == ["runs"]


# --- measured minutes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "minutes"), [(2, 0.1), (20, 0.3), (100, 1.5), (270, 4.5), (1090, 18)])
def test_minutes_are_rounded_as_a_reader_wants_them(seconds: float, minutes: float) -> None:
    assert sensible_minutes(seconds) == minutes


@pytest.mark.parametrize(
    "old", ["", "#     minutes: {class: 9}\n", "#     minutes:\n#       class: 9\n#       full: 9\n"]
)
def test_minutes_go_into_the_header_and_change_nothing_else(old: str, tmp_path: Path) -> None:
    text = HEADER.replace("#     data: []\n", "#     data: []\n" + old) + LESSON
    changed = with_minutes(text, {"class": 4.5, "full": 18})
    path = tmp_path / "01_golden.py"
    path.write_text(changed)
    assert read(path).header.minutes == {"class": 4.5, "full": 18}
    kept = [line for line in text.splitlines() if "minutes" not in line and ": 9" not in line]
    assert [line for line in changed.splitlines() if "minutes" not in line] == kept
