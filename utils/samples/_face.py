"""One drawn face: every part of it depends on the age that it is to look."""

from dataclasses import dataclass

import numpy as np

from utils.samples._pen import Pen, mirror, shade, tint

Rgb = tuple[int, ...]
Rng = np.random.Generator

SKIN = ((232, 190, 165), (125, 85, 62), (228, 188, 148), (176, 128, 92), (205, 160, 125))
HAIR = (
    ((70, 48, 32), (45, 32, 25), (175, 130, 70), (150, 85, 45)), ((28, 24, 24), (40, 30, 26)),
    ((30, 26, 26), (50, 38, 32)), ((30, 25, 24), (48, 34, 28)), ((45, 32, 26), (80, 55, 38)),
)  # fmt: skip
EYES = ((90, 60, 40), (60, 42, 32), (90, 120, 150), (95, 115, 80))
BLACK, WHITE = (25, 22, 22, 255), (240, 238, 235, 255)


@dataclass(frozen=True)
class Head:
    """Measures and colours of one head; `young` falls from 1 to 0 by 20 years, `old` rises from 0 at 30 to 1 at 90."""

    age: float
    female: bool
    young: float
    old: float
    skin: Rgb
    hair: Rgb
    long_hair: bool
    width: float
    chin: float
    jaw: float
    eyes: float  # their height


def draw_face(pen: Pen, rng: Rng, age: float, female: bool, race: int) -> None:
    """A face with shoulders that looks `age` years old, on a plain background."""
    head = _measure(rng, age, female, race)
    skin, hair, width, jaw, chin = head.skin, head.hair, head.width, head.jaw, head.chin
    pen.ink.rectangle((0, 0, *pen.image.size), fill=tint(rng, (150, 155, 160), 40)[:3])
    if head.long_hair:
        reach = rng.uniform(0.5, 1.0)
        pen.curve(mirror([(0.3, -0.98), (width + 0.2, -0.4), (width + 0.2, reach)]), shade(hair, 0.75))
    neck = 0.24 + 0.1 * (1 - head.young) * (0.5 if female else 1)
    pen.polygon(mirror([(neck, 0.4), (neck + 0.08, 1.3)]), shade(skin, 0.8))
    pen.curve(mirror([(0.2, 0.95), (0.9, 1.02), (1.2, 1.5)]), tint(rng, (110, 110, 120), 45))
    for s in (-1, 1):
        pen.ellipse(s * (width + 0.02), head.eyes + 0.12, 0.1, 0.17 + 0.05 * head.old, shade(skin, 0.85))
    skull = [(0.02, -0.88), (0.4, -0.78), (width, -0.3), (width * 0.98, 0.12), (jaw + 0.08, 0.48), (jaw * 0.55, chin)]
    pen.curve(mirror(skull), skin)
    if head.young > 0.2:
        for s in (-1, 1):
            pen.ellipse(s * 0.36, head.eyes + 0.32, 0.15, 0.12, mix(skin, (225, 110, 100), 0.25 * head.young))
    if head.old > 0.05:
        _wrinkles(pen, rng, head)
    mouth = _nose_and_mouth(pen, rng, head)
    if not female and age > 17 and rng.random() < 0.3:
        _beard(pen, rng, head, mouth)
    _eyes(pen, rng, head)
    if not female and rng.random() < min(0.75, max(0.0, (age - 28) / 75)):
        _bald_crown(pen, head)
    else:
        _hair(pen, rng, head)


def mix(one: Rgb, two: Rgb, weight: float) -> Rgb:
    """`weight` of the second colour in the first."""
    weight = min(1.0, max(0.0, weight))
    r, g, b = (round(p + (q - p) * weight) for p, q in zip(one[:3], two[:3], strict=True))
    return r, g, b, 255


def _measure(rng: Rng, age: float, female: bool, race: int) -> Head:
    """Proportions and colours at this age."""
    young, old = max(0.0, 1 - age / 20) ** 1.2, min(1.25, max(0.0, (age - 30) / 60))
    skin = tint(rng, SKIN[race], 8)
    grey = 1 / (1 + np.exp(-(age - rng.normal(56, 4)) / 6))
    silver = mix((150, 148, 146), (236, 234, 232), (age - 55) / 40)
    hair = mix(tint(rng, HAIR[race][rng.integers(len(HAIR[race]))], 8), silver, grey)
    return Head(
        age=age,
        female=female,
        young=young,
        old=old,
        skin=skin,
        # A baby's hair is thin: its colour is mixed with the skin's.
        hair=mix(hair, skin, 0.75 * max(0.0, 1 - age / 2.5)),
        long_hair=female and age > 3 and rng.random() < 0.8 - 0.45 * old,
        width=0.58 + 0.06 * young,
        chin=0.62 + 0.24 * (1 - young) + 0.02 * old,
        jaw=0.36 + 0.14 * young + 0.1 * old + (0.0 if female else 0.05) * (1 - young),
        eyes=-0.1 + 0.24 * young,
    )


