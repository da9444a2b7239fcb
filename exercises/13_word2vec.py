"""Inputs, comparisons and hints of lesson 13. No solutions."""

import numpy as np

from utils.checks import Exercise, Rng, close, exact

count_pairs = Exercise(
    inputs=lambda rng, index: (
        (int(rng.integers(3, 6)), int(rng.integers(6, 9)))  # shorter than the window
        if index == 2
        else (int(rng.integers(9, 30)), int(rng.integers(2, 6)))
    ),
    compare=exact(),
    mistakes={
        "At both ends a centre has fewer neighbours than 2 · window.": lambda solution, length, window: (
            2 * length * window
        ),
        "(a, b) and (b, a) are two pairs: each word is a centre once.": lambda solution, length, window: (
            solution(length, window) // 2
        ),
        "A word is no context of itself.": lambda solution, length, window: solution(length, window) + length,
    },
)


def _text(rng):
    """Few different words, so that a word meets itself; radii from 1 to 3, both ends included."""
    length = int(rng.integers(9, 14))
    return rng.integers(0, 6, length), np.concatenate([[3, 1], rng.integers(1, 4, length - 4), [2, 3]])


def _sorted(pairs):
    pairs = np.asarray(pairs)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _one_side(solution, tokens, radii):
    places = solution(np.arange(len(tokens)), radii)
    return _sorted(tokens[places[places[:, 1] > places[:, 0]]])


def _with_itself(solution, tokens, radii):
    return _sorted(np.concatenate([solution(tokens, radii), np.stack([tokens, tokens], axis=1)]))


def _around_the_end(solution, tokens, radii):
    pairs = []
    for offset in range(1, int(radii.max()) + 1):
        for shift in (offset, -offset):
            wide = radii >= offset
            pairs.append(np.stack([tokens[wide], np.roll(tokens, shift)[wide]], axis=1))
    return _sorted(np.concatenate(pairs))


skip_gram_pairs = Exercise(
    inputs=_text,
    compare=exact(),
    mistakes={
        "The radius is that of the *centre*, which stands in the first column.": lambda solution, tokens, radii: (
            _sorted(solution(tokens, radii)[:, ::-1])
        ),
        "Each centre has a context on both sides.": _one_side,
        "A word is no context of itself: begin with distance 1.": _with_itself,
        "The text is no ring: the first word has no neighbour on its left.": _around_the_end,
        "Every centre has its own radius: this takes the largest for all.": lambda solution, tokens, radii: _sorted(
            solution(tokens, np.full_like(radii, radii.max()))
        ),
    },
)

keep_probability = Exercise(
    inputs=lambda rng: (
        np.sort(rng.integers(1, 3000, 8))[::-1].astype(float),
        float(rng.choice([0.02, 0.05])),
    ),
    compare=close(),
    mistakes={
        "This is the probability to drop a word.": lambda solution, counts, threshold: 1 - solution(counts, threshold),
        "A probability is at most 1: rare words are always kept.": lambda solution, counts, threshold: np.sqrt(
            threshold / (counts / counts.sum())
        ),
        "f is a share of the text: divide the counts by their sum.": lambda solution, counts, threshold: np.minimum(
            1.0, np.sqrt(threshold / counts)
        ),
        "The square root is missing.": lambda solution, counts, threshold: np.minimum(
            1.0, threshold / (counts / counts.sum())
        ),
    },
)


def _vectors(rng):
    """Vectors of very different lengths, so that an inner product is no cosine."""
    return rng.normal(size=(14, 4)) * rng.uniform(0.2, 5.0, size=(14, 1))


nearest = Exercise(
    inputs=lambda rng: (_vectors(rng), int(rng.integers(14)), 4),
    compare=exact(),
    mistakes={
        "The nearest word to a word is the word itself: leave it out.": lambda solution, vectors, word, n: np.append(
            word, solution(vectors, word, n - 1)
        ),
        "Scale every vector to length 1 first: this ranks by the inner product.": lambda solution, vectors, word, n: [
            i for i in np.argsort(-(vectors @ vectors[word]), kind="stable") if i != word
        ][:n],
        "The largest cosine comes first: these are the farthest words.": lambda solution, vectors, word, n: solution(
            vectors, word, len(vectors) - 1
        )[::-1][:n],
    },
)


def _questions(rng):
    """Questions whose answer, were it allowed, would often be one of their own words."""
    vectors = _vectors(rng)
    a, b, c = np.array([rng.permutation(len(vectors))[:3] for _ in range(12)]).T
    return vectors, a, b, c


def _taken(solution, vectors, a, b, c):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return ((unit[a] - unit[b] + unit[c]) @ unit.T).argmax(axis=1)


def _long_vectors(solution, vectors, a, b, c):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    closeness = (vectors[a] - vectors[b] + vectors[c]) @ unit.T
    for taken in (a, b, c):
        closeness[np.arange(len(a)), taken] = -np.inf
    return closeness.argmax(axis=1)


analogy = Exercise(
    inputs=_questions,
    compare=exact(),
    mistakes={
        "The three words of the question are no answers: leave them out.": _taken,
        "b is taken away and c is added: a − b + c.": lambda solution, vectors, a, b, c: solution(vectors, a, c, b),
        "a is added and b is taken away: this is b − a + c.": lambda solution, vectors, a, b, c: solution(
            vectors, b, a, c
        ),
        "Scale the vectors to length 1 before you add them.": _long_vectors,
    },
)


