"""Inputs, comparisons and hints of lesson 18. No solutions."""

import numpy as np

from utils.checks import Exercise, Tensor, close, exact


def _two_samples(rng):
    """As many numbers each; they overlap and differ in width, so that their means do not tell the distance."""
    count = int(rng.integers(6, 10))
    a, b = rng.normal(size=count), rng.normal(0, 3, size=count)
    return a, b - b.mean() + a.mean() + rng.uniform(0.2, 0.6)


wasserstein = Exercise(
    inputs=_two_samples,
    mistakes={
        "In any order: sort both samples first, so that no two grains cross.": lambda solution, a, b: np.mean(
            np.abs(a - b)
        ),
        "The distance of the means is less than the distance of the samples: pair the points.": lambda solution, a, b: (
            abs(np.mean(a) - np.mean(b))
        ),
        "The mean way, not the sum of all ways.": lambda solution, a, b: len(a) * solution(a, b),
        "Ways are lengths: no squares.": lambda solution, a, b: np.mean((np.sort(a) - np.sort(b)) ** 2),
        "Ways count in both directions: take absolute values.": lambda solution, a, b: np.mean(np.sort(a) - np.sort(b)),
    },
)


def _scores(rng):
    """Different numbers of real and of drawn images, and scores far outside 0 … 1."""
    real, fake = 5 * rng.normal(size=(6, 1)) + 2, 5 * rng.normal(size=(4, 1))
    return Tensor(real.astype("float32")), Tensor(fake.astype("float32"))


def _logistic(solution, real, fake):
    """The losses of DCGAN, which take scores for logits."""
    real, fake = np.asarray(real, float), np.asarray(fake, float)
    critic = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
    return {"critic": critic, "generator": np.mean(np.logaddexp(0, -fake))}


def _sums(solution, real, fake):
    real, fake = np.asarray(real), np.asarray(fake)
    return {"critic": fake.sum() - real.sum(), "generator": -fake.sum()}


losses = Exercise(
    inputs=_scores,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The critic wants high scores for real images; its loss must fall when it gets them.": (
            lambda solution, real, fake: {
                **(right := solution(real, fake)),
                "critic": -right["critic"],
            }
        ),
        "The generator wants high scores for its images; its loss must fall when it gets them.": (
            lambda solution, real, fake: {
                **(right := solution(real, fake)),
                "generator": -right["generator"],
            }
        ),
        "Scores are no logits: no softplus, no sigmoid, no logarithm.": _logistic,
        "Take means over the batch, not sums.": _sums,
    },
)


def _pairs(rng, index):
    """Images in the first case, points in the others."""
    shape = (5, 4, 3, 1) if index == 0 else (6, 2)
    real, fake = (Tensor(rng.normal(size=shape).astype("float32")) for _ in range(2))
    return real, fake, Tensor(rng.integers(2**31 - 1, size=2).astype("int32"))


def _with_alpha(change):
    """A mistake in α: find the right one, change it, and mix again."""

    def mistake(solution, real, fake, seed):
        alpha = np.asarray(solution(0 * real + 1, 0 * fake, seed))
        alpha = change(alpha, np.asarray(seed))
        return alpha * np.asarray(real) + (1 - alpha) * np.asarray(fake)

    return mistake


def _other_alpha(kind):
    def change(alpha, seed):
        import tensorflow as tf

        if kind == "normal":
            shape = [len(alpha)] + [1] * (alpha.ndim - 1)
            return tf.random.stateless_normal(shape, seed).numpy() + 0 * alpha
        return tf.random.stateless_uniform(alpha.shape, seed).numpy()

    return change


