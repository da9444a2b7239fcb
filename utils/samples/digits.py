"""Handwritten digits: scikit-learn's 1 797 real 8x8 scans, up-scaled to look like MNIST and jittered."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from utils.samples._pen import smooth_noise

CLASSES = tuple("0123456789")
COPIES = {"train": 4, "test": 2}  # jittered copies of each original
TEST_PER_CLASS = 45
SIZE, FINE = 28, 32


def originals(seed: int = 0) -> dict[str, np.ndarray]:
    """Which of the 1 797 originals each image comes from: the splits share none."""
    rng = np.random.default_rng([seed, 1])
    labels = _scans()[1]
    shuffled = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    chosen = {
        "train": np.concatenate([rows[TEST_PER_CLASS:] for rows in shuffled]),
        "test": np.concatenate([rows[:TEST_PER_CLASS] for rows in shuffled]),
    }
    return {split: rng.permutation(np.repeat(rows, COPIES[split])) for split, rows in chosen.items()}


def draw(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Train and test images (N, 28, 28, 1) uint8 and labels int64, white on black."""
    scans, labels = _scans()
    fine = _enlarge(scans)
    rng = np.random.default_rng([seed, 2])
    return {
        split: {"images": _jitter(fine[rows], rng), "labels": labels[rows]} for split, rows in originals(seed).items()
    }


@lru_cache(maxsize=1)
def _scans() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits as floats in [0, 1] with their labels."""
    package = find_spec("sklearn")
    file = (
        Path(next(iter(package.submodule_search_locations or [""])), "datasets/data/digits.csv.gz") if package else None
    )
    if file and file.is_file():  # importing sklearn.datasets takes seconds, the file it reads a tenth of one
        rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
        images, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    else:
        from sklearn.datasets import load_digits

        images, labels = load_digits().images, load_digits().target.astype(np.int64)
    return images.astype(np.float32) / 16, labels


def _enlarge(scans: np.ndarray) -> np.ndarray:
    """8x8 to FINE x FINE by cubic interpolation, both axes at once by one matrix."""
    # A margin of one empty pixel keeps strokes at the border from being cut.
    padded = np.pad(scans, ((0, 0), (1, 1), (1, 1)))
    d = np.abs(np.linspace(0, 9, FINE, dtype=np.float32)[:, None] - np.arange(10, dtype=np.float32))
    matrix = np.where(d < 1, 1.5 * d**3 - 2.5 * d**2 + 1, np.where(d < 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0))
    return np.asarray(matrix @ padded @ matrix.T)


def _jitter(fine: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move, turn, slant, bend, and thicken or thin every digit, and set it into 28 x 28 pixels."""
    count = len(fine)
    angle = np.radians(rng.normal(0, 7, count)).clip(-0.35, 0.35)
    slant, width, height = rng.normal(0, 0.15, count), rng.normal(0.95, 0.08, count), rng.normal(1, 0.05, count)
    shift = rng.uniform(-1.5, 1.5, (2, count, 1, 1))
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) - (SIZE - 1) / 2
    bend = [0.28 * smooth_noise(rng, count, SIZE, 4) for _ in range(2)]
    c, s = (f(angle).reshape(-1, 1, 1) for f in (np.cos, np.sin))
    across, down = x - shift[0], y - shift[1]
    # A 20-pixel-high digit fills FINE rows less the margin: this is MNIST's proportion.
    zoom = FINE / 25.0
    column = (c * across + s * down + slant.reshape(-1, 1, 1) * down) / width.reshape(-1, 1, 1) * zoom + bend[0]
    row = (c * down - s * across) / height.reshape(-1, 1, 1) * zoom + bend[1]
    grey = _sample(fine, row + (FINE - 1) / 2, column + (FINE - 1) / 2)
    threshold, softness = rng.uniform(0.33, 0.62, (count, 1, 1)), rng.uniform(0.06, 0.11, (count, 1, 1))
    ink = 1 / (1 + np.exp((threshold - grey) / softness))
    ink = (ink - 0.06).clip(0) / 0.94 * rng.uniform(0.88, 1, (count, 1, 1))
    return (255 * ink + 0.5).astype(np.uint8)[..., None]


def _sample(fine: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Bilinear interpolation of each picture at its own coordinates; outside is empty."""
    inside = (row >= 0) & (row <= FINE - 1) & (column >= 0) & (column <= FINE - 1)
    row, column = row.clip(0, FINE - 1.001).astype(np.float32), column.clip(0, FINE - 1.001).astype(np.float32)
    top, left = row.astype(np.int32), column.astype(np.int32)
    v, u = row - top, column - left
    at = np.arange(len(fine), dtype=np.int32).reshape(-1, 1, 1) * FINE * FINE + top * FINE + left
    flat = fine.ravel()
    upper = flat[at] * (1 - u) + flat[at + 1] * u
    lower = flat[at + FINE] * (1 - u) + flat[at + FINE + 1] * u
    return np.asarray((upper * (1 - v) + lower * v) * inside)
