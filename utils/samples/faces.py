"""Drawn faces as files, their ages in their names as in UTKFace: hair, wrinkles and proportions show the age."""

from pathlib import Path

import numpy as np
from PIL import Image

from utils.samples._face import draw_face
from utils.samples._pen import Pen, pose, smooth_noise

FILES, SIZE = 800, 100  # pictures, and their side in pixels
YOUNGEST, OLDEST = 1, 110
SPREAD = 3.5  # years: people look older or younger than they are
MALFORMED = ("61_1_0801.jpg", "_0_2_0802.jpg", "portrait.jpg")  # race missing, age missing, no field at all


def truth(seed: int = 0, count: int = FILES) -> dict[str, np.ndarray]:
    """Age, the age that the face looks, sex and race code of each file; ages are spread evenly."""
    rng = np.random.default_rng([seed, 1])
    ages = rng.permutation(np.arange(count) % (OLDEST - YOUNGEST + 1) + YOUNGEST)
    # Children's ages are easy to see: the error grows up to the age of thirty.
    looks = ages + rng.normal(0, SPREAD, count) * np.clip(ages / 30, 0.1, 1)
    return {
        "ages": ages,
        "looks": looks.clip(0.5),
        "sexes": rng.integers(0, 2, count),
        "races": rng.integers(0, 5, count),
    }


def noise_floor(seed: int = 0) -> float:
    """Mean absolute error, in years, of a perfect reading of the age that a face looks."""
    faces = truth(seed)
    return float(np.abs(faces["ages"] - faces["looks"]).mean())


def names(seed: int = 0, count: int = FILES) -> list[str]:
    """File names `<age>_<sex>_<race>_<number>.jpg`."""
    faces = truth(seed, count)
    rows = zip(faces["ages"], faces["sexes"], faces["races"], strict=True)
    return [f"{age}_{sex}_{race}_{number:04d}.jpg" for number, (age, sex, race) in enumerate(rows, 1)]


def write(folder: str | Path, seed: int = 0, count: int = FILES, size: int = SIZE) -> list[Path]:
    """Write the faces, and three files whose names are malformed; return the paths."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    images = draw(seed, count, size)
    paths = [target / name for name in [*names(seed, count), *MALFORMED]]
    for path, image in zip(paths, [*images, *images[: len(MALFORMED)]], strict=True):
        Image.fromarray(image).save(path, quality=88)
    return paths


def draw(seed: int = 0, count: int = FILES, size: int = SIZE) -> np.ndarray:
    """The faces as uint8 (count, size, size, 3), in the order of `truth`."""
    rng = np.random.default_rng([seed, 2])
    faces = truth(seed, count)
    images = np.empty((count, size, size, 3), np.uint8)
    for i in range(count):
        matrix = pose(size, rng.uniform(0.9, 1.05), rng.normal(0, 3), x=rng.normal(0, 0.03), y=rng.normal(0.03, 0.03))
        pen = Pen(size, matrix, "RGB", factor=2)
        draw_face(pen, rng, float(faces["looks"][i]), bool(faces["sexes"][i]), int(faces["races"][i]))
        images[i] = pen.shrink()
    y, x = (np.mgrid[:size, :size].astype(np.float32) / size - 0.5) * 2
    for start in range(0, count, 100):  # blocks that fit the processor's cache
        part = images[start : start + 100]
        n = len(part)
        rough = (0.015 + 0.025 * np.clip((faces["looks"][start : start + n] - 30) / 60, 0, 1)).reshape(-1, 1, 1)
        side = rng.normal(0, 0.1, (2, n, 1, 1))
        factor = rng.normal(1, 0.1, (n, 1, 1)).clip(0.7, 1.2) + side[0] * x + side[1] * y
        factor = factor.astype(np.float32) + rough.astype(np.float32) * smooth_noise(rng, n, size, size // 3)
        light = rng.normal(1, 0.03, (n, 1, 1, 3)).astype(np.float32)
        picture = part * (factor[..., None] * light) + 3 * rng.standard_normal((*part.shape[:3], 1), dtype=np.float32)
        images[start : start + n] = picture.clip(0, 255).astype(np.uint8)
    return images
