"""The checks: values cross as JSON and back, the comparison says what is wrong, a check is red for the right reason."""

import json

import numpy as np
import pytest

from utils import checks
from utils.checks import Exercise, Rng, close, exact, judge, make_case, sampled
from utils.checks.compare import difference
from utils.checks.wire import LARGEST_ARRAY, WireError, decode, encode, normalise


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2**80,
        -1.5,
        float("inf"),
        "ü\n",
        (1, (2.0, "x")),
        [1, [2]],
        {"a": (1,), 2: None},
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.array(2.5, dtype=np.float32),
        np.array([], dtype=bool),
        np.arange(4, dtype=">i4"),
    ],
)
def test_values_survive_the_wire(value):
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(back, value)
        assert back.dtype == value.dtype.newbyteorder("=")
        back[...] = 0  # a decoded array is the caller's own
    else:
        assert back == value
        assert type(back) is type(value)


def test_nan_survives_the_wire():
    assert np.isnan(decode(json.loads(json.dumps(encode(float("nan"))))))


def test_infinite_numbers_of_numpy_survive_the_wire():
    assert decode(json.loads(json.dumps(encode(np.float64("-inf"))))) == -np.inf


def test_a_generator_crosses_as_its_seed():
    assert decode(encode(Rng(3))).uniform() == np.random.default_rng(3).uniform()


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), np.zeros(LARGEST_ARRAY + 1, np.uint8), {1, 2}, [0] * 200_000]
)
def test_what_cannot_be_compared_is_refused(value):
    with pytest.raises(WireError):
        encode(value)


@pytest.mark.parametrize(
    "value", [{"pickle": "x"}, {"array": "", "dtype": "|O", "shape": [0]}, {"array": "!", "dtype": "<f8", "shape": [1]}]
)
def test_hostile_values_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        decode(value)


def test_results_of_any_kind_become_plain():
    assert normalise((np.float32(1), [2, {"a": b"x"}])) == (1, [2, {"a": "x"}])
    with pytest.raises(WireError, match="generator"):
        normalise(i for i in range(3))
    with pytest.raises(WireError, match="type object"):
        normalise(object())


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (np.zeros((3, 2)), np.zeros((2, 3)), "transposed"),
        (np.zeros(3), np.zeros(2), "shape"),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "finite"),
        (np.array([-1.0, 2.0]), np.array([1.0, -2.0]), "sign"),
        (np.array([2.0, 4.0]), np.array([1.0, 2.0]), "2 times"),
        (np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 3], [2, 4]]), "transpose"),
        (np.array([True, False]), np.array([False, True]), "swapped"),
        (np.array([1, 0]), np.array([True, False]), "bool"),
        ("text", 1.0, "expected 1"),
        (None, np.zeros(2), "None"),
        ([1, 2], [1, 2, 3], None),
        ({"a": 1}, {"b": 1}, "entries"),
        ("b", "a", "'a'"),
        ([1.0, "x"], [1.0, "y"], "item 1"),
    ],
)
def test_a_wrong_result_is_explained(got, expected, words):
    problem = difference(close(), got, expected)
    assert problem is not None
    if words:
        assert words in problem


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1, 1.0),
        (np.float32(0.1), 0.1),
        ([1.0, 2.0], np.array([1.0, 2.0])),
        ((1, "a"), [1, "a"]),
        (np.array([np.nan]), np.array([np.nan])),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        ({"a": np.ones(2)}, {"a": np.ones(2)}),
    ],
)
def test_a_right_result_is_right_whatever_its_wrapping(got, expected):
    assert difference(close(), got, expected) is None


def test_exact_wants_whole_numbers_where_they_are_expected():
    assert difference(exact(), np.array([1, 2]), np.array([1, 2])) is None
    assert "whole" in difference(exact(), np.array([1.0, 2.0]), np.array([1, 2]))


def test_an_object_that_lies_about_equality_is_no_result():
    class Liar:
        def __eq__(self, other):
            return True

    case = make_case(Exercise(inputs=lambda rng: (1.0,)), lambda x: x, seed=0, index=0)
    assert judge(close(), case, lambda x: Liar()).state == "failed"


