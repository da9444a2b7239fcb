"""Slides: what a cell puts on them, how they are composed, and that they need no network. No browser here."""

import argparse
import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools import slides
from tools.deck import blocks, code, outputs, prose
from tools.deck.cells import items
from tools.deck.compose import pages
from tools.deck.compose import slides as compose
from tools.lesson import default_slide

ROOT = Path(__file__).resolve().parents[1]
PIXEL = base64.b64encode(b"a picture").decode()
FIGURE = {
    "output_type": "display_data",
    "data": {
        "image/png": PIXEL,
        "text/plain": "[Figure]",
        "application/vnd.course.figure+json": {"caption": "Loss falls.", "alt": "A falling line."},
    },
}
CAPTION = {"output_type": "display_data", "data": {"text/markdown": "*Loss falls.*", "text/plain": "Loss falls."}}
TABLE = "<table class='course-table'><thead><tr><th>a</th></tr></thead><tbody>{}</tbody></table>"


def cell(kind, source, tags=(), slide=None, found=()):
    slide = slide or default_slide(kind, source, tags)
    made = {"cell_type": kind, "source": source, "metadata": {"tags": list(tags), "slideshow": {"slide_type": slide}}}
    return made | ({"outputs": list(found)} if kind == "code" else {})


def md(source, *tags, slide=None):
    return cell("markdown", source, tags, slide)


def py(source, *tags, slide=None, found=()):
    return cell("code", source, tags, slide, found)


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def html(text):
    return {"output_type": "display_data", "data": {"text/html": text, "text/plain": "…"}}


def deck(*cells, handout=False):
    return compose(items([md("# A lesson\n\nA promise."), *cells], "05", handout))


def shown(*cells, handout=False):
    return "".join(block.html for slide in deck(*cells, handout=handout) for block in slide.blocks)


def plain(text):
    return re.sub(r"<[^>]*>", "", text)


# what is shown


def test_title_objectives_and_sections_each_begin_a_slide():
    made = deck(
        md("**You will**\n\n- see;\n- do."), md("## One\n\nFirst."), md("### Detail\n\nMore."), md("## Two\n\nEnd.")
    )
    assert [(slide.title, slide.section, slide.opens) for slide in made] == [
        ("A lesson", "", True),
        ("You will", "A lesson", False),
        ("One", "", True),
        ("Detail", "One", False),
        ("Two", "", True),
    ]
    assert made[0].kind == "title"


def test_a_heading_inside_a_cell_begins_a_slide_too():
    assert [slide.title for slide in deck(md("## One\n\nFirst.\n\n### Detail\n\nMore."))] == [
        "A lesson",
        "One",
        "Detail",
    ]


def test_setup_parameters_with_their_prose_and_checks_stay_off():
    text = shown(
        py("import numpy", "setup"),
        md("## Parameters\n\nAll constants."),
        py("LIMIT = 1", "parameters"),
        md("## Go\n\nNow."),
        py("checks.run('05.f', f)", "check"),
    )
    assert not re.search("import|constants|LIMIT|checks", text)
    assert "Now." in text


def test_code_is_shown_with_what_it_prints():
    (slide,) = deck(md("## Go"), py("print(1 + 1)", found=[stream("2\n")]))[1:]
    assert [block.kind for block in slide.blocks] == ["code", "text"]
    assert "print" in slide.blocks[0].html
    assert ">2<" in slide.blocks[1].html


def test_a_figure_stands_without_the_code_that_draws_it():
    source = (
        "def mean(x):\n    return sum(x)\n\nfig, ax = plots.axes()\nplots.show(fig, 'Loss falls.', 'A falling line.')"
    )
    made = deck(md("## Go"), py(source, found=[FIGURE, CAPTION]))
    text = "".join(block.html for slide in made for block in slide.blocks)
    assert "mean" in text, "functions that it defines are shown all the same"
    assert "plots" not in text
    assert 'alt="A falling line."' in text
    assert text.count("Loss falls.") == 1, "the caption is not repeated"


def test_a_lesson_can_leave_the_code_of_a_slide_of_its_own_off():
    call = py("dashboard('B', 'The gradient vanishes.')", "hide-input", slide="subslide", found=[FIGURE])
    assert "dashboard" not in shown(md("## Go"), call)
    assert "Loss falls." in shown(md("## Go"), call)


def png(width, height):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\2\0\0\0"
    return {**FIGURE, "data": {**FIGURE["data"], "image/png": base64.b64encode(head).decode()}}


