"""Features without training: the same each time, blind to contrast, and good for a linear classifier."""

import numpy as np
import pytest

from utils import features
from utils.samples import digits


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (24, 40, 3)])
def test_shape_scale_and_seed(shape):
    images = np.random.default_rng(0).integers(0, 256, (40, *shape), dtype=np.uint8)
    values = features.patch_features(images, filters=5)
    assert values.shape == (40, 40)
    assert np.allclose(values.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(values.std(axis=0), 1, atol=1e-2)
    assert np.array_equal(values, features.patch_features(images, filters=5))
    assert not np.array_equal(values, features.patch_features(images, filters=5, seed=1))


def test_a_linear_model_reads_digits_from_them():
    train, test = (digits.draw(0)[name] for name in ("train", "test"))
    n = len(train["images"])
    values = features.patch_features(np.concatenate([train["images"], test["images"]]), filters=40)
    table = np.eye(10)[train["labels"]]
    a = values[:n]
    weights = np.linalg.solve(a.T @ a + 0.01 * n * np.eye(a.shape[1]), a.T @ table)
    assert np.mean((values[n:] @ weights).argmax(axis=1) == test["labels"]) > 0.85


def test_blank_images_are_refused():
    with pytest.raises(ValueError, match="patches show anything"):
        features.patch_features(np.zeros((10, 16, 16, 1), np.uint8))
