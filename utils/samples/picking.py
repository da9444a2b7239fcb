"""Fast random choices for worlds that are written sentence by sentence in plain Python."""

from collections.abc import Sequence

import numpy as np


class Picker:
    """Uniform numbers drawn in blocks: one call of the generator for each choice would take most of the time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._uniform = (number for block in iter(lambda: rng.random(4096).tolist(), None) for number in block)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return next(self._uniform) < probability

    def below(self, number: int) -> int:
        """An integer from 0 to number − 1."""
        return int(next(self._uniform) * number)

    def of(self, entries: Sequence[str], lean: float = 1.0) -> str:
        """One of the entries: all alike, or the first ones more often the more `lean` exceeds 1."""
        return entries[int(next(self._uniform) ** lean * len(entries))]
