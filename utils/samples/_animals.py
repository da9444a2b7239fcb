"""The animals of the objects world, in unit coordinates; each has several poses."""

import numpy as np

from utils.samples._pen import Colour, Pen, shade, tint

BLACK, WHITE = (22, 20, 20, 255), (240, 238, 232, 255)
Rng = np.random.Generator


def _pick(rng: Rng, colours: list[tuple[int, int, int]]) -> tuple[int, ...]:
    """One of the colours, varied."""
    return tint(rng, colours[rng.integers(len(colours))])


def _eye(pen: Pen, x: float, y: float, r: float, colour: Colour = WHITE) -> None:
    pen.ellipse(x, y, r, r, colour)
    pen.ellipse(x, y, r * 0.6, r * 0.7, BLACK)


def _legs(pen: Pen, rng: Rng, xs: list[float], top: float, bottom: float, width: float, coat: tuple[int, ...]) -> None:
    """Four legs in some phase of a walk; the two far ones are darker."""
    stride = rng.uniform(-0.14, 0.14)
    for k, x in enumerate(xs):
        far = k % 2 == 0
        swing = stride * (1 if far else -1)
        knee = (x + swing * 0.5, (top + bottom) / 2)
        colour = shade(coat, 0.68 if far else 0.95)
        pen.limb((x, top), knee, width * 1.5, width, colour)
        pen.limb(knee, (x + swing, bottom), width, width * 0.8, colour)


def bird(pen: Pen, rng: Rng) -> None:
    """A perched or a flying bird."""
    coat = _pick(rng, [(150, 100, 60), (70, 90, 160), (190, 60, 50), (225, 185, 60), (60, 60, 65), (120, 125, 130)])
    belly = _pick(rng, [(225, 215, 190), (230, 190, 140), (200, 200, 200)])
    beak = _pick(rng, [(230, 150, 40), (70, 60, 50)])
    if rng.random() < 0.65:  # perched, facing left
        tail = rng.uniform(-0.1, 0.35)
        pen.polygon([(0.35, 0.05), (0.95, 0.2 + tail), (0.9, 0.38 + tail), (0.3, 0.35)], shade(coat, 0.7))
        for x in (-0.08, 0.12):
            pen.line([(x, 0.45), (x - 0.03, 0.85), (x - 0.15, 0.87)], 0.05, beak)
        pen.curve([(-0.5, -0.25), (-0.1, -0.3), (0.45, 0.05), (0.3, 0.42), (-0.1, 0.56), (-0.48, 0.3)], coat)
        pen.curve([(-0.52, 0.0), (-0.25, 0.1), (0.1, 0.45), (-0.15, 0.54), (-0.46, 0.3)], belly)
        pen.curve([(-0.15, -0.1), (0.2, -0.05), (0.68, 0.3), (0.25, 0.32), (-0.12, 0.2)], shade(coat, 0.62))
        pen.polygon([(-0.68, -0.5), (-1.0, -0.36), (-0.68, -0.3)], beak)
        pen.ellipse(-0.45, -0.4, 0.3, 0.28, coat)
        _eye(pen, -0.55, -0.45, 0.07)
    else:  # flying, wings spread
        lift = rng.uniform(0.3, 0.75)
        pen.curve([(0.0, -0.05), (0.35, -lift), (0.75, -lift - 0.15), (0.5, -0.2), (0.3, 0.1)], shade(coat, 0.65))
        pen.polygon([(0.5, 0.05), (0.98, -0.05), (0.95, 0.25), (0.5, 0.2)], shade(coat, 0.75))
        pen.curve([(-0.7, 0.0), (-0.3, -0.14), (0.3, -0.06), (0.62, 0.1), (0.2, 0.26), (-0.4, 0.22)], coat)
        pen.curve([(-0.5, 0.12), (0.0, 0.16), (0.4, 0.16), (0.1, 0.27), (-0.35, 0.23)], belly)
        pen.curve(
            [(-0.25, 0.0), (-0.35, -lift * 0.9), (-0.05, -lift - 0.3), (0.15, -0.3), (0.2, 0.06)], shade(coat, 0.8)
        )
        pen.polygon([(-0.78, -0.03), (-1.0, 0.1), (-0.75, 0.14)], beak)
        pen.ellipse(-0.66, 0.03, 0.19, 0.17, coat)
        _eye(pen, -0.72, 0.0, 0.05)


