"""Data by name: `data.load("mnist")`, alike from the cache, a mirror, the official address or a drawn sample."""

from __future__ import annotations

from typing import Any

from .dataset import Dataset, Origin, Split, Weights
from .errors import DataError
from .loading import load

__all__ = [
    "DataError",
    "Dataset",
    "Origin",
    "Split",
    "Weights",
    "load",
    "mobilenet_v2",
    "names",
    "small_mobilenet_v2",
    "squeezenet",
]


def names() -> list[str]:
    """Return the names that `load` knows."""
    from . import catalog

    return sorted(catalog.entries())


def __getattr__(name: str) -> Any:
    """Import the model builders, and TensorFlow with them, only when they are asked for."""
    if name in ("mobilenet_v2", "squeezenet", "small_mobilenet_v2"):
        from . import models

        return getattr(models, name)
    raise AttributeError(name)
