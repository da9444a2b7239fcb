"""The book: built once from three lessons, then looked at as text and, where there is a browser, as a reader does."""

import base64
import html
import io
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools.book import inspect
from tools.book.extension import read_terms
from tools.book.finish import text_of
from tools.book.lesson_page import LessonPage, only_draws
from tools.book.outputs import Outputs, scrolling
from tools.book.pages import data_page
from tools.build import notebook_text
from tools.deck.prose import unbroken
from tools.lesson import read
from tools.results import gather, record

ROOT = Path(__file__).resolve().parents[1]
REAL = ("02_simple_regression", "05_lenet_regularization")
MADE = "23_made_for_tests"
SEEN = ("index.html", "lessons/05_lenet_regularization.html", f"lessons/{MADE}.html", "results.html", "glossary.html")
SCHEMES = ("light", "dark")
DESK, PHONE = (1280, 800), (390, 844)
FIGURE = "application/vnd.course.figure+json"
LESSON = """# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: Made for tests
#     summary: It has what the others do not.
#     data: [mnist]
#     minutes: {class: 1, full: 2}
#     expected: {score: [0.4, 0.6]}
#     published: {score: "0.45, somebody"}
# ---

# %% [markdown]
# # Made for tests
#
# After lesson 02 comes [the next one](05_lenet_regularization.ipynb), and one day lesson 11. Perplexity is a word.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/
from utils import runtime

runtime.start("23", seed=0)

# %% tags=["parameters"]
SIZE = 8  # a number

# %% [markdown] tags=["notes"]
# Only for the instructor.

# %% [markdown]
# ## Questions
#
# The perplexity again.

# %% [markdown] tags=["question"]
# **Question 23.a.** Why?

# %% [markdown] tags=["answer"]
# **Answer 23.a.** Because $a < b$.

# %%
SIZE

# %% [markdown]
# ## References
#
# - Somebody (2020), *Dropout Everywhere*.
"""


WORDS = {"caption": "Grey grows: it's $x^2$.", "alt": 'A square: it "grows" # brighter'}