def cat(pen: Pen, rng: Rng) -> None:
    """A cat: pointed ears, round face, long thin tail."""
    coat = _pick(rng, [(200, 130, 65), (130, 125, 120), (45, 42, 42), (215, 205, 190), (140, 105, 75)])
    eyes = _pick(rng, [(150, 200, 70), (215, 190, 60), (110, 170, 200)])
    kind = rng.random()
    if kind < 0.4:  # sitting, seen from the front
        pen.line([(0.35, 0.8), (0.75, 0.75), (0.85, 0.3), (0.7, 0.1)], 0.13, shade(coat, 0.75), smooth=True)
        pen.curve([(-0.25, -0.1), (0.25, -0.1), (0.48, 0.5), (0.42, 0.92), (-0.42, 0.92), (-0.48, 0.5)], coat)
        pen.curve([(-0.16, 0.0), (0.16, 0.0), (0.2, 0.5), (0.0, 0.62), (-0.2, 0.5)], shade(coat, 1.25))
        for x in (-0.16, 0.16):
            pen.limb((x, 0.35), (x, 0.9), 0.2, 0.18, shade(coat, 0.9))
            pen.ellipse(x, 0.9, 0.13, 0.07, shade(coat, 1.15))
        _cat_face(pen, 0, -0.42, 0.44, coat, eyes)
    elif kind < 0.7:  # walking to the left
        rise = rng.uniform(-0.9, -0.5)
        pen.line([(0.55, 0.0), (0.8, -0.1), (0.85, rise * 0.7), (0.72, rise)], 0.11, shade(coat, 0.8), smooth=True)
        _legs(pen, rng, [-0.35, -0.22, 0.42, 0.55], 0.15, 0.85, 0.12, coat)
        pen.curve([(-0.5, -0.12), (0.1, -0.14), (0.6, -0.1), (0.68, 0.25), (0.1, 0.32), (-0.45, 0.3)], coat)
        _stripes(pen, rng, coat, -0.3, 0.6, -0.12, 0.1)
        _cat_face(pen, -0.58, -0.25, 0.34, coat, eyes)
    else:  # a close-up
        pen.curve([(-0.6, 0.3), (0.6, 0.3), (0.85, 1.2), (-0.85, 1.2)], shade(coat, 0.85))
        _cat_face(pen, 0, 0.0, 0.78, coat, eyes)


def _cat_face(pen: Pen, x: float, y: float, r: float, coat: tuple[int, ...], eyes: tuple[int, ...]) -> None:
    for sign in (-1, 1):
        ear = [
            (x + sign * r * 0.95, y - r * 0.3),
            (x + sign * r * 0.88, y - r * 1.3),
            (x + sign * r * 0.22, y - r * 0.72),
        ]
        pen.polygon(ear, coat)
        centre = np.mean(ear, axis=0)
        pen.polygon(centre + (np.array(ear) - centre) * 0.55, (215, 150, 140, 255))
    pen.ellipse(x, y, r, r * 0.82, coat)
    pen.ellipse(x, y + r * 0.38, r * 0.42, r * 0.34, shade(coat, 1.4))
    for sign in (-1, 1):
        pen.ellipse(x + sign * r * 0.42, y - r * 0.1, r * 0.2, r * 0.17, eyes)
        pen.ellipse(x + sign * r * 0.42, y - r * 0.1, r * 0.07, r * 0.16, BLACK)
        for dy in (-0.06, 0.1):
            pen.line([(x + sign * r * 0.3, y + r * 0.35), (x + sign * r * 1.15, y + r * (0.3 + dy * 2))], 0.02, WHITE)
    pen.polygon([(x - r * 0.12, y + r * 0.18), (x + r * 0.12, y + r * 0.18), (x, y + r * 0.32)], (200, 110, 110, 255))
    pen.line([(x, y + r * 0.3), (x, y + r * 0.46)], r * 0.05, BLACK)
    for dx in (-0.2, 0.0, 0.2):
        pen.line([(x + dx * r, y - r * 0.75), (x + dx * r * 0.8, y - r * 0.48)], r * 0.08, shade(coat, 0.6))


def _stripes(pen: Pen, rng: Rng, coat: tuple[int, ...], left: float, right: float, top: float, bottom: float) -> None:
    """A tabby's stripes, on half of them."""
    if rng.random() < 0.5:
        for x in np.linspace(left, right, 6):
            pen.line([(x, top), (x + 0.04, bottom)], 0.05, shade(coat, 0.6))


