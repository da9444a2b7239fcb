"""Image captions in four languages from one synchronous grammar: the right translation is known.

A `Caption` says who does what where; each language writes it in its own way. German puts the finite verb second, its
particle or infinitive last, the verb of a subordinate clause last, and makes article and adjective agree in case,
gender and number; French and Portuguese put most adjectives after the noun. `translate` reads a sentence of the world
back into its caption and writes that again.
"""

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from utils.samples import inflection
from utils.samples.inflection import NounPhrase, Place

LANGUAGES = ("en", "de", "fr", "pt")
SIZES = {"train": 4000, "val": 300, "test_2016_flickr": 300, "test_2017_flickr": 250, "test_2017_mscoco": 200}
TED_SIZES = {"train": 4000, "validation": 300, "test": 300}
KINDS = {"main": 0.34, "front": 0.18, "modal": 0.16, "relative": 0.16, "subordinate": 0.16}
ORDERS = {  # of the parts (see `FIELDS`; X particle, R relative pronoun); the others are words
    "en": {
        "main": "S V O P",
        "front": "P , S V O",
        "modal": "S M I O P",
        "relative": "S R W Q V O P",
        "subordinate": "S V O P C T U N",
    },
    "de": {
        "main": "S V P O X",
        "front": "P V S O X",
        "modal": "S M P O I",
        "relative": "S , R Q W , V P O X",
        "subordinate": "S V P O X , C T N U",
    },
    "fr": {
        "main": "S V O P",
        "front": "P , S V O",
        "modal": "S M I O P",
        "relative": "S qui W Q V O P",
        "subordinate": "S V O P C T U N",
    },
}
ORDERS["pt"] = {kind: order.replace("qui", "que") for kind, order in ORDERS["fr"].items()}
FIELDS = {  # the parts that say something, by what they say of the caption
    **{"S": "subject", "V": "verb", "I": "verb", "O": "object", "P": "place", "M": "modal", "C": "conjunction"},
    **{"W": "relative_verb", "Q": "relative_object"},
    **{"T": "second_subject", "U": "second_verb", "N": "second_object"},
}


class Caption(NamedTuple):
    """What a sentence says; parts that it does not have are None."""

    kind: str
    subject: NounPhrase
    verb: str
    object: NounPhrase | None = None
    place: Place | None = None
    modal: str | None = None
    relative_verb: str | None = None
    relative_object: NounPhrase | None = None
    conjunction: str | None = None
    second_subject: NounPhrase | None = None
    second_verb: str | None = None
    second_object: NounPhrase | None = None


def draw(seed: int = 0) -> dict[str, dict[str, list[str]]]:
    """Aligned sentences in en, de and fr under the names of the Multi30k splits; no sentence stands in two splits."""
    return _draw(seed, SIZES, ("en", "de", "fr"))


def draw_ted(seed: int = 0) -> dict[str, dict[str, list[str]]]:
    """Aligned sentences in pt and en under the names of the splits of the TED talks."""
    return _draw(seed + 1_000_003, TED_SIZES, ("pt", "en"))


def translate(sentence: str, source: str = "de", target: str = "en") -> str:
    """The right translation of a sentence of this world; ValueError if the sentence is not one."""
    return write(read(sentence, source), target)


def _draw(seed: int, sizes: dict[str, int], languages: tuple[str, ...]) -> dict[str, dict[str, list[str]]]:
    """Captions without repetition, written in each language."""
    captions = _captions(np.random.default_rng([seed, 14]))
    unique: dict[str, Caption] = {}
    while len(unique) < sum(sizes.values()):
        caption = next(captions)
        unique[write(caption, "en")] = caption
    rest = iter(unique.values())
    splits = {}
    for split, size in sizes.items():
        chosen = [next(rest) for _ in range(size)]
        splits[split] = {language: [write(caption, language) for caption in chosen] for language in languages}
    return splits


