"""Numbers about numbers: means over seeds and how far to trust them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike


def mean_sd(values: ArrayLike, digits: int = 3, scale: float = 1.0) -> str:
    """`0.912 ± 0.003`: mean and sample standard deviation over seeds."""
    array = np.asarray(values, dtype=float) * scale
    if array.size < 2:
        return f"{array.mean():.{digits}f}"
    return f"{array.mean():.{digits}f} ± {array.std(ddof=1):.{digits}f}"


def confidence_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean of a few independent runs."""
    from scipy import stats

    array = np.asarray(values, dtype=float)
    if array.size < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf(0.5 + level / 2, array.size - 1) * array.std(ddof=1) / np.sqrt(array.size)
    return float(array.mean() - half), float(array.mean() + half)


def classify(model: Callable, images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """The class with the highest score for each image, in inference mode; where all scores are NaN it is 0."""
    starts = range(0, len(images), batch)
    return np.concatenate([np.argmax(model(images[i : i + batch], training=False), axis=1) for i in starts])


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, classes: int) -> np.ndarray:
    """Counts with the true class in rows and the predicted class in columns."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (np.asarray(labels), np.asarray(predicted)), 1)
    return matrix


def paired_difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Mean of `first - second` run by run, and its standard error: a difference below two of these is noise."""
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if difference.size < 2:
        return float(difference.mean()), float("nan")
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(difference.size))