def test_a_tall_figure_keeps_the_slide_for_itself_but_for_a_line():
    lead = "Two sentences introduce it. " * 6
    for height, alone in ((500, False), (950, True)):
        made = deck(md("## Go"), md(lead), py("plots.show(fig)", found=[png(1000, height)]), md("## On"))
        slide = next(slide for slide in made if slide.blocks and slide.blocks[-1].kind == "figure")
        assert ([block.kind for block in slide.blocks] == ["figure"]) is alone
    (slide,) = deck(md("## Go"), py("plots.show(fig)", found=[png(1000, 950), stream("3 of 4\n")]))[1:]
    assert [block.kind for block in slide.blocks] == ["figure", "text"]


def test_a_cell_that_only_defines_how_to_draw_stays_off():
    assert "draw" not in shown(md("## Go\n\nText."), py("def draw(ax, x):\n    ax.plot(x)", "helper"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("history = model.fit(x, y, verbose=0)", []),
        ("trained = resume.pieces('a', runs, train, settings)", [stream("\r 10 %|# | a\r               \n")]),
        ("model.fit(x, y)", [stream("Epoch 1/2\n1/2 ━━━━━ 1s\r2/2 ━━━━━ 2s loss: 1\n")]),
        ("results = [run(seed) for seed in range(9)]", [stream("\rwait\r    ")]),
        ("history = model.fit(x, y)", [stream("/lib/x.py:1: UserWarning: slow\n", "stderr")]),
    ],
)
def test_a_cell_that_only_trains_stays_off(source, said):
    assert plain(shown(md("## Go\n\nText."), py(source, found=said))).split("\n") == ["A promise.", "Text.", ""]


def test_a_training_that_says_something_in_the_end_is_shown():
    text = plain(shown(md("## Go"), py("model.fit(x, y)\nprint(score)", found=[stream("1/2 ━━━ 1s\naccuracy 0.9\n")])))
    assert "accuracy 0.9" in text
    assert "━" not in text


def test_of_the_log_of_a_training_the_last_line_is_shown_and_a_cell_that_only_logs_stays_off():
    log = [stream("".join(f"epoch {i}: loss {i}\n" for i in range(1, 9)))]
    assert "fit" not in shown(md("## Go"), py("errors = fit(model, 8)", found=log))
    text = plain(shown(md("## Go"), py("def f():\n    pass\n\nerrors = fit(model, 8)", found=log)))
    assert "epoch 8: loss 8" in text
    assert "epoch 7" not in text


def test_the_lesson_decides_with_an_explicit_slide_type():
    drawing = "plots.show(fig, 'Loss falls.', 'A falling line.')"
    assert "plots" in shown(md("## Go"), py(drawing, slide="subslide", found=[FIGURE]))
    assert "kept" not in shown(md("## Go"), md("kept off", slide="skip"))
    made = deck(md("## Go\n\nFirst."), md("Second.", slide="fragment"))
    assert [block.fragment for block in made[-1].blocks] == [False, True]
    assert len(deck(md("## Go\n\nFirst."), md("Second."), py("x = 1"))) == 3
    assert len(deck(md("## Go\n\nFirst."), md("Second."), py("x = 1", slide="subslide"))) == 4


def test_an_exercise_appears_as_met_and_then_solved():
    source = 'def f(x):\n    """Twice."""\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION'
    cells = [
        md("## Go\n\n### Exercise 05.1 · Twice\n\nDouble it."),
        py(source, "exercise"),
        md("So much for that."),
        py("f(1)"),
    ]
    task, solution, after = deck(*cells)[1:]
    assert (task.title, task.badge, solution.badge) == ("Exercise 05.1 · Twice", "Exercise 05.1", "Solution 05.1")
    assert [block.kind for block in task.blocks] == ["prose", "code"]
    assert "2 * x" not in plain(task.blocks[1].html)
    assert "your part" in plain(task.blocks[1].html)
    marked = re.findall(r'class="line solution">(.*?)\n</span>', solution.blocks[0].html)
    assert [plain(line).strip() for line in marked] == ["return 2 * x"]
    assert "SOLUTION" not in solution.blocks[0].html
    assert after.title == "Go", "the exercise is over"


def test_a_handout_has_no_solutions_answers_and_notes():
    cells = [
        md("## Go"),
        py("def f(x):\n    ### BEGIN SOLUTION\n    return secret\n    ### END SOLUTION", "exercise"),
        md("**Question 05.a.** Why?", "question"),
        md("**Answer 05.a.** secret", "answer"),
        md("secret", "notes"),
    ]
    assert "secret" in shown(*cells)
    made = deck(*cells, handout=True)
    assert "secret" not in repr(made)
    assert "Why?" in repr(made)


