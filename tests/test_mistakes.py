"""Every exercise of every lesson: the worked solution is green, each typical mistake red, and its hint names it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lesson import find

REPOSITORY = Path(__file__).parents[1]
FIXTURES = Path(__file__).parent / "fixtures" / "grading"
SETTINGS = {"COURSE_PROFILE": "smoke", "COURSE_SOURCE": "sample", "MPLBACKEND": "agg", "PYTHONHASHSEED": "0"}


class Child:
    """The process that holds TensorFlow."""

    def __init__(self, scratch: Path) -> None:
        env = {**os.environ, **SETTINGS, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": "-1"}
        self.log = scratch / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("mistakes_child.py"))],
                cwd=scratch, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def report(self, path: Path) -> dict[str, list[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log.read_text(errors="replace")[-2000:]
        found: dict[str, list[str]] = json.loads(line)
        return found


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    made = Child(tmp_path_factory.mktemp("mistakes"))
    yield made
    assert made.process.stdin is not None
    made.process.stdin.close()
    made.process.kill()
    made.process.wait()


@pytest.mark.parametrize("path", [*find(FIXTURES), *find(REPOSITORY)], ids=lambda path: path.stem)
def test_solutions_are_green_and_each_mistake_is_red_with_its_own_hint(child: Child, path: Path) -> None:
    wrong = {name: problems for name, problems in child.report(path).items() if problems}
    assert not wrong, "\n".join(f"{name}: {problem}" for name, found in wrong.items() for problem in found)
