"""What `load` returns: splits, origins, decoded copies, samples; and every published file that a mirror has."""

from __future__ import annotations

import errno
import gzip
import io
import os
import pickle
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_server import put, tiny_mnist, toml_of

from utils import data
from utils.data import DataError, Split, catalog, readers, store
from utils.data.dataset import MIME

ROOT = Path(__file__).resolve().parents[1]
MIRROR = os.environ.get("COURSE_DATA")
real = pytest.mark.skipif(not MIRROR, reason="COURSE_DATA names no mirror of the real data")


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Give the test a cache and a mirror of its own; `mirror(name, fields, files)` writes files and catalogue."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mirror"))
    monkeypatch.setenv("COURSE_SOURCE", "real")

    def write(name: str, reader: str, files: dict[str, bytes], known: dict[str, bytes] | None = None) -> Path:
        put(tmp_path / "mirror" / name, files)
        rows = [(file, content, []) for file, content in (files if known is None else known).items()]
        (tmp_path / "catalog.toml").write_text(toml_of(name, {"reader": reader, "sample": "digits"}, [rows]))
        monkeypatch.setattr(catalog, "CATALOG", tmp_path / "catalog.toml")
        catalog.entries.cache_clear()
        return tmp_path / "cache" / name

    yield write
    catalog.entries.cache_clear()


# ---- splits


