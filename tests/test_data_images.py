"""Images in folders, zips and tars: found under any name, unpacked once and safely, decoded only when looked at."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_server import put, toml_of
from PIL import Image
from test_data_load import tar_of

from utils import data
from utils.data import DataError, archives, catalog, onnx

MIRROR = os.environ.get("COURSE_DATA")
real = pytest.mark.skipif(not MIRROR, reason="COURSE_DATA names no mirror of the real data")
FACES = ["UTKFace/1_0_2_2017.jpg.chip.jpg", "UTKFace/30_1_0_2017.jpg", "UTKFace/116_1_4_2016.jpg.chip.jpg"]
MALFORMED = ["UTKFace/39_1_20170116174525125.jpg.chip.jpg", "UTKFace/abc.jpg", "UTKFace/999_1_1_2017.jpg"]


def jpeg(shade: int = 100, size: tuple[int, int] = (20, 10), kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(stream, kind)
    return stream.getvalue()


def faces(names: list[str] = FACES) -> dict[str, bytes]:
    return {name: jpeg(40 * i) for i, name in enumerate(names)}


def zip_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give the test a cache and a mirror of its own; `home(name, reader, known)` writes the catalogue."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mirror"))
    monkeypatch.setenv("COURSE_SOURCE", "real")

    def write(name: str = "utkface", reader: str = "utkface", known: dict[str, bytes] | None = None) -> Path:
        rows = [(file, content, []) for file, content in (known or {"subset.zip": b"unknown"}).items()]
        fields = {"reader": reader, "sample": "faces", "by_hand": "open the page and put the file into data/cache"}
        (tmp_path / "catalog.toml").write_text(toml_of(name, fields, [rows]))
        monkeypatch.setattr(catalog, "CATALOG", tmp_path / "catalog.toml")
        catalog.entries.cache_clear()
        return tmp_path / "mirror" / name

    yield write
    catalog.entries.cache_clear()


PACKINGS = {
    "folder": lambda files: files,
    "bare": lambda files: {Path(name).name: content for name, content in files.items()},
    "zip": lambda files: {"faces.zip": zip_of(files)},
    "tar": lambda files: {"faces.tar": tar_of(files, "w")},
    "tar.gz": lambda files: {"UTKFace.tar.gz": tar_of(files)},
    "tar in zip": lambda files: {"outer.zip": zip_of({"x/faces.tar.gz": tar_of(files)})},
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_faces_in_any_packing(home, packing):
    put(home(), PACKINGS[packing]({**faces(), "UTKFace/Thumbs.db": b"x", "__MACOSX/UTKFace/._1_0_2_2017.jpg": b"x"}))
    for _ in range(2):
        every = data.load("utkface").all
        assert sorted(every.ages) == [1, 30, 116]
        assert all(Image.open(path).size == (20, 10) for path in every.paths)
    rest, held = every.hold_out(1)
    assert not set(rest.paths) & set(held.paths)


def test_malformed_names_are_reported_once_and_skipped(home, capsys):
    put(home(), {"faces.zip": zip_of(faces(FACES + MALFORMED))})
    loaded = data.load("utkface")
    assert sorted(loaded.all.ages) == [1, 30, 116]
    assert capsys.readouterr().out.count("3 malformed file names skipped: 39_1_20170116174525125.jpg.chip.jpg") == 1


def test_only_malformed_names(home):
    put(home(), faces(MALFORMED))
    with pytest.raises(DataError, match=r"expected <age>_<sex>_<race>_<number>\.jpg, found"):
        data.load("utkface")


def test_archive_is_unpacked_once_and_then_not_needed(home, tmp_path):
    known = {"subset.zip": zip_of(faces())}
    folder = home(known=known)
    put(folder, known)
    data.load("utkface")
    (folder / "subset.zip").unlink()
    assert len(data.load("utkface").all) == 3
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.parametrize("name", ["../escaped.jpg", "/tmp/escaped-course.jpg", "a/../../escaped.jpg"])
@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_archive_cannot_write_outside(home, tmp_path, name, pack):
    put(home(), {"faces.zip" if pack is zip_of else "faces.tar.gz": pack({**faces(), name: jpeg()})})
    with pytest.raises(DataError, match="outside"):
        data.load("utkface")
    assert not list(tmp_path.rglob("escaped*"))
    assert not Path("/tmp/escaped-course.jpg").exists()
    assert not list((tmp_path / "cache").rglob("files-*/*"))


@pytest.mark.parametrize(
    "files",
    [
        {"faces.zip": zip_of(faces())[:-30]},
        {"faces.zip": zip_of(faces()).replace(b"\xff\xd8\xff", b"\0\0\0", 1)},
        {"faces.tar.gz": tar_of({"a/1_0_0_1.jpg": os.urandom(20000)})[:9000]},
        {"faces.tar": b"no tar"},
    ],
)
def test_damaged_archive_is_named_and_leaves_nothing(home, tmp_path, files):
    put(home(), files)
    with pytest.raises(DataError, match=r"damaged \(\$COURSE_DATA/utkface/faces"):
        data.load("utkface")
    assert not list((tmp_path / "cache").rglob("*.jpg"))


def test_known_archive_with_the_wrong_checksum(home):
    good = zip_of(faces())
    put(home(known={"subset.zip": good}), {"subset.zip": good[:-1] + b"x"})
    with pytest.raises(DataError, match="wrong sha256"):
        data.load("utkface")


def test_nothing_there_says_how_to_get_it(home):
    home()
    with pytest.raises(DataError, match=r"nor in \$COURSE_DATA/utkface; to get it, open the page"):
        data.load("utkface")


def test_read_only_cache_unpacks_for_the_session(home, monkeypatch, capsys):
    put(home(), {"faces.zip": zip_of(faces())})
    monkeypatch.setenv("COURSE_CACHE", "/proc/nowhere")
    assert len(data.load("utkface").all) == 3
    assert "this session only" in capsys.readouterr().out


def test_nothing_writable_reads_inside_the_archive(home, monkeypatch):
    put(home(), {"faces.zip": zip_of(faces())})
    monkeypatch.setenv("COURSE_CACHE", "/proc/nowhere")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives.tempfile, "mkdtemp", full)
    every = data.load("utkface").all
    pictures = [picture.shape for picture, _ in every.dataset(8).as_numpy_iterator()]
    assert pictures == [(8, 8, 3)] * 3


def test_objects_take_their_class_from_the_folder(home):
    names = ["Faces_easy/image_0001.jpg", "Faces_easy/image_0002.jpg", "ant/image_0001.jpg"]
    names.append("BACKGROUND_Google/image_0001.jpg")
    files = {f"101_ObjectCategories/{name}": jpeg(50 * i) for i, name in enumerate(names)}
    put(home("caltech101", "caltech"), {"mine.zip": zip_of(files)})
    objects = data.load("caltech101")
    assert objects.classes == ("ant", "faces_easy")
    assert list(objects.all.labels) == [0, 1, 1]
    assert objects.all.names[0] == "ant/image_0001.jpg"


def test_dataset_decodes_lazily_in_order(home):
    folder = home()
    put(folder, {**faces(), "UTKFace/5_0_0_1.png": jpeg(200, kind="PNG")})
    every = data.load("utkface").all
    rows = list(every.dataset((6, 8)).as_numpy_iterator())
    assert [age for _, age in rows] == list(every.ages)
    assert {picture.shape for picture, _ in rows} == {(6, 8, 3)}
    assert rows[-1][0].dtype == np.uint8
    cropped = next(iter(every.dataset(10, fit="crop").as_numpy_iterator()))[0]
    assert cropped.shape == (10, 10, 3)
    (folder / FACES[0]).unlink()
    lazy = every.dataset(4)  # nothing is read yet
    import tensorflow as tf

    with pytest.raises(tf.errors.OpError):
        list(lazy)


def test_dataset_of_arrays_and_texts():
    split = data.Split({"images": np.zeros((3, 2, 2, 1), np.uint8), "labels": np.arange(3)})
    assert [int(label) for _, label in split.dataset().as_numpy_iterator()] == [0, 1, 2]
    assert list(data.Split({"texts": ["a", "b"]}).dataset().as_numpy_iterator()) == [b"a", b"b"]


def test_photo_is_taken_out_of_another_dataset(home, tmp_path, monkeypatch):
    from hashlib import sha256

    from utils.data import images
    from utils.data.catalog import File

    put(home("caltech101", "caltech"), {"101_ObjectCategories/ant/image_0001.jpg": jpeg()})
    target = tmp_path / "cache" / "photos" / "ant.jpg"
    good = File("ant.jpg", sha256=sha256(jpeg()).hexdigest(), member_of="caltech101", member="ant/image_0001.jpg")
    images.copy_member(good, target)
    assert target.read_bytes() == jpeg()
    other = File("bee.jpg", member_of="caltech101", member="bee/image_0001.jpg")
    with pytest.raises(DataError, match=r"has no bee/image_0001\.jpg"):
        images.copy_member(other, target.with_name("bee.jpg"))


@real
@pytest.mark.parametrize(("name", "number"), [("utkface", 6539), ("caltech101", 1889), ("photos", 16)])
def test_real_images(name, number, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("COURSE_SOURCE", "real")
    loaded = data.load(name)
    assert len(loaded.all) == number
    assert all(Path(path).is_file() for path in loaded.all.paths)


@pytest.mark.parametrize("name", ["utkface", "photos"])
def test_sample_images(name, monkeypatch):
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    monkeypatch.setenv("COURSE_SOURCE", "sample")
    every = data.load(name).all
    assert len(every) > 10
    if name == "utkface":
        assert every.ages.min() >= 1


# ---- tensorflow_datasets, without its network


class Builder:
    """Stands in for a prepared builder: Caltech's rows hold each image's own bytes."""

    class info:
        features = {"label": type("Label", (), {"int2str": staticmethod(lambda i: ("ant", "bee")[i])})}  # noqa: RUF012


def test_tfds_images_become_files(home, monkeypatch, tmp_path):
    from utils.data import official

    home("caltech101", "caltech")
    text = (tmp_path / "catalog.toml").read_text().replace('title = "t"', 'title = "t"\ntfds = "caltech101"')
    (tmp_path / "catalog.toml").write_text(text)
    catalog.entries.cache_clear()
    rows = {
        "train": [{"image": jpeg(), "label": 1, "image/file_name": b"image_0001.jpg"}],
        "test": [{"image": jpeg(9), "label": 0, "image/file_name": b"image_0007.jpg"}],
    }
    monkeypatch.setattr(official, "_builder", lambda entry, folder: Builder())
    monkeypatch.setattr(official, "_rows", lambda builder, split, **_: rows[split])
    for _ in range(2):
        loaded = data.load("caltech101")
        assert loaded.all.names == ["ant/image_0007.jpg", "bee/image_0001.jpg"]
        assert loaded.origin.place == "tensorflow_datasets"


# ---- ONNX


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(varint(1 << 3) + varint(size) for size in array.shape)
    raw = field(9, array.astype("<f4").tobytes())
    return field(5, dims + varint(2 << 3) + varint(1) + field(8, name.encode()) + raw)


class Layer:
    def __init__(self, *shape: int) -> None:
        self.name, self.kernel = "conv", np.zeros(shape)

    def set_weights(self, weights):
        self.weights = weights


def test_convolutions_of_an_onnx_file(tmp_path):
    kernels = [np.random.default_rng(i).normal(size=(4, 3, k, k)).astype(np.float32) for i, k in enumerate((3, 1))]
    graph = b"".join(tensor(f"w{i}", kernel) + tensor(f"b{i}", np.full(4, i)) for i, kernel in enumerate(kernels))
    for i in range(2):
        graph += field(1, b"".join(field(1, name.encode()) for name in ("x", f"w{i}", f"b{i}")) + field(4, b"Conv"))
    content = varint(1 << 3) + varint(3) + field(7, graph)
    (tmp_path / "net.onnx").write_bytes(content)
    layers = [Layer(1, 1, 3, 4), Layer(3, 3, 3, 4)]  # matched by shape where the order differs
    onnx.load_convolutions(type("Model", (), {"layers": layers}), tmp_path / "net.onnx")
    np.testing.assert_array_equal(layers[0].weights[0], kernels[1].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(layers[1].weights[1], np.zeros(4))
    (tmp_path / "net.onnx").write_bytes(content[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        onnx.load_convolutions(type("Model", (), {"layers": layers}), tmp_path / "net.onnx")
