"""A probabilistic grammar with agreement over distance, in the style of the Penn Treebank files; its entropy is known.

A sentence is drawn top-down from rules: a topic, then clauses whose verb agrees with the head of the subject, across
prepositional phrases and relative clauses. The grammar is unambiguous (each sentence has one derivation; a test counts
them), so a sentence is exactly as surprising as its derivation. Entropy and expected length then obey linear equations,
one for each symbol: H(A) = Σ_r p_r (−log p_r + Σ_{B in r} H(B)) and L(A) = Σ_r p_r (words in r + Σ_{B in r} L(B));
`entropy_rate` solves them.
"""

import functools
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from utils.samples import words

SIZES = {"train": 12000, "valid": 800, "test": 800}  # sentences; about 11 words each
Rules = dict[str, tuple[np.ndarray, list[tuple[str, ...]]]]


@dataclass(frozen=True)
class Agreement:
    """A verb and the noun it agrees with: positions of both, number, and nouns of the other number between them."""

    subject: int
    verb: int
    number: str
    attractors: int


def draw(seed: int = 0) -> dict[str, str]:
    """Independent sentences, one a line, as three texts laid out like ptb.train.txt, ptb.valid.txt and ptb.test.txt."""
    rng = np.random.default_rng([seed, 11])
    choices = {symbol: _choices(rng, symbol) for symbol in _rules()}
    return {
        split: "".join(f" {' '.join(_expand(choices))} \n" for _ in range(number)) for split, number in SIZES.items()
    }


def entropy_rate() -> float:
    """True entropy in nats per token, sentence ends included: no model has a lower expected loss."""
    rules = _rules()
    row = {symbol: i for i, symbol in enumerate(rules)}
    expected = np.zeros((len(rules), len(rules)))  # expected number of each symbol in the expansion of each symbol
    own = np.zeros((len(rules), 2))  # entropy of the choice of the rule, expected words that it writes itself
    for symbol, (p, expansions) in rules.items():
        own[row[symbol], 0] = -(p * np.log(p)).sum()
        for weight, expansion in zip(p, expansions, strict=True):
            for part in expansion:
                if part in row:
                    expected[row[symbol], row[part]] += weight
                else:
                    own[row[symbol], 1] += weight
    entropy, length = np.linalg.solve(np.eye(len(rules)) - expected, own)[row["S"]]
    return float(entropy / (length + 1))


def perplexity_bound() -> float:
    """The perplexity per token that the best possible language model reaches."""
    return math.exp(entropy_rate())


def log_probability(sentence: str) -> float:
    """Log of the probability (nats) that the grammar writes this sentence; −inf if it cannot."""
    parses = _complete(sentence)
    return math.log(sum(node.probability for node in parses)) if parses else -math.inf


def derivations(sentence: str) -> int:
    """In how many ways the grammar writes this sentence: 1, or 0 if it is not grammatical."""
    return len(_complete(sentence))


def agreements(sentence: str) -> list[Agreement]:
    """All pairs of subject and verb in a sentence of the grammar, in the order of the verbs."""
    parses = _complete(sentence)
    if not parses:
        raise ValueError(f"not a sentence of the grammar: {sentence!r}")
    return sorted(_agreements(parses[0]), key=lambda pair: pair.verb)


@functools.cache
def _rules() -> Rules:
    """Every symbol with the probabilities of its expansions; what is no symbol is a word."""
    rules: dict[str, dict[tuple[str, ...], float]] = {
        "S": {("text:market",): 0.5, ("text:town",): 0.3, ("text:stage",): 0.2}
    }
    for topic in words.PEOPLE:
        rules |= _sentence_rules(topic)
        for number in "sp":
            rules |= _clause_rules(topic, number)
        rules |= _topic_lexicon(topic)
    rules |= {
        "front": _zipf(re.split(r"[|\n]", words.FRONTS.strip())),
        "time": _zipf(re.split(r"[|\n]", words.TIMES.strip())),
        "conjunction": _zipf(words.CONJUNCTIONS.split()),
        "preposition": _zipf(words.PREPOSITIONS.split()),
        "adverb": _zipf(words.ADVERBS.split(), 0.5),
        "title": {("mr.",): 0.6, ("ms.",): 0.4},
        "noun.name:s": _zipf(words.NAMES.split(), 0.7),
        "determiner:s": _zipf(words.SINGULAR_DETERMINERS.split(), 1.4),
        "determiner:p": _zipf(words.PLURAL_DETERMINERS.split(), 1.4),
    }
    for number, (is_, was, has) in {"s": ("is", "was", "has"), "p": ("are", "were", "have")}.items():
        rules |= {f"verb.be:{number}": {(is_,): 0.7, (was,): 0.3}, f"verb.have:{number}": {(has,): 1.0}}
        for name, verbs in (("complement", words.COMPLEMENT), ("wish", words.WISH), ("regard", words.REGARD)):
            rules[f"verb.{name}:{number}"] = _zipf(_inflect(verbs.split(), number))
    return {symbol: (np.array(list(r.values())) / sum(r.values()), list(r)) for symbol, r in rules.items()}


