"""Inputs, comparisons and hints of lesson 02. No solutions."""

from itertools import pairwise

import numpy as np

from utils.checks import Exercise, Tensor, close


def _layers(rng, widths=(1, 4, 3, 1), networks=2):
    """Layers (W, b) with a leading axis of networks, as plain arrays."""
    shapes = pairwise(widths)
    return [(_draw(rng, networks, a, b), _draw(rng, networks, 1, b)) for a, b in shapes]


def _draw(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _tensors(layers):
    return [(Tensor(weights), Tensor(bias)) for weights, bias in layers]


def _swap_last_activation(solution, layers, x):
    import tensorflow as tf

    return tf.tanh(solution(layers, x))


def _no_activation(solution, layers, x):
    h = x
    for weights, bias in layers:
        h = h @ weights + bias
    return h


def _no_bias(solution, layers, x):
    return solution([(weights, 0 * bias) for weights, bias in layers], x)


gaussian_nll = Exercise(
    inputs=lambda rng: (rng.normal(size=7), rng.normal(size=7), float(rng.uniform(0.3, 2.0))),
    mistakes={
        "You summed over the points; the exercise asks for the mean.": lambda solution, y, mean, sigma: (
            solution(y, mean, sigma) * len(y)
        ),
        "The constant ½ log(2πσ²) is missing.": lambda solution, y, mean, sigma: (
            solution(y, mean, sigma) - 0.5 * np.log(2 * np.pi * sigma**2)
        ),
        "This is the mean log-likelihood; the minus sign is missing.": lambda solution, y, mean, sigma: (
            -solution(y, mean, sigma)
        ),
        "Divide by 2σ², the variance, not by 2σ.": lambda solution, y, mean, sigma: (
            np.mean((y - mean) ** 2) / (2 * sigma) + 0.5 * np.log(2 * np.pi * sigma**2)
        ),
    },
)

forward = Exercise(
    inputs=lambda rng: (_tensors(_layers(rng)), Tensor(_draw(rng, 5, 1))),
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The last layer has no tanh: a regression must be able to leave [−1, 1].": _swap_last_activation,
        "The hidden layers need tanh; without it the whole network is one straight line.": _no_activation,
        "The biases are not added.": _no_bias,
    },
)

train_step = Exercise(
    inputs=lambda rng: (_layers(rng), _draw(rng, 6, 1), _draw(rng, 6, 1), float(rng.uniform(0.01, 0.1))),
    cases=2,
    compare=close(rtol=1e-3, atol=1e-4),
    mistakes={
        "The penalty is not part of the loss that is differentiated.": lambda solution, layers, x, y, weight: solution(
            layers, x, y, 0.0
        ),
        "Return the squared errors of each network (mean over points), without summing them up.": (
            lambda solution, layers, x, y, weight: _with_errors(solution(layers, x, y, weight), lambda e: e.sum())
        ),
        "Nothing was learned: apply the gradients to the variables with optimizer.apply.": (
            lambda solution, layers, x, y, weight: {
                "errors": [solution(layers, x, y, weight)["errors"][0]] * 2,
                "first weights": layers[0][0],
                "last bias": layers[-1][1],
            }
        ),
    },
)


def _with_errors(result, change):
    return {**result, "errors": [change(np.asarray(errors)) for errors in result["errors"]]}


def _weight_arrays(layers):
    return [np.asarray(weights) for weights, _ in layers]


squared_norm = Exercise(
    inputs=lambda rng: (_tensors(_layers(rng)),),
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "These are norms, not squared norms: a Gaussian prior asks for Σ w².": lambda solution, layers: sum(
            np.sqrt((w**2).sum(axis=(1, 2))) for w in _weight_arrays(layers)
        ),
        "One number for each network: sum over the last two axes only, not over networks.": lambda solution, layers: (
            np.asarray(solution(layers)).sum()
        ),
        "The biases are not penalised: leave b out.": lambda solution, layers: (
            np.asarray(solution(layers)) + sum((np.asarray(b) ** 2).sum(axis=(1, 2)) for _, b in layers)
        ),
        "Sum over weights instead of taking means: the prior is on every weight.": lambda solution, layers: sum(
            (w**2).mean(axis=(1, 2)) for w in _weight_arrays(layers)
        ),
    },
)

absolute_norm = Exercise(
    inputs=lambda rng: (_tensors(_layers(rng)),),
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The absolute value is missing: positive and negative weights cancel.": lambda solution, layers: sum(
            w.sum(axis=(1, 2)) for w in _weight_arrays(layers)
        ),
        "One number for each network: sum over the last two axes only, not over networks.": lambda solution, layers: (
            np.asarray(solution(layers)).sum()
        ),
        "These are squares; the Laplace prior asks for Σ |w|.": lambda solution, layers: sum(
            (w**2).sum(axis=(1, 2)) for w in _weight_arrays(layers)
        ),
    },
)

bias_variance = Exercise(
    inputs=lambda rng: (rng.normal(size=(4, 6)), rng.normal(size=6)),
    mistakes={
        "Bias compares the *mean* prediction with the target; this is the mean squared error.": (
            lambda solution, predictions, target: (
                np.mean((predictions - target) ** 2),
                np.mean(predictions.var(axis=0)),
            )
        ),
        "Variance is taken over training sets (axis 0), not over points.": lambda solution, predictions, target: (
            solution(predictions, target)[0],
            np.mean(predictions.var(axis=1)),
        ),
        "Divide by the number of training sets, not by one less (ddof=0).": lambda solution, predictions, target: (
            solution(predictions, target)[0],
            np.mean(predictions.var(axis=0, ddof=1)),
        ),
        "The bias is not squared.": lambda solution, predictions, target: (
            np.mean(predictions.mean(axis=0) - target),
            np.mean(predictions.var(axis=0)),
        ),
    },
)

predictive = Exercise(
    inputs=lambda rng: (rng.normal(size=(5, 4)), float(rng.uniform(0.05, 0.5))),
    mistakes={
        "This is a variance: take the square root for the standard deviation.": lambda solution, predictions, noise: (
            solution(predictions, noise)[0],
            solution(predictions, noise)[1] ** 2,
        ),
        "The noise is missing: even a perfect model cannot foresee it.": lambda solution, predictions, noise: (
            solution(predictions, noise)[0],
            predictions.std(axis=0),
        ),
        "Variances add, standard deviations do not: add, then take the root.": lambda solution, predictions, noise: (
            solution(predictions, noise)[0],
            np.sqrt(noise) + predictions.std(axis=0),
        ),
    },
)
