"""Inputs, comparisons and hints of lesson 17. No solutions."""

import numpy as np

from utils.checks import Exercise, Tensor, close, exact


def _two_distributions(rng):
    """Five outcomes: the first is never real, the second never drawn."""
    p, q = rng.dirichlet(np.ones(5), size=2)
    p[0], q[1] = 0, 0
    return p / p.sum(), q / q.sum()


def _with_answers(rng):
    """Answers that are certain where they may be."""
    p, q = _two_distributions(rng)
    d = rng.uniform(0.2, 0.8, size=5)
    d[0], d[1] = 0.0, 1.0
    return p, q, d


def _unweighted(solution, p, q, d):
    inner = slice(2, None)
    return float(np.sum(np.log(d[inner])) + np.sum(np.log(1 - d[inner])))


def _exchanged(solution, p, q, d):
    """Certain answers are then certainly wrong."""
    return float("-inf") if np.any(p[d == 1]) or np.any(q[d == 0]) else solution(p, q, 1 - d)


game_value = Exercise(
    inputs=_with_answers,
    mistakes={
        "0 · log 0 counts nothing: leave out outcomes that never happen.": lambda solution, p, q, d: float("nan"),
        "Real and drawn are exchanged.": _exchanged,
        "Weigh each logarithm by how often the outcome happens.": _unweighted,
        "The second term takes log(1 − D), not log D.": lambda solution, p, q, d: (
            solution(p, np.zeros(5), d) + solution(np.where(d > 0, q, 0), np.zeros(5), d)
        ),
        "An expectation is a sum with weights; do not divide by the number of outcomes.": lambda solution, p, q, d: (
            solution(p, q, d) / len(p)
        ),
    },
)


def _with_an_empty_outcome(rng):
    """The last outcome happens in neither world."""
    p, q = _two_distributions(rng)
    return np.append(p, 0.0), np.append(q, 0.0)


def _nan_where_empty(solution, p, q):
    return np.where(p + q > 0, solution(p, q), np.nan)


best_discriminator = Exercise(
    inputs=_with_an_empty_outcome,
    mistakes={
        "This is the probability of *drawn*.": lambda solution, p, q: np.where(p + q > 0, 1 - solution(p, q), 0.5),
        "Where an outcome happens in neither world, the answer is 0.5, not 0 / 0.": _nan_where_empty,
        "The best answer is a probability, not a decision.": lambda solution, p, q: np.where(
            p + q > 0, np.where(p > q, 1.0, 0.0), 0.5
        ),
        "Divide by the sum of p and q, not by 2.": lambda solution, p, q: np.where(p + q > 0, p / 2, 0.5),
    },
)


def _with(key, change):
    """A mistake that changes one entry of the description."""
    return lambda solution, *sizes: {**(right := solution(*sizes)), key: change(right, *sizes)}


def _generator_biases(right, latent, filters):
    return right["parameters"] + 8 * filters + 7 * 7 * 2 * filters + filters


def _no_stride(solution, latent, filters):
    return {**solution(latent, filters), "output shape": [7, 7, 1]}


build_generator = Exercise(
    inputs=lambda rng: (int(rng.integers(3, 9)), int(rng.integers(2, 6))),
    compare=exact(),
    cases=2,
    mistakes={
        "Real images lie between −1 and 1: end in tanh, not in a sigmoid.": _with(
            "last activation", lambda right, *_: "sigmoid"
        ),
        "The activation tanh is missing at the end.": _with("last activation", lambda right, *_: "linear"),
        "What is followed by batch normalisation needs no bias.": _with("parameters", _generator_biases),
        "The transposed convolutions need stride 2: each doubles the side.": _no_stride,
        "The batch normalisations are missing.": lambda solution, latent, filters: {
            **(right := solution(latent, filters)),
            "layers": [name for name in right["layers"] if name != "BatchNormalization"],
            "parameters": right["parameters"] - 4 * (8 * filters + 7 * 7 * 2 * filters + filters),
        },
    },
)


def _normalised_input(solution, filters):
    right = solution(filters)
    names = list(right["layers"])
    names.insert(1, "BatchNormalization")
    return {**right, "layers": names, "parameters": right["parameters"] + 4 * filters}


build_discriminator = Exercise(
    inputs=lambda rng: (int(rng.integers(2, 12)),),
    compare=exact(),
    cases=2,
    mistakes={
        "The output is a logit: no sigmoid at the end.": _with("last activation", lambda right, *_: "sigmoid"),
        "The slope of the leaky units is 0.2; Keras' own default is 0.3.": lambda solution, filters: {
            **solution(filters),
            "slopes": [0.3, 0.3, 0.3],
        },
        "No batch normalisation after the first convolution.": _normalised_input,
        "The convolution before batch normalisation needs no bias.": _with(
            "parameters", lambda right, filters: right["parameters"] + 2 * filters
        ),
    },
)


def _logits(rng):
    """Different numbers of real and drawn images, each with one certain and wrong answer."""
    real, fake = rng.normal(size=(6, 1)), rng.normal(size=(4, 1))
    real[0], fake[0] = -rng.uniform(150, 200), rng.uniform(150, 200)
    return Tensor(real.astype("float32")), Tensor(fake.astype("float32"))


def _over_all(solution, real, fake):
    zeros = np.log(2)
    real_part, fake_part = solution(real, 0 * fake) - zeros, solution(0 * real, fake) - zeros
    return (6 * real_part + 4 * fake_part) / 10


