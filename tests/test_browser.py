"""The course in a real browser: notebooks in JupyterLab, and the slides. The book's search is in tests/test_book.py.

JupyterLab serves copies, from folders of its own, so neither the checkout nor the user's settings are touched.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from tools import release, slides
from tools.deck import prose
from tools.deck.blocks import Block, Slide
from tools.deck.measure import READY, measure
from tools.deck.page import Deck, deck_page
from tools.lesson import find, read

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = [path.stem[:2] for path in find(ROOT)]
SLOW = 240_000  # milliseconds that anything may take on a busy machine; on a quiet one it takes a few seconds
# of JupyterLab: no news, no question which kernel, and every cell in the page even when it is scrolled away
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
    "docmanager-extension/plugin": {"autosave": False},
}


@pytest.fixture
def page(browser):
    """A page that gets nothing from outside this machine, and reports what it tried."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(SLOW)
    outside = []

    def only_here(route):
        if route.request.url.startswith(("http://127.0.0.1", "http://localhost")):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context.route(lambda url: not url.startswith(("file:", "data:", "blob:")), only_here)
    yield context.new_page()
    context.close()
    assert not outside


# JupyterLab


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The student kit, with the worked notebook of lesson 02, its outputs cleared, beside the student's."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "exercises", root / "exercises")
    for name in ("lessons", "utils", "data", *release.FILES):
        (root / name).symlink_to(ROOT / name)
    kit = release.write(root, [read(path) for path in find(root)], root / "course")
    worked = nbformat.read(ROOT / "notebooks" / "02_simple_regression.ipynb", as_version=4)
    for cell in code_cells(worked):
        cell.outputs, cell.execution_count = [], None
    nbformat.write(worked, kit / "notebooks" / "worked.ipynb")
    return kit


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def lab(browser, course, tmp_path_factory):
    """JupyterLab on the course's notebooks, on samples and in profile smoke; its address."""
    home = tmp_path_factory.mktemp("jupyter")
    for name, content in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = ("config", "data", "runtime")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "COURSE"))}
    environment |= {f"JUPYTER_{name.upper()}_DIR": str(home / name) for name in folders}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "work")}
    environment |= {"IPYTHONDIR": str(home / "ipython"), "COURSE_CACHE": str(home / "cache")}
    environment |= {"COURSE_PROFILE": "smoke", "COURSE_SOURCE": "sample"}
    options = ["--no-browser", "--ServerApp.token=course", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    options += [f"--ServerApp.root_dir={course / 'notebooks'}", "--ServerApp.ip=127.0.0.1", "--allow-root"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, cwd=home, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: get(f"{address}/api/status"), server, home / "log")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_for(answer, server, log):
    """Until the server answers; its log is the reason when it does not."""
    end = time.monotonic() + SLOW / 1000
    while time.monotonic() < end and server.poll() is None:
        try:
            return answer()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def get(address, method="GET"):
    """What JupyterLab's interface says, with its token."""
    request = urllib.request.Request(address, headers={"Authorization": "token course"}, method=method)
    with urllib.request.urlopen(request, timeout=SLOW / 1000) as answer:
        return json.loads(answer.read() or "null")


def opened(page, lab, name):
    """The notebook in JupyterLab, its kernel ready and no other running."""
    for session in get(f"{lab}/api/sessions"):
        get(f"{lab}/api/sessions/{session['id']}", "DELETE")
    page.goto(f"{lab}/lab/tree/{name}?token=course&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    end = time.monotonic() + SLOW / 1000
    while not any(s["path"] == name and s["kernel"]["execution_state"] == "idle" for s in get(f"{lab}/api/sessions")):
        assert time.monotonic() < end, "the kernel does not start"
        page.wait_for_timeout(200)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
    return page.locator(".jp-Notebook")


def run(page, name):
    """What the menu Run calls so."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=name, exact=True).click()


def all_run(page, count):
    """Wait until `count` code cells have run, or one of them has failed."""
    page.wait_for_function(
        """(count) => {
            const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map((e) => e.innerText);
            const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
            return failed || prompts.filter((text) => /\\[\\d+\\]/.test(text)).length >= count;
        }""",
        arg=count,
    )


def test_run_all_of_a_lesson_ends_without_an_error_and_shows_its_figures(page, lab):
    code = code_cells(nbformat.read(ROOT / "notebooks" / "02_simple_regression.ipynb", as_version=4))
    figures = sum("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
    notebook = opened(page, lab, "worked.ipynb")
    run(page, "Run All Cells")
    all_run(page, len(code))
    assert notebook.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts() == []
    shown = notebook.locator(".jp-OutputArea-output img")
    assert shown.count() == figures
    for image in shown.all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300


def test_a_check_is_red_with_a_hint_and_green_with_the_solution(page, lab):
    lesson = read(find(ROOT, ["02"])[0])
    exercise = lesson.exercises[0]
    solution = lesson.cells[exercise.cell].source
    wrong = solution.replace("np.mean", "np.sum")
    assert wrong != solution
    notebook = opened(page, lab, f"{lesson.slug}.ipynb")
    written = notebook.locator(".jp-CodeCell").filter(has_text=f"Exercise {exercise.number}").locator(".cm-content")
    written.click()
    run(page, "Run All Above Selected Cell")
    check = notebook.locator(".jp-CodeCell").filter(has_text=f'checks.run("02.{exercise.name}"')
    for text, sign, said in ((wrong, "✗", "You summed over the points"), (solution, "✓", "right")):
        cell = notebook.locator(".jp-CodeCell").filter(has_text=f"def {exercise.name}(").locator(".cm-content")
        cell.click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(text)
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        line = check.locator(".jp-OutputArea-output").filter(has_text=sign)
        line.wait_for()
        assert said in line.inner_text()


def test_every_student_notebook_opens_in_jupyterlab(lab, course):
    for path in sorted((course / "notebooks").glob("*.ipynb")):
        answer = get(f"{lab}/api/contents/{path.name}?content=1")
        assert answer["type"] == "notebook", path.name
        assert answer.get("message") is None, f"{path.name} is no valid notebook: {answer.get('message')}"
        assert answer["content"]["cells"], path.name


# Slides


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """All decks, in a folder of their own."""
    root = tmp_path_factory.mktemp("slides")
    for name in ("lessons", "exercises", "notebooks"):
        (root / name).symlink_to(ROOT / name)
    assert slides.main(argparse.Namespace(lessons=[], root=root, handout=False, check=False)) == 0
    return root / "build" / "slides"


@pytest.fixture
def deck(request, decks):
    """The deck of one lesson."""
    paths = list(decks.glob(f"{request.param}_*.html"))
    return paths[0] if paths else pytest.skip(f"lesson {request.param} has no notebook yet")


@pytest.mark.parametrize("deck", NUMBERS, indirect=True)
def test_slides_page_through_to_the_end_and_none_overflows(page, deck):
    found = measure(page, deck)
    assert len(found) == page.evaluate("Reveal.getTotalSlides()")
    assert {slide.where: slide.problems for slide in found if slide.problems} == {}


def test_what_does_not_fit_or_cannot_be_read_is_told(page, decks):
    wide = f"<div class='wide'><table><tbody><tr>{'<td>unbreakable_word</td>' * 12}</tr></tbody></table></div>"
    long = "<p>Too many words. </p>" * 30
    wrong = prose.whole("A formula: $\\frac{1$")
    made = [Slide(name, blocks=[Block("prose", html, 100)]) for name, html in (("wide", wide), ("long", long))]
    made += [
        Slide("wrong", blocks=[Block("prose", wrong, 100)]),
        Slide("right", blocks=[Block("prose", "<p>x</p>", 9)]),
    ]
    course = {"number": "99", "title": "Too much", "slug": "99_too_much"}
    path = decks / "99_too_much.html"
    path.write_text(deck_page(Deck({"metadata": {"course": course}}, slides=made)), encoding="utf-8")
    problems = {slide.title: " ".join(slide.problems) for slide in measure(page, path)}
    assert "overflows" in problems["wide"]
    assert "overflows" in problems["long"]
    assert "formula" in problems["wrong"]
    assert problems["right"] == ""


@pytest.mark.parametrize("deck", NUMBERS, indirect=True)
def test_a_phone_shows_a_deck_as_a_page_that_scrolls_one_way(page, deck):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(deck.as_uri())
    page.wait_for_function(READY)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.scrollHeight") > 5000
    hidden = "[...document.querySelectorAll('.canvas')].filter((e) => !e.checkVisibility()).length"
    assert page.evaluate(hidden) == 0


@pytest.mark.parametrize("deck", ["02"], indirect=True)
def test_arrows_lead_through_every_slide(page, deck):
    page.goto(deck.as_uri())
    page.wait_for_function(READY)
    for place in range(1, 12):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("Reveal.getSlidePastCount()") == place
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("Reveal.getSlidePastCount()") == 10


@pytest.mark.parametrize("deck", ["02"], indirect=True)
def test_the_speaker_sees_the_notes_of_the_slide_on_the_screen(page, deck):
    page.goto(deck.as_uri())
    page.wait_for_function(READY)
    page.evaluate(
        "() => { const s = document.querySelector('.slides img').closest('section');"
        " Reveal.slide(Reveal.getIndices(s).h, Reveal.getIndices(s).v); }"
    )
    with page.expect_popup() as opening:
        page.keyboard.press("s")
    notes = opening.value.locator(".speaker-controls-notes .value")
    notes.get_by_text(page.locator("section.present img").last.get_attribute("alt")).wait_for()


@pytest.mark.parametrize("deck", ["02"], indirect=True)
def test_a_deck_prints_a_page_for_each_slide(page, deck):
    page.goto(deck.as_uri() + "?print-pdf")
    page.wait_for_function(READY)
    page.wait_for_selector(".pdf-page")
    slides = page.locator(".canvas").count()
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == slides > 40
