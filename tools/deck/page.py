"""Slides as one HTML page, and the page that lists all decks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tools.deck.blocks import Slide
from tools.deck.prose import characters

LONG_TITLE = 54  # letters
KEYS = (
    ("→ ←, space, a clicker", "next and previous slide"),
    ("S", "speaker view: notes, clock, next slide"),
    ("O", "overview: one column for each section"),
    ("F", "full screen"),
    ("Alt + click", "zoom in on a figure, again to zoom out"),
    ("Ctrl + Shift + F", "search"),
    ("B", "black screen"),
)


@dataclass
class Deck:
    """A lesson's notebook and the slides made of it."""

    notebook: Mapping[str, Any]
    remark: str = ""  # why it is not what it should be: not yet executed, stale
    slides: Sequence[Slide] = ()

    @property
    def course(self) -> Mapping[str, Any]:
        """What the notebook says of its lesson."""
        return self.notebook["metadata"]["course"]

    @property
    def slug(self) -> str:
        """The name of its file."""
        return str(self.course["slug"])


def deck_page(deck: Deck) -> str:
    """The page of one deck; needs the folder `assets` beside it, and no network."""
    course = deck.course
    columns: list[list[str]] = []
    for slide in deck.slides:
        if slide.opens or not columns:
            columns.append([])
        columns[-1].append(_title_slide(slide, deck) if slide.kind == "title" else _slide(slide, deck))
    body = "".join(f"<section>{''.join(column)}</section>\n" for column in columns)
    # MathJax has 2 MB: it is only loaded by a deck with formulas
    formulas = '<script src="assets/mathjax/tex-svg-full.js"></script>' if 'class="math' in body else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{course["number"]} {escape(course["title"])}</title>
<link rel="stylesheet" href="assets/reveal/reset.css"><link rel="stylesheet" href="assets/reveal/reveal.css">
<link rel="stylesheet" href="assets/deck.css">
<script src="assets/view.js"></script>
</head><body>
<div class="reveal"><div class="slides">
{body}</div></div>
{"".join(f'<script src="assets/reveal/{name}.js"></script>' for name in ("reveal", "notes", "zoom", "search"))}
<script src="assets/deck.js"></script>{formulas}
</body></html>
"""


def _slide(slide: Slide, deck: Deck) -> str:
    kicker = f'<p class="kicker">{slide.section}</p>' if slide.section else ""
    long = ' class="long"' if characters(slide.title + slide.badge) > LONG_TITLE else ""
    head = f"<header>{kicker}<h2{long}>{slide.title}{_badge(slide)}</h2></header>"
    body = "".join(_fragment(block.html) if block.fragment else block.html for block in slide.blocks)
    foot = f"{deck.course['number']} · {escape(deck.course['title'])}"
    return _canvas(slide, f'{head}<div class="body">{body}</div><footer>{foot}</footer>', _looks(slide))


def _badge(slide: Slide) -> str:
    """The word beside the title, as far as the title does not say it."""
    kind, _, number = slide.badge.partition(" ")
    word = slide.badge if number not in slide.title else "" if kind in slide.title else kind
    return f'<span class="badge {kind.lower()}">{word}</span>' if word else ""


def _title_slide(slide: Slide, deck: Deck) -> str:
    course, run = deck.course, deck.course.get("run", {})
    data = ", ".join(course["data"]) or "made in the lesson"
    minutes = course.get("minutes", {}).get("class")
    facts = [f"Data: {escape(data)}"] + ([f"{_minutes(minutes)} to run in class"] if minutes else [])
    if deck.remark:
        facts.append(f"<strong>{escape(deck.remark)}</strong>")
    elif run:
        versions = f"TensorFlow {run.get('tensorflow', '?')}, Keras {run.get('keras', '?')}"
        facts.append(f"executed in {_minutes(run.get('seconds', 0) / 60)} with {versions}")
    body = "".join(block.html for block in slide.blocks)
    content = f"""<div class="stripes" aria-hidden="true"></div><p class="number">{course["number"]}</p>
<h1>{slide.title}</h1><div class="body">{body}</div><p class="facts">{" · ".join(facts)}</p>"""
    return _canvas(slide, content, ["title"])


def _minutes(minutes: float) -> str:
    return "a minute" if minutes < 1.5 else f"{minutes:.0f} minutes"


def _canvas(slide: Slide, content: str, classes: Iterable[str]) -> str:
    names = [*classes, "again"] if slide.again else list(classes)
    notes = "".join(slide.notes) or _described(slide)
    aside = f'<aside class="notes">{notes}</aside>' if notes else ""
    return f'<section><div class="canvas {" ".join(names)}">{content}</div>{aside}</section>\n'


def _looks(slide: Slide) -> list[str]:
    """What the slide is mostly made of, for the style sheet."""
    kinds = {block.kind for block in slide.blocks}
    if kinds == {"prose"} and slide.height < 190:
        return ["statement"]
    return sorted(kinds)


def _described(slide: Slide) -> str:
    """Where the lesson has no notes: what the figures show, in the words of their alternative texts."""
    texts = [text for block in slide.blocks for text in re.findall(r'<img [^>]*?alt="([^"]*)"', block.html)]
    return "".join(f"<p>{text}</p>" for text in texts)


def _fragment(html: str) -> str:
    return f'<div class="fragment">{html}</div>'


def index_page(decks: Sequence[Deck]) -> str:
    """The list of all decks, and how to present them."""
    rows = "".join(_row(deck) for deck in decks)
    keys = "".join(f"<tr><th scope='row'>{key}</th><td>{text}</td></tr>" for key, text in KEYS)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides · Deep learning in twenty-two notebooks</title>
<link rel="stylesheet" href="assets/deck.css"></head><body class="index">
<div class="stripes" aria-hidden="true"></div>
<h1>Deep learning in twenty-two notebooks</h1>
<p>Slides of every lesson, made from its executed notebook. They need no network: copy this folder to a stick.</p>
<ol>{rows}</ol>
<h2>Presenting</h2>
<div class="wide"><table>{keys}</table></div>
<p><b>PDF</b> opens a deck for printing: print it from Chromium, Chrome or Edge, without margins. A phone shows a deck
as a page to scroll; <b>page</b> does that on any screen.</p>
</body></html>
"""


def _row(deck: Deck) -> str:
    course, name = deck.course, f"{deck.slug}.html"
    remark = f" · <strong>{escape(deck.remark)}</strong>" if deck.remark else ""
    return f"""<li><span class="number">{course["number"]}</span><div>
<a class="deck" href="{name}">{escape(course["title"])}</a><p>{escape(course["summary"])}</p>
<p class="facts"><a href="{name}?print-pdf">PDF</a> · <a href="{name}?view=page">page</a>{remark}</p>
</div></li>"""
