"""Inputs, comparisons and hints of lesson 09. No solutions."""

import numpy as np

from utils.checks import Exercise, Rng, close, exact

LOOSE = close(rtol=1e-4, atol=1e-5)  # single precision, over several steps


def _normal(rng, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype("float32")


def _sequences(rng, index):
    """Lists of word numbers, shorter and longer than the length."""
    length = int(rng.integers(4, 7))
    sizes = [length - 2, length, length + 3, 1]
    return [rng.integers(2, 90, size=n).tolist() for n in sizes], length, ("pre", "post")[index % 2]


pad = Exercise(
    inputs=_sequences,
    cases=4,
    compare=exact(),
    mistakes={
        "Longer reviews lose their beginning: keep their last numbers.": lambda solution, sequences, length, where: (
            solution([sequence[:length] for sequence in sequences], length, where)
        ),
        "`where` says where the zeros stand: pre is in front.": lambda solution, sequences, length, where: solution(
            sequences, length, {"pre": "post", "post": "pre"}[where]
        ),
        "Fill with 0: 1 is an unknown word, not padding.": lambda solution, sequences, length, where: np.where(
            solution(sequences, length, where) == 0, 1, solution(sequences, length, where)
        ).astype("int32"),
        "The order of the words is reversed.": lambda solution, sequences, length, where: solution(
            [sequence[-length:][::-1] for sequence in sequences], length, where
        ),
    },
)


def _cell(rng):
    """State, input, W, U and b; as many inputs as units, so that a mix-up runs."""
    batch, units = int(rng.integers(2, 4)), int(rng.integers(4, 6))
    square = _normal(rng, units, units), _normal(rng, units, units)
    return _normal(rng, batch, units), _normal(rng, batch, units), *square, _normal(rng, units)


rnn_cell = Exercise(
    inputs=_cell,
    compare=LOOSE,
    mistakes={
        "The tanh is missing.": lambda solution, h, x, w, u, b: np.arctanh(
            np.clip(np.asarray(solution(h, x, w, u, b), "float64"), -1 + 1e-12, 1 - 1e-12)
        ),
        "W belongs to the input and U to the state: they are exchanged.": lambda solution, h, x, w, u, b: solution(
            h, x, u, w, b
        ),
        "The bias is missing.": lambda solution, h, x, w, u, b: solution(h, x, w, u, 0 * b),
        "The old state is forgotten: add h @ u.": lambda solution, h, x, w, u, b: solution(0 * h, x, w, u, b),
        "The bias stands inside the tanh.": lambda solution, h, x, w, u, b: solution(h, x, w, u, 0 * b) + b,
    },
)


def _leaky(rng):
    time, batch, units = int(rng.integers(4, 7)), int(rng.integers(2, 4)), 3
    return _normal(rng, time, batch, units), _normal(rng, time, batch), _normal(rng, batch, units)


def _not_carried(solution, x, weights, state):
    steps = [solution(x[t : t + 1], weights[t : t + 1], state)[0] for t in range(len(x))]
    return np.stack(steps)


def _from_the_start(solution, x, weights, state):
    return np.concatenate([state[None], np.asarray(solution(x, weights, state))[:-1]])


unroll = Exercise(
    inputs=_leaky,
    compare=LOOSE,
    mistakes={
        "Each step has to get the state that the step before returned, not the first one.": _not_carried,
        "The first entry is the state *after* the first word, not the start.": _from_the_start,
        "Return all states, not only the last.": lambda solution, x, weights, state: solution(x, weights, state)[-1],
        "Time comes first: inputs and states are (time, batch, …).": lambda solution, x, weights, state: np.transpose(
            solution(x, weights, state), (1, 0, 2)
        ),
        "This runs backwards in time.": lambda solution, x, weights, state: solution(x[::-1], weights[::-1], state),
    },
)


def _mask(rng, *shape):
    """Truth values of which some are true and some are not, in every column."""
    mask = rng.uniform(size=shape) < 0.6
    mask[0], mask[-1] = True, False
    return mask


keep_state = Exercise(
    inputs=lambda rng: (_normal(rng, 4, 4), _normal(rng, 4, 4), _mask(rng, 4)),
    mistakes={
        "True means a word: then take the new state.": lambda solution, new, old, mask: solution(new, old, ~mask),
        "At padding the state stays what it was; it does not become zero.": lambda solution, new, old, mask: solution(
            new, 0 * old, mask
        ),
        "The mask runs along the texts (rows), not along the units: use mask[:, None].": (
            lambda solution, new, old, mask: np.where(mask[None, :], new, old)
        ),
        "The mask is not used.": lambda solution, new, old, mask: new,
    },
)


def _states(rng):
    time, batch = int(rng.integers(5, 8)), 3
    return _normal(rng, time, batch, 4), _mask(rng, time, batch)


mean_of_states = Exercise(
    inputs=_states,
    compare=LOOSE,
    mistakes={
        "Divide by the number of words, not by the padded length.": lambda solution, states, mask: (
            np.asarray(solution(states, mask)) * mask.mean(axis=0)[:, None]
        ),
        "The states at padding are in the sum.": lambda solution, states, mask: (
            states.sum(axis=0) / mask.sum(axis=0)[:, None]
        ),
        "The mask is not used at all.": lambda solution, states, mask: states.mean(axis=0),
        "This is the sum: divide by the number of words.": lambda solution, states, mask: (
            np.asarray(solution(states, mask)) * mask.sum(axis=0)[:, None]
        ),
        "Divide by the words of each text, not by those of the whole batch.": lambda solution, states, mask: (
            (states * mask[:, :, None]).sum(axis=0) / mask.sum()
        ),
    },
)


def _zero_start(solution, initial, upstream):
    return {"start": np.zeros_like(upstream), "gradient": None}


def _no_gradient(solution, initial, upstream):
    return {**solution(initial, upstream), "gradient": None}


def _mean_gradient(solution, initial, upstream):
    """The start divided by the size of the batch, say by a mean that was meant to broadcast."""
    result = solution(initial, upstream)
    return {"start": result["start"] / len(upstream), "gradient": result["gradient"] / len(upstream)}


start_state = Exercise(
    inputs=lambda rng: (_normal(rng, 3), _normal(rng, int(rng.integers(4, 6)), 3)),
    compare=LOOSE,
    mistakes={
        "The start is always zero: use `initial`.": _zero_start,
        "No gradient comes back: stay within TensorFlow, without .numpy() and without a new variable.": _no_gradient,
        "Each text starts with all of `initial`: do not divide it among them.": _mean_gradient,
    },
)


def _gradients(rng, index):
    """Three arrays of different sizes; the norm is above the limit in most cases, below it in one."""
    arrays = [_normal(rng, 3, 4), _normal(rng, 5, scale=4.0), _normal(rng, 2, 2, scale=0.3)]
    norm = np.sqrt(sum(np.sum(array**2) for array in arrays))
    return arrays, float(norm * (1.7 if index == 1 else rng.uniform(0.1, 0.5)))


def _norm(arrays):
    return np.float32(np.sqrt(sum(np.sum(array**2) for array in arrays)))


def _each_by_itself(solution, gradients, limit):
    clipped = [g * min(1.0, limit / np.sqrt(np.sum(g**2))) for g in gradients]
    return clipped, _norm(gradients)


def _by_value(solution, gradients, limit):
    return [np.clip(g, -limit / 4, limit / 4) for g in gradients], _norm(gradients)


def _always(solution, gradients, limit):
    norm = _norm(gradients)
    return [g * (limit / norm) for g in gradients], norm


clip = Exercise(
    inputs=_gradients,
    compare=LOOSE,
    mistakes={
        "One norm for all arrays together: shrunk one by one they change their direction.": _each_by_itself,
        "Return the norm before clipping, not after it.": lambda solution, gradients, limit: (
            solution(gradients, limit)[0],
            min(_norm(gradients), np.float32(limit)),
        ),
        "Nothing is clipped.": lambda solution, gradients, limit: (gradients, _norm(gradients)),
        "The norm is the square root of the sum of squares.": lambda solution, gradients, limit: (
            [g * min(1.0, limit / _norm(gradients) ** 2) for g in gradients],
            _norm(gradients) ** 2,
        ),
        "A gradient that is short enough stays as it is: the factor is at most 1.": _always,
        "Shrink the whole vector by one factor; do not cut its values off.": _by_value,
    },
)


def _small_network(rng):
    units, batch = 3, 2
    matrix = np.linalg.qr(rng.normal(size=(units, units)))[0].astype("float32")
    return _normal(rng, 6, batch, units, scale=0.5), 0.8 * matrix, _normal(rng, batch, units), _normal(rng, units)


def _only_the_copies(solution, x, u, state, v):
    """The gradient with respect to the stacked states: zero but for the last."""
    norms = np.array(solution(x, u, state, v))
    norms[:-1] = 0
    return norms


gradient_norms = Exercise(
    inputs=_small_network,
    compare=LOOSE,
    mistakes={
        "This is the gradient for the stacked states, which are copies: use a probe in the loop.": _only_the_copies,
        "Time runs forwards: the last word is the last row.": lambda solution, x, u, state, v: np.asarray(
            solution(x, u, state, v)
        )[::-1],
        "One norm for each text: do not mix the batch.": lambda solution, x, u, state, v: np.sqrt(
            np.sum(np.square(solution(x, u, state, v)), axis=1)
        ),
        "This is the squared norm.": lambda solution, x, u, state, v: np.square(solution(x, u, state, v)),
    },
)


def _gru(rng):
    units, batch = 4, 3
    return (
        _normal(rng, batch, units),
        _normal(rng, batch, 3 * units),
        _normal(rng, units, 3 * units),
        _normal(rng, 3 * units, scale=0.5),
    )


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _reset_before(solution, h, projected, u, b):
    n = len(h[0])
    gates = _sigmoid(projected[:, : 2 * n] + h @ u[:, : 2 * n] + b[: 2 * n])
    z, r = gates[:, :n], gates[:, n:]
    candidate = np.tanh(projected[:, 2 * n :] + (r * h) @ u[:, 2 * n :] + b[2 * n :])
    return z * h + (1 - z) * candidate


def _gates(arrays, order):
    """The three blocks of columns in another order."""
    return [np.concatenate([np.split(array, 3, axis=-1)[i] for i in order], axis=-1) for array in arrays]


gru_cell = Exercise(
    inputs=_gru,
    compare=LOOSE,
    mistakes={
        "The reset gate acts after the product: r ⊙ (h U + b'), (r ⊙ h) U is reset_after=False.": _reset_before,
        "z is the share of the *old* state: z ⊙ h + (1 − z) ⊙ n.": lambda solution, h, projected, u, b: (
            # 1 − σ(a) = σ(−a): the update gate with its sign turned round
            solution(h, *(array * np.repeat([-1, 1, 1], len(h[0])).astype("float32") for array in (projected, u, b)))
        ),
        "The columns are z, r, n: update and reset gate are exchanged.": lambda solution, h, projected, u, b: solution(
            h, *_gates((projected, u, b), (1, 0, 2))
        ),
        "The recurrent bias is missing.": lambda solution, h, projected, u, b: solution(h, projected, u, 0 * b),
        "The reset gate is not used.": lambda solution, h, projected, u, b: solution(
            h, projected + np.repeat([0, 60, 0], len(h[0])).astype("float32"), u, b
        ),
    },
)


def _random_network(rng):
    units, letters = 5, 6
    return (
        rng.normal(size=(letters, units)),
        1.5 * np.linalg.qr(rng.normal(size=(units, units)))[0],
        2 * rng.normal(size=(units, letters)),
        int(rng.integers(letters)),
        float(rng.uniform(0.5, 0.8)),
        Rng(int(rng.integers(1000))),
    )


def _first_again(solution, inputs, recurrent, outputs, first, temperature, rng):
    """Every step is fed with the first letter, whatever was drawn."""
    return solution(np.broadcast_to(inputs[first], inputs.shape), recurrent, outputs, first, temperature, rng)


def _greedy(solution, inputs, recurrent, outputs, first, temperature, rng):
    return solution(inputs, recurrent, outputs, first, 1e-9, rng)


sample = Exercise(
    inputs=_random_network,
    compare=exact(),
    mistakes={
        "The state is dropped: hand the new state to the next call of `predict`.": (
            lambda solution, inputs, recurrent, outputs, first, temperature, rng: solution(
                inputs, 0 * recurrent, outputs, first, temperature, rng
            )
        ),
        "Feed each drawn letter back in, not the first one again.": _first_again,
        "Divide the logits by the temperature.": (
            lambda solution, inputs, recurrent, outputs, first, temperature, rng: solution(
                inputs, recurrent, outputs, first, 1 / temperature, rng
            )
        ),
        "The temperature is not used.": lambda solution, inputs, recurrent, outputs, first, temperature, rng: solution(
            inputs, recurrent, outputs, first, 1.0, rng
        ),
        "Draw from the probabilities; this always takes the most likely letter.": _greedy,
        "Leave out the letter that was given: return the drawn ones only.": (
            lambda solution, inputs, recurrent, outputs, first, temperature, rng: [
                first,
                *solution(inputs, recurrent, outputs, first, temperature, rng)[:-1],
            ]
        ),
    },
)
