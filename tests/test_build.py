"""`python -m tools build`: what it writes, keeps, refuses and notices."""

import ast
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tools.__main__ import commands
from tools.__main__ import main as tools_main
from tools.build import Builder
from tools.lesson import LessonError, code_digest, read

FIXTURES = Path(__file__).parent / "fixtures" / "lessons"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of two tiny lessons, built once."""
    root = tmp_path_factory.mktemp("built") / "course"
    shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("__pycache__"))
    assert Builder(root).build([]) == 0
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(built, tmp_path / "course")


def contents(root: Path) -> dict[str, bytes]:
    """All that a build writes."""
    built = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in built}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def execute(root: Path, slug: str = "01_tiny") -> Path:
    """Give a notebook outputs and the record of a run, as `tools run --publish` does."""
    path = root / "notebooks" / f"{slug}.ipynb"
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="an output\n")]
    notebook.metadata.course["run"] = {"profile": "full", "lesson_sha256": code_digest(notebook.cells)}
    nbformat.write(notebook, path)
    return path


def test_what_is_built(built: Path) -> None:
    names = set(contents(built)) - set(contents(FIXTURES))
    assert names == {
        "notebooks/01_tiny.ipynb",
        "notebooks/02_plain.ipynb",
        "build/student/01_tiny.ipynb",
        "build/student/02_plain.ipynb",
        "build/stamps.json",
        "exercises/values/01_tiny.json",
        "utils/lessons.json",
    }


def test_worked_notebook(built: Path) -> None:
    notebook = nbformat.read(built / "notebooks" / "01_tiny.ipynb", 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    course = notebook.metadata.course
    lesson = read(built / "lessons" / "01_tiny.py")
    assert (course.number, course.slug, course.source_sha256) == ("01", "01_tiny", lesson.sha256)
    assert course.expected == {"mean": [0.4, 0.6], "largest": [0.5, "inf"]}
    assert "run" not in course
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in lesson.cells]
    assert notebook.cells[1].metadata == {"slideshow": {"slide_type": "skip"}, "tags": ["setup"]}


def test_student_notebook(built: Path) -> None:
    path = built / "build" / "student" / "01_tiny.ipynb"
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        ast.parse(cell.source)
        assert not cell.outputs
    text = path.read_text(encoding="utf-8")
    for hidden in ("secret", "self.total += n", "hidden scale", "SOLUTION", "Ask the class"):
        assert hidden not in text
    assert notebook.metadata.course.student is True
    answer = next(cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", []))
    assert answer.source == "**Answer 01.a.**\n\n*Your answer here.*"


def test_stubs_name_their_exercise(built: Path) -> None:
    notebook = nbformat.read(built / "build" / "student" / "01_tiny.ipynb", 4)
    rescale, counter = [cell.source for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]
    space: dict = {"centre": lambda x: x}
    exec(rescale + "\n" + counter, space)
    with pytest.raises(NotImplementedError, match=r"^Exercise 01\.1: rescale — Give `x` mean 0"):
        space["rescale"](1, 2)
    for call in (lambda: space["Counter"]().add(1), lambda: space["Counter"]().get()):
        with pytest.raises(NotImplementedError, match=r"^Exercise 01\.2: counter — Count what"):
            call()


def test_a_stub_that_is_not_python_is_reported(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = "    centred = centre(x)\n    ### BEGIN SOLUTION\n"
    edit(root / "lessons" / "01_tiny.py", old, "    if eps:\n    ### BEGIN SOLUTION\n        centred = centre(x)\n")
    assert Builder(root).build(["01"]) == 1
    assert "without its solution" in capsys.readouterr().err


def test_outputs_outlive_a_change_of_prose_and_no_other(root: Path) -> None:
    path = execute(root)
    lesson = root / "lessons" / "01_tiny.py"
    prose = next(cell for cell in read(lesson).cells if cell.kind == "markdown" and "[markdown]" in cell.text)
    edit(lesson, prose.source.splitlines()[-1], prose.source.splitlines()[-1] + " And more.")
    assert Builder(root).build(["01"]) == 0
    notebook = nbformat.read(path, 4)
    assert any("And more." in cell.source for cell in notebook.cells)
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    edit(lesson, "    centred = centre(x)\n", "    centred = centre(x)  # mean 0\n")
    assert Builder(root).build(["01"]) == 0
    notebook = nbformat.read(path, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert "run" not in notebook.metadata.course


def test_index_for_utils(built: Path) -> None:
    index = json.loads((built / "utils" / "lessons.json").read_text(encoding="utf-8"))
    assert list(index) == ["01", "02"]
    assert index["01"]["exercises"]["counter"] == {"number": "01.2", "points": 1, "title": "Count what it is given."}
    assert index["01"]["minutes"] == {"class": 1, "full": 2}


def test_check_values(built: Path) -> None:
    values = json.loads((built / "exercises" / "values" / "01_tiny.json").read_text(encoding="utf-8"))
    assert values["exercises"]["counter"]["number"] == "01.2"
    assert [case["expected"] for case in values["exercises"]["counter"]["cases"]] == [1, 3]
    assert all(case["mistakes"][0]["hint"] for case in values["exercises"]["rescale"]["cases"])


def test_rebuilding_changes_nothing_even_from_scratch(root: Path) -> None:
    before = contents(root)
    assert Builder(root).build([]) == 0
    assert contents(root) == before
    (root / "build" / "stamps.json").write_text("{", encoding="utf-8")
    assert Builder(root).build([]) == 0
    assert contents(root) == before


def test_nothing_to_do_takes_no_time_and_no_libraries(built: Path) -> None:
    script = (
        "import sys; from tools.__main__ import main;"
        f"code = main(['build', '--root', {str(built)!r}]);"
        "sys.exit(code or any(name in sys.modules for name in ('jupytext', 'nbformat', 'numpy', 'tensorflow')))"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[1], capture_output=True)
    assert time.perf_counter() - start < 2


def test_check_notices_each_stale_file_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Builder(root, check=True).build([]) == 0
    for name in ("notebooks/02_plain.ipynb", "exercises/values/01_tiny.json"):
        path = root / name
        kept = path.read_bytes()
        path.unlink()
        assert Builder(root, check=True).build([]) == 1
        assert path.stem in capsys.readouterr().out
        assert not path.exists()
        path.write_bytes(kept)
    edit(root / "lessons" / "02_plain.py", "Only prose", "Just prose")
    shutil.rmtree(root / "build")  # as in a fresh clone
    before = contents(root)
    assert Builder(root, check=True).build(["01"]) == 0
    assert Builder(root, check=True).build([]) == 1
    assert contents(root) == before


def test_outputs_stay_while_the_cells_do(root: Path) -> None:
    path = execute(root)
    before = path.read_bytes()
    assert Builder(root).build([]) == 0
    assert path.read_bytes() == before
    edit(root / "lessons" / "01_tiny.py", "full: 2", "full: 5")
    assert Builder(root).build([]) == 0
    notebook = nbformat.read(path, 4)
    assert notebook.metadata.course.minutes.full == 5
    assert notebook.metadata.course.run.profile == "full"
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_outputs_without_a_run_are_dropped(root: Path) -> None:
    path = root / "notebooks" / "01_tiny.ipynb"
    before = path.read_bytes()
    execute(root)
    notebook = nbformat.read(path, 4)
    del notebook.metadata.course["run"]
    nbformat.write(notebook, path)
    assert Builder(root).build([]) == 0
    assert path.read_bytes() == before


def test_an_edit_by_hand_is_not_overwritten_unless_forced(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = execute(root)
    edit(path, "It has one of everything.", "It has two of everything.")
    edited = path.read_bytes()
    assert Builder(root).build(["01"]) == 1
    assert "--adopt" in capsys.readouterr().err
    assert path.read_bytes() == edited
    assert Builder(root, force=True).build(["01"]) == 0
    assert b"two of everything" not in path.read_bytes()


def test_values_are_computed_again_only_when_what_defines_them_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []
    monkeypatch.setattr("tools.check_values.values_text", lambda lesson: computed.append(lesson.slug) or "{}\n")
    edit(root / "lessons" / "01_tiny.py", "## Helpers", "## Helper")
    edit(root / "lessons" / "01_tiny.py", "draws.mean()", "draws.mean() + 0")
    Builder(root).build([])
    assert not computed
    edit(root / "lessons" / "01_tiny.py", "x - x.mean()", "x - np.mean(x)")
    Builder(root).build([])
    assert computed == ["01_tiny"]


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "word"),
    [
        ("lessons", "x - x.mean()", "x - x.man()", "lessons/01_tiny.py:43: ", "man"),
        ("exercises", "* x.std()", "* 1", "exercises/01_tiny.py: ", "Not divided"),
        ("exercises", "normal(size=5)", "normal(sise=5)", "exercises/01_tiny.py:6: ", "sise"),
    ],
)
def test_values_that_cannot_be_computed(
    root: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, where: str, word: str
) -> None:
    edit(root / file / "01_tiny.py", old, new)
    assert Builder(root).build([]) == 1
    message = capsys.readouterr().err
    assert where in message
    assert word in message


def test_one_bad_lesson_does_not_stop_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(root / "lessons" / "01_tiny.py", "title: A tiny", "titel: A tiny")
    edit(root / "lessons" / "02_plain.py", "Only prose", "Just prose")
    assert Builder(root).build([]) == 1
    shown = capsys.readouterr()
    assert "lessons/01_tiny.py:6: " in shown.err
    assert "02_plain: notebook" in shown.out


def test_files_of_a_lesson_that_is_gone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("lessons", "exercises"):
        (root / folder / "01_tiny.py").unlink()
    assert Builder(root, check=True).build([]) == 1
    assert (root / "exercises" / "values" / "01_tiny.json").exists()
    assert Builder(root).build([]) == 1
    assert not (root / "exercises" / "values" / "01_tiny.json").exists()
    assert not (root / "build" / "student" / "01_tiny.ipynb").exists()
    assert "notebooks/01_tiny.ipynb" in capsys.readouterr().err
    (root / "notebooks" / "01_tiny.ipynb").unlink()
    assert Builder(root).build([]) == 0
    assert list(json.loads((root / "utils" / "lessons.json").read_text(encoding="utf-8"))) == ["02"]


def test_student_only(root: Path) -> None:
    for folder in ("notebooks", "build", "exercises/values", "utils"):
        shutil.rmtree(root / folder)
    assert Builder(root, student_only=True).build([]) == 0
    assert sorted(path.name for path in (root / "build" / "student").iterdir()) == ["01_tiny.ipynb", "02_plain.ipynb"]
    assert not (root / "notebooks").exists()


def test_a_damaged_notebook_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "notebooks" / "01_tiny.ipynb"
    for text in ("<<<<<<< HEAD\n", '{"a": 1}'):
        path.write_text(text, encoding="utf-8")
        assert Builder(root).build([]) == 1
        assert "notebooks/01_tiny.ipynb" in capsys.readouterr().err


def test_dispatch(capsys: pytest.CaptureFixture[str]) -> None:
    assert "build" in commands()
    assert not {"lesson", "student", "adopt"} & set(commands())
    assert tools_main(["--help"]) == 0
    assert "build" in capsys.readouterr().out
    assert tools_main(["bild"]) == 2
    assert "bild" in capsys.readouterr().err
    assert tools_main(["build", "99"]) == 1
    assert "'99'" in capsys.readouterr().err


def test_an_error_without_a_line_still_names_the_file() -> None:
    assert str(LessonError("lessons/05_x.py", 0, "no")) == "lessons/05_x.py: no"
