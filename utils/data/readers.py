"""From published files to arrays and texts, one reader per format: (catalogue entry, {file name: path}) → content."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import lzma
import pickle
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import places
from .catalog import Entry
from .dataset import Column
from .errors import DataError

Splits = dict[str, dict[str, Column]]
Content = tuple[Splits, tuple[str, ...]]
Paths = dict[str, Path]
BROKEN = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile)

CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "imdb": ("negative", "positive"),
}  # fmt: skip


def read(entry: Entry, paths: Paths) -> Content:
    """Read a dataset's files; a file that cannot be unpacked gives one clear sentence."""
    try:
        return READERS[entry.reader](entry, paths)
    except (*BROKEN, struct.error, UnicodeDecodeError, pickle.UnpicklingError, KeyError) as error:
        path = next(iter(paths.values()))
        found = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise DataError(
            f"The files of {entry.name} cannot be read",
            where=places.label(path if len(paths) == 1 else path.parent),
            expected="; ".join(variant.label for variant in entry.variants),
            found=found,
            todo="delete them and ask again",
        ) from error


def idx(entry: Entry, paths: Paths) -> Content:
    """MNIST's own format: a header of big-endian sizes, then bytes; gzipped."""
    splits: Splits = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = _idx_array(paths[f"{prefix}-images-idx3-ubyte.gz"])[..., None]
        labels = _idx_array(paths[f"{prefix}-labels-idx1-ubyte.gz"]).astype(np.int64)
        splits[split] = {"images": images, "labels": labels}
    return splits, CLASSES[entry.name]


