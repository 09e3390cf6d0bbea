"""The emblems of the kinds, icon and logo made of them, the two sides of a stamp, and the membership medal.

An emblem is drawn in a square of 100 units that stands anywhere on a canvas. It has two inks: one for the body and one
for what stands on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pass_templates._artwork.canvas import Canvas, Mask, Point, circle, curve, mix, regular, star, turned
from pass_templates._artwork.palettes import PALE_GOLD, PALETTES, Palette


@dataclass(frozen=True, slots=True)
class Square:
    """Where an emblem stands: its left upper corner and its side, in points."""

    left: float
    top: float
    side: float

    def at(self, x: float, y: float) -> Point:
        """Return the place of a point of the emblem."""
        return self.left + x * self.side / 100, self.top + y * self.side / 100

    def all(self, points: Sequence[Point]) -> list[Point]:
        """Return the places of many points."""
        return [self.at(*point) for point in points]

    def length(self, units: float) -> float:
        """Return a length of the emblem in points."""
        return units * self.side / 100


def _loyalty(mask: Mask, square: Square) -> None:
    orbit = [(50 + 46 * math.cos(t / 60 * math.pi), 50 + 19 * math.sin(t / 60 * math.pi)) for t in range(121)]
    tilted = turned(orbit, (50, 50), -28)
    mask.line(square.all(tilted), square.length(5))
    mask.cut(square.all(star((50, 50), (38, 17), 5)))
    mask.add(square.all(star((50, 50), (33, 14.5), 5)))
    mask.add(square.all(circle((90, 26), 7.5)))


def _stamp(mask: Mask, square: Square) -> None:
    handle = curve((72, 46), (98, 42), (98, 74), (68, 72))
    mask.line(square.all(handle), square.length(7))
    mask.add(
        square.all(
            [
                (16, 40),
                (76, 40),
                *curve((76, 40), (76, 70), (70, 84), (54, 84)),
                (38, 84),
                *curve((38, 84), (22, 84), (16, 70), (16, 40)),
            ]
        )
    )
    mask.line(square.all([(14, 94), (78, 94)]), square.length(6))
    for x in (32, 46, 60):
        steam = curve((x, 31), (x - 9, 23), (x + 9, 15), (x, 6))
        mask.line(square.all(steam), square.length(5))


def _cashback(mask: Mask, square: Square) -> None:
    for start in (-65, 115):
        arc = [
            (50 + 40 * math.cos(math.radians(start + 3 * n)), 50 + 40 * math.sin(math.radians(start + 3 * n)))
            for n in range(42)
        ]
        mask.line(square.all(arc), square.length(10))
        head = [(30, -2), (0, -2), (15, 22)]
        end = math.radians(start + 123)
        tip = (50 + 40 * math.cos(end), 50 + 40 * math.sin(end))
        placed = turned([(tip[0] + x - 15, tip[1] + y) for x, y in head], tip, start + 123)
        mask.add(square.all(placed))
    mask.add(square.all(circle((50, 50), 22)))
    mask.cut_line(square.all([(50, 40), (50, 60)]), square.length(6))
    mask.cut_line(square.all([(40, 50), (60, 50)]), square.length(6))


def _discount(mask: Mask, square: Square) -> None:
    mask.add(square.all(star((50, 50), (48, 41), 12)))
    mask.cut_line(square.all([(35, 67), (65, 33)]), square.length(7))
    for place in ((36, 38), (64, 62)):
        mask.cut(square.all(circle(place, 9.5)))
        mask.add(square.all(circle(place, 3.6)))


def _gift(mask: Mask, square: Square) -> None:
    mask.box(*square.at(8, 34), *square.at(92, 52), square.length(4))
    mask.box(*square.at(14, 56), *square.at(86, 96), square.length(5))
    mask.cut(square.all([(44, 30), (56, 30), (56, 98), (44, 98)]))
    for side in (-1, 1):
        up = curve((50, 32), (50 + side * 4, 6), (50 + side * 34, -2), (50 + side * 34, 17))
        down = curve((50 + side * 34, 17), (50 + side * 34, 30), (50 + side * 16, 31), (50, 32))
        mask.line(square.all([*up, *down]), square.length(6.5))


def _membership(mask: Mask, square: Square) -> None:
    outline = [(26, 14), (74, 14), (98, 42), (50, 92), (2, 42)]
    mask.add(square.all(outline))
    for line in (
        [(2, 42), (98, 42)],
        [(26, 14), (34, 42), (50, 92)],
        [(74, 14), (66, 42), (50, 92)],
        [(34, 42), (50, 14), (66, 42)],
    ):
        mask.cut_line(square.all(line), square.length(3.4))


def _coupon(mask: Mask, square: Square) -> None:
    slip = turned([(2, 24), (98, 24), (98, 76), (2, 76)], (50, 50), -18)
    mask.add(square.all(slip))
    for x in (2, 98):
        mask.cut(square.all(circle(turned([(x, 50)], (50, 50), -18)[0], 10)))
    for y in (31, 41, 51, 61, 70):
        mask.cut(square.all(circle(turned([(66, y)], (50, 50), -18)[0], 2.6, 24)))
    mask.cut(square.all(star(turned([(38, 50)], (50, 50), -18)[0], (15, 6.6), 5, -108)))


def _multipass(mask: Mask, square: Square) -> None:
    mask.add(square.all(circle((50, 30), 21)))
    for row, y in enumerate((58, 75, 92)):
        mask.cut_line(square.all(_ripple(y - 1)), square.length(14 if row == 0 else 9))
        mask.line(square.all(_ripple(y)), square.length(8))


def _ripple(y: float) -> list[Point]:
    return [(4 + n, y + 5 * math.sin(n / 92 * 4 * math.pi)) for n in range(93)]


def _reward(mask: Mask, square: Square) -> None:
    for side in (-1, 1):
        ear = curve((50 + side * 22, 18), (50 + side * 52, 12), (50 + side * 50, 46), (50 + side * 18, 50))
        mask.line(square.all(ear), square.length(6.5))
    bowl = [
        (24, 6),
        (76, 6),
        *curve((76, 6), (78, 44), (68, 60), (50, 62)),
        *curve((50, 62), (32, 60), (22, 44), (24, 6)),
    ]
    mask.add(square.all(bowl))
    mask.add(square.all([(45, 60), (55, 60), (57, 80), (43, 80)]))
    mask.box(*square.at(28, 80), *square.at(72, 95), square.length(4))
    mask.cut(square.all(star((50, 30), (14, 6.2), 5)))


EMBLEMS: dict[str, Callable[[Mask, Square], None]] = {
    "loyalty": _loyalty,
    "stamp": _stamp,
    "cashback": _cashback,
    "discount": _discount,
    "gift": _gift,
    "membership": _membership,
    "coupon": _coupon,
    "multipass": _multipass,
    "reward": _reward,
}


def _emblem(canvas: Canvas, kind: str, square: Square) -> Mask:
    mask = canvas.mask()
    EMBLEMS[kind](mask, square)
    return mask


def icon(kind: str) -> Canvas:
    """Return the opaque icon, 29 x 29: what notifications and mails show."""
    palette = PALETTES[kind]
    canvas = Canvas(29, 29)
    canvas.fill(lambda x, y: mix(palette.light, palette.deep, (x + 2 * y) / 3))
    emblem = _emblem(canvas, kind, Square(5, 5, 19))
    canvas.paint(emblem, palette.accent)
    return canvas


def logo(kind: str) -> Canvas:
    """Return the logo, 50 x 50: the emblem in the accent colour on a transparent ground."""
    canvas = Canvas(50, 50)
    canvas.paint(_emblem(canvas, kind, Square(6, 6, 38)), PALETTES[kind].accent)
    return canvas


def stamp_side(*, full: bool) -> Canvas:
    """Return one slot of the stamp card, 60 x 60: a cup on a cream seal, or the place that waits for it."""
    palette = PALETTES["stamp"]
    canvas = Canvas(60, 60)
    centre = (30.0, 30.0)
    if not full:
        canvas.paint(canvas.mask().add(circle(centre, 26)), palette.deep, 0.45)
        dashes = canvas.mask()
        for index in range(24):
            arc = [math.radians(15 * index + step) for step in range(9)]
            dashes.line([(30 + 26 * math.cos(a), 30 + 26 * math.sin(a)) for a in arc], 1.5)
        canvas.paint(dashes, palette.accent, 0.65)
        canvas.paint(_emblem(canvas, "stamp", Square(17, 16, 27)), palette.accent, 0.20)
        return canvas
    seal = canvas.mask().add(star(centre, (28, 26.2), 30))
    canvas.shadow(seal, 1.6, 0.5, drop=1)
    canvas.paint_shade(seal, lambda _x, y: mix((255, 244, 224), (240, 206, 164), y))
    canvas.paint(canvas.mask().ring(centre, 23.2, 1.1), (176, 92, 52), 0.85)
    canvas.paint(_emblem(canvas, "stamp", Square(17, 15, 27)), (128, 56, 30))
    return canvas


def medal() -> Canvas:
    """Return the membership thumbnail, 90 x 90: a cut stone in champagne gold."""
    palette = PALETTES["membership"]
    canvas = Canvas(90, 90)
    centre = (45.0, 45.0)
    canvas.glow(canvas.mask().add(circle(centre, 30)), palette.accent, 10, 0.22)
    ground = canvas.mask().add(circle(centre, 43))
    canvas.paint_shade(ground, lambda x, y: mix((58, 58, 66), palette.deep, (x + y) / 2))
    canvas.paint_shade(canvas.mask().ring(centre, 42, 1.6), lambda x, y: mix(PALE_GOLD, (150, 116, 60), (x + y) / 2))
    canvas.paint(canvas.mask().ring(centre, 38.2, 0.6), palette.accent, 0.5)
    _facets(canvas, centre, palette)
    return canvas


def _facets(canvas: Canvas, centre: Point, palette: Palette) -> None:
    outer, inner, table = (regular(centre, radius, 8, turn) for radius, turn in ((31, 22.5), (23.5, 0), (14, 22.5)))
    tones: list[tuple[list[Point], float]] = []
    for index in range(8):
        following = (index + 1) % 8
        tones.append(([outer[index], outer[following], inner[following]], _light(index + 0.5)))
        tones.append(([inner[index], outer[index], inner[following], table[index]], _light(index)))
        tones.append(([table[index], table[following], inner[following]], _light(index + 3.2)))
    tones.append((table, 0.72))
    for facet, light in tones:
        canvas.paint(canvas.mask().add(facet), mix((112, 80, 38), (255, 242, 206), light))
        canvas.paint(canvas.mask().line([*facet, facet[0]], 0.35), palette.accent, 0.7)


def _light(eighth: float) -> float:
    """Return how much light a facet gets, 0..1: it comes from the upper left."""
    return 0.5 + 0.46 * math.cos(math.radians(45 * eighth + 22.5 + 135 - 10))
