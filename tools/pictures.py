"""The pictures of README.md, taken from the committed notebooks so that they cannot show something else."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

import nbformat

from tools.lesson import ROOT

# picture → notebook, and how the caption of its figure begins
PICTURES = {
    "extrapolation": ("02_simple_regression", "Trained on the grey band only"),
    "regularisers": ("05_lenet_regularization", "The same curves for each remedy"),
}
FIGURE = "application/vnd.course.figure+json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m tools pictures`."""
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Write each picture to pictures/."""
    folder = args.root / "pictures"
    folder.mkdir(exist_ok=True)
    for name, (slug, caption) in PICTURES.items():
        (folder / f"{name}.png").write_bytes(picture(args.root / "notebooks" / f"{slug}.ipynb", caption))
        print(f"pictures/{name}.png from {slug}")
    return 0


def picture(notebook: Path, caption: str) -> bytes:
    """The PNG of the figure whose caption begins so."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.get(FIGURE, {}).get("caption", "").startswith(caption):
                return base64.b64decode(data["image/png"])
    raise LookupError(f"{notebook.name} has no figure whose caption begins with {caption!r}")