def dog(pen: Pen, rng: Rng) -> None:
    """A dog: long muzzle, hanging ears, tail up."""
    coat = _pick(rng, [(170, 115, 60), (225, 200, 150), (60, 48, 42), (235, 230, 220), (120, 75, 45)])
    patch = shade(coat, 0.55)
    kind = rng.random()
    if kind < 0.45:  # standing, facing left
        pen.line([(0.6, -0.05), (0.85, -0.3), (0.88, -0.6)], 0.12, coat, smooth=True)
        _legs(pen, rng, [-0.38, -0.24, 0.42, 0.55], 0.15, 0.88, 0.15, coat)
        pen.curve([(-0.5, -0.2), (0.1, -0.15), (0.62, -0.15), (0.68, 0.18), (0.15, 0.3), (-0.42, 0.38)], coat)
        if rng.random() < 0.5:
            pen.ellipse(0.25, 0.0, 0.25, 0.16, patch)
        pen.polygon([(-0.55, -0.45), (-0.25, -0.4), (-0.15, 0.0), (-0.5, 0.2)], coat)
        pen.polygon([(-0.6, -0.5), (-1.0, -0.38), (-1.0, -0.2), (-0.55, -0.15)], shade(coat, 1.12))
        pen.ellipse(-0.5, -0.42, 0.28, 0.26, coat)
        pen.ellipse(-0.98, -0.36, 0.07, 0.06, BLACK)
        pen.curve([(-0.45, -0.62), (-0.28, -0.6), (-0.2, -0.2), (-0.32, -0.05), (-0.45, -0.3)], patch)
        _eye(pen, -0.64, -0.46, 0.05)
    elif kind < 0.7:  # sitting, seen from the front
        pen.curve([(-0.3, -0.1), (0.3, -0.1), (0.52, 0.5), (0.45, 0.92), (-0.45, 0.92), (-0.52, 0.5)], coat)
        pen.curve([(-0.18, 0.0), (0.18, 0.0), (0.15, 0.45), (-0.15, 0.45)], shade(coat, 1.3))
        for x in (-0.2, 0.2):
            pen.limb((x, 0.3), (x, 0.9), 0.24, 0.2, shade(coat, 0.9))
            pen.ellipse(x, 0.9, 0.15, 0.08, shade(coat, 1.15))
        _dog_face(pen, rng, 0, -0.42, 0.42, coat, patch)
    else:  # a close-up
        pen.curve([(-0.55, 0.3), (0.55, 0.3), (0.85, 1.2), (-0.85, 1.2)], shade(coat, 0.85))
        _dog_face(pen, rng, 0, -0.1, 0.7, coat, patch)


def _dog_face(pen: Pen, rng: Rng, x: float, y: float, r: float, coat: tuple[int, ...], patch: tuple[int, ...]) -> None:
    pen.ellipse(x, y, r * 0.85, r * 0.9, coat)
    for s in (-1, 1):
        ear = [(0.45, -0.85), (0.9, -0.75), (1.15, 0.1), (0.95, 0.6), (0.72, 0.2)]
        pen.curve([(x + s * r * a, y + r * b) for a, b in ear], patch)
        _eye(pen, x + s * r * 0.36, y - r * 0.15, r * 0.12)
    pen.ellipse(x, y + r * 0.5, r * 0.48, r * 0.5, shade(coat, 1.3))
    pen.ellipse(x, y + r * 0.28, r * 0.2, r * 0.14, BLACK)
    if rng.random() < 0.6:
        pen.ellipse(x, y + r * 0.88, r * 0.17, r * 0.3, (220, 95, 105, 255))
    pen.line([(x - r * 0.3, y + r * 0.6), (x, y + r * 0.7), (x + r * 0.3, y + r * 0.6)], r * 0.07, BLACK)


