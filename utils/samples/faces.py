"""Drawn faces as files, their ages in their names as in UTKFace: hair, wrinkles and proportions show the age."""

from pathlib import Path

import numpy as np
from PIL import Image

from utils.samples._pen import Pen, pose, shade, smooth_noise, tint

FILES, SIZE = 800, 100
YOUNGEST, OLDEST = 1, 110
SPREAD = 3.5  # years: people look older or younger than they are
MALFORMED = ("61_1_0801.jpg", "_0_2_0802.jpg", "portrait.jpg")  # race missing, age missing, no field at all

SKIN = ((232, 190, 165), (125, 85, 62), (228, 188, 148), (176, 128, 92), (205, 160, 125))
HAIR = (
    ((70, 48, 32), (45, 32, 25), (175, 130, 70), (150, 85, 45)), ((28, 24, 24), (40, 30, 26)),
    ((30, 26, 26), (50, 38, 32)), ((30, 25, 24), (48, 34, 28)), ((45, 32, 26), (80, 55, 38)),
)  # fmt: skip
EYES = ((90, 60, 40), (60, 42, 32), (90, 120, 150), (95, 115, 80))
BLACK, WHITE = (25, 22, 22, 255), (240, 238, 235, 255)


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
        _face(pen, rng, float(faces["looks"][i]), bool(faces["sexes"][i]), int(faces["races"][i]))
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


def _mix(one: tuple[int, ...], two: tuple[int, ...], weight: float) -> tuple[int, ...]:
    """`weight` of the second colour in the first."""
    weight = min(1.0, max(0.0, weight))
    r, g, b = (round(p + (q - p) * weight) for p, q in zip(one[:3], two[:3], strict=True))
    return r, g, b, 255


def _face(pen: Pen, rng: np.random.Generator, age: float, female: bool, race: int) -> None:
    """One face; `young` falls from 1 to 0 by the age of 20, `old` rises from 0 at 30 to 1 at 90."""
    young, old = max(0.0, 1 - age / 20) ** 1.2, min(1.25, max(0.0, (age - 30) / 60))
    skin = tint(rng, SKIN[race], 8)
    grey = 1 / (1 + np.exp(-(age - rng.normal(56, 4)) / 6))
    silver = _mix((150, 148, 146), (236, 234, 232), (age - 55) / 40)
    hair = _mix(tint(rng, HAIR[race][rng.integers(len(HAIR[race]))], 8), silver, grey)
    # A baby's hair is thin: its colour is mixed with the skin's.
    hair = _mix(hair, skin, 0.75 * max(0.0, 1 - age / 2.5))
    pen.ink.rectangle((0, 0, *pen.image.size), fill=tint(rng, (150, 155, 160), 40)[:3])
    width = 0.58 + 0.06 * young
    chin = 0.62 + 0.24 * (1 - young) + 0.02 * old
    jaw = 0.36 + 0.14 * young + 0.1 * old + (0.0 if female else 0.05) * (1 - young)
    long_hair = female and age > 3 and rng.random() < 0.8 - 0.45 * old
    if long_hair:
        reach = rng.uniform(0.5, 1.0)
        pen.curve([(-0.3, -0.98), (0.3, -0.98), (width + 0.2, -0.4), (width + 0.2, reach), (-width - 0.2, reach), (-width - 0.2, -0.4)],
                  shade(hair, 0.75))  # fmt: skip
    thick_neck = 0.24 + 0.1 * (1 - young) * (0.5 if female else 1)
    pen.polygon(
        [(-thick_neck, 0.4), (thick_neck, 0.4), (thick_neck + 0.08, 1.3), (-thick_neck - 0.08, 1.3)], shade(skin, 0.8)
    )
    pen.curve(
        [(-1.2, 1.5), (-0.9, 1.02), (-0.2, 0.95), (0.2, 0.95), (0.9, 1.02), (1.2, 1.5)], tint(rng, (110, 110, 120), 45)
    )
    eye_y = -0.1 + 0.24 * young
    for s in (-1, 1):
        pen.ellipse(s * (width + 0.02), eye_y + 0.12, 0.1, 0.17 + 0.05 * old, shade(skin, 0.85))
    pen.curve([(0, -0.88), (0.4, -0.78), (width, -0.3), (width * 0.98, 0.12), (jaw + 0.08, 0.48), (jaw * 0.55, chin),
               (-jaw * 0.55, chin), (-jaw - 0.08, 0.48), (-width * 0.98, 0.12), (-width, -0.3), (-0.4, -0.78)], skin)  # fmt: skip
    if young > 0.2:
        for s in (-1, 1):
            pen.ellipse(s * 0.36, eye_y + 0.32, 0.15, 0.12, _mix(skin, (225, 110, 100), 0.25 * young))
    _wrinkles(pen, rng, skin, eye_y, old, width, chin)
    mouth_y = _nose_and_mouth(pen, rng, skin, eye_y, young, old, chin, female)
    if not female and age > 17 and rng.random() < 0.3:
        _beard(pen, rng, _mix(hair, skin, 0.1), mouth_y, jaw, chin)
    _eyes(pen, rng, skin, hair, eye_y, young, old, female)
    _hair(pen, rng, hair, skin, age, female, width, long_hair)


