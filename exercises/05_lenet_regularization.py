"""Inputs, comparisons and hints of lesson 05. No solutions."""

from itertools import pairwise

import numpy as np

from utils.checks import Exercise, Rng, exact, sampled


def _step(rng):
    """Weights, gradient, learning rate and strength."""
    return rng.normal(size=5), rng.normal(size=5), float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.1, 0.5))


def _batch(rng, index):
    """A batch with its parameters; training and inference take turns."""
    features = 3
    x = rng.normal(2, 3, size=(6, features))
    gamma, beta = rng.uniform(0.5, 2, features), rng.normal(size=features)
    return x, gamma, beta, rng.normal(size=features), rng.uniform(0.5, 2, features), index % 2 == 0


def _statistics_of_batch_always(solution, x, gamma, beta, mean, variance, training):
    _, new_mean, new_variance = solution(x, gamma, beta, mean, variance, training)
    return solution(x, gamma, beta, mean, variance, True)[0], new_mean, new_variance


def _moving_statistics_always(solution, x, gamma, beta, mean, variance, training):
    _, new_mean, new_variance = solution(x, gamma, beta, mean, variance, training)
    return solution(x, gamma, beta, mean, variance, False)[0], new_mean, new_variance


def _momentum_swapped(solution, x, gamma, beta, mean, variance, training):
    out, _, _ = solution(x, gamma, beta, mean, variance, training)
    if training:
        mean, variance = 0.01 * mean + 0.99 * x.mean(axis=0), 0.01 * variance + 0.99 * x.var(axis=0)
    return out, mean, variance


def _moving_never_updated(solution, x, gamma, beta, mean, variance, training):
    return solution(x, gamma, beta, mean, variance, training)[0], mean, variance


def _wrong_axis(solution, x, gamma, beta, mean, variance, training):
    centred = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 0.001)
    _, new_mean, new_variance = solution(x, gamma, beta, mean, variance, training)
    return gamma * centred + beta, new_mean, new_variance


def _swap_batch_norm_and_relu(solution, setting):
    kinds = solution(setting)
    for i, pair in enumerate(pairwise(kinds)):
        if pair == ("BatchNormalization", "ReLU"):
            kinds[i], kinds[i + 1] = "ReLU", "BatchNormalization"
    return kinds


def _dropout_after_convolutions_too(solution, setting):
    kinds = solution(setting)
    if "Dropout" in kinds:
        kinds = [
            k for kind in kinds for k in ([kind, "Dropout"] if kind == "ReLU" else [kind] if kind != "Dropout" else [])
        ]
    return kinds


inverted_dropout = Exercise(
    inputs=lambda rng: (
        rng.uniform(0.5, 1.5, size=(8, 10)),
        float(rng.uniform(0.2, 0.6)),
        Rng(int(rng.integers(1000))),
    ),
    compare=sampled(),
    mistakes={
        "Not rescaled: divide what is kept by 1 − rate.": lambda solution, x, rate, rng: (
            solution(x, rate, rng) * (1 - rate)
        ),
        "`rate` is the share that is dropped, not the share that is kept.": lambda solution, x, rate, rng: solution(
            x, 1 - rate, rng
        ),
        "Keep and drop are right, but divide by 1 − rate instead of multiplying.": lambda solution, x, rate, rng: (
            solution(x, rate, rng) * (1 - rate) ** 2
        ),
        "Whole rows are dropped: draw one number for each element (size=x.shape).": lambda solution, x, rate, rng: (
            np.where(rng.uniform(size=(len(x), 1)) >= rate, x / (1 - rate), 0.0)
        ),
    },
)

l2_step = Exercise(
    inputs=_step,
    mistakes={
        "The gradient of strength · ‖w‖² is 2 · strength · w: the 2 is missing.": (
            lambda solution, w, g, rate, strength: solution(w, g, rate, strength / 2)
        ),
        "Descent goes against the gradient: subtract it.": lambda solution, w, g, rate, strength: (
            2 * w - solution(w, g, rate, strength)
        ),
        "The penalty is a part of the loss: its gradient is multiplied by the learning rate too.": (
            lambda solution, w, g, rate, strength: w - rate * g - 2 * strength * w
        ),
        "The penalty is missing.": lambda solution, w, g, rate, strength: solution(w, g, rate, 0.0),
    },
)

decay_step = Exercise(
    inputs=_step,
    mistakes={
        "Decay has no factor 2: it is not the gradient of anything.": lambda solution, w, g, rate, decay: solution(
            w, g, rate, 2 * decay
        ),
        "Multiply the decay by the learning rate too.": lambda solution, w, g, rate, decay: w - rate * g - decay * w,
        "The decay shrinks the weights: subtract it.": lambda solution, w, g, rate, decay: solution(w, g, rate, -decay),
    },
)

batch_norm = Exercise(
    inputs=_batch,
    cases=4,
    mistakes={
        "Inference must use the moving averages, not the statistics of the batch.": _statistics_of_batch_always,
        "Training must use the statistics of the batch, not the moving averages.": _moving_statistics_always,
        "momentum is the share of the *old* value that is kept.": _momentum_swapped,
        "The moving averages are not updated in training.": _moving_never_updated,
        "Mean and variance are taken for each feature over the batch: axis 0.": _wrong_axis,
    },
)

SETTINGS = ("none", "dropout", "L2 penalty", "batch norm", "all three")

build_lenet = Exercise(
    inputs=lambda rng, index: (SETTINGS[rng.permutation(len(SETTINGS))[index % len(SETTINGS)]],),
    cases=6,  # with the public seed all five settings come up
    compare=exact(),
    mistakes={
        "Batch normalisation comes before ReLU here: block normalises first.": _swap_batch_norm_and_relu,
        "Dropout is for the dense layers only: look at `dense`.": _dropout_after_convolutions_too,
        "The ReLU is missing.": lambda solution, setting: [kind for kind in solution(setting) if kind != "ReLU"],
        "This setting asks for batch normalisation.": lambda solution, setting: [
            kind for kind in solution(setting) if kind != "BatchNormalization"
        ],
        "This setting asks for dropout.": lambda solution, setting: [
            kind for kind in solution(setting) if kind != "Dropout"
        ],
    },
)