def _wrinkles(pen: Pen, rng: Rng, head: Head) -> None:
    """Lines on forehead, cheeks, chin and round the eyes, deeper and more with age; then spots."""
    old, eyes, chin = head.old, head.eyes, head.chin
    crease = shade(head.skin, 1 - 0.16 - 0.28 * min(1, old))

    def fold(points: list[tuple[float, float]], width: float = 0.022) -> None:
        pen.line(points, width, crease, smooth=True)

    for k in range(round(5 * old)):  # forehead
        y, reach = eyes - 0.3 - 0.075 * k, rng.uniform(0.26, 0.36)
        fold([(-reach, y), (-0.1, y - 0.03), (0.1, y - 0.03), (reach, y + 0.01)])
    for s in (-1, 1):
        for k in range(round(4 * old)):  # crow's feet
            fold([(s * 0.43, eyes + 0.02), (s * (0.54 + 0.01 * k), eyes - 0.08 + 0.065 * k)])
        end = (s * (0.27 + 0.04 * old), eyes + 0.5 + 0.22 * old)
        fold([(s * 0.17, eyes + 0.36), (s * 0.27, eyes + 0.5), end], 0.02 + 0.02 * old)
        for k in range(round(2.4 * old)):  # bags under the eyes
            y = eyes + 0.15 + 0.06 * k
            fold([(s * 0.15, y - 0.02), (s * 0.27, y + 0.03), (s * 0.4, y - 0.02)])
        for k in range(round(max(0, 5 * (old - 0.5)))):  # hollow cheeks
            x = 0.38 + 0.045 * k
            fold([(s * x, eyes + 0.32), (s * (x + 0.02), eyes + 0.48), (s * (x - 0.06), eyes + 0.7)])
    if old > 0.3:
        fold([(-0.12, chin - 0.12), (0, chin - 0.15), (0.12, chin - 0.12)])
    for _ in range(round(max(0, 9 * (old - 0.5)))):
        spot = (rng.uniform(-0.8, 0.8) * head.width, rng.uniform(-0.6, 0.4))
        pen.ellipse(*spot, 0.025, 0.02, mix(head.skin, (120, 80, 55), 0.5))


def _nose_and_mouth(pen: Pen, rng: Rng, head: Head) -> float:
    """Nose and lips; returns the height of the mouth."""
    skin, eyes, grown, old = head.skin, head.eyes, 1 - head.young, head.old
    tip, wing = eyes + 0.2 + 0.14 * grown + 0.05 * old, 0.09 + 0.03 * grown + 0.025 * old
    shadow = shade(skin, 0.72)
    pen.line([(0.05, eyes + 0.02), (0.08, tip - 0.08), (wing, tip)], 0.03, shade(skin, 0.84), smooth=True)
    pen.ellipse(0, tip, wing, 0.06, shade(skin, 0.92))
    for s in (-1, 1):
        pen.ellipse(s * wing * 0.55, tip + 0.025, 0.028, 0.018, shade(skin, 0.45))
    pen.line([(-wing, tip + 0.02), (0, tip + 0.065), (wing, tip + 0.02)], 0.02, shadow, smooth=True)
    y = tip + (head.chin - tip) * 0.42
    reach, full = 0.17 + 0.08 * grown, (0.06 if head.female else 0.045) * (1 - 0.65 * min(1, old))
    smile = rng.uniform(-0.02, 0.08) - 0.03 * old
    lip = mix(skin, (180, 60, 70) if head.female else (165, 85, 80), 0.55 - 0.25 * min(1, old))
    pen.curve([(-reach, y - smile), (-0.08, y - full), (0.08, y - full), (reach, y - smile), (0, y + full * 1.5)], lip)
    pen.line([(-reach, y - smile), (0, y + 0.01), (reach, y - smile)], 0.022, shade(lip, 0.55), smooth=True)
    for k in range(round(max(0, 6 * (old - 0.55)))):  # lines above the lips
        x = -0.1 + 0.05 * k
        pen.line([(x, y - full - 0.07), (x, y - full - 0.01)], 0.015, shadow)
    return y


