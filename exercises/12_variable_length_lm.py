"""Inputs, comparisons and hints of lesson 12. No solutions."""

import re

import numpy as np

from utils.checks import Exercise, close, exact

PAD, END = 0, 1
WORDS = (
    "a",
    "an",
    "the",
    "old",
    "young",
    "cat",
    "dog",
    "bird",
    "sees",
    "hears",
    "follows",
    "paints",
    "little",
    "garden",
    "river",
    "today",
    "slowly",
)


def _text(rng, index):
    """Sentences of one to nine words with odd white space, lines or full stops as their ends."""
    ends, pattern = [("\n", r"[^\n]+"), (".", r"[^.]+\.")][index % 2]
    sentences = []
    for _ in range(12):
        words = [str(word) for word in rng.choice(WORDS, int(rng.integers(1, 10)))]
        gaps = [str(gap) for gap in rng.choice([" ", "  ", " \t"], len(words))]
        sentences.append(" " + "".join(word + gap for word, gap in zip(words, gaps, strict=True)) + ends)
    lengths = sorted(len(" ".join(sentence.split())) for sentence in sentences)
    return "".join(sentences), pattern, lengths[2], lengths[-3]  # both bounds are the length of a sentence


def _cut(solution, text, pattern, shortest, longest):
    return [sentence[:longest] for sentence in solution(text, pattern, shortest, len(text))]


def _raw(solution, text, pattern, shortest, longest):
    return [match for match in re.findall(pattern, text) if shortest <= len(match) <= longest]


def _only_stripped(solution, text, pattern, shortest, longest):
    return [match.strip() for match in re.findall(pattern, text) if shortest <= len(match.strip()) <= longest]


split_sentences = Exercise(
    inputs=_text,
    cases=4,
    compare=exact(),
    mistakes={
        "Both bounds are included.": lambda solution, text, pattern, shortest, longest: solution(
            text, pattern, shortest + 1, longest - 1
        ),
        "A sentence that is too long is left out, not cut.": _cut,
        "White space is still there: strip each match and make one space of every run of it.": _raw,
        "The white space inside a sentence is still there: one space for every run of it.": _only_stripped,
        "The short ones are still there.": lambda solution, text, pattern, shortest, longest: solution(
            text, pattern, 0, longest
        ),
    },
)


def _rows(rng):
    """Rows of different lengths that close with END, and a width that leaves room."""
    lengths = rng.permutation([2, 4, 5, 7])
    rows = [np.append(rng.integers(3, 9, n - 1), END).astype("int32") for n in lengths]
    return rows, int(rng.integers(8, 11))


def _not_shifted(solution, rows, width):
    _, targets, lengths = solution(rows, width)
    return targets, targets, lengths


def _starts_with_pad(solution, rows, width):
    inputs, targets, lengths = solution(rows, width)
    inputs = inputs.copy()
    inputs[:, 0] = PAD
    return inputs, targets, lengths


def _without_end(solution, rows, width):
    inputs, targets, lengths = solution(rows, width)
    return inputs, targets, lengths - 1


def _in_front(solution, rows, width):
    targets = np.full((len(rows), width), PAD, "int32")
    for i, row in enumerate(rows):
        targets[i, -len(row) :] = row
    inputs = np.concatenate([np.full((len(rows), 1), END, "int32"), targets[:, :-1]], axis=1)
    return inputs, targets, solution(rows, width)[2]


def _filled_with_end(solution, rows, width):
    inputs, targets, lengths = solution(rows, width)
    places = np.arange(width)
    return (
        np.where(places[None] > lengths[:, None], END, inputs),
        np.where(places[None] >= lengths[:, None], END, targets),
        lengths,
    )


padded_batch = Exercise(
    inputs=_rows,
    compare=exact(),
    mistakes={
        "Inputs and targets are the same: move the inputs one place to the right, or copying is enough.": (
            _not_shifted
        ),
        "The first input is END: a sentence starts where another one ended.": _starts_with_pad,
        "The end is a target too: it counts in the length.": _without_end,
        "The padding stands in front: fill up behind the end.": _in_front,
        "Filled up with END: behind the end comes PAD.": _filled_with_end,
    },
)


mask_from_lengths = Exercise(
    inputs=lambda rng: (rng.permutation([1, 3, 4, 6, 8])[: int(rng.integers(3, 5))].astype("int32"), 9),
    compare=exact(),
    mistakes={
        "One place too many: places are counted from 0, so place t is real if t < length.": (
            lambda solution, lengths, width: solution(lengths + 1, width)
        ),
        "One place too few: the last real target is the end, and it counts.": (
            lambda solution, lengths, width: solution(lengths - 1, width)
        ),
        "Real and padding are exchanged: 1 is for real targets.": (
            lambda solution, lengths, width: 1 - np.asarray(solution(lengths, width))
        ),
        "Each sentence is a row: shape (batch, width).": lambda solution, lengths, width: (
            np.asarray(solution(lengths, width)).T
        ),
        "The comparison gives true and false: make float32 of it, to multiply with.": (
            lambda solution, lengths, width: np.asarray(solution(lengths, width)) > 0
        ),
    },
)


