"""Inputs, comparisons and hints of lesson 21. No solutions."""

import numpy as np

from utils.checks import Exercise, Tensor, close

IMAGES, PIXELS, HIDDEN, CLASSES = 4, 6, 5, 3


def _network(rng):
    """Weights of a little network, as tensors."""
    return Tensor(_normal(rng, PIXELS, HIDDEN)), Tensor(_normal(rng, HIDDEN, CLASSES))


def _normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _images(rng):
    """Images with some pixels at the edge of the valid range, and their labels."""
    x = rng.uniform(-0.2, 1.2, size=(IMAGES, PIXELS)).clip(0, 1).astype("float32")
    return x, rng.integers(0, CLASSES, size=IMAGES)


def _batch(rng):
    first, second = _network(rng)
    x, y = _images(rng)
    return first, second, Tensor(x), Tensor(y)


def _slope(first, second, x, y, loss):
    """Gradient with respect to `x` of a loss of (labels, logits) on the little network."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(y, tf.tanh(x @ first) @ second)
    return tape.gradient(value, x)


def _cross_entropy(y, logits):
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def _double_softmax(y, logits):
    import tensorflow as tf

    return _cross_entropy(y, tf.nn.softmax(logits))


def _right_logit(y, logits):
    import tensorflow as tf

    return tf.gather(logits, y, batch_dims=1)


input_gradient = Exercise(
    inputs=_batch,
    compare=close(rtol=1e-4, atol=1e-6),
    mistakes={
        "This is the gradient of the batch's mean loss: it shrinks with the batch. Sum the losses.": (
            lambda solution, first, second, x, y: solution(first, second, x, y) / IMAGES
        ),
        "The model returns logits: no softmax before a loss that takes logits.": (
            lambda solution, first, second, x, y: _slope(first, second, x, y, _double_softmax)
        ),
        "This is the gradient of the right class's logit, not of the loss.": (
            lambda solution, first, second, x, y: _slope(first, second, x, y, _right_logit)
        ),
        "The sign is wrong: the gradient of the loss points to where the loss grows.": (
            lambda solution, first, second, x, y: -solution(first, second, x, y)
        ),
    },
)


def _fgsm_inputs(rng):
    return (*_batch(rng), float(rng.uniform(0.1, 0.4)))


def _sign(first, second, x, y):
    import tensorflow as tf

    return tf.sign(_slope(first, second, x, y, _cross_entropy))


def _clip(x):
    return np.clip(np.asarray(x), 0, 1)


fgsm = Exercise(
    inputs=_fgsm_inputs,
    mistakes={
        "Some pixels leave [0, 1]: clip the result.": lambda solution, first, second, x, y, epsilon: (
            x + epsilon * _sign(first, second, x, y)
        ),
        "This step lowers the loss: add the sign of the gradient, do not subtract it.": (
            lambda solution, first, second, x, y, epsilon: _clip(x - epsilon * _sign(first, second, x, y))
        ),
        "Every pixel moves by ε: take the sign of the gradient, not the gradient.": (
            lambda solution, first, second, x, y, epsilon: _clip(
                x + epsilon * _slope(first, second, x, y, _cross_entropy)
            )
        ),
        "ε was divided by 255: pixels already lie between 0 and 1.": (
            lambda solution, first, second, x, y, epsilon: solution(first, second, x, y, epsilon / 255)
        ),
        "Return the image after the step, not the step.": lambda solution, first, second, x, y, epsilon: (
            epsilon * _sign(first, second, x, y)
        ),
    },
)


def _gradients(rng):
    """Gradients of very different lengths, one of them exactly zero."""
    gradient = _normal(rng, IMAGES, 3, 2, 1) * np.array([1e-3, 1.0, 30.0, 0.0], "float32").reshape(-1, 1, 1, 1)
    return (Tensor(gradient),)


def _changed(solution, gradient, **kinds):
    result = {name: np.asarray(value) for name, value in solution(gradient).items()}
    with np.errstate(all="ignore"):
        return {**result, **{name: change(np.asarray(gradient)) for name, change in kinds.items()}}


def _size(gradient, power):
    flat = np.abs(gradient).reshape(len(gradient), -1) ** power
    return flat.sum(axis=1).reshape(-1, 1, 1, 1)


def _no_nan(gradient, size):
    return np.divide(gradient, size, out=np.zeros_like(gradient), where=size != 0)


direction = Exercise(
    inputs=_gradients,
    compare=close(rtol=1e-4, atol=1e-6),
    mistakes={
        "A zero gradient gave 0/0: return zeros there, tf.math.divide_no_nan does.": lambda solution, gradient: (
            _changed(
                solution,
                gradient,
                l2=lambda g: g / np.sqrt(_size(g, 2)),
                max=lambda g: g / np.abs(g).max(axis=(1, 2, 3), keepdims=True),
            )
        ),
        "The norm was taken over the whole batch; each image needs its own (keepdims=True).": (
            lambda solution, gradient: _changed(
                solution, gradient, l2=lambda g: g / np.linalg.norm(g), max=lambda g: g / np.abs(g).max()
            )
        ),
        "'l2' divides by the squared length: the square root is missing.": lambda solution, gradient: _changed(
            solution, gradient, l2=lambda g: _no_nan(g, _size(g, 2))
        ),
        "'l2' divides by the sum of absolute values, which is the 1-norm.": lambda solution, gradient: _changed(
            solution, gradient, l2=lambda g: _no_nan(g, _size(g, 1))
        ),
        "'max' divides by the largest value, not by the largest absolute value.": lambda solution, gradient: _changed(
            solution, gradient, max=lambda g: _no_nan(g, g.max(axis=(1, 2, 3), keepdims=True))
        ),
    },
)


def _project_inputs(rng):
    x, _ = _images(rng)
    moved = x + rng.uniform(-0.6, 0.6, size=x.shape).astype("float32")
    return Tensor(moved), Tensor(x), float(rng.uniform(0.1, 0.3))


project = Exercise(
    inputs=_project_inputs,
    mistakes={
        "Only the valid range is kept: also clip to x − ε … x + ε.": lambda solution, moved, x, epsilon: _clip(moved),
        "Only the ball is kept: some pixels are below 0 or above 1.": lambda solution, moved, x, epsilon: np.clip(
            moved, x - epsilon, x + epsilon
        ),
        "Clip the difference to ±ε, and then add x again.": lambda solution, moved, x, epsilon: np.clip(
            moved - x, -epsilon, epsilon
        ),
        "Pixels were pushed to the surface of the ball; those inside stay where they are.": (
            lambda solution, moved, x, epsilon: _clip(x + epsilon * np.sign(moved - x))
        ),
    },
)


def _walk_inputs(rng):
    first, second, x, y = _batch(rng)
    start = x.array + rng.uniform(-0.3, 0.3, size=(IMAGES, PIXELS)).astype("float32")
    return first, second, x, y, Tensor(start), 0.2, 0.07, 4


def _walk(first, second, x, y, start, epsilon, step_size, steps, ball=True, moving=True, signed=True):
    """A walk up the loss with one thing left out."""
    current = centre = x
    image = np.asarray(start)
    for _ in range(steps):
        at = image if moving else np.asarray(x)
        slope = np.asarray(_slope(first, second, at, y, _cross_entropy))
        centre = current if ball else image
        image = image + step_size * (np.sign(slope) if signed else slope)
        image = _clip(np.clip(image, np.asarray(centre) - epsilon, np.asarray(centre) + epsilon))
    return image.astype("float32")


def _inside(start, x, epsilon):
    return _clip(np.clip(start, np.asarray(x) - epsilon, np.asarray(x) + epsilon)).astype("float32")


pgd = Exercise(
    inputs=_walk_inputs,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "The ball is centred on the current image, so the walk leaves it: project around the original x.": (
            lambda solution, first, second, x, y, start, epsilon, step_size, steps: _walk(
                first, second, x, y, _inside(start, x, epsilon), epsilon, step_size, steps, ball=False
            )
        ),
        "The start is ignored: begin at `start`, not at x.": (
            lambda solution, first, second, x, y, start, epsilon, step_size, steps: solution(
                first, second, x, y, x, epsilon, step_size, steps
            )
        ),
        "The gradient is always the one at x: compute it anew at the current image.": (
            lambda solution, first, second, x, y, start, epsilon, step_size, steps: _walk(
                first, second, x, y, _inside(start, x, epsilon), epsilon, step_size, steps, moving=False
            )
        ),
        "Step along the sign of the gradient, not along the gradient.": (
            lambda solution, first, second, x, y, start, epsilon, step_size, steps: _walk(
                first, second, x, y, _inside(start, x, epsilon), epsilon, step_size, steps, signed=False
            )
        ),
        "This walk goes down the loss; an attack goes up.": (
            lambda solution, first, second, x, y, start, epsilon, step_size, steps: solution(
                first, second, x, y, start, epsilon, -step_size, steps
            )
        ),
    },
)


def _targeted_inputs(rng):
    return (*_batch(rng), 0.2, 0.07, 4)


def _targeted_unclipped(first, second, x, target, step_size, steps):
    image = np.asarray(x)
    for _ in range(steps):
        image = image - step_size * np.asarray(_sign(first, second, image, target))
    return image


targeted_pgd = Exercise(
    inputs=_targeted_inputs,
    compare=close(rtol=1e-4, atol=1e-5),
    mistakes={
        "This runs away from the target: its loss must become small, so subtract.": (
            lambda solution, first, second, x, target, epsilon, step_size, steps: solution(
                first, second, x, target, epsilon, -step_size, steps
            )
        ),
        "The projection is missing: after each step, go back into the ball and the valid range.": (
            lambda solution, first, second, x, target, epsilon, step_size, steps: _targeted_unclipped(
                first, second, x, target, step_size, steps
            )
        ),
        "Only one step was taken.": lambda solution, first, second, x, target, epsilon, step_size, steps: solution(
            first, second, x, target, epsilon, step_size, 1
        ),
    },
)


def _training_inputs(rng):
    first, second = _normal(rng, PIXELS, HIDDEN), _normal(rng, HIDDEN, CLASSES)
    x, y = _images(rng)
    start = x + rng.uniform(-0.3, 0.3, size=x.shape).astype("float32")
    return first, second, Tensor(x), Tensor(y), Tensor(start), 0.3, 0.15, 3


def _learn(first, second, x, y, attack, rate=0.5):
    """Two steps of gradient descent on what `attack` makes of the weights; the losses and the first weights."""
    import tensorflow as tf

    weights = [tf.Variable(first), tf.Variable(second)]
    losses = []
    for step in range(2):
        images = tf.constant(attack(weights[0].numpy(), weights[1].numpy(), step))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(_cross_entropy(y, tf.tanh(images @ weights[0]) @ weights[1]))
        for weight, slope in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(rate * slope)
        losses.append(loss.numpy())
    return {"losses": losses, "first weights": weights[0].numpy()}


def _clean_learning(solution, first, second, x, y, start, epsilon, step_size, steps):
    return _learn(first, second, x, y, lambda a, b, step: np.asarray(x))


def _noise_learning(solution, first, second, x, y, start, epsilon, step_size, steps):
    return solution(first, second, x, y, start, epsilon, step_size, 0)


def _start_ignored(solution, first, second, x, y, start, epsilon, step_size, steps):
    return solution(first, second, x, y, x, epsilon, step_size, steps)


def _not_learning(solution, first, second, x, y, start, epsilon, step_size, steps):
    loss = solution(first, second, x, y, start, epsilon, step_size, steps)["losses"][0]
    return {"losses": [loss, loss], "first weights": first}


def _stale_examples(solution, first, second, x, y, start, epsilon, step_size, steps):
    """The second step uses the examples of the first."""
    begin = _inside(start, x, epsilon)
    stale = _walk(first, second, x, y, begin, epsilon, step_size, steps)
    return _learn(first, second, x, y, lambda a, b, step: stale)


adversarial_step = Exercise(
    inputs=_training_inputs,
    cases=2,
    compare=close(rtol=1e-3, atol=1e-4),
    mistakes={
        "The network learned from the untouched images: give `update` the adversarial ones.": _clean_learning,
        "The network learned from the random start: take the gradient steps of the attack.": _noise_learning,
        "The attack did not begin at `start`.": _start_ignored,
        "Nothing was learned: call `update`, which applies the gradients.": _not_learning,
        "The second step used the examples of the first: attack the network as it is now.": _stale_examples,
    },
)