def deer(pen: Pen, rng: Rng) -> None:
    """A deer: thin legs, upright neck, antlers or large ears, often white spots."""
    coat = _pick(rng, [(165, 110, 65), (140, 95, 60), (185, 135, 85)])
    lean = rng.uniform(-0.1, 0.1)
    pen.ellipse(0.68, 0.02, 0.08, 0.13, WHITE)
    _legs(pen, rng, [-0.3, -0.2, 0.45, 0.55], 0.15, 0.97, 0.085, coat)
    pen.curve([(-0.42, -0.08), (0.1, -0.1), (0.6, -0.12), (0.68, 0.12), (0.2, 0.26), (-0.35, 0.28)], coat)
    pen.polygon([(-0.72 + lean, -0.5), (-0.48 + lean, -0.55), (-0.12, -0.05), (-0.4, 0.2)], coat)
    pen.curve(
        [
            (-0.5 + lean, -0.66),
            (-0.68 + lean, -0.66),
            (-1.0 + lean, -0.45),
            (-0.95 + lean, -0.38),
            (-0.55 + lean, -0.4),
        ],
        coat,
    )
    pen.ellipse(-0.98 + lean, -0.43, 0.05, 0.045, BLACK)
    pen.ellipse(-0.4 + lean, -0.66, 0.14, 0.07, shade(coat, 0.8), angle=-30)
    _eye(pen, -0.7 + lean, -0.56, 0.045)
    if rng.random() < 0.7:
        horn = _pick(rng, [(95, 70, 45), (180, 155, 115)])
        for dx in (-0.14, 0.1):
            stem = [(-0.55, -0.66), (-0.5 + dx, -0.85), (-0.55 + 2.2 * dx, -1.0)]
            pen.line([(x + lean, y) for x, y in stem], 0.055, horn, smooth=True)
            pen.line([(-0.5 + dx + lean, -0.82), (-0.62 + dx + lean, -0.96)], 0.05, horn)
    if rng.random() < 0.6:
        for _ in range(9):
            pen.ellipse(rng.uniform(-0.25, 0.55), rng.uniform(-0.05, 0.12), 0.03, 0.03, WHITE)


def horse(pen: Pen, rng: Rng) -> None:
    """A horse: strong body, thick neck with mane, long tail; sometimes only the head."""
    coat = _pick(rng, [(115, 65, 40), (75, 50, 40), (205, 200, 195), (165, 105, 60), (45, 42, 45)])
    mane = shade(coat, 0.45) if rng.random() < 0.7 else _pick(rng, [(225, 205, 160)])
    if rng.random() < 0.78:
        pen.line([(0.62, -0.1), (0.85, 0.1), (0.86, 0.6)], 0.15, mane, smooth=True)
        _legs(pen, rng, [-0.4, -0.26, 0.42, 0.55], 0.15, 0.97, 0.125, coat)
        pen.curve([(-0.5, -0.22), (0.1, -0.15), (0.62, -0.24), (0.74, 0.08), (0.2, 0.3), (-0.45, 0.3)], coat)
        low = rng.uniform(0, 0.75) if rng.random() < 0.3 else 0.0  # grazing
        pen.line([(-0.2, -0.2), (-0.4, -0.52 + low * 0.6), (-0.55, -0.78 + low * 1.2)], 0.16, mane, smooth=True)
        pen.polygon([(-0.8, -0.6 + low), (-0.5, -0.78 + low), (-0.1, -0.18), (-0.45, 0.22)], coat)
        head = [(-0.5, -0.84), (-0.62, -0.82), (-0.98, -0.42), (-0.92, -0.28), (-0.78, -0.34), (-0.5, -0.55)]
        pen.curve([(x, y + low) for x, y in head], coat)
        pen.polygon([(-0.55, -0.8 + low), (-0.52, -0.98 + low), (-0.45, -0.8 + low)], coat)
        _eye(pen, -0.66, -0.66 + low, 0.04)
    else:
        pen.polygon([(-0.15, -0.6), (0.35, -0.7), (1.0, 0.5), (1.0, 1.2), (0.0, 1.2)], coat)
        pen.line([(0.2, -0.85), (0.55, -0.4), (0.95, 0.4)], 0.26, mane, smooth=True)
        pen.curve(
            [(0.25, -0.85), (0.0, -0.8), (-0.75, 0.3), (-0.7, 0.55), (-0.45, 0.5), (0.1, 0.05), (0.35, -0.3)], coat
        )
        pen.polygon([(0.1, -0.75), (0.18, -1.0), (0.3, -0.75)], shade(coat, 0.8))
        _eye(pen, -0.08, -0.45, 0.07)
        pen.ellipse(-0.65, 0.38, 0.05, 0.04, BLACK)
        if rng.random() < 0.5:
            pen.line([(-0.05, -0.62), (-0.58, 0.2)], 0.12, WHITE)


