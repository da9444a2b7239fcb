"""Inputs, comparisons and hints of lesson 20. No solutions."""

import numpy as np

from utils.checks import Exercise, close

SCORES = ("logit", "probability", "log-probability")
KINDS = ("signed", "absolute", "rectified")


def _normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _network(rng, index):
    """Weights of a little network, images, and classes that are not the predicted ones."""
    weights = [_normal(rng, 12, 5), _normal(rng, 5, 3)]
    images = _normal(rng, 4, 3, 4, 1)
    logits = np.tanh(images.reshape(4, 12) @ weights[0]) @ weights[1]
    return weights, images, logits.argmin(axis=1), SCORES[index % 3]


def _slope(weights, images, function):
    """Gradient with respect to `images` of the sum of `function(logits)` on the little network."""
    import tensorflow as tf

    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(tf.tanh(tf.reshape(x, (len(images), -1)) @ weights[0]) @ weights[1])
    return tape.gradient(value, x)


def _all_classes(solution, weights, images, classes, score):
    """The sum of all scores; with a softmax that is nearly nothing."""
    import tensorflow as tf

    functions = {"logit": tf.identity, "probability": tf.nn.softmax, "log-probability": tf.nn.log_softmax}
    return _slope(weights, images, functions[score])


def _predicted_class(solution, weights, images, classes, score):
    logits = np.tanh(images.reshape(len(images), -1) @ weights[0]) @ weights[1]
    return solution(weights, images, logits.argmax(axis=1), score)


def _one_class_for_all(solution, weights, images, classes, score):
    """`logits[:, classes[0]]`, the slip that a single image does not show."""
    return solution(weights, images, np.full_like(classes, classes[0]), score)


def _swap(one, other):
    """The score `other` where `one` is asked for."""
    return lambda solution, weights, images, classes, score: solution(
        weights, images, classes, other if score == one else score
    )


input_gradient = Exercise(
    inputs=_network,
    cases=3,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "Every image has its own class: take logits[i, classes[i]] (tf.gather with batch_dims=1).": _one_class_for_all,
        "This is the gradient of the predicted class; `classes` says which class is asked for.": _predicted_class,
        "This is the gradient of the sum over all classes: choose one class first.": _all_classes,
        "The softmax is missing: for the probability, apply tf.nn.softmax before you choose the class.": _swap(
            "probability", "logit"
        ),
        "The logarithm is missing: use tf.nn.log_softmax.": _swap("log-probability", "probability"),
        "This is still the logit: use tf.nn.log_softmax before you choose the class.": _swap(
            "log-probability", "logit"
        ),
    },
)


def _sign_first(gradient, kind, total):
    parts = {"signed": gradient, "absolute": np.abs(gradient), "rectified": np.maximum(gradient, 0)}
    return total(parts[kind])


def _channels_first(solution, gradient, kind):
    total = gradient.sum(axis=-1)
    return {"signed": total, "absolute": np.abs(total), "rectified": np.maximum(total, 0)}[kind]


to_map = Exercise(
    inputs=lambda rng, index: (_normal(rng, 2, 4, 5, 3), KINDS[(index + 1) % 3]),
    cases=3,
    mistakes={
        "Apply the absolute value or max(·, 0) to each channel first; then sum.": _channels_first,
        "Sum over the channels, do not take their mean.": lambda solution, gradient, kind: (
            solution(gradient, kind) / gradient.shape[-1]
        ),
        "Absolute keeps the size of negative values too: np.abs, not max(·, 0).": lambda solution, gradient, kind: (
            solution(gradient, "rectified" if kind == "absolute" else kind)
        ),
        "The channels are the last axis: axis=-1, not 1.": lambda solution, gradient, kind: _sign_first(
            gradient, kind, lambda part: part.sum(axis=1)
        ),
        "Rectified keeps positive values and sets negative ones to 0.": lambda solution, gradient, kind: solution(
            -gradient if kind == "rectified" else gradient, kind
        ),
    },
)

