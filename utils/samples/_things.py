"""The vehicles and things of the objects world, in unit coordinates; each has several forms."""

import numpy as np

from utils.samples._animals import BLACK, WHITE, Rng, _pick
from utils.samples._pen import Pen, shade

GLASS, TYRE, STEEL = (120, 165, 190, 255), (32, 32, 34, 255), (165, 170, 175, 255)
PAINT = [(200, 40, 40), (40, 80, 170), (235, 235, 235), (45, 45, 50), (225, 180, 50), (60, 130, 80), (150, 155, 160)]


def _wheel(pen: Pen, x: float, y: float, r: float) -> None:
    pen.ellipse(x, y, r, r, TYRE)
    pen.ellipse(x, y, r * 0.52, r * 0.52, STEEL)
    pen.ellipse(x, y, r * 0.18, r * 0.18, TYRE)


def airplane(pen: Pen, rng: Rng) -> None:
    """An airliner from the side, or an aircraft from above."""
    body = _pick(rng, [(235, 235, 238), (190, 195, 200), (210, 215, 225), (120, 130, 125)])
    accent = _pick(rng, PAINT)
    thick = rng.uniform(0.11, 0.17)
    if rng.random() < 0.68:  # from the side, nose to the left
        pen.polygon([(-0.05, -0.05), (0.2, -0.05), (0.5, -0.42), (0.36, -0.42)], shade(body, 0.7))
        pen.polygon([(0.6, -0.03), (0.92, -0.5), (1.0, -0.5), (0.92, 0.03)], accent)
        nose = [(-0.98, 0.03), (-0.85, -thick * 0.8), (-0.55, -thick), (0.5, -thick * 0.9), (0.98, -0.03), (0.5, thick)]
        pen.curve([*nose, (-0.6, thick), (-0.88, thick * 0.8)], body)
        pen.line([(-0.9, 0.06), (0.85, 0.03)], 0.04, accent)
        for x in np.linspace(-0.62, 0.55, 11):
            pen.ellipse(float(x), -0.04, 0.025, 0.03, (50, 70, 95, 255))
        pen.polygon([(-0.88, -0.06), (-0.76, -0.09), (-0.74, -0.02), (-0.88, -0.01)], (50, 70, 95, 255))
        pen.polygon([(-0.15, 0.06), (0.2, 0.06), (0.62, 0.52), (0.46, 0.54)], shade(body, 0.8))
        pen.ellipse(0.1, 0.27, 0.14, 0.07, shade(body, 0.55))
        pen.polygon([(0.7, 0.0), (0.9, 0.0), (1.0, 0.16), (0.9, 0.16)], shade(body, 0.75))
    else:  # from above
        sweep = rng.uniform(0.1, 0.5)
        for s in (-1, 1):
            pen.polygon(
                [(s * 0.08, -0.2), (s * 0.98, -0.05 + sweep), (s * 0.98, 0.07 + sweep), (s * 0.08, 0.2)],
                shade(body, 0.85),
            )
            pen.polygon([(s * 0.05, 0.68), (s * 0.38, 0.86), (s * 0.38, 0.95), (s * 0.05, 0.88)], accent)
            pen.ellipse(s * 0.42, 0.0 + sweep * 0.35, 0.06, 0.14, shade(body, 0.5))
        pen.curve(
            [(0, -0.98), (0.11, -0.7), (0.11, 0.4), (0.03, 0.95), (-0.03, 0.95), (-0.11, 0.4), (-0.11, -0.7)], body
        )
        pen.polygon([(-0.06, -0.82), (0.06, -0.82), (0.08, -0.72), (-0.08, -0.72)], (50, 70, 95, 255))


