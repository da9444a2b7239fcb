"""The hidden faults of lesson 22: each set has its fault and no other, and a seed gives the same sets again."""

import numpy as np
import pytest

from utils import faults

TRAIN, HELD = 300, 60


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(0)
    return faults.Pool(rng.integers(0, 256, (900, 8, 8, 3), dtype=np.uint8), np.arange(900) % 10, TRAIN, HELD)


def names_of(pool, images):
    """The row of the pool that each image is, or -1."""
    rows = {image.tobytes(): row for row, image in enumerate(pool.images)}
    return np.array([rows.get(np.ascontiguousarray(image).tobytes(), -1) for image in images])


@pytest.mark.parametrize("kind", ["clean", *faults.FAULTS])
def test_sizes_and_rows(pool, kind):
    before = pool.images.copy(), pool.labels.copy()
    splits = {"clean": faults.clean, **faults.FAULTS}[kind](pool, np.random.default_rng(3))
    assert [len(y) for _, y in splits.values()] == [TRAIN, HELD, HELD]
    rows = {name: names_of(pool, x) for name, (x, _) in splits.items()}
    twice = len(np.concatenate(list(rows.values()))) - len(np.unique(np.concatenate(list(rows.values()))))
    wrong = sum(np.sum(pool.labels[rows[n]] != y) for n, (_, y) in splits.items() if (rows[n] >= 0).all())
    assert (twice > 0) == (kind in ("repeats", "leakage", "processing"))  # -1 counts as one row
    assert (wrong > 0) == (kind == "label noise")
    assert ((rows["test"] < 0).all()) == (kind == "processing")
    assert np.array_equal(pool.images, before[0])
    assert np.array_equal(pool.labels, before[1])


def test_each_fault_is_what_it_says(pool):
    rng = np.random.default_rng(5)
    gone = faults.missing_classes(pool, rng)
    assert len(set(gone["test"][1])) - len(set(gone["train"][1]) | set(gone["valid"][1])) == 2
    shift = np.bincount(faults.label_shift(pool, rng)["train"][1], minlength=10)
    assert shift.max() > 2 * shift.min()
    leak = faults.leakage(pool, rng)
    train = {image.tobytes() for image in leak["train"][0]}
    valid = leak["valid"][0]
    assert all((v.tobytes() in train) != (v[:, ::-1].copy().tobytes() in train) for v in valid)
    repeated = faults.repeats(pool, rng)["train"][0]
    assert len({image.tobytes() for image in repeated}) == TRAIN // 2


def test_a_seed_gives_the_same_sets(pool):
    sets, sealed = faults.seven_sets(pool, 1)
    again, sealed_again = faults.seven_sets(pool, 1)
    assert sealed == sealed_again
    assert set(sealed.values()) == {"clean", *faults.FAULTS}
    assert all(np.array_equal(sets[k][s][0], again[k][s][0]) for k in sets for s in sets[k])
    assert faults.seven_sets(pool, 2)[1] != sealed


def test_too_small_a_pool(pool):
    with pytest.raises(ValueError, match="needed"):
        faults.clean(pool._replace(train=9000), np.random.default_rng(0))
    with pytest.raises(ValueError, match="needed"):
        faults.missing_classes(pool._replace(train=700), np.random.default_rng(0))
