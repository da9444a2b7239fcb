"""Inputs, comparisons and hints of lesson 19. No solutions."""

from itertools import permutations

import numpy as np

from utils.checks import Exercise, close, exact


def _turned(change):
    """A mistake that changes the images and labels of the right answer."""

    def mistake(solution, images):
        turned, labels = (np.asarray(part) for part in solution(images))
        return change(turned, labels, len(images))

    return mistake


def _clockwise(turned, labels, n):
    blocks = turned.reshape(4, n, *turned.shape[1:])
    return blocks[[0, 3, 2, 1]].reshape(turned.shape), labels


def _mirrored(turned, labels, n):
    wrong = turned.copy()
    wrong[2 * n : 3 * n] = turned[:n, ::-1]
    return wrong, labels


def _image_by_image(turned, labels, n):
    blocks = turned.reshape(4, n, *turned.shape[1:])
    return np.swapaxes(blocks, 0, 1).reshape(turned.shape), labels


four_turns = Exercise(
    inputs=lambda rng: (
        rng.uniform(size=(int(rng.integers(2, 4)), *2 * [int(rng.integers(3, 6))], 3)).astype("float32"),
    ),
    compare=close(),
    mistakes={
        "The labels do not follow the images: all unturned ones first, so repeat each number n times.": _turned(
            lambda turned, labels, n: (turned, np.tile(np.arange(4), n))
        ),
        "The images stand one after the other, each in four turns: first all unturned, then all turned once.": _turned(
            _image_by_image
        ),
        "This turns clockwise: rot90 turns the other way.": _turned(_clockwise),
        "A half turn is not a mirror image: left and right change places too.": _turned(_mirrored),
        "The labels are whole numbers, not vectors of zeros and a one.": _turned(
            lambda turned, labels, n: (turned, np.eye(4)[labels])
        ),
    },
)

ORDERS = np.array(list(permutations(range(4))))
NOT_OWN_INVERSE = np.flatnonzero((np.argsort(ORDERS, axis=1) != ORDERS).any(axis=1))


def _puzzles(rng):
    images = rng.uniform(size=(3, 8, 8, 3)).astype("float32")
    return images, rng.choice(NOT_OWN_INVERSE, 3, replace=False), int(rng.integers(1, 3))


def _inverse(solution, images, labels, gap):
    numbers = {tuple(order): number for number, order in enumerate(ORDERS)}
    return solution(images, np.array([numbers[tuple(np.argsort(ORDERS[label]))] for label in labels]), gap)


def _in_order(cells, labels):
    return np.stack([tiles[ORDERS[label]] for tiles, label in zip(cells, labels, strict=True)])


def _unshuffled(solution, images, labels, gap):
    return np.asarray(solution(images, np.zeros_like(labels), gap))


