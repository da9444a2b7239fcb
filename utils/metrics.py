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


def frechet_distance(first: ArrayLike, second: ArrayLike) -> float:
    """Squared Fréchet distance of the Gaussians with the means and covariances of two samples (rows × features).

    With the features of a network for images this is the FID. It needs no root of a product of covariances, which
    rounding can make negative or complex: the trace of that root is the sum of the singular values of the product
    of the roots, also where a covariance is singular. Values that are not finite give NaN.
    """
    samples = [np.asarray(sample, dtype=float) for sample in (first, second)]
    if any(sample.ndim != 2 or len(sample) < 2 for sample in samples) or samples[0].shape[1] != samples[1].shape[1]:
        shapes = " and ".join(str(sample.shape) for sample in samples)
        raise ValueError(f"two tables with the same features and at least two rows each are needed, not {shapes}")
    if not all(np.isfinite(sample).all() for sample in samples):
        return float("nan")
    difference = samples[0].mean(axis=0) - samples[1].mean(axis=0)
    covariances = [np.atleast_2d(np.cov(sample, rowvar=False)) for sample in samples]
    roots = [_root(covariance) for covariance in covariances]
    overlap = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    distance = difference @ difference + sum(np.trace(covariance) for covariance in covariances) - 2 * overlap
    return float(max(distance, 0.0))


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance; eigenvalues that rounding made negative count as zero."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def generation_scores(
    features: np.ndarray, probabilities: np.ndarray, reference: np.ndarray, sure: float = 0.9, least: float = 0.02
) -> dict[str, float]:
    """What a classifier thinks of generated images, with the features of real ones as `reference`.

    `fid`: Fréchet distance of the features. `confident`: share of images with a probability of at least `sure`.
    `covered`: classes that hold at least the share `least` of all images with confident ones. `effective`: exponential
    of the entropy of the classes that are named, which is their number where all are equally frequent.
    """
    classes, confident = probabilities.argmax(axis=1), probabilities.max(axis=1) >= sure
    count = probabilities.shape[1]
    shares = np.bincount(classes, minlength=count) / len(classes)
    held = np.bincount(classes[confident], minlength=count) / len(classes)
    entropy = -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))
    return {
        "fid": frechet_distance(features, reference),
        "confident": np.mean(confident),
        "covered": np.sum(held >= least),
        "effective": np.exp(entropy),
    }


def paired_difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Mean of `first - second` run by run, and its standard error: a difference below two of these is noise."""
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if difference.size < 2:
        return float(difference.mean()), float("nan")
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(difference.size))
