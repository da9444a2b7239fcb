"""Inputs, comparisons and hints of lesson 07. No solutions."""

from utils.checks import Exercise, close, exact


def _convolution(rng):
    """Odd and even sizes, strides 1 and 2, different numbers of channels in and out."""
    height, width = (int(n) for n in rng.integers(7, 34, size=2))
    channels_in, channels_out = (int(n) for n in rng.choice([3, 5, 8, 16, 24], size=2, replace=False))
    return height, width, int(rng.choice([3, 5, 7])), channels_in, channels_out, int(rng.integers(1, 3))


def _one_channel(solution, height, width, kernel, channels_in, channels_out, stride):
    return solution(height, width, kernel, 1, channels_out, stride)


def _stride_ignored(solution, height, width, kernel, channels_in, channels_out, stride):
    return solution(height, width, kernel, channels_in, channels_out, 1)


def _rounded_down(solution, height, width, kernel, channels_in, channels_out, stride):
    parameters = solution(height, width, kernel, channels_in, channels_out, stride)[0]
    return parameters, parameters * (height // stride) * (width // stride)


def _with_bias(solution, height, width, kernel, channels_in, channels_out, stride):
    parameters, times = solution(height, width, kernel, channels_in, channels_out, stride)
    return parameters + channels_out, times


convolution_cost = Exercise(
    inputs=_convolution,
    cases=4,
    compare=exact(),
    mistakes={
        "Each filter reaches through all input channels: multiply by channels_in.": _one_channel,
        "A stride makes the output smaller, so there are fewer multiplications.": _stride_ignored,
        'With padding "same" the output\'s size is rounded up: ⌈height / stride⌉.': _rounded_down,
        "There is no bias here.": _with_bias,
    },
)

# Alternating: the shapes agree, and a shortcut needs no projection; the stride differs; only the filters differ.
BLOCKS = ((16, 16, 1), (8, 16, 2), (8, 16, 1), (16, 16, 2))


def _block(rng, index):
    channels, filters, stride = BLOCKS[index % len(BLOCKS)]
    factor = int(rng.integers(1, 3))
    return channels * factor, filters * factor, stride


def _renamed(result, old, new):
    return {**result, "connections": sorted(text.replace(old, new) for text in result["connections"])}


def _without(result, *parts):
    """The connections without those that mention one of `parts`."""
    kept = [text for text in result["connections"] if not any(part in text for part in parts)]
    return {**result, "connections": kept}


def _no_projection_norm(result):
    projected = [text for text in result["connections"] if "Conv2D 1×1" in text]
    if not projected:
        return result
    kept = [text for text in result["connections"] if text not in projected]
    kept.remove("BatchNormalization → Add")
    back = [text for text in projected if text.startswith("InputLayer")]
    return {**result, "connections": sorted([*kept, *back, "Conv2D 1×1 stride " + back[0][-1] + " → Add"])}


def _always_projected(result, stride):
    if any("Conv2D 1×1" in text for text in result["connections"]):
        return result
    projection = f"Conv2D 1×1 stride {stride}"
    kept = [text for text in result["connections"] if text != "InputLayer → Add"]
    new = [f"InputLayer → {projection}", f"{projection} → BatchNormalization", "BatchNormalization → Add"]
    return {**result, "connections": sorted(kept + new)}


def _relu_before_sum(result):
    connections = [text for text in result["connections"] if text != "Add → ReLU"]
    connections.remove("BatchNormalization → Add")
    return {**result, "connections": sorted([*connections, "BatchNormalization → ReLU", "ReLU → Add"])}


residual_block = Exercise(
    inputs=_block,
    cases=4,
    compare=exact(),
    mistakes={
        "The last ReLU comes after the sum, not before it.": lambda solution, *args: _relu_before_sum(solution(*args)),
        "The ReLU after the sum is missing.": lambda solution, *args: _without(solution(*args), "Add → ReLU"),
        "The projection is a convolution with batch normalisation: use `convolve` for it.": (
            lambda solution, *args: _no_projection_norm(solution(*args))
        ),
        "Where shapes agree the shortcut is x itself: a projection there is no shortcut.": (
            lambda solution, channels, filters, stride: _always_projected(solution(channels, filters, stride), stride)
        ),
        "The sum is missing: this is a plain block.": lambda solution, *args: _renamed(
            _without(solution(*args), "InputLayer → Add", "Conv2D 1×1"), "Add", "Identity"
        ),
    },
)


def _last_two_only(solution, channels, count, growth):
    result = solution(channels, count, growth)
    seen = [[1, channels], [2, channels + growth]] + [[2, 2 * growth]] * (count - 2)
    return {**result, "maps and channels": sorted(seen)}


dense_block = Exercise(
    inputs=lambda rng: (int(rng.integers(5, 17)), int(rng.integers(3, 5)), int(rng.integers(4, 13))),
    cases=3,
    compare=exact(),
    mistakes={
        "A layer sees only the last two maps: stack *all* earlier ones.": _last_two_only,
        "Return the input and all new maps stacked, not the last new map alone.": (
            lambda solution, channels, count, growth: {
                **solution(channels, count, growth),
                "output channels": growth,
            }
        ),
        "The block's input is lost: it is the first of the maps.": (
            lambda solution, channels, count, growth: {
                **solution(channels, count, growth),
                "output channels": count * growth,
            }
        ),
        "One layer too few.": lambda solution, channels, count, growth: solution(channels, count - 1, growth),
    },
)


def _moment(rng, index):
    """Before, at and after the peak."""
    total = float(rng.integers(100, 1000))
    share = float(rng.uniform(0.1, 0.4))
    place = (rng.uniform(0.05, 0.9) * share, share + rng.uniform(0.1, 0.9) * (1 - share))[index % 2]
    return float(round(place * total)), total, float(rng.uniform(0.05, 0.5)), share


def _never_falls(solution, step, total, peak, share):
    return peak * min(1.0, step / (share * total))


def _falls_from_the_start(solution, step, total, peak, share):
    return peak * min(step / (share * total), (total - step) / total)


def _no_warm_up(solution, step, total, peak, share):
    return peak * (total - step) / (total - share * total)


one_cycle = Exercise(
    inputs=_moment,
    cases=4,
    compare=close(rtol=1e-4),
    mistakes={
        "After the peak the rate has to fall to 0.": _never_falls,
        "The fall starts at the peak: divide by total − warm, not by total.": _falls_from_the_start,
        "The warm-up is missing: the rate starts at 0 and rises to the peak.": _no_warm_up,
        "`share` is ignored: the peak is at share · total.": lambda solution, step, total, peak, share: solution(
            step, total, peak, 0.2
        ),
    },
)


def _durations(rng):
    repeats = int(rng.integers(3, 7))
    return [float(seconds) for seconds in [rng.uniform(20, 30), *rng.uniform(1, 3, repeats), 9.0]], repeats


def _warm_up_counted(solution, durations, repeats):
    return solution([0.0, *durations], repeats) | {"calls": repeats}


def _statistic(of):
    def wrong(solution, durations, repeats):
        return solution(durations, repeats) | {"measured": float(of(durations[1 : repeats + 1]))}

    return wrong


seconds_per_call = Exercise(
    inputs=_durations,
    compare=close(rtol=1e-6),
    mistakes={
        "The first call compiles: make one call before you start the clock.": _warm_up_counted,
        "Return the median: one interruption by another program spoils a mean.": _statistic(lambda s: sum(s) / len(s)),
        "This is the time of all repeats together.": _statistic(sum),
        "Return the median, not the fastest call.": _statistic(min),
    },
)
