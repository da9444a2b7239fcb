"""The one part of a split that needs TensorFlow: its `tf.data` pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .dataset import Column
from .errors import DataError

TARGETS = ("ages", "labels")


def dataset(
    columns: Mapping[str, Column],
    size: int | tuple[int, int] | None,
    target: str | None,
    fit: str,
    read: Callable[[str], bytes] | None,
) -> Any:
    """Return a `tf.data.Dataset`: decoded lazily for paths, sliced for arrays and lists."""
    import tensorflow as tf

    if fit not in ("stretch", "crop"):
        raise DataError("fit is not understood", expected="'stretch' or 'crop'", found=repr(fit))
    target = target or next((name for name in TARGETS if name in columns), None)
    paths = columns.get("paths")
    if paths is None:
        inputs = columns[next(iter(columns))]
        return tf.data.Dataset.from_tensor_slices((inputs, columns[target]) if target else inputs)
    rows = tf.data.Dataset.from_tensor_slices((list(paths), columns[target]) if target else (list(paths),))
    shape = (size, size) if isinstance(size, int) else size

    def decode(path: Any, *label: Any) -> Any:
        picture = picture_of(_content(path, read), shape, fit)
        return (picture, *label) if label else picture

    return rows.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _content(path: Any, read: Callable[[str], bytes] | None) -> Any:
    import tensorflow as tf

    if read is None:
        return tf.io.read_file(path)
    content = tf.numpy_function(lambda name: np.bytes_(read(name.decode())), [path], tf.string, stateful=False)
    content.set_shape(())
    return content


def picture_of(content: Any, shape: tuple[int, int] | None, fit: str = "stretch") -> Any:
    """Decode JPEG or PNG bytes to RGB, and resize with anti-aliasing."""
    import tensorflow as tf

    picture = tf.io.decode_image(content, channels=3, expand_animations=False)
    picture.set_shape((None, None, 3))
    if shape is None:
        return picture
    if fit == "crop":
        picture = _centre(picture, shape)
    picture = tf.image.resize(picture, shape, method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(picture), 0, 255), tf.uint8)


def _centre(picture: Any, shape: tuple[int, int]) -> Any:
    """Cut out the largest centred part that has the proportions of `shape`."""
    import tensorflow as tf

    height, width = tf.shape(picture)[0], tf.shape(picture)[1]
    scale = tf.minimum(height / shape[0], width / shape[1])
    new_height = tf.cast(tf.round(scale * shape[0]), tf.int32)
    new_width = tf.cast(tf.round(scale * shape[1]), tf.int32)
    return tf.image.crop_to_bounding_box(
        picture, (height - new_height) // 2, (width - new_width) // 2, new_height, new_width
    )
