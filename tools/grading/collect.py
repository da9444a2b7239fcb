"""Find the submissions in a folder or a zip file, in the layouts that campus systems and people have.

A folder of notebooks · a folder per student · nbgrader's `submitted/STUDENT/ASSIGNMENT/` and inbound folders
`STUDENT+ASSIGNMENT+TIME` · nbgrader's and JupyterHub's `…_STUDENT_attempt_TIME_…ipynb` · Moodle's
`Name_1234567_assignsubmission_file_/…`, zipped or not, a zip within it included. Nothing is unpacked to disk.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from tools.grading.notebook import LARGEST

DEPTH = 3  # zips within zips
MEMBERS = 20_000
IGNORED = re.compile(r"(^|/)(\.|__MACOSX|node_modules/)")
MOODLE = re.compile(
    r"^(?P<student>.+?)_(?P<id>\d{3,})_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)$", re.IGNORECASE
)
ATTEMPT = re.compile(r"^(?:.*_)?(?P<student>[^_/]+)_attempt_(?P<time>[\d-]+)_?(?P<rest>.*)$", re.IGNORECASE)
INBOUND = re.compile(r"^(?P<student>[^+/]+)\+(?P<assignment>[^+/]+)\+(?P<time>[^+/]+?)(?:\+[^/]*)?$")
NUMBERED = re.compile(r"(?:^|(?<=[^0-9]))(\d\d)_[a-z]")
COPY = re.compile(r"(?:[-_ ](?:copy\d*|final\d*|v\d+))+$|\s*\(\d+\)$", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff/\\]")


@dataclass(frozen=True)
class File:
    """One file that was handed in."""

    student: str
    path: str  # where it was found, for people to read
    content: bytes
    time: float
    assignment: str = ""  # what the layout says about the lesson
    problem: str = ""  # why there is nothing to read

    @property
    def sha256(self) -> str:
        """Fingerprint of the content."""
        return hashlib.sha256(self.content).hexdigest()


def clean(name: str) -> str:
    """A student's name without what could harm a page, a table or a file system."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    name = CONTROL.sub("", name).strip(" .-_")[:80]
    return name or "unnamed"


def submissions(place: Path, slugs: Sequence[str] = ()) -> list[File]:
    """All notebooks in a folder or zip file with their students; `slugs` are the lessons' names."""
    found = list(_zip(place.read_bytes(), place.name, 0) if place.is_file() else _folder(place))
    files = [_attributed(path, content, time, slugs) for path, content, time in found if content is not None]
    there = {file.student for file in files}
    for path, content, time in found:
        if content is None and ("/" in path or MOODLE.match(path)):
            file = _attributed(path, b"", time, slugs)
            if file.student not in there:
                there.add(file.student)
                files.append(replace(file, problem=f"no notebook was handed in, only {PurePosixPath(path).name}"))
    return files


Raw = tuple[str, bytes | None, float]  # path, content (None: not a notebook), time
Reader = Callable[[], bytes]


def _folder(place: Path) -> Iterator[Raw]:
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink() or not path.is_file() or IGNORED.search(name):
            continue  # a link could name a file of the grader's
        yield from _file(name, path.read_bytes, path.stat().st_size, path.stat().st_mtime, 0)


def _file(name: str, read: Reader, size: int, time: float, depth: int) -> Iterator[Raw]:
    """A notebook, or the notebooks in a zip."""
    kind = PurePosixPath(name).suffix.lower()
    if kind == ".ipynb":
        yield name, read() if size <= LARGEST else bytes(LARGEST + 1), time
    elif kind == ".zip" and depth < DEPTH and size <= 40 * LARGEST:
        yield from _zip(read(), name.removesuffix(PurePosixPath(name).suffix), depth + 1)
    elif PurePosixPath(name).name != "timestamp.txt":
        yield name, None, time


def _zip(content: bytes, name: str, depth: int) -> Iterator[Raw]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        yield f"{name}/damaged.zip", None, 0.0
        return
    with archive:
        for member in archive.infolist()[:MEMBERS]:
            inner = member.filename.replace("\\", "/").lstrip("/")
            if member.is_dir() or IGNORED.search(inner):
                continue
            path = inner if depth == 0 else f"{name}/{inner}"
            time = datetime(*_date(member.date_time), tzinfo=UTC).timestamp()
            yield from _file(path, _reader(archive, member), member.file_size, time, depth)


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Reader:
    """Read a member, no more than its declared size, and nothing at all when it is damaged or encrypted."""

    def read() -> bytes:
        try:
            with archive.open(member) as stream:
                return stream.read(member.file_size)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError):
            return b""

    return read


