"""Execute lessons in fresh kernels, several at a time, and report what failed and which result left its band."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tools import lesson as lessons
from tools.build import Builder, notebook_text, write
from tools.execute import Limits
from tools.outcome import Band, Outcome, judge, run_key, run_record
from tools.progress import Progress
from tools.publish import publish
from tools.report import write_reports
from tools.schedule import Done, Job, connect, run_all, settings
from tools.warm import WarmServer, available

LIMITS = {"smoke": Limits(180, 300), "class": Limits(900, 1800), "full": Limits(4 * 3600, 12 * 3600)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools run`."""
    add = parser.add_argument
    add("lessons", nargs="*", metavar="NN", help="lessons to run (all)")
    add("--profile", choices=tuple(LIMITS), default="class", help="size of the run (class); smoke runs on samples")
    add("--jobs", type=int, metavar="N", help="notebooks at a time (number of cores; 1 with --publish)")
    add("--scheduler", metavar="ADDRESS", help="a Dask scheduler whose workers share this disk, as tcp://host:8786")
    add("--plain-kernels", action="store_true", help="start each kernel anew instead of forking a warm one")
    add("--force", action="store_true", help="run also what has passed and is unchanged")
    add("--publish", action="store_true", help="after success: measured minutes, and from full the outputs, are kept")
    add("--timeout-cell", type=float, metavar="S", help="seconds a cell may take")
    add("--timeout", type=float, metavar="S", help="seconds a notebook may take")
    add("--notebook", type=Path, action="append", default=[], metavar="PATH", help="run this notebook (repeatable)")
    add("--root", type=Path, default=lessons.ROOT, help=argparse.SUPPRESS)


@dataclass(frozen=True)
class Target:
    """A notebook to run: of a lesson, or any."""

    name: str
    notebook: nbformat.NotebookNode
    sha256: str
    expected: dict[str, Band]
    admitted: dict[str, str]  # results that may lie outside their bands, and why
    lesson: lessons.Lesson | None = None


def main(args: argparse.Namespace) -> int:
    """Run, report, and return 1 if anything failed or was interrupted."""
    root = args.root.resolve()
    folder = root / "build" / "runs" / args.profile
    targets, outcomes = _targets(root, args)
    if not targets and not outcomes:
        print("no lessons to run", file=sys.stderr)
        return 1
    interrupted = False
    with Progress([target.name for target in targets]) as progress:
        waiting = []
        for target in targets:
            earlier = None if args.force else finished(folder, root, target, args.profile)
            if earlier:
                outcomes.append(earlier)
                progress.skipped(target.name)
            else:
                waiting.append(target)
        try:
            for outcome in run_targets(root, folder, waiting, args, progress):
                outcomes.append(outcome)
        except KeyboardInterrupt:
            interrupted = True
    outcomes.sort(key=lambda outcome: outcome.name)
    if args.publish and not interrupted:
        _publish(root, folder, targets, outcomes)
    write_reports(folder, outcomes, len(targets))
    return _summary(folder, outcomes, interrupted)


def _targets(root: Path, args: argparse.Namespace) -> tuple[list[Target], list[Outcome]]:
    """What to run; a lesson that cannot be read is an outcome already."""
    targets, broken = [], []
    for path in args.notebook:
        notebook = nbformat.read(path, as_version=4)
        course = notebook.metadata.get("course", {})
        expected = {name: (float(low), float(high)) for name, (low, high) in course.get("expected", {}).items()}
        digest, admitted = lessons.code_digest(notebook.cells), dict(course.get("falls_short", {}))
        targets.append(Target(path.stem, notebook, digest, expected, admitted))
    wanted = lessons.find(root, args.lessons) if args.lessons or not args.notebook else []
    if wanted:
        Builder(root).build([path.stem for path in wanted])  # check values and bands come from there
    for path in wanted:
        try:
            lesson = lessons.read(path)
        except lessons.LessonError as error:
            reason = str(error)
            broken.append(Outcome(path.stem, args.profile, reason=reason, problems=[reason]))
            continue
        expected, admitted = dict(lesson.header.expected), dict(lesson.header.falls_short)
        targets.append(Target(path.stem, lesson.notebook, lesson.code_sha256, expected, admitted, lesson))
    return targets, broken


def finished(folder: Path, root: Path, target: Target, profile: str) -> Outcome | None:
    """The outcome of an earlier run of the very same thing, if that passed and still would."""
    record, path = folder / f"{target.name}.json", folder / f"{target.name}.ipynb"
    try:
        outcome = Outcome(**json.loads(record.read_text(encoding="utf-8")))
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, TypeError):
        return None
    if not outcome.passed or outcome.key != run_key(root, target.name, target.sha256, profile):
        return None
    if profile != "smoke" and not outcome.real:
        return None  # the real data may have come since
    judge(outcome, notebook, target.expected, target.admitted)  # a band may have changed
    outcome.skipped = True
    return outcome if outcome.passed else None


