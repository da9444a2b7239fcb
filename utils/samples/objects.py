"""Drawn objects in colour: CIFAR-10's ten classes at 32 pixels, and twenty classes as files in folders."""

from pathlib import Path

import numpy as np
from PIL import Image

from utils.samples import _animals, _things
from utils.samples._pen import Pen, pose, smooth_noise

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MORE_CLASSES = (
    "butterfly", "chair", "cup", "pizza", "soccer_ball", "starfish", "stop_sign", "sunflower", "umbrella", "watch",
)  # fmt: skip
ALL_CLASSES = tuple(sorted(CLASSES + MORE_CLASSES))
SIZES = {"train": 2800, "test": 1000}
SIZE = 32
FILES, FILE_SIZE = 40, 120  # of each class, and their side in pixels

# Each place is the colour above the horizon, below it, and how rough both are.
PLACES = {
    "sky": ((120, 170, 225), (185, 210, 235), 0.10),
    "meadow": ((150, 190, 220), (95, 145, 60), 0.12),
    "forest": ((50, 85, 45), (80, 90, 50), 0.30),
    "road": ((165, 175, 180), (100, 100, 105), 0.10),
    "sea": ((165, 195, 225), (50, 100, 145), 0.10),
    "room": ((215, 200, 175), (150, 110, 75), 0.06),
    "wall": ((190, 185, 175), (190, 185, 175), 0.15),
    "sand": ((225, 205, 160), (210, 185, 135), 0.12),
}
# Where things are mostly seen, as in photographs: two fifths of the pictures put them anywhere.
HABITAT = {
    "airplane": ("sky", "sky", "road"), "automobile": ("road", "meadow"), "bird": ("sky", "forest", "meadow"),
    "cat": ("room", "wall", "meadow"), "deer": ("meadow", "forest"), "dog": ("meadow", "room", "sand"),
    "frog": ("forest", "sand", "meadow"), "horse": ("meadow", "sand"), "ship": ("sea",), "truck": ("road", "sand"),
    "butterfly": ("meadow", "forest"), "chair": ("room", "wall"), "cup": ("room", "wall"), "pizza": ("room", "wall"),
    "soccer_ball": ("meadow", "sand"), "starfish": ("sand", "sea"), "stop_sign": ("road", "sky"),
    "sunflower": ("meadow", "sky"), "umbrella": ("sand", "road"), "watch": ("room", "wall"),
}  # fmt: skip
# Things that may lie at any angle; the others stand upright, but for a few degrees.
TURNING = ("pizza", "soccer_ball", "starfish", "butterfly", "watch")
TILT = {"airplane": 18.0, "bird": 8.0, "umbrella": 12.0}