def _batch(rng, index):
    """A few vectors; in the last case scores are so large that their exponentials overflow."""
    scale = 60.0 if index == 2 else 1.0
    h, outputs = rng.normal(size=(5, 3)), scale * rng.normal(size=(7, 3))
    return h, outputs, rng.integers(0, 7, 5)


def _summed(solution, h, outputs, targets):
    return tuple(len(h) * part for part in solution(h, outputs, targets))


def _without_targets(solution, h, outputs, targets):
    score = h @ outputs.T
    p = np.exp(score - score.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True) * len(h)
    return solution(h, outputs, targets)[0], p @ outputs, p.T @ h


def _overflowing(solution, h, outputs, targets):
    with np.errstate(all="ignore"):
        e = np.exp(h @ outputs.T * 20)  # overflows in the last case
        loss, *gradients = solution(h, outputs, targets)
        return (loss if np.isfinite(e).all() else np.nan, *gradients)


full_softmax = Exercise(
    inputs=_batch,
    compare=close(rtol=1e-5, atol=1e-7),
    mistakes={
        "Take the mean over the batch, not the sum.": _summed,
        "The gradient of the scores is p − y: the target's 1 is not taken away.": _without_targets,
        "Large scores overflow: take the largest score of each row away before the exponential.": _overflowing,
        "The sign of the gradients: this makes the loss larger.": lambda solution, h, outputs, targets: (
            solution(h, outputs, targets)[0],
            *(-part for part in solution(h, outputs, targets)[1:]),
        ),
    },
)


def _with_power(power):
    """Draws as they would be with another exponent: 3/4 of these counts is `power` of the true ones."""
    return lambda solution, counts, n, k, rng: solution(counts ** (power / 0.75), n, k, rng)


def _with_hits(solution, counts, n, k, rng):
    noise = counts**0.75 / (counts**0.75).sum()
    contexts = np.arange(n) % len(counts)
    first = rng.choice(len(counts), (n, k), p=noise)
    return {
        "shape": [n, k],
        "accidental hits": int((first == contexts[:, None]).sum()),
        "share of each word": np.bincount(first.ravel(), minlength=len(counts)) / first.size,
        "the second draw repeats the first": False,
        "share of rows like the row before": float((first[1:] == first[:-1]).all(axis=-1).mean()),
    }


def _the_same_again(solution, counts, n, k, rng):
    return {**solution(counts, n, k, rng), "the second draw repeats the first": True}


draw_negatives = Exercise(
    inputs=lambda rng: (
        rng.permutation([900.0, 100.0, 60.0, 25.0, 12.0, 6.0]),
        2400,
        int(rng.integers(4, 7)),
        Rng(int(rng.integers(2**31))),
    ),
    compare=close(rtol=0, atol=0.03),
    mistakes={
        "A negative equals the context in some rows: draw these again.": _with_hits,
        "The noise is the count to the power of 3/4, not the count itself.": _with_power(1.0),
        "The noise is not uniform: frequent words come more often.": _with_power(0.0),
        "Draw afresh in every call: take all random numbers from `rng`.": _the_same_again,
    },
)


def _pairs_with_negatives(rng):
    b, k, d = 4, int(rng.integers(2, 5)), 3
    return rng.normal(size=(b, d)), rng.normal(size=(b, d)), rng.normal(size=(b, k, d))


def _mean_of_negatives(solution, h, positive, negatives):
    """The sum over negatives divided by k."""
    k = negatives.shape[1]
    loss_all, h_all, gradient, negative = solution(h, positive, negatives)
    loss_real, h_real = solution(h, positive, negatives[:, :0])[:2]
    return loss_real + (loss_all - loss_real) / k, h_real + (h_all - h_real) / k, gradient, negative / k


def _no_push_on_h(solution, h, positive, negatives):
    loss, _, *rest = solution(h, positive, negatives)
    return loss, solution(h, positive, negatives[:, :0])[1], *rest


def _negatives_as_real(solution, h, positive, negatives):
    """σ(z) − 1 for negatives too: what they give with the sign of h turned."""
    loss_real, h_real, gradient, _ = solution(h, positive, negatives[:, :0])
    z = np.einsum("bd,bkd->bk", h, negatives)
    delta = 1 / (1 + np.exp(-z)) - 1
    loss = loss_real + np.logaddexp(0, -z).sum()
    return loss, h_real + np.einsum("bk,bkd->bd", delta, negatives), gradient, delta[:, :, None] * h[:, None, :]


negative_sampling = Exercise(
    inputs=_pairs_with_negatives,
    compare=close(),
    mistakes={
        "Sum over the k negatives, do not take their mean.": _mean_of_negatives,
        "The negatives push the centre too: they are missing in the gradient for h.": _no_push_on_h,
        "A negative has the label 0: its term is −log σ(−h · u).": _negatives_as_real,
        "Sum over the pairs, do not take the mean.": lambda solution, h, positive, negatives: tuple(
            part / len(h) for part in solution(h, positive, negatives)
        ),
    },
)
