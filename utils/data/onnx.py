"""The little of ONNX needed to take a network's convolutions out of a file: protobuf's wire format, read directly."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError

# Field numbers of onnx.proto
GRAPH, NODE, INITIALIZER = 7, 1, 5
NODE_INPUT, NODE_TYPE = 1, 4
DIMS, FLOATS, TENSOR_NAME, RAW = 1, 4, 8, 9


def load_convolutions(model: Any, path: Path) -> None:
    """Copy the convolutions of an ONNX file into the Conv2D layers of a model, matched in order by shape."""
    try:
        waiting = list(convolutions(path.read_bytes()))
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise DataError(
            "The ONNX file cannot be read", where=path.name, expected="a network", found=type(error).__name__, todo=TODO
        ) from error
    for layer in (layer for layer in model.layers if hasattr(layer, "kernel")):
        shape = tuple(layer.kernel.shape)
        match = next((i for i, (kernel, _) in enumerate(waiting) if kernel.shape == shape), None)
        if match is None:
            raise DataError(
                f"The ONNX file has no convolution for {layer.name}",
                where=path.name,
                expected=f"shape {shape}",
                found=f"{len(waiting)} others",
                todo=TODO,
            )
        layer.set_weights(list(waiting.pop(match)))


TODO = "delete it and ask again"


def convolutions(content: bytes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (kernel, bias) of each convolution in the order of the graph, kernels as Keras wants them."""
    nodes: list[list[str]] = []
    tensors: dict[str, np.ndarray] = {}
    for number, graph in _fields(content):
        for part, value in _fields(graph) if number == GRAPH else ():
            if part == NODE:
                fields = list(_fields(value))
                if (NODE_TYPE, b"Conv") in fields:
                    nodes.append([name.decode() for field, name in fields if field == NODE_INPUT])
            elif part == INITIALIZER:
                name, array = _tensor(value)
                tensors[name] = array
    for _, kernel, bias in nodes:
        yield tensors[kernel].transpose(2, 3, 1, 0), tensors[bias]


def _tensor(content: bytes) -> tuple[str, np.ndarray]:
    dims: list[int] = []
    name, data = "", b""
    for field, value in _fields(content):
        if field == DIMS:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif field == TENSOR_NAME:
            name = value.decode()
        elif field in (FLOATS, RAW):
            data += value
    # Tensors of other types (the target shape of a reshape) are not what we look for.
    whole = len(data) == 4 * int(np.prod(dims))
    return name, np.frombuffer(data, "<f4").reshape(dims) if whole else np.empty(0)


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value) of a protobuf message: int for varints, bytes for the rest."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        kind = tag & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, place = _varint(content, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if place + size > len(content):
            raise ValueError("cut short")
        yield tag >> 3, content[place : place + size]
        place += size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _packed(content: bytes) -> list[int]:
    values, place = [], 0
    while place < len(content):
        value, place = _varint(content, place)
        values.append(value)
    return values