mix = Exercise(
    inputs=_pairs,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "α weighs the real image, 1 − α the drawn one.": lambda solution, real, fake, seed: solution(fake, real, seed),
        "Each pair needs an α of its own: this is one for the whole batch.": _with_alpha(
            lambda alpha, seed: alpha[:1] + 0 * alpha
        ),
        "α comes from U(0, 1), not from N(0, 1): the points must lie between.": _with_alpha(_other_alpha("normal")),
        "All pixels of a pair share one α: its shape is (n, 1, …, 1).": _with_alpha(_other_alpha("pixels")),
        "α · real + (1 − α) · fake: the second weight is missing.": lambda solution, real, fake, seed: (
            solution(real, 0 * fake, seed) + fake
        ),
    },
)


def _known_critic(rng):
    """Points and coefficients; at the first point the gradient s + b · x is exactly zero."""
    shape = (int(rng.integers(2, 4)), int(rng.integers(2, 4)), 1)
    s = rng.integers(1, 9, size=shape) / 4 * rng.choice([-1, 1], size=shape)
    b = rng.choice([-1.0, 0.5, 1.0, 2.0], size=shape)
    images = np.concatenate([-(s / b)[None], rng.normal(size=(4, *shape))])
    return images.astype("float32"), s.astype("float32"), b.astype("float32"), float(rng.integers(2, 12))


def _lengths(gradients):
    return np.linalg.norm(gradients, axis=1)


def _wrong(norms=_lengths, penalty=lambda n, weight: weight * np.mean((n - 1) ** 2)):
    """A mistake in the norms or in the penalty; the derivative of it comes from small changes of s."""

    def mistake(solution, images, s, b, weight):
        def result(s):
            found = norms((s + b * images).reshape(len(images), -1))
            return np.asarray(found), penalty(found, weight)

        s, b, images = (np.asarray(array, float) for array in (s, b, images))
        derivative = np.zeros(s.shape)
        for place in np.ndindex(s.shape):
            h = np.zeros(s.shape)
            h[place] = 1e-6
            derivative[place] = (result(s + h)[1] - result(s - h)[1]) / 2e-6
        found, value = result(s)
        return {"norms": found, "penalty": value, "derivative of the penalty": derivative}

    return mistake


def _nan_at_zero(solution, images, s, b, weight):
    """An infinite slope times zero."""
    right = solution(images, s, b, weight)
    return {**right, "derivative of the penalty": np.full(s.shape, np.nan, "float32")}


def _cut_off(solution, images, s, b, weight):
    """Norms that came through NumPy: nothing can be differentiated."""
    return {**solution(images, s, b, weight), "derivative of the penalty": np.zeros(s.shape)}


gradient_penalty = Exercise(
    inputs=_known_critic,
    compare=close(rtol=1e-3, atol=1e-4),
    mistakes={
        "The root has an infinite slope at 0, and infinite times 0 is NaN: add 1e-12 under the root.": _nan_at_zero,
        "The penalty must be differentiable by the critic's weights: use TensorFlow's operations only.": _cut_off,
        "One norm for each image, not one for the batch: sum over all axes but the first.": _wrong(
            lambda gradients: np.sqrt(np.sum(gradients**2))
        ),
        "The root is missing: this is the squared norm.": _wrong(lambda gradients: np.sum(gradients**2, axis=1)),
        "Sum the squares over the pixels: this is their mean.": _wrong(
            lambda gradients: np.sqrt(np.mean(gradients**2, axis=1))
        ),
        "Punish the distance from 1, not from 0.": _wrong(penalty=lambda n, weight: weight * np.mean(n**2)),
        "Punish each image's deviation, then take the mean: here deviations cancel.": _wrong(
            penalty=lambda n, weight: weight * (np.mean(n) - 1) ** 2
        ),
        "Slopes below 1 are punished too.": _wrong(
            penalty=lambda n, weight: weight * np.mean(np.maximum(n - 1, 0) ** 2)
        ),
        "The weight is missing.": _wrong(penalty=lambda n, weight: np.mean((n - 1) ** 2)),
    },
)


def _with(key, change):
    """A mistake that changes one entry of the description."""
    return lambda solution, filters: {**(right := solution(filters)), key: change(right, filters)}


