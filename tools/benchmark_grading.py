"""Print how fast grading is: one NumPy and one TensorFlow submission on one core, and a hundred on all."""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.grading import bubble, exam, jobs, notebook
from tools.grading.examine import Examination, Opener
from tools.grading.sandbox import Sandbox
from tools.lesson import Lesson, read

REPEATS = 5
SMALL = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "grading"
TENSORFLOW = "import tensorflow as tf\n\nprint(tf.reduce_sum(tf.matmul(tf.ones((64, 64)), tf.ones((64, 64)))))"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=100)
    count = parser.parse_args().submissions
    if problem := bubble.problem():
        sys.exit(f"No sandbox: {problem}.")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # all that is started from here keeps to one core
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        root = _course(folder)
        lesson = read(root / "lessons" / "07_vectors.py")
        made = json.loads(exam.make(lesson, 0, folder / "exams", folder / "samples").read_text())
        with jobs.warm_server() as warm:
            warm.wait()
            view = bubble.course_view(root, folder / "samples")
            opener = functools.partial(Sandbox, warm.address, view, bubble.Limits())
            _one("NumPy only", _content(lesson), made, opener, warm.process.pid)
            _one("TensorFlow", _content(lesson, TENSORFLOW), made, opener, warm.process.pid)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        _many(root, folder, lesson, count)


def _course(folder: Path) -> Path:
    root = folder / "course"
    shutil.copytree(SMALL, root)
    (root / "utils").symlink_to(SMALL.parents[2] / "utils")
    return root


def _content(lesson: Lesson, *more: str) -> bytes:
    cells = [{"cell_type": cell.kind, "source": cell.source} for cell in lesson.cells]
    cells += [{"cell_type": "code", "source": source} for source in more]
    return json.dumps({"cells": cells}).encode()


def _one(name: str, content: bytes, made: dict[str, Any], opener: Opener, warm: int) -> None:
    """Grade one submission a few times: seconds by the clock, and of the processor, all processes together."""
    clock, processor = [], []
    for _ in range(REPEATS):
        begin, before = time.perf_counter(), _spent(warm)
        report = Examination(made, notebook.read(content), opener, bubble.Limits()).run()
        assert all(verdict.state == "passed" for verdict in report.verdicts), report
        clock.append(time.perf_counter() - begin)
        processor.append(_spent(warm) - before)
    middle = [sorted(seconds)[REPEATS // 2] for seconds in (processor, clock)]
    print(f"{name}: one submission takes {middle[0]:.2f} s of one core, {middle[1]:.2f} s by the clock (medians)")


def _spent(warm: int) -> float:
    """Processor seconds of this process and its children, and of the warm process and its."""
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ticks = Path(f"/proc/{warm}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(use.ru_utime + use.ru_stime for use in ours) + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _many(root: Path, folder: Path, lesson: Lesson, count: int) -> None:
    """Grade many submissions from the command line, start to end."""
    for number in range(count):
        path = folder / "in" / f"student-{number:03d}" / "07_vectors.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(_content(lesson, f"mine = {number}"))
    command = [sys.executable, "-m", "tools", "grade", str(folder / "in"), "--root", str(root)]
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "--output", str(folder / "out")], check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = len((folder / "out" / "grades.csv").read_text().splitlines()) - 1
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{rows} submissions: {seconds:.0f} s on {os.cpu_count()} cores, start to end ({spent:.0f} s of processor time)"
    )


if __name__ == "__main__":
    main()
