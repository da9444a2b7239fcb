"""Drawn photographs at 224 pixels for looking into networks: where every thing stands is known."""

from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image

from utils.samples._pen import Pen, pose, shade, tint
from utils.samples.objects import ALL_CLASSES, background, choose, cut_outs, expose, place_things

SIZE = 224
# What stands in each picture, and where it was taken.
SCENES = (
    (("cat",), "room"), (("dog",), "meadow"), (("cat", "dog"), "meadow"), (("airplane",), "sky"), (("ship",), "sea"),
    (("automobile", "stop_sign"), "road"), (("truck",), "road"), (("horse",), "meadow"), (("deer", "bird"), "forest"),
    (("frog",), "sand"), (("butterfly", "sunflower"), "meadow"), (("cup", "pizza"), "room"), (("umbrella",), "sand"),
    (("horse", "automobile"), "road"),
)  # fmt: skip


class Scene(TypedDict):
    """A picture's file name, the classes in it, and the box (left, top, right, bottom) of each in pixels."""

    name: str
    classes: tuple[str, ...]
    boxes: list[tuple[int, int, int, int]]


def truth(seed: int = 0) -> list[Scene]:
    """What stands where in each picture: a saliency map can be scored against the boxes."""
    return [scene for scene, _ in _pictures(seed)]


def write(folder: str | Path, seed: int = 0) -> list[Path]:
    """Write the pictures as `drawn_cat_dog.jpg`; return the paths."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for scene, image in _pictures(seed):
        paths.append(target / scene["name"])
        Image.fromarray(image).save(paths[-1], quality=90)
    return paths


def _pictures(seed: int) -> list[tuple[Scene, np.ndarray]]:
    """Each scene with its picture."""
    pictures = []
    for number, (classes, place) in enumerate(SCENES):
        rng = np.random.default_rng([seed, 1, number])
        image = background(np.array([place]), rng, SIZE)
        place_things(image, backdrop(rng, place)[None], rng)
        boxes = []
        for slot, name in enumerate(classes):
            row = choose(rng, ALL_CLASSES, np.array([ALL_CLASSES.index(name)]))
            if len(classes) == 1:
                row["scale"] = rng.uniform(0.7, 0.9, 1)
            else:  # side by side
                row["scale"] = rng.uniform(0.44, 0.52, 1)
                row["x"] = np.array([-0.5 if slot == 0 else 0.5]) + rng.normal(0, 0.02, 1)
                row["y"] = rng.uniform(0.05, 0.25, 1)
            layer = cut_outs(row, rng, SIZE, ALL_CLASSES)
            place_things(image, layer, rng)
            rows, columns = np.nonzero(layer[0, ..., 3] > 127)
            boxes.append((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
        scene = Scene(name=f"drawn_{'_'.join(classes)}.jpg", classes=classes, boxes=boxes)
        pictures.append((scene, expose(image, rng.normal(1, 0.06, 1), rng.uniform(0.9, 1.05, 1), rng)[0]))
    return pictures


def backdrop(rng: np.random.Generator, place: str, size: int = SIZE) -> np.ndarray:
    """Things behind that are of no class: clouds, trees, houses, a window, stones."""
    pen = Pen(size, pose(size), factor=2)
    if place in ("sky", "sea", "meadow", "road"):
        for x, y in rng.uniform((-0.9, -0.9), (0.9, -0.5), (3, 2)):
            white = tint(rng, (240, 242, 246), 5)
            for dx, r in ((-0.14, 0.09), (0.0, 0.13), (0.15, 0.1)):
                pen.ellipse(x + dx, y, r * 1.3, r, white)
    if place in ("meadow", "forest"):
        for x in rng.permutation(np.linspace(-0.9, 0.9, 9 if place == "forest" else 4)) + rng.normal(0, 0.05):
            base, leaf = rng.uniform(-0.1, 0.3), tint(rng, (60, 105, 50), 14)
            pen.box(x - 0.03, base - 0.5, x + 0.03, base, tint(rng, (90, 65, 45), 8))
            for dx, dy in ((-0.12, -0.5), (0.12, -0.48), (0.0, -0.68)):
                pen.ellipse(x + dx, base + dy, 0.17, 0.19, shade(leaf, rng.uniform(0.8, 1.15)))
    if place == "road":
        for x in np.linspace(-0.85, 0.85, 5):
            top, wall = rng.uniform(-0.6, -0.2), tint(rng, (165, 140, 125), 25)
            pen.box(x - 0.2, top, x + 0.2, 0.2, wall)
            for wx in (-0.1, 0.08):
                for wy in np.arange(top + 0.08, 0.1, 0.17):
                    pen.box(x + wx - 0.05, float(wy), x + wx + 0.05, float(wy) + 0.09, shade(wall, 0.55))
    if place == "room":
        pen.box(-0.9, -0.9, -0.35, -0.2, (235, 230, 220, 255))
        pen.box(-0.85, -0.85, -0.4, -0.25, (150, 190, 220, 255))
        pen.line([(-0.62, -0.85), (-0.62, -0.25)], 0.03, (235, 230, 220, 255))
        pen.box(0.4, -0.8, 0.85, -0.4, (110, 75, 50, 255))
        pen.box(0.45, -0.75, 0.8, -0.45, tint(rng, (150, 120, 110), 35))
    if place == "sand":
        for x, y in rng.uniform((-1, 0.3), (1, 0.95), (10, 2)):
            pen.ellipse(x, y, rng.uniform(0.03, 0.09), 0.03, tint(rng, (140, 125, 105), 20))
    return pen.shrink()
