"""A text whose words have known meaning: analogies hold in its co-occurrences, and similarities are known.

The world is a few *grids*. A row of a grid is a thing (France, the cat, to walk) with its topics (wine, mouse, path);
a column is a form (country, capital; one, many; today, yesterday) with its own turns of phrase. A cell is a word. Each
sentence takes a cell and puts it between the words of its form and the topics of its row, so that word = row + column
in what surrounds it, and cat − cats + dogs = dog is true by construction. Villages with invented names give the text
the long tail of a real one.
"""

import itertools
import re
from dataclasses import dataclass

import numpy as np

from utils.samples import meanings

SENTENCES = 60_000  # about nine words each
VILLAGES = 3000  # invented names, with Zipf's frequencies
VILLAGE_SHARE = 0.12  # share of sentences about a village
PAIRS = 350  # rated pairs of words
QUESTIONS = 150  # analogies per section at most


@dataclass(frozen=True)
class Word:
    """Where a word stands: grid, row, column and the topics of the row."""

    grid: str
    row: int
    column: int
    topics: frozenset[str]


def draw(seed: int = 0) -> dict[str, object]:
    """The text (a–z and spaces), analogies (section, a, b, c, d) and rated pairs (word1, word2, score from 0 to 10)."""
    rng = np.random.default_rng([seed, 13])
    return {"text": _text(rng), "analogies": _analogies(rng), "wordsim": _wordsim(rng)}


def similarity(word1: str, word2: str) -> float:
    """True relatedness from 0 to 10, by what two words share of all that surrounds them.

    Half of it comes from the topics of the row, the other half from the form (and a little from the kind of thing).
    A word and one of its topics stand in the middle.
    """
    if word1 == word2:
        return 10.0
    lexicon = vocabulary()
    if word1 not in lexicon:
        word1, word2 = word2, word1
    if word1 not in lexicon:
        return 0.0  # two topics: nothing is known that holds for all of them
    first = lexicon[word1]
    if word2 not in lexicon:
        return 5.0 if word2 in first.topics else 0.0
    second = lexicon[word2]
    shared = len(first.topics & second.topics) / len(first.topics | second.topics)
    same_kind = first.grid == second.grid
    return 5.0 * shared + 1.0 * same_kind + 4.0 * (same_kind and first.column == second.column)


def vocabulary() -> dict[str, Word]:
    """All words that stand in a grid."""
    return {
        word: Word(grid.name, i, j, frozenset(row.topics))
        for grid in meanings.GRIDS
        for i, row in enumerate(grid.rows)
        for j, word in enumerate(row.words)
    }


def _text(rng: np.random.Generator) -> str:
    """All sentences in random order, joined by spaces."""
    share = np.array([len(grid.rows) * len(grid.columns) for grid in meanings.GRIDS], dtype=float)
    of_grid = rng.multinomial(round(SENTENCES * (1 - VILLAGE_SHARE)), share / share.sum())
    sentences = _village_sentences(rng, SENTENCES - int(of_grid.sum()))
    for grid, number in zip(meanings.GRIDS, of_grid, strict=True):
        sentences += _grid_sentences(rng, grid, int(number))
    text = " ".join(sentences[i] for i in rng.permutation(len(sentences)))
    return re.sub(r"\ba (?=[aeio]|un(?!i))", "an ", text)


def _grid_sentences(rng: np.random.Generator, grid: meanings.Grid, number: int) -> list[str]:
    """Sentences about a grid: rows by Zipf's law, columns alike, templates alike."""
    weight = 1 / (np.arange(len(grid.rows)) + 8.0)
    rows = rng.choice(len(grid.rows), size=number, p=weight / weight.sum()).tolist()
    columns = rng.integers(len(grid.columns), size=number).tolist()
    templates, first, second = (rng.integers(1 << 30, size=number).tolist() for _ in range(3))
    sentences = []
    for i, j, k, m, n in zip(rows, columns, templates, first, second, strict=True):
        row, phrases = grid.rows[i], grid.columns[j]
        said = row.phrases
        topic, other = said[m % len(said)], said[(m + 1 + n % (len(said) - 1)) % len(said)]
        sentences.append(phrases[k % len(phrases)].format(*row.words, w=row.words[j], t=topic, u=other))
    return sentences


def _village_sentences(rng: np.random.Generator, number: int) -> list[str]:
    """Sentences about places that do not exist, with years spelled out as text8 does."""
    names = _names(rng)
    weight = 1 / (np.arange(len(names)) + 3.0)
    picks = rng.choice(len(names), size=(number, 2), p=weight / weight.sum()).tolist()
    years = rng.integers(1600, 2000, size=number).tolist()
    kinds = rng.integers(len(meanings.VILLAGE), size=number).tolist()
    digits = dict(zip("0123456789", meanings.DIGITS, strict=True))
    return [
        meanings.VILLAGE[kind].format(names[a], names[b], year=" ".join(digits[c] for c in str(year)))
        for (a, b), year, kind in zip(picks, years, kinds, strict=True)
    ]


def _names(rng: np.random.Generator) -> list[str]:
    """Names of villages, put together from a beginning, a middle and an end."""
    known = vocabulary()
    names = ["".join(parts) for parts in itertools.product(*meanings.SYLLABLES)]
    names = [name for name in names if name not in known]
    return [names[i] for i in rng.permutation(len(names))[:VILLAGES]]


def _analogies(rng: np.random.Generator) -> list[tuple[str, str, str, str, str]]:
    """Questions a : b = c : d from two rows and two columns of a grid, for each section the grid knows."""
    questions = []
    for grid in meanings.GRIDS:
        for section, (j, k) in grid.sections.items():
            pairs = [p for p in itertools.permutations(grid.rows, 2) if len({p[0].words[j], p[0].words[k]}) == 2]
            for i in np.sort(rng.permutation(len(pairs))[:QUESTIONS]):
                one, two = pairs[i]
                questions.append((section, one.words[j], one.words[k], two.words[j], two.words[k]))
    return questions


def _wordsim(rng: np.random.Generator) -> list[tuple[str, str, float]]:
    """Rated pairs from close to unrelated: of one row, of one column, of one grid, a word with a topic, and any two."""
    lexicon = vocabulary()
    names = sorted(lexicon)
    rated: dict[tuple[str, str], float] = {}
    while len(rated) < PAIRS:
        word = names[rng.integers(len(names))]
        here = lexicon[word]
        others = (
            [n for n in names if lexicon[n].grid == here.grid and lexicon[n].row == here.row],
            [n for n in names if lexicon[n].grid == here.grid and lexicon[n].column == here.column],
            [n for n in names if lexicon[n].grid == here.grid and lexicon[n].topics & here.topics],
            sorted(here.topics - lexicon.keys()),
            names,
            names,
        )[len(rated) % 6]
        other = others[rng.integers(len(others))]
        if word < other:
            rated[word, other] = round(similarity(word, other), 2)
        elif other < word:
            rated[other, word] = round(similarity(word, other), 2)
    return [(word1, word2, score) for (word1, word2), score in rated.items()]
