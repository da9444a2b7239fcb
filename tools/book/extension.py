"""The book's own part of Sphinx: words lead to the glossary and back, "lesson 05" leads to its page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

from tools.deck.prose import unbroken

GLOSSARY = "glossary"
LESSON = re.compile(r"lessons/((\d\d)_\w+)")
NUMBER = r"(?:0[1-9]|[12]\d|[1-9])(?!\d)(?!\s?[%.]\d)"
MENTION = re.compile(rf"\b[Ll]essons?\s+{NUMBER}(?:(?:,| and|, and| or| to|–|-)\s?{NUMBER})*")
CLOSED = (  # no link into these, nor into headings
    nodes.literal,
    nodes.FixedTextElement,
    nodes.math,
    nodes.reference,
    nodes.raw,
    nodes.title,
    nodes.term,
    addnodes.pending_xref,
)
SPELLINGS = (r"(?<![\w-])", r"(?:s|es)?(?![\w-])")  # a whole word, or its plural


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls with the application."""
    app.add_transform(Links)
    app.connect("env-purge-doc", purge)
    app.connect("doctree-resolved", add_lessons)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}


def read_terms(text: str) -> dict[str, str]:
    """Every term and synonym of the glossary in lower case, and the term that its entry begins with."""
    terms: dict[str, str] = {}
    first = ""
    for line in text.split("```{glossary}")[-1].split("```")[0].splitlines():
        if not line.strip() or line.startswith(" "):
            first = ""
        else:
            first = first or line.strip()
            terms[line.strip().lower()] = first
    return terms


class Links(SphinxTransform):
    """The first mention of each term on a page of the lessons, and every mention of a lesson, become links."""

    default_priority = 500

    def apply(self, **options: Any) -> None:
        """Look through all plain text of the page."""
        page = self.env.docname
        self.lessons = {found[2]: found[1] for name in self.env.found_docs if (found := LESSON.fullmatch(name))}
        terms = read_terms(_glossary(self.env)) if LESSON.fullmatch(page) else {}
        names = sorted(map(re.escape, terms), key=len, reverse=True)
        pattern = f"(?:{'|'.join(names)})".join(SPELLINGS) if names else r"(?!)"
        self.pattern = re.compile(rf"(?P<mention>{MENTION.pattern})|(?P<term>{pattern})", re.IGNORECASE)
        self.terms, self.seen = terms, set[str]()
        for text in list(self.document.findall(nodes.Text)):
            if not _inside(text, CLOSED) and not _quoted(text):
                parts = list(self.parts(unbroken(text.astext())))
                if parts != [text]:
                    text.parent.replace(text, parts)
        used_terms(self.env)[page] = self.seen

    def parts(self, text: str) -> Iterator[nodes.Node]:
        """The text with links in it."""
        end = 0
        for found in self.pattern.finditer(text):
            links = self.mention(found[0]) if found["mention"] else self.term(found[0])
            if links:
                yield nodes.Text(text[end : found.start()])
                yield from links
                end = found.end()
        if text[end:]:
            yield nodes.Text(text[end:])

    def mention(self, text: str) -> list[nodes.Node]:
        """ "lessons 02 and 05" with links to those that are in the book."""
        own = self.env.docname
        parts: list[nodes.Node] = []
        for piece in re.split(r"(\d+)", text):
            slug = self.lessons.get(piece.zfill(2), "")
            link = f"/lessons/{slug}"
            parts.append(self.link("doc", link, piece) if slug and link != f"/{own}" else nodes.Text(piece))
        return parts if any(not isinstance(part, nodes.Text) for part in parts) else []

    def term(self, text: str) -> list[nodes.Node]:
        """A link to the glossary where the page mentions the term first."""
        word = text.lower()
        name = next((self.terms[form] for form in (word, word[:-1], word[:-2]) if form in self.terms), "")
        if not name or name in self.seen:
            return []
        self.seen.add(name)
        return [self.link("term", name, text)]

    def link(self, kind: str, target: str, text: str) -> addnodes.pending_xref:
        """A link that Sphinx resolves, and warns of if it cannot."""
        attributes: dict[str, Any] = {"refdomain": "std", "reftype": kind, "reftarget": target, "refexplicit": True}
        inner = nodes.inline("", text, classes=["std", f"std-{kind}"])
        return addnodes.pending_xref("", inner, **attributes, refwarn=True, refdoc=self.env.docname)


def add_lessons(app: Sphinx, page: nodes.document, name: str) -> None:
    """At the end of each entry of the glossary, the lessons that use it."""
    if name != GLOSSARY:
        return
    for entry in page.findall(nodes.definition_list_item):
        term = next(entry.findall(nodes.term)).astext()
        users = sorted(doc for doc, terms in used_terms(app.env).items() if term in terms)
        if users:
            line = nodes.paragraph("", "Lessons " if len(users) > 1 else "Lesson ", classes=["used-in"])
            for i, user in enumerate(users):
                number = LESSON.fullmatch(user)
                assert app.builder
                uri = app.builder.get_relative_uri(name, user)
                line += [nodes.Text(", ")] * bool(i)
                line += nodes.reference("", number[2] if number else user, refuri=uri, internal=True)
            next(entry.findall(nodes.definition)).append(line)


def used_terms(env: BuildEnvironment) -> dict[str, set[str]]:
    """The terms that each page uses; Sphinx keeps it with the environment."""
    if not hasattr(env, "course_terms"):
        env.course_terms = {}  # type: ignore[attr-defined]
    found: dict[str, set[str]] = env.course_terms  # type: ignore[attr-defined]
    return found


def purge(_app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """Forget a page that is read anew."""
    used_terms(env).pop(page, None)


def _glossary(env: BuildEnvironment) -> str:
    return Path(env.doc2path(GLOSSARY)).read_text(encoding="utf-8")


def _quoted(node: nodes.Node) -> bool:
    """Whether a text stands under the heading References: the titles of other people's work."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, nodes.section) and parent.next_node(nodes.title).astext() == "References":
            return True
        parent = parent.parent
    return False


def _inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False
