"""Markdown as headings and blocks, with formulas left to MathJax."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tools.deck.blocks import Block, prose_height

NOTEBOOK_LINK = re.compile(r'href="(?:\.\./notebooks/|\./)?(\d\d_[a-z0-9_]+)\.ipynb')
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]?\d)")
SPREAD = re.compile(r"(?<=\d) [±×] (?=\d)|(?<=\d) (?=(?:%|ms|s|[kMG]B)(?!\w))")
GLUED = re.compile(r'([(\[“‘]?)(<span class="math[^"]*">\\\([^<]*\\\)</span>)([^\s<]{0,12})')
LONG_LIST = 330  # height above which a list may be torn between its entries
Piece = Block | tuple[int, str]  # a block, or a heading's level and HTML


def pieces(source: str) -> Iterator[Piece]:
    """The top-level parts of a markdown cell in order."""
    for tokens in _top_level(markdown().parse(source)):
        if tokens[0].type == "heading_open":
            yield int(tokens[0].tag[1]), inline(tokens[1].content)
        else:
            block = Block(*_kind_and_height(tokens, _html(tokens)))
            yield from [block] if block.height < LONG_LIST else _entries(tokens, block)


def _entries(tokens: list[Token], block: Block) -> Iterator[Block]:
    """A long list as one list for each entry, so that it can go on on the next slide; other blocks as they are."""
    first, last = tokens[0], tokens[-1]
    if first.type not in ("bullet_list_open", "ordered_list_open"):
        yield block
        return
    starts = [i for i, token in enumerate(tokens) if token.type == "list_item_open" and token.level == 1]
    for number, (begin, end) in enumerate(zip(starts, [*starts[1:], len(tokens) - 1], strict=True)):
        first.attrSet("start", str(int(first.attrGet("start") or 1) + (number > 0)))
        entry = [first, *tokens[begin:end], last]
        yield Block(*_kind_and_height(entry, _html(entry)))


def inline(text: str) -> str:
    """A line of markdown, without a paragraph around it."""
    return _links(str(markdown().renderInline(text)).strip())


def whole(source: str) -> str:
    """A markdown text as HTML."""
    return _links(str(markdown().render(source)))


def unbroken(text: str) -> str:
    """The text with no line break inside a number, its spread and its unit: 55 000, 0.9 ± 0.4 %, 3 × 3, 25 ms."""
    for number in (THOUSANDS, SPREAD):
        text = number.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    return text


def glued(html: str) -> str:
    """The HTML with no line break between a formula in a line and the comma or bracket at it."""
    return GLUED.sub(lambda m: f'<span class="glued">{m[0]}</span>' if m[1] or m[3] else m[0], html)


def together(table: str) -> str:
    """The table with no line break between a value and its spread, or between the ends of an interval."""
    whole = re.sub(r" (±|–|to) (?=[-+−\d])", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", table)
    return whole.replace("–\N{NO-BREAK SPACE}", "–\N{WORD JOINER}\N{NO-BREAK SPACE}")  # lines break behind a dash


def characters(html: str) -> int:
    """About how wide a text is, in letters: tags take no room, a TeX command takes one letter's."""
    text = re.sub(r"<[^>]*>", "", html)
    return len(re.sub(r"\\[A-Za-z]+|[{}^_$\\]", "·", text)) - text.count("\\(") * 2


@cache
def markdown() -> MarkdownIt:
    """CommonMark with tables and formulas; HTML in a lesson is the author's own."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    dollarmath_plugin(parser, double_inline=True)
    amsmath_plugin(parser)
    parser.core.ruler.push("unbroken_numbers", _unbroken_numbers)
    for rule in ("math_inline", "math_inline_double", "math_block", "math_block_label", "amsmath"):
        parser.add_render_rule(rule, _math)
    return parser


def _unbroken_numbers(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "text":
                child.content = unbroken(child.content)


def _math(renderer: object, tokens: list[Token], index: int, *_: object) -> str:
    token = tokens[index]
    if token.type == "math_inline":
        return f'<span class="math">\\({escape(token.content.strip(), quote=False)}\\)</span>'
    tag = "span" if token.type == "math_inline_double" else "div"
    return f'<{tag} class="math display">\\[{escape(token.content.strip(), quote=False)}\\]</{tag}>'


def _top_level(tokens: list[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        part.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield part
            part = []


def _html(tokens: list[Token]) -> str:
    parser = markdown()
    html = _links(str(parser.renderer.render(tokens, parser.options, {})))
    return f'<div class="wide">{html}</div>' if tokens[0].type == "table_open" else html


def _links(html: str) -> str:
    """Links to another lesson's notebook lead to its slides; formulas keep their commas."""
    return glued(NOTEBOOK_LINK.sub(r'href="\1.html', html))


def _kind_and_height(tokens: list[Token], html: str) -> tuple[str, str, float]:
    first = tokens[0].type
    if first == "table_open":
        return "table", html, 20 + 46.0 * sum(token.type == "tr_open" for token in tokens)
    if "math" in first or 'class="math display"' in html:
        formulas = [token.content for token in tokens if "math" in token.type]
        formulas += [child.content for token in tokens for child in token.children or () if "double" in child.type]
        rows = sum(formula.count(r"\\") + 1 for formula in formulas)
        words = characters(re.sub(r'<(\w+) class="math display">.*?</\1>', "", html, flags=re.S))
        return "math", html, 75 * rows + (prose_height(words) if words > 3 else 14)
    if first == "fence":
        return "code", html, 30 + 28.0 * (tokens[0].content.count("\n") + 1)
    texts = [token.content for token in tokens if token.type == "inline"]
    items = [prose_height(characters(inline(text)) + 2) for text in texts]
    return "prose", html, sum(items) or 10.0
