"""Trained networks: the small one that comes with the course, and the published ones where a mirror has them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from utils import data
from utils.data import DataError, models

MIRROR = os.environ.get("COURSE_DATA")
real = pytest.mark.skipif(not MIRROR, reason="COURSE_DATA names no mirror of the real data")


@pytest.fixture
def sample(monkeypatch):
    monkeypatch.setenv("COURSE_SOURCE", "sample")


@pytest.mark.slow
def test_small_network_takes_any_size_and_scales_where_asked(sample):
    found = data.load("squeezenet")
    assert found.kind == "sample"
    assert not found.origin.real
    classifier = data.squeezenet(found)
    size = found.input_size
    assert classifier.output_shape == (None, len(found.class_names))
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
    same = data.small_mobilenet_v2()(pictures / 127.5 - 1, training=False)
    np.testing.assert_allclose(classifier(pictures, training=False), same, atol=1e-4)
    features = data.mobilenet_v2(96)
    assert features.output_shape == (None, 3, 3, 1280)
    assert len(features.layers) < len(classifier.layers)


def test_missing_or_foreign_weights_are_named(sample, monkeypatch, tmp_path):
    found = data.load("mobilenet_v2")
    broken = tmp_path / "small.weights.h5"
    broken.write_bytes(b"no HDF5")
    with pytest.raises(DataError, match=r"do not fit the network \(small\.weights\.h5\)"):
        data.mobilenet_v2(64, models.Weights(**{**found.__dict__, "weights": str(broken)}))
    monkeypatch.setattr(models, "SMALL", tmp_path / "none.h5")
    with pytest.raises(DataError, match="is missing"):
        data.load("mobilenet_v2")


@real
@pytest.mark.slow
def test_published_networks_see(monkeypatch):
    monkeypatch.setenv("COURSE_SOURCE", "real")
    found = data.load("squeezenet")
    photos = data.load("photos").all
    rows = [photos.names.index(f"caltech101_{name}.jpg") for name in ("pizza_image_0005", "rooster_image_0003")]
    pictures = np.stack(list(photos.rows(np.array(rows)).dataset(224, fit="crop").as_numpy_iterator()))
    best = np.argmax(data.squeezenet(found)(pictures.astype(np.float32), training=False), axis=1)
    assert [found.class_names[i] for i in best] == ["pizza", "cock"]
    assert data.mobilenet_v2(96).output_shape == (None, 3, 3, 1280)
