"""The band that a result must lie in: tested and worded in one place, for lessons and tools."""

from collections.abc import Sequence
from math import isinf

Band = Sequence[float | str]  # [low, high]; JSON has no infinity, so an open side may be "inf"


def inside(value: float | None, band: Band) -> bool:
    """Whether a value lies in its band; None and NaN never do."""
    return value is not None and float(band[0]) <= value <= float(band[1])


def band_text(band: Band) -> str:
    """A band as a reader wants it: 0.9 – 0.93, ≤ 8, ≥ 10, exactly 6."""
    low, high = (float(side) for side in band)
    if isinf(high):
        return f"≥ {low:g}"
    if low == high:
        return f"exactly {low:g}"
    return f"≤ {high:g}" if low == 0 or isinf(low) else f"{low:g} – {high:g}"
