"""The strips, 375 x 144 points: one motif per kind, calm on the left, where Wallet writes the primary field."""

from __future__ import annotations

import math
from collections.abc import Callable

from pass_templates._artwork.canvas import Canvas, Mask, Point, Rgb, circle, curve, mix, regular, star, turned
from pass_templates._artwork.palettes import GOLD, PALE_GOLD, PALETTES, WHITE, Palette

WIDTH, HEIGHT = 375, 144
CALM = 240
"""Up to here nothing bright stands on a strip with a long primary field."""
_GOLDEN_ANGLE = 137.508


def _shaded(palette: Palette, slant: float = 0.22) -> Canvas:
    """Return a strip shaded from deep at the left to light at the right; without slant it compresses far better."""
    canvas = Canvas(WIDTH, HEIGHT)

    def shade(x: float, y: float) -> Rgb:
        along = min(1.0, max(0.0, (1 - slant) * x + slant * y))
        if along < 0.5:
            return mix(palette.deep, palette.background, along / 0.5)
        return mix(palette.background, palette.light, ((along - 0.5) / 0.5) ** 1.3)

    canvas.fill(shade)
    return canvas


def loyalty() -> Canvas:
    """Points as planets: orbits around a golden star."""
    palette = PALETTES["loyalty"]
    canvas = _shaded(palette, slant=0)
    sun = (292.0, 72.0)
    canvas.glow(canvas.mask().add(circle(sun, 46)), (150, 128, 255), 22, 0.55)
    for index in range(13):
        radius = 30 + 17 * index
        canvas.paint(canvas.mask().ring(sun, radius, 0.7), WHITE, 0.30 - 0.015 * index)
    for index in range(44):
        angle = math.radians(_GOLDEN_ANGLE * index)
        radius = 30 + 17 * (index % 11)
        place = (sun[0] + radius * math.cos(angle), sun[1] + radius * math.sin(angle))
        size = (1.4, 2.4, 1.1, 3.6, 1.7)[index % 5]
        color = (GOLD, WHITE, (176, 160, 255), PALE_GOLD)[index % 4]
        canvas.glow(canvas.mask().add(circle(place, size * 1.4)), color, size, 0.4)
        canvas.paint(canvas.mask().add(circle(place, size)), color, 0.95)
    body = canvas.mask().add(star(sun, (19, 8.4), 5))
    canvas.glow(body, GOLD, 7, 0.7)
    canvas.paint_shade(body, lambda _x, y: mix(PALE_GOLD, (232, 160, 48), y))
    return canvas


def stamp() -> Canvas:
    """Crema on espresso: soft bands, quiet enough to carry thirty stamps."""
    palette = PALETTES["stamp"]
    canvas = _shaded(palette)
    for index in range(7):
        base = 20 + 20 * index
        wave = [
            (x, base + 9 * math.sin(x / 52 + index * 0.9) + 4 * math.sin(x / 23 - index)) for x in range(-4, 382, 3)
        ]
        canvas.paint(canvas.mask().add([*wave, (382, 150), (-4, 150)]), palette.light, 0.07)
    for column, row in ((0.5, 0.2), (6.2, 0.9), (3.1, 1.02), (8.6, 0.05)):
        _bean(canvas, (28 + 38 * column, 8 + 120 * row), 24 + 9 * column % 14, 30 * column)
    return canvas


def _bean(canvas: Canvas, centre: Point, length: float, degrees: float) -> None:
    x, y = centre
    oval = [
        (x + length * math.cos(t / 24 * math.pi), y + 0.68 * length * math.sin(t / 24 * math.pi)) for t in range(48)
    ]
    crease = curve(
        (x - length, y), (x - length * 0.3, y - length * 0.5), (x + length * 0.3, y + length * 0.5), (x + length, y)
    )
    body = canvas.mask().add(turned(oval, centre, degrees)).cut_line(turned(crease, centre, degrees), 2.4)
    canvas.paint(body, (20, 8, 4), 0.16)


def cashback() -> Canvas:
    """The engine-turned rosettes of banknotes."""
    palette = PALETTES["cashback"]
    canvas = _shaded(palette, slant=0)
    for centre, radius, petals in (((290.0, 70.0), 92.0, 9), ((196.0, 160.0), 58.0, 7), ((372.0, 8.0), 54.0, 8)):
        for turn in range(6):
            rosette = []
            for step in range(361):
                angle = math.radians(step)
                wave = math.cos(petals * angle + turn * math.pi / 3)
                reach = radius * (0.66 + 0.30 * wave)
                rosette.append((centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle)))
            canvas.paint(canvas.mask().line(rosette, 0.75), palette.accent, 0.36)
    coin = (290.0, 70.0)
    face = canvas.mask().add(circle(coin, 30))
    canvas.shadow(face, 5, 0.45, drop=3)
    canvas.paint_shade(
        face, lambda x, y: mix(PALE_GOLD, (222, 158, 48), min(1.0, max(0.0, 2.2 * (x - 0.68) + 0.9 * y)))
    )
    canvas.paint(canvas.mask().ring(coin, 25, 1.2), (150, 96, 16), 0.7)
    canvas.paint(_arrows(canvas.mask(), coin, 14.5, 4.4), (126, 78, 10), 0.9)
    return canvas


