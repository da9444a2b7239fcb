"""Train the small MobileNetV2 on drawn objects, so that the course has a pretrained network without a network.

Run `python tools/train_small_mobilenet.py` in the checkout: it writes data/small_mobilenet_v2.weights.h5 and .json.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from utils.data.models import small_mobilenet_v2  # noqa: E402
from utils.samples import objects, scenes  # noqa: E402

SEED, SIZE, ALPHA = 2024, 64, 0.35
PER_CLASS, PER_CLASS_TEST = 400, 50
EPOCHS, BATCH, RATE = 12, 64, 3e-3
WEIGHTS = ROOT / "data" / "small_mobilenet_v2.weights.h5"
FACTS = ROOT / "data" / "small_mobilenet_v2.json"


def drawn(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images in [-1, 1] and labels, `per_class` of each class; half of them have trees, houses or clouds behind."""
    rng = np.random.default_rng([SEED, seed])
    names = objects.ALL_CLASSES
    rows = objects.choose(rng, names, np.repeat(np.arange(len(names)), per_class))
    rows["scale"] = rng.uniform(0.45, 0.98, len(rows["labels"]))
    images = np.empty((len(rows["labels"]), SIZE, SIZE, 3), np.float32)
    for start in range(0, len(images), 50):
        row = {key: values[start : start + 50] for key, values in rows.items()}
        scene = objects.background(row["place"], rng, SIZE)
        behind = np.stack([scenes.backdrop(rng, place, SIZE) for place in row["place"]])
        objects.place_things(scene, behind * (rng.random(len(behind)) < 0.5)[:, None, None, None], rng)
        objects.place_things(scene, objects.cut_outs(row, rng, SIZE, names), rng)
        images[start : start + 50] = objects.expose(scene, row["light"], row["contrast"], rng)
    return images / 127.5 - 1, rows["labels"]


def to_half(source: Path, target: Path) -> None:
    """Copy a weights file with its arrays in half precision, compressed; `load_weights` reads it as it is."""

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            # A moving variance may exceed what half precision holds, and is small.
            dtype = np.float16 if item.ndim > 1 else item.dtype
            made = new.create_dataset(name, data=item[()].astype(dtype), compression="gzip" if item.ndim > 1 else None)
            made.attrs.update(dict(item.attrs))
        elif isinstance(item, h5py.Group) and not name.startswith("optimizer"):
            new.require_group(name).attrs.update(dict(item.attrs))

    with h5py.File(source) as old, h5py.File(target, "w") as new:
        new.attrs.update(dict(old.attrs))
        old.visititems(copy)


def main() -> None:
    """Train, and publish what was learned."""
    keras.utils.set_random_seed(SEED)
    start = time.perf_counter()
    images, labels = drawn(PER_CLASS, 0)
    test_images, test_labels = drawn(PER_CLASS_TEST, 1)
    model = small_mobilenet_v2(SIZE, len(objects.ALL_CLASSES))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.95  # Keras' 0.999 would average over more steps than there are
    steps = EPOCHS * -(-len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps - 100, warmup_target=RATE, warmup_steps=100)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=BATCH, epochs=EPOCHS, validation_data=(test_images, test_labels), verbose=2)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.weights.h5"
        model.save_weights(whole)
        publish(whole, test_images, test_labels)
    print(f"{time.perf_counter() - start:.0f} s")


def publish(whole: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write the small file, and the accuracy of a network that loads it."""
    half = WEIGHTS.with_name("half.weights.h5")
    to_half(whole, half)
    fresh = small_mobilenet_v2(SIZE, len(objects.ALL_CLASSES))
    fresh.load_weights(half)
    accuracy = float((fresh.predict(images, verbose=0).argmax(axis=1) == labels).mean())
    half.replace(WEIGHTS)  # at once: a lesson that loads it meanwhile sees a whole file
    facts = {"classes": objects.ALL_CLASSES, "input_size": SIZE, "alpha": ALPHA, "test_accuracy": round(accuracy, 4)}
    FACTS.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"test accuracy {accuracy:.4f}, {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
