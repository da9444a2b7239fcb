"""Correct work gets its points however the notebook looks; damaged work gets what is left; all of it in the sandbox."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grading_kit as kit
import pytest

from tools.grading import bubble, exam, jobs
from tools.lesson import read

pytestmark = pytest.mark.skipif(bool(bubble.problem()), reason=f"no sandbox here: {bubble.problem()}")
FULL = kit.TOTAL
Grade = Callable[[bytes], dict]


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grade]:
    folder = tmp_path_factory.mktemp("work")
    root = kit.course(folder)
    made = exam.make(read(root / "lessons" / f"{kit.SLUG}.py"), 3, folder / "exams", folder / "samples")
    view = bubble.course_view(root, folder / "samples", [folder])
    with jobs.warm_server(light=True) as warm:
        warm.wait(300)
        job = functools.partial(
            jobs.Job,
            exam=str(made),
            folder=str(folder),
            limits=replace(kit.LIMITS, cell=60, call=30),
            view=view,
            warm=warm.address,
        )

        def graded(content: bytes) -> dict:
            one = job(key=str(hash(content)), content=content)
            assert jobs.work(one) == ""
            found = jobs.result_of(one)
            assert found is not None
            return found

        yield graded


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> kit.Sources:
    return kit.worked(kit.course(tmp_path_factory.mktemp("sources")))


def score(result: dict) -> float:
    return sum(verdict["score"] for verdict in result["verdicts"])


def states(result: dict) -> list[str]:
    return [verdict["state"] for verdict in result["verdicts"]]


def test_the_worked_notebook_gets_everything_and_every_cell_runs(grade: Grade, sources: kit.Sources) -> None:
    result = grade(kit.content(sources))
    assert score(result) == FULL
    assert result["cell_errors"] == {}
    assert result["starts"] == 1


def test_the_empty_student_notebook_is_open(grade: Grade, tmp_path: Path) -> None:
    result = grade(kit.content(kit.untouched(kit.course(tmp_path))))
    assert score(result) == 0
    assert states(result) == ["open"] * 4
    assert result["cell_errors"] == {"15": result["cell_errors"]["15"]} if result["cell_errors"] else True


@pytest.mark.parametrize("name", kit.WRONG)
def test_a_wrong_solution_costs_its_exercise_and_the_hint_names_the_mistake(
    grade: Grade, sources: kit.Sources, name: str
) -> None:
    result = grade(kit.content(kit.replaced(sources, name, kit.WRONG[name])))
    verdicts = {verdict["name"]: verdict for verdict in result["verdicts"]}
    assert score(result) == FULL - verdicts[name]["points"]
    hints = {"rescale": "deviation", "counter": "last number", "softmax": "sum", "dropout": "dropped"}
    assert hints[name] in verdicts[name]["hint"]


def test_credit_is_in_proportion_to_the_cases(grade: Grade, sources: kit.Sources) -> None:
    overflows = "def softmax(z):\n    return np.exp(z) / np.exp(z).sum()"
    verdict = grade(kit.content(kit.replaced(sources, "softmax", overflows)))["verdicts"][2]
    assert (verdict["score"], verdict["right"], verdict["state"]) == (2, 2, "partial")
    assert "overflow" in verdict["hint"]


HARMLESS: dict[str, Callable[[kit.Sources], bytes]] = {
    "no cell ids": lambda s: kit.content(s).replace(b'"id":', b'"was":'),
    "stripped metadata": lambda s: json.dumps({"cells": [{"cell_type": k, "source": t} for k, t in s]}).encode(),
    "sources as lists": lambda s: json.dumps(
        {"cells": [{"cell_type": k, "source": t.splitlines(keepends=True)} for k, t in s]}
    ).encode(),
    "an old format": lambda s: json.dumps(
        {"worksheets": [{"cells": [{"cell_type": k, "input" if k == "code" else "source": t} for k, t in s]}]}
    ).encode(),
    "changed metadata": lambda s: kit.content(s, metadata={"tags": ["solution"], "nbgrader": {"points": 1000}}),
    "duplicated cells": lambda s: kit.content([cell for cell in s for _ in range(2)]),
    "duplicated ids": lambda s: kit.content(s, id="same"),
    "checks deleted": lambda s: kit.content([cell for cell in s if "checks.run" not in cell[1]]),
    "setup and helper deleted": lambda s: kit.content(
        [c for c in s if "import" not in c[1] and "def centre" not in c[1]]
    ),
    "everything in one cell": lambda s: kit.content([("code", "\n\n".join(t for k, t in s if k == "code"))]),
    "reversed order": lambda s: kit.content(s[::-1]),
    "checks as text": lambda s: kit.content([("markdown" if "checks.run" in t else k, t) for k, t in s]),
    "stderr and warnings": lambda s: kit.content(
        kit.with_cell(
            s, "import sys, warnings\nprint('!', file=sys.stderr)\nwarnings.warn('!')\nimport os\nos.write(2, b'!')", 3
        )
    ),
    "warns in the function": lambda s: kit.content(
        kit.replaced(
            s,
            "rescale",
            "def rescale(values, eps):\n    import sys, warnings\n    warnings.warn('!')\n    print(values)\n"
            "    print('!', file=sys.stderr)\n    return (values - np.mean(values)) / (np.std(values) + eps)",
        )
    ),
    "other names and extra cells": lambda s: kit.content(
        kit.with_cell(
            kit.replaced(
                s,
                "softmax",
                "import numpy\ndef stable(v): return v - max(v)\ndef softmax(logits):\n"
                "    powers = numpy.exp(stable(logits))\n    return list(powers / sum(powers))",
            ),
            "a = b = 1\n%time a + b\nx = rescale(np.ones(3), 1.0)\n!true",
        )
    ),
    "the name is used again for a result": lambda s: kit.content(kit.with_cell(s, "softmax = softmax(np.ones(3))")),
    "a bar in the byte order": lambda s: b"\xef\xbb\xbf" + kit.content(s),
    "prints numbers that are not JSON": lambda s: kit.content(kit.with_cell(s, "print(float('nan'))")),
    "the checks' file is gone": lambda s: kit.content(kit.with_cell(s, "import os\nos.chdir('/')", 3)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_correct_work_gets_full_marks_however_it_looks(grade: Grade, sources: kit.Sources, name: str) -> None:
    result = grade(HARMLESS[name](sources))
    assert score(result) == FULL, result


def test_a_deleted_exercise_is_missing_and_the_others_count(grade: Grade, sources: kit.Sources) -> None:
    result = grade(kit.content([cell for cell in sources if "def softmax" not in cell[1]]))
    assert score(result) == FULL - 4
    assert states(result)[2] == "missing"


def test_an_exercise_in_a_text_cell_is_missing_and_the_reason_says_why(grade: Grade, sources: kit.Sources) -> None:
    retyped = [("markdown" if "def softmax" in text else kind, text) for kind, text in sources]
    result = grade(kit.content(retyped))
    assert score(result) == FULL - 4
    assert "not a code cell" in result["verdicts"][2]["reason"]


def test_a_cell_that_fails_says_so_in_the_exercise_that_it_defines(grade: Grade, sources: kit.Sources) -> None:
    result = grade(kit.content(kit.replaced(sources, "softmax", "import nothing_like_it\ndef softmax(z): return z")))
    assert "nothing_like_it" in result["verdicts"][2]["reason"]


NOT_NOTEBOOKS = {
    "truncated": (lambda s: kit.content(s)[:700], "damaged or cut off"),
    "no notebook": (lambda s: b"<html>Please log in</html>", "not a notebook"),
    "another JSON": (lambda s: b'[{"cells": 1}]', "not a notebook"),
    "a binary file": (lambda s: bytes(range(256)) * 10, "not a notebook"),
    "an empty file": (lambda s: b" \n", "empty"),
    "deep JSON": (lambda s: b"[" * 100_000, "not a notebook"),
    "too large": (lambda s: bytes(60_000_000), "MB"),
}


@pytest.mark.parametrize("name", NOT_NOTEBOOKS)
def test_what_is_no_notebook_gets_a_reason(grade: Grade, sources: kit.Sources, name: str) -> None:
    make, words = NOT_NOTEBOOKS[name]
    assert words in grade(make(sources))["problem"]


@pytest.mark.parametrize("cells", [[], [("markdown", "# Nothing")], [("code", "")]])
def test_an_empty_notebook_misses_everything(grade: Grade, cells: kit.Sources) -> None:
    result = grade(kit.content(cells))
    assert states(result) == ["missing"] * 4
    assert result["notes"] == ["the notebook has no code cell"]


def test_cells_that_are_no_cells_do_no_harm(grade: Grade, sources: kit.Sources) -> None:
    document = json.loads(kit.content(sources))
    document["cells"] += [1, None, [], {"source": 3}, {"cell_type": ["code"], "source": {"a": 1}}]
    assert score(grade(json.dumps(document).encode())) == FULL