def _normalised(solution, filters):
    right = solution(filters)
    names = list(right["layers"])
    names.insert(3, "BatchNormalization")
    return {**right, "layers": names, "parameters": right["parameters"] + 4 * 2 * filters}


def _kernel_of_four(right, filters):
    return right["parameters"] - 9 * (filters + 2 * filters * filters)


build_critic = Exercise(
    inputs=lambda rng: (int(rng.integers(2, 12)),),
    compare=exact(),
    cases=2,
    mistakes={
        "A critic gives a score, any number: no sigmoid at the end.": _with(
            "last activation", lambda right, _: "sigmoid"
        ),
        "No batch normalisation in the critic: its slope at one image must not depend on others.": _normalised,
        "The slope of the leaky units is 0.2; Keras' own default is 0.3.": _with("slopes", lambda right, _: [0.3, 0.3]),
        "Kernels are 5 × 5 here.": _with("parameters", _kernel_of_four),
    },
)


def _tiny_game(rng):
    """Three rounds of batches and the weights of two tiny networks; both learn fast, so that each update shows."""

    def draw(*shape):
        return rng.normal(size=shape).astype("float32")

    reals, noise = draw(3, 8, 4) + 1, draw(4, 8, 3)
    seeds = rng.integers(2**31 - 1, size=(3, 2)).astype("int32")
    generator = [draw(3, 4), rng.uniform(0.5, 1.5, size=4).astype("float32"), draw(4)]
    critic = [draw(4, 3), draw(3, 1)]
    rates = float(rng.uniform(0.5, 1)), float(rng.uniform(0.02, 0.05))
    return reals, noise, seeds, 10.0, generator, critic, *rates


def _one_round(solution, reals, noise, seeds, *others):
    return solution(reals[:1], noise[[0, -1]], seeds[:1], *others)


def _same_batch(solution, reals, noise, seeds, *others):
    return solution(np.repeat(reals[:1], len(reals), axis=0), noise, seeds, *others)


def _same_noise(solution, reals, noise, *others):
    rows = np.concatenate([np.repeat(noise[:1], len(noise) - 1, axis=0), noise[-1:]])
    return solution(reals, rows, *others)


def _old_noise(solution, reals, noise, *others):
    """The generator's turn uses the noise of the last round again."""
    return solution(reals, noise[[*range(len(noise) - 1), -2]], *others)


def _no_penalty(solution, reals, noise, seeds, weight, *others):
    return solution(reals, noise, seeds, 0.0, *others)


def _generator_not_frozen(solution, reals, noise, seeds, weight, generator, *others):
    right = solution(reals, noise, seeds, weight, generator, *others)
    mean, variance = np.zeros(4), np.ones(4)
    for z in noise:
        hidden = z @ generator[0]
        mean, variance = 0.9 * mean + 0.1 * hidden.mean(axis=0), 0.9 * variance + 0.1 * hidden.var(axis=0)
    return {**right, "generator's averages": [mean, variance]}


train_step = Exercise(
    inputs=_tiny_game,
    compare=close(rtol=2e-3, atol=2e-4),
    mistakes={
        "The critic is updated in *every* round: this is one round only.": _one_round,
        "Each round has real images of its own: reals[i].": _same_batch,
        "Each round has noise of its own: noise[i].": _same_noise,
        "The generator's turn takes the last row of noise, which no round has used.": _old_noise,
        "The penalty is missing, or its weight is.": _no_penalty,
        "The rounds move the generator's averages: draw their images from frozen(generator, noise[i]).": (
            _generator_not_frozen
        ),
        "The critic is not updated.": lambda solution, *inputs: solution(*inputs[:-1], 0.0),
        "The generator is not updated.": lambda solution, *inputs: solution(*inputs[:-2], 0.0, inputs[-1]),
        "Return the critic's loss first.": lambda solution, *inputs: {
            **(right := solution(*inputs)),
            "losses": right["losses"][::-1],
        },
    },
)
