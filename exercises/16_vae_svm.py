"""Inputs, comparisons and hints of lesson 16. No solutions."""

import numpy as np

from utils.checks import Exercise, Tensor, close


def _floats(array):
    return Tensor(np.asarray(array, dtype="float32"))


def _gaussians(rng):
    """Means and log-variances of a few codes, away from 0 and 1."""
    n, d = int(rng.integers(3, 6)), int(rng.integers(6, 9))
    return rng.normal(size=(n, d)), rng.uniform(-2, 1, size=(n, d))


def _with_noise(rng):
    mean, log_variance = _gaussians(rng)
    return _floats(mean), _floats(log_variance), _floats(rng.normal(size=mean.shape))


reparameterise = Exercise(
    inputs=_with_noise,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "exp(log_variance) is the variance: σ is its square root, exp(log_variance / 2).": (
            lambda solution, mean, log_variance, noise: solution(mean, 2 * log_variance, noise)
        ),
        "The logarithm is still there: σ is exp(log_variance / 2).": lambda solution, mean, log_variance, noise: (
            mean + log_variance * noise
        ),
        "The mean is missing: noise · σ has to be moved to `mean`.": lambda solution, mean, log_variance, noise: (
            solution(0 * mean, log_variance, noise)
        ),
        "This is the mean itself: `noise` has to be used.": lambda solution, mean, log_variance, noise: solution(
            mean, log_variance, 0 * noise
        ),
    },
)

gaussian_kl = Exercise(
    inputs=lambda rng: tuple(map(_floats, _gaussians(rng))),
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "One number for each image *and* dimension: do not sum here.": lambda solution, mean, log_variance: np.asarray(
            solution(mean, log_variance)
        ).sum(axis=1),
        "The factor ½ is missing.": lambda solution, mean, log_variance: 2 * solution(mean, log_variance),
        "A KL divergence is never negative: check the sign.": lambda solution, mean, log_variance: (
            -solution(mean, log_variance)
        ),
        "σ² is exp(log_variance), not exp(log_variance / 2).": lambda solution, mean, log_variance: (
            solution(mean, log_variance / 2) - log_variance / 4
        ),
        "The mean counts with its square: μ².": lambda solution, mean, log_variance: (
            solution(mean, log_variance) - mean**2 / 2 + mean / 2
        ),
        "This is the KL of the prior from q: it is q that comes first.": lambda solution, mean, log_variance: (
            (log_variance + (1 + np.asarray(mean) ** 2) / np.exp(log_variance) - 1) / 2
        ),
    },
)


def _images(rng):
    """A few images with grey values, what a decoder says of them, and their codes."""
    mean, log_variance = _gaussians(rng)
    pixels = 12
    x, logits = rng.uniform(size=(len(mean), pixels)), rng.normal(size=(len(mean), pixels))
    return _floats(x), _floats(logits), _floats(mean), _floats(log_variance)


def _no_kl(solution, x, logits, mean, log_variance):
    return solution(x, logits, 0 * mean, 0 * log_variance)


def _kl(solution, x, logits, mean, log_variance):
    return _no_kl(solution, x, logits, mean, log_variance) - solution(x, logits, mean, log_variance)


def _mean_over_pixels(solution, x, logits, mean, log_variance):
    inputs = x, logits, mean, log_variance
    return _no_kl(solution, *inputs) / x.shape[1] - _kl(solution, *inputs)


def _mean_over_dimensions(solution, x, logits, mean, log_variance):
    inputs = x, logits, mean, log_variance
    return _no_kl(solution, *inputs) - _kl(solution, *inputs) / mean.shape[1]


def _both_means(solution, x, logits, mean, log_variance):
    inputs = x, logits, mean, log_variance
    return _no_kl(solution, *inputs) / x.shape[1] - _kl(solution, *inputs) / mean.shape[1]


def _kl_added(solution, *inputs):
    return _no_kl(solution, *inputs) + _kl(solution, *inputs)


def _squared_error(solution, x, logits, mean, log_variance):
    p = 1 / (1 + np.exp(-np.asarray(logits)))
    return -((np.asarray(x) - p) ** 2).sum(axis=1) - _kl(solution, x, logits, mean, log_variance)


def _sigmoid_twice(solution, x, logits, mean, log_variance):
    return solution(x, 1 / (1 + np.exp(-np.asarray(logits))), mean, log_variance)


elbo = Exercise(
    inputs=_images,
    compare=close(rtol=1e-4, atol=1e-4),
    mistakes={
        "Sum over the pixels: with a mean the KL weighs far too much.": _mean_over_pixels,
        "Sum the KL over the dimensions of the code.": _mean_over_dimensions,
        "Both terms are means here: each of them is a sum.": _both_means,
        "The code has to be paid for: subtract the KL.": _kl_added,
        "The KL is missing.": _no_kl,
        "Give the logits as they are: a sigmoid of them is taken inside.": _sigmoid_twice,
        "Pixels are coins: the cross-entropy, not the squared error.": _squared_error,
        "This is the loss; the bound has the other sign.": lambda solution, *inputs: -solution(*inputs),
        "One number for each image: do not take the mean over the images.": lambda solution, *inputs: np.mean(
            solution(*inputs)
        ),
    },
)


