"""Inputs, comparisons and hints of lesson 15. No solutions."""

import copy

import numpy as np

from utils.checks import Exercise, Rng, close, exact, sampled

TARGETS = ("gaussian", "bernoulli", "categorical")


def _scores_and_target(rng, index):
    """Scores, some of them large, and a target of the kind whose turn it is."""
    scores = rng.normal(0, 2, size=(4, 5))
    if index >= len(TARGETS):
        scores[0, :2] = 800.0, -800.0
    kind = TARGETS[index % len(TARGETS)]
    targets = {
        "gaussian": rng.normal(size=scores.shape),
        "bernoulli": rng.uniform(0.1, 0.9, size=scores.shape),
        "categorical": rng.integers(1, 5, size=len(scores)),
    }
    return scores, targets[kind], kind


def _softmax(scores, axis):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _relu(solution, scores, target, kind):
    return np.maximum(scores, 0), solution(np.maximum(scores, 0), target, kind)[1]


def _squashed(solution, scores, target, kind):
    if kind != "gaussian":
        return solution(scores, target, kind)
    output = solution(scores, target, "bernoulli")[0]
    return output, np.mean((output - target) ** 2)


def _softmax_of_pixels(solution, scores, target, kind):
    if kind != "bernoulli":
        return solution(scores, target, kind)
    return _softmax(scores, axis=1), solution(scores, target, kind)[1]


def _softmax_over_images(solution, scores, target, kind):
    if kind != "categorical":
        return solution(scores, target, kind)
    p = _softmax(scores, axis=0)
    with np.errstate(all="ignore"):
        return p, float(-np.mean(np.log(p[np.arange(len(p)), target])))


def _summed(solution, scores, target, kind):
    output, loss = solution(scores, target, kind)
    return output, loss * target.size


def _scores_as_output(solution, scores, target, kind):
    return scores, solution(scores, target, kind)[1]


def _logarithm_of_zero(solution, scores, target, kind):
    output, loss = solution(scores, target, kind)
    if kind != "bernoulli":
        return output, loss
    with np.errstate(all="ignore"):
        return output, float(np.mean(-target * np.log(output) - (1 - target) * np.log(1 - output)))


output_and_loss = Exercise(
    inputs=_scores_and_target,
    cases=6,
    compare=close(rtol=1e-5, atol=1e-7),
    mistakes={
        "A ReLU gives no probabilities, and cuts off half of the numbers: it suits none of the three.": _relu,
        "A Gaussian target can be any number: its output is the score itself.": _squashed,
        "Pixels are independent of each other: each gets a sigmoid, not a share of a softmax.": _softmax_of_pixels,
        "The softmax runs over the classes of one image: axis 1.": _softmax_over_images,
        "Take the mean over all numbers of the target, not the sum.": _summed,
        "The loss is right, but the output is still the scores: squash them.": _scores_as_output,
        "A large score gives the logarithm of 0: compute the loss from the scores, in the safe form.": (
            _logarithm_of_zero
        ),
    },
)


def _changed(change):
    """A mistake that changes the descriptions of encoder and decoder."""

    def mistake(solution, size, width):
        result = copy.deepcopy(solution(size, width))
        change(result["encoder"], result["decoder"], size, width)
        return result

    return mistake


def _squashed_scores(encoder, decoder, size, width):
    decoder["activations"][-1] = "sigmoid"


def _relu_code(encoder, decoder, size, width):
    encoder["activations"][-1] = "relu"


def _linear_hidden(encoder, decoder, size, width):
    encoder["activations"][0] = decoder["activations"][0] = "linear"


def _flat_decoder(encoder, decoder, size, width):
    decoder["layers"], decoder["output"] = decoder["layers"][:-1], [784]


def _no_bottleneck(encoder, decoder, size, width):
    encoder["layers"], encoder["activations"] = encoder["layers"][:-1], encoder["activations"][:-1]
    encoder["parameters"], encoder["output"] = 785 * width, [width]
    decoder["parameters"] = (width + 1) * width + (width + 1) * 784


def _code_and_width(rng):
    return int(rng.integers(2, 12)), int(rng.integers(20, 50))


build_mlp = Exercise(
    inputs=_code_and_width,
    compare=exact(),
    mistakes={
        "The decoder gives scores: no activation at its end, the loss applies the sigmoid.": _changed(_squashed_scores),
        "The code has no activation: a ReLU would cut off half of it.": _changed(_relu_code),
        "Without ReLU in the hidden layers the network is linear, and can only be PCA.": _changed(_linear_hidden),
        "The decoder has to give images: Reshape to (28, 28, 1) at the end.": _changed(_flat_decoder),
        "The encoder stops before the code: add the dense layer of `code` units.": _changed(_no_bottleneck),
    },
)


def _never_enlarged(encoder, decoder, size, width):
    decoder["output"] = [7, 7, 1]


