"""Trained networks: their weights by name, and the Keras models that hold them."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import loading
from .catalog import ROOT, Entry, Variant
from .dataset import Origin, Weights
from .errors import DataError

SMALL = ROOT / "data" / "small_mobilenet_v2.weights.h5"
SMALL_CLASSES = ROOT / "data" / "small_mobilenet_v2.json"
ALPHA_SMALL = 0.35
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in 0..1


def weights(entry: Entry, variant: Variant, paths: Mapping[str, Path], origin: Origin) -> Weights:
    """Describe the published weights of a network."""
    index = json.loads(paths["imagenet_class_index.json"].read_text(encoding="utf-8"))
    names = tuple(index[str(i)][1] for i in range(len(index)))
    path = paths[variant.files[0].name]
    kind = "folded" if "bnfolded" in path.name else "onnx" if path.suffix == ".onnx" else "keras"
    return Weights(entry.name, str(path), names, kind, 1.0, 224, origin)


def sample_weights(entry: Entry, origin: Origin) -> Weights:
    """Describe the small network that stands in for a published one."""
    try:
        facts = json.loads(SMALL_CLASSES.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _no_small(SMALL_CLASSES) from None
    if not SMALL.is_file():
        raise _no_small(SMALL)
    names = tuple(facts["classes"])
    return Weights(entry.name, str(SMALL), names, "sample", ALPHA_SMALL, int(facts["input_size"]), origin)


def _no_small(path: Path) -> DataError:
    return DataError(
        "The small network that stands in for the published weights is missing",
        where=f"data/{path.name}",
        expected="a file of this repository",
        found="none",
        todo="get the whole repository again, or let COURSE_DATA name a mirror that has the published weights",
    )


def mobilenet_v2(input_size: int = 96, found: Weights | None = None) -> Any:
    """Return MobileNetV2 without its top, trained: RGB in [−1, 1] in, feature maps out.

    While fine-tuning, hold its batch normalisation with `trainable = False` on those layers: the "folded" weights have
    no statistics of their own, and `training=False` on an inner call is overridden by `fit`. `found` is what
    `load("mobilenet_v2")` returned, to load nothing twice.
    """
    found = found or loading.load("mobilenet_v2")
    if found.kind == "sample":
        return _features(_small_trained(found, input_size))
    model = _base(input_size, alpha=1.0)
    _load(model, found)
    return model


def small_mobilenet_v2(input_size: int | None = None, classes: int | None = None) -> Any:
    """Return the small MobileNetV2 classifier (α = 0.35): RGB in [−1, 1] in, logits out.

    With `classes` it is untrained; without, it holds the weights that come with the course.
    """
    if classes:
        return _small(input_size or 64, classes)
    found = sample_weights(loading.catalog.entry("mobilenet_v2"), Origin("", "sample", "", {}))
    return _small_trained(found, input_size)


def _small_trained(found: Weights, input_size: int | None = None, scale: bool = False) -> Any:
    model = _small(input_size or found.input_size, len(found.class_names), scale)
    _load(model, found)
    return model


def _small(size: int, classes: int, scale: bool = False) -> Any:
    import keras

    base = _base(size, ALPHA_SMALL, scale)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(base.output)
    logits = keras.layers.Dense(classes, name="predictions")(pooled)
    return keras.Model(base.input, logits, name="small_mobilenet_v2")


def squeezenet(found: Weights | None = None) -> Any:
    """Return SqueezeNet 1.1, trained: RGB in 0…255 in (the first layer scales it), logits out.

    The sample in its place is the small MobileNetV2, which takes smaller pictures: ask `model.input_shape`.
    """
    found = found or loading.load("squeezenet")
    if found.kind == "sample":
        return _small_trained(found, scale=True)
    model = _squeezenet()
    if found.kind == "onnx":
        from . import onnx

        onnx.load_convolutions(model, Path(found.weights))
    else:
        _load(model, found)
    return model


def _base(size: int, alpha: float, scale: bool = False) -> Any:
    """Return Keras' own network without its top; with `scale`, its first layer takes RGB in 0…255."""
    import keras

    network = functools.partial(keras.applications.MobileNetV2, weights=None, include_top=False, alpha=alpha)
    if not scale:
        return network(input_shape=(size, size, 3), name="mobilenet_v2")
    inputs = keras.Input((size, size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    return keras.Model(inputs, network(input_tensor=scaled).output, name="mobilenet_v2")


def _features(classifier: Any) -> Any:
    import keras

    return keras.Model(classifier.input, classifier.get_layer("out_relu").output, name="mobilenet_v2")


def _load(model: Any, found: Weights) -> None:
    try:
        model.load_weights(found.weights)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"The weights of {found.name} do not fit the network",
            where=Path(found.weights).name,
            expected=f"weights of {model.name}",
            found=reason[:120],
            todo="delete the file and ask again",
        ) from None


def _squeezenet() -> Any:
    """SqueezeNet 1.1 (Iandola et al., 2016): convolutions of 1×1 "squeeze" the channels before the costly 3×3 ones."""
    import keras
    from keras import layers

    convolve = functools.partial(layers.Conv2D, activation="relu")
    scale = [1 / (255 * deviation) for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]

    def fire(x: Any, number: int, squeeze: int, expand: int) -> Any:
        x = convolve(squeeze, 1, name=f"fire{number}_squeeze1x1")(x)
        one = convolve(expand, 1, name=f"fire{number}_expand1x1")(x)
        three = convolve(expand, 3, padding="same", name=f"fire{number}_expand3x3")(x)
        return layers.Concatenate(name=f"fire{number}")([one, three])

    inputs = keras.Input((224, 224, 3), name="image")
    x = layers.Rescaling(scale, offset, name="scale")(inputs)
    x = convolve(64, 3, strides=2, name="conv1")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = fire(fire(x, 2, 16, 64), 3, 16, 64)
    x = layers.MaxPooling2D(3, 2, name="pool3")(x)
    x = fire(fire(x, 4, 32, 128), 5, 32, 128)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    x = fire(fire(x, 6, 48, 192), 7, 48, 192)
    x = fire(fire(x, 8, 64, 256), 9, 64, 256)
    x = layers.Dropout(0.5, name="drop9")(x)
    x = convolve(1000, 1, name="conv10")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D(name="logits")(x), name="squeezenet")