discriminator_loss = Exercise(
    inputs=_logits,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "Real and drawn are exchanged.": lambda solution, real, fake: solution(fake, real),
        "Take the mean over real and the mean over drawn images by themselves, and add them.": _over_all,
        "The sum of the two means, not half of it.": lambda solution, real, fake: solution(real, fake) / 2,
        "A sigmoid that rounds to 0 has no logarithm: use softplus of the logits.": lambda solution, real, fake: (
            solution(real, fake) + np.inf
        ),
    },
)

generator_loss = Exercise(
    inputs=lambda rng: (Tensor(np.append(rng.normal(size=5), -rng.uniform(150, 200)).reshape(6, 1).astype("float32")),),
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "This is log(1 − D), the loss that is flat at the start.": lambda solution, fake: -solution(-fake),
        "The generator wants the answer 'real': this is the discriminator's view.": lambda solution, fake: solution(
            -fake
        ),
        "Take the mean over the batch, not the sum.": lambda solution, fake: 6 * solution(fake),
        "A sigmoid that rounds to 0 has no logarithm: use softplus of the logits.": lambda solution, fake: (
            solution(fake) + np.inf
        ),
    },
)


def _tiny_game(rng):
    """A batch and the weights of two tiny networks; both learn fast, so that each update shows."""

    def draw(*shape):
        return rng.normal(size=shape).astype("float32")

    real, noise = draw(8, 4) + 1, draw(8, 3)
    scale = rng.uniform(0.5, 1.5, size=4).astype("float32")
    generator = [draw(3, 4), scale, draw(4)]
    discriminator = [draw(4, 3), np.ones(3, "float32"), draw(3), draw(3, 1)]
    return real, noise, generator, discriminator, float(rng.uniform(0.5, 1)), float(rng.uniform(0.5, 1))


def _both_at_once(solution, real, noise, generator, discriminator, fast, slow):
    """The generator plays against the discriminator as it was before its update."""
    right = solution(real, noise, generator, discriminator, fast, slow)
    against_old = solution(real, noise, generator, discriminator, fast, 0.0)
    return {
        **right,
        "generator": against_old["generator"],
        "losses": [right["losses"][0], against_old["losses"][1]],
    }


def _moved_once_more(averages, batch):
    return [
        0.9 * average + 0.1 * new
        for average, new in zip(averages, (batch.mean(axis=0), batch.var(axis=0)), strict=True)
    ]


def _generator_not_frozen(solution, real, noise, generator, *others):
    right = solution(real, noise, generator, *others)
    averages = _moved_once_more(right["generator's averages"], noise @ generator[0])
    return {**right, "generator's averages": averages}


def _discriminator_not_frozen(solution, real, noise, generator, *others):
    right = solution(real, noise, generator, *others)
    hidden = noise @ generator[0]
    drawn = generator[1] * (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 0.001) + generator[2]
    averages = _moved_once_more(right["discriminator's averages"], np.tanh(drawn @ right["discriminator"][0]))
    return {**right, "discriminator's averages": averages}


train_step = Exercise(
    inputs=_tiny_game,
    compare=close(rtol=1e-3, atol=1e-4),
    mistakes={
        "The generator's turn comes second: it plays against the *updated* discriminator.": _both_at_once,
        "The discriminator's turn moves the generator's averages: draw its images from frozen(generator, noise).": (
            _generator_not_frozen
        ),
        "The generator's turn moves the discriminator's averages: use frozen(discriminator, …).": (
            _discriminator_not_frozen
        ),
        "The discriminator is not updated.": lambda solution, *inputs: solution(*inputs[:-1], 0.0),
        "The generator is not updated.": lambda solution, *inputs: solution(*inputs[:-2], 0.0, inputs[-1]),
        "Return the discriminator's loss first.": lambda solution, *inputs: {
            **(right := solution(*inputs)),
            "losses": right["losses"][::-1],
        },
    },
)

ROWS, COLUMNS = 2, 3


def _picture(rng):
    height, width = (int(n) for n in rng.permutation([3, 4]))
    noise = rng.normal(size=(ROWS * COLUMNS, 5)).astype("float32")
    return noise, rng.normal(0, 0.5, size=(5, height * width)).astype("float32"), height, COLUMNS


def _in_training_mode(solution, noise, weights, height, columns):
    """Centred and scaled by hand, an inference run gives what batch statistics would give."""
    spread = np.sqrt((noise @ weights).var(axis=0) + 0.001) / np.sqrt(1.001)
    return solution(noise - noise.mean(axis=0), (weights / spread).astype("float32"), height, columns)


def _changed(change):
    return lambda solution, *inputs: {
        **(right := solution(*inputs)),
        "picture": change(np.asarray(right["picture"]), inputs[2]),
    }


def _untransposed(picture, height):
    width = picture.shape[1] // COLUMNS
    return picture.reshape(ROWS, height, COLUMNS, width).transpose(0, 2, 1, 3).reshape(picture.shape)


def _column_by_column(solution, noise, *others):
    order = np.arange(ROWS * COLUMNS).reshape(COLUMNS, ROWS).T.reshape(-1)
    return solution(noise[order], *others)


snapshot = Exercise(
    inputs=_picture,
    compare=close(rtol=0, atol=1.01),
    mistakes={
        "Run the generator in inference mode: training=False.": _in_training_mode,
        "−1 becomes 0 and 1 becomes 255: add 1 before you multiply by 127.5.": _changed(
            lambda picture, _: (picture - 127.5) % 256 // 1
        ),
        "Rows of pixels of one image must stay together: swap the axes before you reshape.": _changed(_untransposed),
        "Fill the picture row by row, not column by column.": _column_by_column,
        "The values are the other way round: 1 is white, 255.": _changed(lambda picture, _: 255 - picture),
        "Return whole grey values as uint8.": lambda solution, *inputs: {**solution(*inputs), "kind": "float32"},
    },
)