def _seams_only(solution, images, labels, gap):
    cells = _unshuffled(solution, images, labels, 0)
    size = cells.shape[2] - gap
    cut = [cells[:, k, gap * (k // 2) :, gap * (k % 2) :][:, :size, :size] for k in range(4)]
    cut = [part if k // 2 else part[:, :size] for k, part in enumerate(cut)]
    return _in_order(np.stack(cut, axis=1), labels)


def _columns_first(solution, images, labels, gap):
    return _in_order(_unshuffled(solution, images, labels, gap)[:, [0, 2, 1, 3]], labels)


jigsaw = Exercise(
    inputs=_puzzles,
    compare=close(),
    mistakes={
        "This is the inverse: place j *holds* the tile of cell ORDERS[label][j], it does not go there.": _inverse,
        "Each image has an order of its own: gather with batch_dims=1.": lambda solution, images, labels, gap: solution(
            images, np.full_like(labels, labels[0]), gap
        ),
        "Cut `gap` pixels off on all four sides, not only at the seams.": _seams_only,
        "The cells are numbered row by row: 0 and 1 on top.": _columns_first,
        "The gap is missing: the tiles still touch.": lambda solution, images, labels, gap: solution(images, labels, 0),
        "The tiles are in place: shuffle them.": _unshuffled,
    },
)


def _cosines(z):
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    return z @ z.T


def _picked(scores, rows, left_out):
    """Cross-entropy of the partner in these rows, with some entries left out of the sum."""
    n = len(scores) // 2
    partner = np.roll(np.arange(2 * n), n)
    powers = np.exp(scores) * ~left_out
    losses = np.log(powers.sum(axis=1)) - scores[np.arange(2 * n), partner]
    return float(np.mean(losses[rows]))


def _itself(z):
    return np.eye(len(z), dtype=bool)


def _partner_left_out(solution, z, temperature):
    partners = np.roll(_itself(z), len(z) // 2, axis=1)
    return _picked(_cosines(z) / temperature, slice(None), _itself(z) | partners)


nt_xent = Exercise(
    inputs=lambda rng: (
        rng.normal(size=(2 * int(rng.integers(2, 5)), 3)).astype("float32"),
        float(rng.uniform(0.2, 0.7)),
    ),
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "A view may not pick itself: mask the diagonal.": lambda solution, z, temperature: _picked(
            _cosines(z) / temperature, slice(None), np.zeros((len(z), len(z)), dtype=bool)
        ),
        "The length of a vector must not matter: normalise the rows.": lambda solution, z, temperature: _picked(
            z @ z.T / temperature, slice(None), _itself(z)
        ),
        "Divide by the temperature.": lambda solution, z, temperature: solution(z, 1 / temperature),
        "Rows i and i + n belong together, not rows that follow each other.": lambda solution, z, temperature: solution(
            np.concatenate([z[::2], z[1::2]]), temperature
        ),
        "Take the mean over all views, not the sum.": lambda solution, z, temperature: (
            len(z) * float(solution(z, temperature))
        ),
        "Both halves ask for their partner: take the mean over all 2n rows.": lambda solution, z, temperature: _picked(
            _cosines(z) / temperature, slice(len(z) // 2), _itself(z)
        ),
        "The partner stands in the sum below too: leave out only the view itself.": _partner_left_out,
    },
)

WAYS = ("partly", "frozen", "full")


def _changed(change):
    """A mistake that changes the facts of the right answer."""

    def mistake(solution, width, way):
        facts = dict(solution(width, way))
        return {**facts, **change(facts, width, way)}

    return mistake


def _without_norms(facts, width, way):
    if way != "partly":
        return {}
    return {
        "layers of the encoder that learn": "conv4, conv5",
        "numbers that learn": facts["numbers that learn"] - 2 * (8 + 16) * width,
    }


def _only_convolutions_frozen(facts, width, way):
    return (
        {"layers of the encoder that learn": "norm1, norm2, norm3, conv4, norm4, conv5, norm5"}
        if way == "partly"
        else {}
    )


classifier = Exercise(
    inputs=lambda rng, index: (int(rng.integers(1, 6)), WAYS[index % 3]),
    cases=3,
    compare=exact(),
    mistakes={
        "The loss applies the softmax (from_logits=True): the head gives scores, without activation.": _changed(
            lambda facts, *_: {"last layer": "Dense, softmax"}
        ),
        "A ReLU cuts off half of the scores: the head has no activation.": _changed(
            lambda facts, *_: {"last layer": "Dense, relu"}
        ),
        "Ten classes need ten scores.": _changed(lambda *_: {"scores": 1}),
        "The head has to learn in every way: set `trainable` of the encoder's layers only.": _changed(
            lambda facts, width, way: {"numbers that learn": facts["numbers that learn"] - 10 * 16 * width - 10}
        ),
        "The two are swapped: frozen means that nothing in the encoder learns.": (
            lambda solution, width, way: solution(width, {"frozen": "full", "full": "frozen"}.get(way, way))
        ),
        "The batch normalisations of the last stage learn too: see LAST_STAGE.": _changed(_without_norms),
        "The batch normalisations of the lower stages still learn: they would lose their means.": _changed(
            _only_convolutions_frozen
        ),
        "In the second way only the last stage learns, not all of the encoder.": (
            lambda solution, width, way: solution(width, "full" if way == "partly" else way)
        ),
    },
)


def _bill(rng):
    before = [
        [int(rng.integers(300, 900)), int(rng.integers(100, 300)), int(rng.integers(3000, 6000))],
        [int(rng.integers(50, 200)), int(rng.integers(30, 70)), int(rng.integers(3000, 6000))],
    ]
    return before, int(rng.integers(60, 130)), int(rng.integers(2000, 3000))


baseline_steps = Exercise(
    inputs=_bill,
    cases=4,
    compare=exact(),
    mistakes={
        "Pre-training is missing: add up everything in `before`.": lambda solution, before, batch, cost: solution(
            before[-1:], batch, cost
        ),
        "Round up: otherwise the baseline gets less.": lambda solution, before, batch, cost: (
            solution(before, batch, cost) - 1
        ),
        "Count multiply-adds, not images: an image does not cost the same everywhere.": (
            lambda solution, before, batch, cost: solution(
                [[steps, size, cost] for steps, size, _ in before], batch, cost
            )
        ),
        "A step of the baseline holds `batch` images: divide by it.": lambda solution, before, batch, cost: solution(
            before, 1, cost
        ),
        "Steps are not alike: one holds more images than another.": lambda solution, before, batch, cost: sum(
            steps for steps, _, _ in before
        ),
    },
)
