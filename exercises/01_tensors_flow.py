"""Inputs, comparisons and hints of lesson 01. No solutions."""

from itertools import pairwise

import numpy as np

from utils.checks import Exercise, Tensor, close


def _draw(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _scored_batches(rng):
    """Batches (logits, labels) of unequal sizes; about two labels in three are where the highest logit is."""
    batches = []
    for size in (7, 7, 3):
        logits = _draw(rng, size, 4)
        labels = np.where(rng.uniform(size=size) < 0.65, logits.argmax(axis=1), rng.integers(4, size=size))
        batches.append((Tensor(logits), Tensor(labels)))
    return (batches,)


def _correct(batch, axis=1):
    logits, labels = (np.asarray(part) for part in batch)
    return (logits.argmax(axis=axis) == labels).mean()


accuracy = Exercise(
    inputs=_scored_batches,
    cases=4,
    mistakes={
        "This is the mean of the batches' accuracies: a small batch must not count as much as a large one.": (
            lambda solution, batches: np.mean([_correct(batch) for batch in batches])
        ),
        "Only the last batch was counted: add up over all batches before you divide.": (
            lambda solution, batches: _correct(batches[-1])
        ),
        "Return a share between 0 and 1, not percent.": lambda solution, batches: 100 * solution(batches),
        "This is the share of wrong guesses: 1 minus the accuracy.": lambda solution, batches: 1 - solution(batches),
        "The lowest logit was taken for the guess: use argmax, not argmin.": lambda solution, batches: solution(
            [(-logits, labels) for logits, labels in batches]
        ),
    },
)


def _logits(rng, index):
    """Moderate logits first, then rows that lie at very different, large levels."""
    logits = 2 * _draw(rng, 4, 5)
    if index:
        logits += np.array([[0], [1000], [-1000], [60]], dtype="float32")[rng.permutation(4)]
    return logits


def _quiet(function):
    """Without NumPy's warnings of overflow, which are the point here."""

    def run(*args):
        with np.errstate(all="ignore"):
            return function(*args)

    return run


def _ratio(z, axis=1):
    exponentials = np.exp(z)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


softmax = Exercise(
    inputs=lambda rng, index: (Tensor(_logits(rng, index)),),
    compare=close(rtol=1e-4, atol=1e-6),
    mistakes={
        "Large logits overflow: subtract the largest logit of each row before tf.exp.": _quiet(
            lambda solution, logits: _ratio(np.asarray(logits))
        ),
        "Subtract the largest logit of each *row* (axis=1, keepdims=True), not that of the whole tensor.": _quiet(
            lambda solution, logits: _ratio(np.asarray(logits) - np.max(logits))
        ),
        "Each column sums to 1; it should be each row: use axis=1.": lambda solution, logits: _ratio(
            np.asarray(logits) - np.max(logits, axis=0), axis=0
        ),
        "The rows do not sum to 1: divide by the sum of each row.": lambda solution, logits: np.exp(
            np.asarray(logits) - np.max(logits, axis=1, keepdims=True)
        ),
        "These are logarithms of probabilities: leave out the logarithm.": _quiet(
            lambda solution, logits: _log_softmax(np.asarray(logits))
        ),
    },
)


def _log_softmax(z):
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _labels_and_logits(rng, index):
    """In all cases but the first, the last image is certain and wrong: its probability is rounded to zero."""
    logits = 2 * _draw(rng, 5, 4)
    labels = rng.integers(4, size=5)
    if index:
        logits[-1, labels[-1]] = -200 - 10 * index
    return Tensor(labels), Tensor(logits)


def _scaled(factor):
    """The mistake of a loss that is too large by `factor(labels, logits)`."""

    def wrong(solution, labels, logits):
        right, times = solution(labels, logits), factor(labels, logits)
        return {name: times * np.asarray(value) for name, value in right.items()}

    return wrong


def _log_of_probability(solution, labels, logits):
    """The loss through probabilities, and what the tape makes of it."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(logits)
        right = tf.gather(tf.nn.softmax(logits), labels, batch_dims=1)
        loss = -tf.reduce_mean(tf.math.log(right))
    return {"loss": loss, "gradient": tape.gradient(loss, logits)}


cross_entropy = Exercise(
    inputs=_labels_and_logits,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "You summed over the images; take the mean.": _scaled(lambda labels, logits: len(labels)),
        "The sign is wrong: a loss is log Σ exp(z) minus the logit of the right class.": _scaled(
            lambda labels, logits: -1
        ),
        "You also divided by the number of classes: take the mean over images only.": _scaled(
            lambda labels, logits: 1 / logits.shape[1]
        ),
        "A probability was rounded to 0 and its logarithm is not finite: use the form on the right.": (
            _log_of_probability
        ),
        "The tape lost track: use TensorFlow's operations, not NumPy's.": lambda solution, labels, logits: {
            "loss": solution(labels, logits)["loss"],
            "gradient": None,
        },
    },
)


def _step_inputs(rng):
    shapes = ((3, 4), (4,), ())
    values, gradients = ([np.asarray(_draw(rng, *shape)) for shape in shapes] for _ in range(2))
    return values, gradients, float(rng.uniform(0.05, 0.5))


sgd_step = Exercise(
    inputs=_step_inputs,
    mistakes={
        "This climbs: step *against* the gradient.": lambda solution, values, gradients, rate: solution(
            values, gradients, -rate
        ),
        "The gradient is not multiplied by the learning rate.": lambda solution, values, gradients, rate: solution(
            values, gradients, 1.0
        ),
        "The variables did not move: change them in place, with assign_sub.": (
            lambda solution, values, gradients, rate: values
        ),
        "Only the first variable moved: go through all of them.": lambda solution, values, gradients, rate: [
            solution(values, gradients, rate)[0],
            *values[1:],
        ],
        "The variable was replaced by the step: subtract the step from it.": (
            lambda solution, values, gradients, rate: [-rate * gradient for gradient in gradients]
        ),
    },
)


def _network(rng, index):
    """Three, four and one layer."""
    widths = ((4, 5, 5, 3), (4, 6, 5, 6, 3), (4, 3))[index]
    layers = [(Tensor(_draw(rng, a, b)), Tensor(_draw(rng, b))) for a, b in pairwise(widths)]
    return layers, Tensor(_draw(rng, 6, 4)), ("tanh", "relu", "relu")[index]


def _active(name, h):
    return np.tanh(h) if name == "tanh" else np.maximum(h, 0)


def _activation_first(solution, layers, x, activation):
    h = np.asarray(x)
    for weights, bias in layers:
        h = _active(activation, h) @ np.asarray(weights) + np.asarray(bias)
    return h


def _no_activation(solution, layers, x, activation):
    h = np.asarray(x)
    for weights, bias in layers:
        h = h @ np.asarray(weights) + np.asarray(bias)
    return h


forward = Exercise(
    inputs=_network,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The last layer has no activation: logits may be negative and large.": (
            lambda solution, layers, x, activation: _active(activation, np.asarray(solution(layers, x, activation)))
        ),
        "The hidden layers need the activation: without it the whole network is one matrix.": _no_activation,
        "The activation comes after the product, and the input itself gets none.": _activation_first,
        "The biases are not added.": lambda solution, layers, x, activation: solution(
            [(weights, 0 * bias) for weights, bias in layers], x, activation
        ),
        "Only the first and the last layer were used: loop over all hidden layers.": (
            lambda solution, layers, x, activation: solution([layers[0], layers[-1]][-len(layers) :], x, activation)
        ),
    },
)
