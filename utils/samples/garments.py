"""Drawn garments: Fashion-MNIST's ten classes, 28 x 28 grey, with shapes that overlap as real ones do."""

import numpy as np

from utils.samples._pen import Pen, mirror, pose, smooth_noise

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIZES = {"train": 4000, "test": 1000}
SIZE = 28


def truth(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """What the generator chose for each image: label, pose, grey level, texture. Labels carry no noise."""
    rng = np.random.default_rng([seed, 1])
    return {split: _choose(count, rng) for split, count in SIZES.items()}


def draw(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Train and test images (N, 28, 28, 1) uint8 and labels int64, on black."""
    rng = np.random.default_rng([seed, 2])
    return {split: {"images": _render(row, rng), "labels": row["labels"]} for split, row in truth(seed).items()}


def _choose(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the parameters of `count` images; every class is equally frequent."""
    return {
        "labels": rng.permutation(np.arange(count) % len(CLASSES)).astype(np.int64),
        "grey": rng.beta(2.2, 1.3, count) * 190 + 60,
        "angle": rng.normal(0, 2.5, count),
        "scale": rng.uniform(0.86, 1, count),
        "texture": rng.choice(["plain", "stripes", "bars", "check", "print"], count, p=[0.6, 0.1, 0.1, 0.08, 0.12]),
    }


def _render(row: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw the outlines one by one, then cloth and noise for all at once."""
    pictures = np.empty((len(row["labels"]), SIZE, SIZE), np.uint8)
    for i, label in enumerate(row["labels"]):
        matrix = pose(SIZE, row["scale"][i], row["angle"][i], x=rng.normal(0, 0.02), y=rng.normal(0, 0.02))
        pen = Pen(SIZE, matrix, "L", factor=4)
        DRAW[label](pen, rng, row["grey"][i])
        pictures[i] = pen.shrink()
    cloth = pictures * _cloth(row["texture"], row["labels"], rng)
    cloth += (pictures > 12) * rng.normal(0, 8, pictures.shape)
    return (cloth.clip(0, 255) + 0.5).astype(np.uint8)[..., None]


def _cloth(kinds: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A factor for each pixel: folds and light for all, patterns for those that have one."""
    count = len(kinds)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    factor = 1 + 0.05 * smooth_noise(rng, count, SIZE, 6) + 0.03 * smooth_noise(rng, count, SIZE, 14)
    factor += rng.normal(0, 0.08, (count, 1, 1)).astype(np.float32) * ((x - 13.5) / 14)
    period, phase = rng.uniform(3, 7, (count, 1, 1)), rng.uniform(0, 7, (count, 1, 1))
    depth = rng.uniform(0.15, 0.45, (count, 1, 1))
    across, down = (np.sign(np.sin(2 * np.pi * (z + phase) / period)) * depth for z in (x, y))
    spots = np.tanh(3 * smooth_noise(rng, count, SIZE, 8)) * depth * 0.7
    # Shoes and bags are mostly of one piece of leather: patterns at half the strength.
    weight = np.where(np.isin(labels, (5, 7, 8, 9)), 0.4, 1.0).reshape(-1, 1, 1)
    for kind, pattern in {"stripes": down, "bars": across, "check": (across + down) / 2, "print": -spots}.items():
        factor += (kinds == kind).reshape(-1, 1, 1) * pattern * weight
    return np.asarray(factor.clip(0.15, 1.6))


def _grey(value: float) -> int:
    """A grey level that Pillow takes, never quite black."""
    return int(min(255, max(18, value)))


def _torso(
    pen: Pen, rng: np.random.Generator, grey: float, *, width: float, length: float, sleeve: float, flare: float = 1
) -> tuple[float, float]:
    """A body with two sleeves (length 0 to 1); returns the shoulder height and the width of the neck."""
    top, neck = -0.88 + rng.uniform(0, 0.06), rng.uniform(0.2, 0.28)
    shoulder, waist, hem = width, width * rng.uniform(0.82, 0.98), width * flare
    bottom = top + length
    side, cuff = rng.uniform(0.1, 0.42), rng.uniform(0.17, 0.24)
    if sleeve > 0:
        reach = 0.25 + 1.25 * sleeve
        direction = np.array([np.sin(side), np.cos(side)]) if sleeve > 0.5 else np.array([0.72, 0.7])
        for sign in (-1, 1):
            start = np.array([shoulder - 0.1, top + 0.16])
            end = start + direction * reach
            across = np.array([direction[1], -direction[0]]) * cuff / 2
            inner = start + np.array([-0.1, 0.35])
            outer = np.add(start, [(-0.08, -0.09), (0.1, -0.02)])
            points = np.array([*outer, end + across, end - across, inner])
            pen.polygon(points * (sign, 1), _grey(grey * rng.uniform(0.82, 0.95)))
            if sleeve > 0.5:  # the gap between arm and body
                seam = np.array([np.add(start, (0.0, 0.4)), end - across * 1.1])
                pen.line(seam * (sign, 1), 0.03, _grey(grey * 0.45))
    body = [(neck, top - 0.02), (shoulder - 0.04, top + 0.1), (waist, top + 0.5), (waist * 0.98, top + length * 0.6)]
    pen.polygon(mirror([*body, (hem, bottom)]), _grey(grey))
    return top, neck


def _neckline(pen: Pen, top: float, neck: float, grey: float, depth: float, pointed: bool) -> None:
    """The opening for the head: a dark arc or V with a lighter rim."""
    if pointed:
        pen.polygon([(-neck - 0.03, top - 0.04), (neck + 0.03, top - 0.04), (0, top + depth + 0.06)], _grey(grey * 1.2))
        pen.polygon([(-neck, top - 0.06), (neck, top - 0.06), (0, top + depth)], 0)
    else:
        pen.ellipse(0, top - 0.02, neck + 0.05, depth + 0.06, _grey(grey * 1.2), arc=(0, 180))
        pen.ellipse(0, top - 0.04, neck, depth, 0)


def _collar(pen: Pen, rng: np.random.Generator, top: float, neck: float, grey: float, size: float) -> None:
    """Two lapels over a dark gap."""
    pen.polygon([(-neck, top - 0.05), (neck, top - 0.05), (0, top + size)], _grey(grey * 0.45))
    tone = _grey(grey * rng.choice([0.72, 1.25]))
    for sign in (-1, 1):
        outer = [
            (neck * 0.9, top - 0.08),
            (neck + 0.12, top + 0.05),
            (neck * 0.75, top + size),
            (0.03, top + size * 0.8),
        ]
        pen.polygon([(sign * x, y) for x, y in outer], tone)


def _front(pen: Pen, rng: np.random.Generator, top: float, bottom: float, grey: float, strength: float) -> None:
    """A line down the front, mostly with buttons."""
    pen.line([(0.02, top), (0.02, bottom)], 0.05, _grey(grey * (1 - strength)))
    if rng.random() < 0.6:
        tone = _grey(grey * rng.choice([0.3, 1.4]))
        for y in np.linspace(top + 0.1, bottom - 0.12, 5):
            pen.ellipse(0.08, float(y), 0.045, 0.045, tone)


def _t_shirt(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    width, length = rng.uniform(0.46, 0.62), rng.uniform(1.45, 1.8)
    sleeve = 0.0 if rng.random() < 0.12 else rng.uniform(0.08, 0.3)
    top, neck = _torso(pen, rng, grey, width=width, length=length, sleeve=sleeve, flare=rng.uniform(0.9, 1.08))
    if rng.random() < 0.12:  # a polo shirt
        _collar(pen, rng, top, neck, grey, rng.uniform(0.15, 0.28))
    else:
        _neckline(pen, top, neck, grey, rng.uniform(0.1, 0.25), rng.random() < 0.25)
    if rng.random() < 0.35:  # a printed motif
        tone = _grey(grey + rng.choice([-90, 90]))
        pen.ellipse(0, top + 0.6, rng.uniform(0.15, 0.3), rng.uniform(0.1, 0.28), tone)


def _trouser(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    hip, foot, gap = rng.uniform(0.3, 0.44), rng.uniform(0.14, 0.24), rng.uniform(0.03, 0.14)
    bottom = rng.uniform(0.8, 0.98) if rng.random() < 0.9 else rng.uniform(0.1, 0.4)
    crotch = rng.uniform(-0.45, -0.25)
    pen.polygon(
        mirror([(hip * 0.8, -0.95), (hip, -0.4), (gap + 2 * foot, bottom), (gap, bottom), (0.02, crotch)]), _grey(grey)
    )
    pen.box(-hip * 0.8, -0.95, hip * 0.8, -0.86, _grey(grey * rng.uniform(0.6, 1.3)))
    pen.line([(0, -0.86), (0, crotch)], 0.03, _grey(grey * 0.6))
    for sign in (-1, 1):
        pen.line([(sign * hip * 0.6, -0.3), (sign * (gap + foot), bottom)], 0.03, _grey(grey * rng.uniform(0.75, 1.15)))


def _pullover(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    width, length = rng.uniform(0.46, 0.62), rng.uniform(1.4, 1.75)
    top, neck = _torso(pen, rng, grey, width=width, length=length, sleeve=rng.uniform(0.8, 1.02))
    if rng.random() < 0.12:
        _collar(pen, rng, top, neck, grey, rng.uniform(0.15, 0.3))
    else:
        _neckline(pen, top, neck, grey, rng.uniform(0.08, 0.25), rng.random() < 0.25)
    pen.box(-width, top + length - 0.14, width, top + length, _grey(grey * rng.uniform(0.8, 1.0)))
    if rng.random() < 0.2:  # a hood
        pen.ellipse(0, top + 0.06, neck + 0.12, 0.2, _grey(grey * 0.7))
    if rng.random() < 0.22:  # a zip, or a cardigan's front
        _front(pen, rng, top, top + length * rng.choice([0.35, 1.0]), grey, rng.uniform(0.15, 0.5))


def _dress(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    width, flare, top = rng.uniform(0.24, 0.42), rng.uniform(1.0, 2.0), -0.94
    waist = width * rng.uniform(0.72, 1)
    kind = rng.random()
    if kind < 0.35:  # straps
        for sign in (-1, 1):
            pen.line([(sign * width * 0.6, top), (sign * width * 0.7, top + 0.3)], 0.07, _grey(grey))
        top += 0.25
    elif kind < 0.65:
        for sign in (-1, 1):
            end = (sign * (width + 0.22), top + rng.uniform(0.3, 0.9) + 0.1)
            pen.limb((sign * width * 0.8, top + 0.12), end, 0.24, 0.17, _grey(grey * 0.9))
    body = [(width * 0.85, top), (width, top + 0.2), (waist, top + 0.65), (width * flare * 0.8, 0.35)]
    pen.polygon(mirror([*body, (width * flare, rng.uniform(0.75, 0.97))]), _grey(grey))
    _neckline(pen, top, width * 0.55, grey, rng.uniform(0.06, 0.28), rng.random() < 0.4)
    if rng.random() < 0.5:
        pen.line([(-waist, top + 0.65), (waist, top + 0.65)], 0.06, _grey(grey * rng.choice([0.5, 1.35])))
    for x in rng.uniform(-0.6, 0.6, 2):
        pen.line([(x * waist, top + 0.7), (x * width * flare, 0.75)], 0.03, _grey(grey * 0.78))


def _coat(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    width, length = rng.uniform(0.46, 0.62), rng.uniform(1.5, 1.85)
    sleeve, flare = rng.uniform(0.85, 1.05), rng.uniform(0.94, 1.12)
    top, neck = _torso(pen, rng, grey, width=width, length=length, sleeve=sleeve, flare=flare)
    if rng.random() < 0.7:
        _collar(pen, rng, top, neck, grey, rng.uniform(0.2, 0.55))
    else:  # a hood or a fur rim
        pen.ellipse(0, top + 0.05, neck + 0.1, 0.2, _grey(grey * 0.65))
    _front(pen, rng, top + 0.2, top + length, grey, rng.uniform(0.25, 0.7))
    for sign in (-1, 1):
        if rng.random() < 0.6:
            pen.line([(sign * 0.18, top + 1.1), (sign * 0.38, top + 1.02)], 0.06, _grey(grey * 0.55))
    if rng.random() < 0.25:
        pen.line([(-width * 0.9, top + 0.85), (width * 0.9, top + 0.85)], 0.09, _grey(grey * 0.6))


def _shirt(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    width, length = rng.uniform(0.42, 0.6), rng.uniform(1.45, 1.82)
    sleeve = rng.uniform(0.8, 1.02) if rng.random() < 0.65 else rng.uniform(0.08, 0.32)
    top, neck = _torso(pen, rng, grey, width=width, length=length, sleeve=sleeve, flare=rng.uniform(0.92, 1.1))
    if rng.random() < 0.7:
        _collar(pen, rng, top, neck, grey, rng.uniform(0.15, 0.32))
    else:
        _neckline(pen, top, neck, grey, rng.uniform(0.1, 0.28), rng.random() < 0.6)
    if rng.random() < 0.7:
        _front(pen, rng, top + 0.2, top + length, grey, rng.uniform(0.1, 0.5))
    if rng.random() < 0.35:  # a breast pocket
        pen.box(0.15, top + 0.4, 0.36, top + 0.62, _grey(grey * 0.75))


def _sandal(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    heel = rng.uniform(0.0, 0.55)
    sole, dark = _grey(grey * rng.uniform(0.5, 1.1)), _grey(grey * 0.6)
    thick = rng.uniform(0.06, 0.14)
    arch = [(-0.95, 0.42), (-0.5, 0.4), (0.1, 0.3 - heel * 0.5), (0.5, 0.16 - heel), (0.9, 0.14 - heel)]
    pen.polygon(arch + [(x, y + thick) for x, y in reversed(arch)], sole)
    if heel > 0.2:
        pen.polygon([(0.62, 0.2 - heel), (0.92, 0.16 - heel), (0.88, 0.5), (0.74, 0.5)], sole)
    else:
        pen.polygon([(0.1, 0.4 - heel * 0.5), (0.9, 0.2 - heel), (0.92, 0.5), (0.1, 0.5)], dark)
    for x in rng.uniform(-0.8, -0.2, rng.integers(1, 4)):
        lift = rng.uniform(0.3, 0.5)
        pen.line([(x - 0.1, 0.42), (x + 0.1, 0.42 - lift), (x + 0.42, 0.34)], 0.09, _grey(grey), smooth=True)
    if rng.random() < 0.75:  # round the ankle
        y = 0.14 - heel
        pen.line(
            [(0.35, y + 0.1), (0.35, y - 0.3), (0.62, y - 0.42), (0.88, y - 0.28), (0.88, y)],
            0.08,
            _grey(grey),
            smooth=True,
        )
    if rng.random() < 0.4:
        pen.line([(-0.25, 0.1), (0.36, -0.16 - heel)], 0.08, _grey(grey))


def _sneaker(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    ankle, toe = rng.uniform(-0.6, -0.35) if rng.random() < 0.15 else rng.uniform(-0.35, -0.1), rng.uniform(0.08, 0.2)
    upper = [(0.92, ankle), (0.55, ankle + 0.12), (0.25, ankle + 0.02), (-0.3, toe - 0.1), (-0.8, toe), (-0.97, 0.32)]
    pen.curve([*upper, (-0.9, 0.44), (0.94, 0.44), (0.98, 0.1)], _grey(grey))
    light = _grey(grey * rng.choice([0.45, 1.35]))
    pen.polygon(
        [(-0.98, 0.36), (0.96, 0.36), (0.97, 0.5), (-0.94, 0.52)], _grey(255 if rng.random() < 0.6 else grey * 0.5)
    )
    kind = rng.random()
    if kind < 0.4:  # stripes on the side
        for x in (0.0, 0.2, 0.4):
            pen.line([(x, 0.32), (x + 0.14, ankle + 0.2)], 0.07, light)
    elif kind < 0.75:
        pen.line([(-0.2, 0.2), (0.15, 0.25), (0.75, ankle + 0.12)], 0.09, light, smooth=True)
    for x in (-0.22, -0.06, 0.1):  # laces
        pen.line([(x - 0.05, toe - 0.12 - (x + 0.2) * 0.3), (x + 0.1, toe + 0.02 - (x + 0.2) * 0.3)], 0.04, light)
    pen.ellipse(-0.78, 0.3, 0.18, 0.14, _grey(grey * 0.8), arc=(180, 360))


def _bag(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    width, top, bottom = rng.uniform(0.62, 0.95), rng.uniform(-0.35, 0.05), rng.uniform(0.6, 0.9)
    slope, handle = rng.uniform(0.8, 1.08), rng.uniform(0.2, 0.85)
    reach = width * rng.uniform(0.4, 0.85)
    arc = [(-reach, top + 0.05), (-reach * 0.75, top - handle), (reach * 0.75, top - handle), (reach, top + 0.05)]
    if rng.random() < 0.88:
        pen.line(arc, rng.uniform(0.07, 0.13), _grey(grey * 0.8), smooth=True)
    corner = 0.07
    pen.polygon(
        mirror(
            [
                (width * slope - corner, top),
                (width * slope, top + corner),
                (width, bottom - corner),
                (width - corner, bottom),
            ]
        ),
        _grey(grey),
    )
    if rng.random() < 0.55:  # a flap
        depth = top + (bottom - top) * rng.uniform(0.3, 0.6)
        pen.polygon(
            mirror([(width * slope, top), (width * 0.9, depth), (0.0, depth + 0.08)]),
            _grey(grey * rng.uniform(0.72, 0.9)),
        )
        pen.ellipse(0, depth, 0.08, 0.08, _grey(grey * 1.6))
    else:
        pen.line([(-width, top + 0.12), (width, top + 0.12)], 0.05, _grey(grey * 0.6))
    if rng.random() < 0.3:
        pen.box(-width * 0.55, (top + bottom) / 2, width * 0.55, bottom - 0.08, _grey(grey * 0.82))


def _ankle_boot(pen: Pen, rng: np.random.Generator, grey: float) -> None:
    shaft, heel = rng.uniform(-0.95, -0.35), rng.uniform(0.02, 0.4)
    front = rng.uniform(-0.05, 0.15)
    base = 0.62
    outline = [(front, shaft), (0.88, shaft), (0.84, 0.1), (0.95, base - heel), (0.3, base - heel * 0.6), (-0.4, base)]
    pen.polygon([*outline, (-0.9, base), (-0.97, 0.4), (-0.75, 0.22), (-0.2, 0.08), (front - 0.02, -0.15)], _grey(grey))
    sole = _grey(grey * rng.uniform(0.35, 0.7))
    pen.polygon([(0.55, base - heel), (0.95, base - heel), (0.93, base + 0.12), (0.62, base + 0.12)], sole)
    pen.line([(-0.95, base), (-0.4, base + 0.02), (0.3, base - heel * 0.6), (0.93, base - heel)], 0.09, sole)
    kind = rng.random()
    if kind < 0.35:  # laces
        for y in np.arange(shaft + 0.1, 0.1, 0.16):
            pen.line([(front, y), (front + 0.2, y + 0.05)], 0.05, _grey(grey * 1.5))
    elif kind < 0.7:  # a zip or an elastic
        pen.line([(0.5, shaft + 0.08), (0.46, 0.3)], rng.uniform(0.04, 0.16), _grey(grey * 0.6))
    if rng.random() < 0.4:
        pen.line([(front, shaft + 0.04), (0.88, shaft + 0.04)], 0.1, _grey(grey * rng.choice([0.65, 1.3])))


DRAW = (_t_shirt, _trouser, _pullover, _dress, _coat, _sandal, _shirt, _sneaker, _bag, _ankle_boot)
