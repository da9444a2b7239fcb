"""The drawn image worlds: the same for a seed, quick, without leakage, and with the signal that lessons need."""

import importlib
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from utils.samples import digits, faces, garments, objects, scenes

ARRAYS = {"digits": (28, 28, 1), "garments": (28, 28, 1), "objects": (32, 32, 3)}
WRITERS = {"objects": objects.write, "faces": faces.write, "scenes": scenes.write}
SECONDS = 2.0  # of processor time, so that a busy machine does not fail the test


def repeated(work: Callable[[], Any]) -> tuple[Any, Any, float]:
    """Two results, and the processor seconds of the quicker time."""
    results, seconds = [], []
    for _ in range(2):
        start = time.process_time()
        results.append(work())
        seconds.append(time.process_time() - start)
    return results[0], results[1], min(seconds)


@pytest.fixture(scope="module")
def drawn() -> dict:
    """Each array world with seed 0, drawn twice, and its seconds."""
    worlds = {name: importlib.import_module(f"utils.samples.{name}") for name in ARRAYS}
    return {name: repeated(partial(world.draw, 0)) for name, world in worlds.items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The files of each writing world, written twice, and its seconds."""

    def files(name: str) -> list:
        return WRITERS[name](tmp_path_factory.mktemp(name), 0)

    return {name: repeated(partial(files, name)) for name in WRITERS}


@pytest.mark.parametrize("name", ARRAYS)
def test_splits_have_the_shapes_of_the_real_data(drawn, name):
    splits, _, seconds = drawn[name]
    world = importlib.import_module(f"utils.samples.{name}")
    assert set(splits) == {"train", "test"}
    assert len(splits["train"]["labels"]) >= 2500
    assert len(splits["test"]["labels"]) >= 900
    for split in splits.values():
        assert split["images"].dtype == np.uint8
        assert split["images"].shape == (len(split["labels"]), *ARRAYS[name])
        assert split["labels"].dtype == np.int64
        counts = np.bincount(split["labels"], minlength=10)
        assert len(counts) == len(world.CLASSES) == 10
        assert counts.min() > 0.9 * counts.mean()
    assert seconds < SECONDS


@pytest.mark.parametrize("name", ARRAYS)
def test_same_seed_draws_the_same_and_another_seed_does_not(drawn, name):
    first, again, _ = drawn[name]
    other = importlib.import_module(f"utils.samples.{name}").draw(1)
    for split in ("train", "test"):
        for column in ("images", "labels"):
            np.testing.assert_array_equal(first[split][column], again[split][column])
        assert (other[split]["images"] != again[split]["images"]).mean() > 0.05


@pytest.mark.parametrize("name", ARRAYS)
def test_no_image_is_in_both_splits(drawn, name):
    splits = drawn[name][0]
    train, test = ({image.tobytes() for image in splits[split]["images"]} for split in ("train", "test"))
    assert not train & test
    assert len(train) == len(splits["train"]["images"])


def test_digits_of_one_original_stay_in_one_split():
    for seed in (0, 1):
        rows = digits.originals(seed)
        assert not set(rows["train"]) & set(rows["test"])
        assert len(set(rows["train"]) | set(rows["test"])) == 1797


def test_digits_sit_in_the_middle_of_the_frame(drawn):
    mean = drawn["digits"][0]["train"]["images"].mean(axis=0)[..., 0]
    y, x = np.mgrid[:28, :28]
    assert abs((mean * x).sum() / mean.sum() - 13.5) < 1
    assert abs((mean * y).sum() / mean.sum() - 13.5) < 1
    assert mean[0].max() < 5


@pytest.mark.parametrize("world", [garments, objects])
def test_truth_holds_the_labels_that_are_drawn(drawn, world):
    name = world.__name__.rpartition(".")[2]
    truth = world.truth(0)
    for split, columns in drawn[name][0].items():
        np.testing.assert_array_equal(truth[split]["labels"], columns["labels"])
        assert all(len(values) == len(columns["labels"]) for values in truth[split].values())


@pytest.mark.parametrize("name", WRITERS)
def test_writing_is_quick_and_repeats(written, name):
    first, again, seconds = written[name]
    assert seconds < SECONDS
    assert len(set(first)) == len(first)
    assert [path.name for path in first] == [path.name for path in again]
    assert all(one.read_bytes() == two.read_bytes() for one, two in zip(first, again, strict=True))


def test_another_seed_writes_other_pictures(tmp_path):
    one, two = (objects.write(tmp_path / str(seed), seed, size=32, count=2) for seed in (0, 1))
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(one, two, strict=True))
    assert (faces.draw(0, 5) != faces.draw(1, 5)).any()
    assert scenes.truth(0) != scenes.truth(1)


def test_object_files_lie_in_a_folder_for_each_class(written):
    paths = written["objects"][0]
    folder = paths[0].parent.parent
    assert sorted(path.name for path in folder.iterdir()) == list(objects.ALL_CLASSES)
    assert set(objects.CLASSES) < set(objects.ALL_CLASSES)
    assert all((folder / name / "image_0001.jpg").is_file() for name in objects.ALL_CLASSES)
    assert len(paths) == len(objects.ALL_CLASSES) * objects.FILES
    assert 100 <= Image.open(paths[0]).width <= 200


def test_face_files_are_named_by_age_and_some_names_are_malformed(written):
    paths = written["faces"][0]
    good = [path.name for path in paths if path.name not in faces.MALFORMED]
    assert len(paths) - len(good) == 3
    ages = np.array([int(name.split("_")[0]) for name in good])
    np.testing.assert_array_equal(ages, faces.truth(0)["ages"])
    assert (ages.min(), ages.max()) == (1, 110)
    assert all(len(name.removesuffix(".jpg").split("_")) == 4 for name in good)


def test_scenes_know_where_their_things_stand(written):
    paths = written["scenes"][0]
    truth = scenes.truth(0)
    assert [path.name for path in paths] == [scene["name"] for scene in truth]
    for scene, path in zip(truth, paths, strict=True):
        size = Image.open(path).size
        assert size == (scenes.SIZE, scenes.SIZE)
        assert len(scene["boxes"]) == len(scene["classes"])
        for left, top, right, bottom in scene["boxes"]:
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "epochs", "least"), [("digits", 3, 0.95), ("garments", 5, 0.85), ("objects", 6, 0.75)]
)
def test_a_small_network_learns_the_classes(drawn, name, epochs, least):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    train, test = drawn[name][0]["train"], drawn[name][0]["test"]
    model = keras.Sequential(
        [
            keras.Input(ARRAYS[name]),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(24, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(48, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    model.fit(train["images"], train["labels"], batch_size=50, epochs=epochs, verbose=0)
    accuracy = model.evaluate(test["images"], test["labels"], verbose=0)[1]
    print(f"{name}: accuracy {accuracy:.3f}")
    assert accuracy >= least


def test_age_can_be_read_from_a_face(written):
    """Ridge regression on small pictures is enough to halve the constant's error."""
    from sklearn.kernel_ridge import KernelRidge

    paths = written["faces"][0]
    paths = [path for path in paths if path.name not in faces.MALFORMED]
    small = np.stack([np.asarray(Image.open(path).resize((32, 32)), np.float32) for path in paths]) / 255
    features = (small - small.mean(axis=(1, 2, 3), keepdims=True)).reshape(len(paths), -1)
    ages = faces.truth(0)["ages"]
    model = KernelRidge(kernel="rbf", gamma=0.01, alpha=0.03).fit(features[:600], ages[:600] - ages[:600].mean())
    error = np.abs(model.predict(features[600:]) + ages[:600].mean() - ages[600:]).mean()
    constant = np.abs(np.median(ages[:600]) - ages[600:]).mean()
    print(f"age: error {error:.1f} years, constant {constant:.1f}")
    assert faces.noise_floor(0) < error < constant / 2


def test_faces_grow_grey_and_bright_hair_with_age():
    """Hair on top of the head gets lighter: the picture shows what the name says."""
    truth, images = faces.truth(0), faces.draw(0)
    hair = images[:, 8:16, 40:60].astype(float)
    colour = (hair.max(axis=-1) - hair.min(axis=-1)).mean(axis=(1, 2))
    young, old = (truth["ages"] > 12) & (truth["ages"] < 40), truth["ages"] > 80
    women = truth["sexes"] == 1
    assert hair[old & women].mean() > 1.4 * hair[young & women].mean()
    assert colour[old & women].mean() < colour[young & women].mean() + 5


def test_the_small_pretrained_network_is_small_and_good():
    from utils.data import models

    facts = json.loads(models.SMALL_CLASSES.read_text(encoding="utf-8"))
    assert facts["classes"] == list(objects.ALL_CLASSES)
    assert facts["test_accuracy"] >= 0.85
    assert models.SMALL.stat().st_size <= 2_000_000