def _arrows(mask: Mask, centre: Point, radius: float, width: float) -> Mask:
    """Add two arrows that chase each other round: money on its way back."""
    for start in (-60, 120):
        angles = [math.radians(start + 4 * step) for step in range(31)]
        arc = [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles]
        tip = math.radians(start + 152)
        head = [
            (
                centre[0] + (radius + width * 1.35) * math.cos(angles[-1]),
                centre[1] + (radius + width * 1.35) * math.sin(angles[-1]),
            ),
            (
                centre[0] + (radius - width * 1.35) * math.cos(angles[-1]),
                centre[1] + (radius - width * 1.35) * math.sin(angles[-1]),
            ),
            (centre[0] + radius * math.cos(tip), centre[1] + radius * math.sin(tip)),
        ]
        mask.line(arc, width).add(head)
    return mask


def discount() -> Canvas:
    """A percent sign so large that it becomes a landscape."""
    palette = PALETTES["discount"]
    canvas = _shaded(palette, slant=0)
    stripes = canvas.mask()
    for index in range(32):
        left = -150 + 17 * index
        stripes.add([(left, 150), (left + 7, 150), (left + 107, -6), (left + 100, -6)])
    canvas.paint(stripes, palette.light, 0.10)
    bar = canvas.mask().add([(232, 152), (264, 152), (352, -8), (320, -8)])
    canvas.shadow(bar, 6, 0.30, drop=2)
    canvas.paint_shade(bar, lambda x, _y: mix((255, 190, 120), (255, 232, 196), (x - 0.6) / 0.4 if x > 0.6 else 0.0))
    for centre, color in (((244.0, 40.0), (255, 196, 128)), ((342.0, 106.0), (255, 226, 184))):
        ring = canvas.mask().ring(centre, 23, 14)
        canvas.shadow(ring, 6, 0.30, drop=2)
        canvas.paint(ring, color)
    return canvas


def gift() -> Canvas:
    """Wrapping paper, a golden ribbon across the corner, and a bow."""
    palette = PALETTES["gift"]
    canvas = _shaded(palette)
    paper = canvas.mask()
    for row in range(10):
        for column in range(24):
            paper.add(regular((column * 17.0 + 8.5 * (row % 2), row * 16.0), 1.7, 4))
    canvas.paint(paper, (255, 196, 190), 0.13)
    knot = (294.0, 66.0)
    for degrees in (38, -52):
        band = canvas.mask().add(turned([(20, 55), (560, 55), (560, 77), (20, 77)], knot, degrees))
        if degrees < 0:
            band.inside(canvas.mask().add([(205, -10), (400, -10), (400, 160), (205, 160)]))
        canvas.shadow(band, 4, 0.40, drop=2)
        canvas.paint(band, (226, 170, 66))
        canvas.paint(_edges(canvas.mask(), knot, degrees).inside(band), PALE_GOLD, 0.8)
    for side in (-1, 1):
        for lift, color in ((1.0, (246, 204, 104)), (0.55, (196, 132, 38))):
            _loop(canvas, knot, side, lift, color)
    heart = canvas.mask().box(knot[0] - 9, knot[1] - 8, knot[0] + 9, knot[1] + 8, 5)
    canvas.shadow(heart, 2, 0.4, drop=1)
    canvas.paint(heart, (255, 222, 140))
    return canvas


def _edges(mask: Mask, knot: Point, degrees: float) -> Mask:
    for y in (58.5, 73.5):
        mask.line(turned([(20, y), (560, y)], knot, degrees), 0.9)
    return mask


def _loop(canvas: Canvas, knot: Point, side: int, lift: float, color: Rgb) -> None:
    x, y = knot
    up = curve(knot, (x + side * 18, y - 34 * lift), (x + side * 58, y - 44 * lift), (x + side * 56, y - 6))
    down = curve((x + side * 56, y - 6), (x + side * 54, y + 22 * lift), (x + side * 20, y + 16 * lift), knot)
    loop = canvas.mask().add([*up, *down])
    if lift == 1.0:
        canvas.shadow(loop, 3, 0.45, drop=2)
    canvas.paint(loop, color)