def test_a_question_is_followed_by_its_answer():
    made = deck(md("## Go"), md("**Question 05.a.** Why?", "question"), md("**Answer 05.a.** So.", "answer"))[1:]
    assert [(slide.badge, plain(slide.blocks[0].html).strip()) for slide in made] == [
        ("Question 05.a", "Why?"),
        ("Answer 05.a", "So."),
    ]


def test_notes_go_to_the_slide_they_follow():
    made = deck(
        md("## One\n\nFirst."), md("Say it *slowly*.", "notes"), md("## Two\n\nEnd."), md("Wait.", slide="notes")
    )
    assert [slide.notes for slide in made] == [[], ["<p>Say it <em>slowly</em>.</p>\n"], ["<p>Wait.</p>\n"]]


def test_a_lesson_that_was_not_executed_still_has_slides():
    made = deck(md("## Go\n\nText."), py("plots.show(fig, 'a', 'b')"), py("print(1)"))
    assert [slide.title for slide in made] == ["A lesson", "Go"]


# composition


def test_a_sentence_stands_with_what_it_introduces_and_a_last_one_with_what_it_discusses():
    figure = py("plots.show(fig, 'c', 'a')", found=[FIGURE])
    made = deck(md("## Go\n\nLook."), figure, md("Now the other."), figure, md("Both fall."), md("## Next\n\nMore."))
    assert [[block.kind for block in slide.blocks] for slide in made[1:]] == [
        ["prose", "figure"],
        ["prose", "figure", "prose"],
        ["prose"],
    ]


def test_long_prose_takes_several_slides_and_a_list_may_be_torn_between_entries():
    entries = "\n".join(f"- {'many words that say little ' * 8}" for _ in range(8))
    made = deck(md(f"## Go\n\nEight things:\n\n{entries}"))[1:]
    assert len(made) > 1
    assert all(slide.height <= blocks.BODY_HEIGHT * 1.15 for slide in made)
    assert len(made[0].blocks) > 1, "the line that announces a list stays with it"


def test_pages_are_about_equally_full():
    sizes = [[block.height for block in page] for page in pages([blocks.Block("prose", "", 120)] * 6)]
    assert sizes == [[120.0] * 3, [120.0] * 3]


def test_a_recorded_result_joins_the_table_it_comes_from():
    result = html("<table><tr><td>0.9</td></tr></table>")
    result["data"]["application/vnd.course.result+json"] = {"name": "a", "value": 0.9}
    table = py("plots.table(rows, columns)", found=[html(TABLE.format("<tr><td>1</td></tr>"))])
    made = deck(md("## Go"), table, py("results.record('a', 0.9)", found=[result]))[1:]
    assert [[block.kind for block in slide.blocks] for slide in made] == [["table", "result"]]


def test_a_long_table_goes_on_with_the_same_head():
    parts = outputs.tables(TABLE.format("".join(f"<tr><td>{i}</td></tr>" for i in range(25))))
    assert [part.html.count("<thead>") for part in parts] == [1, 1, 1]
    assert [int(n) for part in parts for n in re.findall(r"<td>(\d+)", part.html)] == list(range(25))


def test_of_a_long_log_the_beginning_and_the_end_are_shown():
    text = plain(outputs.text("\n".join(f"line {i}" for i in range(100))).html)
    assert "line 0" in text
    assert "line 99" in text
    assert "line 50" not in text


# code


def test_code_is_set_in_larger_letters_when_it_is_short():
    short, long = ("\n".join(f"value_{i} = {i}" for i in range(count)) for count in (3, 20))
    sizes = [float(re.search(r"--size:([\d.]+)", code.blocks([text])[0].html)[1]) for text in (short, long)]
    assert sizes[0] > sizes[1] >= 17


def test_long_lines_are_formatted_anew_and_comments_folded():
    source = f"# {'a long comment ' * 9}\nresult = function(first_argument, second_argument, third_argument, fourth)"
    narrow = code.layouts([source])[source][0]
    assert max(map(len, narrow.split("\n"))) <= code.LINE_LENGTHS[0]
    assert re.sub(r"[\s#]+|,(?=\))", "", narrow) == re.sub(r"[\s#]+|,(?=\))", "", source)


def test_code_that_is_no_python_by_itself_stays_as_it_is():
    assert set(code.layouts(["%magic", "x=1"])["%magic"]) == {"%magic"}


def test_long_code_goes_on_on_the_next_slide_between_definitions():
    source = "\n\n".join(f"def f{i}(x):\n    y = x\n    z = y\n    return z" for i in range(8))
    parts = [plain(block.html) for block in code.blocks([source] * len(code.LINE_LENGTHS))]
    assert len(parts) == 2
    assert all(part.startswith("def") for part in parts)
    assert sum(part.count("return") for part in parts) == 8
    assert all(block.height <= blocks.BODY_HEIGHT for block in code.blocks([source] * len(code.LINE_LENGTHS)))