def labelled(number: int = 1000) -> Split:
    labels = np.repeat(np.arange(4), [number // 2, number // 4, number // 8, number // 8])
    return Split({"images": np.arange(number), "labels": labels, "texts": [str(i) for i in range(number)]})


def test_take_keeps_proportions_and_rows_together():
    split = labelled()
    part = split.take(80)
    assert np.abs(np.bincount(part.labels) - [40, 20, 10, 10]).max() <= 1
    assert [str(i) for i in part.images] == part.texts
    assert split.take(None) is split
    assert len(split.take(10**9)) == 1000
    np.testing.assert_array_equal(split.take(40).images, part.images[:40])
    with pytest.raises(DataError, match="at least 1"):
        split.take(0)


@pytest.mark.parametrize("n", [100, 0.1])
def test_hold_out_is_disjoint_stratified_and_fixed(n):
    split = labelled()
    rest, held = split.hold_out(n, seed=3)
    assert len(rest), len(held) == (900, 100)
    assert not set(rest.images) & set(held.images)
    assert set(rest.images) | set(held.images) == set(range(1000))
    assert np.abs(np.bincount(held.labels) - [50, 25, 12.5, 12.5]).max() <= 1
    np.testing.assert_array_equal(held.images, split.hold_out(100, seed=3)[1].images)
    assert list(held.images) != list(split.hold_out(100, seed=4)[1].images)
    with pytest.raises(DataError, match=r"hold out 1,000 of 1,000"):
        split.hold_out(1000)


def test_hold_out_without_labels_and_by_age():
    rest, held = Split({"en": list("abcdef"), "de": list("ABCDEF")}).hold_out(2)
    assert sorted(rest.en + held.en) == list("abcdef")
    assert [word.upper() for word in held.en] == held.de
    ages = np.repeat(np.arange(1, 51), 20)
    assert set(np.bincount(Split({"ages": ages}).hold_out(50)[1].ages, minlength=51)[1:]) == {1}


def test_text_is_cut_not_shuffled():
    split = Split({"text": "a b\nc\nd e\nf\n"})
    assert len(split) == 4
    assert split.take(2).text == "a b\nc\n"
    assert [part.text for part in split.hold_out(1)] == ["a b\nc\nd e\n", "f\n"]
    words = Split({"text": "one two three four"})
    assert len(words) == 4
    assert [part.text for part in words.hold_out(1)] == ["one two three", "four"]


def test_wrong_names_say_which_there_are(mirror):
    mirror("mnist", "idx", tiny_mnist())
    mnist = data.load("mnist")
    with pytest.raises(AttributeError, match="it has train, test"):
        mnist.validation  # noqa: B018
    with pytest.raises(AttributeError, match="it has images, labels"):
        mnist.train.texts  # noqa: B018
    with pytest.raises(TypeError, match=r"\.images, \.labels"):
        _, _ = mnist.train
    with pytest.raises(DataError, match="differ in length"):
        Split({"a": [1], "b": [1, 2]})


# ---- origin and the decoded copy


def test_origin_shows_text_page_and_type(mirror):
    mirror("mnist", "idx", tiny_mnist())
    origin = data.load("mnist").origin
    bundle = origin._repr_mimebundle_()
    assert bundle[MIME] == {"name": "mnist", "origin": "real"}
    assert set(bundle) == {"text/plain", "text/html", MIME}
    assert origin.count == {"train": 400, "test": 10}
    assert all(file["checksum"] for file in origin.files)


def test_a_notebook_gets_the_origin_as_output(mirror, monkeypatch):
    mirror("mnist", "idx", tiny_mnist())
    import IPython
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", shown.append)
    assert shown == [data.load("mnist").origin]


def test_decoded_copy_is_used_and_distrusted_when_cut(mirror, monkeypatch):
    cache = mirror("mnist", "idx", tiny_mnist())
    first = data.load("mnist")
    with monkeypatch.context() as patch:
        patch.setattr(readers, "read", None)
        np.testing.assert_array_equal(data.load("mnist").train.images, first.train.images)
    stored = next(cache.glob("decoded-*/train.images.npy"))
    stored.write_bytes(stored.read_bytes()[:-1])
    np.testing.assert_array_equal(data.load("mnist").train.images, first.train.images)
    first.train.images[:] = 0  # nobody's changes reach the copy
    assert data.load("mnist").train.images.any()


def test_store_keeps_texts_to_the_letter(tmp_path):
    texts = ["a\r\nb", "", "ü\u2028\x85 <br />", "\n"]
    splits = {"all": {"texts": texts, "none": [], "text": "x\r\ny", "score": np.array([0.5])}}
    store.write(tmp_path / "kept", splits, {"classes": ["a"]})
    kept, meta = store.read(tmp_path / "kept")
    assert kept["all"]["texts"] == texts
    assert kept["all"]["none"] == []
    assert kept["all"]["text"] == "x\r\ny"
    assert meta["classes"] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_store_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def save(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(OSError, match="No space"):
        store.write(tmp_path / "kept", {"all": {"x": np.zeros(3)}}, {})
    assert list(tmp_path.iterdir()) == []


# ---- readers on damaged files


@pytest.mark.parametrize(
    "content", [b"not gzip", gzip.compress(b"\0\0\x08"), tiny_mnist()["t10k-labels-idx1-ubyte.gz"]]
)
def test_idx_that_is_none(mirror, content):
    mirror("mnist", "idx", {**tiny_mnist(), "train-images-idx3-ubyte.gz": content[:-4]})
    with pytest.raises(DataError, match=r"mnist.* cannot be read|no IDX file"):
        data.load("mnist")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/course-was-here",)


def test_pickle_that_calls_functions_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="no place in an image batch"):
        readers._Unpickler(io.BytesIO(pickle.dumps(Evil()))).load()
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    loaded = readers._Unpickler(io.BytesIO(pickle.dumps({"data": array}, protocol=3)), encoding="latin1").load()
    np.testing.assert_array_equal(loaded["data"], array)


def test_cifar_batch_is_opened_only_when_its_md5_fits(mirror, tmp_path):
    mirror("cifar10", "cifar", {"data_batch_1": pickle.dumps(Evil())})
    entry = catalog.entry("cifar10")  # has a sha256, but the batch's own md5 is what counts
    with pytest.raises(DataError, match="wrong md5"):
        readers.read(entry, {"data_batch_1": tmp_path / "mirror" / "cifar10" / "data_batch_1"})


def cifar_archive() -> tuple[dict[str, bytes], bytes]:
    batches = {
        name: pickle.dumps({"data": np.full((2, 3072), i, np.uint8), "labels": [i, 0]}, protocol=3)
        for i, name in enumerate([f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"])
    }
    batches["batches.meta"] = pickle.dumps({"label_names": ["airplane", "car"]}, protocol=3)
    return batches, tar_of({f"cifar-10-batches-py/{name}": content for name, content in batches.items()})


def tar_of(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def test_cifar_from_batches_and_from_the_archive(tmp_path):
    from hashlib import md5

    from utils.data.catalog import Entry, File, Variant

    batches, archive = cifar_archive()
    files = tuple(File(f"cifar-10-batches-py/{n}", md5=md5(c).hexdigest()) for n, c in batches.items())
    entry = Entry("cifar10", "t", "cifar", "s", "l", "c", "h", (Variant("batches", files),))
    put(tmp_path, {**batches, "cifar-10-python.tar.gz": archive})
    one = readers.read(entry, {name: tmp_path / name for name in batches})
    two = readers.read(entry, {"cifar-10-python.tar.gz": tmp_path / "cifar-10-python.tar.gz"})
    assert one[1] == two[1] == ("airplane", "car")
    for splits in (one[0], two[0]):
        assert splits["train"]["images"].shape == (10, 32, 32, 3)
        assert list(splits["train"]["labels"]) == [0, 0, 1, 0, 2, 0, 3, 0, 4, 0]


@pytest.mark.parametrize(
    ("name", "reader", "file", "content", "words"),
    [
        ("imdb", "imdb", "a.tar.gz", tar_of({"aclImdb/train/pos/0_9.txt": b"good"}), "not complete: train reviews"),
        ("imdb", "imdb", "a.tar.gz", tar_of({"aclImdb/train/pos/0_9.txt": os.urandom(9999)})[:5000], "cannot be read"),
        ("wiki_text", "wiki", "a.txt.xz", b"\xfd7zXZ\0 broken", "cannot be read"),
        ("wiki_text", "wiki", "text8.zip", b"PK\3\4 broken", "cannot be read"),
        ("ptb", "ptb", "ptb.train.txt", b"\xff\xfe", "cannot be read"),
        ("multi30k", "multi30k", "train.de.gz", b"\x1f\x8b broken", "cannot be read"),
    ],
)
def test_published_files_that_are_damaged_inside(mirror, name, reader, file, content, words):
    mirror(name, reader, {file: content})
    with pytest.raises(DataError, match=words):
        data.load(name)


def test_text8_says_which_text_it_is(mirror, monkeypatch):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("text8", " anarchism originated as")
    monkeypatch.setattr(readers, "_expect", lambda *_: None)
    mirror("wiki_text", "wiki", {"text8.zip": stream.getvalue()})
    assert data.load("wiki_text").all.text == "anarchism originated as"
    labels = [variant.label for variant in catalog.parse(_catalogue())["wiki_text"].variants]
    assert "not text8" in labels[0]
    assert labels[1].startswith("text8")


def test_ted_pairs_have_one_order_whatever_the_source(mirror):
    lines = {"pt": "ola\n\num dois\n", "en": "hello\nnothing\none two\n"}
    files = {f"datasets/pt_to_en/{lang}.{s}": lines[lang].encode() for lang in lines for s in ("train", "dev", "test")}
    mirror("ted_pt_en", "ted", {"qi18naacl-dataset.tar.gz": tar_of(files)})
    train = data.load("ted_pt_en").train
    assert set(zip(train.pt, train.en, strict=True)) == {("ola", "hello"), ("um dois", "one two")}
    assert readers.pairs([("um dois", "one two"), ("ola", "hello")]) == train.columns


# ---- the catalogue, the samples, and the real data


def _catalogue() -> dict:
    import tomllib

    return tomllib.loads((ROOT / "data" / "catalog.toml").read_text(encoding="utf-8"))


def test_catalogue_is_complete():
    entries = catalog.parse(_catalogue())
    assert len(entries) == 14
    cards = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for name, entry in entries.items():
        assert entry.licence
        assert entry.citation
        assert entry.tfds or entry.by_hand or any(variant.downloadable for variant in entry.variants), name
        assert f"## {name}" in cards
        for file in (file for variant in entry.variants for file in variant.files):
            assert file.sha256 or file.md5 or file.magic, file.name


ARRAYS = ("mnist", "fashion_mnist", "cifar10")
TEXTS = {
    "imdb": ("train", ("texts", "labels", "ratings")),
    "ptb": ("train", ("text",)),
    "multi30k": ("test_2017_mscoco", ("en", "de", "fr")),
    "ted_pt_en": ("validation", ("pt", "en")),
    "wiki_text": ("all", ("text",)),
    "word2vec_eval": ("analogies", ("section", "a", "b", "c", "d")),
}


def check_shapes(name: str) -> None:
    loaded = data.load(name)
    if name in ARRAYS:
        side, channels = (32, 3) if name == "cifar10" else (28, 1)
        for split in (loaded.train, loaded.test):
            assert split.images.dtype == np.uint8
            assert split.images.shape[1:] == (side, side, channels)
            assert split.labels.dtype == np.int64
            assert set(split.labels) == set(range(10))
        assert len(loaded.classes) == 10
    else:
        split, columns = TEXTS[name]
        assert set(columns) <= set(loaded.splits[split].columns)
        assert len(loaded.splits[split]) > 0


@pytest.mark.parametrize("name", [*ARRAYS, *TEXTS])
def test_sample_has_the_shape_of_the_real_data(name, monkeypatch, capsys):
    monkeypatch.delenv("COURSE_CACHE", raising=False)  # the cache of every day: drawing takes seconds
    monkeypatch.setenv("COURSE_SOURCE", "sample")
    check_shapes(name)
    assert "not comparable" in capsys.readouterr().out
    start = time.perf_counter()
    assert data.load(name).origin.origin == "sample"
    assert time.perf_counter() - start < 1


@real
@pytest.mark.parametrize("name", [*ARRAYS, *(name for name in TEXTS if name != "ted_pt_en")])
def test_real_data_load(name, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("COURSE_SOURCE", "real")
    check_shapes(name)
    if name in ARRAYS:
        start = time.perf_counter()
        data.load(name)
        assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("source", ["sample", "real"])
def test_arrays_load_without_tensorflow(source, mirror, monkeypatch):
    mirror("mnist", "idx", tiny_mnist())
    if source == "sample":
        monkeypatch.delenv("COURSE_CACHE")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\nfrom utils import data\n"
        "from utils.data import catalog\ncatalog.CATALOG = Path(sys.argv[2])\n"
        "data.load('mnist')\nassert 'tensorflow' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(ROOT), str(catalog.CATALOG)]
    subprocess.run(command, check=True, env={**os.environ, "COURSE_SOURCE": source}, timeout=60)
