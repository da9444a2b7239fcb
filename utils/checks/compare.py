"""Say what is wrong with a result: shape, kind of number, values, and the usual slips behind them."""

from typing import Any

import numpy as np

Spec = dict[str, Any]
DRAWS = 64  # how often a random solution is drawn to learn which values it can give


def close(rtol: float = 1e-5, atol: float = 1e-6) -> Spec:
    """Numbers must agree within `atol + rtol * |expected|`, everything else exactly."""
    return {"kind": "close", "rtol": rtol, "atol": atol}


def exact() -> Spec:
    """Everything must be equal."""
    return {"kind": "close", "rtol": 0.0, "atol": 0.0}


def sampled(rtol: float = 1e-5, atol: float = 1e-6) -> Spec:
    """For random results: every element is one that the solution can draw there, and mean and spread are its own."""
    return {"kind": "sampled", "rtol": rtol, "atol": atol}


def difference(spec: Spec, got: Any, expected: Any) -> str | None:
    """None if `got` is right, else one sentence that says what is wrong."""
    if spec["kind"] == "sampled":
        return _unlike_samples(spec, got, expected)
    return _differs(spec, got, expected, "")


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.ndarray, np.generic))


def _numbers(value: Any) -> np.ndarray | None:
    """`value` as an array of numbers, or None if it is none (a list of numbers counts as one)."""
    if isinstance(value, str) or value is None or isinstance(value, dict):
        return None
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "biufc" else None


def _differs(spec: Spec, got: Any, expected: Any, place: str) -> str | None:
    if _is_number(expected):
        array = _numbers(got)
        if array is None:
            return f"{place}expected {describe(expected)}, got {describe(got)}"
        return _arrays_differ(spec, array, np.asarray(expected), place)
    if isinstance(expected, dict):
        return _dicts_differ(spec, got, expected, place)
    if isinstance(expected, (list, tuple)):
        return _lists_differ(spec, got, expected, place)
    same = type(got) is type(expected) and got == expected
    return None if same else f"{place}expected {describe(expected)}, got {describe(got)}"


def _dicts_differ(spec: Spec, got: Any, expected: dict[Any, Any], place: str) -> str | None:
    if not isinstance(got, dict) or set(got) != set(expected):
        keys = ", ".join(map(str, expected))
        found = ", ".join(map(str, got)) if isinstance(got, dict) else describe(got)
        return f"{place}expected the entries {keys}; got {found}"
    problems = (_differs(spec, got[key], expected[key], f"{place}{key}: ") for key in expected)
    return next((problem for problem in problems if problem), None)


def _lists_differ(spec: Spec, got: Any, expected: Any, place: str) -> str | None:
    if isinstance(got, np.ndarray):
        got = list(got)
    if not isinstance(got, (list, tuple)):
        return f"{place}expected {describe(expected)}, got {describe(got)}"
    if len(got) != len(expected):
        return f"{place}expected {len(expected)} items, got {len(got)}"
    pairs = enumerate(zip(got, expected, strict=True))
    problems = (_differs(spec, mine, right, f"{place}item {i}: ") for i, (mine, right) in pairs)
    return next((problem for problem in problems if problem), None)


def _arrays_differ(spec: Spec, got: np.ndarray, expected: np.ndarray, place: str) -> str | None:
    if got.shape != expected.shape:
        swapped = ": transposed?" if got.shape == expected.shape[::-1] else ""
        return f"{place}expected shape {expected.shape}, got {got.shape}{swapped}"
    if (got.dtype.kind == "b") != (expected.dtype.kind == "b"):
        return f"{place}expected {expected.dtype.name} values, got {got.dtype.name}"
    if spec["rtol"] == 0 and expected.dtype.kind in "iu" and got.dtype.kind == "f":
        return f"{place}expected whole numbers, got {got.dtype.name}"
    wrong = ~np.isclose(got, expected, rtol=spec["rtol"], atol=spec["atol"], equal_nan=True)
    if not wrong.any():
        return None
    return place + _what_is_wrong(spec, got, expected, wrong)


def _what_is_wrong(spec: Spec, got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    """The first wrong element, and the slip that would explain all of them."""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {list(first)}" if first else ""
    count = f"{int(wrong.sum())} of {wrong.size} values are wrong; " if wrong.size > 1 else ""
    text = f"{count}expected {_short(expected[first])}{where}, got {_short(got[first])}"
    slip = _slip(spec, got, expected)
    return f"{text} ({slip})" if slip else text


def _slip(spec: Spec, got: np.ndarray, expected: np.ndarray) -> str:
    tolerance = {"rtol": spec["rtol"] + 1e-6, "atol": spec["atol"] + 1e-9}
    if not np.isfinite(got).all() and np.isfinite(expected).all():
        return "not every value is finite"
    if got.ndim == 2 and got.shape[0] == got.shape[1] and np.allclose(got.T, expected, **tolerance):
        return "this is the transpose"
    if got.dtype.kind == "b" or expected.dtype.kind == "b":
        return "true and false are swapped" if (got != expected).all() else ""
    if np.allclose(-got, expected, **tolerance):
        return "the sign is flipped"
    norm = float(np.vdot(expected, expected).real)
    factor = float(np.vdot(expected, got).real) / norm if norm > 0 else 0.0
    if factor and np.allclose(got, factor * expected, **tolerance):
        return f"every value is {factor:.4g} times what it should be"
    return ""


def _unlike_samples(spec: Spec, got: Any, samples: Any) -> str | None:
    array, drawn = _numbers(got), np.asarray(samples)
    if array is None or array.shape != drawn.shape[1:]:
        shape = describe(got) if array is None else f"shape {array.shape}"
        return f"expected an array of shape {drawn.shape[1:]}, got {shape}"
    possible = np.isclose(array, drawn, rtol=spec["rtol"], atol=spec["atol"]).any(axis=0)
    if not possible.all():
        first = tuple(int(i) for i in np.argwhere(~possible)[0])
        seen = np.unique(np.moveaxis(drawn, 0, -1)[first].round(5))
        values = ", ".join(_short(v) for v in seen[:4])
        return f"element {list(first)} is {_short(array[first])}; it can only be one of {values}"
    for name, mine, theirs in zip(STATISTICS, _statistics(array), _statistics_of_each(drawn), strict=False):
        spread = max(float(theirs.std()), 1e-12)
        allowed = 5 if name == "mean" else 6  # a variance strays further than a mean
        if abs(mine - float(theirs.mean())) > allowed * spread:
            return f"the {name} is {_short(mine)}, but {_short(float(theirs.mean()))} ± {_short(spread)} is expected"
    return None


STATISTICS = ("mean", *(f"variance between the means along axis {axis}" for axis in range(4)))


def _statistics(array: np.ndarray) -> list[float]:
    """The mean, and for each axis how much the slices differ: elements that are not drawn one by one show there."""
    axes = range(array.ndim) if array.ndim > 1 else ()
    slices = [array.mean(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    return [float(array.mean()), *(float(means.var()) for means in slices)]


def _statistics_of_each(drawn: np.ndarray) -> list[np.ndarray]:
    return list(np.array([_statistics(array) for array in drawn]).T)


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, (float, np.floating)) else str(value)


def describe(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} ({value.dtype.name})"
    if isinstance(value, (list, tuple)) and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)} items"
    text = _short(value) if _is_number(value) else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