def animation():
    frames = [Image.fromarray(np.full((40, 60, 3), value, "uint8")) for value in (0, 120, 255)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return base64.b64encode(buffer.getvalue()).decode()


def shown(content):
    return nbformat.v4.new_output("display_data", content)


def course(kind, content, text="…"):
    return shown({f"application/vnd.course.{kind}+json": content, "text/plain": text, "text/html": f"<b>{text}</b>"})


def outputs():
    """What the other lessons do not show: an animation, a wide table, a failed check, a sample, a progress bar."""
    wide = "".join(f"<td>column{i}</td>" for i in range(40))
    head = '<thead><tr><th scope="col"></th></tr></thead>'
    return [
        nbformat.v4.new_output("stream", name="stdout", text="  10%|##\r 100%|####\nprinted <b>\n\nepoch 1\nepoch 2\n"),
        shown({"text/html": f"<table>{head}<tbody><tr>{wide}</tr></tbody></table>", "text/plain": "…"}),
        course("check", {"name": "23.x", "state": "failed", "message": "✗ 23.1 <x>\n  hint: look"}),
        course("origin", {"name": "mnist", "origin": "sample"}, "mnist: SAMPLE, numbers are not comparable"),
        course("result", {"name": "score", "value": 0.5}),
        shown({FIGURE: WORDS, "image/gif": animation(), "text/plain": "[Animation]"}),
        shown({"text/markdown": f"*{WORDS['caption']}*", "text/plain": WORDS["caption"]}),
    ]


def executed(root, slug, found):
    """Put an executed notebook of a lesson into notebooks/."""
    lesson = read(root / "lessons" / f"{slug}.py")
    notebook = lesson.notebook
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    last.outputs = found
    run = {"profile": "full", "origins": {}, "seconds": 90.0, "python": "3.12.1", "tensorflow": "2.21.0"}
    run |= {"keras": "3.15.1", "lesson_sha256": lesson.code_sha256, "utils_sha256": "0" * 64}
    notebook.metadata.course["run"] = run
    (root / "notebooks" / f"{slug}.ipynb").write_text(notebook_text(notebook), encoding="utf-8")


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A course of two real lessons and one that is made for these tests."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("lessons", "notebooks", "exercises", "data"):
        (folder / name).mkdir()
    for slug in REAL:
        for name in (f"lessons/{slug}.py", f"notebooks/{slug}.ipynb", f"exercises/{slug}.py"):
            shutil.copyfile(ROOT / name, folder / name)
    for name in ("data/README.md", "data/catalog.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "lessons" / f"{MADE}.py").write_text(LESSON, encoding="utf-8")
    executed(folder, MADE, outputs())
    return folder


@pytest.fixture(scope="session")
def built(root):
    """The book of that course, and what the tool said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tools", "book", "--root", str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture(scope="session")
def book(root, built):
    return root / "build" / "book"


def page(book, name):
    return (book / name).read_text(encoding="utf-8")


def article(text):
    """A page's article without what is folded away, as text."""
    inside = re.search(r"<article.*?</article>", text, re.S)[0]
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<details.*?</details>", "", inside, flags=re.S)))


# The pages as files


def test_it_builds_without_a_warning_and_says_where(built, book):
    done, seconds = built
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert str(book / "index.html") in done.stdout
    assert sorted(path.name for path in book.parent.iterdir()) == ["book"]
    assert seconds < 60  # of one core, for three lessons: 22 have to stay below 90


def test_the_inspection_finds_nothing_and_sees_all_pages(book):
    assert list(inspect.problems(book)) == []
    assert len(list(book.rglob("*.html"))) == len(REAL) + 1 + len(("front", "results", "data", "glossary", "search"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "network"),
        ('<link rel="stylesheet" href="//cdn.example/x.css">', "network"),
        ('<img src="http://example/x.png" alt="a">', "network"),
        ('<img src="missing.png" alt="a">', "not there"),
        ('<img src="page.html" alt=" ">', "alternative text"),
        ("<h3>too deep</h3>", "level 3 follows one of level 1"),
        ("<h1>second</h1>", "2 headings"),
    ],
)
def test_the_inspection_sees(tmp_path, body, words):
    (tmp_path / "page.html").write_text(f"<html><h1>Title</h1>{body}<a href='https://example'>a link</a></html>")
    (found,) = inspect.problems(tmp_path)
    assert words in found


def test_the_inspection_reads_style_sheets(tmp_path):
    (tmp_path / "a.css").write_text("@import 'https://fonts.example/a'; b { background: url(data:image/png;base64,x) }")
    (found,) = inspect.problems(tmp_path)
    assert "fonts.example" in found


@pytest.mark.parametrize("slug", [*REAL, MADE])
def test_every_figure_has_its_words(root, book, slug):
    notebook = json.loads((root / "notebooks" / f"{slug}.ipynb").read_text(encoding="utf-8"))
    figures = [
        o["data"][FIGURE] for c in notebook["cells"] for o in c.get("outputs", ()) if FIGURE in o.get("data", {})
    ]
    text = page(book, f"lessons/{slug}.html")
    alts = [html.unescape(alt) for alt in re.findall(r'<figure.*?<img alt="([^"]*)"', text, re.S)]
    assert alts == [figure["alt"] for figure in figures]
    captions = re.findall(r'<span class="caption-text">(.*?)</span><a class="headerlink"', text, re.S)
    assert len(captions) == len(figures)
    assert len(re.findall(r"<img", text)) == len(figures)  # no picture without a frame


def test_solutions_checks_and_answers_are_folded_away(book):
    text = page(book, "lessons/05_lenet_regularization.html")
    assert "np.where(keep" in html.unescape(re.sub(r"<[^>]+>", "", text))
    assert "np.where(keep" not in article(text)
    assert "# your part" in article(text)
    assert "BEGIN SOLUTION" not in text
    assert "checks.run" not in article(text)
    assert "✓ 05.1" in article(text)
    made = page(book, f"lessons/{MADE}.html")
    assert "Because" in made
    assert "Because" not in article(made)


@pytest.mark.parametrize(
    ("source", "folded"),
    [
        ("fig, ax = plots.axes()\nax.plot(x)\nplots.show(fig, 'c', 'a')", True),
        ("history = train(network)\nplots.show(plots.curves(history), 'c', 'a')", False),
        ("def draw(x):\n    plots.show(plots.curves(x), 'c', 'a')", False),
        ("plots.table(rows, columns)", False),
    ],
)
def test_only_code_that_just_draws_is_folded_away(source, folded):
    assert only_draws(source) == folded


def test_outputs_look_as_they_should(book):
    text = page(book, f"lessons/{MADE}.html")
    assert "Only for the instructor" not in text
    assert '<p class="course-check failed">✗ 23.1 &lt;x&gt;' in text
    assert '<p class="course-origin sample">' in text
    assert '<div class="wide"><table><thead><tr><td></td>' in text
    assert "100%|####" not in text
    assert "printed &lt;b&gt;\n\nepoch 1\nepoch 2\n" in text  # a slide shows the last epoch only; a page has room
    assert "0.45, somebody" in text
    assert (book / "_images" / "23-1.gif").is_file()
    with Image.open(book / "_images" / "23-1.still.png") as still:
        assert still.getpixel((5, 5)) == (255, 255, 255)  # where the animation ends


def test_lessons_lead_to_each_other_and_words_to_the_glossary(book):
    text = page(book, f"lessons/{MADE}.html")
    assert 'href="02_simple_regression.html"' in re.search(r"After lesson.*?</p>", text, re.S)[0]
    assert 'href="05_lenet_regularization.html">the next one' in re.sub(r"<span[^>]*>|</span>", "", text)
    assert text.count("glossary.html#term-perplexity") == 1  # the first mention only
    assert "10\N{NO-BREAK SPACE}000 new points" in page(book, f"lessons/{REAL[0]}.html")  # a number stays in one line
    assert "term-dropout" not in text  # titles under References stay as they are
    entry = re.search(r'id="term-perplexity".*?</dd>', page(book, "glossary.html"), re.S)[0]
    assert f'href="lessons/{MADE}.html"' in entry
    assert f'href="lessons/{REAL[0]}.html"' not in entry


def test_the_glossary_is_in_order():
    text = (ROOT / "tools" / "book" / "glossary.md").read_text(encoding="utf-8")
    first = list(dict.fromkeys(read_terms(text).values()))
    assert len(first) >= 50
    assert first == sorted(first, key=str.casefold)
    entries = text.split("```{glossary}\n")[1].split("```")[0].strip().split("\n\n")
    for entry in entries:
        words = " ".join(line for line in entry.splitlines() if line.startswith("  "))
        assert 3 < len(words.split()) < 60, entry


def test_names_break_behind_an_underscore_and_numbers_not_at_all(book):
    assert "<wbr>_" not in (text := page(book, "results.html"))
    assert "worst_<wbr>setting_<wbr>test_<wbr>accuracy" in text
    assert "0.38\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.21" in scrolling("<table><tr><td>0.38 ± 0.21</td></tr></table>")


def test_a_value_stays_with_its_spread_and_its_per_cent():
    space = "\N{NO-BREAK SPACE}"
    assert unbroken("55 000 in 94.9 ± 0.4 %, a ± b") == f"55{space}000 in 94.9{space}±{space}0.4{space}%, a ± b"
    assert unbroken("3 × 3 × 16 in 25 ms, 2 sets") == f"3{space}×{space}3{space}×{space}16 in 25{space}ms, 2 sets"


def test_a_search_result_points_to_an_entry_of_the_glossary(book):
    texts = json.loads(page(book, "_static/pages.js").removeprefix("coursePages(").removesuffix(");\n"))
    assert texts["glossary"] == text_of(book / "glossary.html")
    entry = re.search(r'<div id="term-perplexity">(.*?)</div>', texts["glossary"])[1]
    assert "perplexity The exponential" in entry
    assert f"lessons/{MADE}" in texts
    assert "search" not in texts


# Results, data, lessons that are not what they should be


def test_the_results_page_shows_every_number_with_its_band(book):
    text = article(page(book, "results.html")).replace("\N{NO-BREAK SPACE}", " ")
    for words in ("score", "0.5", "0.4 – 0.6", "0.45, somebody", "✓ inside", "3.12.1", "worst_setting_test_accuracy"):
        assert words in text


def test_the_data_page_has_a_card_for_every_dataset(root):
    text = data_page(ROOT, gather(root))
    catalog = (ROOT / "data" / "catalog.toml").read_text(encoding="utf-8")
    for name in re.findall(r"^\[(\w+)\]$", catalog, re.M):
        assert f"(data-{name})=" in text
    card = text.split("(data-fashion_mnist)=")[1].split("(data-")[0]
    assert "(lessons/05_lenet_regularization.ipynb)" in card
    assert "3aede38d6186" in card
    assert "](catalog.toml)" not in text


def made_page(root, change=None):
    """The sources of the made lesson's page, after a change to its notebook."""
    path = root / "notebooks" / f"{MADE}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    if change:
        change(notebook)
    found = record(root, read(root / "lessons" / f"{MADE}.py"))
    return LessonPage(found, notebook, {MADE}, {MADE, *REAL}).text()


def test_a_link_to_a_lesson_that_is_not_in_the_book_becomes_text(root):
    assert "After lesson 02 comes the next one, and" in made_page(root)


def test_a_lesson_that_was_not_executed_says_so_and_is_no_error(root, tmp_path):
    shutil.copytree(root / "lessons", tmp_path / "lessons")
    found = record(tmp_path, read(tmp_path / "lessons" / f"{MADE}.py"))
    text = LessonPage(found, {"cells": []}, {MADE}, {MADE}).text()
    assert "not yet executed" in text
    assert "SIZE = 8" in text
    assert found.problems == []


def test_a_stale_lesson_shows_no_number_of_another_one(root, tmp_path):
    for name in ("lessons", "notebooks"):
        shutil.copytree(root / name, tmp_path / name)
    (tmp_path / "lessons" / f"{MADE}.py").write_text(LESSON.replace("SIZE = 8", "SIZE = 9"), encoding="utf-8")
    text = made_page(tmp_path)
    assert "stale" in text
    assert "SIZE = 9" in text
    assert "23-1.gif" not in text
    assert "`score` 0.5" not in text
    assert gather(tmp_path, ["23"])[0].problems  # which is what ends `make book` with 1


def test_results_in_a_row_are_one_table(root):
    header = read(root / "lessons" / f"{MADE}.py").header
    two = [course("result", {"name": "score", "value": value}) for value in (0.5, 0.9)]
    (made,) = Outputs(header, "23").of({"outputs": two})
    text = made["data"]["text/html"]
    assert text.count("<thead>") == 1
    assert "✓ inside" in text
    assert "✗ OUTSIDE" in text


# As a reader sees it


@pytest.fixture
def reader(browser, book):
    """Opens pages of the book in a browser without a network; notes what they ask for and complain of."""
    contexts, complaints = [], []

    def look(name, size=DESK, scheme="light", **options):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, offline=True, **options
        )
        context.set_default_timeout(90_000)  # milliseconds: the machine may be busy
        contexts.append(context)
        view = context.new_page()
        view.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        view.on("request", lambda request: complaints.append(request.url) if _outside(request.url) else None)
        view.on("requestfailed", lambda request: complaints.append(request.url))
        view.goto(f"{book.as_uri()}/{name}")
        return view

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def _outside(address):
    return not address.startswith(("file:", "data:", "blob:"))


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_nothing_hinders_a_reader(reader, scheme, size):
    """Pages fit and axe-core finds nothing serious: contrast depends on the scheme, what scrolls on the size."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    options = {"preload": False, "resultTypes": ["violations"]}  # a page from a file may not fetch its own style
    found = []
    for name in SEEN:
        view = reader(name, size, scheme)
        view.wait_for_load_state("load")
        if view.evaluate("document.documentElement.scrollWidth") > size[0]:
            found.append(f"{name} is wider than the screen")
        for problem in axe.run(view, options=options).response["violations"]:
            if problem["impact"] in ("serious", "critical"):
                found += [f"{name}: {problem['id']}: {node['html'][:120]}" for node in problem["nodes"]]
    assert found == []


def test_the_search_finds_a_word_without_a_server(reader):
    view = reader("index.html")
    view.get_by_role("searchbox").or_(view.locator("input.sidebar-search")).first.fill("perplexity")
    view.keyboard.press("Enter")
    results = view.locator("#search-results li")
    results.filter(has_text="Made for tests").wait_for()
    entry = results.filter(has_text="Glossary").first
    entry.locator("p.context").wait_for()
    assert "exponential" in entry.text_content()
    entry.locator("a").click()
    view.wait_for_url("**/glossary.html*")


def test_formulas_are_set(reader):
    view = reader("lessons/02_simple_regression.html")
    view.wait_for_function("window.MathJax?.startup?.promise")
    view.evaluate("MathJax.startup.promise")
    assert view.locator("mjx-container svg").count() > 10
    assert view.locator("mjx-merror, [data-mjx-error]").count() == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_figures_stay_white_and_fit(reader, scheme):
    view = reader("lessons/05_lenet_regularization.html", PHONE, scheme)
    picture = view.locator("article figure img").first
    picture.wait_for()
    assert picture.evaluate("image => getComputedStyle(image).backgroundColor") == "rgb(255, 255, 255)"
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0 && image.width <= innerWidth")
    ground = view.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) > 3 * 128
    assert light == (scheme == "light")


def test_what_scrolls_can_be_reached_by_the_keyboard(reader):
    view = reader(f"lessons/{MADE}.html", PHONE)
    view.wait_for_function("document.querySelector('.wide[tabindex]')")
    assert view.locator(".wide").filter(has_text="column1").evaluate("box => box.scrollWidth > box.clientWidth")


def test_on_a_phone_cells_keep_words_in_a_line_and_the_icons_their_places(reader):
    view = reader(f"lessons/{MADE}.html", PHONE)
    view.evaluate(
        """document.querySelector('.wide tbody').insertAdjacentHTML('beforeend',
           '<tr><td id="order">shuffle, batch</td>' + '<td>a few more words</td>'.repeat(6) + '</tr>')"""
    )
    cell = view.locator("#order")
    assert cell.evaluate("cell => cell.clientHeight < 2 * parseFloat(getComputedStyle(cell).lineHeight)")
    icons = [view.locator(f".header-right {name}").bounding_box() for name in (".theme-toggle", ".toc-overlay-icon")]
    assert icons[0]["x"] + icons[0]["width"] + 8 <= icons[1]["x"]


def test_the_list_of_lessons_opens_where_the_reader_is(reader):
    view = reader("glossary.html", (DESK[0], 300))  # the last page of the list
    view.wait_for_load_state("load")
    view.wait_for_function(
        """() => document.querySelector('.sidebar-tree .current-page').getBoundingClientRect().bottom
                 <= document.querySelector('.sidebar-scroll').getBoundingClientRect().bottom"""
    )


def test_an_animation_can_be_stopped_and_waits_for_who_wants_no_motion(reader):
    view = reader(f"lessons/{MADE}.html")
    view.get_by_role("button", name="Stop the animation").click()
    assert view.locator("figure img").get_attribute("src").endswith("still.png")
    view.get_by_role("button", name="Play the animation").click()
    assert view.locator("figure img").get_attribute("src").endswith(".gif")
    still = reader(f"lessons/{MADE}.html", reduced_motion="reduce")
    still.get_by_role("button", name="Play the animation").wait_for()


def test_a_solution_opens(reader):
    view = reader("lessons/05_lenet_regularization.html")
    solution = view.get_by_text("np.where(keep")
    assert not solution.first.is_visible()
    view.get_by_text("Show a solution of exercise 05.1").click()
    assert solution.first.is_visible()