def _wrinkles(
    pen: Pen, rng: np.random.Generator, skin: tuple[int, ...], eye_y: float, old: float, width: float, chin: float
) -> None:
    """Lines on forehead, cheeks, neck and round the eyes, deeper and more with age; then spots."""
    if old < 0.05:
        return
    crease = shade(skin, 1 - 0.16 - 0.28 * min(1, old))
    for k in range(round(5 * old)):
        y, reach = eye_y - 0.3 - 0.075 * k, rng.uniform(0.26, 0.36)
        pen.line([(-reach, y), (-0.1, y - 0.03), (0.1, y - 0.03), (reach, y + 0.01)], 0.022, crease, smooth=True)
    for s in (-1, 1):
        for k in range(round(4 * old)):  # crow's feet
            pen.line([(s * 0.43, eye_y + 0.02), (s * (0.54 + 0.01 * k), eye_y - 0.08 + 0.065 * k)], 0.02, crease)
        pen.line([(s * 0.17, eye_y + 0.36), (s * 0.27, eye_y + 0.5), (s * (0.27 + 0.04 * old), eye_y + 0.5 + 0.22 * old)],
                 0.02 + 0.02 * old, crease, smooth=True)  # fmt: skip
        for k in range(round(2.4 * old)):  # bags under the eyes
            y = eye_y + 0.15 + 0.06 * k
            pen.line([(s * 0.15, y - 0.02), (s * 0.27, y + 0.03), (s * 0.4, y - 0.02)], 0.022, crease, smooth=True)
        for k in range(round(max(0, 5 * (old - 0.5)))):  # hollow cheeks
            x = 0.38 + 0.045 * k
            pen.line(
                [(s * x, eye_y + 0.32), (s * (x + 0.02), eye_y + 0.48), (s * (x - 0.06), eye_y + 0.7)],
                0.02,
                crease,
                smooth=True,
            )
    if old > 0.3:
        pen.line([(-0.12, chin - 0.12), (0, chin - 0.15), (0.12, chin - 0.12)], 0.022, crease, smooth=True)
    for _ in range(round(max(0, 9 * (old - 0.5)))):
        spot = (rng.uniform(-0.8, 0.8) * width, rng.uniform(-0.6, 0.4))
        pen.ellipse(*spot, 0.025, 0.02, _mix(skin, (120, 80, 55), 0.5))


def _nose_and_mouth(
    pen: Pen,
    rng: np.random.Generator,
    skin: tuple[int, ...],
    eye_y: float,
    young: float,
    old: float,
    chin: float,
    female: bool,
) -> float:
    """Nose and lips; returns the height of the mouth."""
    tip, wing = eye_y + 0.2 + 0.14 * (1 - young) + 0.05 * old, 0.09 + 0.03 * (1 - young) + 0.025 * old
    shadow = shade(skin, 0.72)
    pen.line([(0.05, eye_y + 0.02), (0.08, tip - 0.08), (wing, tip)], 0.03, shade(skin, 0.84), smooth=True)
    pen.ellipse(0, tip, wing, 0.06, shade(skin, 0.92))
    for s in (-1, 1):
        pen.ellipse(s * wing * 0.55, tip + 0.025, 0.028, 0.018, shade(skin, 0.45))
    pen.line([(-wing, tip + 0.02), (0, tip + 0.065), (wing, tip + 0.02)], 0.02, shadow, smooth=True)
    y = tip + (chin - tip) * 0.42
    reach, full = 0.17 + 0.08 * (1 - young), (0.06 if female else 0.045) * (1 - 0.65 * min(1, old))
    smile = rng.uniform(-0.02, 0.08) - 0.03 * old
    lip = _mix(skin, (180, 60, 70) if female else (165, 85, 80), 0.55 - 0.25 * min(1, old))
    pen.curve([(-reach, y - smile), (-0.08, y - full), (0.08, y - full), (reach, y - smile), (0, y + full * 1.5)], lip)
    pen.line([(-reach, y - smile), (0, y + 0.01), (reach, y - smile)], 0.022, shade(lip, 0.55), smooth=True)
    for k in range(round(max(0, 6 * (old - 0.55)))):  # lines above the lips
        x = -0.1 + 0.05 * k
        pen.line([(x, y - full - 0.07), (x, y - full - 0.01)], 0.015, shadow)
    return y