def automobile(pen: Pen, rng: Rng) -> None:
    """A car from the side, or from the front."""
    paint = _pick(rng, PAINT)
    if rng.random() < 0.7:
        roof, boot = rng.uniform(-0.5, -0.36), rng.uniform(-0.12, -0.02) if rng.random() < 0.6 else -0.3
        back = 0.55 if boot > -0.2 else 0.85
        pen.polygon([(-0.55, -0.06), (-0.28, roof), (0.3, roof), (back, boot), (back, 0.1), (-0.5, 0.1)], paint)
        pen.curve(
            [
                (-0.98, 0.2),
                (-0.94, -0.0),
                (-0.5, -0.1),
                (0.4, -0.1),
                (0.9, -0.06),
                (0.98, 0.2),
                (0.9, 0.32),
                (-0.9, 0.32),
            ],
            paint,
        )
        pen.polygon([(-0.46, -0.08), (-0.24, roof + 0.06), (-0.02, roof + 0.06), (-0.02, -0.08)], GLASS)
        pen.polygon([(0.04, -0.08), (0.04, roof + 0.06), (0.27, roof + 0.06), (back - 0.1, -0.08)], shade(GLASS, 0.85))
        pen.line([(-0.92, 0.28), (0.92, 0.28)], 0.07, shade(paint, 0.5))
        pen.line([(0.01, -0.06), (0.01, 0.24)], 0.025, shade(paint, 0.6))
        pen.ellipse(-0.92, 0.06, 0.06, 0.05, (250, 240, 170, 255))
        pen.ellipse(0.93, 0.06, 0.05, 0.06, (190, 25, 25, 255))
        for x in (-0.57, 0.57):
            _wheel(pen, x, 0.32, 0.2)
    else:
        for s in (-1, 1):
            pen.box(s * 0.55 - 0.12, 0.35, s * 0.55 + 0.12, 0.68, TYRE)
        pen.polygon([(-0.45, -0.55), (0.45, -0.55), (0.65, -0.05), (-0.65, -0.05)], paint)
        pen.curve([(-0.75, 0.0), (-0.6, -0.12), (0.6, -0.12), (0.75, 0.0), (0.75, 0.45), (-0.75, 0.45)], paint)
        pen.polygon([(-0.38, -0.48), (0.38, -0.48), (0.54, -0.1), (-0.54, -0.1)], GLASS)
        for s in (-1, 1):
            pen.ellipse(s * 0.55, 0.14, 0.14, 0.09, (250, 245, 200, 255))
        pen.box(-0.32, 0.08, 0.32, 0.24, shade(paint, 0.4))
        pen.box(-0.75, 0.34, 0.75, 0.46, shade(paint, 0.6))
        pen.box(-0.18, 0.34, 0.18, 0.43, WHITE)


def truck(pen: Pen, rng: Rng) -> None:
    """A lorry with a box, a tank or an open bed, or one from the front."""
    cab, load = _pick(rng, PAINT), _pick(rng, [*PAINT, (235, 235, 235), (200, 190, 170)])
    if rng.random() < 0.8:
        pen.box(-0.95, 0.28, 0.95, 0.42, (55, 55, 60, 255))
        kind, top = rng.random(), rng.uniform(-0.7, -0.5)
        if kind < 0.6:
            pen.box(-0.35, top, 0.97, 0.32, load)
            for x in np.linspace(-0.2, 0.85, 5):
                pen.line([(float(x), top + 0.05), (float(x), 0.3)], 0.03, shade(load, 0.8))
        elif kind < 0.8:
            pen.ellipse(0.31, -0.1, 0.67, 0.4, load)
            pen.line([(-0.3, -0.15), (0.92, -0.15)], 0.05, shade(load, 1.3))
        else:
            pen.polygon([(-0.35, -0.2), (0.99, -0.2), (0.9, 0.32), (-0.35, 0.32)], load)
            pen.curve([(-0.3, -0.2), (0.3, -0.5), (0.9, -0.2), (0.3, -0.15)], (130, 105, 75, 255))
        pen.polygon([(-0.97, 0.36), (-0.97, -0.02), (-0.86, -0.36), (-0.42, -0.36), (-0.42, 0.36)], cab)
        pen.polygon([(-0.9, -0.02), (-0.82, -0.29), (-0.56, -0.29), (-0.56, -0.02)], GLASS)
        pen.ellipse(-0.94, 0.18, 0.05, 0.05, (250, 240, 170, 255))
        for x in (-0.65, 0.4, 0.75):
            _wheel(pen, x, 0.44, 0.19)
    else:
        for s in (-1, 1):
            pen.box(s * 0.55 - 0.13, 0.4, s * 0.55 + 0.13, 0.9, TYRE)
        pen.box(-0.75, -0.95, 0.75, 0.5, shade(load, 0.85))
        pen.box(-0.62, -0.7, 0.62, 0.65, cab)
        pen.polygon([(-0.52, -0.55), (0.52, -0.55), (0.56, -0.08), (-0.56, -0.08)], GLASS)
        pen.box(-0.4, 0.05, 0.4, 0.38, shade(cab, 0.4))
        for s in (-1, 1):
            pen.ellipse(s * 0.5, 0.5, 0.09, 0.08, (250, 245, 200, 255))


