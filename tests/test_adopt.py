"""`python -m tools build --adopt`: edits made in a worked notebook return to the lesson."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from tools.__main__ import main as tools_main
from tools.adopt import adopt
from tools.build import notebook_text
from tools.lesson import LessonError, notebook_digest, read

FIXTURES = Path(__file__).parent / "fixtures" / "lessons"


class Course:
    """A course of two tiny lessons with a worked notebook."""

    def __init__(self, root: Path) -> None:
        self.root = shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("__pycache__"))
        self.lesson = root / "lessons" / "01_tiny.py"
        self.path = root / "notebooks" / "01_tiny.ipynb"
        self.path.parent.mkdir()
        self.path.write_text(notebook_text(read(self.lesson).notebook), encoding="utf-8")
        self.before = self.text

    @property
    def text(self) -> str:
        return self.lesson.read_text(encoding="utf-8")

    def edit(self, change: Callable[[NotebookNode], None]) -> None:
        notebook = nbformat.read(self.path, 4)
        change(notebook)
        nbformat.write(notebook, self.path)

    def refused(self) -> str:
        """The sentence that says why the edit cannot be adopted; the lesson stays as it is."""
        text = self.text
        with pytest.raises(LessonError) as caught:
            adopt(self.path, self.root)
        assert self.text == text
        return str(caught.value)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "course")


def test_nothing_to_adopt(course: Course) -> None:
    assert not adopt(course.path, course.root).adopted
    course.edit(lambda notebook: notebook.cells[1].outputs.append(nbformat.v4.new_output("stream", text="x")))
    assert not adopt(course.path, course.root).adopted
    assert course.text == course.before


def test_changed_source_changes_these_lines_only(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[5].source = notebook.cells[5].source.replace("Subtract", "Take away")
        notebook.cells[4].source += "\n\nSmall, and used twice."

    course.edit(change)
    assert adopt(course.path, course.root).adopted
    wanted = course.before.replace("Subtract", "Take away")
    assert course.text == wanted.replace("# ## Helpers\n", "# ## Helpers\n#\n# Small, and used twice.\n")


def test_deleted_cell(course: Course) -> None:
    course.edit(lambda notebook: notebook.cells.pop(4))
    adopt(course.path, course.root)
    assert course.text == course.before.replace("# %% [markdown]\n# ## Helpers\n\n\n", "")


def test_added_cells(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[4:4] = [new_markdown_cell("## More\n\n- a list"), new_code_cell("SIZE + 1")]
        notebook.cells.append(new_code_cell("SIZE", metadata={"tags": ["hide-input"]}))

    course.edit(change)
    adopt(course.path, course.root)
    new = "# %% [markdown]\n# ## More\n#\n# - a list\n\n# %%\nSIZE + 1\n\n"
    wanted = course.before.replace("# %% [markdown]\n# ## Helpers", new + "# %% [markdown]\n# ## Helpers")
    assert course.text == wanted + '\n# %% tags=["hide-input"]\nSIZE\n'


def test_moved_cells(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        notebook.cells.insert(4, notebook.cells.pop())

    course.edit(change)
    adopt(course.path, course.root)
    last = course.before[course.before.rindex("# %%") :]
    kept = course.before.removesuffix(last).rstrip("\n") + "\n"
    assert course.text == kept.replace("# %% [markdown]\n# ## Helpers", last + "\n# %% [markdown]\n# ## Helpers")


def test_tags_and_slide_types(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[5].metadata.tags = ["helper", "hide-input"]
        notebook.cells[4].metadata.slideshow.slide_type = "subslide"  # was a slide because of its heading
        notebook.cells[0].metadata.slideshow.slide_type = ""  # as JupyterLab leaves it
        notebook.cells[9].metadata.slideshow.slide_type = "-"  # said fragment; now what it is by itself

    course.edit(change)
    adopt(course.path, course.root)
    wanted = course.before.replace('tags=["helper"]', 'tags=["helper", "hide-input"]')
    wanted = wanted.replace("%% [markdown]\n# ## H", '%% [markdown] slideshow={"slide_type": "subslide"}\n# ## H')
    wanted = wanted.replace("%% [markdown]\n# # A", '%% [markdown] slideshow={"slide_type": "-"}\n# # A')
    assert course.text == wanted.replace(' slideshow={"slide_type": "fragment"}', "")


def test_a_heading_made_plain_text_keeps_no_slide_type(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[4].source = "Helpers"

    course.edit(change)
    adopt(course.path, course.root)
    assert course.text == course.before.replace("# ## Helpers", "# Helpers")


def test_code_turned_into_text(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[-1] = new_markdown_cell("The end.", id=notebook.cells[-1].id)

    course.edit(change)
    adopt(course.path, course.root)
    assert course.text == course.before[: course.before.rindex("# %%")] + "# %% [markdown]\n# The end.\n"


def test_cells_are_recognised_without_ids(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            cell.id = nbformat.v4.new_markdown_cell("").id
        del notebook.cells[4]

    course.edit(change)
    adopt(course.path, course.root)
    assert course.text == course.before.replace("# %% [markdown]\n# ## Helpers\n\n\n", "")


def test_whatever_is_adopted_reads_back(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        awkward = [
            "",
            "x = '''\n\n# not a cell\n\n'''",
            "# only a comment",
            "def f():\n    return 1\n\n\n@f\nclass A: ...",
        ]
        notebook.cells += [new_code_cell(source) for source in awkward]
        notebook.cells += [new_markdown_cell(source) for source in ["", "    indented", "---", '"""', "a  \nb"]]

    course.edit(change)
    adopt(course.path, course.root)
    assert notebook_digest(read(course.lesson).notebook.cells) == notebook_digest(nbformat.read(course.path, 4).cells)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cells: cells[7].update(source=cells[7].source.replace("    ### END SOLUTION", "")), "cell 8: .*closed"),
        (lambda cells: cells.pop(8), "cell 8: .*without a check"),
        (lambda cells: cells.append(new_code_cell("%matplotlib inline")), "cell 16: .*Python"),
        (lambda cells: cells.append(new_code_cell("x = '''\n# %%\n'''")), "cannot be adopted"),
        (lambda cells: cells.append(new_markdown_cell("%% odd")), "cannot be adopted"),
        (lambda cells: cells.append(new_raw_cell("x")), "cell 16 is a raw cell"),
        (lambda cells: cells[0].update(attachments={"a.png": {"image/png": ""}}), "cell 1 holds a pasted file"),
        (lambda cells: cells.clear(), "cannot be adopted"),
        (lambda cells: cells[8].update(source="checks.run('01.other', rescale)"), "rescale"),
    ],
)
def test_an_edit_that_breaks_the_lesson(course: Course, change: Callable[[list], None], words: str) -> None:
    course.edit(lambda notebook: change(notebook.cells))
    assert re.search(words, course.refused())


