"""Writes the book's sources from the committed notebooks, runs Sphinx on them, and looks at every page."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.book import inspect, pages
from tools.book.finish import finish
from tools.book.lesson_page import LessonPage
from tools.build import write
from tools.header import LessonError
from tools.lesson import ROOT, find
from tools.results import Record, gather, results_page

HERE = Path(__file__).parent
TOOLS = HERE.parents[1]  # where Sphinx finds this package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools book`."""
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lessons that the book shall have (all)")
    parser.add_argument("--out", type=Path, help="where the pages go (build/book)")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Build the book; 1 when a page has a fault, or a result is stale or outside its band."""
    started = time.monotonic()
    root = args.root.resolve()
    out = (args.out or root / "build" / "book").resolve()
    records = gather(root, args.lessons)
    if not records:
        raise LessonError(root / "lessons", 0, "there is no lesson yet")
    work = out.with_name(f".{out.name}-work")
    shutil.rmtree(work, ignore_errors=True)
    write_sources(root, records, work / "source")
    pages_folder = work / "html"
    found = sphinx(work)
    if not found:
        finish(pages_folder)
        found = list(inspect.problems(pages_folder))
    if not found:
        replace(pages_folder, out)
        print(f"open {out / 'index.html'}: {len(records)} lessons in {time.monotonic() - started:.0f} s")
    shutil.rmtree(work, ignore_errors=True)
    found += [f"{record.lesson.slug}: {problem}" for record in records for problem in record.problems]
    for problem in found:
        print(problem, file=sys.stderr)
    return int(bool(found))


def write_sources(root: Path, records: Sequence[Record], folder: Path) -> None:
    """What Sphinx reads: a notebook for each lesson, and the pages beside them."""
    in_book = {record.lesson.slug for record in records}
    all_slugs = {path.stem for path in find(root)}
    for record in records:
        path = root / "notebooks" / f"{record.lesson.slug}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"cells": []}
        page = LessonPage(record, notebook, in_book, all_slugs)
        write(folder / "lessons" / f"{record.lesson.slug}.ipynb", page.text())
        for name, content in page.outputs.pictures.items():
            picture = folder / "lessons" / "figures" / name
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(content)
        print(f"{record.lesson.slug}: {record.stale or ('' if record.run else 'not yet executed')}".rstrip(": "))
    write(folder / "index.md", pages.front_page(records))
    write(folder / "data.md", pages.data_page(root, records))
    write(folder / "results.md", results_page(records))
    shutil.copyfile(HERE / "glossary.md", folder / "glossary.md")


def sphinx(work: Path) -> list[str]:
    """Run Sphinx; its warnings are errors."""
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--builder", "html", "--fresh-env"]
    command += ["--conf-dir", str(HERE), "--doctree-dir", str(work / "doctrees"), "--jobs", "1"]
    paths = os.pathsep.join(filter(None, [str(TOOLS), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [*command, str(work / "source"), str(work / "html")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stderr.replace(str(work / "source") + os.sep, "").strip().splitlines()
    return (said or [f"Sphinx ended with {done.returncode}"]) if done.returncode else []


def replace(new: Path, old: Path) -> None:
    """Put the new book in the place of the old one, which stays until the new one is complete."""
    gone = old.with_name(f".{old.name}-old")
    shutil.rmtree(gone, ignore_errors=True)
    if old.exists():
        old.rename(gone)
    old.parent.mkdir(parents=True, exist_ok=True)
    new.rename(old)
    shutil.rmtree(gone, ignore_errors=True)
