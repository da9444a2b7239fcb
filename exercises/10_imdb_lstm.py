"""Inputs, comparisons and hints of lesson 10. No solutions."""

import re

import numpy as np

from utils.checks import Exercise, Rng, close, exact

LOOSE = close(rtol=1e-4, atol=1e-5)  # single precision
WORDS = ["the", "film", "is", "not", "good", "bad", "dull", "great", "isn't", "it", "ending"]


def _texts(rng, number):
    """Short reviews with capitals, punctuation and line breaks; frequent words are much more frequent."""
    share = 1.0 / np.arange(1, len(WORDS) + 1)
    texts = []
    for _ in range(number):
        words = rng.choice(WORDS, size=int(rng.integers(4, 9)), p=share / share.sum()).tolist()
        words[0] = words[0].capitalize()
        words[2] += ".<br /><br />" + words.pop(3).capitalize()
        texts.append(" ".join(words) + "!")
    return texts


def _reviews(rng):
    """Texts to learn from, other texts with a word that the first ones lack, and a size that leaves words out."""
    others = [text + " Superb " * 9 for text in _texts(rng, 3)]
    return _texts(rng, 8), others, int(rng.integers(6, 8))


def _cleaned_by_default(solution, texts, others, size):
    """Punctuation deleted, so that words grow together, as Keras does by default."""
    texts, others = ([re.sub(r"[^a-z ]", "", text.lower()) for text in some] for some in (texts, others))
    return solution(texts, others, size)


def _padded(solution, texts, others, size):
    result = solution(texts, others, size)
    rows = result["numbers"].to_list()
    out = np.zeros((len(rows), max(map(len, rows))), "int64")
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = row
    return {**result, "numbers": out}


learn_vocabulary = Exercise(
    inputs=_reviews,
    compare=exact(),
    mistakes={
        "Pass standardize=standardize: the default cleaning glues words together at line breaks.": _cleaned_by_default,
        "Adapt on `texts` only: words of other texts must stay unknown.": lambda solution, texts, others, size: (
            solution(texts + others, others, size)
        ),
        "`size` counts all numbers, those for padding and unknown words too.": (
            lambda solution, texts, others, size: solution(texts, others, size + 2)
        ),
        "Each text keeps its own length: ragged=True.": _padded,
    },
)


def _rectangle(rng):
    """Numbers with padding behind them, in rows of different lengths."""
    numbers = rng.choice([1, 2, 3, 4, 5, 6], size=(5, 9), p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.1])
    lengths = np.array([9, 2, 5, 7, 3])
    numbers[np.arange(9) >= lengths[:, None]] = 0
    numbers[0, :3], numbers[1, :2] = (1, 1, 2), (1, 3)
    return (numbers,)


unknown_share = Exercise(
    inputs=_rectangle,
    mistakes={
        "Padding is no word: divide by the number of words, not by all numbers.": lambda solution, numbers: np.mean(
            numbers == 1
        ),
        "Zeros are padding, not unknown words.": lambda solution, numbers: np.mean(numbers <= 1),
        "One share for all words together, not the mean of the rows' shares: long texts count more.": (
            lambda solution, numbers: np.mean([solution(row) for row in numbers])
        ),
        "Count running words: a word that occurs twice counts twice.": lambda solution, numbers: (
            1 / len(np.unique(numbers[numbers > 0]))
        ),
        "This is the share of the known words.": lambda solution, numbers: 1 - solution(numbers),
    },
)


def _small_table(rng):
    rows, size = int(rng.integers(6, 9)), 3
    numbers = rng.integers(0, rows, size=(2, 4)).astype("int32")
    return numbers, rng.normal(size=(rows, size)).astype("float32"), rng.normal(size=(2, 4, size)).astype("float32")


by_one_hot = Exercise(
    inputs=_small_table,
    compare=LOOSE,
    mistakes={
        "Number 0 belongs to the first row: no shift.": lambda solution, numbers, table, upstream: solution(
            (numbers - 1) % len(table), table, upstream
        ),
        "No gradient comes back: stay within TensorFlow, without .numpy().": (
            lambda solution, numbers, table, upstream: {**solution(numbers, table, upstream), "gradient": None}
        ),
        "One vector for each word: do not add them up.": lambda solution, numbers, table, upstream: {
            name: np.sum(value, axis=1) if name == "vectors" else value
            for name, value in solution(numbers, table, upstream).items()
        },
    },
)


def _masked_states(rng):
    """States that are mostly negative, so that zeros would win; lengths that differ."""
    batch, time = 3, int(rng.integers(5, 8))
    lengths = np.array([2, time, time - 2])
    states = (rng.normal(size=(batch, time, 4)) - 1.5).astype("float32")
    states[0, 3:] += 4
    states[2, -1] += 4
    return states, np.arange(time) < lengths[:, None]


def _halves(result):
    return np.split(np.asarray(result), 2, axis=1)