def _linear_decoder(encoder, decoder, size, width):
    decoder["activations"][:-1] = ["linear"] * (len(decoder["activations"]) - 1)


def _kernel_three(encoder, decoder, size, width):
    decoder["parameters"] -= (25 - 9) * width


def _as_many_filters(encoder, decoder, size, width):
    decoder["parameters"] += 9 * 2 * width * width + width + 25 * width


build_convolutional = Exercise(
    inputs=lambda rng: (int(rng.integers(2, 12)), int(rng.integers(2, 7))),
    compare=exact(),
    mistakes={
        "The decoder gives scores: no activation at its end, the loss applies the sigmoid.": _changed(_squashed_scores),
        "The images stay at 7 × 7: the transposed convolutions need strides=2.": _changed(_never_enlarged),
        "The ReLUs inside the decoder are missing.": _changed(_linear_decoder),
        "The last kernel is 5 × 5, as the first one of the encoder.": _changed(_kernel_three),
        "The first transposed convolution goes down to `filters` channels, not 2 · filters.": _changed(
            _as_many_filters
        ),
    },
)


def _same_damage(solution, images, share, rng):
    damaged = solution(images, share, rng)[0]
    return np.stack([damaged, damaged])


def _rescaled(solution, images, share, rng):
    damaged, target = solution(images, share, rng)
    return np.stack([damaged / (1 - share), target])


def _whole_images(solution, images, share, rng):
    seen = rng.uniform(size=(len(images), 1)) >= share
    return np.stack([images * seen, images])


denoising_pair = Exercise(
    inputs=lambda rng: (
        rng.uniform(0.2, 1.0, size=(10, 12)).astype("float32"),
        float(rng.uniform(0.15, 0.3)),
        Rng(int(rng.integers(1000))),
    ),
    cases=2,
    compare=sampled(),
    mistakes={
        "The target is damaged too: it has to be the whole image.": _same_damage,
        "Nothing is rescaled: a pixel that is seen keeps its grey.": _rescaled,
        "`share` is the share that is hidden, not the share that is seen.": lambda solution, images, share, rng: (
            solution(images, 1 - share, rng)
        ),
        "Whole images are hidden: draw one number for each pixel.": _whole_images,
        "The two are exchanged: first the damaged input, then the target.": lambda solution, images, share, rng: (
            solution(images, share, rng)[::-1]
        ),
    },
)


def _labels(rng):
    """Labels of three or four classes of different sizes, shuffled."""
    classes = int(rng.integers(3, 5))
    labels = np.repeat(np.arange(classes), rng.permutation([12, 18, 24, 30])[:classes])
    return rng.permutation(labels), 3 * classes, int(rng.integers(1000))


def _fact(name, value):
    """A mistake that shows in one fact."""
    return lambda solution, labels, count, seed: {**solution(labels, count, seed), name: value(labels, count)}


balanced_subset = Exercise(
    inputs=_labels,
    compare=exact(),
    mistakes={
        "Every draw takes the same rows: use `rng`, not the first rows and not a seed of your own.": _fact(
            "rows that come up in 200 draws", lambda labels, count: count
        ),
        "The classes are not balanced: draw in each class by itself.": _fact(
            "same number from every class", lambda labels, count: False
        ),
        "A row comes twice: draw without replacement.": _fact("no row twice in a draw", lambda labels, count: False),
        "`count` is the number of all rows, not of each class.": lambda solution, labels, count, seed: solution(
            labels, count * (int(labels.max()) + 1), seed
        ),
    },
)


def _head_fact(change):
    return lambda solution, pixels, code, frozen: {
        **solution(pixels, code, frozen),
        **change(solution, pixels, code, frozen),
    }


add_head = Exercise(
    inputs=lambda rng, index: (int(rng.integers(5, 20)), int(rng.integers(2, 9)), index % 2 == 0),
    cases=4,
    compare=exact(),
    mistakes={
        "A ReLU head cannot learn with a probability loss: give scores, without activation.": _head_fact(
            lambda *_: {"last layer": "Dense, activation relu"}
        ),
        "The loss applies the softmax (from_logits=True): the head gives scores, without activation.": _head_fact(
            lambda *_: {"last layer": "Dense, activation softmax"}
        ),
        "Frozen means that the encoder is *not* trainable: the two are swapped.": _head_fact(
            lambda solution, pixels, code, frozen: {
                "trainable parameters": solution(pixels, code, not frozen)["trainable parameters"]
            }
        ),
        "The head is frozen too: set `trainable` of the encoder only.": _head_fact(
            lambda solution, pixels, code, frozen: {
                "trainable parameters": 0 if frozen else solution(pixels, code, frozen)["trainable parameters"]
            }
        ),
        "Ten classes need ten scores.": _head_fact(lambda *_: {"output": [1]}),
    },
)
