"""How the four languages of the caption world write a noun phrase, a verb and a place, and how captions are drawn."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from utils.samples import lexicon
from utils.samples.picking import Picker


class NounPhrase(NamedTuple):
    """Determiner, adjective (or none) and noun, each by its key."""

    determiner: str
    adjective: str
    noun: str


class Place(NamedTuple):
    """A preposition and what it stands before."""

    preposition: str
    at: NounPhrase


@dataclass(frozen=True)
class Entry:
    """A line of the lexicon: the classes it belongs to or fits, and its forms in each language."""

    kinds: frozenset[str]
    takes: frozenset[str]
    en: tuple[str, ...]
    de: tuple[str, ...]
    fr: tuple[str, ...]
    pt: tuple[str, ...]


def _fields(table: str) -> list[list[str]]:
    """The lines of a table, cut at the bars."""
    return [[field.strip() for field in line.split("|")] for line in table.strip().splitlines()]


def _forms(field: str) -> tuple[str, ...]:
    """The forms in one field; a plus stands for a space."""
    return tuple(form.replace("+", " ") for form in field.split())


NOUNS = {
    key: Entry(frozenset(kinds.split()), frozenset(), *map(_forms, forms))
    for key, kinds, *forms in _fields(lexicon.NOUNS)
}
ADJECTIVES = {
    key: Entry(frozenset(kinds.split()), frozenset(), (key,), *map(_forms, forms))
    for key, kinds, *forms in _fields(lexicon.ADJECTIVES)
}
VERBS = {
    key: Entry(frozenset(kinds.split()), frozenset(takes.split()), *map(_forms, forms))
    for key, kinds, takes, *forms in _fields(lexicon.VERBS)
}
PREPOSITIONS = {key: (en, de, fr, pt) for key, en, de, fr, pt, _ in _fields(lexicon.PLACES)}
PLACES = [(key, noun) for key, *_, nouns in _fields(lexicon.PLACES) for noun in nouns.split()]
DOERS = ("person", "animal")
LANGUAGE = {"en": 0, "de": 1, "fr": 2, "pt": 3}


def number(phrase: NounPhrase) -> str:
    """s or p."""
    return lexicon.DETERMINERS[phrase.determiner][0]


@functools.cache
def noun_phrase(phrase: NounPhrase, language: str, case: int) -> str:
    """Article, adjective and noun in agreement; case (0 nominative, 1 accusative, 2 dative) shows in German only."""
    if language == "de":
        return _german(phrase, case)
    plural = number(phrase) == "p"
    noun = NOUNS[phrase.noun]
    if language == "en":
        words = [w for w in (lexicon.DETERMINERS[phrase.determiner][1], phrase.adjective, noun.en[plural]) if w]
        if words[0] == "a" and words[1][0] in "aeiou":
            words[0] = "an"
        return " ".join(words)
    gender, *forms = noun.fr if language == "fr" else noun.pt
    article = lexicon.DETERMINERS[phrase.determiner][2 if language == "fr" else 3].split()[gender == "f"]
    words = [forms[plural]]
    if phrase.adjective:
        row = ADJECTIVES[phrase.adjective].fr if language == "fr" else ("after", *ADJECTIVES[phrase.adjective].pt)
        adjective = row[1 + 2 * plural + (gender == "f")]
        if adjective == "vieux" and not plural and words[0].startswith(lexicon.VOWELS):
            adjective = "vieil"
        words = [adjective, *words] if row[0] == "before" else [*words, adjective]
    if language == "fr" and article in ("le", "la") and words[0].startswith(lexicon.VOWELS):
        return "l'" + " ".join(words)
    return " ".join([article, *words])


def _german(phrase: NounPhrase, case: int) -> str:
    """Article, adjective ending and noun follow case, gender and number."""
    plural = number(phrase) == "p"
    gender, *forms = NOUNS[phrase.noun].de
    noun = forms[plural or ("*" in gender and case > 0)]
    if plural and case == 2 and not noun.endswith(("n", "s")):
        noun += "n"
    articles, endings = lexicon.GERMAN_ARTICLES[phrase.determiner], lexicon.GERMAN_ENDINGS[phrase.determiner]
    if isinstance(articles, dict) and isinstance(endings, dict):
        articles, endings = articles[gender[0]], endings[gender[0]]
    words = [str(articles).split()[case], noun]
    if phrase.adjective:
        words.insert(1, ADJECTIVES[phrase.adjective].de[0] + str(endings).split()[case])
    return " ".join(words)


def adjective_forms(key: str, language: str) -> list[str]:
    """All forms of an adjective, the basic one first."""
    entry = ADJECTIVES[key]
    if language == "de":
        return [entry.de[0] + ending for ending in ("e", "er", "es", "en")]
    return list({"en": entry.en, "fr": entry.fr[1:], "pt": entry.pt}[language])


def finite(verb: str, count: str, language: str, last: bool = False) -> str:
    """The finite verb; in German its particle comes later, or in front if the verb stands last in its clause."""
    plural, entry = count == "p", VERBS[verb]
    if language == "en":
        return f"{'are' if plural else 'is'} {entry.en[0]}"
    if language == "de":
        return (particle(verb) if last else "") + entry.de[plural]
    if language == "fr":
        return entry.fr[plural]
    return f"{'estão' if plural else 'está'} {entry.pt[0]}"


def infinitive(verb: str, language: str) -> str:
    """The infinitive."""
    entry = VERBS[verb]
    return {"en": entry.en[1], "de": entry.de[2], "fr": entry.fr[2], "pt": entry.pt[1]}[language]


def particle(verb: str) -> str:
    """What a separable German verb leaves at the end of the clause."""
    return VERBS[verb].de[3].replace("-", "")


def modal(key: str, count: str, language: str) -> str:
    """The finite form of a modal verb."""
    return lexicon.MODALS[key][LANGUAGE[language]].split("|")[count == "p"]


def conjunction(key: str, language: str) -> str:
    """The word that opens a subordinate clause."""
    return lexicon.CONJUNCTIONS[key][LANGUAGE[language]]


def relative_pronoun(phrase: NounPhrase, language: str) -> str:
    """who or that; der, die or das."""
    noun = NOUNS[phrase.noun]
    if language == "en":
        return "who" if "person" in noun.kinds else "that"
    return "die" if number(phrase) == "p" else {"m": "der", "f": "die", "n": "das"}[noun.de[0][0]]


def place(where: Place, language: str) -> str:
    """Preposition and noun phrase, contracted where German and Portuguese do so."""
    words = f"{PREPOSITIONS[where.preposition][LANGUAGE[language]]} {noun_phrase(where.at, language, 2)}"
    if language == "de":
        return words.replace("in dem ", "im ").replace("an dem ", "am ")
    if language == "pt":
        for preposition, short in (("em", "n"), ("de", "d")):
            for article in ("os", "as", "o", "a"):
                words = words.replace(f"{preposition} {article} ", f"{short}{article} ")
        for article, short in (("os", "aos"), ("as", "às"), ("o", "ao"), ("a", "à")):
            words = words.replace(f"frente a {article} ", f"frente {short} ")
    return words


@functools.cache
def fitting(noun: str) -> list[str]:
    """The adjectives that go with a noun."""
    return [key for key, adjective in ADJECTIVES.items() if adjective.kinds & NOUNS[noun].kinds]


class CaptionPicker(Picker):
    """Draws the parts of captions."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self._objects = {v: [key for key, noun in NOUNS.items() if noun.kinds & e.takes] for v, e in VERBS.items()}
        self._doers = {kind: [key for key, noun in NOUNS.items() if kind in noun.kinds] for kind in DOERS}
        self._does = {kind: [key for key, verb in VERBS.items() if kind in verb.kinds] for kind in DOERS}
        self._determiners = ["a"] * 9 + ["the"] * 4 + ["two"] * 2 + ["three", "some", "some", "the_pl", "the_pl"]

    def phrase(self, noun: str, determiners: Sequence[str], adjective: float) -> NounPhrase:
        """A noun phrase around a noun, with an adjective as often as asked for."""
        fits = fitting(noun)
        return NounPhrase(self.of(determiners), self.of(fits) if fits and self.chance(adjective) else "", noun)

    def subject(self) -> NounPhrase:
        """Who does it: mostly a person."""
        return self.phrase(
            self.of(self._doers["animal" if self.chance(0.25) else "person"], 1.3), self._determiners, 0.4
        )

    def event(self, subject: NounPhrase, but: str = "") -> tuple[str, NounPhrase | None]:
        """What the subject does, and to what; something else than `but`."""
        verbs = self._does["person" if "person" in NOUNS[subject.noun].kinds else "animal"]
        verb = self.of([verb for verb in verbs if verb != but])
        things = [noun for noun in self._objects[verb] if noun != subject.noun]
        return verb, self.phrase(self.of(things), self._determiners, 0.4) if things else None

    def place(self) -> Place:
        """Where."""
        preposition, noun = PLACES[self.below(len(PLACES))]
        return Place(preposition, self.phrase(noun, ("a", "the"), 0.3))
