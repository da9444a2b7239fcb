"""Submissions are found in the layouts that people have, with clean names, and of several the latest counts."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from tools.grading import collect, notebook, pages, rows

SLUGS = ["05_lenet_regularization", "07_vectors"]
BOOK = b'{"cells": []}'


def place(folder: Path, *names: str, content: bytes = BOOK) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def packed(*names: str, content: bytes = BOOK, date: tuple = (2026, 1, 2, 3, 4, 6)) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, date), content)
    return data.getvalue()


def students(path: Path) -> list[str]:
    return sorted(file.student for file in collect.submissions(path, SLUGS))


LAYOUTS = {
    "a folder of notebooks": ["alice.ipynb", "07_vectors_bob.ipynb", "carol-07_vectors-final.ipynb"],
    "a folder per student": ["alice/07_vectors.ipynb", "bob/w/x.ipynb", "carol/.hidden/x.ipynb", "carol/y.ipynb"],
    "nbgrader submitted": [f"submitted/{name}/07_vectors/a.ipynb" for name in ("alice", "bob", "carol")],
    "nbgrader by assignment": ["07_vectors/alice/a.ipynb", "07_vectors/bob/a.ipynb", "07_vectors/carol/a.ipynb"],
    "nbgrader inbound": [
        "alice+07_vectors+2026-01-02 15:58:23.948203 UTC/a.ipynb",
        "bob+07_vectors+2026-01-02 15:58:23.948203 UTC+abcd/a.ipynb",
        "carol+07_vectors+2026-01-02 15:58:23 UTC/a.ipynb",
    ],
    "nbgrader zip": [f"ps1_{name}_attempt_2026-01-30-15-30-10_07_vectors.ipynb" for name in ("alice", "bob", "carol")],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    assert students(place(tmp_path / "folder", *LAYOUTS[layout])) == ["alice", "bob", "carol"]
    archive = tmp_path / "all.zip"
    archive.write_bytes(packed(*LAYOUTS[layout]))
    assert students(archive) == ["alice", "bob", "carol"]


@pytest.mark.parametrize("member", ["_assignsubmission_file_/{}", "_assignsubmission_file_{}"])
def test_moodle(tmp_path: Path, member: str) -> None:
    names = [f"Ann Lee_1234567{member.format('07_vectors.ipynb')}", f"Bo_7654321{member.format('x.ipynb')}"]
    assert students(place(tmp_path / "unpacked", *names)) == ["Ann Lee (1234567)", "Bo (7654321)"]
    archive = tmp_path / "Course-Vectors-99.zip"
    archive.write_bytes(packed(*names))
    assert students(archive) == ["Ann Lee (1234567)", "Bo (7654321)"]
    zipped = place(tmp_path / "zips", "Ann Lee_1234567_assignsubmission_file_/work.zip", content=packed("deep/a.ipynb"))
    assert students(zipped) == ["Ann Lee (1234567)"]


def test_of_several_the_latest_counts_and_a_note_names_the_others(tmp_path: Path) -> None:
    folder = place(tmp_path, "Alice/07_vectors.ipynb", "Alice/07_vectors (1).ipynb", "bob/07_vectors.ipynb")
    os.utime(folder / "Alice/07_vectors (1).ipynb", (1, 1))
    files = collect.submissions(folder, SLUGS)
    kept = collect.latest([(file, "07_vectors") for file in files])
    assert [(file.path, bool(note)) for file, _, note in kept] == [
        ("Alice/07_vectors.ipynb", True),
        ("bob/07_vectors.ipynb", False),
    ]
    assert "Alice/07_vectors (1).ipynb" in kept[0][2]


def test_nbgraders_times_decide_not_those_of_the_files(tmp_path: Path) -> None:
    names = [f"ps_alice_attempt_2026-01-0{day}-10-00-00_x.ipynb" for day in (1, 3, 2)]
    files = collect.submissions(place(tmp_path, *names), SLUGS)
    assert collect.latest([(file, "x") for file in files])[0][0].path == names[1]


def test_who_handed_in_no_notebook_is_told_so(tmp_path: Path) -> None:
    folder = place(
        tmp_path, "alice/solution.pdf", "bob/a.ipynb", "bob/b.txt", "carol/a.zip", "readme.txt", content=b"x"
    )
    files = {file.student: file for file in collect.submissions(folder, SLUGS)}
    assert sorted(files) == ["alice", "bob", "carol"]
    assert "only solution.pdf" in files["alice"].problem
    assert files["bob"].problem == ""
    assert "no notebook" in files["carol"].problem


def test_links_and_hidden_files_are_not_followed(tmp_path: Path) -> None:
    secret = place(tmp_path / "secret", "s.ipynb") / "s.ipynb"
    folder = place(tmp_path / "in", "alice/a.ipynb", "__MACOSX/alice/._a.ipynb", ".git/x.ipynb")
    (folder / "bob").mkdir()
    (folder / "bob" / "b.ipynb").symlink_to(secret)
    assert students(folder) == ["alice"]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  A\u0301nn\tLee ", "Ánn Lee"),
        ("../../x", "x"),
        ("a\u202eb\x00", "ab"),
        ("...", "unnamed"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_are_cleaned(raw: str, clean: str) -> None:
    assert collect.clean(raw) == clean


def test_different_students_never_share_a_page() -> None:
    names = ["a b", "a_b", "A_b", "a/b", "Ä", "Ö", "con", "a-b"]
    assert len({pages.file_name(name).lower() for name in names}) == len(names)


@pytest.mark.parametrize("text", ['=cmd|"/c calc"!A1', "+1", "-1", "@x"])
def test_the_table_holds_no_formula(text: str) -> None:
    row = rows.Row(text, "07_vectors", "", "p", 1.0, problem=text)
    line = rows.table([row], []).splitlines()[1]
    assert line.startswith(("'", "\"'"))


def test_pages_hold_no_foreign_markup() -> None:
    evil = "<script>alert(1)</script>"
    verdict = {"number": "07.1", "name": evil, "state": "failed", "score": 0, "points": 1, "right": 0, "cases": 1}
    row = rows.Row(evil, evil, evil, evil, 1.0, [verdict | {"hint": evil, "reason": evil}], evil, (evil,), {"1": evil})
    question = {"number": "07.a", "text": evil, "model": evil}
    answered = rows.Row(evil, "", "", "", 0.0, answers=(f"**Answer 07.a.** {evil}",))
    assert evil not in pages.student_page(evil, [row])
    assert evil not in pages.overview_page([row], [], 1)
    assert evil not in pages.question_page(question, [answered])


def test_the_lesson_is_found_by_content_then_by_name() -> None:
    names = {"05_lenet_regularization": ["dropout", "penalty"], "07_vectors": ["rescale", "softmax", "dropout"]}

    def lesson(path: str, source: str) -> str:
        return collect.lesson_of(collect.File("a", path, b"", 0.0, path.rpartition(".")[0]), source, names)

    assert lesson("x.ipynb", "checks.run('05.dropout', dropout)") == "05_lenet_regularization"
    assert lesson("05_lenet_regularization.ipynb", "def rescale(x):\ndef softmax(z):") == "07_vectors"
    assert lesson("alice_05.ipynb", "") == ""
    assert lesson("05_lenet.ipynb", "") == "05_lenet_regularization"
    assert lesson("holiday.ipynb", "print(1)") == ""


def test_no_zip_can_fill_the_memory(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alice/a.ipynb", bytes(notebook.LARGEST + 10))
    (tmp_path / "b.zip").write_bytes(bomb.getvalue())
    files = collect.submissions(tmp_path / "b.zip", SLUGS)
    with pytest.raises(notebook.NotNotebook):
        notebook.read(files[0].content)
