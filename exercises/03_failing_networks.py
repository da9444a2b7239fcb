"""Inputs, comparisons and hints of lesson 03. No solutions."""

from itertools import permutations

import numpy as np

from utils.checks import Exercise, Tensor, close, exact


def _activations(rng):
    """ReLU outputs: one to three dead units, one silent image."""
    activations = np.maximum(rng.normal(size=(6, 8)), 0).astype("float32")
    activations[:, rng.permutation(8)[: rng.integers(1, 4)]] = 0
    activations[rng.integers(6)] = 0
    return (activations,)


dead_share = Exercise(
    inputs=_activations,
    mistakes={
        "This is the share of zeros. A unit is dead only if it is 0 for every image.": lambda solution, a: np.mean(
            a == 0
        ),
        "These are images without any active unit; units are columns: look along axis 0.": lambda solution, a: np.mean(
            np.all(a == 0, axis=1)
        ),
        "One image with 0 does not make a unit dead: all, not any.": lambda solution, a: np.mean(
            np.any(a == 0, axis=0)
        ),
        "This is the share of living units.": lambda solution, a: 1 - solution(a),
    },
)


def _records(rng):
    """A step, scalars, four to six small pictures, activations of which one layer is not all finite, gradients."""
    sick = rng.normal(size=(5, 6)).astype("float32")
    sick[0, :2] = np.nan
    sick[1, 0] = np.inf
    well = rng.normal(size=(5, 6)).astype("float32")
    return (
        int(rng.integers(1, 1000)),
        {"loss/training": float(rng.uniform(0.1, 2.5)), "accuracy/training": float(rng.uniform())},
        Tensor(rng.uniform(size=(int(rng.integers(4, 7)), 4, 5, 1)).astype("float32")),
        {"hidden1": Tensor(well), "hidden2": Tensor(sick)},
        {name: Tensor(rng.normal(size=(6, 4)).astype("float32")) for name in ("dense1", "dense2")},
    )


def _with_values(result, start, change):
    """What was written, with the values of the tags that begin with `start` changed."""
    return {
        tag: {**record, "value": change(record["value"])} if tag.startswith(start) else record
        for tag, record in result.items()
    }


def _unfiltered(solution, step, scalars, inputs, activations, gradients):
    result = solution(step, scalars, inputs, activations, gradients)
    blank = np.array([[np.nan, np.nan, 0.0]] * 30, dtype="float32")
    return _with_values(result, "activations/hidden2", lambda value: blank)


def _zeros_for_nan(solution, step, scalars, inputs, activations, gradients):
    filled = {name: np.nan_to_num(np.asarray(a), posinf=0.0, neginf=0.0) for name, a in activations.items()}
    return solution(step, scalars, inputs, filled, gradients)


log_step = Exercise(
    inputs=_records,
    cases=2,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "A NaN makes the whole histogram NaN: keep the finite values with tf.boolean_mask.": _unfiltered,
        "Leave values that are not finite out; written as 0 they look like measurements.": _zeros_for_nan,
        "Without max_outputs only three images are written.": lambda solution, step, scalars, inputs, *rest: solution(
            step, scalars, inputs[:3], *rest
        ),
        "This is the squared norm of the gradient: take the root, or use tf.norm.": lambda solution, *args: (
            _with_values(solution(*args), "gradient_norm/", lambda value: value**2)
        ),
        "Pass step=step to every summary, else all records lie on top of each other.": lambda solution, step, *rest: (
            solution(0, *rest)
        ),
    },
)

KINDS = ("nan", "infinite", "dead", "vanishing", "noisy", "faint", "wrong loss", "trained", "untrained")


