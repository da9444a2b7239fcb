"""Inputs, comparisons and hints of lesson 08. No solutions."""

import numpy as np

from utils.checks import Exercise, Tensor, close, exact


def _float(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _logits_dropped_too(solution, rate, classes):
    return [*solution(rate, classes), f"Dropout {rate}"]


def _pixels_dropped(solution, rate, classes):
    return [f"Dropout {rate}", *solution(rate, classes)]


def _only_behind_the_last_hidden_layer(solution, rate, classes):
    words = solution(rate, classes)
    return [word for i, word in enumerate(words) if i != 1]


dense_network = Exercise(
    inputs=lambda rng: (float(rng.choice([0.1, 0.2, 0.3, 0.4])), int(rng.integers(3, 30))),
    compare=exact(),
    mistakes={
        "The logits are dropped too: the last layer has no dropout behind it.": _logits_dropped_too,
        "Dropout comes behind the hidden layers, not in front of the first one: no pixel is dropped here.": (
            _pixels_dropped
        ),
        "Dropout is missing behind the first hidden layer.": _only_behind_the_last_hidden_layer,
        "`rate` is the share that is dropped; you gave Keras the share that is kept.": lambda solution, rate, classes: (
            solution(round(1 - rate, 2), classes)
        ),
        "The logits are linear: no softmax, the loss applies it.": lambda solution, rate, classes: [
            word.replace("linear", "softmax") for word in solution(rate, classes)
        ],
        "The hidden layers need ReLU.": lambda solution, rate, classes: [
            word.replace("relu", "linear") for word in solution(rate, classes)
        ],
    },
)


def _losses(rng):
    """Training loss that falls, validation loss that turns."""
    epochs = int(rng.integers(8, 14))
    turn = int(rng.integers(3, epochs - 3))
    distance = np.abs(np.arange(epochs) - turn)
    train = 1.5 * 0.7 ** np.arange(epochs) + rng.uniform(0, 0.01, epochs)
    return np.sort(train)[::-1].copy(), 0.4 + 0.05 * distance + rng.uniform(0, 0.02, epochs)


diagnose = Exercise(
    inputs=_losses,
    mistakes={
        "Epochs count from 1, positions in Python from 0.": lambda solution, train, valid: (
            solution(train, valid)[0] - 1,
            *solution(train, valid)[1:],
        ),
        "The best epoch is that of the lowest *validation* loss.": lambda solution, train, valid: (
            int(np.argmin(train)) + 1,
            float(valid[-1] - valid[np.argmin(train)]),
            solution(train, valid)[2],
        ),
        "The rise is the last validation loss minus the lowest one.": lambda solution, train, valid: (
            solution(train, valid)[0],
            -solution(train, valid)[1],
            solution(train, valid)[2],
        ),
        "The gap is validation minus training loss.": lambda solution, train, valid: (
            *solution(train, valid)[:2],
            -solution(train, valid)[2],
        ),
        "The gap is that of the last epoch, not of the best one.": lambda solution, train, valid: (
            *solution(train, valid)[:2],
            float(valid.min() - train[np.argmin(valid)]),
        ),
    },
)


def _tiny_network(rng):
    """Rows that do not fill the last batch, and the statistics of one batch normalisation."""
    features, size = 3, 3
    rows = size * int(rng.integers(2, 4)) + int(rng.integers(1, 3))
    x = (2 * rng.normal(size=(rows, features)) + 1).astype("float32")
    return x, _float(rng, features), rng.uniform(0.5, 2, features).astype("float32"), size


def _training_mode(solution, x, mean, variance, size):
    parts = [x[i : i + size] for i in range(0, len(x), size)]
    return np.concatenate([(part - part.mean(axis=0)) / np.sqrt(part.var(axis=0) + 0.001) for part in parts])


compute_features = Exercise(
    inputs=_tiny_network,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The network ran in training mode: features must not depend on the batch; pass training=False.": _training_mode,
        "The last, incomplete batch is missing.": lambda solution, x, mean, variance, size: solution(
            x, mean, variance, size
        )[: len(x) // size * size],
        "Only the last batch came back: collect all of them.": lambda solution, x, mean, variance, size: solution(
            x, mean, variance, size
        )[(len(x) - 1) // size * size :],
        "Only the first batch came back: go on after it.": lambda solution, x, mean, variance, size: solution(
            x, mean, variance, size
        )[:size],
    },
)


def _joined(change):
    """A mistake that changes some of the facts about the joined network."""

    def mistake(solution, kernel, head_kernel, x):
        facts = solution(kernel, head_kernel, x)
        return {**facts, "output": np.asarray(facts["output"]), **change(facts)}

    return mistake


fine_tuned = Exercise(
    inputs=lambda rng: (_float(rng, 1, 1, 2, 4), _float(rng, 4, 3), _float(rng, 5, 3, 3, 2) + 1),
    cases=2,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "Batch normalisation still learns and moves: set trainable = False on these layers; "
        "training=False on the call of `upper` is overridden by fit.": _joined(
            lambda facts: {"learning": ["convolution", "batch normalisation", "head"], "statistics moved": True}
        ),
        "The convolutions are frozen: only batch normalisation is held, the rest of `upper` learns.": _joined(
            lambda facts: {"learning": ["head"]}
        ),
        "The head must learn too: leave it trainable.": _joined(lambda facts: {"learning": ["convolution"]}),
        "Return logits: no softmax, the loss applies it.": _joined(
            lambda facts: {"output": _softmax(np.asarray(facts["output"]))}
        ),
    },
)


def _two_sets(rng):
    """A linear network at the start of its training, and two sets that one true kernel has labelled."""
    true, x, x_second = _float(rng, 4, 3), _float(rng, 40, 4), _float(rng, 25, 4)
    return _float(rng, 4, 3), x, (x @ true).argmax(1), x_second, (x_second @ true).argmax(1), 1.0


def _before_each_epoch(solution, *args):
    untrained = solution(*args[:-1], 0.0)
    return np.concatenate([untrained[:1], solution(*args)[:-1]])


TwoTasks = Exercise(
    inputs=_two_sets,
    compare=close(rtol=1e-4, atol=1e-4),
    mistakes={
        "The two columns are swapped: the first set comes first.": lambda solution, *args: solution(*args)[:, ::-1],
        "These are the accuracies before each epoch: measure in on_epoch_end.": _before_each_epoch,
        "Append a row after each epoch; the history holds the last one only.": lambda solution, *args: solution(*args)[
            -1:
        ],
        "These are error rates: 1 − accuracy.": lambda solution, *args: 1 - solution(*args),
        "Accuracies are shares between 0 and 1, not percent.": lambda solution, *args: 100 * solution(*args),
    },
)


def _own_gradients(kernel, bias, x, y):
    """Gradients of each image's own loss for a linear network."""
    error = _softmax(x @ kernel + bias) - np.eye(len(bias), dtype="float32")[y]
    return x[:, :, None] * error[:, None, :], error


fisher_diagonal = Exercise(
    inputs=lambda rng: (_float(rng, 3, 4), _float(rng, 4), _float(rng, 6, 3), rng.integers(0, 4, 6)),
    compare=close(rtol=1e-3, atol=1e-5),
    mistakes={
        "This is the square of the mean gradient: square each image's own gradient first, then take the mean.": (
            lambda solution, *args: [rows.mean(axis=0) ** 2 for rows in _own_gradients(*args)]
        ),
        "The mean over images is asked for, not the sum.": lambda solution, *args: [
            len(args[2]) * np.asarray(part) for part in solution(*args)
        ],
        "The gradients are not squared.": lambda solution, *args: [rows.mean(axis=0) for rows in _own_gradients(*args)],
        "Squares, not absolute values.": lambda solution, *args: [
            np.abs(rows).mean(axis=0) for rows in _own_gradients(*args)
        ],
    },
)


def _springs(rng):
    shapes = ((3, 4), (4,), (4, 2))
    drawn = [[Tensor(_float(rng, *shape)) for shape in shapes] for _ in range(2)]
    fisher = [Tensor(rng.uniform(0.1, 2, shape).astype("float32")) for shape in shapes]
    return *drawn, fisher, float(rng.uniform(0.5, 5))


ewc_penalty = Exercise(
    inputs=_springs,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The factor ½ is missing.": lambda solution, w, anchors, fisher, strength: (
            2 * solution(w, anchors, fisher, strength)
        ),
        "All springs have the same stiffness: multiply each square by its Fisher information.": (
            lambda solution, w, anchors, fisher, strength: solution(w, anchors, [0 * f + 1 for f in fisher], strength)
        ),
        "Square the distances w − w*.": lambda solution, w, anchors, fisher, strength: (
            strength / 2 * sum(np.sum(f * (a - b)) for a, b, f in zip(w, anchors, fisher, strict=True))
        ),
        "Measure the distance from the old weights w*, not from 0.": lambda solution, w, anchors, fisher, strength: (
            solution(w, [0 * a for a in anchors], fisher, strength)
        ),
        "Sum over all variables, not over the first one only.": lambda solution, w, anchors, fisher, strength: solution(
            w[:1], anchors[:1], fisher[:1], strength
        ),
    },
)