def truth(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """What the generator chose for each image of `draw`: label, place, pose, light. Labels carry no noise."""
    rng = np.random.default_rng([seed, 1])
    return {split: choose(rng, CLASSES, np.arange(count) % len(CLASSES)) for split, count in SIZES.items()}


def draw(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Train and test images (N, 32, 32, 3) uint8 and labels int64."""
    rng = np.random.default_rng([seed, 2])
    return {
        split: {"images": render(row, rng, SIZE, CLASSES), "labels": row["labels"]}
        for split, row in truth(seed).items()
    }


def write(folder: str | Path, seed: int = 0, size: int = FILE_SIZE, count: int = FILES) -> list[Path]:
    """Write `count` pictures of each of the twenty classes as `<class>/image_0001.jpg`; return the paths."""
    paths = []
    for k, name in enumerate(ALL_CLASSES):
        rng = np.random.default_rng([seed, 3, k])
        images = render(choose(rng, ALL_CLASSES, np.full(count, k)), rng, size, ALL_CLASSES)
        target = Path(folder) / name
        target.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images, 1):
            paths.append(target / f"image_{number:04d}.jpg")
            Image.fromarray(image).save(paths[-1], quality=85)
    return paths


def choose(rng: np.random.Generator, names: tuple[str, ...], labels: np.ndarray) -> dict[str, np.ndarray]:
    """Draw the parameters of one image for each label, in random order."""
    labels = rng.permutation(labels).astype(np.int64)
    count = len(labels)
    home = [HABITAT[names[label]] for label in labels]
    pick = rng.random(count)
    usual = np.array([places[int(p * len(places))] for places, p in zip(home, pick, strict=True)])
    anywhere = rng.choice(list(PLACES), count)
    tilt = np.array([180.0 if names[k] in TURNING else TILT.get(names[k], 4.0) for k in labels])
    return {
        "labels": labels,
        "place": np.where(rng.random(count) < 0.6, usual, anywhere),
        "scale": rng.uniform(0.62, 0.98, count),
        "angle": np.where(tilt == 180, rng.uniform(-180, 180, count), rng.normal(0, 1, count) * tilt),
        "flip": (rng.random(count) < 0.5) & np.array([names[k] != "stop_sign" for k in labels]),
        "x": rng.normal(0, 0.07, count),
        "y": rng.normal(0.02, 0.07, count),
        "light": rng.normal(1, 0.16, count).clip(0.55, 1.35),
        "contrast": rng.uniform(0.7, 1.1, count),
    }


def render(row: dict[str, np.ndarray], rng: np.random.Generator, size: int, names: tuple[str, ...]) -> np.ndarray:
    """The pictures: background, the thing with its shadow, light and sensor noise."""
    images = np.empty((len(row["labels"]), size, size, 3), np.uint8)
    block = max(1, 100_000 // size**2)  # what fits the processor's cache
    for start in range(0, len(images), block):
        part = {key: values[start : start + block] for key, values in row.items()}
        scene = background(part["place"], rng, size)
        place_things(scene, cut_outs(part, rng, size, names), rng)
        images[start : start + block] = expose(scene, part["light"], part["contrast"], rng)
    return images


def cut_outs(row: dict[str, np.ndarray], rng: np.random.Generator, size: int, names: tuple[str, ...]) -> np.ndarray:
    """The things alone (N, size, size, 4): colours, black where nothing is, and how much of a pixel they cover."""
    layers = np.empty((len(row["labels"]), size, size, 4), np.uint8)
    for i, label in enumerate(row["labels"]):
        place = {key: row[key][i] for key in ("scale", "angle", "flip", "x", "y")}
        pen = Pen(size, pose(size, shear=rng.normal(0, 0.06), **place), factor=3 if size <= 64 else 2)
        draw_thing = getattr(_things, names[label], None) or getattr(_animals, names[label])
        draw_thing(pen, rng)
        layers[i] = pen.shrink()
    return layers


def place_things(images: np.ndarray, layers: np.ndarray, rng: np.random.Generator) -> None:
    """Put cut-outs into the pictures, with a surface and a shadow to the lower right."""
    count, size = layers.shape[:2]
    cover = layers[..., 3:].astype(np.float32) / 255
    step = max(1, size // 20)
    images[:, step:, step:] *= 1 - 0.35 * cover[:, :-step, :-step]
    images *= 1 - cover
    images += layers[..., :3] * _surface(rng, count, size)[..., None]


def background(places: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """A place for each picture: two zones and a soft horizon, roughness and clouds of noise."""
    count = len(places)
    upper, lower, rough = (np.array([PLACES[name][k] for name in places], np.float32) for k in range(3))
    vary = rng.normal(0, 9, (2, count, 1, 3)) + rng.normal(0, 18, (2, count, 1, 1))
    horizon = rng.uniform(0.3, 0.75, (count, 1)) + 0.05 * smooth_noise(rng, count, size, 5)[:, 0]
    y = (np.arange(size) + 0.5) / size
    below = 1 / (1 + np.exp(-(y[None, :, None] - horizon[:, None, :]) * 40))
    upper, lower = (c[:, None, :] + v.astype(np.float32) for c, v in zip((upper, lower), vary, strict=True))
    images = upper[:, None] + (lower - upper)[:, None] * below[..., None].astype(np.float32)
    patches = 0.6 * smooth_noise(rng, count, size, 6) + 0.5 * smooth_noise(rng, count, size, 16)
    images *= (1 + rough.reshape(-1, 1, 1) * patches)[..., None]
    return np.asarray(images)


def _surface(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """A factor for the thing's own colours: light from one side, and fur, dirt or grain."""
    y, x = (np.mgrid[:size, :size].astype(np.float32) / size - 0.5) * 2
    side, down = rng.normal(0, 0.12, (2, count, 1, 1)).astype(np.float32)
    grain = rng.uniform(0.02, 0.1, (count, 1, 1)).astype(np.float32)
    factor = 1 + side * x + (down - 0.12) * y + grain * smooth_noise(rng, count, size, min(size // 2, 40))
    return np.asarray(factor)


def expose(images: np.ndarray, light: np.ndarray, contrast: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast, colour of the light, and noise of the sensor."""
    count = len(images)
    gain = light.reshape(-1, 1, 1, 1) * rng.normal(1, 0.05, (count, 1, 1, 3))
    contrast = contrast.reshape(-1, 1, 1, 1)
    images *= (gain * contrast).astype(np.float32)
    images += (120 * (1 - contrast) + 0.5).astype(np.float32)
    noise = rng.standard_normal((*images.shape[:3], 1), dtype=np.float32)
    noise *= rng.uniform(2, 8, (count, 1, 1, 1)).astype(np.float32)
    images += noise
    return np.asarray(np.clip(images, 0, 255, out=images).astype(np.uint8))
