"""Inputs, comparisons and hints of lesson 04. No solutions."""

import numpy as np

from utils.checks import Exercise, close, exact


def _names(rng):
    """Good and malformed names in a random order."""
    good = [f"{rng.integers(1, 117)}_{rng.integers(2)}_{rng.integers(5)}_{rng.integers(10**9)}.jpg" for _ in range(4)]
    number = int(rng.integers(10**9))
    bad = [
        f"{rng.integers(1, 100)}_1_{number}.jpg.chip.jpg",  # the race is missing
        f"_0_2_{number}.jpg",
        f"{rng.integers(130, 999)}_0_1_{number}.jpg",
        f"{rng.integers(1, 100)}_0_7_{number}.jpg",
        "portrait.jpg",
    ]
    mixed = [*good, f"{rng.integers(1, 100)}_0_3_{number}.jpg.chip.jpg", *bad]
    return ([mixed[i] for i in rng.permutation(len(mixed))],)


def _first_field(solution, names):
    """Every name that begins with digits counts."""
    fields = [name.split("_")[0] for name in names]
    malformed = [name for name, field in zip(names, fields, strict=True) if not field.isdigit()]
    return [int(field) for field in fields if field.isdigit()], malformed


def _any_age(solution, names):
    _, malformed = solution(names)
    kept = []
    for name in names:
        field = name.split("_")[0]
        if name not in malformed or (name.count("_") == 3 and field.isdigit() and int(field) > 120):
            kept.append(int(field))
    return kept, [name for name in malformed if not name.split("_")[0].isdigit() or int(name.split("_")[0]) <= 120]


def _stops_at_the_first_bad_name(solution, names):
    _, malformed = solution(names)
    return solution(names[: names.index(malformed[0]) + 1])


parse_ages = Exercise(
    inputs=_names,
    mistakes={
        "A first field of digits is not enough: the rest of the name must be complete too.": _first_field,
        "Ages above OLDEST are slips: report them as malformed.": _any_age,
        "Go on after a malformed name; the names behind it are missing.": _stops_at_the_first_bad_name,
        "Malformed names are reported, not dropped: return them as a list.": lambda solution, names: (
            solution(names)[0],
            [],
        ),
        "An age is a number: turn the text into an int.": lambda solution, names: (
            [str(age) for age in solution(names)[0]],
            solution(names)[1],
        ),
    },
)


def _files(rng, index):
    """Ages in rising order, a batch size that leaves a rest, and the two modes in turn."""
    ages = np.sort(rng.permutation(np.arange(1, 200))[:57])
    return ages.tolist(), int(rng.integers(10, 14)), index % 2 == 0


def _pipeline_with(change):
    """The solution's description with a change that depends on its mode."""

    def mistake(solution, ages, batch_size, training):
        return {**solution(ages, batch_size, training), **change(ages, batch_size, training)}

    return mistake


def _without_the_last_batch(solution, ages, batch_size, training):
    found = solution(ages, batch_size, training)
    whole = len(ages) // batch_size
    if training:  # which faces are lost depends on the order
        return {
            **found,
            "batch sizes": [batch_size] * whole,
            "ages, sorted": found["ages, sorted"][: whole * batch_size],
        }
    return {**found, "batch sizes": [batch_size] * whole, "ages, sorted": ages[: whole * batch_size]}


IN_ORDER = {
    "keeps the order of the files": True,
    "second pass in the same order": True,
    "first batch comes from all files": False,
}
SHUFFLED = {
    "keeps the order of the files": False,
    "second pass in the same order": False,
    "first batch comes from all files": True,
}

pipeline = Exercise(
    inputs=_files,
    cases=4,
    compare=exact(),
    mistakes={
        "The faces of the last, smaller batch are missing: do not drop the remainder.": _without_the_last_batch,
        "Training wants a new random order: shuffle when `training` is true.": _pipeline_with(
            lambda ages, batch_size, training: IN_ORDER if training else {}
        ),
        "Evaluation keeps the order of the files: shuffle only when `training` is true.": _pipeline_with(
            lambda ages, batch_size, training: {} if training else SHUFFLED
        ),
        "The buffer of the shuffle is too small, or whole batches are shuffled: use all names, before batching.": (
            _pipeline_with(
                lambda ages, batch_size, training: {"first batch comes from all files": False} if training else {}
            )
        ),
        "The order is random, but the same on every pass: leave reshuffle_each_iteration on, and do not cache.": (
            _pipeline_with(
                lambda ages, batch_size, training: {"second pass in the same order": True} if training else {}
            )
        ),
        "Pictures and ages have come apart: slice paths and ages together, then shuffle.": _pipeline_with(
            lambda ages, batch_size, training: {"each picture keeps its age": False} if training else {}
        ),
    },
)

