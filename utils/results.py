"""Record the numbers of a lesson so that a re-execution can be compared with what is expected."""

import math
from html import escape
from typing import Any

from utils import runtime
from utils.bands import band_text, inside

RESULT_MIME = "application/vnd.course.result+json"


def record(name: str, value: float) -> None:
    """Show a result beside its expected band and the published number, and store it in the cell's output."""
    from IPython.display import display

    number = float(value)
    facts = runtime.lesson_facts()
    row = {"result": name, "measured": f"{number:.4g}"}
    band = facts.get("expected", {}).get(name)
    if band:
        row["expected"] = band_text(band)
        row["published"] = facts.get("published", {}).get(name, "")
        row["remark"] = _remark(number, band)
    shown = {key: text for key, text in row.items() if text}
    stored = {"name": name, "value": number if math.isfinite(number) else None}
    display({"text/plain": _plain(shown), "text/html": _html(shown), RESULT_MIME: stored}, raw=True)


def _remark(number: float, band: Any) -> str:
    if runtime.current_profile() != "full":
        return "the band is that of the full run on real data"
    return "inside" if inside(number, band) else "outside"


def _plain(row: dict[str, str]) -> str:
    return " · ".join([f"{row['result']} = {row['measured']}"] + [f"{k}: {v}" for k, v in list(row.items())[2:]])


def _html(row: dict[str, str]) -> str:
    cells = "".join(
        f'<td style="padding:.2em 1em .2em 0"><small>{k}</small><br>{escape(v)}</td>' for k, v in row.items()
    )
    return f'<table class="course-result"><tr>{cells}</tr></table>'
