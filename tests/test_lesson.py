"""Reading a lesson: what it yields, and that each broken rule is reported at its line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.lesson import LessonError, digest, find, notebook_digest, parse, read

FIXTURES = Path(__file__).parent / "fixtures" / "lessons"
TINY = FIXTURES / "lessons" / "01_tiny.py"
TEXT = TINY.read_text(encoding="utf-8")


def line_of(text: str, part: str, occurrence: int = 1) -> int:
    """The line on which `part` stands for the n-th time."""
    place = -1
    for _ in range(occurrence):
        place = text.index(part, place + 1)
    return text.count("\n", 0, place) + 1


def test_header_cells_exercises_and_questions() -> None:
    lesson = read(TINY)
    assert (lesson.number, lesson.name, lesson.slug) == ("01", "tiny", "01_tiny")
    assert lesson.header.title == "A tiny lesson"
    assert lesson.header.expected == {"mean": (0.4, 0.6), "largest": (0.5, float("inf"))}
    assert next(iter(lesson.header.expected)) == "mean"
    assert [(e.name, e.number, e.points) for e in lesson.exercises] == [
        ("rescale", "01.1", 2),
        ("counter", "01.2", 1),
    ]
    assert lesson.exercises[1].title == "Count what it is given."
    assert [q.number for q in lesson.questions] == ["01.a"]
    for exercise in lesson.exercises:
        assert TEXT.splitlines()[exercise.line - 1].startswith("checks.run")


def test_pieces_make_up_the_file_and_sources_stand_where_they_say() -> None:
    lesson = read(TINY)
    assert TEXT.endswith("".join(cell.text for cell in lesson.cells))
    lines = TEXT.splitlines()
    for cell in lesson.cells:
        assert lines[cell.line - 1].startswith("# %%")
        if cell.kind == "code":
            assert lines[cell.body - 1] == cell.source.split("\n")[0]


def test_slide_types_are_explicit_or_follow_the_content() -> None:
    slides = [cell.slide for cell in read(TINY).cells]
    assert slides[:8] == ["slide", "skip", "skip", "notes", "slide", "-", "subslide", "-"]
    assert slides[9] == "fragment"


def test_fingerprint_covers_cells_and_not_the_header() -> None:
    sha256 = read(TINY).sha256
    assert parse(TINY, TEXT.replace("full: 2", "full: 3")).sha256 == sha256
    for old, new in [
        ("no time", "a moment"),
        ('tags=["helper"]', 'tags=["helper", "hide-input"]'),
        ('"fragment"', '"slide"'),
        ("# %%\ndraws", "# %% [markdown]\n# draws"),
    ]:
        text = TEXT.replace(old, new)
        if "markdown" in new:
            text = text.replace("\ndraws.mean()", "\n# draws.mean()")
        assert text != TEXT
        assert parse(TINY, text).sha256 != sha256


def test_a_notebook_has_the_fingerprint_of_its_lesson() -> None:
    lesson = read(TINY)
    assert notebook_digest(lesson.notebook["cells"]) == lesson.sha256
    assert digest([]) != lesson.sha256


def test_cell_ids_are_unique_and_depend_on_content_only() -> None:
    plain = read(FIXTURES / "lessons" / "02_plain.py")
    ids = [cell["id"] for cell in plain.notebook.cells]
    assert len(set(ids)) == len(ids)
    assert ids[-1] == ids[-2] + "-2"
    more = parse(TINY, TEXT.replace("# ## Helpers", "# ## Helpers\n\n# %% [markdown]\n# New."))
    before = {cell["id"] for cell in read(TINY).notebook.cells}
    assert before < {cell["id"] for cell in more.notebook.cells}


def test_find_by_number_and_name() -> None:
    assert [path.stem for path in find(FIXTURES)] == ["01_tiny", "02_plain"]
    for key in ("2", "02", "02_plain", "lessons/02_plain.py"):
        assert [path.stem for path in find(FIXTURES, [key])] == ["02_plain"]
    with pytest.raises(LessonError, match="'07'"):
        find(FIXTURES, ["07"])


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


END = "    ### END SOLUTION\n"
CHECK = '# %% tags=["check"]\nchecks.run("01.rescale", rescale)\n'
ONLY_TEXT = "# %% [markdown]\n# # A tiny lesson\n#\n# It has one of everything. It runs in no time.\n\n"
BROKEN = {
    # what is broken: how, the text on the reported line, which of the lines with it, a word of the message
    "fence unclosed": (swap(END, ""), "### BEGIN", 1, "never closed"),
    "fence unopened": (swap("    ### BEGIN SOLUTION\n", ""), "### END", 1, "without"),
    "fence nested": (swap("    secret =", "    ### BEGIN SOLUTION\n    secret ="), "### BEGIN", 2, "inside another"),
    "fence misspelt": (swap("### END SOLUTION", "# END SOLUTION"), "# END", 1, "exactly"),
    "fence missing": (
        lambda text: swap("    ### BEGIN SOLUTION\n", "")(swap(END, "")(text)),
        '# %% tags=["exercise"]',
        1,
        "missing",
    ),
    "fence outside exercise": (swap('["exercise"]\ndef', '["helper"]\ndef'), "### BEGIN", 1, "not tagged"),
    "fence outside function": (
        swap('    """Count', '    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION\n    """Count'),
        "### BEGIN",
        2,
        "inside a function",
    ),
    "exercise twice": (swap("01.counter", "01.rescale"), "checks.run", 2, "twice"),
    "exercise without check": (swap(CHECK, ""), '# %% tags=["exercise"]', 1, "without a check"),
    "check without exercise": (
        swap("# %%\ndraws", CHECK + "\n# %%\ndraws"),
        'tags=["check"]',
        3,
        "without an exercise",
    ),
    "check of another lesson": (swap("01.rescale", "02.rescale"), "checks.run", 1, "lesson 01"),
    "check not last": (swap("rescale)\n", "rescale)\nx = 1\n"), "checks.run", 1, "end with"),
    "heading misnumbered": (swap("# ### Rescale", "# ### Exercise 01.2 · Rescale"), "Exercise 01.2", 1, "01.1"),
    "check misnamed": (swap('"01.rescale"', '"rescale"'), "checks.run", 1, "01.name"),
    "check for nothing described": (swap("01.counter", "01.counts"), "checks.run", 2, "counts = Exercise"),
    "points for nothing": (swap("points: {rescale", "points: {scale"), "points:", 1, "scale"),
    "unknown field": (swap("data: []", "data: []\n#     author: me"), "author", 1, "unknown"),
    "field missing": (swap("#     title: A tiny lesson\n", ""), "course:", 1, "title"),
    "field empty": (swap("title: A tiny lesson", "title:"), "title:", 1, "title"),
    "field twice": (swap("data: []", "data: []\n#     data: [mnist]"), "data: [mnist]", 1, "twice"),
    "field of wrong type": (swap("data: []", "data: mnist"), "data:", 1, "list"),
    "summary too long": (swap("summary: Two", "summary: " + "very " * 20 + "Two"), "summary:", 1, "100"),
    "band reversed": (swap("[0.4, 0.6]", "[0.6, 0.4]"), "mean: [", 1, "low, high"),
    "band of three": (swap("[0.4, 0.6]", "[0.4, 0.6, 1]"), "mean: [", 1, "low, high"),
    "band not numbers": (swap("[0.5, inf]", "[0.5, much]"), "largest: [", 1, "low, high"),
    "band nan": (swap("[0.5, inf]", "[.nan, 1]"), "largest: [", 1, "low, high"),
    "unknown profile": (swap("{class: 1", "{fast: 1"), "minutes:", 1, "fast"),
    "published unexpected": (swap("{mean:", "{median:"), "published:", 1, "median"),
    "excuse unexpected": (swap("data: []", "data: []\n#     falls_short: {median: why}"), "falls_short:", 1, "median"),
    "YAML broken": (swap("data: []", "data: [a"), "minutes:", 1, "YAML"),
    "header unclosed": (lambda text: text.replace("# ---\n\n", "\n"), "# ---", 1, "closing"),
    "no header": (lambda text: text[text.index("# %%") :], "# %%", 1, "header"),
    "no title": (swap("# # A tiny", "# A tiny"), "# %% [markdown]", 1, "title"),
    "two titles": (swap("# ## Helpers", "# # Helpers"), "# # Helpers", 1, "second title"),
    "no setup": (swap('["setup"]', '["helper"]'), "# %%", 1, "setup"),
    "no parameters": (swap('["parameters"]', '["helper"]'), "# %%", 1, "parameters"),
    "two setups": (swap('["helper"]', '["setup"]'), 'tags=["setup"]', 2, "second"),
    "unknown tag": (swap('["helper"]', '["helpr"]'), "helpr", 1, "helpr"),
    "tag on wrong kind": (swap('["notes"]', '["check"]'), 'tags=["check"]', 1, "code cell"),
    "unknown slide type": (swap('"fragment"', '"page"'), '"page"', 1, "slide type"),
    "start of another lesson": (swap("import numpy", 'runtime.start("02")\nimport numpy'), "runtime.start", 1, "01"),
    "not Python": (swap("return x - x.mean()", "return x -"), "return x -\n", 1, "Python"),
    "magic": (swap("SIZE = 8", "# %matplotlib inline\nSIZE = 8"), "%matplotlib", 1, "Python"),
    "question misnumbered": (swap("Question 01.a", "Question 01.b"), "Question", 1, "01.a"),
    "answer misnumbered": (swap("Answer 01.a", "Answer 01.b"), "Answer", 1, "01.a"),
    "question without answer": (swap('["answer"]', '["notes"]'), 'tags=["question"]', 1, "without an answer"),
    "answer without question": (swap('["question"]', '["notes"]'), 'tags=["answer"]', 1, "without a question"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_reported_at_its_line(what: str) -> None:
    change, part, occurrence, word = BROKEN[what]
    text = change(TEXT)
    with pytest.raises(LessonError) as caught:
        parse(TINY, text)
    assert caught.value.line == line_of(text, part, occurrence), str(caught.value)
    assert word in caught.value.message
    assert str(caught.value).startswith(str(caught.value.path.relative_to(Path.cwd())) + f":{caught.value.line}: ")


def test_text_before_the_first_cell() -> None:
    text = TEXT.replace(ONLY_TEXT, "import os\n\n" + ONLY_TEXT)
    with pytest.raises(LessonError, match="start a cell") as caught:
        parse(TINY, text)
    assert caught.value.line == line_of(text, "import os")


def test_a_comment_is_not_a_title_and_code_blocks_do_not_count() -> None:
    text = TEXT.replace("# ## Helpers", "# ## Helpers\n#\n# ```bash\n# # not a title\n# ```")
    assert len(parse(TINY, text).cells) == len(read(TINY).cells)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shutil.copytree(FIXTURES, tmp_path / "course", ignore=shutil.ignore_patterns("__pycache__"))


def test_exercise_file_missing_or_describing_something_else(root: Path) -> None:
    file = root / "exercises" / "01_tiny.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\nmore = Exercise(inputs=lambda rng: ())\n", encoding="utf-8")
    with pytest.raises(LessonError, match="more") as caught:
        read(root / "lessons" / TINY.name)
    assert caught.value.path == file
    assert caught.value.line == line_of(file.read_text(encoding="utf-8"), "more =")
    file.unlink()
    with pytest.raises(LessonError, match="is missing"):
        read(root / "lessons" / TINY.name)


def test_file_name_and_encoding(root: Path) -> None:
    with pytest.raises(LessonError, match="NN_name"):
        parse(root / "lessons" / "1_Tiny.py", TEXT)
    path = root / "lessons" / TINY.name
    path.write_bytes(TEXT.encode() + b"\xff")
    with pytest.raises(LessonError, match="UTF-8"):
        read(path)
