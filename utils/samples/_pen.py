"""What the drawn worlds share: a pen for unit coordinates, a pose, and smooth random textures."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

Colour = int | tuple[int, ...]
Points = list[tuple[float, float]]


@lru_cache(maxsize=256)
def _spline(count: int, closed: bool, steps: int = 5) -> np.ndarray:
    """The matrix that takes control points to a Catmull-Rom curve through them."""
    rows = []
    for i in range(count if closed else count - 1):
        around = [(i + k) % count if closed else min(max(i + k, 0), count - 1) for k in (-1, 0, 1, 2)]
        for t in np.arange(steps) / steps:
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            row = np.zeros(count)
            for k, weight in zip(around, weights, strict=True):
                row[k] += weight / 2
            rows.append(row)
    if not closed:
        rows.append(np.eye(count)[-1])
    return np.array(rows)


@lru_cache(maxsize=64)
def _arc(start: float, stop: float) -> np.ndarray:
    """Points of the unit circle between two angles in degrees (0 is right, 90 is down)."""
    t = np.radians(np.linspace(start, stop, 25))
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def pose(
    size: int, scale: float = 1, angle: float = 0, shear: float = 0, flip: bool = False, x: float = 0, y: float = 0
) -> np.ndarray:
    """The 2x3 matrix from unit coordinates (x right, y down, -1 to 1) to pixels; `angle` in degrees."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[c, -s], [s, c]]) @ np.array([[-1.0 if flip else 1.0, shear], [0, 1]])
    return np.column_stack([turn * scale * size / 2, [(1 + x) * size / 2, (1 + y) * size / 2]])


class Pen:
    """Draws shapes given in unit coordinates on a picture several times too large, then shrinks it smoothly."""

    def __init__(self, size: int, matrix: np.ndarray, mode: str = "RGBX", factor: int = 3) -> None:
        self.size, self.mode = size, mode
        self.image = Image.new(mode, (size * factor, size * factor))
        self.ink = ImageDraw.Draw(self.image)
        self.place(matrix * factor)

    def place(self, matrix: np.ndarray) -> None:
        """Draw through another matrix from here on."""
        self.matrix = matrix
        self.turn, self.shift = np.ascontiguousarray(matrix[:, :2].T), matrix[:, 2]
        self.unit = float(np.sqrt(abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])))

    def _pixels(self, points: Points | np.ndarray) -> list[float]:
        flat: list[float] = (np.asarray(points) @ self.turn + self.shift).ravel().tolist()
        return flat

    def polygon(self, points: Points | np.ndarray, fill: Colour) -> None:
        """A filled polygon."""
        self.ink.polygon(self._pixels(points), fill=fill)

    def curve(self, points: Points, fill: Colour) -> None:
        """A filled smooth closed curve through the points."""
        self.polygon(_spline(len(points), True) @ np.asarray(points), fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """A filled rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        fill: Colour,
        angle: float = 0,
        arc: tuple[float, float] = (0, 360),
    ) -> None:
        """A filled ellipse, or the segment of one between two angles in degrees."""
        points = _arc(*arc) * (rx, ry)
        if angle:
            c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            points = points @ np.array([[c, s], [-s, c]])
        self.polygon(np.add(points, (x, y)), fill)

    def line(self, points: Points | np.ndarray, width: float, fill: Colour, smooth: bool = False) -> None:
        """A line of the given width in units, with smooth bends if asked."""
        if smooth:
            points = _spline(len(points), False) @ np.asarray(points)
        pixels = max(1, round(width * self.unit))
        self.ink.line(self._pixels(points), fill=fill, width=pixels, joint="curve" if pixels > 3 else None)

    def limb(self, start: tuple[float, float], end: tuple[float, float], a: float, b: float, fill: Colour) -> None:
        """A leg or arm: a bar from `start` to `end` that tapers from width a to width b."""
        (x0, y0), (x1, y1) = start, end
        length = float(np.hypot(x1 - x0, y1 - y0)) or 1.0
        nx, ny = (y0 - y1) / length / 2, (x1 - x0) / length / 2
        self.polygon(
            [
                (x0 + nx * a, y0 + ny * a),
                (x1 + nx * b, y1 + ny * b),
                (x1 - nx * b, y1 - ny * b),
                (x0 - nx * a, y0 - ny * a),
            ],
            fill,
        )

    def shrink(self) -> np.ndarray:
        """The finished picture as uint8 pixels; in mode RGBX, X is the cover and RGB are already multiplied by it."""
        return np.asarray(self.image.reduce(self.image.width // self.size))


def mirror(points: Points) -> Points:
    """A closed symmetrical outline from its right half, listed from top to bottom."""
    return points + [(-x, y) for x, y in reversed(points)]


def tint(rng: np.random.Generator, colour: tuple[int, ...], spread: float = 18) -> tuple[int, ...]:
    """A colour near the given one: brightness and hue vary."""
    light = rng.normal(0, spread)
    # Dark colours take little hue: a black cat does not turn green.
    hue = spread * (40 + max(colour[:3])) / 500
    r, g, b = (min(255, max(0, int(v + light + hue * e))) for v, e in zip(colour, rng.standard_normal(3), strict=False))
    return r, g, b, 255


def shade(colour: tuple[int, ...], factor: float) -> tuple[int, ...]:
    """The same colour, darker (factor < 1) or lighter (> 1)."""
    r, g, b = (min(255, int(v * factor)) for v in colour[:3])
    return r, g, b, 255


@lru_cache(maxsize=64)
def _weights(size: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `size` places, its first of four neighbours among `cells` values and their cubic B-spline weights."""
    where = (np.arange(size) + 0.5) / size * (cells - 3) + 1  # a frame of one cell is never at the centre
    first = np.minimum(where.astype(int) - 1, cells - 4)
    distance = np.abs(where - first - np.arange(4)[:, None])
    weights = np.where(distance < 1, 2 / 3 - distance**2 + distance**3 / 2, (2 - distance).clip(0) ** 3 / 6)
    return first, (weights / np.sqrt((weights**2).sum(axis=0))).astype(np.float32)


def _stretch(values: np.ndarray, size: int) -> np.ndarray:
    """Stretch the first axis to `size`: not by a matrix product, whose threads cost more than they bring here."""
    first, weights = _weights(size, len(values))
    flat = values.reshape(len(values), -1)
    stretched = flat[first] * weights[0][:, None]
    for k in (1, 2, 3):
        stretched += flat[first + k] * weights[k][:, None]
    return stretched.reshape(size, *values.shape[1:])


def smooth_noise(rng: np.random.Generator, count: int, size: int, cells: int) -> np.ndarray:
    """Random float32 fields of shape (count, size, size), mean 0 and deviation 1: blobs size / cells pixels wide."""
    coarse = rng.standard_normal((cells + 3, count, cells + 3), dtype=np.float32)
    rows = _stretch(coarse, size)
    return np.ascontiguousarray(_stretch(rows.transpose(2, 1, 0), size).transpose(1, 2, 0))