def _sentence_rules(t: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Sentences of one topic are one or two clauses, sometimes opened by an expression of time."""
    clause, both = f"clause:{t}", (f"clause:{t}", "conjunction", f"clause:{t}")
    return {
        f"text:{t}": {(clause,): 0.62, ("front", clause): 0.2, both: 0.13, ("front", *both): 0.05},
        clause: {(f"clause:{t}:s",): 0.55, (f"clause:{t}:p",): 0.45},
        f"object:{t}": {(f"thing:{t}:s",): 0.6, (f"thing:{t}:p",): 0.4},
        f"place:{t}": {
            (f"thing:{t}:s",): 0.3, (f"thing:{t}:p",): 0.3, (f"person:{t}:s",): 0.2, (f"person:{t}:p",): 0.2,
        },
        f"nested:{t}": {("preposition", f"place:{t}"): 0.8, ("preposition", f"place:{t}", f"nested:{t}"): 0.2},
    }  # fmt: skip


def _clause_rules(t: str, n: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Subject and predicate of one number; prepositional phrases and relative clauses may stand between them."""
    person, noun, adjective = f"person:{t}:{n}", f"noun.person:{t}:{n}", f"adjective.person:{t}"
    subject = {
        (person,): 0.56,
        (person, f"nested:{t}"): 0.22,
        (person, f"who:{t}:{n}"): 0.13,
        (person, f"whom:{t}"): 0.09,
    }
    thing: dict[tuple[str, ...], float] = {
        (f"determiner:{n}", f"noun.thing:{t}:{n}"): 0.65,
        (f"determiner:{n}", f"adjective.thing:{t}", f"noun.thing:{t}:{n}"): 0.35,
    }
    people: dict[tuple[str, ...], float] = {(f"determiner:{n}", noun): 0.6, (f"determiner:{n}", adjective, noun): 0.25}
    if n == "s":
        subject[("title", "noun.name:s")] = 0.12
    else:
        thing[(f"noun.thing:{t}:p",)] = 0.4
        people[(noun,)] = 0.15
        subject[(f"person:{t}:s", "and", person)] = 0.08
    transitive = f"verb.transitive:{t}:{n}"
    return {
        f"clause:{t}:{n}": {(f"subject:{t}:{n}", f"predicate:{t}:{n}"): 1.0},
        f"subject:{t}:{n}": subject,
        person: people,
        f"thing:{t}:{n}": thing,
        f"who:{t}:{n}": {("who", transitive, f"object:{t}"): 0.7, ("who", f"verb.be:{n}", adjective): 0.3},
        f"whom:{t}": {("that", f"inner:{t}:s"): 0.5, ("that", f"inner:{t}:p"): 0.5},
        f"inner:{t}:{n}": {(person, f"verb.regard:{n}"): 1.0},
        f"predicate:{t}:{n}": {(f"verbal:{t}:{n}",): 0.82, ("adverb", f"verbal:{t}:{n}"): 0.18},
        f"verbal:{t}:{n}": {
            (transitive, f"object:{t}"): 0.24,
            (transitive, f"object:{t}", "time"): 0.14,
            (f"verb.intransitive:{t}:{n}",): 0.07,
            (f"verb.intransitive:{t}:{n}", "time"): 0.1,
            (f"verb.complement:{n}", "that", f"clause:{t}"): 0.13,
            (f"verb.wish:{n}", "to", f"verb.transitive:{t}:p", f"object:{t}"): 0.09,
            (f"verb.have:{n}", f"participle:{t}", f"object:{t}"): 0.09,
            (f"verb.be:{n}", adjective): 0.08,
            (f"verb.be:{n}", "not", adjective): 0.06,
        },
    }


def _topic_lexicon(t: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The words of one topic, each class with Zipf's frequencies."""
    lexicon = {
        f"adjective.person:{t}": _zipf(words.PERSON_ADJECTIVES[t].split()),
        f"adjective.thing:{t}": _zipf(words.THING_ADJECTIVES[t].split()),
        f"participle:{t}": _zipf([words.past(verb) for verb in words.TRANSITIVE[t].split()]),
    }
    for n in "sp":
        lexicon |= {
            f"noun.person:{t}:{n}": _zipf(_inflect(words.PEOPLE[t].split(), n, noun=True)),
            f"noun.thing:{t}:{n}": _zipf(_inflect(words.THINGS[t].split(), n, noun=True)),
            f"verb.transitive:{t}:{n}": _zipf(_inflect(words.TRANSITIVE[t].split(), n)),
            f"verb.intransitive:{t}:{n}": _zipf(_inflect(words.INTRANSITIVE[t].split(), n)),
        }
    return lexicon


def _zipf(entries: list[str], exponent: float = 1.3) -> dict[tuple[str, ...], float]:
    """Entries (of one or more words) with weights that fall with their rank."""
    return {tuple(entry.split()): (rank + 1.5) ** -exponent for rank, entry in enumerate(entries)}


def _inflect(stems: list[str], number: str, noun: bool = False) -> list[str]:
    """Nouns take an s in the plural, verbs in the singular."""
    if noun:
        return [words.plural(stem) for stem in stems] if number == "p" else stems
    return [words.third_person(stem) for stem in stems] if number == "s" else stems


def _choices(rng: np.random.Generator, symbol: str) -> Iterator[tuple[str, ...]]:
    """An endless stream of expansions of a symbol, drawn in blocks because single draws are slow."""
    p, expansions = _rules()[symbol]
    blocks = (rng.choice(len(p), size=2048, p=p).tolist() for _ in itertools.count())
    return (expansions[i] for i in itertools.chain.from_iterable(blocks))


def _expand(choices: dict[str, Iterator[tuple[str, ...]]]) -> list[str]:
    """One sentence: replace the leftmost symbol until only words are left."""
    stack, sentence = ["S"], []
    while stack:
        part = stack.pop()
        if part in choices:
            stack.extend(reversed(next(choices[part])))
        else:
            sentence.append(part)
    return _articles(sentence)


def _articles(sentence: list[str]) -> list[str]:
    """`a` before a vowel becomes `an`: a rewriting that can be undone, so entropy and probabilities stay the same."""
    following = [*sentence[1:], ""]
    return [
        "an" if word == "a" and after[:1] in set("aeiou") else word
        for word, after in zip(sentence, following, strict=True)
    ]


def _complete(sentence: str) -> list["_Node"]:
    """All derivations of a whole sentence."""
    plain = ["a" if word == "an" else word for word in sentence.split()]
    if _articles(plain) != sentence.split():
        return []
    tokens = tuple(plain)
    return [node for node in _parses("S", 0, tokens, {}) if node.end == len(tokens)]


@dataclass(frozen=True)
class _Node:
    """A piece of a derivation: a symbol, where its words start and end, its probability and its parts."""

    symbol: str
    start: int
    end: int
    probability: float
    parts: tuple["_Node", ...] = ()


def _parses(symbol: str, start: int, tokens: tuple[str, ...], seen: dict[tuple[str, int], list[_Node]]) -> list[_Node]:
    """All derivations of `symbol` from `start` on, whatever their end; `seen` keeps what was found before."""
    if (symbol, start) in seen:
        return seen[symbol, start]
    found: list[_Node] = []
    p, expansions = _rules()[symbol]
    first = _first()[symbol]
    if start < len(tokens) and tokens[start] in first:
        for i in first[tokens[start]]:
            partial: list[tuple[int, float, tuple[_Node, ...]]] = [(start, float(p[i]), ())]
            for part in expansions[i]:
                if part in _rules():
                    partial = [
                        (node.end, weight * node.probability, (*nodes, node))
                        for end, weight, nodes in partial
                        for node in _parses(part, end, tokens, seen)
                    ]
                else:
                    partial = [(e + 1, w, nodes) for e, w, nodes in partial if e < len(tokens) and tokens[e] == part]
            found += [_Node(symbol, start, end, weight, nodes) for end, weight, nodes in partial]
    seen[symbol, start] = found
    return found


@functools.cache
def _first() -> dict[str, dict[str, list[int]]]:
    """For each symbol: the words that can open it, and by which of its rules."""
    table: dict[str, dict[str, list[int]]] = {}

    def fill(symbol: str) -> dict[str, list[int]]:
        if symbol not in table:
            opened: dict[str, list[int]] = {}
            for i, expansion in enumerate(_rules()[symbol][1]):
                for word in fill(expansion[0]) if expansion[0] in _rules() else [expansion[0]]:
                    opened.setdefault(word, []).append(i)
            table[symbol] = opened
        return table[symbol]

    fill("S")
    for symbol in _rules():
        fill(symbol)
    return table


def _leaves(node: _Node) -> list[_Node]:
    """The nodes that write words only, from left to right."""
    return [leaf for part in node.parts for leaf in _leaves(part)] if node.parts else [node]


def _agreements(node: _Node) -> list[Agreement]:
    """Pairs below a node: clauses join subject and verb, and the verb after `who` agrees with the noun before it."""
    pairs = [pair for part in node.parts for pair in _agreements(part)]
    kind, number = node.symbol.split(":")[0], node.symbol[-1]
    relative = kind == "subject" and node.parts[-1].symbol.startswith("who:")
    if relative or (kind in ("clause", "inner") and len(node.parts) == 2):
        head = node.parts[0]
        while head.parts:  # the head comes first in "the bank near the river", last in "a singer and some actors"
            head = head.parts[-1] if head.parts[-1].symbol.startswith(("person", "noun.")) else head.parts[0]
        verb = next(leaf for leaf in _leaves(node.parts[1]) if leaf.symbol.startswith("verb."))
        between = [leaf for leaf in _leaves(node) if head.start < leaf.start < verb.start]
        attractors = sum(leaf.symbol.startswith("noun.") and leaf.symbol[-1] != number for leaf in between)
        pairs.append(Agreement(head.start, verb.start, number, attractors))
    return pairs
