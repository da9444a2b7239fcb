"""Inputs, comparisons and hints of lesson 14. No solutions."""

import itertools
from collections import Counter

import numpy as np

from utils.checks import Exercise, Tensor, close, exact

LOOSE = close(rtol=1e-4, atol=1e-5)  # single precision
PAD, START, END = 0, 1, 2


def _normal(rng, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype("float32")


SYLLABLES = ("ba", "na", "lo", "mi", "ra", "tu", "sch", "en", "er")


def _words(rng):
    """Made-up words with their counts, of which few are frequent."""
    words = {"▁" + "".join(rng.choice(SYLLABLES, size=rng.integers(1, 4))) for _ in range(9)}
    return {word: int(rng.integers(1, 4)) ** 3 for word in sorted(words)}


def _pairs_of(counts):
    pairs = Counter()
    for word, count in counts.items():
        for pair in itertools.pairwise(word):
            pairs[pair] += count
    return pairs


def _not_counted_again(solution, counts, number):
    pairs = _pairs_of(counts)
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:number]


def _last_of_equals(solution, counts, number):
    """Renamed letters turn the order of the alphabet round; the best pair is otherwise the same."""
    there = {letter: chr(0x9000 - ord(letter)) for word in counts for letter in word}
    back = {new: old for old, new in there.items()}
    renamed = {"".join(there[letter] for letter in word): count for word, count in counts.items()}
    return [tuple("".join(back[x] for x in part) for part in pair) for pair in solution(renamed, number)]


learn_merges = Exercise(
    inputs=lambda rng: (_words(rng), int(rng.integers(5, 9))),
    cases=4,
    compare=exact(),
    mistakes={
        "A word that occurs ten times counts ten times: add its count, not 1.": lambda solution, counts, number: (
            solution(dict.fromkeys(counts, 1), number)
        ),
        "Merge the pair in all words and count again before you choose the next one.": _not_counted_again,
        "Of equally frequent pairs take the first in the alphabet.": _last_of_equals,
        "Return so many merges as asked for: this is one less.": lambda solution, counts, number: solution(
            counts, number - 1
        ),
    },
)


def _look(rng, index):
    """Queries, keys, values of one length, and a mask (none in one case)."""
    batch, queries, keys, size = 2, int(rng.integers(3, 5)), int(rng.integers(5, 7)), 4
    mask = rng.uniform(size=(batch, queries, keys)) < 0.6
    mask[..., 0], mask[..., -1] = True, False
    arrays = _normal(rng, batch, queries, size), _normal(rng, batch, keys, size), _normal(rng, batch, keys, size)
    return (*map(Tensor, arrays), None if index == 1 else Tensor(mask))


def _softmax(scores, axis=-1):
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _mixed(weights, values):
    return [weights @ np.asarray(values), weights]


def _scores(queries, keys):
    q, k = np.asarray(queries), np.asarray(keys)
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-1])


def _masked_late(solution, queries, keys, values, mask):
    weights = _softmax(_scores(queries, keys))
    return _mixed(weights if mask is None else weights * np.asarray(mask), values)


def _wrong_axis(solution, queries, keys, values, mask):
    scores = _scores(queries, keys)
    return _mixed(_softmax(scores if mask is None else np.where(mask, scores, -1e9), axis=-2), values)


def _zero_scores(solution, queries, keys, values, mask):
    scores = _scores(queries, keys)
    return _mixed(_softmax(scores if mask is None else scores * np.asarray(mask)), values)


attention = Exercise(
    inputs=_look,
    compare=LOOSE,
    mistakes={
        "Divide the products by √d.": lambda solution, queries, keys, values, mask: solution(
            queries * keys.shape[-1] ** 0.5, keys, values, mask
        ),
        "Divide by √d, not by d.": lambda solution, queries, keys, values, mask: solution(
            queries / keys.shape[-1] ** 0.5, keys, values, mask
        ),
        "The mask is true where one *may* look.": lambda solution, queries, keys, values, mask: solution(
            queries, keys, values, None if mask is None else ~np.asarray(mask)
        ),
        "The mask is not used.": lambda solution, queries, keys, values, mask: solution(queries, keys, values, None),
        "Mask before the softmax: afterwards the weights no longer add up to 1.": _masked_late,
        "A product of 0 is not a weight of 0: put −1e9 where one may not look.": _zero_scores,
        "The softmax runs over the keys, the last axis.": _wrong_axis,
    },
)