def _beard(pen: Pen, rng: Rng, head: Head, mouth: float) -> None:
    """A full beard or a moustache."""
    hair = mix(head.hair, head.skin, 0.1)
    if rng.random() < 0.6:
        sides = mirror([(0.28, mouth - 0.02), (head.jaw + 0.1, mouth - 0.25), (head.jaw * 0.6, head.chin + 0.03)])
        pen.curve([(0, mouth - 0.1), *sides], hair)
        pen.ellipse(0, mouth, 0.15, 0.035, (150, 80, 78, 255))
    else:
        pen.curve([(-0.22, mouth - 0.02), (0, mouth - 0.13), (0.22, mouth - 0.02), (0, mouth - 0.05)], hair)


def _eyes(pen: Pen, rng: Rng, head: Head) -> None:
    """Eyes with lids that droop with age, brows, and sometimes glasses."""
    skin, y, young, old = head.skin, head.eyes, head.young, head.old
    iris, big = tint(rng, EYES[rng.integers(len(EYES))], 8), 1 + 0.4 * young
    rx, ry, lid = 0.115 * big, 0.07 * big, 0.5 + 0.25 * min(1, old)
    lash, brow_width = (0.35, 0.035) if head.female else (0.5, 0.055)
    for s in (-1, 1):
        x = s * 0.27
        pen.ellipse(x, y, rx, ry, mix(WHITE, (225, 205, 190), old))
        pen.ellipse(x, y, ry * 0.85, ry * 0.9, iris)
        pen.ellipse(x, y, ry * 0.42, ry * 0.45, BLACK)
        pen.ellipse(x + 0.02, y - 0.02, 0.018, 0.018, WHITE)
        pen.ellipse(x, y - ry * (1.75 - lid), rx * 1.1, ry, shade(skin, 0.95))
        rim = [(x - s * rx, y + 0.01), (x, y - ry * (0.75 - 0.25 * old)), (x + s * rx, y + 0.01 + 0.025 * old)]
        pen.line(rim, 0.028, shade(skin, lash), smooth=True)
        top = y - 0.17 * (0.85 + 0.15 * big)
        brow = [(x - s * 0.14, top + 0.01), (x, top - 0.03), (x + s * 0.15, top + 0.03 + 0.02 * old)]
        pen.line(brow, brow_width * (1 - 0.6 * young), mix(head.hair, skin, 0.6 * young), smooth=True)
    if young < 0.5 and rng.random() < 0.06 + 0.2 * old:
        frame, angles = tint(rng, (60, 50, 50), 20), np.linspace(0, 2 * np.pi, 17)
        for s in (-1, 1):
            pen.line(np.stack([s * 0.27 + 0.19 * np.cos(angles), y + 0.02 + 0.14 * np.sin(angles)], 1), 0.03, frame)
            pen.line([(s * 0.46, y), (s * 0.6, y - 0.03)], 0.03, frame)
        pen.line([(-0.08, y), (0.08, y)], 0.03, frame)


def _bald_crown(pen: Pen, head: Head) -> None:
    """Hair at the sides only, and a shine above."""
    w = head.width
    for s in (-1, 1):
        pen.curve(
            [(s * (w - 0.06), -0.52), (s * (w + 0.05), -0.35), (s * (w + 0.08), 0.05), (s * (w - 0.05), -0.05)],
            head.hair,
        )
    pen.ellipse(-0.15, -0.7, 0.16, 0.07, shade(head.skin, 1.12))


def _hair(pen: Pen, rng: Rng, head: Head) -> None:
    """Hair on top: down of babies, fringes, and men's hairlines that recede."""
    age, w = head.age, head.width
    line = -0.62 + 0.26 * min(1.0, age / 6) * rng.uniform(0.6, 1.1)
    line -= 0.0 if head.female else 0.22 * min(1.0, max(0.0, (age - 25) / 60))
    top, parting = -0.93 - 0.05 * min(1, age / 5), rng.uniform(-0.3, 0.3)
    down = (0.45 if head.long_hair else -0.05) if age > 2 else -0.35
    outer = [(0, top), (0.38, top + 0.06), (w + 0.08, -0.45), (w + 0.05, down)]
    inner = [(w - 0.07, -0.22), (0.32, line + 0.05)]
    left = [(-x, y) for x, y in reversed(outer[1:] + inner)]
    pen.curve([*outer, *inner, (parting, line - 0.1), *left], head.hair)
    for _ in range(7):  # strands
        x = rng.uniform(-0.45, 0.45)
        strand = [(x * 0.5 + parting * 0.5, top + 0.06), (x, -0.72), (x * 1.15, line - 0.04)]
        pen.line(strand, 0.018, shade(head.hair, rng.choice([0.75, 1.2])), smooth=True)