def _beard(pen: Pen, rng: np.random.Generator, hair: tuple[int, ...], mouth_y: float, jaw: float, chin: float) -> None:
    """A full beard or a moustache."""
    if rng.random() < 0.6:
        side = jaw + 0.1
        pen.curve([(-side, mouth_y - 0.25), (-0.28, mouth_y - 0.02), (0, mouth_y - 0.1), (0.28, mouth_y - 0.02), (side, mouth_y - 0.25),
                   (jaw * 0.6, chin + 0.03), (-jaw * 0.6, chin + 0.03)], hair)  # fmt: skip
        pen.ellipse(0, mouth_y, 0.15, 0.035, (150, 80, 78, 255))
    else:
        pen.curve([(-0.22, mouth_y - 0.02), (0, mouth_y - 0.13), (0.22, mouth_y - 0.02), (0, mouth_y - 0.05)], hair)


def _eyes(
    pen: Pen,
    rng: np.random.Generator,
    skin: tuple[int, ...],
    hair: tuple[int, ...],
    eye_y: float,
    young: float,
    old: float,
    female: bool,
) -> None:
    """Eyes with lids that droop with age, brows, and sometimes glasses."""
    iris, big = tint(rng, EYES[rng.integers(len(EYES))], 8), 1 + 0.4 * young
    lid = 0.5 + 0.25 * min(1, old)
    for s in (-1, 1):
        x, rx, ry = s * 0.27, 0.115 * big, 0.07 * big
        pen.ellipse(x, eye_y, rx, ry, _mix(WHITE, (225, 205, 190), old))
        pen.ellipse(x, eye_y, ry * 0.85, ry * 0.9, iris)
        pen.ellipse(x, eye_y, ry * 0.42, ry * 0.45, BLACK)
        pen.ellipse(x + 0.02, eye_y - 0.02, 0.018, 0.018, WHITE)
        pen.ellipse(x, eye_y - ry * (1.75 - lid), rx * 1.1, ry, shade(skin, 0.95))
        pen.line([(x - rx, eye_y + 0.01 + s * 0.02 * old), (x, eye_y - ry * (0.75 - 0.25 * old)), (x + rx, eye_y + 0.01 - s * -0.02 * old)],
                 0.028, shade(skin, 0.35 if female else 0.5), smooth=True)  # fmt: skip
        brow = eye_y - 0.17 * (0.85 + 0.15 * big)
        pen.line([(x - s * 0.14, brow + 0.01), (x, brow - 0.03), (x + s * 0.15, brow + 0.03 + 0.02 * old)],
                 (0.035 if female else 0.055) * (1 - 0.6 * young), _mix(hair, skin, 0.6 * young), smooth=True)  # fmt: skip
    if young < 0.5 and rng.random() < 0.06 + 0.2 * old:
        frame = tint(rng, (60, 50, 50), 20)
        for s in (-1, 1):
            angles = np.linspace(0, 2 * np.pi, 17)
            pen.line(np.stack([s * 0.27 + 0.19 * np.cos(angles), eye_y + 0.02 + 0.14 * np.sin(angles)], 1), 0.03, frame)
            pen.line([(s * 0.46, eye_y), (s * 0.6, eye_y - 0.03)], 0.03, frame)
        pen.line([(-0.08, eye_y), (0.08, eye_y)], 0.03, frame)


def _hair(
    pen: Pen,
    rng: np.random.Generator,
    hair: tuple[int, ...],
    skin: tuple[int, ...],
    age: float,
    female: bool,
    width: float,
    long_hair: bool,
) -> None:
    """Hair on top: down of babies, fringes, and men's hairlines that recede or leave a bald crown."""
    bald = not female and rng.random() < min(0.75, max(0.0, (age - 28) / 75))
    side = width + 0.05
    if bald:
        for s in (-1, 1):
            pen.curve(
                [
                    (s * (width - 0.06), -0.52),
                    (s * side, -0.35),
                    (s * (side + 0.03), 0.05),
                    (s * (width - 0.05), -0.05),
                ],
                hair,
            )
        pen.ellipse(-0.15, -0.7, 0.16, 0.07, shade(skin, 1.12))
        return
    line = (
        -0.62
        + 0.26 * min(1.0, age / 6) * rng.uniform(0.6, 1.1)
        - (0.0 if female else 0.22 * min(1, max(0, (age - 25) / 60)))
    )
    line = min(line, -0.3)
    top, parting = -0.93 - 0.05 * min(1, age / 5), rng.uniform(-0.3, 0.3)
    down = (0.45 if long_hair else -0.05) if age > 2 else -0.35
    pen.curve([(-side, down), (-side - 0.03, -0.45), (-0.38, top + 0.06), (0, top), (0.38, top + 0.06), (side + 0.03, -0.45), (side, down),
               (width - 0.07, -0.22), (0.32, line + 0.05), (parting, line - 0.1), (-0.32, line + 0.05), (-width + 0.07, -0.22)], hair)  # fmt: skip
    for _ in range(7):  # strands
        x = rng.uniform(-0.45, 0.45)
        pen.line(
            [(x * 0.5 + parting * 0.5, top + 0.06), (x, -0.72), (x * 1.15, line - 0.04)],
            0.018,
            shade(hair, rng.choice([0.75, 1.2])),
            smooth=True,
        )