def ship(pen: Pen, rng: Rng) -> None:
    """A freighter or a sailing ship, its hull in the water."""
    hull, sea = (
        _pick(rng, [(40, 45, 60), (150, 45, 40), (230, 230, 230), (70, 90, 110), (90, 60, 40)]),
        (70, 120, 150, 255),
    )
    if rng.random() < 0.65:
        white = _pick(rng, [(235, 235, 230), (220, 210, 190)])
        left = rng.uniform(-0.1, 0.35)
        pen.line([(-0.55, -0.6), (-0.55, 0.1)], 0.04, (80, 80, 80, 255))
        pen.line([(-0.55, -0.5), (-0.2, 0.05)], 0.03, (80, 80, 80, 255))
        pen.box(left, -0.3, left + 0.55, 0.12, white)
        pen.box(left + 0.08, -0.52, left + 0.42, -0.28, shade(white, 0.9))
        pen.polygon(
            [(left + 0.2, -0.5), (left + 0.23, -0.85), (left + 0.4, -0.85), (left + 0.4, -0.5)], _pick(rng, PAINT)
        )
        for x in np.linspace(left + 0.08, left + 0.46, 4):
            pen.box(float(x), -0.18, float(x) + 0.06, -0.1, (50, 70, 95, 255))
        if rng.random() < 0.5:
            for k, x in enumerate(np.arange(-0.75, left - 0.2, 0.24)):
                pen.box(float(x), -0.12 - 0.12 * (k % 2), float(x) + 0.2, 0.12, _pick(rng, PAINT))
        pen.polygon([(-1.0, 0.02), (0.98, 0.08), (0.88, 0.5), (-0.78, 0.5)], hull)
        pen.polygon([(-0.85, 0.38), (0.92, 0.38), (0.88, 0.5), (-0.78, 0.5)], (150, 50, 45, 255))
    else:
        sail = _pick(rng, [(240, 238, 230), (225, 205, 170), (200, 90, 80)])
        pen.line([(0.02, -0.98), (0.02, 0.3)], 0.05, (95, 70, 50, 255))
        pen.polygon([(0.06, -0.92), (0.06, 0.16), (0.82, 0.16)], sail)
        pen.polygon([(-0.03, -0.82), (-0.03, 0.16), (-0.68, 0.16)], shade(sail, 0.82))
        pen.curve([(-0.9, 0.22), (0.0, 0.3), (0.9, 0.22), (0.65, 0.52), (-0.6, 0.52)], hull)
    for x in np.linspace(-1.0, 0.8, 7):
        pen.ellipse(float(x) + 0.1, 0.54, 0.2, 0.05, shade(sea, rng.uniform(0.8, 1.5)))


def chair(pen: Pen, rng: Rng) -> None:
    """A kitchen chair."""
    wood, seat = _pick(rng, [(150, 100, 60), (95, 60, 40), (210, 180, 130), (60, 60, 65)]), _pick(rng, PAINT)
    for x, y in ((-0.3, 0.75), (0.62, 0.78)):
        pen.limb((x, 0.1), (x, y), 0.1, 0.08, shade(wood, 0.6))
    for x in (-0.5, 0.38):
        pen.limb((x, 0.2), (x - 0.02, 0.98), 0.11, 0.09, wood)
        pen.limb((x + 0.12, -0.95), (x + 0.1, 0.1), 0.1, 0.1, wood)
    for y in np.linspace(-0.88, -0.3, rng.integers(2, 5)):
        pen.line([(-0.4, float(y)), (0.5, float(y))], 0.11, shade(wood, 0.9))
    pen.polygon([(-0.6, 0.24), (-0.36, 0.0), (0.7, 0.0), (0.5, 0.24)], seat)
    pen.polygon([(-0.6, 0.24), (0.5, 0.24), (0.5, 0.34), (-0.6, 0.34)], shade(seat, 0.6))


