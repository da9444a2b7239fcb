"""Inputs, comparisons and hints of lesson 06. No solutions."""

import numpy as np

from utils.checks import Exercise, close, exact


def _image_and_kernel(rng):
    """A small image with two or three channels, and a kernel of two or three pixels."""
    k, channels, filters = int(rng.integers(2, 4)), int(rng.integers(2, 4)), int(rng.integers(2, 5))
    height, width = (int(n) for n in rng.permutation([6, 8]))
    return rng.normal(size=(height, width, channels)), rng.normal(size=(k, k, channels, filters))


convolve = Exercise(
    inputs=_image_and_kernel,
    compare=close(rtol=1e-5, atol=1e-6),
    mistakes={
        "The kernel is flipped: lay it over the window as it is.": lambda solution, image, kernel: solution(
            image, kernel[::-1, ::-1]
        ),
        "Rows and columns of the kernel are exchanged.": lambda solution, image, kernel: solution(
            image, kernel.transpose(1, 0, 2, 3)
        ),
        "The last row and column of places are missing: there are h − k + 1.": lambda solution, image, kernel: solution(
            image, kernel
        )[:-1, :-1],
        "Sum over the channels of the image too: all but the first are ignored.": lambda solution, image, kernel: (
            solution(image[:, :, :1], kernel[:, :, :1])
        ),
    },
)


def _channels_first(solution, image, k):
    places = len(solution(image, k))
    return solution(image, k).reshape(places, k * k, -1).transpose(0, 2, 1).reshape(places, -1)


def _columns_first(solution, image, k):
    height, width = image.shape[0] - k + 1, image.shape[1] - k + 1
    rows = solution(image, k).reshape(height, width, -1)
    return rows.transpose(1, 0, 2).reshape(height * width, -1)


columns = Exercise(
    inputs=lambda rng: (
        rng.normal(size=(int(rng.integers(4, 6)), int(rng.integers(6, 8)), int(rng.integers(2, 4)))),
        int(rng.integers(2, 4)),
    ),
    compare=close(),
    mistakes={
        "Within a row the channels come last, as in the kernel: (row, column, channel).": _channels_first,
        "The places run along each line of the image: row i · w' + j.": _columns_first,
        "This is the transposed matrix: one *row* for each place.": lambda solution, image, k: solution(image, k).T,
    },
)


def _with_delta(rng):
    image, kernel = _image_and_kernel(rng)
    k = kernel.shape[0]
    delta = rng.normal(size=(image.shape[0] - k + 1, image.shape[1] - k + 1, kernel.shape[3]))
    return image, kernel, delta


def _overwritten(solution, image, kernel, delta):
    image_gradient, kernel_gradient = np.zeros(image.shape), solution(image, kernel, delta)[1]
    height, width = delta.shape[:2]
    for a in range(len(kernel)):
        for b in range(len(kernel)):
            image_gradient[a : a + height, b : b + width] = delta @ kernel[a, b].T
    return image_gradient, kernel_gradient


convolution_gradients = Exercise(
    inputs=_with_delta,
    compare=close(rtol=1e-5, atol=1e-6),
    mistakes={
        "A pixel lies in several windows: add up what it gets from each (+=).": _overwritten,
        "The kernel's gradient is a sum over all places, not a mean.": lambda solution, image, kernel, delta: (
            solution(image, kernel, delta)[0],
            solution(image, kernel, delta)[1] / (delta.shape[0] * delta.shape[1]),
        ),
        "The image's gradient runs through the kernel backwards: check the places i + a, j + b.": (
            lambda solution, image, kernel, delta: (
                solution(image, kernel[::-1, ::-1], delta)[0],
                solution(image, kernel, delta)[1],
            )
        ),
        "The two gradients are exchanged: first the image's, then the kernel's.": (
            lambda solution, image, kernel, delta: solution(image, kernel, delta)[::-1]
        ),
    },
)


def _all_channels(solution, maps, size):
    out = solution(maps, size)
    return np.broadcast_to(out.max(axis=2, keepdims=True), out.shape).copy()


def _overlapping(solution, maps, size):
    windows = np.lib.stride_tricks.sliding_window_view(maps, (size, size), axis=(0, 1))
    return windows.max(axis=(3, 4))


max_pool = Exercise(
    inputs=lambda rng: (
        rng.normal(size=(int(rng.integers(5, 8)), int(rng.integers(7, 10)), 3)),
        int(rng.integers(2, 4)),
    ),
    compare=close(),
    mistakes={
        "Each channel has its own maximum.": _all_channels,
        "The tiles do not overlap: go on by `size`, not by one.": _overlapping,
        "This is the smallest value of each tile.": lambda solution, maps, size: -solution(-maps, size),
        "Only the first value of each tile is looked at.": lambda solution, maps, size: maps[::size, ::size][
            : maps.shape[0] // size, : maps.shape[1] // size
        ],
    },
)


def _stack(rng):
    """Convolutions with strides and pooling between them."""
    layers = []
    for _ in range(3):
        layers.append((int(rng.choice([3, 5, 7])), int(rng.integers(1, 3)), int(rng.integers(4, 17))))
        layers.append((2, 2, 0))
    return layers, int(rng.choice([1, 3]))


def _no_bias(solution, stack, channels):
    side, parameters = solution(stack, channels)
    return side, parameters - sum(filters for _, _, filters in stack)


def _stride_counts_at_once(solution, stack, channels):
    side, spacing = 1, 1
    for kernel, stride, _ in stack:
        spacing *= stride
        side += (kernel - 1) * spacing
    return side, solution(stack, channels)[1]


def _strides_ignored(solution, stack, channels):
    return solution([(kernel, 1, filters) for kernel, _, filters in stack], channels)


def _channels_of_the_image(solution, stack, channels):
    parameters = sum((kernel * kernel * channels + 1) * filters for kernel, _, filters in stack)
    return solution(stack, channels)[0], parameters


describe_stack = Exercise(
    inputs=_stack,
    compare=exact(),
    mistakes={
        "Each filter has a bias.": _no_bias,
        "A stride spreads the *later* layers: use the spacing before this layer.": _stride_counts_at_once,
        "After a stride neighbours are further apart: later kernels count more pixels.": _strides_ignored,
        "A layer's input has as many channels as the layer before has filters.": _channels_of_the_image,
    },
)


def _tiny_training(rng):
    """Few points, so that the accuracies of two epochs differ."""
    x = rng.normal(size=(20, 4)).astype("float32")
    y = np.argmax(x @ rng.normal(size=(4, 3)), axis=1)
    return x, y, rng.normal(size=(4, 3)).astype("float32"), float(rng.uniform(0.4, 0.8))


def _not_reset(solution, x, y, weights, rate):
    result = solution(x, y, weights, rate)
    first, second = result["accuracies"]
    return {**result, "accuracies": [first, (first + second) / 2]}


def _summed(solution, x, y, weights, rate):
    """A sum over the images of a batch is the mean times their number."""
    return solution(x, y, weights, rate * (len(x) // 2))


train_epoch = Exercise(
    inputs=_tiny_training,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The metric still holds the epoch before: reset it first.": _not_reset,
        "The model has to run in training mode: model(x, training=True).": lambda solution, x, y, weights, rate: (
            solution(x / 2, y, weights, rate)
        ),
        "Take the mean of the loss over the batch, not the sum.": _summed,
        "Nothing is learned: apply the gradients.": lambda solution, x, y, weights, rate: solution(x, y, weights, 0.0),
    },
)