smooth_grad = Exercise(
    inputs=lambda rng: (_normal(rng, 2, 3, 3, 1), 0.5 * _normal(rng, 6, 2, 3, 3, 1), float(rng.uniform(1, 2))),
    mistakes={
        "The noise is averaged before the gradient is taken: average gradients.": lambda solution, x, noise, scale: (
            solution(x, noise.mean(axis=0, keepdims=True), scale)
        ),
        "This is the gradient without noise.": lambda solution, x, noise, scale: solution(x, 0 * noise[:1], scale),
        "Divide the sum by the number of noisy copies.": lambda solution, x, noise, scale: (
            solution(x, noise, scale) * len(noise)
        ),
        "Average the signed gradients: an absolute value here keeps the noise.": lambda solution, x, noise, scale: (
            np.mean([np.abs(solution(x, one[None], scale)) for one in noise], axis=0)
        ),
        "Only the last noisy copy is used.": lambda solution, x, noise, scale: solution(x, noise[-1:], scale),
    },
)


def _ramp(rng):
    """Images, a baseline that is not zero, a number of steps, and the scale of a curved function."""
    return _normal(rng, 2, 3, 3, 1), _normal(rng, 2, 3, 3, 1), int(rng.integers(4, 8)), float(rng.uniform(1, 2))


def _left_ends(solution, x, baseline, steps, scale):
    slopes = [np.tanh(scale * (baseline + k / steps * (x - baseline))) for k in range(steps)]
    return (x - baseline) * np.mean(slopes, axis=0)


def _right_ends(solution, x, baseline, steps, scale):
    slopes = [np.tanh(scale * (baseline + k / steps * (x - baseline))) for k in range(1, steps + 1)]
    return (x - baseline) * np.mean(slopes, axis=0)


integrated_gradients = Exercise(
    inputs=_ramp,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "Multiply the mean gradient by (images − baseline).": lambda solution, x, baseline, steps, scale: (
            solution(x, baseline, steps, scale) / (x - baseline)
        ),
        "Multiply by (images − baseline), not by the images.": lambda solution, x, baseline, steps, scale: (
            solution(x, baseline, steps, scale) / (x - baseline) * x
        ),
        "The path starts at the baseline, not at zero: baseline + α · (images − baseline).": (
            lambda solution, x, baseline, steps, scale: (
                (x - baseline) * solution(x, 0 * x, steps, scale) / np.where(x == 0, 1, x)
            )
        ),
        "Take the middle of each of the steps, not its beginning: α = (k + ½) / steps.": _left_ends,
        "Take the middle of each of the steps, not its end: α = (k + ½) / steps.": _right_ends,
        "The integral is the mean of the gradients, not their sum.": lambda solution, x, baseline, steps, scale: (
            steps * solution(x, baseline, steps, scale)
        ),
    },
)


def _convolutional(rng):
    """A kernel, a dense layer that sees every position, images and classes."""
    kernel, dense = _normal(rng, 2, 2, 1, 4), _normal(rng, 4 * 4 * 4, 3)
    return kernel, dense, _normal(rng, 3, 5, 5, 1), rng.integers(0, 3, size=3)


def _features_and_gradients(kernel, dense, images, classes):
    import tensorflow as tf

    features = tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "VALID")).numpy()
    return features, dense.T[classes].reshape(features.shape)


def _cam(weigh, keep=lambda total: np.maximum(total, 0)):
    """A Grad-CAM with another weight for each channel, or another last step."""

    def mistake(solution, kernel, dense, images, classes):
        features, gradients = _features_and_gradients(kernel, dense, images, classes)
        return keep((features * weigh(gradients)).sum(axis=-1))

    return mistake


def _mean_over_positions(gradients):
    return gradients.mean(axis=(1, 2), keepdims=True)


grad_cam = Exercise(
    inputs=_convolutional,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The last step is missing: keep positive values only (ReLU).": _cam(_mean_over_positions, lambda total: total),
        "Apply the ReLU once, to the sum over channels; the weights keep their sign.": _cam(
            lambda gradients: np.maximum(_mean_over_positions(gradients), 0)
        ),
        "The weight of a channel is the *mean* of its gradient over all positions.": _cam(
            lambda gradients: gradients.sum(axis=(1, 2), keepdims=True)
        ),
        "Average the gradient over height and width first: one weight for each channel.": _cam(
            lambda gradients: gradients
        ),
        "Average over the positions (axes 1 and 2), not over the channels.": _cam(
            lambda gradients: gradients.mean(axis=-1, keepdims=True)
        ),
    },
)