def test_markup_in_code_and_output_is_text():
    assert "&lt;b&gt;" in shown(md("## Go"), py("print('<b>')", found=[stream("<b>\n")]))
    assert "<b>" not in shown(md("## Go"), py("print('<b>')", found=[stream("<b>\n")]))


# prose


def test_formulas_are_left_to_mathjax_and_markdown_keeps_off_them():
    text = prose.whole("Let $a_1 * b_1 < c_2$ be small:\n\n$$x_i^* = \\frac{1}{2}$$")
    assert r'<span class="math">\(a_1 * b_1 &lt; c_2\)</span>' in text
    assert r'<div class="math display">\[x_i^* = \frac{1}{2}\]</div>' in text


def test_a_formula_keeps_its_comma_and_its_brackets():
    text = prose.whole("So ($x$), $y$ and $k$-th.")
    formulas = [rf'<span class="math">\({name}\)</span>' for name in "xyk"]
    wrapped = (
        f'<span class="glued">({formulas[0]}),</span> {formulas[1]} and <span class="glued">{formulas[2]}-th.</span>'
    )
    assert wrapped in text


def test_a_broken_line_of_code_goes_on_right_of_its_indent():
    [block] = code.blocks(['if x:\n    print("' + "long " * 30 + '")'])
    assert 'class="line" style="--indent:4ch"' in block.html
    assert block.height > 3 * 16 * 1.36


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("of 55 000 digits", "55\N{NO-BREAK SPACE}000"),
        ("1 000 000 images", "1\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000"),
        ("in 2014 100 people", "2014 100"),
        ("`[1 000]`", "1 000"),
        ("the sizes 3, 100 and 2.5 100", "2.5 100"),
    ],
)
def test_a_large_number_is_not_broken(text, kept):
    assert kept in plain(prose.inline(text))


def test_a_link_to_a_lesson_leads_to_its_slides():
    assert 'href="02_simple_regression.html"' in prose.whole("[two](02_simple_regression.ipynb)")


# the files


class Loads(HTMLParser):
    """Addresses that a page loads by itself; a link that a reader may follow is none."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "data", "srcset") and tag != "a"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The decks of the committed notebooks, in a folder of their own."""
    root = tmp_path_factory.mktemp("course")
    for name in ("lessons", "exercises", "notebooks"):
        (root / name).symlink_to(ROOT / name)
    options = {"lessons": ["02", "05"], "root": root, "check": False}
    for handout in (False, True):
        assert slides.main(argparse.Namespace(handout=handout, **options)) == 0
    return root / "build"


def test_decks_need_nothing_from_a_network(made):
    for page in [*made.glob("slides/*.html"), *made.glob("handout/*.html")]:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        for address in loads.found:
            if not address.startswith("data:"):
                assert (page.parent / address).is_file(), f"{page.name} loads {address}"
    for sheet in (made / "slides" / "assets").rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name


def test_every_figure_of_the_notebook_is_on_a_slide_with_its_alternative_text(made):
    for name in ("02_simple_regression", "05_lenet_regularization"):
        notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
        outs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
        figures = sum("application/vnd.course.figure+json" in output.get("data", {}) for output in outs)
        images = re.findall(r"<img [^>]*>", (made / "slides" / f"{name}.html").read_text(encoding="utf-8"))
        assert len(images) == figures
        assert all(re.search(r'alt="[^"]{10,}"', image) for image in images)


def test_figures_without_notes_are_described_to_the_speaker(made):
    page = (made / "slides" / "02_simple_regression.html").read_text(encoding="utf-8")
    assert page.count('<aside class="notes">') >= page.count("<figure>") > 5


def test_the_index_lists_every_lesson_that_has_a_notebook(made):
    page = (made / "slides" / "index.html").read_text(encoding="utf-8")
    for path in ROOT.glob("notebooks/*.ipynb"):
        assert f'href="{path.stem}.html"' in page


def test_no_solution_is_in_the_handout(made):
    page = (made / "handout" / "05_lenet_regularization.html").read_text(encoding="utf-8")
    assert "keep = " not in plain(page.split("Exercise 05.1")[1].split("Exercise 05.2")[0])
    assert 'class="line solution"' not in page


def test_a_deck_of_a_lesson_that_is_gone_is_removed(made, tmp_path):
    (tmp_path / "99_gone.html").write_text("old")
    (tmp_path / "index.html").write_text("new")
    slides.remove_strangers(tmp_path, ["02_simple_regression"])
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