def _captions(rng: np.random.Generator) -> Iterator[Caption]:
    """An endless stream of captions."""
    kinds, shares = list(KINDS), np.array(list(KINDS.values()))
    pick = inflection.CaptionPicker(rng)
    while True:
        for number in rng.choice(len(kinds), size=512, p=shares):
            kind, subject = kinds[number], pick.subject()
            caption = Caption(kind, subject, *pick.event(subject))
            if kind == "front" or pick.chance(0.5 if kind in ("main", "modal") else 0.2):
                caption = caption._replace(place=pick.place())
            if kind == "modal":
                caption = caption._replace(modal=pick.of(list(inflection.lexicon.MODALS)))
            elif kind == "relative":
                verb, thing = pick.event(subject, but=caption.verb)
                caption = caption._replace(relative_verb=verb, relative_object=thing)
            elif kind == "subordinate":
                second = pick.subject()
                verb, thing = pick.event(second, but=caption.verb)
                conjunction = pick.of(list(inflection.lexicon.CONJUNCTIONS))
                caption = caption._replace(
                    conjunction=conjunction, second_subject=second, second_verb=verb, second_object=thing
                )
            yield caption


def write(caption: Caption, language: str) -> str:
    """The sentence for a caption."""
    words = [_part(caption, name, language) for name in ORDERS[language][caption.kind].split()]
    sentence = " ".join(word for word in words if word).replace(" ,", ",")
    if language == "fr":
        sentence = re.sub(r"\bque (?=[aeiouhé])", "qu'", sentence)
    return sentence[0].upper() + sentence[1:] + "."


def _part(c: Caption, name: str, language: str) -> str:
    """One part of a sentence; empty if the caption does not have it."""
    number = inflection.number(c.subject)
    match name:
        case "S":
            return inflection.noun_phrase(c.subject, language, 0)
        case "V":
            return inflection.finite(c.verb, number, language)
        case "X":
            return inflection.particle(c.verb)
        case "O":
            return inflection.noun_phrase(c.object, language, 1) if c.object else ""
        case "P":
            return inflection.place(c.place, language) if c.place else ""
        case "M":
            return inflection.modal(c.modal or "", number, language)
        case "I":
            return inflection.infinitive(c.verb, language)
        case "R":
            return inflection.relative_pronoun(c.subject, language)
        case "W":
            return inflection.finite(c.relative_verb or "", number, language, last=True)
        case "Q":
            return inflection.noun_phrase(c.relative_object, language, 1) if c.relative_object else ""
        case "C":
            return inflection.conjunction(c.conjunction or "", language)
        case "T":
            return inflection.noun_phrase(c.second_subject, language, 0) if c.second_subject else ""
        case "U":
            second = inflection.number(c.second_subject) if c.second_subject else ""
            return inflection.finite(c.second_verb or "", second, language, last=True)
        case "N":
            return inflection.noun_phrase(c.second_object, language, 1) if c.second_object else ""
    return name


def read(sentence: str, language: str) -> Caption:
    """The caption that a sentence of this world was written from; ValueError if there is none."""
    plain = sentence.strip().removesuffix(".").replace(",", " ,")
    if language == "fr":
        plain = plain.replace("qu'", "que ")
    tokens = (plain[:1].lower() + plain[1:]).split()
    for kind, order in ORDERS[language].items():
        for parts in _matches(order.split(), tokens, language):
            for caption in _captions_of(kind, parts):
                if _whole(caption) and write(caption, language) == sentence.strip():
                    return caption
    raise ValueError(f"not a sentence of the sample world ({language}): {sentence!r}")


def _whole(c: Caption) -> bool:
    """Whether nothing is missing: each verb has an object if it wants one, and what opens a sentence is there."""
    events = ((c.verb, c.object), (c.relative_verb, c.relative_object), (c.second_verb, c.second_object))
    return all(verb is None or bool(inflection.VERBS[verb].takes) == bool(thing) for verb, thing in events) and (
        c.place is not None or c.kind != "front"
    )