def _logits(rng):
    """Logits, targets and a mask with very different lengths; behind the end there is nonsense."""
    batch, width, symbols = 4, 7, 6
    lengths = rng.permutation([1, 3, 5, 7])
    mask = (np.arange(width)[None] < lengths[:, None]).astype("float32")
    targets = np.where(mask > 0, rng.integers(1, symbols, (batch, width)), PAD).astype("int32")
    return rng.normal(0, 2, (batch, width, symbols)).astype("float32"), targets, mask


def _each(logits, targets):
    """−ln p at every place."""
    scores = np.asarray(logits, "float64")
    largest = scores.max(axis=-1, keepdims=True)
    total = np.log(np.exp(scores - largest).sum(axis=-1)) + largest[..., 0]
    return total - np.take_along_axis(scores, np.asarray(targets)[..., None], axis=-1)[..., 0]


def _ones(mask):
    return np.ones_like(np.asarray(mask))


masked_loss = Exercise(
    inputs=_logits,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The padding counts: multiply by the mask before you add up.": lambda solution, logits, targets, mask: solution(
            logits, targets, _ones(mask)
        ),
        "Divided by all places: divide by the number of real targets, the sum of the mask.": (
            lambda solution, logits, targets, mask: np.mean(_each(logits, targets) * mask)
        ),
        "This is the mean over sentences of each one's mean: add up everything, divide once.": (
            lambda solution, logits, targets, mask: np.mean(
                (_each(logits, targets) * mask).sum(axis=1) / mask.sum(axis=1)
            )
        ),
        "This is the sum: divide by the number of real targets.": lambda solution, logits, targets, mask: np.sum(
            _each(logits, targets) * mask
        ),
        "Logits times the mask are logits still: a row of zeros costs ln(symbols). Mask the losses instead.": (
            lambda solution, logits, targets, mask: np.mean(_each(logits * mask[..., None], targets))
        ),
    },
)

log_probabilities = Exercise(
    inputs=_logits,
    compare=close(rtol=1e-4, atol=1e-4),
    mistakes={
        "The padding counts: multiply by the mask before you add up.": lambda solution, logits, targets, mask: solution(
            logits, targets, _ones(mask)
        ),
        "The sign: the logarithm of a probability is negative.": lambda solution, logits, targets, mask: (
            -np.asarray(solution(logits, targets, mask))
        ),
        "This is the mean over the characters: the probability of a sentence is a product, its logarithm a sum.": (
            lambda solution, logits, targets, mask: np.asarray(solution(logits, targets, mask)) / mask.sum(axis=1)
        ),
        "One number for each sentence, not one for the batch: sum over axis 1.": (
            lambda solution, logits, targets, mask: np.sum(np.asarray(solution(logits, targets, mask)))
        ),
        "Summed over the sentences, one number for each place: sum over axis 1.": (
            lambda solution, logits, targets, mask: -(_each(logits, targets) * mask).sum(axis=0)
        ),
    },
)


def _toy_model(rng, index):
    """A table of logits in which END is neither rare nor sure; in the last case it is hopeless."""
    from utils.checks import Rng

    symbols = 6
    table = rng.normal(0, 1.5, (symbols, symbols))
    table[:, END] = -30.0 if index == 3 else rng.normal(-0.5, 0.3, symbols)
    drift = rng.normal(0, 0.4, symbols) * (np.arange(symbols) != END)
    return table, drift, float(rng.uniform(0.5, 1.5)), Rng(int(rng.integers(1000))), 12 if index == 3 else 40


def _walk(table, drift, temperature, rng, longest, start=END, carried=True, stops=True, keeps=False):
    """The same walk with one thing wrong."""
    symbol, count, written = start, 0, []
    while len(written) < longest:
        scores = (table[symbol] + drift * (count if carried else 0)) / temperature
        p = np.exp(scores - scores.max())
        symbol, count = int(rng.choice(len(p), p=p / p.sum())), count + 1
        if symbol == END and stops:
            return [*written, END] if keeps else written
        written.append(symbol)
    return written


def _most_likely(solution, table, drift, temperature, rng, longest):
    return solution(table, drift, 1e-6, rng, longest)


sample_sentence = Exercise(
    inputs=_toy_model,
    cases=4,
    compare=exact(),
    mistakes={
        "The state is lost: pass on the one that `step` returned.": lambda solution, *args: _walk(*args, carried=False),
        "Divide the logits by the temperature, do not multiply.": (
            lambda solution, table, drift, temperature, rng, longest: solution(
                table, drift, 1 / temperature, rng, longest
            )
        ),
        "The temperature has no effect: divide the logits by it.": (
            lambda solution, table, drift, temperature, rng, longest: solution(table, drift, 1.0, rng, longest)
        ),
        "Always the most likely symbol: draw one with rng.choice.": _most_likely,
        "END closes the sentence and is not part of what is returned.": lambda solution, *args: _walk(
            *args, keeps=True
        ),
        "It goes on after END: stop there.": lambda solution, *args: _walk(*args, stops=False),
        "The first symbol that the network sees is END, not PAD.": lambda solution, *args: _walk(*args, start=PAD),
    },
)
