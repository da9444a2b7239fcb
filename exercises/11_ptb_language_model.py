"""Inputs, comparisons and hints of lesson 11. No solutions."""

import numpy as np

from utils.checks import Exercise, close, exact

LOOSE = close(rtol=1e-4, atol=1e-5)  # single precision


def _normal(rng, *shape, scale=1.0):
    return (scale * rng.normal(size=shape)).astype("float32")


def _nats(rng):
    """Batches of different lengths whose words are not equally hard."""
    sizes = [int(n) for n in rng.permutation([12, 7, 2])]
    return ([rng.gamma(2.0, 1.0 + i, size=n) for i, n in enumerate(sizes)],)


perplexity = Exercise(
    inputs=_nats,
    mistakes={
        "Batches have different lengths: sum all nats and divide once, do not average the means.": (
            lambda solution, parts: float(np.exp(np.mean([part.mean() for part in parts])))
        ),
        "This is the mean of the batches' perplexities: take the exponential once, at the very end.": (
            lambda solution, parts: float(np.mean([np.exp(part.mean()) for part in parts]))
        ),
        "Nats belong to e: 2 to the power of … is for bits.": lambda solution, parts: 2.0 ** np.log(solution(parts)),
        "This is the cross-entropy: the exponential is missing.": lambda solution, parts: np.log(solution(parts)),
        "The exponential comes after the mean, not before.": lambda solution, parts: float(
            np.mean(np.exp(np.concatenate(parts)))
        ),
        "Divide by the number of words, not by the number of batches.": lambda solution, parts: float(
            np.exp(sum(part.sum() for part in parts) / len(parts))
        ),
    },
)


def _tokens(rng):
    return rng.integers(0, 6, size=int(rng.integers(40, 60))), 8


continuation = Exercise(
    inputs=_tokens,
    mistakes={
        "Each different pair counts once, however often it stands in the text.": lambda solution, tokens, words: (
            np.bincount(tokens[1:], minlength=words) / (len(tokens) - 1)
        ),
        "This counts the words that follow it. Count those that it follows: the second word of each pair is w.": (
            lambda solution, tokens, words: solution(tokens[::-1], words)
        ),
        "Divide by the number of different pairs.": lambda solution, tokens, words: (
            np.asarray(solution(tokens, words)) * len(set(zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True)))
        ),
        "One share for each of `words` numbers, also for those that do not occur: look at `minlength`.": (
            lambda solution, tokens, words: solution(tokens, words)[: tokens.max() + 1]
        ),
    },
)


def _text(rng, index):
    """A text that fills its streams in one case, and leaves two places open in the others."""
    streams, length = int(rng.integers(3, 5)), int(rng.integers(4, 7))
    return rng.integers(1, 90, size=streams * length - (0 if index == 2 else 2)), streams, 0


def _interleaved(solution, tokens, streams, end):
    return tuple(a.reshape(-1).reshape(a.shape[::-1]).T for a in solution(tokens, streams, end))


def _next_as_input(solution, tokens, streams, end):
    _, targets, weights = solution(tokens, streams, end)
    return np.append(targets.reshape(-1)[1:], end).astype("int32").reshape(targets.shape), targets, weights


def _rows_start_anew(solution, tokens, streams, end):
    inputs, targets, weights = solution(tokens, streams, end)
    inputs = inputs.copy()
    inputs[:, 0] = end
    return inputs, targets, weights


def _same(solution, tokens, streams, end):
    _, targets, weights = solution(tokens, streams, end)
    return targets, targets, weights


def _fillers_count(solution, tokens, streams, end):
    inputs, targets, weights = solution(tokens, streams, end)
    return inputs, targets, np.ones_like(weights)