def _date(parts: tuple[int, ...]) -> tuple[int, int, int, int, int, int]:
    try:
        datetime(*parts)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        parts = (1980, 1, 1, 0, 0, 0)
    year, month, day, hour, minute, second = parts
    return year, month, day, hour, minute, second


def _attributed(path: str, content: bytes, time: float, slugs: Sequence[str]) -> File:
    """The student and the lesson that a path names."""
    parts = list(PurePosixPath(path).parts)
    stem = PurePosixPath(parts[-1]).stem
    for i, part in enumerate(parts):
        if match := INBOUND.match(part) if i < len(parts) - 1 else None:
            return File(clean(match["student"]), path, content, _time(match["time"], time), match["assignment"])
        if match := MOODLE.match(PurePosixPath(part).stem if i == len(parts) - 1 else part):
            name = f"{clean(match['student'])} ({match['id']})"
            return File(name, path, content, time, match["rest"] or stem)
        if match := ATTEMPT.match(part):
            return File(clean(match["student"]), path, content, _time(match["time"], time), match["rest"] or stem)
    folders = [part for part in parts[:-1] if part != "submitted"]
    named = next((folder for folder in folders if not _lesson_in(folder, slugs)), None)
    if named is not None:
        return File(clean(named), path, content, time, "/".join([*folders, stem]))
    return File(clean(_without_lesson(stem, slugs)), path, content, time, "/".join([*folders, stem]))


def _time(text: str, otherwise: float) -> float:
    """A time stamp as nbgrader writes them."""
    digits = re.sub(r"\D", "", text)[:14].ljust(14, "0")
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return otherwise


def _lesson_in(text: str, slugs: Iterable[str]) -> str:
    """The lesson that a name contains, if it does."""
    lower = text.lower().replace("-", "_").replace(" ", "_")
    slugs = list(slugs)
    for slug in slugs:
        if slug in lower or slug[3:] == lower:
            return slug
    numbers = NUMBERED.findall(lower)
    return next((slug for slug in slugs if slug[:2] in numbers), "")


def _without_lesson(stem: str, slugs: Iterable[str]) -> str:
    """What is left of a file's name: the student, one hopes."""
    name = COPY.sub("", stem)
    for slug in slugs:
        name = re.sub(rf"(?i)[\s_.-]*{re.escape(slug)}[\s_.-]*", " ", name)
    return name.strip() or stem


def latest(files: Iterable[tuple[File, str]]) -> list[tuple[File, str, str]]:
    """For each student and lesson the newest file, with a note on those that it replaces."""
    groups: dict[tuple[str, str], list[File]] = {}
    for file, lesson in files:
        groups.setdefault((file.student.casefold(), lesson), []).append(file)
    kept = []
    for (_, lesson), group in sorted(groups.items()):
        newest = max(group, key=lambda file: (file.time, file.path))
        others = sorted(file.path for file in group if file is not newest)
        note = f"latest of {len(group)}: {newest.path}; not graded: {', '.join(others)}" if others else ""
        kept.append((replace(newest), lesson, note))
    return kept


def lesson_of(file: File, sources: str, exams: Mapping[str, Sequence[str]]) -> str:
    """The slug of the lesson that a submission answers: by its content, then by its name."""
    scores = {
        slug: 2 * len(re.findall(rf"checks\.run\(\s*[\"']{slug[:2]}\.", sources))
        + sum(bool(re.search(rf"(?:def|class)\s+{re.escape(name)}\b", sources)) for name in names)
        for slug, names in exams.items()
    }
    best = max(scores, key=lambda slug: scores[slug], default="")
    if best and scores[best] >= 2 and list(scores.values()).count(scores[best]) == 1:
        return best
    named = _lesson_in(f"{file.assignment}", exams) or _lesson_in(file.path, exams)
    return named or (best if best and scores[best] else "")