def dropout(x, rate, rng):
    return np.where(rng.uniform(size=x.shape) >= rate, x / (1 - rate), 0.0)


def dropout_drawn_otherwise(x, rate, rng):
    return x * rng.binomial(1, 1 - rate, size=x.shape) / (1 - rate)


DROPOUT = Exercise(
    inputs=lambda rng: (rng.normal(1, 1, size=(8, 10)), 0.4, Rng(int(rng.integers(99)))),
    compare=sampled(),
    mistakes={
        "not rescaled": lambda solution, x, rate, rng: solution(x, rate, rng) * (1 - rate),
        "swapped": lambda solution, x, rate, rng: solution(x, 1 - rate, rng),
    },
)


def test_random_results_are_right_however_they_are_drawn():
    for index in range(5):
        case = make_case(DROPOUT, dropout, 1, index)
        assert judge(sampled(), case, dropout).state == "passed"
        assert judge(sampled(), case, dropout_drawn_otherwise).state == "passed"


@pytest.mark.parametrize("hint", list(DROPOUT.mistakes))
def test_random_mistakes_are_recognised(hint):
    case = make_case(DROPOUT, dropout, 1, 0)
    wrong = judge(sampled(), case, lambda *args: DROPOUT.mistakes[hint](dropout, *args))
    assert (wrong.state, wrong.hint) == ("failed", hint)


def test_a_mistake_that_raises_is_recognised_by_its_exception():
    def divide(solution, x):
        return x / 0

    exercise = Exercise(inputs=lambda rng: (2,), mistakes={"do not divide by zero": divide})
    case = make_case(exercise, lambda x: x, 0, 0)
    outcome = judge(close(), case, lambda x: x / 0)
    assert outcome.hint == "do not divide by zero"
    assert "ZeroDivisionError" in outcome.message


def test_inputs_are_fresh_for_each_call():
    case = make_case(Exercise(inputs=lambda rng: (np.ones(3),)), lambda x: x.sum(), 0, 0)

    def spoils_its_input(x):
        total = x.sum()
        x[...] = 0
        return total

    assert judge(close(), case, spoils_its_input).state == "passed"
    assert judge(close(), case, spoils_its_input).state == "passed"


def test_cases_depend_on_seed_and_index_only():
    exercise = Exercise(inputs=lambda rng: (rng.normal(size=3),))
    drawn = {json.dumps(make_case(exercise, np.sum, seed, i)) for seed in (0, 1) for i in (0, 1)}
    assert len(drawn) == 4
    assert json.dumps(make_case(exercise, np.sum, 1, 1)) in drawn


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Run checks against the values of one small exercise; gives the list of what was shown."""
    exercise = Exercise(inputs=lambda rng: (rng.normal(size=4),), mistakes={"sum up": lambda solution, x: x.mean()})
    values = {
        "total": {
            "number": "99.1",
            "compare": exercise.compare,
            "cases": [make_case(exercise, np.sum, 0, i) for i in range(3)],
        }
    }
    (tmp_path / "99_small.json").write_text(json.dumps({"exercises": values}))
    monkeypatch.setattr(checks, "VALUES", tmp_path)
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: seen.append(data[checks.CHECK_MIME]))
    return seen


def test_a_check_shows_green_red_and_open(shown):
    def still_open(x):
        raise NotImplementedError("Exercise 99.1: write total")

    for function in (np.sum, np.mean, still_open):
        checks.run("99.total", function)
    assert [entry["state"] for entry in shown] == ["passed", "failed", "open"]
    assert "hint: sum up" in shown[1]["message"]
    assert "called: " in shown[1]["message"]
    assert "99.1" in shown[2]["message"]


def test_an_unknown_check_says_so(shown):
    with pytest.raises(LookupError, match=r"99\.other"):
        checks.run("99.other", np.sum)


def test_collecting_notes_the_function_and_checks_nothing(shown):
    with checks.collect() as found:
        checks.run("99.total", np.mean)
    assert found == {"99.total": np.mean}
    assert shown == []
