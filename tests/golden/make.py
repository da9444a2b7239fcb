"""Writes the golden notebooks beside this file: each behaves well, or badly in one way. Run it after a change here."""

from pathlib import Path

from nbformat import NotebookNode, v4, write

RESULT = """from IPython.display import display

display({{"text/plain": "score", "application/vnd.course.result+json": {{"name": "score", "value": {}}}}}, raw=True)"""
CHECK = """from IPython.display import display

check = {"name": "01.thing", "state": "open", "message": "not written yet"}
display({"text/plain": "open", "application/vnd.course.check+json": check}, raw=True)"""
IGNORES = """import contextlib
import time

print("begin", flush=True)
while True:
    with contextlib.suppress(KeyboardInterrupt):
        time.sleep(1)"""
LOOPS = """import time

for step in range(10_000):
    print("step", step)
    time.sleep(0.05)"""
KILLS = """import os
import time

print("last words", flush=True)
time.sleep(0.5)
os._exit(3)"""
LEAVES = """import subprocess
import sys

child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid)"""

NOTEBOOKS = {
    "runs": ["print('first')", "# Prose", RESULT.format(0.5)],
    "fails": ["print('before')", "1 / 0", "print('after')"],
    "loops": ["print('before')", LOOPS],
    "ignores_interrupts": [IGNORES],
    "kills_kernel": ["print('before')", KILLS, "print('after')"],
    "floods": ["for _ in range(1_000):\n    print('x' * 10_000)"],
    "leaves_process": [LEAVES, "1 / 0"],
    "out_of_band": [RESULT.format(0.9)],
    "not_a_number": [RESULT.format("None")],
    "missing_result": ["print('no result')"],
    "open_check": [CHECK],
    "stderr": ["import sys\n\nprint('a warning', file=sys.stderr)"],
    "path": ["print('/home/somebody/course/data')"],
}


def notebook(name: str) -> NotebookNode:
    """A golden notebook; the result `score` is expected in [0.4, 0.6] of those that are about it."""
    cells = [
        v4.new_markdown_cell(source, id=f"cell-{number}")
        if source.startswith("#")
        else v4.new_code_cell(source, id=f"cell-{number}")
        for number, source in enumerate(NOTEBOOKS[name])
    ]
    about_results = name in ("runs", "out_of_band", "not_a_number", "missing_result")
    course = {"expected": {"score": [0.4, 0.6]} if about_results else {}}
    return v4.new_notebook(cells=cells, metadata={"course": course})


def stale() -> NotebookNode:
    """A notebook whose outputs come from another state of its cells."""
    made = notebook("runs")
    made.cells[0].outputs = [v4.new_output("stream", text="another\n")]
    made.metadata.course["run"] = {"profile": "full", "origins": {}, "seconds": 1.0, "lesson_sha256": "0" * 64}
    return made


if __name__ == "__main__":
    for name in NOTEBOOKS:
        write(notebook(name), Path(__file__).with_name(f"{name}.ipynb"))
    write(stale(), Path(__file__).with_name("stale.ipynb"))