def test_a_notebook_older_than_its_lesson(course: Course) -> None:
    course.edit(lambda notebook: notebook.cells.pop(4))
    course.lesson.write_text(course.before.replace("no time", "a moment"), encoding="utf-8")
    assert "changed since" in course.refused()


def test_a_changed_header_is_no_obstacle(course: Course) -> None:
    course.edit(lambda notebook: notebook.cells.pop(4))
    course.lesson.write_text(course.before.replace("full: 2", "full: 3"), encoding="utf-8")
    assert adopt(course.path, course.root).adopted
    assert "full: 3" in course.text


def test_notebooks_that_are_of_no_lesson(course: Course) -> None:
    course.edit(lambda notebook: notebook.metadata.course.update(student=True))
    assert "student" in course.refused()
    course.edit(lambda notebook: notebook.metadata.pop("course"))
    assert "not built from a lesson" in course.refused()
    course.path.write_text("{}", encoding="utf-8")
    assert "not a Jupyter notebook" in course.refused()
    course.path.unlink()
    assert "cannot be read" in course.refused()


def test_adopt_then_build_comes_full_circle(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    course.edit(lambda notebook: notebook.cells.append(new_markdown_cell("## The end")))
    command = ["build", "--root", str(course.root)]
    assert tools_main([*command, "--adopt", str(course.path), "--check"]) == 1
    assert course.text == course.before
    assert tools_main([*command, "--adopt", str(course.path)]) == 0
    assert course.text == course.before + "\n# %% [markdown]\n# ## The end\n"
    assert nbformat.read(course.path, 4).cells[-1].metadata.slideshow.slide_type == "slide"
    assert tools_main([*command, "01", "--check"]) == 0
    assert not adopt(course.path, course.root).adopted
