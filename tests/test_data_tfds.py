"""tensorflow_datasets' own builders of Caltech-101 and the TED talks, fed by a server on 127.0.0.1."""

from __future__ import annotations

import importlib

import pytest
from data_server import Server, toml_of
from test_data_images import jpeg, zip_of
from test_data_load import tar_of

from utils import data
from utils.data import DataError, catalog, fetch

pytestmark = pytest.mark.slow  # imports TensorFlow and prepares datasets
BUILDERS = "tensorflow_datasets.datasets"


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def home(tmp_path, monkeypatch, server):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_SOURCE", "real")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(fetch, "_silent", {})

    def write(name: str, reader: str, tfds: str) -> None:
        rows = [("none.tar.gz", b"x", [f"{server.address}/missing/none.tar.gz"])]
        text = toml_of(name, {"reader": reader, "sample": "objects", "tfds": tfds}, [rows])
        (tmp_path / "catalog.toml").write_text(text)
        monkeypatch.setattr(catalog, "CATALOG", tmp_path / "catalog.toml")
        catalog.entries.cache_clear()

    yield write
    catalog.entries.cache_clear()


def test_caltech_becomes_files(home, server, monkeypatch, tmp_path, capsys):
    classes = ("accordion", "Faces_easy", "BACKGROUND_Google")
    files = {f"101_ObjectCategories/{c}/image_{i:04}.jpg": jpeg(i) for c in classes for i in range(1, 34)}
    server.files["caltech-101.zip"] = zip_of({"caltech-101/101_ObjectCategories.tar.gz": tar_of(files)})
    module = importlib.import_module(f"{BUILDERS}.caltech101.caltech101_dataset_builder")
    monkeypatch.setattr(module, "_URL", f"{server.address}/ok/caltech-101.zip")
    home("caltech101", "caltech", "caltech101")
    for _ in range(2):
        objects = data.load("caltech101")
        assert objects.classes == ("accordion", "faces_easy")
        assert len(objects.all) == 66
    assert server.requests == {"/ok/caltech-101.zip": 1}
    assert not (tmp_path / "cache" / "caltech101" / ".tfds").exists()
    assert str(tmp_path) not in capsys.readouterr().out


def test_ted_becomes_pairs_or_says_why_not(home, server, monkeypatch):
    lines = {"pt": "ola\num dois", "en": "hello\none two"}
    parts = {f"datasets/pt_to_en/{lang}.{s}": lines[lang].encode() for lang in lines for s in ("train", "dev", "test")}
    server.files["ted.tar.gz"] = tar_of(parts)
    module = importlib.import_module(f"{BUILDERS}.ted_hrlr_translate.ted_hrlr_translate_dataset_builder")
    home("ted_pt_en", "ted", "ted_hrlr_translate/pt_to_en")
    monkeypatch.setattr(module, "_DATA_URL", f"{server.address}/page/ted.tar.gz")
    with pytest.raises(DataError, match="tensorflow_datasets did not prepare it"):
        data.load("ted_pt_en")
    monkeypatch.setattr(module, "_DATA_URL", f"{server.address}/ok/ted.tar.gz")
    for _ in range(2):
        train = data.load("ted_pt_en").train
        assert set(zip(train.pt, train.en, strict=True)) == {("ola", "hello"), ("um dois", "one two")}
    assert server.requests["/ok/ted.tar.gz"] == 1