def run_targets(
    root: Path, folder: Path, targets: Sequence[Target], args: argparse.Namespace, progress: Progress
) -> Iterator[Outcome]:
    """Run, save and yield each notebook's outcome as it ends."""
    if not targets:
        return
    cores = os.cpu_count() or 1
    jobs = min(len(targets), args.jobs or (1 if args.publish else cores))
    if args.publish:  # sums in another order are other numbers: what is published must not depend on the cores
        os.environ.setdefault("COURSE_THREADS", "1")
    elif args.profile == "smoke" and args.scheduler is None:
        os.environ.setdefault("COURSE_THREADS", str(max(1, cores // jobs)))
    limits = Limits(args.timeout_cell or LIMITS[args.profile].cell, args.timeout or LIMITS[args.profile].notebook)
    by_name = {target.name: target for target in targets}
    with _scratch(args) as scratch, _warm(args) as warm, connect(jobs, args.scheduler) as client:
        address = _address(warm)
        work = [
            Job(name, nbformat.writes(t.notebook), args.profile, limits, str(root), address, settings(), scratch)
            for name, t in by_name.items()
        ]
        for done in run_all(client, work, progress):
            outcome = save(root, folder, by_name[done.name], args.profile, done)
            progress.finished(done.name, outcome.passed, outcome.seconds, "; ".join(outcome.problems[:1]))
            yield outcome


@contextlib.contextmanager
def _scratch(args: argparse.Namespace) -> Iterator[str | None]:
    """A folder for the kernels' temporary files that goes even if their workers are killed."""
    if args.scheduler:
        yield None
    else:
        with tempfile.TemporaryDirectory(prefix="run-", ignore_cleanup_errors=True) as folder:
            yield folder


@contextlib.contextmanager
def _warm(args: argparse.Namespace) -> Iterator[WarmServer | str | None]:
    """A warm server of ours, "" where each worker of a cluster starts its own, None for plain kernels."""
    if args.plain_kernels or not available():
        yield None
    elif args.scheduler:
        yield ""
    else:
        with WarmServer() as server:
            yield server


def _address(warm: WarmServer | str | None) -> str | None:
    """The address of the warm server once it is ready; without one the run is slower, not impossible."""
    if not isinstance(warm, WarmServer):
        return warm
    try:
        warm.wait()
    except RuntimeError as error:
        print(f"plain kernels, because {error}", file=sys.stderr)
        return None
    return warm.address


def save(root: Path, folder: Path, target: Target, profile: str, done: Done) -> Outcome:
    """Judge an executed notebook and write it with its outcome, the notebook first."""
    notebook = nbformat.reads(done.notebook, as_version=4)
    key = run_key(root, target.name, target.sha256, profile)
    outcome = Outcome(target.name, profile, reason=done.reason, cell=done.cell, seconds=done.seconds, key=key)
    judge(outcome, notebook, target.expected, target.admitted)
    notebook.metadata.setdefault("course", {})["run"] = run_record(outcome)
    record = folder / f"{target.name}.json"
    record.unlink(missing_ok=True)  # never an old outcome beside a new notebook
    write(folder / f"{target.name}.ipynb", notebook_text(notebook))
    write(record, json.dumps(outcome.as_json(), indent=1, ensure_ascii=False) + "\n")
    return outcome


def _publish(root: Path, folder: Path, targets: Sequence[Target], outcomes: Sequence[Outcome]) -> None:
    """Publish every lesson that passed; what cannot be published counts as failed."""
    passed = {outcome.name: outcome for outcome in outcomes if outcome.passed}
    for target in targets:
        if target.lesson is not None and target.name in passed:
            outcome = passed[target.name]
            try:
                refusal = publish(root, folder / f"{target.name}.ipynb", target.lesson, outcome)
            except lessons.LessonError as error:
                refusal = str(error)
            print(f"{target.name}: {refusal or 'published'}")
            if refusal:
                outcome.state, outcome.problems = "failed", [refusal]


def _summary(folder: Path, outcomes: Sequence[Outcome], interrupted: bool) -> int:
    """Say how it went and where to read more."""
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        for problem in outcome.problems:
            print(f"{outcome.name}: {problem}", file=sys.stderr)
    report = folder / "report.html"
    shown = report.relative_to(Path.cwd()) if report.is_relative_to(Path.cwd()) else report
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed{', interrupted' * interrupted} · {shown}")
    return 1 if failed or interrupted else 0