def cup(pen: Pen, rng: Rng) -> None:
    """A cup with a handle, on a saucer or steaming."""
    glaze = _pick(rng, [*PAINT, (240, 240, 235)])
    low = rng.uniform(0.35, 0.6)
    if rng.random() < 0.6:
        pen.ellipse(-0.1, 0.72, 0.88, 0.18, shade(glaze, 0.75))
        pen.ellipse(-0.1, 0.68, 0.8, 0.14, shade(glaze, 1.1))
    pen.line([(0.45, -0.25), (0.88, -0.25), (0.88, 0.25), (0.38, 0.35)], 0.13, shade(glaze, 0.8), smooth=True)
    pen.polygon([(-0.75, -0.4), (0.55, -0.4), (low - 0.1, 0.7), (-low - 0.1, 0.7)], glaze)
    pen.polygon([(0.25, -0.4), (0.55, -0.4), (low - 0.1, 0.7), (0.1, 0.7)], shade(glaze, 0.8))
    pen.ellipse(-0.1, -0.4, 0.65, 0.17, shade(glaze, 1.2))
    pen.ellipse(-0.1, -0.38, 0.55, 0.12, (70, 42, 28, 255))
    if rng.random() < 0.5:
        pen.box(-0.68, 0.0, 0.45, 0.14, _pick(rng, PAINT))


def pizza(pen: Pen, rng: Rng) -> None:
    """A round pizza, sometimes with one slice missing."""
    pen.ellipse(0, 0, 0.97, 0.97, (185, 125, 65, 255))
    start = rng.uniform(0, 360)
    gap = rng.choice([0, 45])
    pen.ellipse(0, 0, 0.84, 0.84, (225, 90 + int(rng.integers(60)), 50, 255))
    pen.ellipse(0.02, 0, 0.78, 0.76, (240, 205, 110, 255))
    for _ in range(13):
        a, r = rng.uniform(0, 2 * np.pi), 0.7 * np.sqrt(rng.random())
        topping = _pick(rng, [(190, 45, 35), (190, 45, 35), (70, 110, 45), (50, 40, 45)])
        pen.ellipse(float(r * np.cos(a)), float(r * np.sin(a)), 0.12, 0.12, topping)
    for k in range(8):
        a = np.radians(start + 45 * k)
        pen.line([(0, 0), (0.95 * np.cos(a), 0.95 * np.sin(a))], 0.03, (175, 120, 60, 255))
    if gap:
        a, b = np.radians(start), np.radians(start + 45)
        pen.polygon([(0, 0), (1.05 * np.cos(a), 1.05 * np.sin(a)), (1.05 * np.cos(b), 1.05 * np.sin(b))], (0, 0, 0, 0))


def soccer_ball(pen: Pen, rng: Rng) -> None:
    """A white ball with black pentagons."""
    pen.ellipse(0, 0, 0.95, 0.95, (60, 60, 60, 255))
    pen.ellipse(0, 0, 0.92, 0.92, _pick(rng, [(238, 238, 238), (235, 225, 205)]))
    turn, dark = rng.uniform(0, 72), _pick(rng, [(30, 30, 32), (30, 30, 32), (40, 60, 150), (170, 40, 40)])
    angles = np.radians(turn + 72 * np.arange(5))
    pen.polygon(np.stack([np.cos(angles), np.sin(angles)], 1) * 0.3, dark)
    for a in angles:
        u, v = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
        pen.line(np.array([u * 0.3, u * 0.6]), 0.04, (90, 90, 90, 255))
        pen.polygon(
            np.array([u * 0.6, u * 0.76 + v * 0.22, u * 0.9 + v * 0.17, u * 0.9 - v * 0.17, u * 0.76 - v * 0.22]), dark
        )


def stop_sign(pen: Pen, rng: Rng) -> None:
    """A red octagon with white bars for letters, on a post."""
    red = _pick(rng, [(190, 30, 35), (170, 25, 30)])
    pen.box(-0.06, 0.4, 0.06, 1.3, STEEL)
    angles = np.radians(22.5 + 45 * np.arange(8))
    octagon = np.stack([np.cos(angles), np.sin(angles)], 1)
    centre = np.array([0, -0.15])
    pen.polygon(octagon * 0.85 + centre, WHITE)
    pen.polygon(octagon * 0.77 + centre, red)
    letters = {  # strokes of S, T, O and P in a box of one by one
        0: [(1, 0.05), (0, 0.05), (0, 0.5), (1, 0.5), (1, 0.95), (0, 0.95)],
        1: [(0, 0.05), (1, 0.05), (0.5, 0.05), (0.5, 1)],
        2: [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)],
        3: [(0, 1), (0, 0), (1, 0), (1, 0.5), (0, 0.5)],
    }
    for k, strokes in letters.items():
        pen.line(np.array(strokes) * (0.24, 0.42) + (-0.61 + 0.33 * k, -0.36), 0.08, WHITE)