streams_of = Exercise(
    inputs=_text,
    compare=exact(),
    mistakes={
        "A row has to hold running text: here neighbours in a row are far apart.": _interleaved,
        "The input is the token before the target; this is the one behind it.": _next_as_input,
        "Inputs and targets are the same: the network would see the word that it has to name.": _same,
        "The first input of a row is the last token of the row above; only the very first is `end`.": _rows_start_anew,
        "No token may be lost: round the length up, and fill the last row.": lambda solution, tokens, streams, end: (
            solution(tokens[: len(tokens) // streams * streams], streams, end)
        ),
        "Fillers at the end have the weight 0.": _fillers_count,
    },
)


def _memory(rng):
    """Two arrays whose length is no multiple of the window."""
    streams, window = int(rng.integers(2, 4)), int(rng.integers(3, 5))
    length = 2 * window + 2
    return _normal(rng, streams, length), _normal(rng, streams, length), _normal(rng, streams), window


def _windows(x, y, window, step):
    return [(x[:, i : i + window], y[:, i : i + window]) for i in range(0, x.shape[1] - step + 1, step)]


def _reset(solution, x, y, state, window):
    found = [solution(a, b, state, window) for a, b in [*_windows(x, y, window, window), (x[:, -2:], y[:, -2:])]]
    return [results[0] for results, _ in found], found[-1][1]


def _one_by_one(solution, x, y, state, window):
    """Windows that move on by one word only."""
    found = []
    for i in range(x.shape[1] - window + 1):
        (result,), state = solution(x[:, i : i + window], y[:, i : i + window], state, window)
        found.append(result)
    return found, state


def _last_lost(solution, x, y, state, window):
    length = x.shape[1] // window * window
    return solution(x[:, :length], y[:, :length], state, window)


read = Exercise(
    inputs=_memory,
    compare=LOOSE,
    mistakes={
        "The state is reset: give each step the state that the step before returned.": _reset,
        "The last window is shorter, and it is missing.": _last_lost,
        "Windows do not overlap: each begins where the one before ended.": _one_by_one,
        "Return the state after the last window, not the one at the start.": (
            lambda solution, x, y, state, window: (solution(x, y, state, window)[0], state)
        ),
        "Return the list of all results, not their sum.": lambda solution, x, y, state, window: (
            sum(solution(x, y, state, window)[0]),
            solution(x, y, state, window)[1],
        ),
    },
)


def _blocks(array, order):
    """The blocks of columns in another order."""
    parts = np.split(np.asarray(array), len(order), axis=1)
    return np.concatenate([parts[i] for i in order], axis=1)


def _lstm(rng):
    batch, units = int(rng.integers(2, 4)), 4
    return (
        _normal(rng, batch, 4 * units),
        _normal(rng, batch, 4 * units),
        (_normal(rng, batch, units), _normal(rng, batch, units)),
    )


def _without_last_tanh(solution, projected, recurrent, state):
    h, c = (np.asarray(part) for part in solution(projected, recurrent, state))
    return h / np.tanh(c) * c, c


lstm_cell = Exercise(
    inputs=_lstm,
    compare=LOOSE,
    mistakes={
        "The parts stand in the order i, f, g, o.": lambda solution, projected, recurrent, state: solution(
            _blocks(projected, (0, 1, 3, 2)), _blocks(recurrent, (0, 1, 3, 2)), state
        ),
        "f belongs to the old c, and i to what is new: they are exchanged.": (
            lambda solution, projected, recurrent, state: solution(
                _blocks(projected, (1, 0, 2, 3)), _blocks(recurrent, (1, 0, 2, 3)), state
            )
        ),
        "The recurrent part is missing: add h U to x W + b.": lambda solution, projected, recurrent, state: solution(
            projected, 0 * recurrent, state
        ),
        "The old memory is lost: c is f ⊙ c + i ⊙ g.": lambda solution, projected, recurrent, state: solution(
            projected, recurrent, (state[0], 0 * state[1])
        ),
        "The forget gate acts on c, the second part of the state.": lambda solution, projected, recurrent, state: (
            solution(projected, recurrent, state[::-1])
        ),
        "Return (h, c), in this order.": lambda solution, projected, recurrent, state: tuple(
            solution(projected, recurrent, state)[::-1]
        ),
        "h shows the tanh of c.": _without_last_tanh,
    },
)


def _gru(rng):
    batch, units = int(rng.integers(2, 4)), 4
    return _normal(rng, batch, 3 * units), _normal(rng, batch, 3 * units), (_normal(rng, batch, units),)


def _turned(array, units):
    """The first block with its sign turned round: 1 − σ(a) = σ(−a)."""
    return array * np.repeat([-1, 1, 1], units).astype("float32")


def _reset_all(solution, projected, recurrent, state):
    """The reset gate on all of n: computed by a GRU whose recurrent part is moved into the projected one."""
    units = state[0].shape[1]
    gate = 1 / (1 + np.exp(-(projected + recurrent)[:, units : 2 * units]))
    moved = np.array(projected)
    moved[:, 2 * units :] *= gate
    return solution(moved, recurrent, state)


gru_cell = Exercise(
    inputs=_gru,
    compare=LOOSE,
    mistakes={
        "z is the share of the *old* state: z ⊙ h + (1 − z) ⊙ n.": lambda solution, projected, recurrent, state: (
            solution(*(_turned(array, state[0].shape[1]) for array in (projected, recurrent)), state)
        ),
        "The parts stand in the order z, r, n.": lambda solution, projected, recurrent, state: solution(
            _blocks(projected, (1, 0, 2)), _blocks(recurrent, (1, 0, 2)), state
        ),
        "r acts on the recurrent part of n only, not on x_n.": _reset_all,
        "The reset gate is not used.": lambda solution, projected, recurrent, state: solution(
            projected + np.repeat([0, 60, 0], state[0].shape[1]).astype("float32"), recurrent, state
        ),
        "The recurrent part is missing.": lambda solution, projected, recurrent, state: solution(
            projected, 0 * recurrent, state
        ),
        "The state is a tuple of one: return (h,).": lambda solution, projected, recurrent, state: np.asarray(
            solution(projected, recurrent, state)[0]
        ),
    },
)


def _layers(rng):
    time, batch, units = int(rng.integers(3, 5)), 2, 3
    fading = [float(share) for share in rng.uniform(0.3, 0.8, size=2)]
    return rng.normal(size=(time, batch, units)), fading, rng.normal(size=(2, batch, units))


def _not_at_the_words(solution, x, fading, states):
    return solution((x - 1) / 2, fading, states)


def _not_at_the_end(solution, x, fading, states):
    result = solution(x, fading, states)
    return result | {"outputs": (np.asarray(result["outputs"]) - 1) / 2}


def _between(solution, x, fading, states, change):
    """Both layers one after the other, with something changed between them."""
    first = solution(x, fading[:1], states[:1])
    second = solution(change(np.asarray(first["outputs"])), fading[1:], states[1:])
    return {"outputs": second["outputs"], "states": [*first["states"], *second["states"]]}


def _not_between(solution, x, fading, states):
    return _between(solution, x, fading, states, lambda outputs: ((outputs - 1) / 2 - 1) / 2)


def _twice_between(solution, x, fading, states):
    return _between(solution, x, fading, states, lambda outputs: outputs)


def _states_too(solution, x, fading, states):
    result = solution(x, fading, states)
    return result | {"states": [2 * np.asarray(state) + 1 for state in result["states"]]}


def _starts_too(solution, x, fading, states):
    return solution(x, fading, 2 * states + 1)


stack = Exercise(
    inputs=_layers,
    mistakes={
        "The word vectors pass dropout too, before the first layer.": _not_at_the_words,
        "The output of the last layer passes dropout too.": _not_at_the_end,
        "Between the layers dropout is missing.": _not_between,
        "Between two layers dropout acts once, not twice.": _twice_between,
        "States go on in time as they are: no dropout on the new states.": _states_too,
        "States go on in time as they are: no dropout on the states that come in.": _starts_too,
        "Each layer has a state of its own.": lambda solution, x, fading, states: solution(
            x, fading, np.stack([states[0], states[0]])
        ),
        "Return the new states, not the old ones.": lambda solution, x, fading, states: (
            solution(x, fading, states) | {"states": list(states)}
        ),
    },
)


def _epoch(rng, index):
    """The first epoch with a smaller rate, one before it, and later ones."""
    flat = int(rng.integers(3, 6))
    rate, decay = float(rng.uniform(0.5, 2.0)), float(rng.uniform(0.4, 0.8))
    return flat + (0, -2, 3, 1)[index], rate, flat, decay


learning_rate = Exercise(
    inputs=_epoch,
    cases=4,
    mistakes={
        "One epoch late: epochs count from 0, so epoch `flat` is the first with a smaller rate.": (
            lambda solution, epoch, rate, flat, decay: solution(max(epoch - 1, 0), rate, flat, decay)
        ),
        "The first `flat` epochs have the full rate.": lambda solution, epoch, rate, flat, decay: (
            rate * decay ** (epoch + 1)
        ),
        "In the first epochs the rate must not be larger than `rate`.": lambda solution, epoch, rate, flat, decay: (
            rate * decay ** (epoch + 1 - flat)
        ),
        "Multiply by `decay`, do not divide by it.": lambda solution, epoch, rate, flat, decay: solution(
            epoch, rate, flat, 1 / decay
        ),
        "The rate falls in every epoch after the first ones, not only once.": (
            lambda solution, epoch, rate, flat, decay: rate * (decay if epoch >= flat else 1.0)
        ),
    },
)