laplace_nll = Exercise(
    inputs=lambda rng: (rng.uniform(1, 90, 7), rng.uniform(1, 90, 7), float(rng.uniform(2.0, 12.0))),
    mistakes={
        "You summed over the points; the exercise asks for the mean.": lambda solution, y, location, scale: (
            solution(y, location, scale) * len(y)
        ),
        "The constant log 2b is missing; it decides which b is best.": lambda solution, y, location, scale: (
            solution(y, location, scale) - np.log(2 * scale)
        ),
        "The density has 2b below the line, so the constant is log 2b, not log b.": (
            lambda solution, y, location, scale: solution(y, location, scale) - np.log(2)
        ),
        "This is the mean log-likelihood; the minus sign is missing.": lambda solution, y, location, scale: (
            -solution(y, location, scale)
        ),
        "These are squares, as for Gaussian noise; Laplace has absolute values.": (
            lambda solution, y, location, scale: np.mean((y - location) ** 2) / scale + np.log(2 * scale)
        ),
        "The absolute value is missing: errors up and down cancel.": lambda solution, y, location, scale: (
            np.mean(y - location) / scale + np.log(2 * scale)
        ),
    },
)


def _step_inputs(rng):
    """Pictures of 3 numbers, ages, weights, a rate, the factor of training mode, and a clip that bites."""
    images = rng.normal(size=(6, 3)).astype("float32")
    ages = rng.uniform(20, 60, size=6).astype("float32")
    weights = rng.normal(size=(3, 1)).astype("float32")
    return images, ages, weights, float(rng.uniform(0.2, 0.6)), float(rng.uniform(1.5, 3.0)), 0.25


train_step = Exercise(
    inputs=_step_inputs,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The model is not in training mode: call it with training=True.": (
            lambda solution, images, ages, weights, rate, factor, clip: solution(images, ages, weights, rate, 1.0, clip)
        ),
        "The gradient is not clipped to `clip`.": lambda solution, images, ages, weights, rate, factor, clip: solution(
            images, ages, weights, rate, factor, 1e9
        ),
        "Nothing was learned: apply the gradients to the variables with optimizer.apply.": (
            lambda solution, images, ages, weights, rate, factor, clip: {
                "losses": [solution(images, ages, weights, rate, factor, clip)["losses"][0]] * 2,
                "weights": weights,
                "bias": np.zeros(1, "float32"),
            }
        ),
        "The loss goes up: do not turn the sign of the gradient; the optimizer subtracts it.": (
            lambda solution, images, ages, weights, rate, factor, clip: solution(
                images, ages, weights, -rate, factor, clip
            )
        ),
        "Return the loss before the step, as the tape saw it.": (
            lambda solution, images, ages, weights, rate, factor, clip: _losses_after(
                solution(images, ages, weights, rate, factor, clip), images, ages, factor
            )
        ),
    },
)


def _losses_after(found, images, ages, factor):
    """The second loss in place of the first, and the loss of the final weights in place of the second."""
    outputs = factor * (images @ np.asarray(found["weights"]) + np.asarray(found["bias"]))
    return {**found, "losses": [found["losses"][1], np.abs(ages - outputs[:, 0]).mean()]}


def _pictures(rng):
    """Three pictures of 16 × 16, a seed for the weights, and a scale and offset that make some outputs negative."""
    return (
        rng.integers(0, 256, size=(3, 16, 16, 3)).astype("float32"),
        int(rng.integers(1000)),
        float(rng.uniform(5, 20)),
        float(rng.uniform(-9, -3)),
    )


def _with_output(change):
    def mistake(solution, images, seed, scale, offset):
        found = solution(images, seed, scale, offset)
        return {**found, "in inference": change(np.asarray(found["in inference"]), scale, offset)}

    return mistake


age_net = Exercise(
    inputs=_pictures,
    compare=close(rtol=1e-3, atol=1e-3),
    mistakes={
        "A ReLU stands behind the head; the output must be linear.": _with_output(
            lambda outputs, scale, offset: np.maximum(outputs, 0)
        ),
        "`to_years` is missing: it turns the head's small numbers into years.": _with_output(
            lambda outputs, scale, offset: (outputs - offset) / scale
        ),
        "The pictures are not scaled: start with `rescale`.": lambda solution, images, seed, scale, offset: solution(
            (images + 1) * 127.5, seed, scale, offset
        ),
        "Dropout never drops in training: pass `training` on to both calls of it.": (
            lambda solution, images, seed, scale, offset: {
                **solution(images, seed, scale, offset),
                "dropout is on in training": False,
            }
        ),
        "Batch normalisation never learns its averages: pass `training` on.": (
            lambda solution, images, seed, scale, offset: {
                **solution(images, seed, scale, offset),
                "moving means updated": [False] * 5,
            }
        ),
    },
)

expected_age = Exercise(
    inputs=lambda rng: (rng.normal(0, 2, size=(4, 9)),),
    mistakes={
        "This is the most probable age; the expectation weighs all ages.": lambda solution, logits: np.argmax(
            logits, axis=1
        ),
        "Logits are not probabilities: apply softmax first.": lambda solution, logits: (
            logits @ np.arange(logits.shape[1])
        ),
        "Softmax goes over the ages (axis 1), not over the faces.": lambda solution, logits: (
            np.exp(logits) / np.exp(logits).sum(axis=0) @ np.arange(logits.shape[1])
        ),
        "Ages start at 0, not at 1.": lambda solution, logits: solution(logits) + 1,
        "One number for each face: do not average over faces.": lambda solution, logits: np.mean(solution(logits)),
    },
)
