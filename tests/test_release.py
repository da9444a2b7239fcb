"""The student kit: it holds what students need, no solution, and runs by itself."""

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import grading_kit as kit
import pytest

from tools import lesson, release

RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        result = shell.run_cell("".join(cell["source"]))
        if not result.success:
            print("STOPPED:", result.error_in_exec)
            break
"""


def args(root: Path, *numbers: str):
    import argparse

    return argparse.Namespace(root=root, output=root / "release", lessons=list(numbers))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = kit.course(tmp_path)
    (root / "utils").unlink()
    shutil.copytree(kit.REPOSITORY / "utils", root / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in release.FILES:
        shutil.copyfile(kit.REPOSITORY / name, root / name)
    (root / "data").mkdir()
    shutil.copyfile(kit.REPOSITORY / "data" / "catalog.toml", root / "data" / "catalog.toml")
    return root


def run_notebook(folder: Path, name: str) -> str:
    """Run a kit's notebook as a student would: in its folder, with nothing of this repository in reach."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COURSE"))} | {"COURSE_PROFILE": "smoke"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, name],
        cwd=folder / "notebooks",
        env=env | {"COURSE_SOURCE": "sample", "IPYTHONDIR": str(folder), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_kit_is_complete_and_holds_no_solution(course: Path) -> None:
    assert release.main(args(course)) == 0
    made = course / "release" / release.KIT
    names = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    wanted = {"README.md", "requirements.txt", "notebooks/07_vectors.ipynb", "exercises/values/07_vectors.json"}
    assert wanted <= names
    assert "utils/checks/__init__.py" in names
    assert not any(name.startswith(("lessons", "tools", "tests")) or "__pycache__" in name for name in names)
    assert not any(name.startswith("exercises/") and name.endswith(".py") for name in names)
    everything = "".join(path.read_text() for path in made.rglob("*") if path.suffix in release.TEXTS)
    for secret in ("np.exp(z - z.max())", "exponential of a large number", "BEGIN SOLUTION", "lambda solution"):
        assert secret not in everything


def test_the_zip_is_the_folder_and_the_same_each_time(course: Path) -> None:
    release.main(args(course))
    archive = course / "release" / f"{release.KIT}.zip"
    first = archive.read_bytes()
    release.main(args(course))
    assert archive.read_bytes() == first
    with zipfile.ZipFile(archive) as packed:
        names = {name.removeprefix(f"{release.KIT}/") for name in packed.namelist()}
    folder = course / "release" / release.KIT
    assert names == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("README.md", "def softmax(z):\n    shifted   =   np.exp(z - z.max())"),
        ("utils/extra.py", "return np.where(kept, x / (1 - rate), 0.0)"),
        ("exercises/values/x.json", '"Because the exponential of a large number overflows."'),
        ("data/x.toml", "### BEGIN SOLUTION"),
        ("exercises/values/y.json", "lambda solution, x: x"),
    ],
)
def test_a_solution_anywhere_is_found(course: Path, place: str, text: str) -> None:
    lessons = [lesson.read(path) for path in lesson.find(course)]
    made = release.write(course, lessons, course / "release" / release.KIT)
    assert not list(release.leaks(lessons, made))
    (made / place).write_text(text)
    assert [path for path, _, _ in release.leaks(lessons, made)] == [made / place] * len(
        list(release.leaks(lessons, made))
    )
    assert list(release.leaks(lessons, made))


def test_a_kit_with_a_leak_is_not_left_behind(course: Path) -> None:
    (course / "utils" / "leak.py").write_text("kept = rng.uniform(size=x.shape) >= rate\n")
    with pytest.raises(lesson.LessonError, match="holds a line of a solution"):
        release.main(args(course))
    assert not (course / "release" / release.KIT).exists()


def test_student_notebooks_are_python_and_stop_at_the_open_exercise_in_one_line(course: Path, tmp_path: Path) -> None:
    release.main(args(course))
    away = tmp_path / "elsewhere"
    shutil.move(course / "release" / release.KIT, away)
    name = "07_vectors.ipynb"
    for cell in json.loads((away / "notebooks" / name).read_text())["cells"]:
        if cell["cell_type"] == "code":
            ast.parse("".join(cell["source"]))
    said = run_notebook(away, name)
    assert said.count("is still open") == 4
    assert "STOPPED: Exercise 07.1: rescale — " in said


def test_with_the_worked_solutions_every_check_is_green(course: Path) -> None:
    release.main(args(course))
    made = course / "release" / release.KIT
    worked = {"cells": [{"cell_type": kind, "source": text} for kind, text in kit.worked(course)]}
    (made / "notebooks" / "mine.ipynb").write_text(json.dumps(worked))
    said = run_notebook(made, "mine.ipynb")
    assert said.count("✓") == 4
    assert "STOPPED" not in said


@pytest.mark.parametrize("name", kit.WRONG)
def test_with_a_mistake_its_check_is_red_and_says_which(course: Path, name: str) -> None:
    release.main(args(course))
    made = course / "release" / release.KIT
    sources = kit.replaced(kit.worked(course), name, kit.WRONG[name])
    cells = {"cells": [{"cell_type": kind, "source": text} for kind, text in sources]}
    (made / "notebooks" / "mine.ipynb").write_text(json.dumps(cells))
    said = run_notebook(made, "mine.ipynb")
    assert said.count("✓") == 3
    assert "hint: " in said


@pytest.mark.lessons
@pytest.mark.parametrize("path", lesson.find(kit.REPOSITORY), ids=lambda path: path.stem)
def test_every_student_notebook_runs_up_to_its_first_open_exercise(tmp_path: Path, path: Path) -> None:
    made = release.write(kit.REPOSITORY, [lesson.read(path)], tmp_path / release.KIT)
    said = run_notebook(made, f"{path.stem}.ipynb")
    exercises = lesson.read(path).exercises
    stopped = [line for line in said.splitlines() if line.startswith("STOPPED: ")]
    assert all(line.startswith(f"STOPPED: Exercise {path.stem[:2]}.") for line in stopped)
    assert bool(stopped) == bool(exercises)
