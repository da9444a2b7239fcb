"""A real web server on 127.0.0.1 that fails in the ways that data servers fail; used by the tests of the data layer."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

IDX = {
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
}


class Server:
    """Serves `files` under /<behaviour>/<name>; counts the requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.release = threading.Event()  # ends a stall
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                behaviour, _, name = self.path.lstrip("/").partition("/")
                outer.requests[self.path] += 1
                getattr(outer, f"_{behaviour}")(self, outer.files.get(name, b""), outer.requests[self.path])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = -1) -> None:
        handler.send_response(status)
        if length is not None:
            handler.send_header("Content-Length", str(len(body) if length < 0 else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    def _ok(self, handler, body, count):
        self._send(handler, body)

    def _missing(self, handler, body, count):
        self._send(handler, b"<html>Not Found</html>", 404)

    def _busy(self, handler, body, count):
        self._send(handler, b"busy", 503)

    def _busytwice(self, handler, body, count):
        self._send(handler, b"busy", 503) if count < 3 else self._send(handler, body)

    def _page(self, handler, body, count):
        self._send(handler, b"<!DOCTYPE html><title>Please log in to the campus network</title>")

    def _wrong(self, handler, body, count):
        self._send(handler, body[:-9] + b"corrupted")

    def _cut(self, handler, body, count):
        self._send(handler, body[: len(body) // 2], length=len(body))

    def _cutquietly(self, handler, body, count):
        self._send(handler, body[: len(body) // 2], length=None)

    def _cutonce(self, handler, body, count):
        self._cut(handler, body, count) if count == 1 else self._send(handler, body)

    def _stall(self, handler, body, count):
        self._send(handler, body[: len(body) // 2], length=len(body))
        handler.wfile.flush()
        handler.close_connection = False
        self.release.wait(20)
        handler.close_connection = True

    def _slow(self, handler, body, count):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), len(body) // 8):
            handler.wfile.write(body[start : start + len(body) // 8])
            time.sleep(0.03)


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def tiny_mnist() -> dict[str, bytes]:
    """400 + 10 noisy images in MNIST's own format."""
    rng = np.random.default_rng(0)
    files = {}
    for prefix, number in (("train", 400), ("t10k", 10)):
        files[f"{prefix}-images-idx3-ubyte.gz"] = idx(rng.integers(0, 256, (number, 28, 28)))
        files[f"{prefix}-labels-idx1-ubyte.gz"] = idx(np.arange(number) % 10)
    return files


def toml_of(name: str, fields: dict[str, str], variants: list[list[tuple[str, bytes | None, list[str]]]]) -> str:
    """Write a catalogue with one dataset; a file is (name, content to take the checksum of, addresses)."""
    fields = {"title": "t", "licence": "l", "citation": "c", "homepage": "h", **fields}
    text = f"[{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in fields.items())
    for files in variants:
        text += f'[[{name}.variant]]\nlabel = "tiny"\nfiles = [\n'
        for file, content, urls in files:
            text += f'{{name = "{file}", urls = {urls!r}'
            if content is not None:
                text += f', bytes = {len(content)}, sha256 = "{hashlib.sha256(content).hexdigest()}"'
            text += "},\n"
        text += "]\n"
    return text


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
