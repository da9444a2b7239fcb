"""Features of images in a second or two, without labels and without training."""

import numpy as np


def patch_features(images: np.ndarray, filters: int = 100, size: int = 6, seed: int = 0) -> np.ndarray:
    """Give 8 numbers for each filter and image, each with mean 0 and standard deviation 1 over the images.

    After Coates and Ng: random patches of the images themselves, whitened, are the filters of a convolution; its
    responses, split by sign and thresholded, are averaged over the four quarters.
    """
    import tensorflow as tf

    x = images.astype(np.float32) / 255
    kernel = _whitened_patches(x, filters, size, np.random.default_rng(seed))
    parts = []
    for start in range(0, len(x), 500):  # a block at a time: the responses are large
        part = x[start : start + 500]
        response = tf.nn.conv2d(part, kernel, strides=2, padding="VALID")
        response /= part.std(axis=(1, 2, 3), keepdims=True) + 0.05  # contrast drops out
        typical = tf.reduce_mean(tf.abs(response), axis=(1, 2, 3), keepdims=True)
        both = tf.nn.relu(tf.concat([response - typical, -response - typical], axis=3))
        quarter = (both.shape[1] // 2, both.shape[2] // 2)
        pooled = tf.nn.avg_pool2d(both, quarter, quarter, "VALID")[:, :2, :2]
        parts.append(tf.reshape(pooled, (len(part), -1)).numpy())
    features: np.ndarray = np.concatenate(parts)
    return (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)


def _whitened_patches(x: np.ndarray, filters: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a convolution kernel (size, size, channels, filters); each filter ignores a constant patch."""
    count = 20000
    image = rng.integers(len(x), size=count)
    top, left = (rng.integers(side - size + 1, size=count) for side in x.shape[1:3])
    offsets = np.arange(size)
    rows, columns = top[:, None, None] + offsets[:, None], left[:, None, None] + offsets
    patches = x[image[:, None, None], rows, columns].reshape(count, -1)
    patches = patches[patches.std(axis=1) > 0.02]  # an empty patch shows nothing
    if len(patches) < filters:
        raise ValueError(f"only {len(patches)} of {count} patches show anything; {filters} are needed")
    patches = patches - patches.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    whiten = vectors / np.sqrt(values + 0.01 * values.mean()) @ vectors.T
    chosen = patches[:filters] @ whiten
    kernel = whiten @ (chosen / np.linalg.norm(chosen, axis=1, keepdims=True)).T
    kernel -= kernel.mean(axis=0)
    return np.ascontiguousarray(kernel.reshape(size, size, x.shape[3], filters), dtype=np.float32)