def _signals(rng, index):
    """Signals of one kind, in the order of KINDS."""
    sd, last = rng.uniform(0.2, 0.4), rng.uniform(0.1, 2.0)
    signals = {
        "loss": rng.uniform(0.1, 0.5),
        "accuracy": rng.uniform(0.85, 0.99),
        "dead": rng.uniform(0.0, 0.4),
        "first_gradient": last * rng.uniform(0.3, 3.0),
        "last_gradient": last,
        "training_sd": sd * rng.uniform(0.9, 1.1),
        "validation_sd": sd,
    }
    poor = {"loss": rng.uniform(2.2, 2.4), "accuracy": rng.uniform(0.08, 0.2)}
    changes = {
        "nan": {"loss": np.nan, "accuracy": 0.1, "first_gradient": np.nan, "last_gradient": np.nan},
        "infinite": {"loss": np.inf, "accuracy": 0.1},
        "dead": poor | {"dead": 1.0, "first_gradient": 0.0},
        "vanishing": poor | {"first_gradient": last * 10 ** rng.uniform(-9, -4)},
        "noisy": {"training_sd": sd * rng.uniform(2, 20), "loss": rng.uniform(1.9, 2.2), "accuracy": 0.3},
        "faint": {"training_sd": sd * rng.uniform(0.01, 0.5), "loss": rng.uniform(0.8, 1.2)},
        "wrong loss": {"loss": rng.uniform(1.5, 1.6)},
        "trained": {},
        "untrained": poor,
    }[KINDS[index % len(KINDS)]]
    return ({key: float(value) for key, value in (signals | changes).items()},)


def _nan_missed(solution, signals):
    return solution({**signals, "loss": 2.3}) if np.isnan(signals["loss"]) else solution(signals)


def _vanishing_first(solution, signals):
    vanishing = signals["first_gradient"] < signals["last_gradient"] / 1000
    return "vanishing gradient" if vanishing and np.isfinite(signals["loss"]) else solution(signals)


def _only_larger(solution, signals):
    return solution({**signals, "training_sd": max(signals["training_sd"], signals["validation_sd"])})


def _loss_alone(solution, signals):
    return solution({**signals, "accuracy": 1.0})


diagnose = Exercise(
    inputs=_signals,
    cases=len(KINDS),
    compare=exact(),
    mistakes={
        "Every comparison with NaN is false: ask np.isfinite.": _nan_missed,
        "Dead units make the first gradient 0 too: test for them before vanishing gradients.": _vanishing_first,
        "The training inputs can also be the smaller ones: compare the ratio with 1.5 and with 1/1.5.": _only_larger,
        "A high loss alone is an untrained network; the loss is wrong only if accuracy is high beside it.": _loss_alone,
    },
)

SICK = ("explosion", "vanishing gradient", "dead units", "other inputs", "wrong loss")


def _sick_recipe(rng, index):
    """A fault, and a recipe that has it; which numbers it has depends on the seed."""
    fault = SICK[index % len(SICK)]
    size = float(rng.uniform(0.09, 0.11))
    recipe = {
        "depth": 2,
        "activation": "relu",
        "weights": (-size, size),
        "normalise": False,
        "noise": 0.0,
        "output": "linear",
        "rate": 0.1,
    }
    deep, large = int(rng.integers(7, 10)), float(rng.uniform(0.38, 0.5))
    changes = {
        "explosion": {"depth": deep, "weights": (-large, large)},
        "vanishing gradient": {"depth": deep, "activation": "sigmoid"},
        "dead units": {"depth": 3, "weights": (-large / 2, 0.0)},
        "other inputs": {"noise": float(rng.uniform(2, 6))},
        "wrong loss": {"output": "softmax"},
    }
    return fault, recipe | changes[fault]


def _outcome(count, healthy):
    return lambda solution, fault, recipe: {"entries changed": count, "healthy at the start": healthy}


repair = Exercise(
    inputs=_sick_recipe,
    cases=len(SICK),
    compare=exact(),
    mistakes={
        "Nothing has changed: return a copy with another value in one entry.": _outcome(0, False),
        "The network is healthy, but you changed two entries: find the one that matters.": _outcome(2, True),
        "One entry changed, and not the one that matters: grow, fade, die or differ, which entry causes it?": _outcome(
            1, False
        ),
        "Two entries changed, and the fault is still there.": _outcome(2, False),
    },
)

ORDERS = tuple(permutations(("shuffle", "batch", "repeat")))


def _order(rng, index):
    """One of the six orders, with sizes that leave a short batch."""
    batch_size = int(rng.integers(3, 6))
    n = batch_size * int(rng.integers(2, 5)) + int(rng.integers(1, batch_size))
    return ORDERS[index % len(ORDERS)], n, batch_size, int(rng.integers(2, 4))