def coupon() -> Canvas:
    """A torn-off slip with paper confetti."""
    palette = PALETTES["coupon"]
    canvas = _shaded(Palette(palette.light, palette.background, palette.deep, palette.accent))
    inks: tuple[Rgb, ...] = ((214, 64, 52), (0, 122, 128), (255, 255, 255), (120, 60, 140), (236, 128, 28))
    for index in range(46):
        x = 216 + 164 * (index * 0.7548777 % 1)
        y = 4 + 124 * (index * 0.5698403 % 1)
        size = 3.2 + (index * 7 % 5) * 1.15
        shape = canvas.mask()
        if index % 3 == 0:
            shape.add(circle((x, y), size * 0.8))
        elif index % 3 == 1:
            shape.add(regular((x, y), size * 1.25, 3, _GOLDEN_ANGLE * index))
        else:
            shape.add(
                turned(
                    [
                        (x - size * 1.5, y - 1.5),
                        (x + size * 1.5, y - 1.5),
                        (x + size * 1.5, y + 1.5),
                        (x - size * 1.5, y + 1.5),
                    ],
                    (x, y),
                    _GOLDEN_ANGLE * index,
                )
            )
        canvas.paint(shape, inks[index % 5], 0.25 + 0.70 * min(1.0, max(0.0, (x - 216) / 96)))
    slip = canvas.mask().add([(-5, 135), (380, 135), (380, 150), (-5, 150)])
    slip.add(*(circle((index * 12.0, 135), 4.2, 40) for index in range(33)))
    canvas.paint(slip, palette.background)
    return canvas


def multipass() -> Canvas:
    """Lanes of water under a low sun."""
    palette = PALETTES["multipass"]
    canvas = _shaded(palette)
    sun = canvas.mask().add(circle((292, 40), 30))
    canvas.glow(sun, (255, 236, 190), 16, 0.6)
    canvas.paint_shade(sun, lambda _x, y: mix((255, 244, 208), (255, 190, 110), min(1.0, 1.7 * y)))
    tones = ((30, 150, 184), (18, 128, 168), (8, 108, 150), (5, 88, 130), (4, 70, 112))
    for index, tone in enumerate(tones):
        base = 60 + 18 * index
        slope = 0.05 * (index - 2)
        crest = [
            (
                x,
                base
                + slope * (x - 190) / 2
                + (7.5 - index) * math.sin(x / (42 - 3 * index) + 1.9 * index)
                - 9 * (x / 375) ** 2,
            )
            for x in range(-4, 382, 2)
        ]
        water = canvas.mask().add([*crest, (382, 150), (-4, 150)])
        canvas.shadow(water, 3, 0.16, drop=-2)
        canvas.paint_shade(water, lambda x, _y, tone=tone: mix(mix(tone, palette.deep, 0.55), tone, x))  # type: ignore[misc]
        canvas.paint(canvas.mask().line(crest, 0.9), palette.accent, 0.30)
    return canvas


def reward() -> Canvas:
    """Rays behind a cup: the moment of winning."""
    palette = PALETTES["reward"]
    canvas = _shaded(palette)
    centre = (296.0, 74.0)
    rays = canvas.mask()
    for index in range(20):
        edges = [math.radians(18 * index + half) for half in (-4.5, 4.5)]
        rays.add([centre, *((centre[0] + 420 * math.cos(a), centre[1] + 420 * math.sin(a)) for a in edges)])
    canvas.paint(rays, (255, 150, 190), 0.13)
    canvas.glow(canvas.mask().add(circle(centre, 44)), (255, 190, 120), 20, 0.6)
    for index in range(26):
        angle = math.radians(_GOLDEN_ANGLE * index)
        reach = 58 + 5.2 * (index % 9)
        place = (centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle))
        if place[0] < CALM:
            continue
        canvas.paint(
            canvas.mask().add(star(place, (3.4 + index % 3, 1.1), 4)),
            (PALE_GOLD, WHITE, (255, 170, 200))[index % 3],
            0.85,
        )
    medal = canvas.mask().add(star(centre, (40, 35.5), 24))
    canvas.shadow(medal, 6, 0.45, drop=3)
    canvas.paint_shade(medal, lambda _x, y: mix((255, 226, 146), (218, 146, 38), y))
    canvas.paint(canvas.mask().add(circle(centre, 29)), (196, 120, 24), 0.55)
    canvas.paint_shade(canvas.mask().add(circle(centre, 27.5)), lambda _x, y: mix((240, 180, 70), (255, 224, 140), y))
    canvas.paint(canvas.mask().add(star(centre, (19, 8.2), 5)), (150, 76, 10), 0.9)
    return canvas


STRIPS: dict[str, Callable[[], Canvas]] = {
    "loyalty": loyalty,
    "stamp": stamp,
    "cashback": cashback,
    "discount": discount,
    "gift": gift,
    "coupon": coupon,
    "multipass": multipass,
    "reward": reward,
}