def frog(pen: Pen, rng: Rng) -> None:
    """A frog: squat, bulging eyes, wide mouth, folded legs."""
    skin = _pick(rng, [(80, 150, 55), (60, 120, 60), (125, 140, 60), (130, 100, 60), (60, 160, 110)])
    belly = _pick(rng, [(220, 215, 160), (190, 205, 130)])
    dark = shade(skin, 0.6)
    if rng.random() < 0.6:  # from the front
        for s in (-1, 1):
            pen.curve(
                [(s * 0.3, 0.3), (s * 0.75, 0.0), (s * 0.95, 0.35), (s * 0.8, 0.68), (s * 0.4, 0.7)], shade(skin, 0.82)
            )
            pen.limb((s * 0.75, 0.66), (s * 1.0, 0.78), 0.14, 0.1, dark)
        pen.curve([(-0.6, -0.2), (0.6, -0.2), (0.62, 0.3), (0.35, 0.72), (-0.35, 0.72), (-0.62, 0.3)], skin)
        pen.ellipse(0, 0.4, 0.38, 0.3, belly)
        for s in (-1, 1):
            pen.limb((s * 0.4, 0.35), (s * 0.42, 0.78), 0.16, 0.13, shade(skin, 0.9))
            pen.ellipse(s * 0.4, -0.38, 0.22, 0.22, skin)
            _eye(pen, s * 0.4, -0.4, 0.14, (230, 200, 70, 255))
        pen.line([(-0.5, 0.02), (-0.2, 0.12), (0.2, 0.12), (0.5, 0.02)], 0.05, dark, smooth=True)
    else:  # from the side
        pen.curve([(-0.85, -0.1), (-0.5, -0.35), (0.2, -0.2), (0.8, 0.35), (0.5, 0.62), (-0.4, 0.55)], skin)
        pen.curve([(-0.85, 0.02), (-0.4, 0.2), (0.0, 0.5), (-0.4, 0.55), (-0.75, 0.25)], belly)
        pen.curve([(0.15, 0.3), (0.55, -0.05), (0.9, 0.4), (0.6, 0.62), (0.2, 0.6)], shade(skin, 0.8))
        pen.limb((0.75, 0.55), (0.25, 0.72), 0.14, 0.1, dark)
        pen.limb((-0.35, 0.3), (-0.45, 0.75), 0.17, 0.12, shade(skin, 0.85))
        pen.ellipse(-0.5, -0.36, 0.2, 0.19, skin)
        _eye(pen, -0.52, -0.38, 0.12, (230, 200, 70, 255))
        pen.line([(-0.85, 0.0), (-0.5, 0.06), (-0.25, -0.05)], 0.04, dark, smooth=True)
    for _ in range(6):
        pen.ellipse(rng.uniform(-0.3, 0.3), rng.uniform(-0.15, 0.1), 0.06, 0.04, dark)


def butterfly(pen: Pen, rng: Rng) -> None:
    """A butterfly with open wings and spots."""
    wing = _pick(rng, [(230, 130, 40), (70, 110, 200), (225, 205, 80), (190, 70, 150), (225, 225, 220)])
    edge, spot = shade(wing, 0.35), _pick(rng, [(240, 235, 225), (40, 35, 40), (235, 205, 90)])
    spread, low = rng.uniform(0.8, 0.98), rng.uniform(0.5, 0.85)
    for grow, colour in ((1.0, edge), (0.86, wing)):
        for s in (-1, 1):
            upper = [(0.03, -0.1), (0.3, -0.65), (spread, -0.75), (spread, -0.2), (0.4, 0.1)]
            lower = [(0.03, 0.0), (0.5, 0.05), (0.75, low * 0.6), (0.5, low), (0.15, 0.45)]
            for outline in (lower, upper):
                centre = np.mean(outline, axis=0)
                points = centre + (np.array(outline) - centre) * grow
                pen.curve([(s * float(x), float(y)) for x, y in points], colour)
    for s in (-1, 1):
        pen.ellipse(s * 0.62, -0.45, 0.11, 0.11, spot)
        pen.ellipse(s * 0.45, low * 0.6, 0.09, 0.09, spot)
        pen.line([(0, -0.4), (s * 0.12, -0.7), (s * 0.25, -0.85)], 0.03, BLACK, smooth=True)
    pen.ellipse(0, 0.0, 0.07, 0.48, BLACK)


def starfish(pen: Pen, rng: Rng) -> None:
    """A starfish with five arms and rows of dots."""
    skin = _pick(rng, [(220, 110, 60), (190, 70, 90), (225, 175, 90), (130, 90, 150)])
    inner = rng.uniform(0.3, 0.42)
    turn = rng.uniform(0, 2 * np.pi)
    angles = turn + np.arange(10) * np.pi / 5
    radius = np.where(np.arange(10) % 2 == 0, rng.uniform(0.85, 1, 10), inner)
    pen.curve([(float(r * np.cos(a)), float(r * np.sin(a))) for r, a in zip(radius, angles, strict=True)], skin)
    for a in angles[::2]:
        for r in np.linspace(0.1, 0.8, 6):
            pen.ellipse(float(r * np.cos(a)), float(r * np.sin(a)), 0.045, 0.045, shade(skin, 1.35))