def _changed(**how):
    """The right answer with entries replaced by functions of (right answer, n, batch_size, epochs)."""

    def mistake(solution, order, n, batch_size, epochs):
        right = solution(order, n, batch_size, epochs)
        return {**right, **{key.replace("_", " "): change(right, n, batch_size, epochs) for key, change in how.items()}}

    return mistake


def _swapped(solution, order, n, batch_size, epochs):
    """Batch and repeat confused, the rest right."""
    swapped = tuple({"batch": "repeat", "repeat": "batch"}.get(word, word) for word in order)
    other = solution(swapped, n, batch_size, epochs)
    return {**solution(order, n, batch_size, epochs), "batches": other["batches"], "short": other["short"]}


predict = Exercise(
    inputs=_order,
    cases=len(ORDERS),
    compare=exact(),
    mistakes={
        "The short batches are batches too: round up.": _changed(
            batches=lambda right, *_: right["batches"] - right["short"]
        ),
        "Batch and repeat are confused: with batch first, every epoch ends with its own short batch.": _swapped,
        "The shuffle moves elements only if it comes before batch.": _changed(
            moves=lambda right, *_: {"elements": "batches", "batches": "elements"}[right["moves"]]
        ),
        "Epochs stay whole only if shuffle comes before repeat.": _changed(
            whole_epochs=lambda right, *_: not right["whole epochs"]
        ),
    },
)


def _numbered_images(rng):
    """Ten tiny images that show their own number, and labels."""
    images = np.zeros((10, 2, 2, 1), dtype="uint8") + np.arange(10, dtype="uint8").reshape(-1, 1, 1, 1)
    return images, rng.integers(0, 100, size=10), 4


def _facts(**how):
    def mistake(solution, images, labels, batch_size):
        right = solution(images, labels, batch_size)
        return {**right, **{key.replace("_", " "): value for key, value in how.items()}}

    return mistake


training_pipeline = Exercise(
    inputs=_numbered_images,
    cases=2,
    compare=close(rtol=1e-4, atol=1e-6),
    mistakes={
        "A short batch at the end of each epoch: repeat before you batch.": _facts(batch_sizes=[2, 4]),
        "Some images come twice before others came once: shuffle before you repeat.": _facts(
            each_image_once_in_the_first_epoch=False
        ),
        "Whole batches are shuffled, and each epoch ends with a short one: shuffle first, batch last.": _facts(
            batch_sizes=[2, 4], shuffled_one_by_one=False
        ),
        "Divide by 255.": _facts(type_and_largest_value=["float32", 9.0]),
        "Cast to float32 and divide by 255.": _facts(type_and_largest_value=["uint8", 9.0]),
        "Every epoch comes in the same order: leave reshuffle_each_iteration as it is.": _facts(
            another_order_in_the_second_epoch=False
        ),
        "Nothing is shuffled.": _facts(shuffled_one_by_one=False, another_order_in_the_second_epoch=False),
    },
)

SETTINGS = ((1, False, False), (4, False, False), (1, True, False), (1, False, True), (4, True, True))


def _times(rng, index):
    workers, prefetch, cached = SETTINGS[index % len(SETTINGS)]
    batch_size = int(rng.integers(8, 33))
    read, train = float(rng.uniform(0.002, 0.004)), float(rng.uniform(0.01, 0.05))
    return batch_size * int(rng.integers(3, 10)), batch_size, read, train, workers, prefetch, cached


epoch_seconds = Exercise(
    inputs=_times,
    cases=len(SETTINGS),
    mistakes={
        "A batch reads batch_size elements, not one.": lambda solution, n, b, read, *rest: solution(
            n, b, read / b, *rest
        ),
        "With w workers, w elements are read at the same time: divide by workers.": (
            lambda solution, n, b, read, train, workers, *rest: solution(n, b, read, train, 1, *rest)
        ),
        "With prefetch, reading and training overlap: the slower one counts, not the sum.": (
            lambda solution, n, b, read, train, workers, prefetch, cached: solution(
                n, b, read, train, workers, False, cached
            )
        ),
        "A cached epoch reads nothing.": lambda solution, *args: solution(*args[:-1], False),
        "This is one batch; an epoch has n / batch_size of them.": lambda solution, n, b, *rest: (
            solution(n, b, *rest) * b / n
        ),
    },
)