mean_and_max = Exercise(
    inputs=_masked_states,
    compare=LOOSE,
    mistakes={
        "The mask is not used: padding counts.": lambda solution, states, mask: solution(states, np.ones_like(mask)),
        "The maximum of states · mask: a zero beats negative states. Put the lowest number there instead.": (
            lambda solution, states, mask: np.concatenate(
                [_halves(solution(states, mask))[0], (states * mask[:, :, None]).max(axis=1)], axis=1
            )
        ),
        "The maximum looks at padding too.": lambda solution, states, mask: np.concatenate(
            [_halves(solution(states, mask))[0], states.max(axis=1)], axis=1
        ),
        "The mean divides by the padded length: divide by the number of words.": lambda solution, states, mask: (
            np.concatenate(
                [
                    _halves(solution(states, mask))[0] * mask.mean(axis=1)[:, None],
                    _halves(solution(states, mask))[1],
                ],
                axis=1,
            )
        ),
        "The mean comes first, then the maximum.": lambda solution, states, mask: np.concatenate(
            _halves(solution(states, mask))[::-1], axis=1
        ),
    },
)


def _lengths(rng):
    """Few different lengths, many times each, and a number of reviews that the batch size does not divide."""
    return rng.integers(3, 9, size=47), 5, Rng(int(rng.integers(1000)))


def _report(batches, again, lengths):
    """What the check of the lesson says about two epochs of batches."""
    longest = [int(lengths[batch].max()) for batch in batches]
    return {
        "every review once": sorted(int(i) for batch in batches for i in batch) == list(range(len(lengths))),
        "sizes": sorted(len(batch) for batch in batches),
        "numbers with padding": sum(len(batch) * width for batch, width in zip(batches, longest, strict=True)),
        "batches sorted by length": longest in (sorted(longest), sorted(longest)[::-1]),
        "next epoch the same": {frozenset(map(int, b)) for b in batches} == {frozenset(map(int, b)) for b in again},
    }


def _chunks(order, size):
    return [order[i : i + size] for i in range(0, len(order), size)]


def _unsorted(solution, lengths, batch_size, rng):
    first, second = (_chunks(rng.permutation(len(lengths)), batch_size) for _ in range(2))
    return _report(first, second, lengths)


def _without_the_rest(solution, lengths, batch_size, rng):
    whole = len(lengths) // batch_size * batch_size
    result = solution(lengths, batch_size, rng)
    sizes = [size for size in result["sizes"] if size == batch_size]
    # the batch that is missing holds the longest reviews
    padded = result["numbers with padding"] - (len(lengths) - whole) * int(lengths.max())
    return {**result, "every review once": False, "sizes": sizes, "numbers with padding": padded}


buckets = Exercise(
    inputs=_lengths,
    compare=exact(),
    mistakes={
        "These batches are random: sort by length first.": _unsorted,
        "The batches come in the order of their lengths: shuffle them.": lambda solution, lengths, batch_size, rng: {
            **solution(lengths, batch_size, rng),
            "batches sorted by length": True,
        },
        "The reviews that do not fill a batch are missing.": _without_the_rest,
        "Every epoch has the same batches: draw the order of equal lengths anew.": (
            lambda solution, lengths, batch_size, rng: {
                **solution(lengths, batch_size, rng),
                "next epoch the same": True,
            }
        ),
    },
)

KINDS = ("LSTM", "stacked", "bidirectional", "GRU", "SimpleRNN", "stacked", "bidirectional", "LSTM")


def _kind(rng, index):
    return KINDS[index], 2 * int(rng.integers(2, 6)), index in (2, 4, 5, 7)


def _only_the_last_state_between(solution, kind, units, every):
    """A second layer that gets one vector where it wants a text: Keras raises this."""
    if kind == "stacked":
        raise ValueError("expected ndim=3, found ndim=2")
    return solution(kind, units, every)


recurrent = Exercise(
    inputs=_kind,
    cases=len(KINDS),
    compare=exact(),
    mistakes={
        "Two directions are joined: each has half of the units.": lambda solution, kind, units, every: solution(
            kind, units * (2 if kind == "bidirectional" else 1), every
        ),
        "With every=False only the last state comes out.": lambda solution, kind, units, every: solution(
            kind, units, True
        ),
        "With every=True all states come out: return_sequences=every.": lambda solution, kind, units, every: solution(
            kind, units, False
        ),
        "Stacked means two LSTMs, one on top of the other.": lambda solution, kind, units, every: solution(
            "LSTM" if kind == "stacked" else kind, units, every
        ),
        "The first of two layers has to hand on all its states: return_sequences=True.": _only_the_last_state_between,
        "Bidirectional is missing: wrap the LSTM in it.": lambda solution, kind, units, every: solution(
            "LSTM" if kind == "bidirectional" else kind, units, every
        ),
    },
)
