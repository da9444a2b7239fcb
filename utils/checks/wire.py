"""Values as JSON and back: what crosses from a notebook to the checks, and never as pickle."""

import base64
import inspect
import math
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

LARGEST_ARRAY = 16_000_000  # bytes; no exercise needs more, and a grader must not be flooded
LONGEST_LIST = 100_000
LONGEST_DATASET = 256  # elements taken from a tf.data.Dataset


class WireError(ValueError):
    """A value that cannot be compared: the message says why, in words a student understands."""


@dataclass(frozen=True)
class Rng:
    """Stands for `numpy.random.default_rng(seed)` in the inputs of an exercise."""

    seed: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """Stands for a `tf.Tensor` in the inputs of an exercise."""

    array: Any


def _encode_array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind not in "biufc":
        raise WireError(f"an array of dtype {array.dtype} cannot be compared; return numbers")
    if array.nbytes > LARGEST_ARRAY:
        raise WireError(f"an array of {array.nbytes:,} bytes is too large to compare")
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    raw = base64.b64encode(np.ascontiguousarray(little).tobytes()).decode("ascii")
    return {"array": raw, "dtype": little.dtype.str, "shape": list(array.shape)}


def _decode_array(value: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(str(value["dtype"]))
    if dtype.kind not in "biufc":
        raise WireError(f"dtype {dtype} is not a number")
    raw = base64.b64decode(value["array"], validate=True)
    return np.frombuffer(raw, dtype=dtype).reshape([int(n) for n in value["shape"]]).copy()


def encode(value: Any) -> Any:
    """Turn a plain value (numbers, strings, containers, arrays, `Rng`, `Tensor`) into JSON-safe data."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else {"integer": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, Rng):
        return {"rng": value.seed}
    if isinstance(value, Tensor):
        return {"tensor": encode(np.asarray(value.array))}
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode_array(np.asarray(value))
    if isinstance(value, (list, tuple)):
        if len(value) > LONGEST_LIST:
            raise WireError(f"a list of {len(value):,} items is too long to compare")
        items = [encode(item) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    raise WireError(f"a value of type {type(value).__name__} cannot be compared")


def decode(value: Any) -> Any:
    """The inverse of `encode`; `Rng` and `Tensor` come back as a fresh generator and a fresh tensor."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return _decode_array(value)
    if "tensor" in value:
        import tensorflow as tf

        return tf.constant(decode(value["tensor"]))
    if "rng" in value:
        return np.random.default_rng(int(value["rng"]))
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "dict" in value:
        return {decode(key): decode(item) for key, item in value["dict"]}
    if "float" in value:
        return float(value["float"])
    if "integer" in value:
        return int(value["integer"])
    raise WireError(f"unknown value with keys {sorted(value)}")


def reseed(value: Any, step: int) -> Any:
    """The same encoded inputs with every random generator seeded differently."""
    if isinstance(value, dict):
        if "rng" in value:
            return {"rng": value["rng"] + step}
        return {key: reseed(item, step) for key, item in value.items()}
    return [reseed(item, step) for item in value] if isinstance(value, list) else value


def _describe_model(model: Any) -> dict[str, Any]:
    """What two Keras models must share to count as the same architecture."""
    return {
        "layers": [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"],
        "parameters": int(model.count_params()) if model.built else 0,
        "output_shape": [list(tensor.shape[1:]) for tensor in getattr(model, "outputs", None) or []],
    }


def _is_from(value: Any, *modules: str) -> bool:
    return type(value).__module__.split(".")[0] in modules


def normalise(value: Any) -> Any:
    """What an exercise returned, as plain data: tensors become arrays, models a description, datasets a list."""
    if value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.generic)):
        return value
    if isinstance(value, (list, tuple)):
        plain = [normalise(item) for item in value]
        return plain if isinstance(value, list) else tuple(plain)
    if isinstance(value, dict):
        return {str(key): normalise(item) for key, item in value.items()}
    if inspect.isgenerator(value):
        raise WireError("a generator came back; return a list or an array")
    if hasattr(value, "layers") and hasattr(value, "count_params"):
        return _describe_model(value)
    if hasattr(value, "as_numpy_iterator"):
        return [normalise(item) for item in islice(value.as_numpy_iterator(), LONGEST_DATASET)]
    if hasattr(value, "to_list") and _is_from(value, "tensorflow"):
        return value.to_list()  # a ragged tensor
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "numpy") and _is_from(value, "tensorflow", "keras"):
        return normalise(value.numpy())
    raise WireError(f"a value of type {type(value).__name__} cannot be compared")
