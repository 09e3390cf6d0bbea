"""A canvas in points: shapes are drawn many times too large and scaled down once, which smooths every edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Rgb = tuple[int, int, int]
Point = tuple[float, float]

OVERSAMPLING = 12
"""Pixels per point while drawing: four times the largest scale shipped."""


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return the colour `share` (0..1) of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def circle(centre: Point, radius: float, steps: int = 96) -> list[Point]:
    """Return a circle as a polygon."""
    return regular(centre, radius, steps)


def regular(centre: Point, radius: float, corners: int, turn: float = -90.0) -> list[Point]:
    """Return a regular polygon; the first corner stands at `turn` degrees."""
    return star(centre, (radius,), corners, turn)


def star(centre: Point, radii: Sequence[float], points: int, turn: float = -90.0) -> list[Point]:
    """Return a polygon whose corners lie on the radii in turn: two radii make a star."""
    corners = points * len(radii)
    angles = [math.radians(turn + 360 * index / corners) for index in range(corners)]
    return [
        (
            centre[0] + radii[index % len(radii)] * math.cos(angle),
            centre[1] + radii[index % len(radii)] * math.sin(angle),
        )
        for index, angle in enumerate(angles)
    ]


def curve(start: Point, first: Point, second: Point, end: Point, steps: int = 48) -> list[Point]:
    """Return a cubic Bézier curve as points."""
    result = []
    for step in range(steps + 1):
        t = step / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        corners = (start, first, second, end)
        result.append(
            (
                sum(weight * corner[0] for weight, corner in zip(weights, corners, strict=True)),
                sum(weight * corner[1] for weight, corner in zip(weights, corners, strict=True)),
            )
        )
    return result


def turned(points: Iterable[Point], centre: Point, degrees: float) -> list[Point]:
    """Return the points turned about the centre."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        (
            centre[0] + (x - centre[0]) * cos - (y - centre[1]) * sin,
            centre[1] + (x - centre[0]) * sin + (y - centre[1]) * cos,
        )
        for x, y in points
    ]


class Mask:
    """A set of points of the canvas, put together from shapes; what is cut is cut from what was added before."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.image = Image.new("L", size, 0)
        self._draw = ImageDraw.Draw(self.image)

    def add(self, *polygons: Sequence[Point]) -> Mask:
        """Fill polygons, given in points."""
        for polygon in polygons:
            self._draw.polygon([_scaled(point) for point in polygon], fill=255)
        return self

    def cut(self, *polygons: Sequence[Point]) -> Mask:
        """Take polygons away."""
        for polygon in polygons:
            self._draw.polygon([_scaled(point) for point in polygon], fill=0)
        return self

    def line(self, points: Sequence[Point], width: float) -> Mask:
        """Draw a line with round ends and joints, `width` points wide."""
        self._stroke(points, width, 255)
        return self

    def cut_line(self, points: Sequence[Point], width: float) -> Mask:
        """Take a line with round ends and joints away."""
        self._stroke(points, width, 0)
        return self

    def ring(self, centre: Point, radius: float, width: float) -> Mask:
        """Draw a circle's line, its middle at the radius."""
        outer = (radius + width / 2) * OVERSAMPLING
        x, y = _scaled(centre)
        self._draw.ellipse((x - outer, y - outer, x + outer, y + outer), outline=255, width=round(width * OVERSAMPLING))
        return self

    def box(self, left: float, top: float, right: float, bottom: float, radius: float = 0) -> Mask:
        """Fill a rectangle with round corners."""
        corners = tuple(value * OVERSAMPLING for value in (left, top, right, bottom))
        self._draw.rounded_rectangle(corners, radius * OVERSAMPLING, fill=255)
        return self

    def inside(self, other: Mask) -> Mask:
        """Keep only what lies in the other mask too."""
        self.image.paste(ImageChops.multiply(self.image, other.image))
        return self

    def _stroke(self, points: Sequence[Point], width: float, fill: int) -> None:
        pixels = [_scaled(point) for point in points]
        thick = width * OVERSAMPLING
        self._draw.line(pixels, fill=fill, width=max(1, round(thick)), joint="curve")
        if thick > OVERSAMPLING:
            for x, y in pixels:
                self._draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=fill)


class Canvas:
    """A picture of `width` x `height` points; starts transparent."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._size = (round(width * OVERSAMPLING), round(height * OVERSAMPLING))
        self._image = Image.new("RGBA", self._size, (0, 0, 0, 0))

    def mask(self) -> Mask:
        """Return an empty mask of the canvas' size."""
        return Mask(self._size)

    def fill(self, shade: Callable[[float, float], Rgb]) -> None:
        """Fill the canvas with a shade that depends on the place, both coordinates 0..1."""
        self._image.paste(self._shade(shade))

    def paint(self, mask: Mask, color: Rgb, opacity: float = 1.0) -> None:
        """Lay a colour over the canvas where the mask is."""
        self._lay(Image.new("RGBA", self._size, (*color, 255)), mask, opacity)

    def paint_shade(self, mask: Mask, shade: Callable[[float, float], Rgb], opacity: float = 1.0) -> None:
        """Lay a shade that depends on the place over the canvas where the mask is."""
        self._lay(self._shade(shade), mask, opacity)

    def shadow(self, mask: Mask, blur: float, opacity: float, drop: float = 0.0) -> None:
        """Lay a soft dark shadow of the mask over the canvas, `drop` points lower."""
        self.glow(mask, (0, 0, 0), blur, opacity, drop)

    def glow(self, mask: Mask, color: Rgb, blur: float, opacity: float, drop: float = 0.0) -> None:
        """Lay a soft copy of the mask over the canvas; blurred small, for a blur needs no pixels."""
        small = mask.image.resize((round(self.width * 2), round(self.height * 2)), Image.Resampling.BOX)
        moved = Image.new("L", small.size, 0)
        moved.paste(small, (0, round(drop * 2)))
        soft = Mask(self._size)
        soft.image = moved.filter(ImageFilter.GaussianBlur(blur * 2)).resize(self._size, Image.Resampling.BICUBIC)
        self.paint(soft, color, opacity)

    def picture(self, scale: int) -> Image.Image:
        """Return the picture at `scale` pixels per point."""
        return self._image.resize((round(self.width * scale), round(self.height * scale)), Image.Resampling.LANCZOS)

    def png(self, scale: int, colors: int) -> bytes:
        """Return the picture as a PNG: an opaque one with a palette of at most `colors` colours, else true colour."""
        picture = self.picture(scale)
        if picture.getchannel("A").getextrema() == (255, 255):
            opaque = picture.convert("RGB")
            picture = opaque.quantize(colors, Image.Quantize.MEDIANCUT, 2, dither=Image.Dither.NONE)
        buffer = BytesIO()
        picture.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _shade(self, shade: Callable[[float, float], Rgb]) -> Image.Image:
        columns, rows = 48, 24
        small = Image.new("RGB", (columns, rows))
        small.putdata([shade((x + 0.5) / columns, (y + 0.5) / rows) for y in range(rows) for x in range(columns)])
        return small.resize(self._size, Image.Resampling.BICUBIC).convert("RGBA")

    def _lay(self, layer: Image.Image, mask: Mask, opacity: float) -> None:
        layer.putalpha(mask.image.point([round(value * opacity) for value in range(256)]))
        self._image.alpha_composite(layer)


def _scaled(point: Point) -> Point:
    return point[0] * OVERSAMPLING, point[1] * OVERSAMPLING