def _padded(rng):
    tokens = rng.integers(3, 20, size=(3, 6)).astype("int32")
    for row, length in zip(tokens, rng.integers(2, 6, size=3), strict=True):
        row[length:] = PAD
    return tokens


def _with(solution, tokens, padding=None, causal=None):
    """Both masks, one of them changed."""
    found = {key: np.asarray(value) for key, value in solution(tokens).items()}
    return {
        "padding": padding(found["padding"]) if padding else found["padding"],
        "causal": causal(found["causal"]) if causal else found["causal"],
    }


masks = Exercise(
    inputs=lambda rng: (_padded(rng),),
    compare=exact(),
    mistakes={
        "The padding mask is true where there is a piece, false at PAD.": lambda solution, tokens: _with(
            solution, tokens, padding=np.logical_not
        ),
        "PAD hides *keys*, the last axis: shape (batch, 1, 1, places).": lambda solution, tokens: _with(
            solution, tokens, padding=lambda mask: np.swapaxes(mask, -1, -2)
        ),
        "The padding mask needs an axis for the heads and one for the queries.": lambda solution, tokens: _with(
            solution, tokens, padding=lambda mask: mask[:, 0, 0]
        ),
        "Rows are queries, columns are keys: this causal mask looks at the future only.": lambda solution, tokens: (
            _with(solution, tokens, causal=np.transpose)
        ),
        "A place may look at itself, too.": lambda solution, tokens: _with(
            solution, tokens, causal=lambda mask: mask & ~np.eye(len(mask), dtype=bool)
        ),
        "The causal mask is true where one may look.": lambda solution, tokens: _with(
            solution, tokens, causal=np.logical_not
        ),
        "This lets each place look one place ahead, at its answer.": lambda solution, tokens: _with(
            solution, tokens, causal=lambda mask: np.tril(np.ones_like(mask), 1)
        ),
    },
)


def _many_heads(rng, index):
    """As many queries as heads have numbers, so that a mix-up runs; a causal mask in one case."""
    batch, places, width, heads = 2, 4, 8, (2, 4)[index % 2]
    mask = Tensor(np.tril(np.ones((places, places), bool))) if index == 2 else None
    return (*(Tensor(_normal(rng, batch, places, width)) for _ in range(3)), heads, mask)


def _shuffled(x, heads):
    """The width in another order, so that heads take every so-many-th number."""
    x = np.asarray(x)
    return np.swapaxes(x.reshape(*x.shape[:-1], -1, heads), -1, -2).reshape(x.shape)


def _interleaved(solution, queries, keys, values, heads, mask):
    mixed, weights = solution(*(_shuffled(x, heads) for x in (queries, keys, values)), heads, mask)
    back = np.asarray(mixed).shape[-1] // heads
    return [_shuffled(mixed, back), weights]


def _reshape_only(solution, queries, keys, values, heads, mask):
    def parts(x):
        x = np.asarray(x)
        return x.reshape(x.shape[0], heads, x.shape[1], -1)

    scores = _scores(parts(queries), parts(keys))
    weights = _softmax(scores if mask is None else np.where(mask, scores, -1e9))
    return [(weights @ parts(values)).reshape(queries.shape), weights]


