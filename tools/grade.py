"""Grade a folder of submissions: every notebook in a sandbox, every exercise on fresh inputs."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.grading import bubble, collect, exam, jobs, notebook, pages, rows
from tools.lesson import ROOT, Lesson, find, read

LARGEST_SEED = 2**32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools grade`."""
    limits = bubble.Limits()
    parser.add_argument("submissions", type=Path, help="a folder, or a zip file of Moodle or nbgrader")
    parser.add_argument("--output", type=Path, help="where grades and pages go (build/grades/NAME)")
    parser.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; may be repeated")
    parser.add_argument(
        "--seed", type=int, help="repeat a grading exactly (default: random, kept in the output folder)"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="submissions at a time (one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, for example tcp://host:8786")
    parser.add_argument("--cell-seconds", type=float, default=limits.cell, help="time limit of a cell (%(default)g)")
    parser.add_argument("--call-seconds", type=float, default=limits.call, help="of one call (%(default)g)")
    parser.add_argument("--seconds", type=float, default=limits.submission, help="of a submission (%(default)g)")
    parser.add_argument("--memory", type=float, default=limits.memory / 1e9, help="gigabytes (%(default)g)")
    parser.add_argument("--processes", type=int, default=limits.processes, help="processes and threads (%(default)d)")
    parser.add_argument(
        "--no-sandbox", action="store_true", help="accept that submissions can read your files and use the network"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Grade; 0 when every submission has its row, 1 when some could not be graded for reasons of ours."""
    if not args.no_sandbox and (problem := bubble.problem()):
        print(f"No sandbox: {problem}. With --no-sandbox you accept that submissions can do all that you can.")
        return 2
    if not args.submissions.exists():
        print(f"{args.submissions}: there is no such folder or file", file=sys.stderr)
        return 2
    output = args.output or args.root / "build" / "grades" / args.submissions.resolve().stem
    with alone(output) as free:
        if not free:
            print(f"{output}: another grading is at work there", file=sys.stderr)
            return 2
        return Grading(args, output).run()


@contextlib.contextmanager
def alone(output: Path) -> Iterator[bool]:
    """Make the output folder, closed to others, and see that no second grading works in it."""
    work = output / "work"
    work.mkdir(parents=True, exist_ok=True)
    output.chmod(0o700)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


@dataclass(frozen=True)
class Submission:
    """A file, its lesson, and what is to be said of it."""

    file: collect.File
    lesson: str
    note: str
    job: jobs.Job | None = None
    problem: str = ""


class Grading:
    """One grading, from the files to the pages."""

    def __init__(self, args: argparse.Namespace, output: Path) -> None:
        self.args, self.output, self.work = args, output, output / "work"
        self.seed = self._seed()
        lessons = [read(path) for path in find(args.root, args.lesson)]
        self.lessons = {lesson.slug: lesson for lesson in lessons if lesson.exercises or lesson.questions}
        self.exams: dict[str, Path] = {}
        self.failed: dict[str, str] = {}  # submissions that could not be graded, by job

    def _seed(self) -> int:
        """The seed asked for, that of the last run here, or a fresh one."""
        path = self.work / "seed"
        if self.args.seed is None and path.exists():
            return int(path.read_text())
        seed = secrets.randbelow(LARGEST_SEED) if self.args.seed is None else int(self.args.seed)
        path.write_text(f"{seed}\n")
        return seed

    def run(self) -> int:
        """Collect, examine, write."""
        found = self.collect()
        print(f"{len(found)} submissions, seed {self.seed}")
        wanted = sorted({submission.lesson for submission in found if submission.lesson})
        with contextlib.ExitStack() as stack:
            light = not any(_heavy(self.lessons[slug]) for slug in wanted)
            self.make_exams(wanted)
            planned = [self.plan(submission, light) for submission in found]
            waiting = {s.job.key: s.job for s in planned if s.job is not None and not s.job.result.exists()}
            if waiting:
                self.examine(stack, list(waiting.values()), light)
        return self.write(planned)

    def collect(self) -> list[Submission]:
        """The newest file of each student and lesson."""
        names = {
            slug: [n for e in exam.outline(lesson)["exercises"] for n in e["names"]]
            for slug, lesson in self.lessons.items()
        }
        files = collect.submissions(self.args.submissions, list(self.lessons))
        only = next(iter(self.lessons)) if len(self.lessons) == 1 else ""
        pairs = [(file, collect.lesson_of(file, _sources(file), names) or only) for file in files]
        return [Submission(file, lesson, note) for file, lesson, note in collect.latest(pairs)]

    def make_exams(self, slugs: Sequence[str]) -> None:
        """Compute the exams that are not there yet, as many at a time as there are jobs."""
        samples = self.work / "samples"

        def one(slug: str) -> Path:
            return exam.make(self.lessons[slug], self.seed, self.work / "exams", samples)

        with ThreadPoolExecutor(max_workers=max(1, self.args.jobs)) as pool:
            self.exams = dict(zip(slugs, pool.map(one, slugs), strict=True))

    def plan(self, submission: Submission, light: bool) -> Submission:
        """The job that grades a submission, or why there is none."""
        file, problem = submission.file, submission.file.problem
        if not submission.lesson:
            problem = problem or "this belongs to none of the lessons"
        if problem:
            return Submission(file, submission.lesson, submission.note, problem=problem)
        made = jobs.Job(
            key=jobs.key_of(file.content, self.exams[submission.lesson], self.limits(), not self.args.no_sandbox),
            content=file.content,
            exam=str(self.exams[submission.lesson].resolve()),
            folder=str(self.work.resolve()),
            limits=self.limits(),
            view=self.view(),
            light=light,
            sandbox=not self.args.no_sandbox,
        )
        return Submission(file, submission.lesson, submission.note, made)

    def limits(self) -> bubble.Limits:
        """The limits asked for."""
        a = self.args
        return bubble.Limits(
            cell=a.cell_seconds,
            call=a.call_seconds,
            submission=a.seconds,
            memory=int(a.memory * 1e9),
            processes=a.processes,
        )

    def view(self) -> bubble.View:
        """What a sandbox shows, and what it hides should it stand in a shown folder."""
        hidden = (self.output, self.args.submissions)
        return bubble.course_view(self.args.root.resolve(), (self.work / "samples").resolve(), hidden)

    def examine(self, stack: contextlib.ExitStack, waiting: list[jobs.Job], light: bool) -> None:
        """Do the jobs on Dask's workers and say of each what came out."""
        from dataclasses import replace

        from tools.schedule import connect

        (self.work / "results").mkdir(exist_ok=True)
        warm = None
        if not self.args.no_sandbox and self.args.scheduler is None:
            warm = stack.enter_context(jobs.warm_server(light))  # its imports go on while the workers start
        workers = min(self.args.jobs, len(waiting))
        client = stack.enter_context(connect(workers, self.args.scheduler))
        if warm is not None:
            warm.wait(jobs.WARM_SECONDS)  # or each worker would take it for missing and start its own
        ready = [replace(job, warm=warm.address if warm else "") for job in waiting]
        for number, (job, problem) in enumerate(jobs.run_all(client, ready), 1):
            if problem:
                self.failed[job.key] = problem
            print(f"[{number}/{len(ready)}] {problem or 'done'}", flush=True)

    def row(self, submission: Submission, known: dict[str, Any]) -> rows.Row:
        """What came out of a submission."""
        file, content = submission.file, known.get(submission.lesson, {})
        result = (jobs.result_of(submission.job) if submission.job else None) or {}
        problem = submission.problem or result.get("problem", "")
        if submission.job and not result:
            why = self.failed.get(submission.job.key, "its worker was lost")
            problem = f"not graded yet, run the grading again: {why}"
        return rows.Row(
            student=file.student,
            lesson=submission.lesson,
            title=f"{content['number']} · {content['title']}" if content else "",
            path=file.path,
            total=sum(exercise["points"] for exercise in content.get("exercises", ())),
            verdicts=result.get("verdicts", []),
            problem=problem,
            notes=tuple(note for note in [submission.note, *result.get("notes", ())] if note),
            cell_errors=result.get("cell_errors", {}),
            answers=tuple(result.get("answers", ())),
        )

    def write(self, submissions: Sequence[Submission]) -> int:
        """Write the table and the pages."""
        known = {slug: json.loads(path.read_text(encoding="utf-8")) for slug, path in self.exams.items()}
        table = sorted((self.row(s, known) for s in submissions), key=lambda row: (row.student.casefold(), row.lesson))
        exams = [known[slug] for slug in sorted(known)]
        _put(self.output / "grades.csv", rows.table(table, exams))
        _put(self.output / "overview.html", pages.overview_page(table, exams, self.seed))
        for student in sorted({row.student for row in table}):
            mine = [row for row in table if row.student == student]
            _put(self.output / "pages" / f"{pages.file_name(student)}.html", pages.student_page(student, mine))
        for content in exams:
            mine = [row for row in table if row.lesson == content["slug"]]
            for question in content["questions"]:
                _put(self.output / "questions" / f"{question['number']}.html", pages.question_page(question, mine))
        print(f"{len(table)} rows in {self.output / 'grades.csv'}, pages beside it")
        return 1 if self.failed else 0


def _put(path: Path, text: str) -> None:
    """Write in one step."""
    from tools.build import write

    write(path, text)


def _sources(file: collect.File) -> str:
    """The code of a submission, for finding its lesson; empty if it is no notebook."""
    try:
        return "\n".join(cell.source for cell in notebook.read(file.content))
    except notebook.NotNotebook:
        return ""


def _heavy(lesson: Lesson) -> bool:
    """Whether a lesson imports TensorFlow."""
    return any(re.search(r"tensorflow|keras|\bruntime\b|\bplots\b", c.source) for c in lesson.cells if c.kind == "code")
