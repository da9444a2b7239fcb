"""`python -m tools results`: what it gathers, compares, writes and refuses."""

import argparse
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tools import results
from tools.build import notebook_text
from tools.lesson import read

GOLDEN = Path(__file__).parent / "golden"
LESSON = """# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: A | lesson
#     summary: It records one number.
#     data: [mnist]
#     minutes: {class: 2.5, full: 12}
#     expected: {score: [0.4, 0.6], other: [0, inf]}
#     published: {score: "0.45, somebody"}
# ---

# %% [markdown]
# # A lesson

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

# %% tags=["parameters"]
SIZE = 8  # a number

# %%
SIZE
"""
README = f"# Course\n\nbefore\n\n{results.BEGIN}\nold\n{results.END}\n\nafter\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of one lesson, executed with a result inside its band."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01_one.py").write_text(LESSON)
    (tmp_path / "README.md").write_text(README)
    executed(tmp_path, 0.5)
    return tmp_path


def executed(root: Path, score: float | None, **run: Any) -> None:
    """Put an executed notebook of the lesson into notebooks/."""
    lesson = read(root / "lessons" / "01_one.py")
    notebook = lesson.notebook
    values = {"score": score, "other": 3.0}
    notebook.cells[-1].outputs = [
        nbformat.v4.new_output("display_data", {results_mime(): {"name": name, "value": value}})
        for name, value in values.items()
    ]
    record = {"profile": "full", "origins": {"mnist": "real"}, "seconds": 700.0, "python": "3.12.1"}
    record |= {"tensorflow": "2.21.0", "keras": "3.15.1", "lesson_sha256": lesson.code_sha256, "utils_sha256": "0" * 64}
    notebook.metadata.course["run"] = record | run
    path = root / "notebooks" / "01_one.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(notebook_text(notebook))


def results_mime() -> str:
    return "application/vnd.course.result+json"


def run_main(root: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    results.add_arguments(parser)
    return results.main(parser.parse_args([*arguments, "--root", str(root)]))


def test_the_course_map_goes_between_the_markers_and_stays(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(root, "--check") == 1
    assert (root / "README.md").read_text() == README
    assert run_main(root) == 0
    text = (root / "README.md").read_text()
    row = next(line for line in text.splitlines() if "notebooks/01_one.ipynb" in line)
    for shown in ("A \\| lesson", "It records one number.", "mnist", "2.5 / 12", "`score`", "0.5", "0.4 – 0.6", "0.45"):
        assert shown in row
    assert text.startswith("# Course\n\nbefore\n\n")
    assert text.endswith("\n\nafter\n")
    assert "old" not in text
    assert run_main(root, "--check", "--strict") == 0
    printed = capsys.readouterr().out
    for shown in ("score", "other", "inside", "700", "real", "3.12.1 / 2.21.0 / 3.15.1"):
        assert shown in printed


@pytest.mark.parametrize(
    ("score", "run", "words"),
    [
        (0.7, {}, "outside"),
        (None, {}, "not a number"),
        (0.5, {"profile": "class"}, "profile class"),
        (0.5, {"origins": {"mnist": "sample"}}, "samples: mnist"),
        (0.5, {"lesson_sha256": "0" * 64}, "stale"),
    ],
)
def test_what_a_committed_notebook_may_not_be(
    root: Path, capsys: pytest.CaptureFixture[str], score: float | None, run: dict[str, Any], words: str
) -> None:
    executed(root, score, **run)
    assert run_main(root) == 1
    assert words in capsys.readouterr().err


def test_a_result_that_is_known_to_fall_short_is_shown_and_no_problem(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "lessons" / "01_one.py"
    path.write_text(LESSON.replace("# ---\n\n", "#     falls_short: {score: too little compute}\n# ---\n\n", 1))
    executed(root, 0.3)
    assert run_main(root) == 0
    assert "OUTSIDE: too little compute" in capsys.readouterr().out
    (record,) = results.gather(root)
    assert "0.3 | 0.4 – 0.6 | ✗ OUTSIDE: too little compute" in results.results_page([record])
    executed(root, 0.5)  # it reaches its band after all
    assert run_main(root) == 1
    assert "take it out of falls_short" in capsys.readouterr().err


def test_a_changed_lesson_makes_its_notebook_stale(root: Path) -> None:
    assert results.stale_notebooks(root) == {}
    path = root / "lessons" / "01_one.py"
    path.write_text(LESSON.replace("full: 12", "full: 13"))
    assert results.stale_notebooks(root) == {}  # measured minutes are not the lesson's content
    path.write_text(LESSON.replace("SIZE = 8", "SIZE = 9"))
    assert set(results.stale_notebooks(root)) == {"01_one"}
    assert run_main(root) == 1


def test_outputs_from_nowhere_are_stale(root: Path) -> None:
    made = nbformat.read(GOLDEN / "stale.ipynb", as_version=4)
    lesson = read(root / "lessons" / "01_one.py")
    assert results.staleness(made, lesson)
    path = root / "notebooks" / "01_one.ipynb"
    notebook = json.loads(path.read_text())
    del notebook["metadata"]["course"]["run"]
    assert "unknown origin" in results.staleness(notebook, lesson)


def test_a_lesson_not_yet_executed_is_no_error_unless_strict(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "notebooks" / "01_one.ipynb").unlink()
    assert run_main(root) == 0
    assert "not yet executed" in capsys.readouterr().out
    assert "not yet executed" in (root / "README.md").read_text()
    assert run_main(root, "--strict") == 1


def test_a_readme_without_a_place_for_the_map_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "README.md").write_text("# Course\n")
    assert run_main(root) == 1
    assert results.BEGIN in capsys.readouterr().err
    assert (root / "README.md").read_text() == "# Course\n"