def _pictures(rng):
    """Weights of a curved score, images whose sides the square does not divide, the side of the square, a fill."""
    return _normal(rng, 5, 7, 1) / 3, _normal(rng, 2, 5, 7, 1), int(rng.integers(2, 4)), float(rng.uniform(1, 2))


def _score(weights, images):
    return np.tanh((images * weights).sum(axis=(1, 2, 3)))


def _never_uncovered(solution, weights, images, size, fill):
    """The squares pile up, because the same copy is covered again and again."""
    drops, covered = np.zeros(images.shape[:3], "float32"), images.copy()
    for top in range(0, images.shape[1], size):
        for left in range(0, images.shape[2], size):
            covered[:, top : top + size, left : left + size] = fill
            drop = _score(weights, images) - _score(weights, covered)
            drops[:, top : top + size, left : left + size] = drop[:, None, None]
    return drops


def _remainder_left_out(solution, weights, images, size, fill):
    drops = np.array(solution(weights, images, size, fill))
    drops[:, images.shape[1] // size * size :] = 0
    drops[:, :, images.shape[2] // size * size :] = 0
    return drops


occlusion = Exercise(
    inputs=_pictures,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "Start from the uncovered images for each square: copy them inside the loop.": _never_uncovered,
        "A map shows the drop: the score before minus the score with the square covered.": (
            lambda solution, weights, images, size, fill: -np.array(solution(weights, images, size, fill))
        ),
        "This is the score of the covered image; subtract it from the score of the whole image.": (
            lambda solution, weights, images, size, fill: (
                _score(weights, images)[:, None, None] - np.array(solution(weights, images, size, fill))
            )
        ),
        "Cover with `fill`, not with 0.": lambda solution, weights, images, size, fill: solution(
            weights, images, size, 0.0
        ),
        "The squares at the right and lower edge are missing: a slice may reach past the edge.": _remainder_left_out,
    },
)


def _climb(rng):
    """A weight for each pixel, pictures near the edge of the valid range, a shift, a rate, and a penalty."""
    shift = (int(rng.integers(1, 3)), int(rng.integers(-2, 0)))
    u = rng.uniform(-1, 1, (2, 5, 6, 1)).astype("float32")
    return _normal(rng, 5, 6, 1), u, shift, 0.3, float(rng.uniform(5, 9))


def _step(weights, u, shift, rate, strength, unit=True, clip=True, back=True):
    """An ascent step in NumPy with parts that can be left out."""
    x = np.roll(u, shift, axis=(1, 2))
    slope = weights * (1 - np.tanh(weights * x) ** 2) - strength * 2 * x / x[0].size
    if unit:
        slope = slope / (np.sqrt((slope**2).mean(axis=(1, 2, 3), keepdims=True)) + 1e-8)
    x = x + rate * slope
    x = np.clip(x, -1, 1) if clip else x
    return np.roll(x, (-shift[0], -shift[1]), axis=(1, 2)) if back else x


ascent_step = Exercise(
    inputs=_climb,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "Shift the picture back at the end.": lambda solution, *inputs: _step(*inputs, back=False),
        "Divide the gradient by the root of its mean square.": lambda solution, *inputs: _step(*inputs, unit=False),
        "Keep the picture between −1 and 1.": lambda solution, *inputs: _step(*inputs, clip=False),
        "The penalty is subtracted from the score.": lambda solution, w, u, shift, rate, strength: solution(
            w, u, shift, rate, -strength
        ),
        "Climb: add the gradient.": lambda solution, w, u, shift, rate, strength: solution(
            w, u, shift, -rate, strength
        ),
        "The picture is not shifted before the gradient is taken.": lambda solution, w, u, shift, rate, strength: (
            solution(w, u, (0, 0), rate, strength)
        ),
        "The penalty is missing.": lambda solution, w, u, shift, rate, strength: solution(w, u, shift, rate, 0.0),
    },
)