def _not_back(solution, queries, keys, values, heads, mask):
    mixed, weights = solution(queries, keys, values, heads, mask)
    batch, places, width = np.asarray(mixed).shape
    parts = np.asarray(mixed).reshape(batch, places, heads, width // heads).transpose(0, 2, 1, 3)
    return [parts.reshape(batch, places, width), weights]


multi_head = Exercise(
    inputs=_many_heads,
    compare=LOOSE,
    mistakes={
        "Split the width first, (batch, places, heads, size), then transpose: a reshape alone mixes places.": (
            _reshape_only
        ),
        "Move the heads back behind the places before you put them side by side.": _not_back,
        "Each head takes numbers that stand side by side: reshape to (…, heads, size), not (…, size, heads).": (
            _interleaved
        ),
        "Hand the mask on to the attention of the heads.": lambda solution, queries, keys, values, heads, mask: (
            solution(queries, keys, values, heads, None)
        ),
        "This is one head of the full width.": lambda solution, queries, keys, values, heads, mask: solution(
            queries, keys, values, 1, mask
        ),
    },
)

positions = Exercise(
    inputs=lambda rng: (int(rng.integers(5, 12)), 2 * int(rng.integers(2, 6))),
    compare=LOOSE,
    mistakes={
        "Sine and cosine alternate: even columns, odd columns.": lambda solution, length, width: np.concatenate(
            [np.asarray(solution(length, width))[:, 0::2], np.asarray(solution(length, width))[:, 1::2]], axis=1
        ),
        "Sines belong into the even columns, cosines into the odd ones.": lambda solution, length, width: (
            np.asarray(solution(length, width)).reshape(length, -1, 2)[..., ::-1].reshape(length, width)
        ),
        "Places count from 0.": lambda solution, length, width: np.asarray(solution(length + 1, width))[1:],
        "The exponent is 2i/d, where 2i is the number of the even column.": lambda solution, length, width: np.stack(
            [wave(np.arange(length)[:, None] / 10000 ** (np.arange(width // 2) / width)) for wave in (np.sin, np.cos)],
            axis=-1,
        ).reshape(length, width),
    },
)


def _cache(rng):
    batch, places, width = 3, int(rng.integers(2, 5)), 8
    arrays = _normal(rng, batch, 1, width), _normal(rng, batch, 1, 2 * width), _normal(rng, batch, places, 2 * width)
    return (*map(Tensor, arrays), 2)


def _turned(x):
    """Keys and values exchanged."""
    first, second = np.split(np.asarray(x), 2, axis=-1)
    return np.concatenate([second, first], axis=-1)


def _values_first(solution, query, key_value, past, heads):
    mixed, _ = solution(query, _turned(key_value), _turned(past), heads)
    return [mixed, np.concatenate([past, key_value], axis=1)]


def _not_itself(solution, query, key_value, past, heads):
    past = np.asarray(past)
    mixed, _ = solution(query, past[:, -1:], past[:, :-1], heads)
    return [mixed, np.concatenate([past, key_value], axis=1)]


attend_with_cache = Exercise(
    inputs=_cache,
    compare=LOOSE,
    mistakes={
        "Return the *longer* cache, with the new place.": lambda solution, query, key_value, past, heads: [
            solution(query, key_value, past, heads)[0],
            past,
        ],
        "The new place belongs at the end of the cache.": lambda solution, query, key_value, past, heads: [
            solution(query, key_value, past, heads)[0],
            np.concatenate([key_value, past], axis=1),
        ],
        "The new place may look at itself: attend after it has joined.": _not_itself,
        "Keys come first, values behind them.": _values_first,
        "The past is not looked at.": lambda solution, query, key_value, past, heads: [
            solution(query, key_value, np.asarray(past)[:, :0], heads)[0],
            np.concatenate([past, key_value], axis=1),
        ],
    },
)


def _logits(rng, index):
    """Logits whose highest score is often right; the rows differ in length, and padding scores badly or well."""
    tokens = _padded(rng)
    targets = np.where(tokens == PAD, PAD, tokens % 7 + 3)
    logits = _normal(rng, *targets.shape, 10)
    hit = rng.uniform(size=targets.shape) < 0.5
    logits[hit, targets[hit]] += 4
    return Tensor(logits), Tensor(targets.astype("int32")), (0.0, 0.1, 0.3)[index % 3]


def _nats(logits, targets, smoothing):
    logits, targets = np.asarray(logits, "float64"), np.asarray(targets)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    right = np.take_along_axis(log_p, targets[..., None], -1)[..., 0]
    return -(1 - smoothing) * right - smoothing * log_p.mean(axis=-1), logits.argmax(-1) == targets, targets != PAD


def _all_places(solution, logits, targets, smoothing):
    nats, hits, _ = _nats(logits, targets, smoothing)
    return [nats.mean(), hits.mean()]


def _all_places_in_the_sum(solution, logits, targets, smoothing):
    nats, hits, real = _nats(logits, targets, smoothing)
    return [(nats * real).mean(), (hits * real).mean()]


def _mean_of_means(solution, logits, targets, smoothing):
    nats, hits, real = _nats(logits, targets, smoothing)
    return [np.mean((part * real).sum(axis=1) / real.sum(axis=1)) for part in (nats, hits)]


def _others_only(solution, logits, targets, smoothing):
    """ε shared among the wrong pieces only."""
    pieces = logits.shape[-1]
    return solution(logits, targets, smoothing * pieces / (pieces - 1))


loss_and_accuracy = Exercise(
    inputs=_logits,
    cases=4,
    compare=LOOSE,
    mistakes={
        "Leave PAD out, of loss and accuracy.": _all_places,
        "Divide by the number of real targets, not by the number of places.": _all_places_in_the_sum,
        "Average over all real targets of the batch together, not sentence by sentence.": _mean_of_means,
        "The smoothing is not used.": lambda solution, logits, targets, smoothing: solution(logits, targets, 0.0),
        "ε is spread over *all* pieces, the right one among them.": _others_only,
        "Return the loss first, then the accuracy.": lambda solution, logits, targets, smoothing: list(
            solution(logits, targets, smoothing)
        )[::-1],
    },
)


def _looking(rng, index):
    tokens = rng.integers(3, 20, size=(3, 7)).astype("int32")
    return tokens, int(rng.integers(2, 5)), 30, (0.0, 0.5, 0.01)[index % 3]


def _with_the_place(solution, tokens, place, other, looks_ahead):
    """Counts the place itself, whose output may change."""
    changed = tokens.copy()
    changed[:, place] = other
    difference = _outputs(changed, looks_ahead) - _outputs(tokens, looks_ahead)
    return float(np.abs(difference)[:, : place + 1].max())


def _outputs(tokens, looks_ahead):
    numbers = tokens.astype("float64")
    return np.cumsum(numbers, axis=1) / np.arange(1, numbers.shape[1] + 1) + looks_ahead * numbers.mean(
        axis=1, keepdims=True
    )


def _signed(solution, tokens, place, other, looks_ahead):
    changed = tokens.copy()
    changed[:, place] = other
    return float((_outputs(tokens, looks_ahead) - _outputs(changed, looks_ahead))[:, :place].max())


def _first_row(solution, tokens, place, other, looks_ahead):
    return solution(tokens[:1], place, other, looks_ahead)


leak = Exercise(
    inputs=_looking,
    cases=4,
    compare=LOOSE,
    mistakes={
        "The output *at* the changed place may change: look only before it.": _with_the_place,
        "Both calls saw the same tokens: change a copy, and keep the original.": (
            lambda solution, tokens, place, other, looks_ahead: 0.0
        ),
        "The largest *absolute* change: outputs can fall as well as rise.": _signed,
        "Change and compare all rows, not only the first.": _first_row,
    },
)

warmup_rate = Exercise(
    inputs=lambda rng, index: (
        [int(rng.integers(1, 40)), 40, int(rng.integers(60, 190)), 200][index % 4],
        float(rng.uniform(0.5, 2)),
        40,
        200,
    ),
    cases=4,
    mistakes={
        "The rate is 0 at the last step: (n − s) / (n − w).": lambda solution, step, peak, warmup, total: (
            peak * min(step / warmup, (total - step) / total)
        ),
        "This is the paper's fall with 1/√step; ours falls along a line.": lambda solution, step, peak, warmup, total: (
            peak * min(step / warmup, (warmup / step) ** 0.5)
        ),
        "The warm-up is missing: the rate begins at 0 and rises.": lambda solution, step, peak, warmup, total: (
            peak * min(1.0, (total - step) / (total - warmup))
        ),
        "Take the smaller of the two, not the larger.": lambda solution, step, peak, warmup, total: (
            peak * max(step / warmup, (total - step) / (total - warmup))
        ),
    },
)


def _chain(rng):
    """Scores of the next of seven numbers; END is likely enough to come up in some rows."""
    matrix = rng.normal(size=(7, 7))
    matrix[:, [PAD, START]] -= 4
    matrix[:, END] += 0.3
    return matrix, int(rng.integers(5, 9))


def _chain_search(matrix, longest, stop=True, carry=True, feed=True):
    """Greedy decoding of the chain with one thing left out."""
    state, tokens, done, written = 0.3 * matrix[4:7], np.full(3, START), np.zeros(3, bool), []
    first = state
    while len(written) < longest and not (stop and done.all()):
        state = 0.5 * (state if carry else first) + matrix[tokens if feed else np.full(3, START)]
        tokens = state.argmax(axis=-1)
        if stop:
            tokens = np.where(done, PAD, tokens)
        done |= tokens == END
        written.append(tokens)
    return np.stack(written, axis=1).astype("int32")


greedy = Exercise(
    inputs=_chain,
    cases=8,
    compare=exact(),
    mistakes={
        "Behind END there is only PAD, and nothing more when all sentences have ended.": (
            lambda solution, matrix, longest: _chain_search(matrix, longest, stop=False)
        ),
        "Hand the new state to the next step.": lambda solution, matrix, longest: _chain_search(
            matrix, longest, carry=False
        ),
        "Feed back the piece that was chosen, not START again.": lambda solution, matrix, longest: _chain_search(
            matrix, longest, feed=False
        ),
        "START does not belong to what is returned.": lambda solution, matrix, longest: np.concatenate(
            [np.full((3, 1), START), np.asarray(solution(matrix, longest))], axis=1
        ).astype("int32"),
        "Return one row for each sentence: (batch, pieces).": lambda solution, matrix, longest: (
            np.asarray(solution(matrix, longest)).T
        ),
    },
)


def _beams(rng, index):
    """Totals of which some belong to finished beams; the first step in one case."""
    batch, beams, vocabulary = 2, 3, 8
    logits = rng.normal(size=(batch, beams, vocabulary)).astype("float32")
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    scores = -np.sort(rng.uniform(1, 4, size=(batch, beams)), axis=1).astype("float32")
    finished = np.zeros((batch, beams), bool)
    if index == 1:
        scores = np.full((batch, beams), -np.inf, "float32")
        scores[:, 0] = 0.0
    else:
        finished[np.arange(batch), rng.integers(beams, size=batch)] = True
    return scores, log_p, finished


def _best(totals, vocabulary, beams):
    order = np.argsort(-totals, axis=1, kind="stable")[:, :beams]
    best = np.take_along_axis(totals, order, 1)
    return [best, (order // vocabulary).astype("int32"), (order % vocabulary).astype("int32")]


def _one_each(solution, scores, log_p, finished):
    """The best continuation of each beam by itself."""
    log_p = np.where(finished[..., None], np.where(np.arange(log_p.shape[2]) == PAD, 0.0, -np.inf), log_p)
    piece = log_p.argmax(axis=2)
    best = (scores + log_p.max(axis=2)).astype("float32")
    order = np.argsort(-best, axis=1, kind="stable")
    pick = [np.take_along_axis(part, order, 1) for part in (best, piece)]
    return [pick[0], order.astype("int32"), pick[1].astype("int32")]


def _without_scores(solution, scores, log_p, finished):
    return solution(np.where(np.isfinite(scores), 0.0, scores).astype("float32"), log_p, finished)


def _pad_costs(solution, scores, log_p, finished):
    """A finished beam gets PAD, and pays for it."""
    log_p = np.where(finished[..., None] & (np.arange(log_p.shape[2]) != PAD), -np.inf, log_p).astype("float32")
    return solution(scores, log_p, np.zeros_like(finished))


def _exchanged(solution, scores, log_p, finished):
    best, origin, piece = solution(scores, log_p, finished)
    return [best, piece, origin]


beam_step = Exercise(
    inputs=_beams,
    cases=4,
    compare=LOOSE,
    mistakes={
        "Compare all beams · vocabulary continuations of a sentence: two of the best may continue the same beam.": (
            _one_each
        ),
        "Add the totals so far to the log-probabilities.": _without_scores,
        "A finished beam can only go on with PAD.": lambda solution, scores, log_p, finished: solution(
            scores, log_p, np.zeros_like(finished)
        ),
        "PAD behind END is free: its log-probability counts as 0.": _pad_costs,
        "First the old beams, then the pieces.": _exchanged,
    },
)