def _labels(rng):
    """Unequal classes, sorted as some files are, so that the first rows are of one class."""
    classes = int(rng.integers(3, 6))
    counts = rng.integers(12, 25, size=classes)
    return np.repeat(np.arange(classes), counts), 6 * classes, int(rng.integers(1000))


def _first_rows(solution, labels, n, seed):
    """What an adapter sees of a draw that takes the first rows of each class."""
    facts = solution(labels, n, seed)
    return {**facts, "two draws are equal": True, "most rows are reached by some draw": False}


def _with_replacement(solution, labels, n, seed):
    """How many different rows such draws hold, from the generator with the same seed."""
    rng = np.random.default_rng(seed)
    each = n // len(np.unique(labels))
    draws = [
        np.concatenate([rng.choice(np.flatnonzero(labels == label), each) for label in np.unique(labels)])
        for _ in range(40)
    ]
    return {
        **solution(labels, n, seed),
        "different rows in each draw": sorted({len(np.unique(rows)) for rows in draws}),
    }


def _unbalanced(solution, labels, n, seed):
    rows = np.random.default_rng(seed).permutation(len(labels))[:n]
    return {**solution(labels, n, seed), "rows of each class": np.unique(labels[rows], return_counts=True)[1]}


def _n_of_each(solution, labels, n, seed):
    """As many rows of each class as there should be in all; scaled down to what the classes hold."""
    classes = len(np.unique(labels))
    facts = solution(labels, n, seed)
    each = n // classes + 1
    return {
        **facts,
        "rows in each draw": [each * classes],
        "different rows in each draw": [each * classes],
        "rows of each class": facts["rows of each class"] + 1,
    }


balanced_rows = Exercise(
    inputs=_labels,
    mistakes={
        "These are the same rows each time: choose at random, with `rng`.": _first_rows,
        "A row may occur once only: draw without replacement.": _with_replacement,
        "The classes are not balanced: draw for each class by itself.": _unbalanced,
        "`n` is the number of all rows: each class gets n // classes.": _n_of_each,
        "Use the generator that you are given: a new one is not repeatable.": lambda solution, labels, n, seed: {
            **solution(labels, n, seed),
            "the same seed gives the same draw": False,
        },
    },
)


def _clouds(rng):
    """Overlapping clouds of points, so that settings and slips change the accuracy."""
    n, classes = 60, 3
    y = np.arange(n) % classes
    x = 1.1 * rng.normal(size=(classes, 2))[y] + rng.normal(size=(n, 2))
    distances = ((x[:, None] - x) ** 2).sum(axis=2)
    return distances, y, rng.permutation(n) % 4, float(rng.choice([1.0, 5.0])), float(rng.uniform(0.5, 2.0))


def _fitted(distances, y, gamma, C, fit, score):
    from sklearn.svm import SVC

    kernel = np.exp(-gamma * distances)
    svm = SVC(C=C, kernel="precomputed").fit(kernel[np.ix_(fit, fit)], y[fit])
    return svm.score(kernel[np.ix_(score, fit)], y[score])


def _scored_on_what_was_fitted(solution, distances, y, part, C, gamma):
    parts = [np.flatnonzero(part != number) for number in np.unique(part)]
    return np.mean([_fitted(distances, y, gamma, C, fit, fit) for fit in parts])


def _all_fitted(solution, distances, y, part, C, gamma):
    rows = np.arange(len(y))
    parts = [np.flatnonzero(part == number) for number in np.unique(part)]
    return np.mean([_fitted(distances, y, gamma, C, rows, score) for score in parts])


def _parts_exchanged(solution, distances, y, part, C, gamma):
    masks = [part == number for number in np.unique(part)]
    pairs = [(np.flatnonzero(mask), np.flatnonzero(~mask)) for mask in masks]
    return np.mean([_fitted(distances, y, gamma, C, fit, score) for fit, score in pairs])


cross_validate = Exercise(
    inputs=_clouds,
    cases=4,
    compare=close(atol=1e-3),
    mistakes={
        "Scored on the points of the fit: score the part that was left out.": _scored_on_what_was_fitted,
        "The part that is scored must be left out of the fit.": _all_fitted,
        "Fit on the many, score on the few: the parts are exchanged.": _parts_exchanged,
        "γ is not used: the kernel is exp(−γ · distance²).": lambda solution, distances, y, part, C, gamma: solution(
            distances, y, part, C, 1.0
        ),
        "The distances are squared already.": lambda solution, distances, y, part, C, gamma: solution(
            distances**2, y, part, C, gamma
        ),
        "C is not used: SVC(C=C, …).": lambda solution, distances, y, part, C, gamma: solution(
            distances, y, part, 0.05, gamma
        ),
    },
)
