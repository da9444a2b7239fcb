"""Splits with a hidden fault: the scene of the crime of lesson 22, kept away from the eyes of those who search it.

Every function gives {"train": (images, labels), "valid": …, "test": …}, drawn from one pool of images.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

Split = tuple[np.ndarray, np.ndarray]
Splits = dict[str, Split]


class Pool(NamedTuple):
    """Where splits are drawn from, and how large they are: `train` images, and `held` for validation and test each."""

    images: np.ndarray
    labels: np.ndarray
    train: int
    held: int


def clean(pool: Pool, rng: np.random.Generator) -> Splits:
    """Splits dealt at random, without a fault."""
    return _cut(pool, rng.permutation(len(pool.labels)))


def _cut(pool: Pool, rows: np.ndarray) -> Splits:
    if len(rows) < pool.train + 2 * pool.held:
        raise ValueError(f"the pool has {len(rows)} fitting images; {pool.train + 2 * pool.held} are needed")
    parts = np.split(rows[: pool.train + 2 * pool.held], [pool.train, pool.train + pool.held])
    named = zip(("train", "valid", "test"), parts, strict=True)
    return {name: (pool.images[part], pool.labels[part]) for name, part in named}


def _with_test_first(pool: Pool, rng: np.random.Generator, wanted: Callable[[np.ndarray], np.ndarray]) -> Splits:
    """Test images from the whole pool; training and validation only rows for whose labels `wanted` is true."""
    rows = rng.permutation(len(pool.labels))
    test, rest = rows[: pool.held], rows[pool.held :]
    rest = rest[wanted(pool.labels[rest])]
    if len(rest) < pool.train + pool.held:
        raise ValueError(f"the pool has {len(rest)} fitting images; {pool.train + pool.held} are needed")
    return _cut(pool, np.concatenate([rest[: pool.train + pool.held], test]))


def missing_classes(pool: Pool, rng: np.random.Generator) -> Splits:
    """Two classes occur in the test split only."""
    gone = rng.choice(np.unique(pool.labels), 2, replace=False)
    return _with_test_first(pool, rng, lambda labels: ~np.isin(labels, gone))


def label_shift(pool: Pool, rng: np.random.Generator) -> Splits:
    """In training and validation some classes are five times as frequent as others; in test they are not."""
    weights = rng.permutation(np.linspace(0.2, 1, int(pool.labels.max()) + 1))
    return _with_test_first(pool, rng, lambda labels: rng.random(len(labels)) < weights[labels])


def leakage(pool: Pool, rng: np.random.Generator) -> Splits:
    """Validation images come from the training split, every other one mirrored."""
    splits = clean(pool, rng)
    rows = rng.choice(pool.train, pool.held, replace=False)
    copies, labels = (part[rows] for part in splits["train"])
    copies[::2] = copies[::2, :, ::-1].copy()
    return {**splits, "valid": (copies, labels)}


def repeats(pool: Pool, rng: np.random.Generator) -> Splits:
    """Half of the training split is three images, over and over."""
    splits = clean(pool, rng)
    images, labels = splits["train"]
    half = pool.train // 2
    rows = rng.permutation(np.concatenate([np.arange(half), np.arange(pool.train - half) % 3]))
    return {**splits, "train": (images[rows], labels[rows])}


def processing(pool: Pool, rng: np.random.Generator) -> Splits:
    """Test images went through other software: channels in reverse order, and less contrast."""
    splits = clean(pool, rng)
    images, labels = splits["test"]
    return {**splits, "test": (np.round(128 + 0.7 * (images[..., ::-1] - 128.0)).astype(np.uint8), labels)}


def label_noise(pool: Pool, rng: np.random.Generator) -> Splits:
    """A third of training and validation, one block in each, got its labels in the wrong order."""
    splits = clean(pool, rng)
    for name in ("train", "valid"):
        labels = splits[name][1]
        size = len(labels) // 3
        start = int(rng.integers(len(labels) - size))
        labels[start : start + size] = rng.permutation(labels[start : start + size])
    return splits


FAULTS: Mapping[str, Callable[[Pool, np.random.Generator], Splits]] = {
    "missing classes": missing_classes,
    "label shift": label_shift,
    "leakage": leakage,
    "repeats": repeats,
    "processing": processing,
    "label noise": label_noise,
}


def seven_sets(pool: Pool, seed: int) -> tuple[dict[str, Splits], dict[str, str]]:
    """A clean set and one with each fault, as A to G in an order drawn from `seed`; and which letter is which."""
    rng = np.random.default_rng(seed)
    sealed = dict(zip("ABCDEFG", rng.permutation(["clean", *FAULTS]).tolist(), strict=True))
    kinds = {"clean": clean, **FAULTS}
    draws = {letter: partial(kinds[kind], pool) for letter, kind in sealed.items()}
    return {letter: draw(rng) for letter, draw in draws.items()}, sealed