def _matches(names: list[str], tokens: list[str], language: str) -> Iterator[dict[str, list[Any]]]:
    """All ways to cut tokens into the named parts; places, objects and particles may be missing."""
    if not names:
        if not tokens:
            yield {}
        return
    name, rest = names[0], names[1:]
    table = _table(name, language)
    for length in range(1, min(len(tokens), 8) + 1):
        values = table.get(" ".join(tokens[:length]))
        if values is not None:
            for parts in _matches(rest, tokens[length:], language):
                yield {name: values, **parts}
    if name in "OPXQN":
        yield from _matches(rest, tokens, language)


def _captions_of(kind: str, parts: dict[str, list[Any]]) -> Iterator[Caption]:
    """Captions made of the values that each part may stand for."""
    used = [name for name in parts if name in FIELDS]
    for values in itertools.product(*(parts[name] for name in used)):
        yield Caption(kind=kind, **{FIELDS[name]: value for name, value in zip(used, values, strict=True)})


@functools.cache
def _table(name: str, language: str) -> dict[str, list[Any]]:
    """What each string may mean as a part of this name."""
    table: dict[str, list[Any]] = {}
    for text, value in _readings(name, language):
        if value not in table.setdefault(text, []):
            table[text].append(value)
    return table


def _readings(name: str, language: str) -> Iterator[tuple[str, Any]]:
    """Everything that a part can say, with its meaning."""
    if name in "STOQN":
        case = 0 if name in "ST" else 1
        yield from ((inflection.noun_phrase(phrase, language, case), phrase) for phrase in _phrases())
    elif name in "VWU":
        for verb, count in itertools.product(inflection.VERBS, "sp"):
            yield inflection.finite(verb, count, language, last=name != "V"), verb
    elif name == "P":
        for preposition, noun in inflection.PLACES:
            for phrase in _phrases():
                if phrase.noun == noun:
                    where = Place(preposition, phrase)
                    yield inflection.place(where, language), where
    elif name == "M":
        yield from ((inflection.modal(m, n, language), m) for m in inflection.lexicon.MODALS for n in "sp")
    elif name == "I":
        yield from ((inflection.infinitive(verb, language), verb) for verb in inflection.VERBS)
    elif name == "C":
        yield from ((inflection.conjunction(key, language), key) for key in inflection.lexicon.CONJUNCTIONS)
    elif name == "X":
        yield from ((inflection.particle(verb), None) for verb in inflection.VERBS if inflection.particle(verb))
    elif name == "R":
        yield from ((word, None) for word in ("who", "that", "der", "die", "das"))
    else:
        yield name, None


@functools.cache
def _phrases() -> list[NounPhrase]:
    """Every noun phrase of the world."""
    return [
        NounPhrase(determiner, adjective, noun)
        for noun in inflection.NOUNS
        for determiner in inflection.lexicon.DETERMINERS
        for adjective in ["", *inflection.fitting(noun)]
    ]


@functools.cache
def dictionary(source: str, target: str) -> dict[str, str]:
    """Every word form of one language with the basic form in another: all that a translation word by word can use."""
    here, there = LANGUAGES.index(source), LANGUAGES.index(target)
    pairs: dict[str, str] = {}
    for phrase in _phrases():
        nouns = [inflection.noun_phrase(phrase._replace(adjective=""), lang, 0).split() for lang in (source, target)]
        if len(nouns[0]) == len(nouns[1]) == 2:
            pairs |= {one: pairs.get(one, two) for one, two in zip(*nouns, strict=True)}
    for table in (inflection.lexicon.CONJUNCTIONS, inflection.lexicon.MODALS):
        for forms in table.values():
            for one in forms[here].split("|"):
                pairs.setdefault(one, forms[there].split("|")[0])
    for verb in inflection.VERBS:
        for count in "sp":
            pairs.setdefault(inflection.finite(verb, count, source), inflection.finite(verb, "s", target))
        pairs.setdefault(inflection.infinitive(verb, source), inflection.infinitive(verb, target))
    for adjective in inflection.ADJECTIVES:
        for form in inflection.adjective_forms(adjective, source):
            pairs.setdefault(form, inflection.adjective_forms(adjective, target)[0])
    for forms in inflection.PREPOSITIONS.values():
        pairs.setdefault(forms[here], forms[there])
    return pairs