def _idx_array(path: Path) -> np.ndarray:
    content = gzip.decompress(path.read_bytes())
    zero, kind, dimensions = struct.unpack_from(">HBB", content)
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    start = 4 + 4 * dimensions
    if zero or kind != 8 or len(content) - start != np.prod(shape):
        wanted = f"{np.prod(shape)} bytes of shape {shape}"
        raise DataError(f"{path.name} is no IDX file of bytes", expected=wanted, found=f"{len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


class _Unpickler(pickle.Unpickler):
    """Rebuilds arrays and nothing else: a pickle can name any function of Python to be called."""

    ALLOWED = frozenset({("multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module: str, name: str) -> Any:
        if (module.rsplit(".", 1)[-1], name) not in self.ALLOWED or module.split(".")[0] != "numpy":
            raise pickle.UnpicklingError(f"{module}.{name} has no place in an image batch")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def cifar(entry: Entry, paths: Paths) -> Content:
    """CIFAR-10: pickled batches of planar images, opened only after each batch's own md5 fits."""
    known = {Path(file.name).name: file.md5 for file in entry.variants[0].files}
    batches: dict[str, Any] = {}
    for name, content in _cifar_members(paths):
        if name in known:
            found = hashlib.md5(content).hexdigest()
            if found != known[name]:
                todo = "delete it and ask again"
                raise DataError(f"{name} has the wrong md5", expected=str(known[name]), found=found, todo=todo)
            batches[name] = _Unpickler(io.BytesIO(content), encoding="latin1").load()
    train = [batches[f"data_batch_{number}"] for number in range(1, 6)]
    splits = {"train": _cifar_split(train), "test": _cifar_split([batches["test_batch"]])}
    return splits, tuple(batches["batches.meta"]["label_names"])


def _cifar_members(paths: Paths) -> Iterator[tuple[str, bytes]]:
    for path in paths.values():
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:  # read in memory: nothing in it can choose where it lands
                for member in archive:
                    stream = archive.extractfile(member)
                    if stream:
                        yield Path(member.name).name, stream.read()
        else:
            yield path.name, path.read_bytes()


def _cifar_split(batches: list[dict[str, Any]]) -> dict[str, Column]:
    planar = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)
    return {"images": np.ascontiguousarray(planar.transpose(0, 2, 3, 1)), "labels": labels}


REVIEW = re.compile(r"^aclImdb/(train|test)/(pos|neg)/(\d+)_(\d+)\.txt$")


def imdb(entry: Entry, paths: Paths) -> Content:
    """Reviews in one file each; ordered by number, so that positive and negative ones alternate."""
    found: dict[str, list[tuple[int, int, int, str]]] = {"train": [], "test": []}
    with tarfile.open(next(iter(paths.values()))) as archive:
        for member in archive:
            match = REVIEW.match(member.name.removeprefix("./"))
            stream = archive.extractfile(member) if match else None
            if match and stream:
                text = stream.read().decode("utf-8")
                found[match[1]].append((int(match[3]), int(match[2] == "pos"), int(match[4]), text))
    splits: Splits = {}
    for split, rows in found.items():
        rows.sort()
        splits[split] = {
            "texts": [text for *_, text in rows],
            "labels": np.array([label for _, label, _, _ in rows], np.int64),
            "ratings": np.array([rating for _, _, rating, _ in rows], np.int64),
        }
        _expect(entry, f"{split} reviews", 25_000, len(rows))
    return splits, CLASSES["imdb"]


def _expect(entry: Entry, what: str, expected: int, found: int) -> None:
    if found != expected:
        todo = "delete the files and ask again"
        raise DataError(
            f"{entry.name} is not complete: {what}", expected=f"{expected:,}", found=f"{found:,}", todo=todo
        )


def ptb(entry: Entry, paths: Paths) -> Content:
    """Penn Treebank: words, one sentence a line."""
    names = {"train": "ptb.train.txt", "valid": "ptb.valid.txt", "test": "ptb.test.txt"}
    return {split: {"text": paths[name].read_text(encoding="utf-8")} for split, name in names.items()}, ()


def multi30k(entry: Entry, paths: Paths) -> Content:
    """Captions in three languages, aligned line by line."""
    splits: Splits = {}
    for name, path in paths.items():
        split, language, _ = name.rsplit(".", 2)
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").removesuffix("\n").split("\n")
        splits.setdefault(split, {})[language] = [line.strip() for line in lines]
    return splits, ()


def ted(entry: Entry, paths: Paths) -> Content:
    """The Portuguese–English talks out of the archive of all low-resource pairs."""
    wanted = {"train": "train", "dev": "validation", "test": "test"}
    lines: dict[str, dict[str, list[str]]] = {split: {} for split in wanted.values()}
    with tarfile.open(next(iter(paths.values()))) as archive:
        for member in archive:
            match = re.search(r"datasets/pt_to_en/(pt|en)\.(train|dev|test)$", member.name)
            stream = archive.extractfile(member) if match else None
            if match and stream:
                lines[wanted[match[2]]][match[1]] = stream.read().decode("utf-8").split("\n")
    return {split: pairs(zip(both["pt"], both["en"], strict=True)) for split, both in lines.items()}, ()


def pairs(rows: Any) -> dict[str, Column]:
    """Drop half-empty pairs; order by a hash, so that every source of the same pairs gives the same rows."""
    kept = [(pt, en) for pt, en in rows if pt and en]
    kept.sort(key=lambda pair: hashlib.sha256("\t".join(pair).encode()).digest())
    return {"pt": [pt for pt, _ in kept], "en": [en for _, en in kept]}


def wiki(entry: Entry, paths: Paths) -> Content:
    """One long line of lower-case words: our wiki8, or text8."""
    path = next(iter(paths.values()))
    if path.suffix == ".xz":
        return {"all": {"text": lzma.decompress(path.read_bytes()).decode("ascii").strip()}}, ()
    with zipfile.ZipFile(path) as archive:
        text = archive.read("text8").decode("ascii")
    _expect(entry, "characters of text8", 100_000_000, len(text))
    return {"all": {"text": text.strip()}}, ()


def word2vec(entry: Entry, paths: Paths) -> Content:
    """Analogies by section, and pairs of words with people's score of their likeness."""
    analogies: list[list[str]] = []
    section = ""
    for line in paths["questions-words.txt"].read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            section = line[1:].strip()
        elif line.strip():
            analogies.append([section, *line.split()])
    _expect(entry, "analogies", 19_544, len(analogies))
    _, *scored = csv.reader(_wordsim(paths).splitlines())
    _expect(entry, "scored pairs", 353, len(scored))
    words = {name: [row[i] for row in analogies] for i, name in enumerate(("section", "a", "b", "c", "d"))}
    return {"analogies": dict(words), "wordsim": wordsim_columns(scored)}, ()


def _wordsim(paths: Paths) -> str:
    for name, path in paths.items():
        if name.endswith(".csv"):
            return path.read_text(encoding="utf-8")
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                return archive.read("combined.csv").decode("utf-8")
    raise KeyError("wordsim353")


def wordsim_columns(rows: Any) -> dict[str, Column]:
    """Turn rows of (word, word, score) into columns."""
    rows = list(rows)
    score = np.array([float(row[2]) for row in rows])
    return {"word1": [row[0] for row in rows], "word2": [row[1] for row in rows], "score": score}


READERS: dict[str, Callable[[Entry, Paths], Content]] = {
    "idx": idx, "cifar": cifar, "imdb": imdb, "ptb": ptb, "multi30k": multi30k,
    "ted": ted, "wiki": wiki, "word2vec": word2vec,
}  # fmt: skip
