"""What the tests of grading share: a course of one small lesson, and submissions to it of every kind."""

import json
import shutil
from pathlib import Path
from typing import Any

from tools import lesson, student
from tools.grading import notebook
from tools.grading.bubble import Limits

REPOSITORY = Path(__file__).parents[1]
FIXTURE = Path(__file__).parent / "fixtures" / "grading"
SLUG = "07_vectors"
TOTAL = 10.0
LIMITS = Limits(cell=3, call=2, submission=60, grace=3, memory=300_000_000, processes=60, temporary=20_000_000)
Sources = list[tuple[str, str]]  # (type, source) of the cells

WRONG = {  # a wrong solution for each exercise
    "rescale": "def rescale(x, eps):\n    return x - x.mean()",
    "counter": "class Counter:\n    total = 0\n\n    def add(self, n):\n        self.total = n",
    "softmax": "def softmax(z):\n    return np.exp(z - z.max())",
    "dropout": "def dropout(x, rate, rng):\n    return x / (1 - rate)",
}


def course(folder: Path) -> Path:
    """A course of that lesson in a folder of its own, with the real utils."""
    root = folder / "the_course"
    shutil.copytree(FIXTURE, root)
    (root / "utils").symlink_to(REPOSITORY / "utils")
    return root


def worked(root: Path) -> Sources:
    """The cells of the worked notebook: a submission with full marks."""
    made = lesson.read(root / "lessons" / f"{SLUG}.py")
    return [(cell.kind, cell.source) for cell in made.cells]


def untouched(root: Path) -> Sources:
    """The cells of the student notebook as it is handed out."""
    made = lesson.read(root / "lessons" / f"{SLUG}.py")
    return [(cell.kind, cell.source) for cell in student.student_cells(made)]


def replaced(sources: Sources, name: str, source: str) -> Sources:
    """The cells with another solution for one exercise."""
    marks = (f"def {name}(", f"class {name.capitalize()}")
    return [(k, source if k == "code" and any(mark in s for mark in marks) else s) for k, s in sources]


def with_cell(sources: Sources, source: str, place: int = -1) -> Sources:
    """The cells with one more, at the end or after the setup cell."""
    at = len(sources) if place < 0 else place
    return [*sources[:at], ("code", source), *sources[at:]]


def content(sources: Sources, **cell: Any) -> bytes:
    """A notebook file of these cells."""
    cells = [
        {"cell_type": kind, "metadata": {}, "source": source, "id": f"c{i}", **cell}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for i, (kind, source) in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def cells(sources: Sources) -> list[notebook.Cell]:
    """The cells as the grader reads them."""
    return notebook.read(content(sources))


def hand_in(folder: Path, work: dict[str, bytes]) -> Path:
    """A folder per student with their files."""
    for name, data in work.items():
        path = folder / name / f"{SLUG}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