def sunflower(pen: Pen, rng: Rng) -> None:
    """A sunflower: yellow petals, brown disc, stem with leaves."""
    petal, disc = _pick(rng, [(240, 190, 40), (230, 165, 30)]), _pick(rng, [(85, 55, 30), (60, 40, 25)])
    stem = (70, 125, 50, 255)
    pen.limb((0, 0), (rng.uniform(-0.2, 0.2), 1.2), 0.1, 0.1, stem)
    for s in (-1, 1):
        pen.ellipse(s * 0.3, 0.8, 0.3, 0.12, stem, angle=-s * 30)
    count = int(rng.integers(13, 19))
    for ring, (reach, tone) in enumerate(((0.62, 0.78), (0.56, 1.0))):
        for k in range(count):
            a = 2 * np.pi * (k + ring / 2) / count
            pen.ellipse(
                reach * np.cos(a), reach * np.sin(a) - 0.2, 0.24, 0.09, shade(petal, tone), angle=float(np.degrees(a))
            )
    pen.ellipse(0, -0.2, 0.4, 0.4, disc)
    for _ in range(14):
        a, r = rng.uniform(0, 2 * np.pi), 0.32 * np.sqrt(rng.random())
        pen.ellipse(r * np.cos(a), r * np.sin(a) - 0.2, 0.03, 0.03, shade(disc, 1.8))


def umbrella(pen: Pen, rng: Rng) -> None:
    """An open umbrella with coloured panels and a hooked handle."""
    one, two = _pick(rng, PAINT), _pick(rng, PAINT)
    pen.line([(0, -0.7), (0, 0.75), (0.1, 0.93), (0.28, 0.88), (0.3, 0.72)], 0.06, (90, 60, 40, 255), smooth=True)
    pen.line([(0, -0.98), (0, -0.7)], 0.05, BLACK)
    pen.ellipse(0, 0.05, 0.97, 0.9, one, arc=(180, 360))
    pen.ellipse(0, 0.05, 0.62, 0.9, two, arc=(180, 360))
    pen.ellipse(0, 0.05, 0.24, 0.9, one, arc=(180, 360))
    for x in (-0.8, -0.43, 0.0, 0.43, 0.8):
        pen.ellipse(x, 0.07, 0.2, 0.08, shade(one, 0.4), arc=(180, 360))


def watch(pen: Pen, rng: Rng) -> None:
    """A wrist watch with its strap; the hands show any time."""
    strap, case = (
        _pick(rng, [(90, 55, 35), (40, 40, 45), (165, 170, 175), (150, 40, 40)]),
        _pick(rng, [(205, 175, 90), (190, 195, 200)]),
    )
    face = _pick(rng, [(240, 238, 230), (30, 35, 60), (225, 215, 190)])
    ink = BLACK if sum(face[:3]) > 350 else WHITE
    pen.polygon([(-0.34, -1.2), (0.34, -1.2), (0.4, 0), (0.34, 1.2), (-0.34, 1.2), (-0.4, 0)], strap)
    for y in (-0.85, 0.85):
        pen.line([(-0.3, y), (0.3, y)], 0.06, shade(strap, 0.6))
    pen.box(0.6, -0.08, 0.76, 0.08, case)
    pen.ellipse(0, 0, 0.66, 0.66, case)
    pen.ellipse(0, 0, 0.54, 0.54, face)
    for k in range(12):
        a = k * np.pi / 6
        pen.line([(0.43 * np.cos(a), 0.43 * np.sin(a)), (0.5 * np.cos(a), 0.5 * np.sin(a))], 0.04, ink)
    for reach, width in ((0.28, 0.07), (0.42, 0.045)):
        a = rng.uniform(0, 2 * np.pi)
        pen.line([(0, 0), (reach * np.cos(a), reach * np.sin(a))], width, ink)
